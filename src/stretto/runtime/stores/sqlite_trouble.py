"""What SQLite's errors mean for whoever keeps runs in a file, and how they are mended."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from stretto.errors import StoreDamagedError, StoreError, StrettoError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["in_words", "read_only", "words_for"]

# primary result codes: https://www.sqlite.org/rescode.html
_DAMAGE: Final = {
    11: "is damaged: part of it is missing or is not what was written. Put back a backup, or save what can be "
    "read with `sqlite3 FILE .recover`.",
    26: "is no database, or its beginning is damaged. Name another file, or put back a backup.",
}
_TROUBLE: Final = {
    3: "may not be used by this user. Allow it, or name another file.",
    5: "has been locked by another process for too long. End whatever keeps a transaction open in it (a backup, a "
    "database browser), then resume the run.",
    8: "cannot be written: the file, its directory or its file system is read-only for this user. Allow writing, "
    "or name another file.",
    10: "could not be read or written by the system. Look at the disk and at the system's log, then resume the run.",
    13: "is full: the disk has no room for what was to be written. Make room, then resume the run.",
    14: "could not be opened. Its directory must exist and be writable for this user, and the process may not have "
    "too many files open.",
    18: "cannot hold a value of 1 GB or more. Hand on a file's name instead of its content.",
}
_OF_SYSTEM: Final = {errno.EACCES: 3, errno.EPERM: 3, errno.EROFS: 8, errno.ENOSPC: 13, errno.EMFILE: 14}
_TROUBLE_DEFAULT: Final = (
    "did not do what was asked of it. Look at the file with `sqlite3 FILE 'pragma integrity_check'`."
)


def words_for(error: BaseException, path: Path) -> StrettoError:
    """The error to raise for one of SQLite's, or any other, at work on `path`; one of Stretto's stays itself."""
    if isinstance(error, StrettoError):
        return error
    code = getattr(error, "sqlite_errorcode", 1) & 0xFF
    detail = f" ({type(error).__name__}: {error})"
    if code in _DAMAGE:
        return StoreDamagedError(f"The store {path} {_DAMAGE[code]}{detail}")
    if isinstance(error, OverflowError | sqlite3.DataError):
        code = 18
    elif isinstance(error, OSError):
        code = _OF_SYSTEM.get(error.errno or 0, 10)
    return StoreError(f"The store {path} {_TROUBLE.get(code, _TROUBLE_DEFAULT)}{detail}")


def read_only(path: Path) -> StoreError:
    """The error for a file that this user may not write to."""
    return StoreError(f"The store {path} {_TROUBLE[8]}")


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn SQLite's and the system's errors into words. Raises StoreError, StoreDamagedError."""
    try:
        yield
    except (sqlite3.Error, OSError, OverflowError) as error:
        raise words_for(error, path) from error
