"""Connections that read a store's file: as many as read at the same time."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from stretto.runtime.stores.sqlite_schema import open_reader
from stretto.runtime.stores.sqlite_trouble import in_words

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from stretto.errors import StoreError

__all__ = ["Readers"]


class Readers:
    """Hands out connections. With `keeps` an idle one is used again: not where the file is read-only, for what is
    read there without a log may not be looked at twice."""

    def __init__(self, path: Path, busy_timeout: float, *, keeps: bool) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._keeps = keeps
        self._idle: list[sqlite3.Connection] = []
        self._refusal: StoreError | None = None

    @contextmanager
    def one(self) -> Iterator[sqlite3.Connection]:
        """A connection for as long as the block takes, which sees one state of the file. Raises StoreError."""
        connection = self._taken()
        try:
            with in_words(self._path):
                connection.execute("BEGIN")
                yield connection
                connection.execute("ROLLBACK")
        except BaseException:
            connection.close()  # opening another is cheaper than finding out how this one stands
            raise
        self._idle.append(connection)
        if self._refusal is not None or not self._keeps:
            self._empty()

    def own(self) -> sqlite3.Connection:
        """A new connection, which the caller closes. Raises StoreError."""
        if self._refusal is not None:
            raise self._refusal
        return open_reader(self._path, self._busy_timeout)

    def _taken(self) -> sqlite3.Connection:
        if self._refusal is not None:
            raise self._refusal
        try:
            return self._idle.pop()
        except IndexError:
            return self.own()

    def close(self, refusal: StoreError) -> None:
        """Close what is idle, and the others when they are given back; whoever comes later gets `refusal`."""
        self._refusal = refusal
        self._empty()

    def _empty(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def disown(self, refusal: StoreError) -> list[sqlite3.Connection]:
        """In a forked child: refuse everything; gives the connections, which must not be closed there."""
        self._refusal = refusal
        kept, self._idle = self._idle, []
        return kept
