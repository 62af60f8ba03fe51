"""How a process hears that another has written to the file: by looking at a number that SQLite keeps."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Watch"]

_LOOKS: Final = 0.3  # seconds between two looks at the number
_ORPHANS: Final = 8  # looks after which `wake` is called in any case: an owner dies without writing


class Watch:
    """Calls all that `add` was given on a thread of its own, until `end`. It closes `connection`, which is its own."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._wakes: dict[object, Callable[[], None]] = {}
        self._signal = threading.Event()
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, name="stretto-sqlite-watch", daemon=True)
        self._thread.start()

    def add(self, wake: Callable[[], None]) -> object:
        """Call `wake`, too, until `remove` of what this gives."""
        key = object()
        self._wakes[key] = wake
        return key

    def remove(self, key: object) -> bool:
        """Call that one no more; whether nobody is left."""
        self._wakes.pop(key, None)
        return not self._wakes

    def nudge(self) -> None:
        """Wake soon: something was written here."""
        self._signal.set()

    def end(self) -> None:
        """Call nobody any more. May be called twice, and by who is called."""
        self._is_ending = True
        self._signal.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._look()
        finally:
            self._connection.close()

    def _look(self) -> None:
        seen, quiet = self._version(), 0
        while True:
            nudged = self._signal.wait(_LOOKS)
            self._signal.clear()
            if self._is_ending:
                return
            before, seen, quiet = seen, self._version(), quiet + 1
            if nudged or seen is None or seen != before or quiet >= _ORPHANS:
                quiet = 0
                for wake in tuple(self._wakes.values()):
                    wake()

    def _version(self) -> int | None:
        """Changes when anybody else commits (https://www.sqlite.org/pragma.html#pragma_data_version); None where
        it cannot be read: whoever is woken by that meets the same trouble, and has words for it."""
        try:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return None
