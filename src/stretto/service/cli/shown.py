"""What the commands that look at stored runs have in common: the store, opened for looking, and how times read."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stretto.runtime.stores import is_made, sealed_with
from stretto.service.cli.stored import opened_runs
from stretto.service.state import store_file
from stretto.service.wiring import SQLITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.ports import Store
    from stretto.service.settings import Settings

__all__ = ["ago", "length", "looked_at", "shortened"]

_AGES: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


@contextmanager
def looked_at(settings: Settings) -> Iterator[Store | None]:
    """The store that the settings mean, for looking only: None where it does not exist, and none is made for that.

    A file that may not be written to is read all the same. Raises what `opened_runs` does.
    """
    file = _file_of(settings.store)
    if not (is_made(settings.store) if file is None else file.exists()):
        yield None
    elif file is not None and not _may_write(file):
        from stretto.runtime.stores.sealing import key_of
        from stretto.runtime.stores.sqlite import SqliteStore

        key = key_of(os.environ, settings.key_env)
        with closing(sealed_with(SqliteStore(file, readonly=True), key, settings.key_env)) as store:
            yield store
    else:
        with opened_runs(settings) as found:
            yield found


def _file_of(url: str) -> Path | None:
    """The file of a store that is one."""
    if url == SQLITE:
        return store_file()
    is_file = url.startswith("sqlite:///") or url.endswith(".db")
    return Path(url.removeprefix("sqlite:///")) if is_file else None


def _may_write(file: Path) -> bool:
    """SQLite writes beside the file too."""
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def ago(seconds: float) -> str:
    """How long since, in one unit."""
    whole = max(0.0, seconds)
    unit, name = next(((unit, name) for unit, name in _AGES if whole >= unit), (1, "s"))
    return f"{int(whole / unit)} {name} ago"


def length(seconds: float | None) -> str:
    """A length of time to three digits or whole seconds; empty for None."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.3g} s"
    if seconds < 3_600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02} s"
    hours = int(seconds // 3_600)
    if hours < 48:
        return f"{hours} h {int(seconds % 3_600 // 60):02} min"
    return f"{hours // 24} d {hours % 24} h"


def shortened(text: str, width: int) -> str:
    """At most so many characters, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"
