"""Virtual time: waiting takes none, runs repeat, and what would hang raises."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from stretto import Engine, step, workflow
from stretto.errors import StrettoError
from stretto.testing import Recorder, StalledError, VirtualLoop, block, run_virtual, virtual_time


async def slept(*seconds: float) -> float:
    """Sleep and give the loop's time."""
    for each in seconds:
        await asyncio.sleep(each)
    return asyncio.get_running_loop().time()


@step
async def nap(seconds: float, *_: object) -> float:
    await asyncio.sleep(seconds)
    return seconds


@step
def blocking_nap(seconds: float) -> float:
    block(seconds)
    return seconds


@step(timeout=5.0, retry=2)
def slow_thread() -> str:
    block(7.0)
    return "late"


@workflow
def two_naps() -> object:
    return [nap(3600.0, nap.named("first")(1800.0)), blocking_nap(900.0)]


class TestTheClock:
    def test_sleeping_takes_no_time(self) -> None:
        """A thousand virtual hours pass at once, and exactly."""
        began = time.perf_counter()
        assert run_virtual(slept(3_600_000.0, 0.5)) == 3_600_000.5
        assert time.perf_counter() - began < 1.0

    def test_timers_fire_in_their_order(self) -> None:
        """Concurrent sleepers wake in the order of their instants."""
        woken: list[float] = []

        async def sleeper(seconds: float) -> None:
            await asyncio.sleep(seconds)
            woken.append(seconds)

        async def everybody() -> None:
            await asyncio.gather(*map(sleeper, (3.0, 1.0, 2.0)))

        run_virtual(everybody())
        assert woken == [1.0, 2.0, 3.0]

    def test_far_from_zero_timers_still_fire(self) -> None:
        """Where a nanosecond is less than a bit of the clock, time still moves on."""
        assert run_virtual(slept(1e9, 0.25, 0.25)) == 1e9 + 0.5

    def test_one_clock_for_several_runs(self) -> None:
        """A clock goes on from run to run, and starts where it was told to."""
        with virtual_time(1000.0) as clock:
            clock.run(slept(5.0))
            clock.run(slept(6.0))
            assert clock.now == 1011.0

    def test_what_the_coroutine_raises_comes_out(self) -> None:
        """Errors pass through unchanged."""

        async def failing() -> None:
            await asyncio.sleep(1.0)
            raise KeyError("gin")

        with pytest.raises(KeyError, match="gin"):
            run_virtual(failing())


class TestHangs:
    def test_waiting_for_nobody_raises(self) -> None:
        """A loop on which nothing can happen raises and names the place that waits."""

        async def waits_for_ever() -> None:
            await asyncio.Event().wait()

        with pytest.raises(StalledError, match=r"test_virtual_clock\.py") as caught:
            run_virtual(waits_for_ever())
        assert len(caught.value.waiting) == 1

    def test_a_timeout_ends_the_wait(self) -> None:
        """A wait that is bounded is no hang."""

        async def bounded() -> float:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 30.0)
            return asyncio.get_running_loop().time()

        assert run_virtual(bounded()) == 30.0

    def test_an_open_socket_is_waited_for(self) -> None:
        """What comes over a socket comes, though no timer is set."""

        async def echo() -> bytes:
            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(await reader.readline())
                writer.close()

            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            async with server:
                reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
                writer.write(b"gin\n")
                line = await reader.readline()
                writer.close()
                await writer.wait_closed()
            return line

        assert run_virtual(echo()) == b"gin\n"


class TestThreads:
    def test_the_clock_stands_still_while_a_thread_works(self) -> None:
        """A thread's real work takes no virtual time, even with a timer set."""
        is_free = threading.Event()

        async def works() -> tuple[bool, float]:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(10.0, is_free.set)
            done = await asyncio.to_thread(is_free.wait, 0.01)
            timer.cancel()
            return done, loop.time()

        assert run_virtual(works()) == (False, 0.0)

    def test_block_waits_for_virtual_time(self) -> None:
        """A blocking step spends virtual time by `block`, side by side with coroutines."""
        recorder = Recorder()
        result = run_virtual(two_naps.with_options(observers=[recorder]).arun())
        assert result.value == [3600.0, 900.0]
        assert result.timing.makespan == 5400.0
        assert result.steps["blocking_nap"].ended_at == 900.0

    def test_a_late_thread_is_adopted(self) -> None:
        """The engine's rules for threads hold on virtual time: a late result counts while the step is open."""

        @workflow
        def late() -> object:
            return slow_thread()

        result = run_virtual(late.with_options(engine=Engine(seed=1)).arun())
        assert result.value == "late"
        assert result.steps["slow_thread"].ended_at == 7.0

    def test_block_outside_virtual_time_raises(self) -> None:
        """On a real loop `block` says what to call instead."""
        with pytest.raises(StrettoError, match=r"time\.sleep"):
            block(1.0)

    def test_a_thread_nobody_waits_for_is_let_go(self) -> None:
        """When the loop ends, a thread in `block` gets an error instead of hanging."""
        ended: list[BaseException] = []

        def blocked() -> None:
            try:
                block(100.0)
            except StrettoError as error:
                ended.append(error)

        async def forgets() -> threading.Thread:
            from contextvars import copy_context

            thread = threading.Thread(target=copy_context().run, args=(blocked,))
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.thread_begins(lambda: None)
            thread.start()
            await asyncio.sleep(1.0)
            return thread

        run_virtual(forgets()).join(5.0)
        assert len(ended) == 1


class TestTheEngine:
    def test_instants_are_those_of_the_clock(self) -> None:
        """Under virtual time a run's instants are exact, from the instant the clock was started at."""
        result = run_virtual(two_naps.arun(), start=1_700_000_000.0)
        assert result.steps["first"].started_at == 1_700_000_000.0
        assert result.steps["nap"].ended_at == 1_700_005_400.0

    def test_runs_repeat(self) -> None:
        """Two runs of one workflow leave equal facts."""

        def facts() -> list[object]:
            recorder = Recorder()
            run_virtual(two_naps.with_options(engine=Engine(seed=3), observers=[recorder]).arun())
            return [fact for fact in recorder.facts if fact[0] != 1]

        assert facts() == facts()
