"""The executor behind blocking steps."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar, copy_context

import pytest

from stretto.runtime.executors import thread as module
from stretto.runtime.executors.thread import ThreadExecutor

_name: ContextVar[str] = ContextVar("name", default="nobody")


async def _call(executor: ThreadExecutor, call: object) -> tuple[object, BaseException | None]:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[tuple[object, BaseException | None]] = loop.create_future()
    executor.submit(call, copy_context(), lambda at, value, error: ended.set_result((value, error)))  # type: ignore[arg-type]
    return await asyncio.wait_for(ended, 5)


def test_a_call_runs_on_a_thread_and_ends_on_the_loop() -> None:
    """The value comes back; the thread is a daemon of its own."""

    async def run() -> None:
        executor = ThreadExecutor(lambda: 7.0)
        thread, _ = await _call(executor, threading.current_thread)
        assert isinstance(thread, threading.Thread)
        assert thread is not threading.current_thread()
        assert thread.daemon
        executor.close()

    asyncio.run(run())


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), StopIteration()])
def test_whatever_a_call_raises_comes_back(error: BaseException) -> None:
    """No exception ends the thread unheard."""

    def raises() -> None:
        raise error

    async def run() -> tuple[object, BaseException | None]:
        return await _call(ThreadExecutor(lambda: 0.0), raises)

    assert asyncio.run(run()) == (None, error)


def test_an_idle_thread_is_used_again() -> None:
    """Calls one after another share a thread as soon as it is idle."""

    async def run() -> int:
        executor = ThreadExecutor(lambda: 0.0)
        seen = set()
        for _ in range(20):
            thread, _ = await _call(executor, threading.current_thread)
            seen.add(thread)
            while not executor._idle:
                await asyncio.sleep(0)
        executor.close()
        return len(seen)

    assert asyncio.run(run()) == 1


def test_a_call_sees_its_context() -> None:
    """Context variables are those of whoever submitted; what the call sets stays with it."""

    def look() -> str:
        seen = _name.get()
        _name.set("thread")
        return seen

    async def run() -> None:
        _name.set("caller")
        assert (await _call(ThreadExecutor(lambda: 0.0), look))[0] == "caller"
        assert _name.get() == "caller"

    asyncio.run(run())


def test_an_idle_thread_goes_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads nobody needs any more end by themselves, so that engines may come and go."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.005)

    async def run() -> None:
        executor = ThreadExecutor(lambda: 0.0)
        thread, _ = await _call(executor, threading.current_thread)
        assert isinstance(thread, threading.Thread)
        thread.join(5)
        assert not thread.is_alive()
        assert executor._idle == []
        assert (await _call(executor, lambda: 1))[0] == 1

    asyncio.run(run())


def test_closing_lets_all_threads_go() -> None:
    """Idle threads end at once, busy ones with their call."""
    go = threading.Event()

    async def run() -> list[threading.Thread]:
        executor = ThreadExecutor(lambda: 0.0)
        idle, _ = await _call(executor, threading.current_thread)
        busy: list[threading.Thread] = []

        def waits() -> None:
            busy.append(threading.current_thread())
            go.wait(5)

        executor.submit(waits, copy_context(), lambda at, value, error: None)
        executor.close()
        go.set()
        assert isinstance(idle, threading.Thread)
        return [idle, *busy]

    for thread in asyncio.run(run()):
        thread.join(5)
        assert not thread.is_alive()
