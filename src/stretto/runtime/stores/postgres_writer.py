"""The one thread that writes journals to PostgreSQL: whatever has gathered while a commit was under way is the next.

What is fenced, and what the database refuses, concerns single runs: the others of a batch are committed. A lost
connection concerns all; the batch is written again, which changes nothing where the first time did succeed, and
what was not written then is looked up.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import psycopg

from stretto.errors import FencedError, NotFoundError, StoreDamagedError, StoreError
from stretto.runtime.stores.postgres_batch import Part, write
from stretto.runtime.stores.postgres_link import connect, is_lost, put_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stretto.ports import Entry, Told
    from stretto.runtime.stores.postgres_link import Connection, Patience, Place

__all__ = ["Writer"]

_log = logging.getLogger(__name__)
_MOST_BYTES: Final = 64_000_000
_MOST_ENTRIES: Final = 10_000
# Its few statements are planned once. What a batch holds is not known then: an index serves one row and many.
_PLANS: Final = """
SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),
    set_config('jit', 'off', false)
"""
_FREED: Final = """
WITH freed AS (
    UPDATE runs r SET owner = NULL FROM unnest(%s::text[], %s::bigint[]) AS f (run_id, epoch)
    WHERE r.run_id = f.run_id AND r.epoch = f.epoch AND r.owner IS NOT NULL RETURNING 1
) SELECT pg_notify(%s, '') FROM freed LIMIT 1
"""
_STATE: Final = """
SELECT r.epoch, EXISTS (SELECT FROM entries e WHERE e.run_id = r.run_id AND e.seq = %s AND e.epoch = %s)
FROM runs r WHERE r.run_id = %s
"""
_COUNT: Final = "SELECT entries FROM runs WHERE run_id = %s AND epoch = %s"

_REFUSALS: Final = (psycopg.Error, ValueError, TypeError, OverflowError, MemoryError)
"""What writing raises for contents that cannot be written: the last four before anything is sent."""

Ownership = tuple[str, int]
T = TypeVar("T")


class _Append(NamedTuple):
    key: Ownership
    entry: Entry
    told: Told


class _Release(NamedTuple):
    key: Ownership
    done: Future[None]


class Writer:
    """Takes appends and releases on any thread, and commits them in order on its own."""

    def __init__(self, where: Place, patience: Patience) -> None:
        self._where = where
        self._patience = patience
        self._queue: SimpleQueue[_Append | _Release | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._ended: StoreError | None = None
        self._connection: Connection | None = None
        self._ends: dict[Ownership, int] = {}
        self._epochs: dict[str, int] = {}
        self._failed: dict[Ownership, BaseException] = {}
        self.commits = 0
        self._thread = threading.Thread(target=self._work, name="stretto-postgres-writer", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------ any thread

    def begin(self, run_id: str, epoch: int, end: int) -> None:
        """From now on this process owns the run, whose journal has `end` entries."""
        self._ends[run_id, epoch] = end
        self._epochs[run_id] = epoch

    def epoch(self, run_id: str) -> int | None:
        """The epoch in which the run is at work here, as far as is known."""
        return self._epochs.get(run_id)

    def append(self, run_id: str, epoch: int, entry: Entry, told: Told) -> None:
        """Commit an entry soon. Raises StoreError once the writer has ended."""
        self._put(_Append((run_id, epoch), entry, told))

    def release(self, run_id: str, epoch: int) -> None:
        """Give a run up, behind what was appended. Raises StoreError."""
        done: Future[None] = Future()
        self._put(_Release((run_id, epoch), done))
        done.result()

    def _put(self, item: _Append | _Release) -> None:
        with self._lock:
            if self._ended is not None:
                raise self._ended
            self._queue.put(item)

    def close(self) -> None:
        """Commit what was appended, and end."""
        self._end(StoreError(f"The store {self._where.url} is closed; open it again."))
        self._thread.join()

    def _end(self, why: StoreError) -> None:
        with self._lock:
            if self._ended is None:
                self._ended = why
                self._queue.put(None)

    # ------------------------------------------------------------------ the writer's thread

    def _work(self) -> None:
        batch: list[_Append | _Release | None] = []
        try:
            while None not in batch:
                batch = [self._queue.get()]
                batch += [self._queue.get() for _ in range(self._queue.qsize())]
                self._commit(batch)
        except BaseException as error:  # noqa: BLE001 - each waiter is told of it
            self._die(error, batch)
        finally:
            self._disconnect()

    def _commit(self, batch: list[_Append | _Release | None]) -> None:
        """Appends first: an owner appends nothing behind its release."""
        for chunk in _chunks([item for item in batch if isinstance(item, _Append)]):
            self._write(chunk)
        releases = [item for item in batch if isinstance(item, _Release)]
        if releases:
            self._free(releases)

    def _die(self, error: BaseException, batch: list[_Append | _Release | None]) -> None:
        """Whatever it was, nobody waits in vain."""
        _log.exception("the PostgreSQL store's writer has ended")
        why = put_in_words(error, self._where)
        self._end(why)
        left = [*batch, *(self._queue.get() for _ in range(self._queue.qsize()))]
        for item in left:
            if isinstance(item, _Append):
                _tell(item.told, [item.key[0]], why)
            elif isinstance(item, _Release) and not item.done.done():
                item.done.set_exception(why)

    # ------------------------------------------------------------------ appends

    def _write(self, appends: list[_Append]) -> None:
        """Commit them in one batch; where the database refuses that, each run's alone: one of them is to blame."""
        parts, known = self._parts(appends)
        if not parts:
            self._report(appends)
            return
        try:
            self._settle(list(parts.values()))
        except _REFUSALS as error:
            if len(parts) > 1 and not is_lost(error):
                self._write_apart(appends, known)
                return
            self._fail(parts, error)
        self._report(appends)

    def _write_apart(self, appends: list[_Append], keys: list[Ownership]) -> None:
        self._report([each for each in appends if each.key not in keys])
        for key in keys:
            self._write([each for each in appends if each.key == key])

    def _parts(self, appends: list[_Append]) -> tuple[dict[Ownership, Part], list[Ownership]]:
        """What is to be written, by run; nothing of runs that have failed already."""
        parts: dict[Ownership, Part] = {}
        for key, entry, _ in appends:
            if key in self._failed:
                continue
            part = parts.get(key)
            if part is None:
                end = self._ends.get(key)
                if end is None and (end := self._look_up(key)) is None:
                    continue
                part = parts[key] = Part(*key, end)
            part.add(entry)
        return parts, list(parts)

    def _look_up(self, key: Ownership) -> int | None:
        """Where the journal of a run ends that was not acquired through here."""
        try:
            row = self._retried(lambda connection: connection.execute(_COUNT, key).fetchone())
        except psycopg.Error as error:
            self._failed[key] = put_in_words(error, self._where)
            return None
        if row is None:
            self._failed[key] = self._verdict(key, 0) or FencedError(*key)
            return None
        return int(str(row[0]))

    def _settle(self, parts: list[Part]) -> None:
        """Write a batch, and find out about what was not written. Raises psycopg.Error."""
        written = self._retried(lambda connection: write(connection, parts))
        self.commits += 1
        for n, part in enumerate(parts):
            key = (part.run_id, part.epoch)
            error = None if n in written else self._verdict(key, part.end)
            if error is None:
                self._ends[key] = part.end
            else:
                self._failed[key] = error
                self._forget(key)

    def _verdict(self, key: Ownership, last: int) -> BaseException | None:
        """Why a part was not written; None if it was, by an attempt whose answer was lost."""
        run_id, epoch = key
        row = self._retried(lambda it: it.execute(_STATE, (last, epoch, run_id)).fetchone())
        if row is None:
            return NotFoundError("run", run_id, mend="It was deleted while it was at work.")
        if row[1]:
            return None
        if row[0] != epoch:
            return FencedError(run_id, epoch)
        return StoreDamagedError(
            f"PostgreSQL at {self._where.url}: the journal of run {run_id} has other entries than its owner wrote; "
            "something else changes the tables. Nothing more is written to it: release the run and resume it."
        )

    def _fail(self, parts: dict[Ownership, Part], error: BaseException) -> None:
        why = put_in_words(error, self._where)
        for key in parts:
            self._failed[key] = why
            self._forget(key)

    def _report(self, appends: list[_Append]) -> None:
        """Tell each listener once what is committed, and once for each run that is not."""
        good: dict[Told, list[str]] = {}
        bad: dict[tuple[Told, Ownership], None] = {}
        for key, _, told in appends:
            if key in self._failed:
                bad[told, key] = None
            else:
                good.setdefault(told, []).append(key[0])
        for told, run_ids in good.items():
            _tell(told, run_ids, None)
        for told, key in bad:
            _tell(told, [key[0]], self._failed[key])

    def _forget(self, key: Ownership) -> None:
        self._ends.pop(key, None)
        if self._epochs.get(key[0]) == key[1]:
            del self._epochs[key[0]]

    # ------------------------------------------------------------------ releases and connections

    def _free(self, releases: list[_Release]) -> None:
        keys = [each.key for each in releases]
        asked = ([key[0] for key in keys], [key[1] for key in keys], self._where.channel)
        error: StoreError | None = None
        try:
            self._retried(lambda connection: connection.execute(_FREED, asked))
        except psycopg.Error as failure:
            error = put_in_words(failure, self._where)
        for key, done in releases:
            self._forget(key)
            self._failed.pop(key, None)
            done.set_exception(error) if error else done.set_result(None)

    def _retried(self, work: Callable[[Connection], T]) -> T:
        """Do it again on a new connection where one was lost. Raises psycopg.Error when patience is over."""
        pauses = self._patience.pauses()
        while True:
            try:
                if self._connection is None:
                    self._connection = connect(self._where)
                    self._connection.execute(_PLANS)
                return work(self._connection)
            except psycopg.Error as error:
                if not is_lost(error):
                    raise
                self._disconnect()
                if next(pauses, None) is None:
                    raise

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _chunks(appends: list[_Append]) -> Iterator[list[_Append]]:
    """Batches that neither side has to hold too much of at once."""
    chunk: list[_Append] = []
    size = 0
    for each in appends:
        added = len(each.entry.body) + sum(map(len, each.entry.blobs.values()))
        if chunk and (size + added > _MOST_BYTES or len(chunk) == _MOST_ENTRIES):
            yield chunk
            chunk, size = [], 0
        chunk.append(each)
        size += added
    if chunk:
        yield chunk


def _tell(told: Told, run_ids: list[str], error: BaseException | None) -> None:
    """What a listener raises is its own affair: the journals of others go on."""
    try:
        told(run_ids, error)
    except Exception:  # noqa: BLE001 - whoever listens
        _log.exception("a listener to commits has failed")
