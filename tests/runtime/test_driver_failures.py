"""The rules of failure, through the public API."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from stretto import Engine, Missing, PermanentError, Retry, RunError, TransientError, group, step, workflow
from stretto.errors import RunFailedError, RunTimedOutError
from stretto.testing import Recorder, run_virtual


def _now() -> float:
    return asyncio.get_running_loop().time()


@step
async def works(seconds: float, value: object = None) -> object:
    await asyncio.sleep(seconds)
    return value


@step
async def breaks(seconds: float, text: str = "broken") -> object:
    await asyncio.sleep(seconds)
    raise ValueError(text)


def test_a_slow_optional_step_never_costs_a_finished_required_one() -> None:
    """Cut at the run's deadline, an optional step takes nothing of the required work with it."""

    @step(optional=True, default="none")
    async def extra() -> str:
        await asyncio.sleep(3600)
        return "extra"

    @step(inline=True)
    def merge(main: object, more: str) -> tuple[object, str]:
        return main, more

    @workflow(within=10)
    def flow() -> object:
        return merge(works(1, "main"), extra())

    async def run() -> tuple[object, str, float]:
        result = await flow.arun()
        return result.value, str(result.status), _now()

    value, status, ended = run_virtual(run())
    assert value == ("main", "none")
    assert status == "partial"
    assert ended <= 10


@pytest.mark.parametrize(("lost", "status"), [(3, "partial"), (4, "failed")])
def test_eight_of_eleven(lost: int, status: str) -> None:
    """8 of 11 suffice and the report is written; with 7 the run fails, and keeps all seven."""

    @step
    async def agent(number: int) -> int:
        await asyncio.sleep(number)
        if number < lost:
            raise ValueError(f"agent {number}")
        return number

    @step
    async def report(found: list[int | Missing], count: int) -> tuple[int, int]:
        return count, sum(1 for one in found if not isinstance(one, Missing))

    @workflow
    def flow() -> object:
        with group("agents", min_success=8) as agents:
            found = [agent.named(f"agent-{number}")(number) for number in range(11)]
        return report(found, agents.count)

    result = run_virtual(flow.aresult())
    assert result.status == status
    kept = [
        path for path, one in result.steps.items() if one.state == "succeeded" and path.startswith("agent-")
    ]
    assert len(kept) == 11 - lost
    if status == "partial":
        assert result.value == (8, 8)
        assert len(result.lost) == 3
    else:
        assert [failure.path for failure in result.failures] == ["agents"]
        assert "needs 8 of 11 steps to succeed" in str(result.to_error())


def test_two_failures_at_once_are_both_reported_in_author_order() -> None:
    """Both stand in the error, the first one written first, and it is the cause."""

    @workflow
    def flow() -> None:
        breaks.named("one")(1, "first written")
        breaks.named("two")(1, "second written")

    with pytest.raises(RunFailedError) as caught:
        run_virtual(flow.arun())
    text = str(caught.value)
    assert text.index("one: ValueError: first written") < text.index("two: ValueError: second written")
    assert str(caught.value.__cause__) == "first written"


def test_a_failure_that_came_first_does_not_head_the_text() -> None:
    """Author order, not the order of time, heads the error."""

    @workflow
    def flow() -> None:
        breaks.named("one")(2)
        breaks.named("two")(1)

    with pytest.raises(RunFailedError) as caught:
        run_virtual(flow.arun())
    assert [failure.path for failure in caught.value.result.failures] == ["one", "two"]  # type: ignore[attr-defined]


def test_finished_siblings_are_in_the_raised_error() -> None:
    """Store or no store, the error carries every finished result."""

    @workflow
    def flow() -> None:
        works.named("before")(1, {"kept": [1]})
        breaks(2)
        works.named("after")(3, "kept too")

    with pytest.raises(RunError) as caught:
        run_virtual(flow.arun())
    steps = caught.value.result.steps  # type: ignore[attr-defined]
    assert steps["before"].value == {"kept": [1]}
    assert steps["after"].value == "kept too"
    assert "2 of 3 steps succeeded and are kept in .result" in str(caught.value)


def test_drain_lets_running_steps_finish_and_starts_nothing() -> None:
    """Drain: what runs is kept, what waits is not started."""

    @workflow
    def flow() -> None:
        breaks(1)
        works.named("next")(works.named("slow")(5, 1))

    result = run_virtual(flow.aresult())
    assert {path: one.state for path, one in result.steps.items()} == {
        "breaks": "failed",
        "slow": "succeeded",
        "next": "cancelled",
    }


def test_fail_fast_cuts_running_steps() -> None:
    """Fail fast: what runs is cancelled."""

    @workflow(on_failure="fail_fast")
    def flow() -> None:
        breaks(1)
        works(5)

    result = run_virtual(flow.aresult())
    assert result.steps["works"].state == "cancelled"
    assert result.steps["works"].ended_at == pytest.approx(result.steps["breaks"].ended_at)


def test_below_a_failure_steps_are_skipped_with_the_reason() -> None:
    """SKIPPED says which step was needed and lost."""

    @workflow
    def flow() -> object:
        return works.named("last")(0, works(0, breaks(1)))

    result = run_virtual(flow.aresult())
    assert result.steps["works"].state == result.steps["last"].state == "skipped"
    failure = result.steps["works"].failure
    assert failure is not None
    assert (failure.cause, failure.message) == ("blocked", "needs breaks, which was lost")


def test_missing_tells_its_consumer_why() -> None:
    """A consumer of a lost optional step without default gets `Missing` with the reason."""

    @step(optional=True)
    async def extra() -> int:
        raise ValueError("no luck")

    @step
    async def use(found: int | Missing) -> object:
        return found

    @workflow
    def flow() -> object:
        return use(extra())

    assert run_virtual(flow.arun()).value == Missing("extra", "failed", "no luck")


def test_a_default_factory_is_fresh_for_each_use() -> None:
    """Two uses of one optional step never share a mutable default."""

    @step(optional=True, default_factory=list)
    async def extra(number: int) -> list[int]:
        raise ValueError

    @step
    async def grow(found: list[int]) -> list[int]:
        found.append(1)
        return found

    @workflow
    def flow() -> object:
        return [grow.named(name)(extra.named(f"{name}-extra")(0)) for name in ("a", "b")]

    assert run_virtual(flow.arun()).value == [[1], [1]]


def test_retries_until_it_works() -> None:
    """A transient failure is tried again; the result counts its attempts and has no error."""
    tries: list[float] = []

    @step(retry=Retry(attempts=3, first_wait=2.0, jitter=False))
    async def flaky() -> int:
        tries.append(_now())
        if len(tries) < 3:
            raise TransientError("busy")
        return 5

    @workflow
    def flow() -> int:
        return flaky()

    result = run_virtual(flow.arun())
    assert result.value == 5
    assert tries == [0.0, 2.0, 6.0]
    one = result.steps["flaky"]
    assert [attempt.failure is None for attempt in one.attempts] == [False, False, True]
    assert (one.error, one.failure) == (None, None)


def test_retry_after_is_a_floor_for_the_next_attempt() -> None:
    """The provider's `Retry-After` is kept, whatever the jitter says."""
    tries: list[float] = []

    @step(retry=Retry(attempts=2, first_wait=0.1))
    async def limited() -> None:
        tries.append(_now())
        raise TransientError("429", retry_after=7.5)

    @workflow
    def flow() -> None:
        limited()

    assert run_virtual(flow.aresult()).status == "failed"
    assert tries == [0.0, 7.5]


def test_jitter_stays_in_its_bounds_and_is_repeatable() -> None:
    """Waits lie below the exponential ceiling, differ, and are the same for the same seed."""

    def waits(seed: int) -> list[float]:
        tries: list[float] = []

        @step(retry=Retry(attempts=5, first_wait=1.0))
        async def flaky() -> None:
            tries.append(_now())
            raise OSError

        @workflow
        def flow() -> None:
            flaky()

        run_virtual(flow.with_options(engine=Engine(seed=seed)).aresult())
        return [later - earlier for earlier, later in pairwise(tries)]

    found = waits(1)
    assert all(0 <= wait <= 2.0**number for number, wait in enumerate(found))
    assert len({round(wait / 2.0**number, 6) for number, wait in enumerate(found)}) == 4
    assert waits(1) == found
    assert waits(2) != found


@pytest.mark.parametrize("error", [PermanentError("no"), KeyError("other class")])
def test_what_cannot_help_is_not_tried_again(error: Exception) -> None:
    """Permanent errors and classes the rule does not name have one attempt."""

    @step(retry=Retry(attempts=5, on=(PermanentError, OSError)))
    async def once() -> None:
        raise error

    @workflow
    def flow() -> None:
        once()

    assert len(run_virtual(flow.aresult()).steps["once"].attempts) == 1


def test_only_the_failed_step_is_repeated() -> None:
    """A retry repeats exactly the step that failed; what it was given was made once."""
    made: list[int] = []

    @step
    async def make() -> list[int]:
        made.append(1)
        return [1]

    @step(retry=2)
    async def use(found: list[int]) -> list[int]:
        found.append(2)
        if len(made) == 1 and not hasattr(use, "tried"):
            use.tried = True  # type: ignore[attr-defined]
            raise ValueError
        return found

    @workflow
    def flow() -> list[int]:
        return use(make())

    assert run_virtual(flow.arun()).value == [1, 2]
    assert made == [1]


def test_the_runs_deadline_keeps_what_finished() -> None:
    """Timed out, the run names what was cut and keeps the rest."""

    @workflow(within=5)
    def flow() -> None:
        works.named("quick")(1, "kept")
        works.named("slow")(60)

    with pytest.raises(
        RunTimedOutError, match=r"deadline of 5 s; cut: slow\. 1 of 2 steps succeeded"
    ) as caught:
        run_virtual(flow.arun())
    assert caught.value.result.steps["quick"].value == "kept"  # type: ignore[attr-defined]


def test_optional_work_is_cut_in_time_from_earlier_estimates() -> None:
    """An engine's second run knows how long the work behind an optional step takes, and cuts in time."""
    slow = [1.0]

    @step(optional=True, default="none")
    async def extra() -> str:
        await asyncio.sleep(slow[0])
        return "extra"

    @step
    async def must(found: str) -> str:
        await asyncio.sleep(4 if found == "extra" else 3.9)
        return found

    @workflow(within=10)
    def flow() -> str:
        return must(extra())

    engine = Engine()

    async def run() -> tuple[str, str, float]:
        first = await flow.with_options(engine=engine).arun()
        slow[0] = 3600.0
        began = _now()
        second = await flow.with_options(engine=engine).arun()
        return first.value, second.value, _now() - began

    first, second, lasted = run_virtual(run())
    assert (first, second) == ("extra", "none")
    assert lasted == pytest.approx(9.9)


def test_without_estimates_optional_work_behind_required_is_not_guessed() -> None:
    """An unknown step reserves nothing: the first run is cut at the deadline itself."""

    @step(optional=True, default="none")
    async def extra() -> str:
        await asyncio.sleep(3600)
        return "extra"

    @workflow(within=10)
    def flow() -> object:
        return works(4, extra())

    assert run_virtual(flow.aresult()).status == "failed"


def test_a_groups_deadline_keeps_what_finished() -> None:
    """Members cut at the group's deadline hand on `Missing`; finished ones their result."""

    @step
    async def collect(found: list[int | Missing]) -> list[object]:
        return [one.reason if isinstance(one, Missing) else one for one in found]

    @workflow
    def flow() -> object:
        with group("agents", within=5):
            found = [works.named(f"w{seconds}")(seconds, seconds) for seconds in (1, 4, 60)]
        return collect(found)

    result = run_virtual(flow.arun())
    assert result.value == [1, 4, "timed_out"]
    assert result.status == "partial"


def test_an_unreachable_gate_cancels_no_member_under_drain() -> None:
    """The run fails as soon as the threshold cannot be met; members that run finish and are kept."""

    @workflow
    def flow() -> None:
        with group("agents", min_success=2):
            breaks.named("a")(1)
            breaks.named("b")(1)
            works(5, "kept")

    recorder = Recorder()
    result = run_virtual(flow.with_options(observers=[recorder]).aresult())
    gate = next(event for event in recorder.events if event.step == "agents" and event.type == "step.failed")
    assert gate.ts == pytest.approx(result.steps["a"].ended_at)
    assert result.steps["works"].value == "kept"


def test_inline_glue_at_the_deadline_still_runs() -> None:
    """What finished at the very deadline is handed on by glue that takes no time."""

    @step(inline=True)
    def glue(value: object) -> object:
        return value

    @workflow(within=5)
    def flow() -> object:
        return glue(works(5, "just"))

    assert run_virtual(flow.arun()).value == "just"


def test_a_lost_map_item_fails_the_run_by_its_path() -> None:
    """The child is named, not its anchor."""

    @step
    async def odd(number: int) -> int:
        if number == 2:
            raise ValueError(number)
        return number

    @workflow
    def flow() -> object:
        return odd.map([1, 2, 3])

    result = run_virtual(flow.aresult())
    assert [failure.path for failure in result.failures] == ["odd[1]"]
    assert [result.steps[f"odd[{number}]"].state for number in (0, 2)] == ["succeeded", "succeeded"]


def test_optional_map_items_hand_on_their_default() -> None:
    """A lost item of a map of optional steps is its default, in its place."""

    @step(optional=True, default=-1)
    async def odd(number: int) -> int:
        if number == 2:
            raise ValueError(number)
        return number

    @workflow
    def flow() -> object:
        return odd.map([1, 2, 3])

    assert run_virtual(flow.arun()).value == [1, -1, 3]


class OddError(Exception):
    """Its text is broken."""

    def __str__(self) -> str:
        raise RuntimeError("no text today")


@pytest.mark.parametrize("kind", ["loop", "thread", "inline"])
def test_an_exception_with_a_broken_text_is_reported(kind: str) -> None:
    """The step fails with the exception's class, and the run ends."""

    async def on_loop() -> None:
        raise OddError

    def plain() -> None:
        raise OddError

    odd = step(id="odd", inline=kind == "inline")(on_loop if kind == "loop" else plain)

    @workflow
    def flow() -> None:
        odd()

    with pytest.raises(RunFailedError, match=r"odd: OddError: \(its text cannot be shown: RuntimeError\)"):
        asyncio.run(asyncio.wait_for(flow.arun(), 5))


def test_exception_groups_are_reported_whole() -> None:
    """A TaskGroup's failures are in the step's traceback."""

    @step
    async def many() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(breaks.fn(0, "left"))  # type: ignore[arg-type]
            tasks.create_task(breaks.fn(0, "right"))  # type: ignore[arg-type]

    @workflow
    def flow() -> None:
        many()

    result = run_virtual(flow.aresult())
    failure = result.failures[0].failure
    assert failure.kind == "ExceptionGroup"
    assert "left" in failure.traceback
    assert "right" in failure.traceback


def test_the_error_of_a_step_is_that_of_its_last_attempt() -> None:
    """A first attempt's exception is not blamed for a second one's timeout."""
    tries: list[int] = []

    @step(timeout=5, retry=Retry(attempts=2, first_wait=0))
    async def flaky() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("first")
        await asyncio.sleep(60)

    @workflow
    def flow() -> None:
        flaky()

    result = run_virtual(flow.aresult())
    one = result.steps["flaky"]
    assert one.failure is not None
    assert one.failure.cause == "timed_out"
    assert one.error is None
    assert result.to_error().__cause__ is None
