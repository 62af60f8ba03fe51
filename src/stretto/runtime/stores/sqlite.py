"""The store that needs no set-up: one SQLite file."""

from __future__ import annotations

import hashlib
import os
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stretto.errors import RunOwnedError, StoreDamagedError, StoreError
from stretto.runtime.points import point
from stretto.runtime.stores import sqlite_rows
from stretto.runtime.stores.sqlite_lock import give_back, open_locks
from stretto.runtime.stores.sqlite_readers import Readers
from stretto.runtime.stores.sqlite_trouble import in_words
from stretto.runtime.stores.sqlite_watch import Watch
from stretto.runtime.stores.sqlite_writer import Writer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from stretto.ports import Collected, Entry, Mail, NewRun, OpenWait, RunRow, Told

__all__ = ["SqliteStore"]


class SqliteStore:
    """A `Store` in the file at `path`, which is made, with its directory, if it is not there.

    Another process that writes may keep this one waiting up to `busy_timeout` seconds. With `readonly` nothing is
    made or changed, and all that would write raises StoreError. Any number of processes may have the file open;
    they must see the same local file system. A forked child must open its own.

    Raises StoreVersionError, StoreDamagedError, StoreError where it cannot be opened.
    """

    is_quick = False
    keeps_secrets = False

    def __init__(self, path: str | Path, *, busy_timeout: float = 5.0, readonly: bool = False) -> None:
        self.path = Path(path)
        self.url = f"sqlite:///{self.path}"
        self._closed: StoreError | None = None
        self._readers = Readers(self.path, busy_timeout, keeps=not readonly)
        self._writer = None if readonly else Writer(self.path, busy_timeout)
        if readonly:
            with self._readers.one():
                pass  # a file that cannot be read is refused now
        self._locks = open_locks(self.path)
        self._owned: dict[str, tuple[int, int]] = {}
        self._guard = threading.RLock()
        self._watch: Watch | None = None  # one for all who watch: each look is a query
        _stores.add(self)

    @property
    def commits(self) -> int:
        """How many transactions this store has committed."""
        return self._writing().commits

    def close(self) -> None:
        """Commit what was appended, give up what is owned, end what was started. May be called twice."""
        with self._guard:
            if self._closed is not None:
                return
            self._closed = StoreError(f"The store {self.path} is closed; open it again.")
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.end()
        if self._writer is not None:
            self._writer.close(self._closed)
        for number, _ in self._owned.values():
            self._locks.drop(number)
        self._owned.clear()
        give_back(self._locks)
        self._readers.close(self._closed)
        if self._writer is not None:
            self._writer.let_go()

    # ---------------------------------------------------------------- journals

    def acquire(self, run_id: str) -> int:
        """Become the run's owner, and give the new epoch.

        Raises RunOwnedError while another owner lives (in another process or in this one), NotFoundError.
        """
        writer = self._writing()
        with self._readers.one() as connection:
            number = sqlite_rows.number_of(connection, run_id)
        if not self._lock(number):
            raise RunOwnedError(run_id, self.run(run_id).owner or "unknown")
        try:
            epoch = writer.call(lambda c: sqlite_rows.begin_epoch(c, number, run_id, _here()))
        except BaseException:
            self._locks.drop(number)
            raise
        point("sqlite.after_acquire")
        with self._guard:
            if self._closed is not None:
                self._locks.drop(number)
                raise self._closed
            self._owned[run_id] = (number, epoch)
        return epoch

    def _lock(self, number: int) -> bool:
        with in_words(Path(self._locks.path)):
            return self._locks.take(number)

    def release(self, run_id: str, epoch: int) -> None:
        """Be its owner no longer; appends made before are committed first."""
        writer = self._writing()
        with self._guard:
            number, held = self._owned.get(run_id, (0, 0))
            if held != epoch:
                return
            del self._owned[run_id]
        try:
            writer.flush()
        finally:
            writer.pardon(run_id, epoch)
            self._locks.drop(number)

    def append(self, run_id: str, epoch: int, entry: Entry, told: Told, *, may_wait: bool = False) -> bool:
        """Commit `entry` behind all earlier ones of the run, soon; see `JournalStore`."""
        writer = self._writer
        if writer is None:
            raise self._readonly()
        if may_wait and writer.append_here(run_id, epoch, entry, told):
            return True
        writer.append(run_id, epoch, entry, told)
        return False

    def entries(self, run_id: str, after: int = 0) -> list[bytes]:
        """The committed bodies in order, without the first `after` ones. Raises NotFoundError."""
        with self._readers.one() as connection:
            found = connection.execute(
                "SELECT body FROM entries WHERE run = ? AND seq > ? ORDER BY seq",
                (sqlite_rows.number_of(connection, run_id), after),
            )
            return [body for (body,) in found.fetchall()]

    # ---------------------------------------------------------------- blobs

    def blob(self, digest: str) -> bytes:
        """A large value. Raises StoreDamagedError where it is missing or is not what its hash says."""
        with self._readers.one() as connection:
            found = connection.execute("SELECT body FROM blobs WHERE hash = ?", (digest,)).fetchone()
        if found is None or hashlib.sha256(found[0]).hexdigest() != digest:
            what = "is missing" if found is None else "is not what its hash says"
            raise StoreDamagedError(
                f"Value {digest} {what} in the store {self.path}: the file was changed from outside, or its disk "
                "fails. Put back a backup."
            )
        return bytes(found[0])

    # ---------------------------------------------------------------- the index

    def create(self, new: NewRun) -> RunRow:
        """Note a new run, or give the one of its key. Raises StrettoError if the id is taken."""
        row = self._writing().call(lambda c: sqlite_rows.create(c, new, self._is_held))
        self._nudge()
        return row

    def run(self, run_id: str) -> RunRow:
        """One run. Raises NotFoundError."""
        with self._readers.one() as connection:
            return sqlite_rows.row_of(connection, run_id, self._is_held)

    def runs(
        self,
        *,
        prefix: str = "",
        statuses: Sequence[str] = (),
        workflow: str | None = None,
        since: float | None = None,
        limit: int | None = None,
    ) -> list[RunRow]:
        """The newest first."""
        with self._readers.one() as connection:
            return sqlite_rows.rows(
                connection,
                self._is_held,
                prefix=prefix,
                statuses=statuses,
                workflow=workflow,
                since=since,
                limit=limit,
            )

    def orphans(self) -> list[RunRow]:
        """Runs to be gone on with whose owner does not live; the oldest first."""
        with self._readers.one() as connection:
            return sqlite_rows.orphans(connection, self._is_held)

    def set_status(self, run_id: str, status: str) -> None:
        """Set the status of a run that nobody owns. Raises RunOwnedError, NotFoundError."""
        self._writing().call(lambda c: sqlite_rows.set_status(c, run_id, status, self._is_held))

    def waits(self, run_id: str | None = None) -> list[OpenWait]:
        """What a run, or any run, waits for; the oldest first."""
        with self._readers.one() as connection:
            return sqlite_rows.open_waits(connection, run_id)

    def collect(self, before: float, batch: int = 100) -> Collected:
        """Delete up to `batch` runs that ended before an instant, and blobs that no run needs any more.

        The file keeps its size; what has become free is used for what is written next.
        """
        return self._writing().call(lambda c: sqlite_rows.collect(c, before, batch, self._is_held))

    # ---------------------------------------------------------------- letters

    def send(self, run_id: str, kind: str, body: bytes, at: float) -> int:
        """Leave a letter; gives its number. Raises NotFoundError."""
        number = self._writing().call(lambda c: sqlite_rows.send(c, run_id, kind, body, at))
        self._nudge()
        return number

    def letters(self, after: int = 0) -> list[Mail]:
        """Those that nobody has dealt with, numbered above `after`, in order."""
        with self._readers.one() as connection:
            return sqlite_rows.open_letters(connection, after)

    def letter(self, number: int) -> Mail:
        """One letter. Raises NotFoundError."""
        with self._readers.one() as connection:
            return sqlite_rows.letter(connection, number)

    def settle(self, number: int, outcome: str) -> None:
        """Say what became of a letter; one that has an outcome keeps it."""
        self._writing().call(lambda c: sqlite_rows.settle(c, number, outcome))

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called whenever there may be letters or orphans, and at least every 2 seconds; what it gives
        ends that."""
        with self._guard:
            if self._watch is None:
                self._watch = Watch(self._readers.own())
            watch, key = self._watch, self._watch.add(wake)

        def end() -> None:
            with self._guard:
                is_unused = watch.remove(key)
                if is_unused and self._watch is watch:
                    self._watch = None
            if is_unused:
                watch.end()

        return end

    def _nudge(self) -> None:
        watch = self._watch
        if watch is not None:
            watch.nudge()

    # ---------------------------------------------------------------- both

    def _writing(self) -> Writer:
        if self._closed is not None:
            raise self._closed
        if self._writer is None:
            raise self._readonly()
        return self._writer

    def _is_held(self, number: int) -> bool:
        try:
            return self._locks.is_held(number)
        except PermissionError:
            if self._writer is not None:
                raise
            return True  # a mere reader who may not look at the locks shows what is written

    def _readonly(self) -> StoreError:
        return StoreError(f"The store {self.path} was opened for reading only; open it for writing.")

    def _disown(self) -> list[sqlite3.Connection]:
        """In a forked child: refuse everything; gives what must not be closed there."""
        refusal = StoreError(
            f"The store {self.path} was opened before this process was forked; open it again here."
        )
        self._closed = refusal
        kept = self._readers.disown(refusal)
        return [*kept, *(self._writer.disown(refusal) if self._writer is not None else ())]


def _here() -> str:
    return f"{os.getpid()}@{os.uname().nodename}"


_stores: Final[weakref.WeakSet[SqliteStore]] = weakref.WeakSet()
_kept: Final[list[sqlite3.Connection]] = []


def _leave_to_parent() -> None:
    for store in tuple(_stores):
        _kept.extend(store._disown())


os.register_at_fork(after_in_child=_leave_to_parent)
