"""A store that ends with its process: the same promises in dictionaries."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from typing import TYPE_CHECKING, Final

from stretto.errors import (
    FencedError,
    NotFoundError,
    RunOwnedError,
    StoreDamagedError,
    StoreError,
    StrettoError,
)
from stretto.ports import ENDED, Collected, Mail, RunRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stretto.ports import Entry, NewRun, OpenWait, RowChange, Told

__all__ = ["MemoryStore"]

_LIVE: Final = ("queued", "running", "waiting")


class _Run:
    """Everything of one run. `held` is the epoch that owns it now, 0 for nobody; `lost` the one that has died."""

    def __init__(self, row: RunRow) -> None:
        self.row = row
        self.held = 0
        self.lost = 0
        self.entries: list[bytes] = []
        self.waits: dict[str, OpenWait] = {}
        self.blobs: set[str] = set()

    def seen(self) -> RunRow:
        return self.row._replace(owner=_here()) if self.held else self.row

    def apply(self, change: RowChange) -> None:
        """Set what a decision changes."""
        named = zip(("status", "cause", "started_at", "ended_at", "steps", "done"), change, strict=False)
        set_now = {name: value for name, value in named if value is not None}
        self.row = self.row._replace(**set_now)  # type: ignore[arg-type]  # the columns of both are the same
        for path in change.closed:
            self.waits.pop(path, None)
        self.waits.update((wait.path, wait) for wait in change.opened)


def _here() -> str:
    return f"{os.getpid()}@{os.uname().nodename}"


class MemoryStore:
    """A `Store` in memory. Appends are committed at once; `told` is called before `append` returns."""

    is_quick = True
    keeps_secrets = True

    def __init__(self) -> None:
        self.url = "memory"
        self._lock = threading.RLock()
        self._runs: dict[str, _Run] = {}
        self._keys: dict[str, str] = {}
        self._blobs: dict[str, bytes] = {}
        self._letters: dict[int, Mail] = {}
        self._last_letter = 0
        self._watches: list[Callable[[], None]] = []
        self._closed = False

    # ---------------------------------------------------------------- journals

    def acquire(self, run_id: str) -> int:
        """Become the run's owner. Raises RunOwnedError, NotFoundError."""
        with self._lock:
            run = self._run(run_id)
            if run.held:
                raise RunOwnedError(run_id, _here())
            run.row = run.row._replace(epoch=run.row.epoch + 1)
            run.held = run.row.epoch
            return run.held

    def release(self, run_id: str, epoch: int) -> None:
        """Be its owner no longer."""
        with self._lock:
            run = self._runs.get(run_id)
            if run is None or run.held != epoch:
                return
            run.held = 0
        self._wake()

    def lose_owner(self, run_id: str) -> None:
        """Let a run's owner die without a word, as if its process had been killed: of what it appends from now
        on nothing is written, and anybody may acquire the run."""
        with self._lock:
            run = self._run(run_id)
            run.lost, run.held = run.held, 0
        self._wake()

    def append(self, run_id: str, epoch: int, entry: Entry, told: Told, *, may_wait: bool = False) -> bool:
        """Commit an entry now."""
        del may_wait  # it tells in the same call
        try:
            with self._lock:
                self._commit(self._run(run_id), epoch, entry)
        except (NotFoundError, FencedError) as error:
            told([run_id], error)
        else:
            told([run_id], None)
        return False

    def _commit(self, run: _Run, epoch: int, entry: Entry) -> None:
        if epoch != run.row.epoch or epoch == run.lost:
            raise FencedError(run.row.run_id, epoch)
        run.entries.append(entry.body)
        if entry.change is not None:
            run.apply(entry.change)
        for digest, body in entry.blobs.items():
            self._blobs.setdefault(digest, body)
            run.blobs.add(digest)
        for number, outcome in entry.taken:
            self._settle(number, outcome)

    def entries(self, run_id: str, after: int = 0) -> list[bytes]:
        """The bodies in order, without the first `after` ones. Raises NotFoundError."""
        with self._lock:
            return self._run(run_id).entries[after:]

    def close(self) -> None:
        """Give up what is owned; nothing works from now on."""
        with self._lock:
            self._closed = True
            self._watches.clear()

    # ---------------------------------------------------------------- blobs

    def blob(self, digest: str) -> bytes:
        """A large value. Raises StoreDamagedError where it is missing or is not what its hash says."""
        with self._lock:
            self._ask()
            body = self._blobs.get(digest)
        if body is None or hashlib.sha256(body).hexdigest() != digest:
            what = "is missing" if body is None else "is not what its hash says"
            raise StoreDamagedError(
                f"Value {digest} {what} in the store in memory; it was put there by hand."
            )
        return body

    # ---------------------------------------------------------------- the index

    def create(self, new: NewRun) -> RunRow:
        """Note a new run, or give the one of its key. Raises StrettoError if the id is taken."""
        with self._lock:
            self._ask()
            known = self._keys.get(new.key) if new.key is not None else None
            if known is not None:
                return self._runs[known].seen()
            if new.run_id in self._runs:
                raise StrettoError(f"There is a run {new.run_id!r} already; give each run an id of its own.")
            row = RunRow(*new, "queued", "", None, None, 0, None, 0, 0)
            self._runs[new.run_id] = _Run(row)
            if new.key is not None:
                self._keys[new.key] = new.run_id
        self._wake()
        return row

    def run(self, run_id: str) -> RunRow:
        """One run. Raises NotFoundError."""
        with self._lock:
            return self._run(run_id).seen()

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
        with self._lock:
            self._ask()
            found = [
                run.seen()
                for run in reversed(self._runs.values())
                if run.row.run_id.startswith(prefix)
                and (not statuses or run.row.status in statuses)
                and workflow in (None, run.row.workflow)
                and (since is None or run.row.created_at >= since)
            ]
        return sorted(found, key=lambda row: row.created_at, reverse=True)[:limit]

    def orphans(self) -> list[RunRow]:
        """Runs to be gone on with that nobody owns; the oldest first."""
        with self._lock:
            self._ask()
            found = [run.row for run in self._runs.values() if run.row.status in _LIVE and not run.held]
        return sorted(found, key=lambda row: row.created_at)

    def set_status(self, run_id: str, status: str) -> None:
        """Set the status of a run that nobody owns. Raises RunOwnedError, NotFoundError."""
        with self._lock:
            run = self._run(run_id)
            if run.held:
                raise RunOwnedError(run_id, _here())
            run.row = run.row._replace(status=status)
            if status in ENDED:
                run.waits.clear()
                run.row = run.row._replace(ended_at=run.row.ended_at or time.time())

    def waits(self, run_id: str | None = None) -> list[OpenWait]:
        """What a run, or any run, waits for; the oldest first."""
        with self._lock:
            self._ask()
            found = [
                wait
                for name, run in self._runs.items()
                if run_id in (None, name)
                for wait in run.waits.values()
            ]
        return sorted(found, key=lambda wait: wait.asked_at)

    def collect(self, before: float, batch: int = 100) -> Collected:
        """Delete up to `batch` runs that ended before an instant, and blobs that no run needs any more."""
        with self._lock:
            self._ask()
            gone = [run for run in self._runs.values() if _has_ended(run, before)][:batch]
            for run in gone:
                self._forget(run)
            needed = set[str]().union(*(run.blobs for run in self._runs.values()))
            freed = [self._blobs.pop(digest) for digest in self._blobs.keys() - needed]
            return Collected(len(gone), len(freed), sum(map(len, freed)))

    def _forget(self, run: _Run) -> None:
        run_id, key = run.row.run_id, run.row.key
        del self._runs[run_id]
        if key is not None:
            del self._keys[key]
        self._letters = {n: mail for n, mail in self._letters.items() if mail.run_id != run_id}

    # ---------------------------------------------------------------- letters

    def send(self, run_id: str, kind: str, body: bytes, at: float) -> int:
        """Leave a letter; gives its number. Raises NotFoundError."""
        with self._lock:
            self._run(run_id)
            self._last_letter = number = self._last_letter + 1
            self._letters[number] = Mail(number, run_id, kind, body, at, "")
        self._wake()
        return number

    def letters(self, after: int = 0) -> list[Mail]:
        """Those that nobody has dealt with, numbered above `after`, in order."""
        with self._lock:
            self._ask()
            return [mail for n, mail in self._letters.items() if n > after and not mail.outcome]

    def letter(self, number: int) -> Mail:
        """One letter. Raises NotFoundError."""
        with self._lock:
            self._ask()
            if number not in self._letters:
                raise NotFoundError("letter", str(number))
            return self._letters[number]

    def settle(self, number: int, outcome: str) -> None:
        """Say what became of a letter; one that has an outcome keeps it."""
        with self._lock:
            self._ask()
            self._settle(number, outcome)

    def _settle(self, number: int, outcome: str) -> None:
        mail = self._letters.get(number)
        if mail is not None and not mail.outcome:
            self._letters[number] = mail._replace(outcome=outcome)

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called whenever there may be letters or orphans; what it gives ends that."""
        with self._lock:
            self._ask()
            self._watches.append(wake)

        def end() -> None:
            with self._lock:
                if wake in self._watches:
                    self._watches.remove(wake)

        return end

    def _wake(self) -> None:
        # outside the lock: whoever is woken may ask the store, on any thread
        for wake in tuple(self._watches):
            wake()

    # ---------------------------------------------------------------- both

    def _ask(self) -> None:
        if self._closed:
            raise StoreError("The store in memory is closed, and what it held is gone; open a new one.")

    def _run(self, run_id: str) -> _Run:
        self._ask()
        try:
            return self._runs[run_id]
        except KeyError:
            raise NotFoundError("run", run_id) from None


def _has_ended(run: _Run, before: float) -> bool:
    ended = run.row.ended_at
    return not run.held and ended is not None and ended < before and run.row.status not in _LIVE
