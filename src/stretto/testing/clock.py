"""A clock that jumps: an event loop on which waiting takes no real time and every run is the same.

When nothing is ready, the clock jumps to the next timer (the idea is Trio's `MockClock(autojump_threshold=0)`).
It stands still while a thread is at work, so that a blocking step takes no virtual time but what it spends in
`block`. Nothing here patches asyncio or time: code that asks the loop for the time gets virtual time, code
that asks the machine gets the machine's.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from contextvars import ContextVar
from math import ulp
from typing import TYPE_CHECKING, Any, Final, TypeVar

from stretto.errors import StrettoError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

__all__ = ["StalledError", "VirtualLoop", "VirtualTime", "block", "run_virtual", "virtual_time"]

R = TypeVar("R")

_RESOLUTION: Final = 1e-9
_OWN_SOCKETS: Final = 1  # the one by which threads wake the loop

_virtual_loop: ContextVar[VirtualLoop | None] = ContextVar("stretto_virtual_loop", default=None)


class StalledError(StrettoError):
    """Nothing can ever happen on a virtual loop; `waiting` says which tasks wait, and where."""

    def __init__(self, waiting: tuple[str, ...]) -> None:
        self.waiting = waiting
        super().__init__(waiting)

    def __str__(self) -> str:
        tasks = "".join(f"\n  {task}" for task in self.waiting) or " no task"
        return (
            "Nothing can ever happen: no timer is set, no thread is at work, no socket is open, and these tasks "
            f"wait for one another or for nobody. Set what they wait for, or give them a timeout:{tasks}"
        )


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` starts at 0 and jumps. `epoch` is the instant (seconds since 1970) of its 0.

    A socket that is open and silent does not hold the clock back: use virtual time with fakes, not with
    networks. Raises StalledError out of `run_until_complete` where a real loop would hang for ever.
    """

    def __init__(self, epoch: float = 0.0) -> None:
        self.epoch = epoch
        self._elapsed = 0.0
        self._busy = 0
        self._parked: set[_Parked] = set()
        super().__init__(_Jumping(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._elapsed

    def thread_begins(self, ended: Callable[..., None]) -> Callable[..., None]:
        """Hold the clock for a thread that is given work; gives what to call, on the loop, in place of `ended`."""
        self._busy += 1

        def ends(*args: object) -> None:
            self._busy -= 1
            ended(*args)

        return ends

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]  # passed on as it comes
        """As the base class; the clock stands still until the call has ended."""
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self.thread_begins(lambda _: None))
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002  # the base class's signature; a virtual timeout would be over at once
        """As the base class, waiting as long as it takes."""
        self._busy += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._busy -= 1

    def close(self) -> None:
        """End the loop; threads that sit in `block` get StrettoError."""
        for parked in tuple(self._parked):
            parked.wake()
        super().close()

    def parks(self, seconds: float, parked: _Parked) -> bool:
        """Take a thread that begins to wait for virtual time; False when the loop has closed."""
        self._parked.add(parked)  # before the loop is told: a loop that closes meanwhile wakes it
        try:
            self.call_soon_threadsafe(self._park, seconds, parked)
        except RuntimeError:
            return False
        return True

    def _park(self, seconds: float, parked: _Parked) -> None:
        self._busy -= 1  # it no longer holds the clock
        self.call_later(seconds, self._unpark, parked)

    def _unpark(self, parked: _Parked) -> None:
        self._busy += 1
        self._parked.discard(parked)
        parked.is_due = True
        parked.wake()

    def jump(self) -> None:
        """Move the clock to the next timer. Raises StalledError if there is none."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # BaseEventLoop's heap
        if not timers:
            raise StalledError(_waiting(self))
        self._elapsed = max(self._elapsed, timers[0].when())
        # What is due is compared with time() + resolution: far from 0 a nanosecond is less than a bit.
        self._clock_resolution = max(_RESOLUTION, ulp(self._elapsed))

    def is_held(self) -> bool:
        """Whether a thread is at work, so that the clock must stand still."""
        return self._busy > 0


class _Parked:
    """One thread in `block`."""

    def __init__(self) -> None:
        self.is_due = False
        self._woken = threading.Event()
        self.wake = self._woken.set

    def waits(self) -> bool:
        """Wait until the clock has come, or the loop has gone; whether it has come."""
        self._woken.wait()
        return self.is_due


class _Jumping(selectors.DefaultSelector):
    """Looks at the sockets, then jumps where a real selector would wait."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Events that are there; otherwise waits for threads, or moves the clock."""
        loop = self._loop
        found: list[tuple[selectors.SelectorKey, int]] = super().select(
            None if loop.is_held() and timeout != 0 else 0
        )
        if found or timeout == 0 or loop.is_held():
            return found
        if timeout is None and len(self.get_map()) > _OWN_SOCKETS:
            return super().select(None)
        loop.jump()
        return []


def _waiting(loop: asyncio.AbstractEventLoop) -> tuple[str, ...]:
    return tuple(sorted(_place(task) for task in asyncio.all_tasks(loop)))


def _place(task: asyncio.Task[object]) -> str:
    stack = task.get_stack(limit=1)
    where = f" at {stack[0].f_code.co_filename}:{stack[0].f_lineno}" if stack else ""
    return f"{task.get_name()}{where}"


def block(seconds: float) -> None:
    """`time.sleep` for blocking steps under virtual time: the thread waits until the virtual clock has moved on.

    Raises StrettoError outside virtual time, and when the loop ended while the thread was waiting.
    """
    loop = _virtual_loop.get()
    if loop is None:
        raise StrettoError("block() needs virtual time: run this with run_virtual(…), or call time.sleep.")
    parked = _Parked()
    if not loop.parks(seconds, parked) or not parked.waits():
        raise StrettoError("Virtual time has ended while this thread was at work; nobody waits for it.")


class VirtualTime:
    """Several runs on one virtual clock: ``with virtual_time() as time: time.run(flow.arun())``."""

    def __init__(self, start: float) -> None:
        self._loop = VirtualLoop(start)
        self._runner = asyncio.Runner(loop_factory=lambda: self._loop)

    def __enter__(self) -> VirtualTime:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._runner.close()

    @property
    def now(self) -> float:
        """The virtual instant, in seconds since the epoch."""
        return self._loop.epoch + self._loop.time()

    def run(self, coro: Coroutine[object, object, R]) -> R:
        """Run a coroutine to its end. Raises what it raises, and StalledError where it would wait for ever."""
        token = _virtual_loop.set(self._loop)
        try:
            return self._runner.run(coro)
        finally:
            _virtual_loop.reset(token)


def virtual_time(start: float = 0.0) -> VirtualTime:
    """A virtual clock that stands at `start` (seconds since the epoch), to run coroutines on."""
    return VirtualTime(start)


def run_virtual(coro: Coroutine[object, object, R], *, start: float = 0.0) -> R:
    """`asyncio.run` on a virtual clock of its own that stands at `start` (seconds since the epoch).

    Raises what the coroutine raises, and StalledError where it would wait for ever.
    """
    with virtual_time(start) as time:
        return time.run(coro)
