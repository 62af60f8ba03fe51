"""Blocking steps on threads."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextvars import Context
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stretto.ports import Clock, ThreadEnd

__all__ = ["IDLE_SECONDS", "ThreadExecutor"]

_log = logging.getLogger("stretto.engine")

IDLE_SECONDS: Final = 5.0
"""How long a thread waits for another call before it goes."""

_Job = tuple[Callable[[], object], Context, "ThreadEnd"]


class ThreadExecutor:
    """As many threads as there are blocking attempts at once; idle ones are reused.

    The run's permits bound them: a queue in here would be a second limit nobody sees, with timeouts running
    while an attempt waits in it. Threads are daemons, so that one that never returns does not keep the
    process alive.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        # A virtual clock has to stand still while a thread is at work; a real loop knows nothing of this.
        self._begins: Callable[[ThreadEnd], ThreadEnd] | None = getattr(self._loop, "thread_begins", None)
        self._idle: list[SimpleQueue[_Job | None]] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def submit(self, call: Callable[[], object], context: Context, ended: ThreadEnd) -> None:
        """Run `call` on a thread; `ended` follows on the loop unless it has closed by then."""
        if self._begins is not None:
            ended = self._begins(ended)
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
            try:
                job = queue.get(timeout=IDLE_SECONDS)
            except Empty:
                if self._is_retired(queue):
                    return
                continue
            if job is None:
                return
            self._run(*job)
            del job  # an idle thread holds no one's values
            with self._lock:
                if self._is_closed:
                    return
                self._idle.append(queue)

    def _is_retired(self, queue: SimpleQueue[_Job | None]) -> bool:
        """Take an idle thread out of the list; False if it has just been given a job."""
        with self._lock:
            if queue in self._idle:
                self._idle.remove(queue)
                return True
        return False

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
            _log.warning("a blocking call ended after its run and its event loop; its result was not used")
