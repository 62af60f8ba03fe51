"""The one thread of a process that writes to a store's file: whatever waits is written with one commit."""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from stretto.errors import StoreError, StrettoError
from stretto.runtime.points import point
from stretto.runtime.stores.sqlite_batch import Batch, Refused
from stretto.runtime.stores.sqlite_schema import grow_log, open_quick, open_writer
from stretto.runtime.stores.sqlite_trouble import words_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stretto.ports import Entry, Told
    from stretto.runtime.stores.sqlite_batch import Append, Heads

__all__ = ["Writer"]

T = TypeVar("T")

_QUICK: Final = 0.001  # seconds: a loop that has nothing else to do may wait so long for a commit
_REMEMBERED: Final = 8  # commits that make up what is usual
_THREAD_EVERY: Final = 256  # entries: the thread's commits move the log into the file
_GROW_AT: Final = 50  # commits: a process that writes little does without a long log
_ALONE: Final = "INSERT INTO entries SELECT id, ?, ? FROM runs WHERE id = ? AND epoch = ?"
_logger = logging.getLogger("stretto.store")


class _Work(Generic[T]):
    """Something that a thread waits for: `do` gets the connection, inside the batch's transaction. It must raise
    StrettoError before it writes anything, or not at all."""

    def __init__(self, do: Callable[[sqlite3.Connection], T]) -> None:
        self.do = do
        self.results: list[T] = []
        self.error: BaseException | None = None
        self.ended = threading.Event()

    def run(self, connection: sqlite3.Connection) -> None:
        self.error = None
        try:
            self.results = [self.do(connection)]
        except StrettoError as error:
            self.error = error


class _Flush(_Work[object]):
    """Only waits for what was queued before it."""


class Writer:
    """Takes appends and other work from any thread. `commits` counts the transactions that wrote."""

    def __init__(self, path: Path, busy_timeout: float) -> None:
        self.commits = 0
        self._path = path
        self._busy_timeout = busy_timeout
        self._connection: sqlite3.Connection | None = open_writer(path, busy_timeout)
        self._queue: SimpleQueue[Append | _Work[object] | None] = SimpleQueue()
        self._heads: Heads = {}
        self._last: dict[str, int] = {}  # the run of which an entry was written here last, and its number
        self._is_log_long = False
        self._poisoned: dict[tuple[str, int], Exception] = {}
        self._refusal: StoreError | None = None
        self._closing = threading.Lock()
        self._turn = threading.Lock()  # held by who writes
        self._quick: sqlite3.Connection | None = None
        self._usual = 0.0
        self._offered = 0
        self._thread = threading.Thread(target=self._run, name="stretto-sqlite-writer", daemon=True)
        self._thread.start()

    # ---------------------------------------------------------------- any thread

    def append(self, run_id: str, epoch: int, entry: Entry, told: Told) -> None:
        """Have an entry written; at once back. Raises StoreError after `close`."""
        if self._refusal is not None:
            raise self._refusal
        self._queue.put((run_id, epoch, entry, told))
        if self._is_closed():  # meanwhile: perhaps before the entry was there
            self._thread.join()
            self._fail_late()

    def append_here(self, run_id: str, epoch: int, entry: Entry, told: Told) -> bool:
        """Write an entry on the caller's own thread, where that is quicker than handing it over: if nothing waits,
        nobody writes, and commits have been quick by now. True if it is committed; otherwise nothing was done.

        Must not be called while an earlier entry of the run is on its way.
        """
        is_free = self._refusal is None and not self._poisoned and self._queue.empty()
        self._offered += 1
        is_apt = is_free and self._usual < _QUICK and self._offered % _THREAD_EVERY
        if not is_apt or not self._turn.acquire(blocking=False):
            return False
        try:
            return self._commit_here((run_id, epoch, entry, told))
        finally:
            self._turn.release()

    def _commit_here(self, append: Append) -> bool:
        """Whatever goes wrong here goes wrong again on the thread, which has the words for it."""
        began = perf_counter()
        try:
            if self._quick is None:
                self._quick = open_quick(self._path)
            is_committed = self._commit_alone(self._quick, append) or self._commit_whole(self._quick, append)
        except Exception:  # noqa: BLE001  # the thread will meet it again, and tell whom it concerns
            self._heads.clear()
            self._drop_quick()
            return False
        self.commits += is_committed
        self._usual += (perf_counter() - began - self._usual) / _REMEMBERED
        point("sqlite.after_commit")
        return is_committed

    def _commit_alone(self, connection: sqlite3.Connection, append: Append) -> bool:
        """The next entry of the same run, with nothing beside it: one statement is the whole transaction. A quarter of
        a hop's time less than `_commit_whole`. False if it is something else, or not its owner's any more."""
        run_id, epoch, entry, _ = append
        number = self._last.get(run_id, 0)
        last_epoch, count = self._heads.get(number, (0, 0))
        if epoch != last_epoch or entry.change is not None or entry.blobs or entry.taken:
            return False
        point("sqlite.before_commit")
        if connection.execute(_ALONE, (count + 1, entry.body, number, epoch)).rowcount != 1:
            return False
        self._heads[number] = (epoch, count + 1)
        return True

    def _commit_whole(self, connection: sqlite3.Connection, append: Append) -> bool:
        connection.execute("BEGIN IMMEDIATE")
        batch = Batch(connection, self._heads)
        is_refused = bool(batch.write([append]))
        point("sqlite.before_commit")
        connection.execute("ROLLBACK" if is_refused else "COMMIT")
        if not is_refused:
            self._last = {append[0]: batch.last}
        return not is_refused

    def _drop_quick(self) -> None:
        connection, self._quick = self._quick, None
        if connection is not None:
            connection.close()  # rolls back

    def _is_closed(self) -> bool:
        return self._refusal is not None

    def call(self, do: Callable[[sqlite3.Connection], T]) -> T:
        """What `do` gives, once it is committed, behind all that was queued before. Raises StoreError."""
        work = _Work(do)
        self._ask(work)  # type: ignore[arg-type]  # its result is nobody's but the caller's
        return work.results[0]

    def _ask(self, work: _Work[object]) -> None:
        with self._closing:  # nothing may come behind the end
            if self._refusal is not None:
                raise self._refusal
            self._queue.put(work)
        work.ended.wait()
        if work.error is not None:
            raise work.error

    def flush(self) -> None:
        """Wait until everything queued before is committed, or has failed."""
        self._ask(_Flush(_nothing))

    def pardon(self, run_id: str, epoch: int) -> None:
        """Forget that appends of this owner failed: it is none any more."""
        self._poisoned.pop((run_id, epoch), None)

    def close(self, refusal: StoreError) -> None:
        """Write what is queued and end; whatever comes later gets `refusal`."""
        with self._closing:
            if self._refusal is not None:
                return
            self._refusal = refusal
            self._queue.put(None)
        self._thread.join()

    def let_go(self) -> None:
        """After `close`: close the connections. If it is the file's last one, SQLite puts the log into the file; a
        connection that only reads could not."""
        self._drop_quick()
        self._drop_connection()

    def disown(self, refusal: StoreError) -> list[sqlite3.Connection]:
        """In a forked child, where the thread is not: refuse everything. The connections must not even be closed
        there (https://www.sqlite.org/howtocorrupt.html, 2.6): they are to be kept."""
        self._closing = threading.Lock()
        self._refusal = refusal
        return [each for each in (self._connection, self._quick) if each is not None]

    # ---------------------------------------------------------------- the thread

    def _run(self) -> None:
        is_open = True
        while is_open:
            items = [self._queue.get()]
            items += [self._queue.get() for _ in range(self._queue.qsize())]
            batch = [item for item in items if item is not None]
            is_open = len(batch) == len(items)
            self._write(batch)
        self._fail_late()

    def _fail_late(self) -> None:
        """Fail what came behind the end: appends are not held up by a lock."""
        refusal = self._refusal
        with suppress(Empty):
            while refusal is not None:
                item = self._queue.get_nowait()
                if item is not None:
                    self._fail([item], refusal)

    def _write(self, batch: list[Append | _Work[object]]) -> None:
        try:
            with self._turn:
                began = perf_counter()
                refused = self._commit(batch)
                self._usual += (perf_counter() - began - self._usual) / _REMEMBERED
        except BaseException as error:  # noqa: BLE001  # whatever it is, somebody waits for every item of the batch
            with self._turn:
                self._heads.clear()
                self._roll_back()
            self._after_failure(batch, error)
        else:
            self._tell(batch, refused)

    def _after_failure(self, batch: list[Append | _Work[object]], error: BaseException) -> None:
        """Fail all, unless a single value may be to blame: then each item is tried alone."""
        if len(batch) > 1 and _is_of_one(error):
            for item in batch:
                self._write([item])
        else:
            self._fail(batch, words_for(error, self._path))

    def _commit(self, batch: list[Append | _Work[object]]) -> list[Refused]:
        if all(isinstance(item, _Flush) for item in batch):
            return []
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        refused = self._apply(connection, batch)
        point("sqlite.before_commit")
        connection.execute("COMMIT")
        self.commits += 1
        point("sqlite.after_commit")
        return refused

    def _apply(self, connection: sqlite3.Connection, batch: list[Append | _Work[object]]) -> list[Refused]:
        refused: list[Refused] = []
        appends: list[Append] = []
        for item in batch:
            if isinstance(item, tuple):
                appends.append(item)
                continue
            refused += self._apply_appends(connection, appends)
            appends = []
            item.run(connection)
        return refused + self._apply_appends(connection, appends)

    def _apply_appends(self, connection: sqlite3.Connection, appends: list[Append]) -> list[Refused]:
        if not appends:
            return []
        if not self._poisoned:
            return Batch(connection, self._heads).write(appends)
        clean = [each for each in appends if each[:2] not in self._poisoned]
        rest = [Refused(each, self._poisoned[each[:2]]) for each in appends if each[:2] in self._poisoned]
        return rest + Batch(connection, self._heads).write(clean)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_writer(self._path, self._busy_timeout)
        elif self.commits >= _GROW_AT and not self._is_log_long:
            self._is_log_long = True
            with suppress(
                OSError, sqlite3.Error
            ):  # it only saves time; a full disk will be told by the commit
                grow_log(self._connection, self._path)
        return self._connection

    def _roll_back(self) -> None:
        connection = self._connection
        if connection is None or not connection.in_transaction:
            return
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop_connection()

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    # ---------------------------------------------------------------- news

    def _fail(self, batch: list[Append | _Work[object]], error: StrettoError) -> None:
        refused: list[Refused] = []
        for item in batch:
            if isinstance(item, tuple):
                self._poisoned[item[:2]] = error
                refused.append(Refused(item, error))
            else:
                item.error = item.error or error
        self._tell(batch, refused)

    def _tell(self, batch: list[Append | _Work[object]], refused: list[Refused]) -> None:
        lost = {id(each.append) for each in refused}
        good: dict[Told, list[str]] = {}
        for item in batch:
            if not isinstance(item, tuple):
                item.ended.set()
            elif id(item) not in lost:
                good.setdefault(item[3], []).append(item[0])
        for told, run_ids in good.items():
            _say(told, run_ids, None)
        for (told, _), (runs, error) in _by_error(refused).items():
            _say(told, list(runs), error)


def _by_error(refused: list[Refused]) -> dict[tuple[Told, int], tuple[dict[str, None], Exception]]:
    """For each listener and error the runs it keeps."""
    found: dict[tuple[Told, int], tuple[dict[str, None], Exception]] = {}
    for (run_id, _, _, told), error in refused:
        found.setdefault((told, id(error)), ({}, error))[0][run_id] = None
    return found


def _say(told: Told, run_ids: list[str], error: Exception | None) -> None:
    try:
        told(run_ids, error)
    except BaseException:
        # one loop that has closed must not keep the others from their news
        _logger.exception("A listener of the store failed; its runs %s will not go on.", ", ".join(run_ids))


def _is_of_one(error: BaseException) -> bool:
    """Whether a value may be to blame, not the file."""
    return not isinstance(error, sqlite3.OperationalError) and type(error) is not sqlite3.DatabaseError


def _nothing(connection: sqlite3.Connection) -> None:
    """What a flush does besides waiting."""
