"""A loop whose clock jumps to the next timer as soon as nothing else is to be done: no test waits for time."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` starts at 0 and moves only when every callback that is ready has run.

    Without timers it waits for the real world, so threads can still wake it; with timers it does not wait for
    threads.
    """

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0 if timeout is not None else None)
        if not events and timeout:
            self._loop.now += timeout
        return events


def run(coroutine: Coroutine[object, object, T]) -> T:
    """Like `asyncio.run`, on a loop of virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


def now() -> float:
    """The running loop's time in seconds."""
    return asyncio.get_running_loop().time()
