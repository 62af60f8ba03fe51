"""Where constructs meet: what grows inside what grows, and what is told when that is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from stretto import PlanProblem, choose, expand, group, repeat, step, workflow
from stretto.errors import DefinitionError
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
async def more(number: int) -> int:
    await asyncio.sleep(1)
    return number + 1


@step(inline=True)
def is_three(number: int) -> bool:
    return number >= 3


@step(writes="ledger")
async def book(number: int) -> int:
    await asyncio.sleep(2)
    return number


@step(reads="ledger")
async def audit(number: int) -> int:
    await asyncio.sleep(2)
    return number


def outcome(flow: Workflow[..., Any], *inputs: object) -> RunResult[Any]:
    """The result, whatever its status, of a run on virtual time."""
    return run_virtual(flow.aresult(*inputs))


def times(result: RunResult[Any], *paths: str) -> list[tuple[float | None, float | None]]:
    """Start and end of some steps."""
    return [(result.steps[path].started_at, result.steps[path].ended_at) for path in paths]


# -------------------------------------------------------------------- loops


def test_writers_of_two_rounds_keep_their_order() -> None:
    """A round begins with the verdict, but its writer waits for the writer of the round before."""

    @workflow
    def flow() -> int:
        def body(number: int) -> int:
            book(number)
            return more(number)

        return repeat(body, 0, until=is_three, max_rounds=5, name="loop")

    result = outcome(flow)
    assert times(result, "loop#1/book", "loop#2/book", "loop#3/book") == [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)]
    assert times(result, "loop#2/more", "loop#3/more") == [(1.0, 2.0), (2.0, 3.0)]


def test_a_writer_waits_for_the_readers_of_the_round_before() -> None:
    """Readers and writers alike, in maps and in workflows of the body, too; readers do not wait for readers."""

    @workflow
    def reading(number: int) -> int:
        return audit(number)

    @workflow
    def flow() -> int:
        def body(number: int) -> int:
            book.map([number])
            reading(7)
            audit(number)
            return more(number)

        return repeat(body, 1, until=is_three, max_rounds=5, name="loop")

    result = outcome(flow)
    readers = ("loop#1/reading/audit", "loop#1/audit")
    assert times(result, "loop#1/book[0]", *readers) == [(0.0, 2.0), (2.0, 4.0), (2.0, 4.0)]
    assert times(result, "loop#2/book[0]", "loop#2/reading/audit") == [(4.0, 6.0), (6.0, 8.0)]


def test_a_loop_maps_over_what_it_was_given() -> None:
    """Where the list is no step's result as a whole – plain, of Refs, of a map – a map takes it item by item."""

    @step(inline=True)
    def are_three(numbers: list[int]) -> bool:
        return min(numbers) >= 3

    @workflow
    def flow() -> dict[str, list[int]]:
        given = works(1)
        return {
            "plain": repeat(lambda xs: more.map(xs), [1, 2], until=are_three, max_rounds=3, name="plain"),
            "refs": repeat(lambda xs: more.map(xs), [given, 2], until=are_three, max_rounds=3, name="refs"),
            "parts": repeat(
                lambda xs: [more(xs[0]), more.named("other")(xs[1])],
                [given, 2],
                until=are_three,
                max_rounds=3,
                name="parts",
            ),
        }

    result = outcome(flow)
    assert result.value == {"plain": [3, 4], "refs": [3, 4], "parts": [3, 4]}


@pytest.mark.parametrize("given", [3, {"a": 1}])
def test_a_loop_that_maps_over_no_list_says_so(given: object) -> None:
    """The map is named, and what it was handed."""

    @workflow
    def flow() -> object:
        return repeat(lambda xs: more.map(xs), given, until=is_three, max_rounds=3, name="loop")  # type: ignore[arg-type, return-value]  # no list

    (failure,) = outcome(flow).failures
    assert failure.path == "loop#1/more"
    assert f"loop#1/more.map needs a list, but was handed {type(given).__name__}" in str(failure)


def test_a_field_that_is_not_handed_on_fails_the_loop_with_its_name() -> None:
    """The round, the loop, and what is missing: before the first round, and after it."""

    @workflow
    def flow() -> object:
        return repeat(
            lambda state: {"number": more(state["number"])},
            {"wrong": 1},
            until=lambda state: is_three(state["number"]),
            max_rounds=3,
            name="loop",
        )

    (failure,) = outcome(flow).failures
    assert failure.path == "loop"
    assert "what round 1 of 'loop' takes from the one before is not there: KeyError: 'number'" in str(failure)


def test_a_loop_that_is_not_done_fails_a_run_that_goes_on() -> None:
    """Under "continue" the run still fails when a loop has used its rounds up; the rest has run."""

    @workflow(on_failure="continue")
    def flow() -> list[int]:
        return [repeat(more, 0, until=is_three, max_rounds=2), works(1, 5.0)]

    result = outcome(flow)
    assert result.status == "failed"
    assert [failure.path for failure in result.failures] == ["more"]
    assert "was not done after 2 rounds" in str(result.failures[0])
    assert result.steps["works"].state == "succeeded"


def test_a_choice_in_a_loop_in_a_workflow() -> None:
    """Paths tell the way in, and only what was chosen in each round has run."""

    @step(inline=True)
    def which(number: int) -> str:
        return "odd" if number % 2 else "even"

    @workflow
    def inner(start: int) -> int:
        def body(number: int) -> int:
            return choose(
                which(number),
                {"odd": lambda: more(number), "even": lambda: works(number)},
            )

        return repeat(
            lambda number: more.named("last")(body(number)), start, until=is_three, max_rounds=9, name="loop"
        )

    @workflow
    def flow() -> list[int]:
        return [inner(0), inner.named("late")(works(1))]

    result = outcome(flow)
    assert result.value == [3, 3]
    ran = [path for path, each in result.steps.items() if each.state == "succeeded" and path.count("choose/")]
    assert ran == [
        "inner/loop#1/choose/even/works",
        "inner/loop#2/choose/odd/more",
        "late/loop#1/choose/odd/more",
    ]


# -------------------------------------------------------------------- losses


def test_a_deadline_names_its_workflow_once() -> None:
    """A nested workflow's `within` cuts its steps: they are told, with whose deadline it was, and it is not."""

    @workflow
    def inner() -> object:
        return works.named("second")(works(1), 5.0)

    @workflow
    def flow() -> object:
        return inner.with_options(within=2)()

    (failure,) = outcome(flow).failures
    assert failure.path == "inner/second"
    assert "'inner' passed its deadline of 2 s" in str(failure)


def test_a_workflow_used_as_a_step_takes_no_step_rules() -> None:
    """It has no attempts of its own; a deadline it may have, and keeps its nature."""

    @workflow
    def inner(value: int) -> int:
        return works(value, 5.0)

    used = inner.as_step()
    for rule in ({"timeout": 1.0}, {"retry": 2}, {"limit": "x"}):
        with pytest.raises(DefinitionError, match="has no attempts of its own") as caught:
            used.with_options(**rule)  # type: ignore[arg-type]  # one of them
        assert "within= bounds the workflow" in str(caught.value)
    with pytest.raises(DefinitionError, match="give seconds above 0"):
        used.with_options(within=0)

    @workflow
    def flow() -> list[object]:
        with group("g"):
            cut = used.with_options(within=2).named("cut")(1)
        return [cut, used.with_options()(2)]

    result = outcome(flow)
    assert result.steps["cut/works"].ended_at == 2.0
    assert result.value[1] == 2


# -------------------------------------------------------------------- plans


@dataclass
class Asked:
    """What a replanning step was given."""

    problems: tuple[str, ...] = ()


def replanning(plan: list[dict[str, object]], **capabilities: Any) -> tuple[RunResult[Any], Asked]:
    """A run of the plan whose second plan is one step that works."""
    asked = Asked()

    @step
    async def again(plan: object, problem: PlanProblem) -> list[dict[str, object]]:
        asked.problems = problem.problems
        return [{"key": "a", "capability": "works", "inputs": {"value": "second"}}]

    @workflow
    def flow() -> object:
        return expand(plan, {"works": works, "breaks": breaks, **capabilities}, replan=again)

    return outcome(flow), asked


def use(key: str, capability: str, **inputs: object) -> dict[str, object]:
    """A planned step."""
    return {"key": key, "capability": capability, "inputs": inputs}


def test_what_failed_in_a_planned_workflow_is_told_with_its_path() -> None:
    """The reason reaches the next plan, not only that something below was lost."""

    @workflow
    def inner(value: object) -> object:
        return breaks(works(value))

    result, asked = replanning([use("a", "inner", value=1)], inner=inner.as_step())
    assert asked.problems == ("'a' failed: ValueError: 1 is broken (in plan#1/a/breaks)",)
    assert result.value == {"a": "second"}


def test_a_planned_workflow_is_told_though_it_is_closed_before_it_fails() -> None:
    """Its other steps still ran when one was lost: the workflow itself is superseded, its loss is told."""

    @workflow
    def inner(value: object) -> list[object]:
        return [breaks(value), works(value, 9.0)]

    for given in (1, {"$ref": "first"}):
        plan = [use("first", "works", value=1), use("a", "inner", value=given)]
        result, asked = replanning(plan, inner=inner.as_step())
        assert asked.problems == ("'a' failed: ValueError: 1 is broken (in plan#1/a/breaks)",)
        assert result.steps["plan#1/a"].state == result.steps["plan#1/a/works"].state == "cancelled"
        assert result.value == {"a": "second"}


def test_a_body_that_raises_is_a_planned_step_that_failed() -> None:
    """With a new plan at hand it is asked for one; without, the author's own error fails the run."""

    @workflow
    def inner(value: object) -> object:
        raise KeyError(value)

    result, asked = replanning([use("a", "inner", value=1)], inner=inner.as_step())
    assert asked.problems == ("KeyError: 1",)
    assert result.value == {"a": "second"}

    @workflow
    def flow() -> object:
        return expand([use("a", "inner", value=1)], {"inner": inner.as_step()})

    (failure,) = outcome(flow).failures
    assert isinstance(failure.error, KeyError)


def test_what_a_plan_may_not_say_is_told_without_a_line() -> None:
    """A plan is data: a problem found in wiring it names the step, and no file of the engine's or of anyone."""

    @step(optional=True)
    async def maybe(value: object) -> object:
        return value

    plan = [use("a", "maybe", value=1), use("b", "works", value={"$ref": "a.field"})]
    _, asked = replanning(plan, maybe=maybe)
    (problem,) = asked.problems
    assert "was narrowed by 'field', although its step is optional" in problem
    assert ".py:" not in problem


def test_known_keys_are_listed_in_the_plans_order() -> None:
    """Who reads the problem sees the plan as it was."""
    plan = [use("z", "works", value=1), use("a", "works", value={"$ref": "b"}), use("m", "works", value=1)]
    _, asked = replanning(plan)
    assert asked.problems == ("'a' needs 'b', which no step of the plan makes; there are: z, a, m",)


# -------------------------------------------------------------------- figures


def test_a_loops_looks_are_on_the_path_as_what_they_are() -> None:
    """The critical path goes through the rounds' work; looking at a verdict is neither a retry nor a wait."""

    @workflow
    def flow() -> int:
        return works(repeat(more, works.named("first")(1), until=is_three, max_rounds=5, name="loop"))

    timing = outcome(flow).timing
    work = [(hop.step, hop.waited_for) for hop in timing.critical_path if hop.ended_at > hop.started_at]
    assert work == [
        ("first", "start"),
        ("loop#1/more", "dependency"),
        ("loop#2/more", "dependency"),
        ("works", "dependency"),
    ]
    assert {hop.waited_for for hop in timing.critical_path} == {"start", "dependency"}
    assert sum(hop.waited for hop in timing.critical_path) == 0.0
    assert timing.span == timing.lower_bound == timing.makespan == 4.0


def test_the_path_of_a_replaced_plan_goes_through_both_rounds() -> None:
    """What failed, the new plan, and what it brought, one after the other."""
    result, _ = replanning(
        [use("a", "breaks", value=1, seconds=2.0), use("b", "works", value=1, seconds=9.0)]
    )
    hops = [hop.step for hop in result.timing.critical_path if hop.ended_at > hop.started_at]
    assert hops[-1] == "plan#2/a"
    assert hops[0] in ("plan#1/a", "plan#1/b")  # stopped at the same instant
    assert "backoff" not in {hop.waited_for for hop in result.timing.critical_path}
    assert result.timing.makespan == 3.0
