"""Journals, blobs, the index of runs and the mailbox in PostgreSQL.

Who owns a run is settled by its epoch: whoever takes it over counts it up, and each append says under which one
it is made. A lease, by the database's clock, only says when a run may be taken over.
"""

from __future__ import annotations

import threading
import uuid
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from stretto.errors import RunOwnedError, StoreDamagedError, StoreError
from stretto.runtime.points import point
from stretto.runtime.stores import postgres_index as index
from stretto.runtime.stores.postgres_lease import GIVEN_UP, Lease
from stretto.runtime.stores.postgres_link import Patience, Pool, place
from stretto.runtime.stores.postgres_schema import prepare
from stretto.runtime.stores.postgres_watch import Watch
from stretto.runtime.stores.postgres_writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stretto.ports import Collected, Entry, Mail, NewRun, OpenWait, RunRow, Told
    from stretto.runtime.stores.postgres_link import Connection

__all__ = ["PostgresStore"]

T = TypeVar("T")


class PostgresStore:
    """The Store behind a ``postgresql://`` URL, whose ``?schema=`` says where the tables lie.

    `lease`, in seconds, is how long a dead owner's runs stay its own, unless ``?lease=`` says it. `patience`, in
    seconds, is for how long a lost connection is sought again before what needs it fails. Besides `pool_size`
    connections it has one for the writer, one for the lease and one for each watch. All methods raise StoreError
    where the database cannot be reached, takes no writes or is full.
    """

    is_quick = False
    keeps_secrets = False

    def __init__(
        self, url: str, *, lease: float | None = None, pool_size: int = 4, patience: float = 60.0
    ) -> None:
        where = place(url)
        self._where = where if lease is None else where._replace(lease=lease)
        self.url = self._where.url
        prepare(self._where)
        self._ending = threading.Event()
        held = Patience(patience, self._ending)
        self._pool = Pool(self._where, pool_size, held)
        self._writer = Writer(self._where, held)
        self._lease = Lease(self._where, self._where.lease)
        self._watches: list[Watch] = []
        self._lock = threading.Lock()
        self._being_acquired: set[str] = set()
        self._is_closed = False

    @property
    def commits(self) -> int:
        """How many batches of appends were committed."""
        return self._writer.commits

    # ------------------------------------------------------------------ journals

    def acquire(self, run_id: str) -> int:
        """Become the run's owner, and give the new epoch, one above the last.

        Raises RunOwnedError while another owner lives (in another process or in this one), NotFoundError.
        """
        with self._lock:
            if run_id in self._being_acquired:
                raise RunOwnedError(run_id, self._lease.name)
            self._being_acquired.add(run_id)
        try:
            taken = self._pool.run(lambda connection: self._acquire(connection, run_id))
            self._writer.begin(run_id, taken.epoch, taken.end)
        finally:
            self._being_acquired.discard(run_id)
        point("postgres.after_acquire")
        return taken.epoch

    def _acquire(self, connection: Connection, run_id: str) -> index.Acquired:
        self._lease.ensure(connection)
        mine = self._writer.epoch(run_id)
        return index.acquire(connection, run_id, self._lease.id, mine, self._lease.name)

    def release(self, run_id: str, epoch: int) -> None:
        """Be its owner no longer. Appends made before are committed first. Nothing happens if `epoch` is not
        the latest. Where it fails, the run is given up as soon as the database is there again."""
        try:
            self._writer.release(run_id, epoch)
        except StoreError:
            self._lease.release_later(run_id, epoch)
            raise

    def append(self, run_id: str, epoch: int, entry: Entry, told: Told, *, may_wait: bool = False) -> bool:
        """Commit `entry` behind all earlier ones of the run, soon; returns at once. Appends that gather share a
        commit."""
        del may_wait  # a network is nothing to wait for on a loop
        self._writer.append(run_id, epoch, entry, told)
        return False

    def entries(self, run_id: str, after: int = 0) -> list[bytes]:
        """The committed bodies in order, without the first `after` ones. Raises NotFoundError."""
        return self._pool.run(lambda connection: index.entries(connection, run_id, after))

    def close(self) -> None:
        """Commit what was appended, give up what is owned, end what was started. May be called twice."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._ending.set()
        for watch in self._watches:
            watch.end()
        self._writer.close()
        self._lease.close()
        try:
            if self._lease.is_taken:
                self._pool.run(lambda it: it.execute(GIVEN_UP, (self._lease.id, self._where.channel)))
        finally:
            self._pool.close()

    # ------------------------------------------------------------------ blobs

    def blob(self, digest: str) -> bytes:
        """Raises StoreDamagedError where it is missing or is not what its hash says."""
        body = self._pool.run(lambda connection: index.blob(connection, digest))
        if body is None:
            raise StoreDamagedError(f"{self.url} has no value {digest}; restore the database from a backup.")
        if sha256(body).hexdigest() != digest:
            raise StoreDamagedError(
                f"{self.url}: value {digest} is not what was written ({len(body)} bytes with another hash); "
                "restore the database from a backup."
            )
        return body

    # ------------------------------------------------------------------ index

    def create(self, new: NewRun) -> RunRow:
        """Note a new run, with status queued and no owner; with a key that is known, give the run of that key.

        Raises StrettoError if the id is taken.
        """
        return self._pool.run(lambda connection: index.create(connection, new, self._where.channel))

    def run(self, run_id: str) -> RunRow:
        """One run. Raises NotFoundError."""
        return self._pool.run(lambda connection: index.run(connection, run_id))

    def runs(
        self,
        *,
        prefix: str = "",
        statuses: Sequence[str] = (),
        workflow: str | None = None,
        since: float | None = None,
        limit: int | None = None,
    ) -> list[RunRow]:
        """The newest first: ids beginning with `prefix`, one of `statuses` (empty: any), created at or after
        `since`."""
        query = index.Query(prefix, statuses, workflow, since, limit)
        return self._pool.run(lambda connection: index.runs(connection, query))

    def orphans(self) -> list[RunRow]:
        """Runs that have begun or are queued, not quarantined and not ended, whose owner does not live; the oldest
        first."""
        return self._pool.run(index.orphans)

    def set_status(self, run_id: str, status: str) -> None:
        """Set a run's status where nobody owns it. Raises RunOwnedError, NotFoundError."""
        channel = self._where.channel
        self._pool.run(lambda connection: index.set_status(connection, run_id, status, channel))

    def waits(self, run_id: str | None = None) -> list[OpenWait]:
        """What a run, or any run, waits for; the oldest first."""
        return self._pool.run(lambda connection: index.waits(connection, run_id))

    def collect(self, before: float, batch: int = 100) -> Collected:
        """Delete up to `batch` runs that ended before an instant, and blobs that no run needs any more, up to a
        thousand."""
        return self._pool.run(lambda connection: index.collect(connection, before, batch))

    # ------------------------------------------------------------------ mailbox

    def send(self, run_id: str, kind: str, body: bytes, at: float) -> int:
        """Leave a letter; gives its number. Raises NotFoundError."""
        mail = (uuid.uuid4().hex, run_id, kind, body, at)
        return self._pool.run(lambda connection: index.send(connection, mail, self._where.channel))

    def letters(self, after: int = 0) -> list[Mail]:
        """Those to any run that nobody has dealt with, numbered above `after`, in order."""
        return self._pool.run(lambda connection: index.letters(connection, after))

    def letter(self, number: int) -> Mail:
        """One letter. Raises NotFoundError."""
        return self._pool.run(lambda connection: index.letter(connection, number))

    def settle(self, number: int, outcome: str) -> None:
        """Say what became of a letter that needed no decision; one that has an outcome keeps it."""
        self._pool.run(lambda connection: index.settle(connection, number, outcome))

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called, on a thread of the watch's own, whenever there may be letters or orphans; what it
        gives ends that. An idle watch asks the database once in half a lease, at most every 5 seconds."""
        watch = Watch(self._where, self._lease.seconds, wake)
        self._watches.append(watch)
        return watch.end
