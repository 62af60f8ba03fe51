"""`RunResult`: everything a run left behind."""

from __future__ import annotations

import asyncio
import pickle

import pytest

from stretto import PermanentError, current, group, step, workflow
from stretto.core.journal.view import AttemptView
from stretto.errors import NotFoundError, RunCancelledError, RunFailedError, RunTimedOutError
from stretto.testing import run_virtual


@step
async def works(seconds: float, value: object = None) -> object:
    await asyncio.sleep(seconds)
    return value


@step(optional=True)
async def extra() -> int:
    raise ValueError("no luck")


@step
async def breaks(text: str) -> None:
    raise PermanentError(text)


@step
async def items() -> list[int]:
    return [1, 2]


@workflow
def good() -> object:
    last = works.named("last")(2, works(1, "a"))
    return [last, works.named("each").map(items())]


@workflow
def partly() -> object:
    extra()
    return works(1, "kept")


@workflow
def bad() -> None:
    breaks.named("second").after(works(1))("second in time")
    breaks("first in time")


def test_steps_are_listed_in_author_order() -> None:
    """Children of a map stand where the map was written."""
    result = run_virtual(good.arun())
    assert list(result.steps) == ["works", "last", "items", "each", "each[0]", "each[1]"]
    assert len(result.steps) == 6
    assert "each[1]" in result.steps
    assert repr(result.steps).startswith("<Steps works, last")


def test_an_unknown_step_is_a_key_error() -> None:
    """`steps` is a mapping like any other."""
    with pytest.raises(KeyError):
        run_virtual(good.arun()).steps["nobody"]


def test_a_step_knows_its_times() -> None:
    """Ready, started, ended, and the seconds between."""
    one = run_virtual(good.arun(), start=1000.0).steps["last"]
    assert one.ready_at == one.started_at == pytest.approx(1001.0)
    assert one.ended_at == pytest.approx(1003.0)
    assert one.seconds == pytest.approx(2.0)
    assert (one.path, one.state, one.value) == ("last", "succeeded", "a")


def test_a_step_that_never_started_has_no_times() -> None:
    """Nothing is claimed that did not happen."""
    result = run_virtual(bad.aresult())
    one = result.steps["second"]
    assert (one.state, one.started_at, one.seconds, one.attempts, one.error) == (
        "cancelled",
        None,
        None,
        (),
        None,
    )


def test_a_maps_value_is_its_childrens() -> None:
    """The anchor's result is the list, in input order."""
    assert run_virtual(good.arun()).steps["each"].value == [None, None]


def test_a_failed_steps_error_is_the_exception_itself() -> None:
    """With its type, text and traceback."""
    one = run_virtual(bad.aresult()).steps["breaks"]
    assert isinstance(one.error, PermanentError)
    assert one.error.__traceback__ is not None
    assert one.failure is not None
    assert "breaks" in one.failure.traceback


def test_a_partial_run_names_what_was_lost() -> None:
    """It has its value; `lost` and `warnings` say what is not in it."""
    result = run_virtual(partly.arun())
    assert (result.status, result.value) == ("partial", "kept")
    assert [str(one) for one in result.lost] == ["extra: ValueError: no luck"]
    assert result.warnings == ("extra: ValueError: no luck",)
    assert result.failures == ()
    assert result.steps["extra"].is_defaulted


def test_a_failed_runs_value_raises() -> None:
    """No value, no silence: reading it raises the run's error, result included."""
    result = run_virtual(bad.aresult())
    with pytest.raises(RunFailedError, match="breaks: PermanentError: first in time") as caught:
        result.value  # noqa: B018  # reading it raises
    assert caught.value.result is result
    assert isinstance(caught.value.__cause__, PermanentError)


def test_a_timed_out_run_is_told_apart() -> None:
    """A run cut by its deadline has a cause and an error class of its own."""

    @workflow(within=5)
    def slow() -> object:
        return works(60)

    result = run_virtual(slow.aresult())
    assert (result.status, result.cause) == ("failed", "timed_out")
    assert isinstance(result.to_error(), RunTimedOutError)


def test_a_cancelled_run_says_why() -> None:
    """The reason that was given stands in the error."""
    result = run_virtual(good.start({}, started=lambda driver: driver.cancel("changed my mind")))
    assert result.status == "cancelled"
    assert isinstance(result.to_error(), RunCancelledError)
    assert "changed my mind" in str(result.to_error())


def test_events_are_built_from_the_journal() -> None:
    """From `run.created` to the run's end, numbered, with the run's id."""
    result = run_virtual(good.with_options(run_id="r-1").arun())
    events = list(result.events())
    assert events[0].type == "run.created"
    assert events[-1].type == "run.succeeded"
    assert {event.run for event in events} == {"r-1"}
    numbers = [event.seq for event in events]
    assert numbers == sorted(set(numbers))


def test_the_story_of_a_step() -> None:
    """A line an event; an unknown path names the known ones."""
    result = run_virtual(bad.aresult())
    assert "attempt 1 failed: PermanentError: first in time" in result.story("breaks")[1]
    with pytest.raises(NotFoundError, match=r"'nobody'.*Known: breaks"):
        result.story("nobody")


def test_timing_is_measured() -> None:
    """T1, span and makespan of the run as it was."""
    timing = run_virtual(good.arun()).timing
    assert timing.makespan == pytest.approx(3.0)
    assert timing.work == pytest.approx(6.0)
    assert timing.span == pytest.approx(3.0)


def test_usage_is_added_up() -> None:
    """Calls, tokens and cost of all steps; an unknown price makes the sum unknown."""

    @step
    async def asks(cost: float | None) -> None:
        current().usage(input_tokens=10, output_tokens=5, cost=cost)

    @workflow
    def spending(costs: list[float | None]) -> None:
        asks.map(costs)

    usage = run_virtual(spending.arun([0.25, 0.5])).usage
    assert (usage.calls, usage.input_tokens, usage.output_tokens, usage.cost) == (2, 20, 10, 0.75)
    assert run_virtual(spending.arun([0.25, None])).usage.cost is None


def test_the_gate_of_a_group_is_a_step() -> None:
    """It has a state and a value of its own: how many succeeded."""

    @workflow
    def grouped() -> None:
        with group("g"):
            works(1)
            extra()

    result = run_virtual(grouped.arun())
    assert (result.steps["g"].state, result.steps["g"].value) == ("succeeded", 1)


def test_a_result_shows_itself() -> None:
    """Workflow, id and status in one line."""
    result = run_virtual(good.with_options(run_id="r-1").arun())
    assert repr(result) == "<RunResult good r-1 succeeded>"


def test_a_result_is_not_pickled_and_says_so() -> None:
    """Neither is the error that carries it; what a step returned is plain data."""

    @workflow
    def constant() -> int:
        return 1

    with pytest.raises(TypeError, match=r"<RunResult constant .*> cannot be pickled: take \.value"):
        pickle.dumps(constant.run())


def test_an_attempt_shows_itself() -> None:
    """Its number, its length once it has one, and whether it failed."""
    attempt = AttemptView(2, 10.0)
    assert repr(attempt) == "<Attempt 2>"
    attempt.ended_at = 10.25
    assert repr(attempt) == "<Attempt 2 0.250 s>"


def test_a_steps_value_is_the_readers_own() -> None:
    """Changing what `steps[…].value` gave changes neither the record nor the run's value."""

    @step
    async def found() -> list[int]:
        return [1, 2]

    @workflow
    def listing() -> list[int]:
        return found()

    result = listing.run()
    result.steps["found"].value.append(3)  # type: ignore[attr-defined]  # a list, as the step returned it
    assert result.steps["found"].value == [1, 2]
    assert result.value == [1, 2]
