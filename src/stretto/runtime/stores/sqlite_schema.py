"""The tables of a store in a file, how they came about, and how such a file is opened."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from stretto.errors import StoreDamagedError, StoreError, StoreVersionError
from stretto.runtime.points import point
from stretto.runtime.stores.sqlite_trouble import in_words, read_only

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["VERSION", "connect", "grow_log", "open_reader", "open_writer"]

_APPLICATION: Final = 0x5374_7274  # "Strt": tells a store from other programs' files
_NO_LOG: Final = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
_LOG_SIZE: Final = 1100 * 4120  # a page and its frame header, a little more than the pages of a checkpoint

# Forward only: what has been released is never edited, a change is a new tuple at the end.
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        # AUTOINCREMENT: the number is the offset of the run's lock and is never used again
        """CREATE TABLE runs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            run_id TEXT NOT NULL UNIQUE,
            workflow TEXT NOT NULL,
            created_at REAL NOT NULL,
            target TEXT,
            key TEXT UNIQUE,
            parent TEXT,
            options TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'queued',
            cause TEXT NOT NULL DEFAULT '',
            started_at REAL,
            ended_at REAL,
            epoch INTEGER NOT NULL DEFAULT 0,
            owner TEXT,
            steps INTEGER NOT NULL DEFAULT 0,
            done INTEGER NOT NULL DEFAULT 0
        )""",
        "CREATE INDEX runs_by_age ON runs (created_at)",
        "CREATE INDEX runs_alive ON runs (created_at) WHERE status IN ('queued', 'running', 'waiting')",
        "CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL",
        """CREATE TABLE entries (
            run INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (run, seq)
        ) WITHOUT ROWID""",
        """CREATE TABLE blobs (
            id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, body BLOB NOT NULL
        )""",
        "CREATE TABLE blob_refs (run INTEGER NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (run, hash)) WITHOUT ROWID",
        "CREATE INDEX blob_refs_by_hash ON blob_refs (hash)",
        """CREATE TABLE letters (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            run INTEGER NOT NULL,
            kind TEXT NOT NULL,
            body BLOB NOT NULL,
            sent_at REAL NOT NULL,
            outcome TEXT NOT NULL DEFAULT ''
        )""",
        "CREATE INDEX letters_open ON letters (number) WHERE outcome = ''",
        "CREATE INDEX letters_by_run ON letters (run)",
        """CREATE TABLE waits (
            run INTEGER NOT NULL,
            path TEXT NOT NULL,
            kind TEXT NOT NULL,
            text TEXT NOT NULL,
            asked_at REAL NOT NULL,
            until REAL,
            PRIMARY KEY (run, path)
        ) WITHOUT ROWID""",
        "CREATE INDEX waits_by_age ON waits (asked_at)",
    ),
)

# Closing a descriptor of a file drops all of the process's locks on it, those of SQLite too
# (https://www.sqlite.org/howtocorrupt.html, 2.2): while one is closed here, nobody here may be opening the file.
_opening = threading.Lock()

VERSION: Final = len(MIGRATIONS)
"""The newest schema this code knows."""


def connect(path: Path, mode: str, busy_timeout: float) -> sqlite3.Connection:
    """A connection for any one thread at a time; `mode` as in SQLite's URIs, `busy_timeout` in seconds."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def open_writer(path: Path, busy_timeout: float) -> sqlite3.Connection:
    """The connection that writes; the file is made if it is not there, and brought up to `VERSION`.

    Raises StoreVersionError for a newer file, StoreDamagedError, StoreError.
    """
    with _opening, in_words(path):
        _make_file(path)
        if not os.access(path, os.W_OK):  # SQLite would open it all the same, and fail at the first commit
            raise read_only(path)
        connection = connect(path, "mode=rw", busy_timeout)
        try:
            _prepare(connection, path, busy_timeout)
        except BaseException:
            connection.close()
            raise
        return connection


def open_quick(path: Path) -> sqlite3.Connection:
    """A second connection that writes, beside `open_writer`'s. It waits for nobody, and leaves moving the log into the
    file, which takes its time, to the other one."""
    connection = connect(path, "mode=rw", 0.0)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    return connection


def open_reader(path: Path, busy_timeout: float) -> sqlite3.Connection:
    """A connection that only reads. Works on a file, or a medium, that is read-only.

    Raises StoreVersionError for a file of another version, StoreDamagedError, StoreError.
    """
    with in_words(path):
        if not path.exists():
            raise StoreError(
                f"There is no store {path} yet; it comes with the first run, or name another file."
            )
        try:
            return _checked(connect(path, "mode=ro", busy_timeout), path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _NO_LOG or _has_log(path):
                raise
            # A log's index cannot be made beside a read-only file; without a log the file alone says everything.
            return _checked(connect(path, "mode=ro&immutable=1", busy_timeout), path)


def _checked(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    try:
        _refuse_old(_version(connection, path), path)
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_old(version: int, path: Path) -> None:
    if version < VERSION:
        raise StoreVersionError(
            f"The store {path} has schema {version}, of an older Stretto; this one reads {VERSION}. Open it once "
            "where it may be written, and it is brought up to date."
        )


def _make_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # before SQLite makes it: its -wal and -shm take over the mode
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    if path.stat().st_size == 0 and _has_log(path):
        # SQLite would delete the log beside an empty file, and all runs with it
        raise StoreDamagedError(
            f"The store {path} is empty, but its log {path.name}-wal is not: it was truncated. Put back a backup; "
            "nothing was changed."
        )


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _prepare(connection: sqlite3.Connection, path: Path, busy_timeout: float) -> None:
    version = _version(connection, path)
    _use_log(connection, path, busy_timeout)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 1000")
    while version < VERSION:
        version = _migrate(connection, path)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version, application = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")
    )
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if application != _APPLICATION and not (is_empty and version == 0):
        raise StoreError(f"{path} is a database of another program. Name another file; nothing was changed.")
    if version > VERSION:
        raise StoreVersionError(
            f"The store {path} has schema {version}, of a newer Stretto; this one knows schemas up to {VERSION}. "
            "Upgrade Stretto, or name another file; nothing was changed."
        )
    return int(version)


def _use_log(connection: sqlite3.Connection, path: Path, busy_timeout: float) -> None:
    """Switch to a write-ahead log. Two who open a fresh file at once may be refused without any waiting."""
    give_up = time.monotonic() + busy_timeout
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise StoreError(
            f"The store {path} cannot have a write-ahead log where it lies; name a file on a local disk."
        )


def _migrate(connection: sqlite3.Connection, path: Path) -> int:
    """Go one version further, unless somebody else was quicker; the version now."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, path)
        if version < VERSION:
            for statement in MIGRATIONS[version]:
                connection.execute(statement)
            version += 1
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {version}")
            point("sqlite.in_migration")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return version


def grow_log(connection: sqlite3.Connection, path: Path) -> None:
    """Give the write-ahead log its full length now, so that commits change no file's length.

    Zeros at its end are read as "nothing more": a frame counts only if its salt and checksum fit
    (https://www.sqlite.org/fileformat2.html#walformat). Nobody else writes to it while we hold the write lock.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        with path.with_name(path.name + "-wal").open("r+b", buffering=0) as log:
            missing = _LOG_SIZE - log.seek(0, os.SEEK_END)
            if missing > 0:
                log.write(bytes(missing))
                os.fsync(log.fileno())
    finally:
        connection.execute("ROLLBACK")
