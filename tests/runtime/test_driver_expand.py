"""Plans under way: each step with its own inputs, what a lost step takes along, and what a new plan is told."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from runtime.process_steps import hang_for_good
from stretto import (
    Engine,
    Missing,
    PlanProblem,
    PlanStep,
    Retry,
    choose,
    expand,
    group,
    repeat,
    step,
    workflow,
)
from stretto.errors import PlanError
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from pathlib import Path

    from stretto import RunResult, Workflow

Plan = list[dict[str, object]]


@step
async def works(value: Any, seconds: float = 1.0) -> Any:
    await asyncio.sleep(seconds)
    return value


@step
async def breaks(value: object, seconds: float = 1.0) -> object:
    await asyncio.sleep(seconds)
    raise ValueError(f"{value} is broken")


@step
async def both(left: object, right: object = None) -> tuple[object, object]:
    return left, right


KNOWN = {"works": works, "breaks": breaks, "both": both}


@dataclass(frozen=True)
class Page:
    """A result with attributes."""

    rows: tuple[str, ...]


class Pair(NamedTuple):
    """A tuple with names."""

    left: object
    right: object


@dataclass
class Asked:
    """What the step that makes new plans was given, call by call."""

    plans: list[object] = field(default_factory=list)
    problems: list[tuple[str, ...]] = field(default_factory=list)
    finished: list[dict[str, object]] = field(default_factory=list)


def use(
    key: str, capability: str = "works", after: tuple[str, ...] = (), **inputs: object
) -> dict[str, object]:
    """A planned step."""
    return {"key": key, "capability": capability, "inputs": inputs, "after": after}


def ref(target: str) -> dict[str, str]:
    """What stands for a result."""
    return {"$ref": target}


def outcome(flow: Workflow[..., Any]) -> RunResult[Any]:
    """The result, whatever its status, of a run on virtual time."""
    return run_virtual(flow.aresult())


def carried_out(plan: object, **known: Any) -> RunResult[Any]:
    """A run of a plan."""

    @workflow
    def flow() -> object:
        return expand(plan, {**KNOWN, **known})

    return outcome(flow)


def renewed(*plans: object, replans: int = 1, **known: Any) -> tuple[RunResult[Any], Asked]:
    """A run of the first plan, with the others as what is planned instead, one after the other."""
    asked = Asked()

    @step
    async def again(plan: object, problem: PlanProblem) -> object:
        asked.plans.append(plan)
        asked.problems.append(problem.problems)
        asked.finished.append(problem.finished)
        await asyncio.sleep(1)
        return plans[len(asked.plans)]

    @workflow
    def flow() -> object:
        return expand(plans[0], {**KNOWN, **known}, replan=again, max_replans=replans)

    return outcome(flow), asked


def living(group: str) -> list[str]:
    """The processes of a group; those that are dead and not yet buried are none."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == group and " Z" not in line]


def states(result: RunResult[Any]) -> dict[str, str]:
    """Paths with states, in order."""
    return {path: str(each.state) for path, each in result.steps.items()}


# -------------------------------------------------------------------- one plan


def test_a_planned_step_starts_when_its_own_inputs_exist() -> None:
    """No level waits for another: the makespan is the plan's critical path."""
    plan = [
        use("a", value=1, seconds=1),
        use("b", value=2, seconds=5),
        use("c", value=ref("a"), seconds=5),
        use("d", "both", left=ref("c"), right=ref("b")),
    ]
    result = carried_out(plan)
    assert result.value == {"a": 1, "b": 2, "c": 1, "d": (1, 2)}
    assert list(result.value) == ["a", "b", "c", "d"]
    assert list(result.steps) == ["plan", "plan#1/a", "plan#1/b", "plan#1/c", "plan#1/d"]
    assert result.steps["plan#1/c"].started_at == 1.0
    assert result.timing.makespan == 6.0


def test_two_steps_of_one_capability_have_their_own_inputs() -> None:
    """Neither the capability nor its place says whose inputs are whose: the key does."""
    plan = [
        use("beam", value={"load": 3}),
        use("moments", "both", left="moments", right=ref("beam.load")),
        use("forces", "both", left="forces", right=ref("beam")),
    ]
    assert carried_out(plan).value == {
        "beam": {"load": 3},
        "moments": ("moments", 3),
        "forces": ("forces", {"load": 3}),
    }


def test_references_reach_into_results() -> None:
    """By key, by number and by attribute, inside lists and objects; the whole of a result, too."""
    page = Page(("first", "second"))
    plan = [
        use("page", value=page),
        use("data", value={"rows": [{"name": "x"}]}),
        use("taken", "both", left=[ref("page.rows.1"), {"n": ref("data.rows.0.name")}], right=ref("page")),
    ]
    assert carried_out(plan).value["taken"] == (["second", {"n": "x"}], page)


def test_plain_inputs_stay_what_they_are() -> None:
    """A named tuple in a plan reaches its step as one; a reference in it is a problem, not a crash."""
    assert carried_out([use("a", value=[Pair(1, 2)])]).value == {"a": [Pair(1, 2)]}
    (failure,) = carried_out([use("a", value=1), use("b", value=Pair(ref("a"), 2))]).failures
    assert failure.path == "plan"
    assert isinstance(failure.error, PlanError)
    assert failure.error.problems == ("Step 'b', argument 'value', got a Ref inside Pair.left.",)


@pytest.mark.parametrize(
    ("target", "text"),
    [("a.nothing", "KeyError: 'nothing'"), ("a.rows.7", "IndexError"), ("a.rows.x", "AttributeError")],
)
def test_a_field_that_is_not_there_fails_its_step(target: str, text: str) -> None:
    """The step that asked for it is named, and whose result it was."""
    (failure,) = carried_out([use("a", value={"rows": [1]}), use("b", value=ref(target))]).failures
    assert failure.path == "plan#1/b"
    assert "the result of 'plan#1/a' has no" in str(failure)
    assert text in str(failure)


def test_after_orders_without_data() -> None:
    """A step waits for the ones it names, and gets nothing of theirs."""
    result = carried_out(
        [PlanStep("a", "works", {"value": 1}), PlanStep("b", "works", {"value": 2}, after=("a",))]
    )
    assert result.value == {"a": 1, "b": 2}
    assert result.steps["plan#1/b"].started_at == 1.0


def test_each_consumer_has_its_own_copy() -> None:
    """A planned step that changes what it was given changes it for nobody else."""

    @step(inline=True)
    def spoil(values: list[int]) -> list[int]:
        values.append(0)
        return values

    plan = [use("a", value=[1]), use("b", "spoil", values=ref("a")), use("c", "spoil", values=ref("a"))]
    assert carried_out(plan, spoil=spoil).value == {"a": [1], "b": [1, 0], "c": [1, 0]}


def test_a_workflow_is_a_capability() -> None:
    """With plain inputs or with references, its steps stand below the planned one."""

    @workflow
    def twice(value: int) -> list[object]:
        return [works(value), works.named("second")(value)]

    plan = [use("a", "twice", value=1), use("b", "twice", value=ref("a.0"))]
    result = carried_out(plan, twice=twice.as_step())
    assert result.value == {"a": [1, 1], "b": [1, 1]}
    below = [path for path in result.steps if path.startswith("plan#1/")]
    assert below == [
        "plan#1/a",
        "plan#1/a/works",
        "plan#1/a/second",
        "plan#1/b",
        "plan#1/b/works",
        "plan#1/b/second",
    ]


def test_a_plan_may_stand_in_a_branch_and_in_a_round() -> None:
    """It begins when these do, under their paths; each round has a plan of its own."""

    @step(inline=True)
    def is_two(number: int) -> bool:
        return number == 2

    def of_round(number: int) -> Any:
        return expand([use("a", value=1), use("b", "adds", left=ref("a"), right=number)], known)["b"]

    @step
    async def adds(left: int, right: int) -> int:
        return left + right

    @workflow
    def flow() -> object:
        chosen = choose(works("p"), {"p": lambda: expand([use("a", value=7)], KNOWN), "q": lambda: None})
        return [chosen, repeat(of_round, 0, until=is_two, max_rounds=3, name="loop")]

    known = {**KNOWN, "adds": adds}
    result = outcome(flow)
    assert result.value == [{"a": 7}, 2]
    assert result.steps["choose/p/plan#1/a"].started_at == 1.0
    planned = [path for path in result.steps if path.startswith("loop#") and "plan#" in path]
    assert planned == ["loop#1/plan#1/a", "loop#1/plan#1/b", "loop#2/plan#1/a", "loop#2/plan#1/b"]


def test_a_wrong_plan_starts_nothing() -> None:
    """It is validated whole: the good steps in it have not run either."""
    result = carried_out([use("a", value=1), use("b", "dance"), use("c", value=ref("z"))])
    assert list(result.steps) == ["plan"]
    (failure,) = result.failures
    assert "'b' asks for the capability 'dance'; there are: both, breaks, works" in str(failure)
    assert "'c' needs 'z', which no step of the plan makes; there are: a, b, c" in str(failure)


def test_an_empty_plan_has_no_results() -> None:
    """There was nothing to do."""
    assert carried_out([]).value == {}


def test_a_failing_step_repeats_itself_and_nothing_else() -> None:
    """Its retry is its own: what the plan has brought stays, and nothing is run a second time."""
    calls: list[str] = []

    @step(retry=Retry(attempts=3, first_wait=1.0))
    async def flaky(value: object) -> object:
        calls.append("flaky")
        if len([call for call in calls if call == "flaky"]) < 3:
            raise ConnectionError("busy")
        return value

    @step
    async def counts(value: object) -> object:
        calls.append("counts")
        return value

    plan = [
        use("a", "counts", value=1),
        use("b", "flaky", value=ref("a")),
        use("c", "counts", value=ref("b")),
    ]
    result = carried_out(plan, flaky=flaky, counts=counts)
    assert result.value == {"a": 1, "b": 1, "c": 1}
    assert calls == ["counts", "flaky", "flaky", "flaky", "counts"]
    assert len(result.steps["plan"].attempts) == 1


def test_a_lost_step_fails_the_run_by_its_own_path() -> None:
    """Without a step that makes a new plan, a planned step is like any other."""
    result = carried_out([use("a", "breaks", value="glass"), use("b", value=ref("a"))])
    assert [str(failure) for failure in result.failures] == ["plan#1/a: ValueError: glass is broken"]
    assert states(result)["plan#1/b"] == "skipped"


def test_a_plan_in_a_group_is_lost_alone() -> None:
    """Its consumer gets `Missing`, and the run is partial."""

    @step(inline=True)
    def told(found: dict[str, object] | Missing) -> str:
        return found.detail if isinstance(found, Missing) else "all"

    @workflow
    def flow() -> str:
        with group("g"):
            found = expand([use("a", "breaks", value=1)], KNOWN)
        return told(found)

    result = outcome(flow)
    assert result.status == "partial"
    assert result.value == "plan#1/a was lost"


def test_under_continue_the_rest_of_a_plan_runs() -> None:
    """Only what needs the lost step is skipped; the run has failed by it."""

    @workflow(on_failure="continue")
    def flow() -> object:
        plan = [
            use("a", "breaks", value=1),
            use("b", value=ref("a")),
            use("c", value=3),
            use("d", value=ref("c")),
        ]
        return expand(plan, KNOWN)

    result = outcome(flow)
    assert [failure.path for failure in result.failures] == ["plan#1/a"]
    assert (states(result)["plan#1/b"], states(result)["plan#1/d"]) == ("skipped", "succeeded")


def test_the_runs_deadline_cuts_a_plan() -> None:
    """What it had finished is kept in the result."""

    @workflow(within=3)
    def flow() -> object:
        return expand([use("a", value=1), use("b", value=2, seconds=9)], KNOWN)

    result = outcome(flow)
    assert result.status == "failed"
    assert result.steps["plan#1/a"].value == 1
    assert states(result)["plan#1/b"] == "cancelled"
    assert result.timing.makespan == 3.0


# -------------------------------------------------------------------- a new plan


def test_a_wrong_plan_is_told_to_the_step_that_makes_a_new_one() -> None:
    """It gets the plan as it was, and every problem."""
    wrong: Plan = [use("a", "dance"), use("b", value=ref("z"))]
    result, asked = renewed(wrong, [use("a", value="second")])
    assert asked.plans == [wrong]
    assert asked.problems == [
        (
            "'a' asks for the capability 'dance'; there are: both, breaks, works",
            "'b' needs 'z', which no step of the plan makes; there are: a, b",
        )
    ]
    assert asked.finished == [{}]
    assert result.value == {"a": "second"}
    assert list(result.steps) == ["plan", "plan#2/replan", "plan#2/a"]


def test_what_is_left_of_a_replaced_round_is_cancelled_and_says_so() -> None:
    """Steps that run are really cancelled; those that wait never start; what had finished stays."""
    stopped: list[float] = []

    @step
    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.append(asyncio.get_running_loop().time())

    plan = [
        use("done", value=1, seconds=1),
        use("bad", "breaks", value="glass", seconds=2),
        use("long", "long"),
        use("next", value=ref("long")),
    ]
    result, asked = renewed(plan, [use("done", value="new")], long=long)
    assert states(result) == {
        "plan": "succeeded",
        "plan#1/done": "succeeded",
        "plan#1/bad": "failed",
        "plan#1/long": "cancelled",
        "plan#1/next": "cancelled",
        "plan#2/replan": "succeeded",
        "plan#2/done": "succeeded",
    }
    assert stopped == [2.0]
    assert asked.problems == [("'bad' failed: ValueError: glass is broken",)]
    assert asked.finished == [{"done": 1}]
    assert "superseded: plan#1/bad was lost, a new round follows" in " ".join(result.story("plan#1/long"))
    assert "superseded: plan#1/bad was lost" in " ".join(result.story("plan#1/next"))
    assert result.value == {"done": "new"}
    assert result.status == "succeeded"


def test_a_pause_before_a_retry_ends_with_its_round() -> None:
    """The attempt that was to follow never comes."""
    calls: list[str] = []

    @step(retry=Retry(attempts=5, first_wait=8.0, jitter=False))
    async def flaky() -> None:
        calls.append("flaky")
        raise ConnectionError("busy")

    result, _ = renewed(
        [use("f", "flaky"), use("bad", "breaks", value=1)], [use("a", value=2, seconds=60)], flaky=flaky
    )
    assert calls == ["flaky"]
    assert states(result)["plan#1/f"] == "cancelled"
    assert result.value == {"a": 2}


def test_a_workflow_of_a_replaced_round_is_closed_whole() -> None:
    """Its running, waiting and pending steps end with it, at any depth."""

    @workflow
    def inner(value: object) -> object:
        return works(works.named("deep")(value, 60.0))

    @workflow
    def outer(value: object) -> object:
        return inner(value)

    plan = [use("o", "outer", value=1), use("bad", "breaks", value=1)]
    result, _ = renewed(plan, [], outer=outer.as_step())
    found = {path: state for path, state in states(result).items() if path.startswith("plan#1/o")}
    assert set(found) == {"plan#1/o", "plan#1/o/inner", "plan#1/o/inner/deep", "plan#1/o/inner/works"}
    assert set(found.values()) == {"cancelled"}
    assert result.value == {}


def test_a_place_under_a_limit_comes_back_with_its_round() -> None:
    """A step that held it and one that waited for it are both cancelled; the next round gets it."""

    @step(limit="one")
    async def limited(value: object, seconds: float = 1.0) -> object:
        await asyncio.sleep(seconds)
        return value

    @step
    async def again(plan: object, problem: PlanProblem) -> Plan:
        return [use("new", "limited", value=3)]

    @workflow(engine=Engine(limits={"one": 1}))
    def flow() -> object:
        plan = [
            use("holds", "limited", value=1, seconds=60),
            use("waits", "limited", value=2),
            use("bad", "breaks", value=1),
        ]
        return expand(plan, {**KNOWN, "limited": limited}, replan=again)

    result = outcome(flow)
    assert (states(result)["plan#1/holds"], states(result)["plan#1/waits"]) == ("cancelled", "cancelled")
    assert result.steps["plan#1/waits"].started_at is None
    assert result.value == {"new": 3}
    assert result.timing.makespan == 2.0


def test_a_loss_below_a_planned_step_says_where() -> None:
    """The plan knows its key, the author the path."""

    @workflow
    def fragile(value: object) -> object:
        return breaks(works(value))

    result, asked = renewed([use("f", "fragile", value="glass")], [], fragile=fragile.as_step())
    assert asked.problems == [("'f' failed: ValueError: glass is broken (in plan#1/f/breaks)",)]
    assert result.status == "succeeded"


def test_a_step_out_of_time_is_a_lost_step() -> None:
    """Its capability's timeout is its own, and the sentence says so."""

    @step(timeout=2)
    async def slow() -> None:
        await asyncio.sleep(60)

    result, asked = renewed([use("s", "slow")], [use("a", value=1)], slow=slow)
    assert asked.problems == [("'s' failed: attempt 1 gave no result within 2 s",)]
    assert result.timing.makespan == 4.0


@pytest.mark.parametrize("value", [1, ref("a")])
def test_a_body_that_breaks_is_a_problem_like_any_other(value: object) -> None:
    """With values or with references: who makes the new plan hears what a capability's body raised."""

    @workflow
    def odd(value: object) -> object:
        raise LookupError("no such table")

    _, asked = renewed([use("a", value=1), use("o", "odd", value=value)], [], odd=odd.as_step())
    ((problem,),) = asked.problems
    assert problem.endswith("LookupError: no such table")


def test_a_body_that_breaks_without_a_new_plan_stays_what_it_is() -> None:
    """Its author's error is reported by its own class, not as one of the plan's; so when no round is left."""

    @workflow
    def odd(value: object) -> object:
        raise LookupError("no such table")

    plan = [use("o", "odd", value=1)]
    (failure,) = carried_out(plan, odd=odd.as_step()).failures
    assert isinstance(failure.error, LookupError)
    result, asked = renewed(plan, plan, odd=odd.as_step())
    assert len(asked.plans) == 1
    assert [type(failure.error) for failure in result.failures] == [LookupError]


def test_a_plan_that_cannot_be_wired_is_told_as_a_problem() -> None:
    """What only the bodies of its capabilities bring to light: here one misuses a step."""

    @workflow
    def misused(value: object) -> object:
        return works(value, 1.0, "too many")

    _, asked = renewed([use("m", "misused", value=1)], [], misused=misused.as_step())
    ((problem,),) = asked.problems
    assert problem.startswith("Step 'works' was called with wrong arguments")


def test_a_plan_in_a_plan_is_mended_by_its_own() -> None:
    """The nearest one that may plan again does; the other hears of nothing and loses nothing."""
    asked: list[str] = []

    @step
    async def inner_again(plan: object, problem: PlanProblem) -> Plan:
        asked.append("inner")
        return [use("x", value="mended")]

    @step
    async def outer_again(plan: object, problem: PlanProblem) -> Plan:
        asked.append("outer")
        return []

    @workflow
    def inner(value: object) -> object:
        return expand([use("x", "breaks", value=value)], KNOWN, replan=inner_again)

    @workflow
    def flow() -> object:
        plan = [use("in", "inner", value=1), use("side", value=2, seconds=9)]
        return expand(plan, {**KNOWN, "inner": inner.as_step()}, replan=outer_again)

    result = outcome(flow)
    assert asked == ["inner"]
    assert result.value == {"in": {"x": "mended"}, "side": 2}
    assert states(result)["plan#1/in/plan#2/x"] == "succeeded"


def test_a_plan_in_a_plan_that_is_used_up_is_lost_to_the_outer_one() -> None:
    """Which then plans again, told by the inner one's key and the path of what failed last."""

    @step
    async def inner_again(plan: object, problem: PlanProblem) -> object:
        return plan

    @workflow
    def inner(value: object) -> object:
        return expand([use("x", "breaks", value=value)], KNOWN, replan=inner_again)

    plan = [use("in", "inner", value="glass"), use("side", value=2, seconds=60)]
    result, asked = renewed(plan, [use("b", value="outer")], inner=inner.as_step())
    assert asked.problems == [("'in' failed: ValueError: glass is broken (in plan#1/in/plan#2/x)",)]
    assert states(result)["plan#1/side"] == "cancelled"
    assert result.value == {"b": "outer"}


@pytest.mark.parametrize("seconds", [1.0, 60.0])
def test_a_plan_in_a_replaced_plan_is_not_begun_again(seconds: float) -> None:
    """Whether it was planning anew or still in its first round: nothing of it is left, or run a second time."""
    asked_inner: list[float] = []

    @step
    async def inner_again(plan: object, problem: PlanProblem) -> Plan:
        asked_inner.append(asyncio.get_running_loop().time())
        await asyncio.sleep(60)
        return []

    @workflow
    def inner(value: object) -> object:
        plan = [use("bad", "breaks", value=value, seconds=seconds), use("run", value=value, seconds=60)]
        return expand(plan, KNOWN, replan=inner_again)

    plan = [use("in", "inner", value=1), use("x", "breaks", value=2, seconds=2)]
    result, asked = renewed(plan, [use("z", value="outer")], inner=inner.as_step())
    assert result.value == {"z": "outer"}
    assert asked.problems == [("'x' failed: ValueError: 2 is broken",)]
    assert asked_inner == ([1.0] if seconds == 1.0 else [])
    assert (states(result)["plan#1/in"], states(result)["plan#1/in/plan"]) == ("cancelled", "cancelled")
    paths = list(result.steps)
    assert len(paths) == len(set(paths))
    assert result.timing.makespan == 4.0


def test_what_a_new_plan_is_told_is_its_own() -> None:
    """The step may change the plan and the results it was handed: the run's stay as they were."""
    plan = [use("a", value=[1]), use("bad", "breaks", value=1, seconds=2)]

    @step
    async def again(plan: Plan, problem: PlanProblem) -> Plan:
        plan.clear()
        problem.finished["a"].append("spoiled")  # type: ignore[attr-defined]  # a list, as planned
        return [use("b", value=2)]

    @step
    async def first() -> Plan:
        return plan

    @workflow
    def flow() -> object:
        made = first()
        return [expand(made, KNOWN, replan=again), made]

    result = outcome(flow)
    assert result.steps["plan#1/a"].value == [1]
    assert result.value == [{"b": 2}, plan]
    assert len(plan) == 2


def test_two_that_fail_at_once_are_both_told() -> None:
    """And what ended well in that very instant is kept."""
    plan = [
        use("a", "breaks", value="a"),
        use("b", "breaks", value="b"),
        use("c", value="kept", seconds=1.0),
        use("d", value="late", seconds=1.5),
    ]
    _, asked = renewed(plan, [])
    assert asked.problems == [("'a' failed: ValueError: a is broken", "'b' failed: ValueError: b is broken")]
    assert asked.finished == [{"c": "kept"}]


def test_a_new_round_uses_nothing_of_the_old_by_position_or_key() -> None:
    """Same keys in another order with other inputs: each is run anew, and gives its own."""
    first = [use("x", value="old x"), use("y", value="old y"), use("bad", "breaks", value=1, seconds=2)]
    second = [
        use("y", value="new y"),
        use("x", value="new x"),
        use("z", "both", left=ref("x"), right=ref("y")),
    ]
    result, _ = renewed(first, second)
    assert result.value == {"y": "new y", "x": "new x", "z": ("new x", "new y")}
    assert result.steps["plan#1/x"].value == "old x"
    assert result.steps["plan#2/x"].started_at == 3.0


def test_replans_are_counted() -> None:
    """After the last one, a wrong plan fails with what is wrong with it, and a lost step as itself."""
    wrong, lost = [use("a", "dance")], [use("a", "breaks", value="last")]
    result, asked = renewed(wrong, lost, [use("b", "sing")], replans=2)
    assert len(asked.plans) == 2
    assert asked.plans[1] == lost
    (failure,) = result.failures
    assert failure.path == "plan"
    assert "'b' asks for the capability 'sing'" in str(failure)

    result, asked = renewed(wrong, lost)
    assert [str(failure) for failure in result.failures] == ["plan#2/a: ValueError: last is broken"]
    assert len(asked.plans) == 1


def test_no_replan_is_allowed_either() -> None:
    """With max_replans=0 the step is never asked."""
    result, asked = renewed([use("a", "dance")], replans=0)
    assert asked.plans == []
    assert [failure.path for failure in result.failures] == ["plan"]


def test_a_replan_that_fails_fails_the_run() -> None:
    """There is nobody to ask about that; its own retry rule holds, and it alone is reported."""
    calls: list[int] = []

    @step(retry=2)
    async def again(plan: object, problem: PlanProblem) -> object:
        calls.append(1)
        raise OSError("no idea")

    @workflow
    def flow() -> object:
        return expand([use("a", "dance")], KNOWN, replan=again, max_replans=9)

    result = outcome(flow)
    assert [str(failure) for failure in result.failures] == ["plan#2/replan: OSError: no idea"]
    assert len(calls) == 2


def test_an_optional_planned_step_is_no_reason_for_a_new_plan() -> None:
    """The plan can do without it; who takes its result gets its default."""

    @step(optional=True, default="spare")
    async def maybe() -> str:
        raise ValueError("gone")

    result, asked = renewed([use("m", "maybe"), use("a", value=ref("m"))], [], maybe=maybe)
    assert asked.plans == []
    assert result.value == {"m": "spare", "a": "spare"}
    assert result.status == "partial"


def test_a_cancel_while_a_new_plan_is_made_ends_the_run() -> None:
    """Nothing of a second round starts."""

    @step
    async def again(plan: object, problem: PlanProblem) -> object:
        await asyncio.sleep(60)
        return []

    @workflow
    def flow() -> object:
        return expand([use("a", "dance")], KNOWN, replan=again)

    async def run() -> RunResult[Any]:
        drivers: list[Any] = []
        task = asyncio.ensure_future(flow.start({}, started=drivers.append))
        await asyncio.sleep(5)
        drivers[0].cancel("enough")
        return await task

    result = run_virtual(run())
    assert result.status == "cancelled"
    assert states(result) == {"plan": "cancelled", "plan#2/replan": "cancelled"}


def test_the_runs_deadline_cuts_a_step_that_makes_a_new_plan() -> None:
    """The old round stays as it ended; no second one begins."""

    @step
    async def again(plan: object, problem: PlanProblem) -> Plan:
        await asyncio.sleep(60)
        return []

    @workflow(within=5)
    def flow() -> object:
        return expand([use("a", "breaks", value=1)], KNOWN, replan=again)

    result = outcome(flow)
    assert result.status == "failed"
    assert states(result) == {"plan": "cancelled", "plan#1/a": "failed", "plan#2/replan": "cancelled"}
    assert result.timing.makespan == 5.0


def test_a_groups_time_ends_a_step_that_makes_a_new_plan() -> None:
    """The plan is lost to its group alone, and what stands behind it goes on with `Missing`."""

    @step
    async def again(plan: object, problem: PlanProblem) -> Plan:
        await asyncio.sleep(60)
        return []

    @step(inline=True)
    def is_there(found: dict[str, object] | Missing) -> bool:
        return not isinstance(found, Missing)

    @workflow
    def flow() -> bool:
        with group("g", within=5):
            found = expand([use("a", "breaks", value=1)], KNOWN, replan=again)
        return is_there(found)

    result = outcome(flow)
    assert (result.status, result.value) == ("partial", False)
    assert result.timing.makespan == 5.0


def test_under_continue_a_plan_that_is_used_up_takes_its_consumers_along() -> None:
    """Rounds are replaced there, too; what needs no plan runs to its end."""

    @step
    async def again(plan: object, problem: PlanProblem) -> Plan:
        return [use("b", "breaks", value="second")]

    @workflow(on_failure="continue")
    def flow() -> object:
        found = expand([use("a", "breaks", value="first")], KNOWN, replan=again)
        return [works.named("needs")(found), works.named("other")(1, 20.0)]

    result = outcome(flow)
    assert [str(failure) for failure in result.failures] == ["plan#2/b: ValueError: second is broken"]
    assert (states(result)["needs"], states(result)["other"]) == ("skipped", "succeeded")


@pytest.mark.slow
def test_a_process_of_a_replaced_round_is_killed(tmp_path: Path) -> None:
    """When the new plan is made, it and what it started are gone already."""
    note = tmp_path / "group"
    alive: list[list[str]] = []

    @step
    async def fails_when_it_runs() -> None:
        while not (note.exists() and note.read_text()):
            await asyncio.sleep(0.01)
        alive.append(living(note.read_text()))
        raise ValueError("no")

    @step
    async def again(plan: object, problem: PlanProblem) -> Plan:
        alive.append(living(note.read_text()))
        return [use("a", value="new", seconds=0.0)]

    @workflow
    def flow() -> object:
        known = {**KNOWN, "hangs": hang_for_good, "fails": fails_when_it_runs}
        return expand([use("h", "hangs", note=str(note)), use("f", "fails")], known, replan=again)

    result = flow.run()
    assert result.value == {"a": "new"}
    assert states(result)["plan#1/h"] == "cancelled"
    before, after = alive
    assert before
    assert after == []


@pytest.mark.slow
def test_a_thread_that_comes_late_changes_nothing() -> None:
    """A blocking step of a replaced round cannot be stopped: what it brings after its grace is not a result."""
    gate = threading.Event()

    @step
    def blocking() -> str:
        gate.wait(10)
        return "too late"

    @step
    async def quick() -> None:
        raise ValueError("no")

    @step
    async def again(plan: object, problem: PlanProblem) -> Plan:
        assert problem.finished == {}
        return [use("a", "works", value="new", seconds=0.01)]

    @step
    async def opens(value: object) -> object:
        gate.set()
        await asyncio.sleep(0.05)
        return value

    @workflow(engine=Engine(grace=0.05))
    def flow() -> object:
        known = {**KNOWN, "blocking": blocking, "quick": quick}
        return opens(expand([use("b", "blocking"), use("q", "quick")], known, replan=again))

    result = flow.run()
    assert result.value == {"a": "new"}
    assert states(result)["plan#1/b"] == "cancelled"
