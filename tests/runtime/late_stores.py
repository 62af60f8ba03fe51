"""Journal stores that commit later than they are asked to, or never."""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from stretto.runtime.stores.journals import MemoryJournals

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.core.journal.facts import Fact


class LateStore(MemoryJournals):
    """Commits each decision `delay` seconds after it was appended, in order."""

    def __init__(self, delay: float = 0.0) -> None:
        super().__init__()
        self.delay = delay
        self.committed: list[Fact] = []
        self._callbacks: dict[str, Callable[[], None]] = {}
        self._last: asyncio.TimerHandle | None = None

    def open(
        self, run_id: str, committed: Callable[[], None], failed: Callable[[BaseException], None]
    ) -> None:
        super().open(run_id, committed, failed)
        self._callbacks[run_id] = committed

    def append(self, run_id: str, facts: list[Fact]) -> bool:
        super().append(run_id, facts)
        loop = asyncio.get_running_loop()
        at = loop.time() + self.delay
        if self._last is not None:
            at = max(at, self._last.when())
        self._last = loop.call_at(at, self._commit, run_id, list(facts))
        return False

    def _commit(self, run_id: str, facts: list[Fact]) -> None:
        self.committed.extend(facts)
        self._callbacks[run_id]()


class ThreadedStore(MemoryJournals):
    """One writer thread. `dies_at` is the number of the decision at which it dies, counted from 1."""

    def __init__(self, dies_at: int | None = None) -> None:
        super().__init__()
        self._dies_at = dies_at
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._calls: dict[str, tuple[Callable[[], None], Callable[[BaseException], None]]] = {}
        self._written = 0
        self._writer = threading.Thread(target=self._write, daemon=True)

    def open(
        self, run_id: str, committed: Callable[[], None], failed: Callable[[BaseException], None]
    ) -> None:
        if self._dies_at is not None and self._written >= self._dies_at:
            raise OSError("the disk is full")
        super().open(run_id, committed, failed)
        self._loop = asyncio.get_running_loop()
        self._calls[run_id] = (committed, failed)
        if self._writer.ident is None:
            self._writer.start()

    def append(self, run_id: str, facts: list[Fact]) -> bool:
        super().append(run_id, facts)
        self._queue.put(self._calls[run_id][0])
        return False

    def stop(self) -> None:
        """Let the writer end."""
        self._queue.put(None)
        self._writer.join()

    def _write(self) -> None:
        assert self._loop is not None
        while (committed := self._queue.get()) is not None:
            self._written += 1
            if self._written == self._dies_at:
                for _, failed in list(self._calls.values()):
                    self._loop.call_soon_threadsafe(failed, OSError("the disk is full"))
                return
            self._loop.call_soon_threadsafe(committed)


class RefusingStore(MemoryJournals):
    """Raises at the decision number `refuses_at`, counted from 1."""

    def __init__(self, refuses_at: int) -> None:
        super().__init__()
        self._left = refuses_at

    def append(self, run_id: str, facts: list[Fact]) -> bool:
        self._left -= 1
        if not self._left:
            raise OSError("the disk is full")
        return super().append(run_id, facts)


class DisorderlyStore(LateStore):
    """Says that the second decision is committed although the first is not."""

    def append(self, run_id: str, facts: list[Fact]) -> bool:
        is_first = not self.facts(run_id)
        super().append(run_id, facts)
        return not is_first
