"""Helpers of tests about stores: a listener, short ways to make runs, and races."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from stretto.errors import StrettoError
from stretto.ports import Entry, NewRun, RowChange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stretto.ports import Store

PATIENCE = 10.0
"""Seconds after which a test no longer believes that something will happen."""


class Listener:
    """A `told` that remembers everything and can be waited for."""

    def __init__(self) -> None:
        self.committed: list[str] = []
        self.errors: list[tuple[str, BaseException]] = []
        self.calls = 0
        self._news = threading.Condition()

    def __call__(self, run_ids: Sequence[str], error: BaseException | None) -> None:
        with self._news:
            self.calls += 1
            if error is None:
                self.committed.extend(run_ids)
            else:
                self.errors.extend((run_id, error) for run_id in run_ids)
            self._news.notify_all()

    def wait(self, count: int) -> list[str]:
        """The runs committed so far, at least `count` of them."""
        with self._news:
            arrived = self._news.wait_for(lambda: len(self.committed) >= count, PATIENCE)
        assert arrived, f"{len(self.committed)} of {count} appends were committed; errors: {self.errors}"
        return list(self.committed)

    def wait_error(self, run_id: str) -> BaseException:
        """The first error a run was told."""
        with self._news:
            self._news.wait_for(lambda: any(each == run_id for each, _ in self.errors), PATIENCE)
        return next(error for each, error in self.errors if each == run_id)


def new_run(run_id: str = "r1", **changes: object) -> NewRun:
    """A run to be created; only what is named differs between tests."""
    plain = NewRun(run_id=run_id, workflow="assess", created_at=100.0)
    return plain._replace(**changes)  # type: ignore[arg-type]


def append_all(store: Store, run_id: str, epoch: int, *entries: Entry) -> None:
    """Append, and wait until all of it is committed."""
    listener = Listener()
    for entry in entries:
        store.append(run_id, epoch, entry, listener)
    listener.wait(len(entries))


def begin(store: Store, run_id: str = "r1", **changes: object) -> int:
    """Create and acquire a run; its epoch."""
    store.create(new_run(run_id, **changes))
    return store.acquire(run_id)


def end_run(store: Store, run_id: str, at: float, blobs: Mapping[str, bytes] | None = None) -> None:
    """A whole run that succeeded at an instant and has no owner."""
    epoch = begin(store, run_id)
    change = RowChange(status="succeeded", ended_at=at)
    append_all(store, run_id, epoch, Entry(b"{}", change, blobs or {}))
    store.release(run_id, epoch)


def digest_of(body: bytes) -> str:
    """A blob's name."""
    return hashlib.sha256(body).hexdigest()


def races(count: int, action: Callable[[int], object]) -> list[object]:
    """What `count` threads get that act at the same moment; an error counts as what it got."""
    gate = threading.Barrier(count)

    def act(number: int) -> object:
        gate.wait(PATIENCE)
        try:
            return action(number)
        except StrettoError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))
