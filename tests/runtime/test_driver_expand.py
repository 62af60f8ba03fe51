"""Plans under way: each step with its own inputs, what a lost step takes along, and what a new plan is told."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from stretto import Engine, Missing, PlanProblem, PlanStep, Retry, expand, group, step, workflow
from stretto.testing import run_virtual

if TYPE_CHECKING:
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
