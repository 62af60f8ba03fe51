"""`Admission`: how many runs of an engine may be at work at once, in all and of each workflow."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from threading import Lock
from typing import TYPE_CHECKING

from stretto.core.policy.numbers import is_count
from stretto.errors import ConfigError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

__all__ = ["Admission"]


class Admission:
    """Lets runs in, first come first served.

    A run first takes a place among those of its workflow, then one among all: a workflow that is full holds up
    nobody else. Places belong to one event loop. Raises ConfigError for a `max_runs` that is no count.
    """

    def __init__(self, max_runs: int | None = None) -> None:
        if max_runs is not None and not is_count(max_runs):
            raise ConfigError(f"max_runs={max_runs!r}; give a whole number, 1 or more.")
        self.max_runs = max_runs
        self._doors: dict[tuple[asyncio.AbstractEventLoop, str | None, int], asyncio.Semaphore] = {}
        self._lock = Lock()

    @asynccontextmanager
    async def place(self, workflow: str, limit: int | None) -> AsyncIterator[bool]:
        """A place for one run of `workflow`, of which at most `limit` are let in; gives whether it had to wait.

        Who is cancelled while it waits leaves the queue.
        """
        doors = [
            self._door(name, count) for name, count in ((workflow, limit), (None, self.max_runs)) if count
        ]
        has_waited = False
        async with AsyncExitStack() as places:
            for door in doors:
                has_waited = has_waited or door.locked()
                await places.enter_async_context(door)
            yield has_waited

    def _door(self, workflow: str | None, count: int) -> asyncio.Semaphore:
        import asyncio

        key = (asyncio.get_running_loop(), workflow, count)
        with self._lock:
            if key not in self._doors:
                self._doors = {known: door for known, door in self._doors.items() if not known[0].is_closed()}
                self._doors[key] = asyncio.Semaphore(count)
            return self._doors[key]
