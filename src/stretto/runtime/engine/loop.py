"""An event loop for one run that nobody can hold open."""

from __future__ import annotations

import asyncio
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from types import FrameType

__all__ = ["run_to_end"]

_LAST_WAIT = 0.2
"""Seconds for what is left on the loop: the run has ended, and its grace with it."""

T = TypeVar("T")


def run_to_end(main: Coroutine[object, object, T]) -> T:
    """Like `asyncio.run`, but what outlives `main`, and ignores its end, is left behind.

    `asyncio.run` would wait for ever for an abandoned coroutine, or for a thread that a step handed a call to.
    As there, the first Ctrl-C cancels `main` and raises KeyboardInterrupt when it has ended, the second at once;
    whoever has set a handler of his own for it keeps it.
    """
    threads = ThreadPoolExecutor(thread_name_prefix="stretto-loop")
    loop = asyncio.new_event_loop()
    loop.set_default_executor(threads)
    try:
        asyncio.set_event_loop(loop)
        task = loop.create_task(main)
        with _cancelled_by_interrupt(loop, task):
            return loop.run_until_complete(task)
    finally:
        _leave(loop)
        threads.shutdown(wait=False, cancel_futures=True)
        asyncio.set_event_loop(None)
        loop.close()


def _leave(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=_LAST_WAIT))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.set_exception_handler(lambda _loop, _context: None)  # tasks left behind need no epitaph


@contextmanager
def _cancelled_by_interrupt(loop: asyncio.AbstractEventLoop, task: asyncio.Task[T]) -> Iterator[None]:
    was_interrupted = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal was_interrupted
        if was_interrupted:
            raise KeyboardInterrupt
        was_interrupted = True
        loop.call_soon_threadsafe(task.cancel)

    is_ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if is_ours:
        signal.signal(signal.SIGINT, on_signal)
    try:
        yield
    except asyncio.CancelledError:
        if was_interrupted:
            raise KeyboardInterrupt from None
        raise
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
