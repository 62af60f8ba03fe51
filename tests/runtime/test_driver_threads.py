"""Blocking steps: threads that cannot be stopped, and what becomes of their results."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from stretto import Engine, Retry, current, step, workflow
from stretto.testing import block, run_virtual


def test_blocking_steps_overlap() -> None:
    """Two blocking steps meet at a barrier that neither could pass alone."""
    barrier = threading.Barrier(2)

    @step
    def meet(number: int) -> int:
        barrier.wait(5)
        return number

    @workflow
    def flow() -> object:
        return meet.map([1, 2])

    assert flow.run().value == [1, 2]


def test_the_loop_goes_on_beside_a_blocking_step() -> None:
    """A blocking step blocks its thread, not the run."""
    told = threading.Event()

    @step
    def waits() -> bool:
        return told.wait(5)

    @step
    async def tells() -> None:
        told.set()

    @workflow
    def flow() -> object:
        return [waits(), tells()]

    assert flow.run().value == [True, None]


def test_a_timed_out_thread_is_lost_at_once() -> None:
    """The verdict falls at the timeout; the run does not wait for the thread to end."""
    go = threading.Event()

    @step(timeout=0.01, optional=True, default="none")
    def stuck() -> str:
        go.wait(5)
        return "late"

    @workflow
    def flow() -> str:
        return stuck()

    began = time.perf_counter()
    assert flow.run().value == "none"
    assert time.perf_counter() - began < 1
    go.set()


def test_a_late_thread_is_adopted_while_its_step_is_open() -> None:
    """Its result counts if it comes during the pause before the next attempt; no second attempt runs."""
    tries: list[int] = []

    @step(timeout=1, retry=Retry(attempts=2, first_wait=60, jitter=False))
    def slow() -> str:
        tries.append(current().attempt)
        block(5)
        return "late but good"

    @workflow
    def flow() -> str:
        return slow()

    result = run_virtual(flow.arun())
    assert result.value == "late but good"
    assert tries == [1]
    assert result.steps["slow"].state == "succeeded"


def test_a_thread_is_retried_beside_the_old_one() -> None:
    """A thread cannot be told to stop, so its second attempt does not wait for it; who is first wins."""
    tries: list[int] = []

    @step(timeout=2, retry=Retry(attempts=2, first_wait=0))
    def slow() -> int:
        tries.append(1)
        mine = len(tries)
        block(10 if mine == 1 else 1)
        return mine

    @workflow
    def flow() -> int:
        return slow()

    assert run_virtual(flow.arun()).value == 2


def test_a_thread_keeps_its_permit_until_it_ends() -> None:
    """Timed out, a thread still counts against the run's cap and its named limit."""
    spans: list[tuple[float, str]] = []

    @step(timeout=1, optional=True, default=None, limit="one")
    def stuck() -> None:
        block(5)

    @step(limit="one")
    async def after() -> None:
        spans.append((asyncio.get_running_loop().time(), "after"))

    @workflow
    def flow() -> object:
        return [stuck(), after()]

    run_virtual(flow.with_options(engine=Engine(limits={"one": 1})).arun())
    assert spans == [(5.0, "after")]


def test_a_thread_that_ends_within_the_grace_of_a_cancel_is_kept() -> None:
    """Finished work is never thrown away needlessly."""

    @step
    def slow() -> str:
        block(2)
        return "done"

    @step
    async def bad() -> None:
        await asyncio.sleep(1)
        raise ValueError

    @workflow(on_failure="fail_fast")
    def flow() -> None:
        slow()
        bad()

    result = run_virtual(flow.with_options(engine=Engine(grace=10)).aresult())
    assert result.steps["slow"].value == "done"
    assert result.status == "failed"


def test_within_a_thread_current_works() -> None:
    """A blocking step knows its run and path, and may log and report from its thread."""

    @step
    def report() -> str:
        attempt = current()
        attempt.usage(input_tokens=3, output_tokens=4, cost=0.5)
        attempt.progress(1, 2, "half")
        attempt.output("text")
        attempt.logger.info("done %d", 1)
        return f"{attempt.path}#{attempt.attempt}"

    @workflow
    def flow() -> str:
        return report()

    result = flow.run()
    assert result.value == "report#1"
    assert (result.usage.calls, result.usage.input_tokens, result.usage.cost) == (1, 3, 0.5)


@pytest.mark.slow
def test_a_thousand_blocking_steps_at_once() -> None:
    """A thousand threads run at the same time: each waits for all the others."""
    barrier = threading.Barrier(1000)

    @step
    def meet(number: int) -> int:
        barrier.wait(30)
        return number

    @workflow
    def flow() -> object:
        return meet.map(list(range(1000)))

    assert flow.run().value == list(range(1000))


def test_a_thread_that_cannot_be_had_fails_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the system gives no more threads the step has failed, and may be tried again; the run goes on."""
    refused: list[str] = []
    start = threading.Thread.start

    def refuse_once(thread: threading.Thread) -> None:
        if thread.name == "stretto-step" and not refused:
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    @step(retry=Retry(attempts=2, first_wait=0))
    def blocking() -> str:
        return "second"

    @workflow
    def flow() -> str:
        return blocking()

    monkeypatch.setattr(threading.Thread, "start", refuse_once)
    result = flow.run()
    assert result.value == "second"
    first = result.steps["blocking"].attempts[0].failure
    assert first is not None
    assert first.message == "can't start new thread"


def test_the_cap_bounds_threads_too() -> None:
    """Never more blocking steps at once than permits."""
    running: list[int] = []
    most: list[int] = []

    @step
    def one(number: int) -> None:
        running.append(number)
        most.append(len(running))
        time.sleep(0.001)
        running.remove(number)

    @workflow(max_concurrency=2)
    def flow() -> object:
        return one.map(list(range(8)))

    flow.run()
    assert max(most) == 2


@pytest.mark.slow
def test_the_process_exits_although_a_thread_never_ends() -> None:
    """A step's thread that hangs for ever does not keep the process alive."""
    program = """
import threading
from stretto import step, workflow

@step(timeout=0.05, optional=True, default="gave up")
def hangs() -> str:
    threading.Event().wait()
    return "never"

@workflow
def flow() -> str:
    return hangs()

print(flow.run().value)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.returncode) == ("gave up\n", 0), done.stderr


def test_a_thread_that_cannot_be_stopped_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Once an attempt that was cut, with its step's path and what to do instead."""

    @step(timeout=1, optional=True, default=0)
    def sleepy() -> int:
        block(5)
        return 1

    @workflow
    def flow() -> int:
        return sleepy()

    with caplog.at_level("WARNING", "stretto.engine"):
        run_virtual(flow.arun())
    told = [record.getMessage() for record in caplog.records if "cannot be stopped" in record.getMessage()]
    assert len(told) == 1
    assert "attempt 1 of 'sleepy'" in told[0]
    assert "executor='process'" in told[0]
