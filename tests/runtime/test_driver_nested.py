"""Workflows in workflows on virtual time: no barrier where none is needed, and whose deadline cuts what."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from stretto import Engine, Missing, Retry, choose, current, from_engine, group, repeat, step, workflow
from stretto.errors import StrettoError
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from stretto import RunResult, Workflow


@step
async def works(value: Any, seconds: float = 1.0) -> Any:
    await asyncio.sleep(seconds)
    return value


@step
async def breaks(value: object, seconds: float = 1.0) -> object:
    await asyncio.sleep(seconds)
    raise ValueError(f"{value} is broken")


@step
async def when(value: object = None) -> float | None:
    return current().deadline


@step(inline=True)
def told(value: object | Missing) -> str:
    return f"{value.step}: {value.reason}" if isinstance(value, Missing) else "there"


@workflow
def pair(value: object) -> dict[str, object]:
    return {"quick": works.named("quick")(value, 1.0), "slow": works.named("slow")(value, 9.0)}


@workflow(within=5)
def bounded(value: object) -> object:
    return works.named("second")(works.named("first")(value, 3.0), 3.0)


def outcome(flow: Workflow[..., Any], *inputs: object) -> RunResult[Any]:
    """The result, whatever its status, of a run on virtual time."""
    return run_virtual(flow.aresult(*inputs))


def states(result: RunResult[Any]) -> dict[str, str]:
    """Paths with states, in order."""
    return {path: str(each.state) for path, each in result.steps.items()}


# -------------------------------------------------------------------- barriers


def test_a_consumer_of_one_output_waits_for_that_alone() -> None:
    """With plain inputs it starts while another inner step still runs: the workflow's edge is no barrier."""

    @workflow
    def flow() -> object:
        found = pair(1)
        return works(found["quick"], 2.0), found["slow"]

    result = outcome(flow)
    assert result.steps["works"].started_at == 1.0
    assert result.timing.makespan == 9.0


def test_a_consumer_of_all_waits_for_all() -> None:
    """Its result whole, and order without data."""

    @workflow
    def flow() -> object:
        found = pair(1)
        return works(found), works.named("later").after(found)(2)

    result = outcome(flow)
    assert result.steps["works"].started_at == result.steps["later"].started_at == 9.0


def test_a_workflow_given_refs_is_known_when_it_has_settled() -> None:
    """Its outputs cannot be told apart before its body has been traced: consumers wait for all of it."""

    @workflow
    def flow() -> object:
        return works(pair(works.named("first")(1))["quick"])

    result = outcome(flow)
    assert result.steps["pair/quick"].ended_at == 2.0
    assert result.steps["works"].started_at == result.steps["pair"].ended_at == 10.0


def test_inner_steps_wait_for_their_own_inputs() -> None:
    """Nothing inside waits for the rest of the outer body."""

    @workflow
    def flow() -> object:
        return works.named("long")(1, 20.0), pair(1)

    result = outcome(flow)
    assert result.steps["pair/quick"].started_at == 0.0
    assert result.timing.makespan == 20.0


def test_a_map_over_a_workflow_overlaps() -> None:
    """Each item's steps start when their item is there; a list that comes later does, too."""

    @workflow
    def flow() -> object:
        return (
            pair.named("known").map([works.named("late")(1, 4.0), 2]),
            pair.named("later").map(works.named("list")([3, 4])),
        )

    result = outcome(flow)
    assert result.steps["known[1]/quick"].started_at == 0.0
    assert result.steps["known[0]/quick"].started_at == 4.0
    assert result.steps["later[0]/quick"].started_at == result.steps["later[1]/quick"].started_at == 1.0
    assert [each["quick"] for each in result.value[0]] == [1, 2]
    assert [each["quick"] for each in result.value[1]] == [3, 4]


# -------------------------------------------------------------------- time


@pytest.mark.parametrize("is_late", [False, True])
def test_its_within_bounds_all_of_it(is_late: bool) -> None:
    """With plain inputs from the run's start, with Refs from the instant these exist."""

    @workflow
    def flow() -> object:
        return bounded(works(1, 2.0) if is_late else 1)

    result = outcome(flow)
    begun = 2.0 if is_late else 0.0
    assert result.steps["bounded/first"].ended_at == begun + 3.0
    assert result.steps["bounded/second"].ended_at == begun + 5.0
    (failure,) = result.failures
    assert str(failure).startswith("bounded/second: ")
    assert "'bounded' passed its deadline of 5 s" in str(failure)


def test_with_options_gives_a_use_its_own_deadline() -> None:
    """Of the options of a run only `within` means something inside another."""

    @workflow(within=60, on_failure="fail_fast", max_concurrency=1)
    def inner() -> object:
        return [when(), works.named("a")(1, 3.0), works.named("b")(1, 3.0)]

    @workflow
    def flow() -> object:
        return inner.with_options(within=7)(), works.named("c")(1, 3.0)

    result = outcome(flow)
    assert result.value[0][0] == 7.0
    assert result.timing.makespan == 3.0


def test_the_nearest_deadline_is_the_steps() -> None:
    """Of all workflows around a step, and of the run."""

    @workflow(within=50)
    def outer() -> object:
        @workflow(within=9)
        def middle() -> object:
            @workflow(within=30)
            def inner() -> object:
                return when()

            return inner()

        return middle()

    assert outcome(outer).value == 9.0


def test_a_cut_workflow_in_a_group_is_missing() -> None:
    """The group's other members go on, and what had finished inside is kept."""

    @workflow
    def flow() -> object:
        with group("g"):
            found = bounded(1)
            other = works(2, 6.0)
        return told(found), told.named("other")(other)

    result = outcome(flow)
    assert result.status == "partial"
    assert result.value == ("bounded: skipped", "there")
    assert states(result)["bounded/first"] == "succeeded"
    assert states(result)["bounded/second"] == "failed"


def test_a_groups_deadline_reaches_into_a_workflow() -> None:
    """Its inner steps are cut with the member."""

    @workflow
    def flow() -> object:
        with group("g", within=4):
            found = pair(1)
        return told(found)

    result = outcome(flow)
    assert states(result)["pair/quick"] == "succeeded"
    assert result.steps["pair/slow"].ended_at == 4.0
    assert "group 'g' passed its deadline of 4 s" in " ".join(result.story("pair/slow"))


@pytest.mark.parametrize("is_late", [False, True])
def test_a_group_inside_counts_its_own_time(is_late: bool) -> None:
    """Its deadline starts with its first member, wherever the body stands."""

    @workflow
    def inner(value: object) -> object:
        with group("g", within=2, min_success=1) as members:
            works.named("a")(value, 1.0)
            works.named("b")(value, 9.0)
        return members.count

    @workflow
    def flow() -> object:
        return inner(works(1, 3.0) if is_late else 1)

    result = outcome(flow)
    begun = 3.0 if is_late else 0.0
    assert result.value == 1
    assert result.steps["inner/b"].ended_at == begun + 2.0
    assert result.status == "partial"


# -------------------------------------------------------------------- losses


@pytest.mark.parametrize("is_late", [False, True])
def test_a_loss_inside_fails_the_run_by_its_own_path(is_late: bool) -> None:
    """The step is named with all of its path, not the workflows around it."""

    @workflow
    def inner(value: object) -> object:
        return breaks(value)

    @workflow
    def middle(value: object) -> object:
        return works(inner(value))

    @workflow
    def flow() -> object:
        return middle(works.named("first")(1) if is_late else 1)

    result = outcome(flow)
    assert [str(failure) for failure in result.failures] == ["middle/inner/breaks: ValueError: 1 is broken"]
    assert states(result)["middle"] == states(result)["middle/inner"] == "failed"


def test_optional_work_inside_is_lost_alone() -> None:
    """The run is partial; the workflow has succeeded."""

    @step(optional=True, default="spare")
    async def extra() -> str:
        raise ValueError("gone")

    @workflow
    def inner(value: object) -> object:
        return [extra(), value]

    @workflow
    def flow() -> object:
        return inner(1), inner.named("late")(works(2))

    result = outcome(flow)
    assert (result.status, result.value) == ("partial", (["spare", 1], ["spare", 2]))
    assert states(result)["inner"] == states(result)["late"] == "succeeded"


def test_a_step_inside_repeats_itself_alone() -> None:
    """Its body is not run again, and its neighbors are not either."""
    calls: list[str] = []

    @step(retry=Retry(attempts=2, first_wait=1.0))
    async def flaky() -> str:
        calls.append("flaky")
        if calls.count("flaky") == 1:
            raise ConnectionError("busy")
        return "done"

    @step
    async def steady() -> str:
        calls.append("steady")
        return "done"

    @workflow
    def inner(value: object) -> object:
        calls.append("body")
        return [flaky(), steady()]

    @workflow
    def flow() -> object:
        return inner(works(1))

    assert outcome(flow).value == ["done", "done"]
    assert sorted(calls) == ["body", "flaky", "flaky", "steady"]


# -------------------------------------------------------------------- what its steps need


@step
async def asks(value: object, *, client: object = from_engine()) -> object:
    return client


@step(limit="provider")
async def limited(value: object) -> object:
    return value


@pytest.mark.parametrize(("needy", "name"), [(asks, "client"), (limited, "provider")])
def test_what_inner_steps_need_is_checked_when_they_are_known(needy: Any, name: str) -> None:
    """With plain inputs before the run starts; with Refs the workflow's step fails and says what is missing."""

    @workflow
    def inner(value: object) -> object:
        return needy(value)

    @workflow
    def plain() -> object:
        return works(1), inner(1)

    @workflow
    def late() -> object:
        return inner(works(1))

    with pytest.raises(StrettoError, match=name):
        outcome(plain)
    result = outcome(late)
    assert [failure.path for failure in result.failures] == ["inner"]
    assert name in str(result.failures[0])


def test_inner_steps_have_the_runs_resources_and_limits() -> None:
    """There is one engine, the outer run's."""

    @workflow(engine=Engine(resources={"client": "inner's own"}))
    def inner(value: object) -> object:
        return [asks(value), limited.named("a")(1), limited.named("b")(2)]

    @workflow(engine=Engine(resources={"client": "the run's"}, limits={"provider": 1}))
    def flow() -> object:
        return inner(1), inner.named("late")(works(1))

    assert outcome(flow).value == (["the run's", 1, 2], ["the run's", 1, 2])


# -------------------------------------------------------------------- in other constructs


def test_in_a_choice_and_in_a_loop() -> None:
    """A workflow is a branch, a round's body and a verdict like any step."""

    @step(inline=True)
    def grown(value: list[int]) -> list[int]:
        return [*value, len(value)]

    @step(inline=True)
    def is_long(value: list[int]) -> bool:
        return len(value) >= 3

    @workflow
    def growing(value: list[int]) -> list[int]:
        return grown(works(value))

    @workflow
    def judged(value: list[int]) -> bool:
        return is_long(value)

    @workflow
    def flow() -> object:
        first = choose("yes", {"yes": lambda: growing([]), "no": lambda: growing.named("other")([1])})
        return repeat(growing, first, until=judged, max_rounds=5, name="loop")

    result = outcome(flow)
    assert result.value == [0, 1, 2]
    succeeded = [
        path for path, state in states(result).items() if state == "succeeded" and path.endswith("/grown")
    ]
    assert succeeded == ["choose/yes/growing/grown", "loop#1/growing/grown", "loop#2/growing/grown"]
    assert states(result)["choose/no/other/grown"] == "skipped"


def test_a_thousand_uses_are_as_many_scopes() -> None:
    """Width costs no depth."""

    @workflow
    def inner(value: int) -> int:
        return works(value)

    @workflow
    def flow() -> object:
        return inner.map(list(range(200))), [inner.named(f"n{number}")(number) for number in range(200)]

    result = outcome(flow)
    assert result.value == (list(range(200)), list(range(200)))
    assert result.timing.makespan == 1.0
