"""Many appends as few statements: what one commit writes.

Each statement lets go of the interpreter's lock and must get it back, which may take 5 ms while the loop's thread
is busy. Hence rows are written many to a statement, and runs are looked up many at a time.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from stretto.errors import FencedError, NotFoundError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from stretto.ports import Entry, OpenWait, RowChange, Told

__all__ = ["Append", "Batch", "Heads", "Refused"]

Append = tuple[str, int, "Entry", "Told"]
"""Run id, epoch, entry, and who is told."""

Heads = dict[int, tuple[int, int]]
"""By a run's number: the epoch that appended last, and the number of entries."""

T = TypeVar("T")

_MANY: Final = 64
_COLUMNS: Final = ("status", "cause", "started_at", "ended_at", "steps", "done")
"""Those of a RowChange that are values of the row itself; they come first in it."""


class Refused(NamedTuple):
    """An append that was not written, and why."""

    append: Append
    error: Exception


class Batch:
    """Appends as they go into one transaction. `heads` are brought up to date; they must be forgotten when the
    transaction is rolled back."""

    def __init__(self, connection: sqlite3.Connection, heads: Heads) -> None:
        self._connection = connection
        self._heads = heads
        self._entries: list[tuple[int, int, bytes]] = []
        self._rows: dict[int, dict[str, object]] = {}
        self._waits: dict[tuple[int, str], OpenWait | None] = {}
        self._blobs: dict[str, bytes] = {}
        self._refs: dict[tuple[int, str], None] = {}
        self._letters: list[tuple[str, int]] = []

    def write(self, appends: list[Append]) -> list[Refused]:
        """Write what may be written; gives the rest."""
        known = self._known({append[0] for append in appends})
        refused: list[Refused] = []
        for append in appends:
            run_id, epoch, entry, _ = append
            number, newest = known.get(run_id, (0, 0))
            if not number:
                refused.append(Refused(append, NotFoundError("run", run_id)))
            elif newest != epoch:
                refused.append(Refused(append, FencedError(run_id, epoch)))
            else:
                self._take(number, epoch, entry)
        self._flush()
        return refused

    @property
    def last(self) -> int:
        """The number of the run whose entry came last; 0 for none."""
        return self._entries[-1][0] if self._entries else 0

    def _known(self, run_ids: set[str]) -> dict[str, tuple[int, int]]:
        """Number and newest epoch of each run that there is."""
        known: dict[str, tuple[int, int]] = {}
        for some in _chunks(run_ids):
            holes = ",".join("?" * len(some))
            rows = self._connection.execute(
                f"SELECT run_id, id, epoch FROM runs WHERE run_id IN ({holes})",  # noqa: S608  # holes only
                some,
            )
            known.update((run_id, (number, epoch)) for run_id, number, epoch in rows.fetchall())
        return known

    # ---------------------------------------------------------------- one entry

    def _take(self, number: int, epoch: int, entry: Entry) -> None:
        head = self._heads.get(number)
        # another owner may have appended in between: then the epoch differs
        count = head[1] if head is not None and head[0] == epoch else self._count(number)
        self._entries.append((number, count + 1, entry.body))
        self._heads[number] = (epoch, count + 1)
        if entry.change is not None:
            self._change(number, entry.change)
        for digest, body in entry.blobs.items():
            self._blobs.setdefault(digest, body)
            self._refs[(number, digest)] = None
        for letter, outcome in entry.taken:
            self._letters.append((outcome, letter))

    def _count(self, number: int) -> int:
        found = self._connection.execute("SELECT max(seq) FROM entries WHERE run = ?", (number,)).fetchone()
        return found[0] or 0

    def _change(self, number: int, change: RowChange) -> None:
        named = [(name, value) for name, value in zip(_COLUMNS, change, strict=False) if value is not None]
        if named:
            self._rows.setdefault(number, {}).update(named)
        for path in change.closed:
            self._waits[(number, path)] = None
        for wait in change.opened:
            self._waits[(number, wait.path)] = wait

    # ---------------------------------------------------------------- all of them

    def _flush(self) -> None:
        execute, many = self._connection.execute, self._connection.executemany
        self._insert("INSERT INTO entries VALUES ", 3, self._entries)
        if self._rows:
            self._flush_rows()
        if self._waits:
            self._flush_waits()
        for digest, body in self._blobs.items():
            execute(
                "INSERT INTO blobs (hash, size, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (digest, len(body), body),
            )
        self._insert("INSERT OR IGNORE INTO blob_refs VALUES ", 2, self._refs)
        if self._letters:
            many("UPDATE letters SET outcome = ? WHERE number = ? AND outcome = ''", self._letters)

    def _flush_rows(self) -> None:
        """Set nothing but what has changed: an index of a column that is set is written, too."""
        alike: dict[tuple[str, ...], list[tuple[object, ...]]] = {}
        for number, named in self._rows.items():
            alike.setdefault(tuple(named), []).append((*named.values(), number))
        for names, rows in alike.items():
            to_set = " = ?, ".join(names)
            self._connection.executemany(f"UPDATE runs SET {to_set} = ? WHERE id = ?", rows)  # noqa: S608  # our names

    def _flush_waits(self) -> None:
        closed = [key for key, wait in self._waits.items() if wait is None]
        self._connection.executemany("DELETE FROM waits WHERE run = ? AND path = ?", closed)
        opened = [(number, *wait[1:]) for (number, _), wait in self._waits.items() if wait is not None]
        self._insert("INSERT OR REPLACE INTO waits VALUES ", 6, opened)

    def _insert(self, start: str, width: int, rows: Iterable[tuple[object, ...]]) -> None:
        hole = f"({','.join('?' * width)})"
        for some in _chunks(rows):
            values = [value for row in some for value in row]
            self._connection.execute(start + ",".join([hole] * len(some)), values)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, _MANY)):
        yield some
