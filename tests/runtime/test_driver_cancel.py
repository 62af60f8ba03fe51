"""Cancelling: by the caller, by a deadline, by the step itself – and steps that take it badly."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from stretto import Engine, Retry, step, workflow
from stretto.errors import RunCancelledError, RunFailedError
from stretto.testing import Recorder, run_virtual

if TYPE_CHECKING:
    from stretto import RunResult
    from stretto.api.workflow import Workflow
    from stretto.runtime.engine.driver import RunDriver


async def _cancelled_after(
    flow: Workflow[[], object], seconds: float, *, why: str = "enough", **options: object
) -> RunResult[object]:
    """Run a workflow and ask it to end after so many seconds."""
    drivers: list[RunDriver] = []
    guarded = flow.with_options(**options)  # type: ignore[arg-type]
    task = asyncio.create_task(guarded.start({}, started=drivers.append))
    await asyncio.sleep(seconds)
    drivers[0].cancel(why)
    return await task


def test_cancelled_before_its_first_line_a_step_ends_the_run() -> None:
    """A step whose task was made and cancelled before it ran is cancelled, and the run does not hang."""
    ran: list[str] = []

    @step
    async def never() -> None:
        ran.append("never")

    @workflow
    def flow() -> None:
        never()

    async def run() -> RunResult[object]:
        drivers: list[RunDriver] = []

        def cancel_at_once(driver: RunDriver) -> None:
            drivers.append(driver)
            asyncio.get_running_loop().call_soon(driver.cancel, "before its first line")

        return await asyncio.wait_for(flow.start({}, started=cancel_at_once), 5)

    result = run_virtual(run())
    assert result.status == "cancelled"
    assert result.steps["never"].state == "cancelled"
    assert len(result.steps["never"].attempts) == 1
    assert ran == []


def test_cancelled_before_the_run_began_nothing_starts() -> None:
    """Asked to end before the run is executed, it ends cancelled without starting a step."""

    @step
    async def never() -> None: ...

    @workflow
    def flow() -> None:
        never()

    result = run_virtual(flow.start({}, started=lambda driver: driver.cancel("not today")))
    assert result.status == "cancelled"
    assert result.steps["never"].attempts == ()
    with pytest.raises(RunCancelledError, match="not today"):
        result.value  # noqa: B018  # reading it raises


def test_a_swallowed_cancellation_is_no_success() -> None:
    """A step that catches its cancellation and returns late has timed out, whatever it returns."""

    @step(timeout=1)
    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(1)
        return "late"

    @workflow
    def flow() -> str:
        return stubborn()

    result = run_virtual(flow.aresult())
    assert result.status == "failed"
    assert result.steps["stubborn"].state == "failed"
    assert result.steps["stubborn"].value is None
    assert result.failures[0].failure.cause == "timed_out"


def test_a_swallowed_cancellation_of_the_run_is_no_success() -> None:
    """The same when the run is cancelled: the step is cancelled."""

    @step
    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "late"
        return "in time"

    @workflow
    def flow() -> str:
        return stubborn()

    result = run_virtual(_cancelled_after(flow, 1.0))
    assert result.status == "cancelled"
    assert result.steps["stubborn"].state == "cancelled"


def test_a_step_that_raises_cancelled_error_itself_has_failed() -> None:
    """`CancelledError` out of a step nobody told to stop is its own failure, and the others go on."""

    @step
    async def odd() -> None:
        raise asyncio.CancelledError("my own")

    @step
    async def other() -> int:
        await asyncio.sleep(1)
        return 1

    @workflow
    def flow() -> None:
        odd()
        other()

    result = run_virtual(flow.aresult())
    assert result.status == "failed"
    assert result.steps["odd"].failure is not None
    assert result.steps["odd"].failure.kind == "CancelledError"
    assert result.steps["other"].state == "succeeded"


def test_a_step_that_cancels_its_own_task_has_failed() -> None:
    """Cancelled by its own hand, a step has failed; its run is not cancelled."""

    @step
    async def odd() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    @workflow
    def flow() -> None:
        odd()

    result = run_virtual(flow.aresult())
    assert (result.status, result.steps["odd"].state) == ("failed", "failed")


@pytest.mark.parametrize("error", [GeneratorExit, SystemExit, StopAsyncIteration, StopIteration])
def test_whatever_a_step_raises_is_its_own_failure(error: type[BaseException]) -> None:
    """Exceptions that mean something to Python itself end the step, not the loop, and are not retried."""

    @step(retry=Retry(attempts=2, on=ValueError))
    async def odd() -> None:
        raise error

    @step(inline=True)
    def glue() -> None:
        raise error

    @step
    def blocking() -> None:
        raise error

    @workflow
    def flow() -> None:
        odd()
        glue()
        blocking()

    result = asyncio.run(asyncio.wait_for(flow.aresult(), 5))
    assert result.status == "failed"
    assert len(result.steps["odd"].attempts) == 1
    assert result.steps["glue"].failure is not None
    assert result.steps["glue"].failure.kind == error.__name__


def test_a_keyboard_interrupt_in_a_step_ends_the_process_loop() -> None:
    """Ctrl-C that arrives while a step's code runs is not the step's failure: it comes out of `run`."""
    cleaned: list[str] = []

    @step
    async def other() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("other")

    @step
    async def struck() -> None:
        await asyncio.sleep(0)
        raise KeyboardInterrupt

    @workflow
    def flow() -> None:
        other()
        struck()

    with pytest.raises(KeyboardInterrupt):
        flow.run()
    assert cleaned == ["other"]


def test_a_keyboard_interrupt_in_inline_glue_comes_out_too() -> None:
    """The same for glue that the engine runs itself."""

    @step(inline=True)
    def struck() -> None:
        raise KeyboardInterrupt

    @workflow
    def flow() -> None:
        struck()

    with pytest.raises(KeyboardInterrupt):
        flow.run()


def test_ctrl_c_cancels_the_run_and_waits_for_its_steps() -> None:
    """The signal cancels the awaiting task; the run ends its steps before `run` raises."""
    cleaned: list[str] = []

    @step
    async def slow() -> None:
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            cleaned.append("slow")

    @workflow
    def flow() -> None:
        slow()

    with pytest.raises(KeyboardInterrupt):
        flow.run()
    assert cleaned == ["slow"]


def test_cancelling_the_awaiting_task_cancels_the_run() -> None:
    """The run's steps have ended, cleaned up, when the cancelled `arun` raises."""
    log: list[str] = []

    @step
    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(1)
            log.append("cleaned")

    @workflow
    def flow() -> None:
        slow()

    async def run() -> float:
        task = asyncio.create_task(flow.arun())
        await asyncio.sleep(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        log.append("raised")
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == 3.0
    assert log == ["cleaned", "raised"]


def test_a_second_cancel_does_not_wait() -> None:
    """Asked twice, `arun` raises at once and leaves a deaf step behind."""

    @step
    async def deaf() -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    @workflow
    def flow() -> None:
        deaf()

    async def run() -> float:
        task = asyncio.create_task(flow.with_options(engine=Engine(grace=30)).arun())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == 2.0


def test_nothing_runs_or_writes_after_cancel_returns() -> None:
    """When a cancelled run is over, no step of it runs, writes or spends any more."""
    written: list[float] = []

    @step
    async def writer(number: int) -> None:
        while True:
            await asyncio.sleep(0.25)
            written.append(asyncio.get_running_loop().time())

    @workflow
    def flow() -> None:
        writer.map([1, 2, 3])

    async def run() -> tuple[int, int]:
        await _cancelled_after(flow, 2.1)
        at_once = len(written)
        await asyncio.sleep(10)
        return at_once, len(written)

    at_once, later = run_virtual(run())
    assert at_once == later == 24


def test_a_step_that_ignores_its_end_is_told_again_then_abandoned() -> None:
    """A swallowed cancellation is repeated at half the grace; what still runs then is abandoned and named."""
    told: list[float] = []

    @step
    async def deaf() -> None:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                told.append(asyncio.get_running_loop().time())
                if len(told) > 2:
                    raise

    @workflow
    def flow() -> None:
        deaf()

    async def run() -> tuple[RunResult[object], float]:
        result = await _cancelled_after(flow, 1.0, engine=Engine(grace=4.0))
        return result, asyncio.get_running_loop().time()

    result, ended = run_virtual(run())
    assert told[:2] == [1.0, 3.0]
    assert ended == 5.0
    assert result.status == "cancelled"
    assert result.warnings == ("deaf: ignored its cancellation and was abandoned",)


def test_what_a_thread_does_late_is_logged_and_fenced(caplog: pytest.LogCaptureFixture) -> None:
    """A thread cannot be stopped: when it ends after its run, its result and its spending are not used."""
    go = threading.Event()
    over = threading.Event()

    @step
    def blocking() -> str:
        from stretto import current

        go.wait(5)
        current().usage(input_tokens=1000, cost=1.0)
        over.set()
        return "late"

    @workflow
    def flow() -> str:
        return blocking()

    async def run() -> RunResult[object]:
        result = await _cancelled_after(flow, 0.01, engine=Engine(grace=0.01))
        go.set()
        while not over.is_set() or len(caplog.records) < 2:
            await asyncio.sleep(0.001)
        return result

    with caplog.at_level(logging.WARNING, "stretto.engine"):
        result = asyncio.run(run())
    assert result.status == "cancelled"
    assert result.steps["blocking"].value is None
    assert result.usage.calls == 0
    told = " ".join(record.getMessage() for record in caplog.records)
    assert "usage from attempt 1 of 'blocking' came after the run had ended and was dropped" in told
    assert "attempt 1 of 'blocking' ended after its run; its result was not used" in told


def test_a_thread_that_outlives_the_loop_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Behind the end of the loop itself there is nobody to hear it; the log says so."""
    go = threading.Event()
    threads: list[threading.Thread] = []

    @step
    def blocking() -> None:
        threads.append(threading.current_thread())
        go.wait(5)

    @workflow
    def flow() -> None:
        blocking()

    with caplog.at_level(logging.WARNING, "stretto.engine"):
        with pytest.raises(RunCancelledError):
            asyncio.run(_cancelled_after(flow, 0.01, engine=Engine(grace=0.01))).value  # noqa: B018  # raises
        go.set()
        deadline = threading.Event()
        for _ in range(500):
            if caplog.records:
                break
            deadline.wait(0.002)
    assert "after its run and its event loop" in caplog.records[-1].getMessage()


def test_finished_results_are_kept_by_a_cancel() -> None:
    """What had succeeded is in the cancelled run's result, and in the error."""

    @step
    async def quick() -> int:
        return 1

    @step
    async def slow() -> None:
        await asyncio.sleep(60)

    @workflow
    def flow() -> None:
        quick()
        slow()

    result = run_virtual(_cancelled_after(flow, 1.0, why="lunch"))
    error = result.to_error()
    assert isinstance(error, RunCancelledError)
    assert "lunch" in str(error)
    assert error.result is result
    assert result.steps["quick"].value == 1


def test_a_timed_out_attempt_can_raise_while_it_is_stopped() -> None:
    """An error out of a step's clean-up neither hides the verdict nor disturbs the run."""

    @step(timeout=1)
    async def messy() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("in the clean-up")

    @workflow
    def flow() -> None:
        messy()

    result = run_virtual(flow.aresult())
    assert result.failures[0].failure.cause == "timed_out"


def test_the_recorded_end_is_the_last_thing_told() -> None:
    """Observers hear nothing of a run behind its end."""
    recorder = Recorder()

    @step
    async def slow() -> None:
        await asyncio.sleep(60)

    @workflow
    def flow() -> None:
        slow()

    run_virtual(_cancelled_after(flow, 1.0, observers=[recorder]))
    assert recorder.events[-1].type == "run.cancelled"


def test_fail_fast_cancels_for_real() -> None:
    """Under fail_fast the other coroutines are cancelled and awaited before the run ends."""
    log: list[str] = []

    @step
    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(1)
            log.append("cleaned")
            raise

    @step
    async def bad() -> None:
        await asyncio.sleep(1)
        raise ValueError("bad")

    @workflow(on_failure="fail_fast")
    def flow() -> None:
        slow()
        bad()

    async def run() -> float:
        with pytest.raises(RunFailedError, match="bad"):
            await flow.arun()
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == 2.0
    assert log == ["cleaned"]


@pytest.mark.parametrize("is_told_before", [False, True])
def test_a_cancel_at_once_waits_for_nobody(*, is_told_before: bool) -> None:
    """Who takes long to end is told twice in the same instant; if told before, it is left behind."""
    seen: list[str] = []

    @step
    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(2)

    @step
    async def tidy() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            seen.append("tidied")

    @workflow
    def flow() -> list[None]:
        return [stubborn(), tidy()]

    async def run() -> tuple[RunResult[object], float]:
        drivers: list[RunDriver] = []
        task = asyncio.create_task(
            flow.with_options(engine=Engine(grace=5.0)).start({}, started=drivers.append)
        )
        await asyncio.sleep(1)
        if is_told_before:
            drivers[0].cancel("please")
            await asyncio.sleep(0.5)
        begun = asyncio.get_running_loop().time()
        drivers[0].cancel("now", is_now=True)
        result = await task
        return result, asyncio.get_running_loop().time() - begun

    result, took = run_virtual(run())
    assert (result.status, took, seen) == ("cancelled", pytest.approx(0.0, abs=1e-6), ["tidied"])
    assert bool(result.warnings) == is_told_before
