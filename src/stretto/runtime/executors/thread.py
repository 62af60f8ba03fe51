"""Blocking steps on threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import Context
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stretto.ports import Clock, ThreadEnd

__all__ = ["ThreadExecutor"]

_Job = tuple[Callable[[], object], Context, "ThreadEnd"]


class ThreadExecutor:
    """As many threads as there are blocking attempts at once; idle ones are reused.

    The run's permits bound them: a queue in here would be a second limit nobody sees, with timeouts running while
    an attempt waits in it. Threads are daemons, so that one that never returns does not keep the process alive.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._idle: list[SimpleQueue[_Job | None]] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def submit(self, call: Callable[[], object], context: Context, ended: ThreadEnd) -> None:
        """Run `call` on a thread; `ended` follows on the loop unless it has closed by then."""
        with self._lock:
            queue = self._idle.pop() if self._idle else None
        if queue is None:
            queue = SimpleQueue()
            threading.Thread(target=self._work, args=(queue,), name="stretto-step", daemon=True).start()
        queue.put((call, context, ended))

    def close(self) -> None:
        """Let idle threads go; busy ones go when their call returns."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for queue in idle:
            queue.put(None)

    def _work(self, queue: SimpleQueue[_Job | None]) -> None:
        while True:
            job = queue.get()
            if job is None:
                return
            self._run(*job)
            del job  # an idle thread holds no one's values
            with self._lock:
                if self._is_closed:
                    return
                self._idle.append(queue)

    def _run(self, call: Callable[[], object], context: Context, ended: ThreadEnd) -> None:
        value: object = None
        error: BaseException | None = None
        try:
            value = context.run(call)
        except BaseException as raised:  # noqa: BLE001  # whatever a step raises is its result, SystemExit too
            error = raised
        try:
            self._loop.call_soon_threadsafe(ended, self._clock(), value, error)
        except RuntimeError:
            # The loop closed while the thread was still at work: the run has ended without it and said so.
            return
