"""`choose` at run time: which branch runs, what is skipped, what failures and deadlines do inside."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pytest

from stretto import Missing, choose, group, repeat, step, workflow
from stretto.errors import RunFailedError
from stretto.runtime.engine import attempts, driver
from stretto.testing import CheckedScheduler, run_virtual

if TYPE_CHECKING:
    from stretto import RunResult


class Kind(StrEnum):
    QUESTION = "question"
    ORDER = "order"


@pytest.fixture(autouse=True)
def _checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "Scheduler", CheckedScheduler)


@step
async def load(value: Any, seconds: float = 1) -> Any:
    await asyncio.sleep(seconds)
    return value


@step
async def boom(text: str) -> Any:
    await asyncio.sleep(1)
    raise ValueError(text)


@step(inline=True)
def join(*values: object) -> list[Any]:
    return list(values)


def states(result: RunResult[object]) -> dict[str, str]:
    """Every step's state by path."""
    return {path: found.state for path, found in result.steps.items()}


def times(result: RunResult[object]) -> dict[str, tuple[float | None, float | None]]:
    """When each step that ran started and ended."""
    return {
        path: (found.started_at, found.ended_at)
        for path, found in result.steps.items()
        if found.state != "skipped"
    }


def picked(selector: object) -> str:
    """The branch of several kinds of labels that a selector's value takes."""

    @workflow
    def flow() -> str:
        return choose(
            load(selector),
            {
                "a": lambda: "text a",
                "1": lambda: "text 1",
                2: lambda: "number 2",
                0: lambda: "number 0",
                True: lambda: "true",
                None: lambda: "none",
                Kind.ORDER: lambda: "order",
            },
            otherwise=lambda: "otherwise",
        )

    return run_virtual(flow.arun()).value


@pytest.mark.parametrize(
    ("selector", "branch"),
    [
        ("a", "text a"),
        ("1", "text 1"),
        (2, "number 2"),
        (0, "number 0"),
        (True, "true"),
        (None, "none"),
        (Kind.ORDER, "order"),
        ("order", "order"),
        (1, "otherwise"),
        (False, "otherwise"),
        ("True", "otherwise"),
        ("None", "otherwise"),
        ("2", "otherwise"),
        (Kind.QUESTION, "otherwise"),
        ("otherwise", "otherwise"),
        (["a"], "otherwise"),
    ],
)
def test_a_label_is_picked_by_value_and_kind(selector: object, branch: str) -> None:
    """1, True and "1" are three labels; a StrEnum's member is its text."""
    assert picked(selector) == branch


def test_the_chosen_branch_runs_and_the_others_are_skipped_which_is_no_loss() -> None:
    """Skipped steps say why; the run has succeeded and nothing counts as failed or lost."""

    @workflow
    def flow() -> object:
        return choose(
            load("b"),
            {"a": lambda: load.named("x")(1), "b": lambda: join(load.named("x")(2), load.named("y")(3))},
            otherwise=lambda: choose("deep", {"deep": lambda: load("never")}),
        )

    result = run_virtual(flow.arun())
    assert result.value == [2, 3]
    assert result.status == "succeeded"
    assert states(result) == {
        "load": "succeeded",
        "choose": "succeeded",
        "choose/a/x": "skipped",
        "choose/b/x": "succeeded",
        "choose/b/y": "succeeded",
        "choose/b/join": "succeeded",
        "choose/otherwise/choose": "skipped",
    }
    skipped = result.steps["choose/a/x"]
    assert skipped.failure is not None
    assert skipped.failure.cause == "not_chosen"
    assert skipped.attempts == ()
    assert (result.lost, result.failures, result.warnings) == ((), (), ())
    assert times(result)["choose"] == (1.0, 2.0)
    assert "another branch was chosen" in result.story("choose/a/x")[-1]


def test_a_selector_that_names_no_branch_fails_the_run() -> None:
    """The error lists the branches; nothing of them is in the run."""

    @workflow
    def flow() -> object:
        return choose(
            load("c"), {"a": lambda: load.named("x")(1), 2: lambda: 2, None: lambda: 3}, name="route"
        )

    result = run_virtual(flow.aresult())
    assert result.status == "failed"
    (failure,) = result.failures
    assert str(failure) == (
        "route: PermanentError: route was to choose 'c', but its branches are 'a', 2, None; "
        "add that branch, or give otherwise=."
    )
    assert states(result) == {"load": "succeeded", "route": "failed"}


def test_a_branch_gives_plain_values_nested_data_and_outer_results() -> None:
    """What a branch gives may hold anything a step's input may."""

    @workflow
    def flow() -> object:
        outer = load.named("outer")({"k": [7]})
        return choose(
            load(True),
            {True: lambda: {"plain": [1, None], "outer": outer, "field": outer["k"][0], "made": (load(5),)}},
        )

    result = run_virtual(flow.arun())
    assert result.value == {"plain": [1, None], "outer": {"k": [7]}, "field": 7, "made": (5,)}


def test_a_branch_without_steps_settles_the_choice_at_once() -> None:
    """A plain value needs no step."""

    @workflow
    def flow() -> object:
        return choose(load("b"), {"a": lambda: load.named("x")(1), "b": lambda: "plain"})

    result = run_virtual(flow.arun())
    assert result.value == "plain"
    assert times(result)["choose"] == (1.0, 1.0)


def test_a_field_that_is_not_there_fails_as_steps_fail() -> None:
    """A field that a branch hands on is taken by a step of the branch, whose failure names the maker."""

    @workflow
    def flow() -> object:
        found = load.named("found")({"k": 1})
        return choose(load("a"), {"a": lambda: found["wrong"]})

    result = run_virtual(flow.aresult())
    assert result.status == "failed"
    (failure,) = result.failures
    assert failure.path == "choose/a/return"
    assert "the result of 'found' has no ['wrong']" in str(failure)
    assert result.steps["choose"].value is None


def test_each_field_is_handed_on_as_soon_as_it_is_there() -> None:
    """Several fields are taken by a step each: none waits for the others, and the values stand in place."""

    @workflow
    def flow() -> object:
        late = load.named("late")({"k": 1}, 5)
        return choose("a", {"a": lambda: {"l": [late["k"]], "q": (load({"k": 2})["k"], 3)}})

    result = run_virtual(flow.arun())
    assert result.value == {"l": [1], "q": (2, 3)}
    assert times(result)["choose/a/return"] == (5.0, 5.0)
    assert times(result)["choose/a/return-2"] == (1.0, 1.0)


def test_a_branch_waits_for_what_it_captures_and_only_where_it_needs_it() -> None:
    """Steps of the branch that do not take the late result start with the choice."""

    @workflow
    def flow() -> object:
        late = load.named("late")("late", 10)
        return choose(load("a"), {"a": lambda: join(load.named("free")(1), load.named("bound")(late))})

    result = run_virtual(flow.arun())
    assert result.value == [1, "late"]
    assert times(result)["choose/a/free"] == (1.0, 2.0)
    assert times(result)["choose/a/bound"] == (10.0, 11.0)


def test_a_captured_step_runs_whichever_branch_is_chosen() -> None:
    """What was called outside a branch is no part of it."""

    @workflow
    def flow() -> object:
        outer = load.named("outer")(1, 3)
        return choose(load("b"), {"a": lambda: join(outer), "b": lambda: "without"})

    result = run_virtual(flow.arun())
    assert states(result)["outer"] == "succeeded"
    assert times(result)["choose"] == (1.0, 1.0)


def test_a_lost_optional_step_reaches_a_branch_as_missing() -> None:
    """A captured Ref keeps its rules inside a branch."""

    @step(optional=True)
    async def perhaps() -> str:
        raise ValueError("gone")

    @step(inline=True)
    def reason(found: str | Missing) -> str:
        return found.reason if isinstance(found, Missing) else found

    @workflow
    def flow() -> str:
        found = perhaps()
        return choose(load("a"), {"a": lambda: reason(found)})

    result = run_virtual(flow.arun())
    assert (result.value, result.status) == ("failed", "partial")


def test_two_choices_need_names_and_use_each_other() -> None:
    """The second is decided by what the first gives, and waits for all of it."""

    @workflow
    def flow() -> object:
        first = choose(load(1), {1: lambda: load.named("x")("go", 2)}, name="first")
        return choose(first, {"go": lambda: load.named("x")("gone")}, name="second")

    result = run_virtual(flow.arun())
    assert result.value == "gone"
    assert times(result)["first/1/x"] == (1.0, 3.0)
    assert times(result)["second/go/x"] == (3.0, 4.0)


def test_a_choice_in_a_choice() -> None:
    """The inner one is decided when it is reached; of the outer one's other branch nothing of it runs."""

    @workflow
    def flow() -> object:
        return choose(
            load("x"),
            {
                "x": lambda: choose(
                    load.named("k")(2),
                    {1: lambda: load.named("one")(1), 2: lambda: load.named("two")(2)},
                ),
                "y": lambda: choose(load.named("k")(3), {3: lambda: load.named("three")(3)}),
            },
        )

    result = run_virtual(flow.arun())
    assert result.value == 2
    assert states(result) == {
        "load": "succeeded",
        "choose": "succeeded",
        "choose/x/k": "succeeded",
        "choose/x/choose": "succeeded",
        "choose/x/choose/1/one": "skipped",
        "choose/x/choose/2/two": "succeeded",
        "choose/y/k": "skipped",
        "choose/y/choose": "skipped",
    }
    assert times(result)["choose"] == (1.0, 3.0)


def test_maps_groups_and_workflows_in_a_branch_that_was_not_chosen_are_skipped_whole() -> None:
    """No anchor, child, gate or deadline of it is left behind."""

    @workflow(name="inner", within=1)
    def inner(value: int) -> object:
        return load(value)

    def other() -> object:
        with group("g", within=1, min_success=1) as block:
            mapped = load.map([1, 2])
        return join(mapped, inner(1), load.named("last").after(block)(1))

    @workflow
    def flow() -> object:
        return choose(load("a"), {"a": lambda: load.named("x")("x", 5), "b": other})

    result = run_virtual(flow.arun())
    assert (result.value, result.status) == ("x", "succeeded")
    others = {path: state for path, state in states(result).items() if path.startswith("choose/b/")}
    assert set(others) == {
        "choose/b/load",
        "choose/b/load[0]",
        "choose/b/load[1]",
        "choose/b/g",
        "choose/b/inner",
        "choose/b/inner/load",
        "choose/b/last",
        "choose/b/join",
    }
    assert set(others.values()) == {"skipped"}


def test_a_map_over_what_a_choice_gives() -> None:
    """The list of the chosen branch is what is mapped over."""

    @workflow
    def flow() -> object:
        listed = choose(load("a"), {"a": lambda: load.map([1, 2]), "b": lambda: [3]})
        return load.named("again").map(listed)

    result = run_virtual(flow.arun())
    assert result.value == [1, 2]
    assert states(result)["again[1]"] == "succeeded"


def test_a_failure_in_a_branch_fails_the_run_and_names_the_step() -> None:
    """The choice is lost with it, and what needs the choice is skipped; only the step is told as failed."""

    @workflow
    def flow() -> object:
        return load.named("behind")(choose(load("a"), {"a": lambda: boom("no"), "b": lambda: 1}))

    result = run_virtual(flow.aresult())
    assert result.status == "failed"
    assert [str(failure) for failure in result.failures] == ["choose/a/boom: ValueError: no"]
    assert states(result) == {
        "load": "succeeded",
        "choose": "failed",
        "choose/a/boom": "failed",
        "behind": "skipped",
    }
    with pytest.raises(RunFailedError, match="choose/a/boom: ValueError: no"):
        _ = result.value


def test_a_lost_selector_skips_the_choice() -> None:
    """Nothing can be chosen: the selector is what failed."""

    @workflow
    def flow() -> object:
        return choose(boom("no"), {"a": lambda: load(1)})

    result = run_virtual(flow.aresult())
    assert [failure.path for failure in result.failures] == ["boom"]
    assert states(result) == {"boom": "failed", "choose": "skipped"}


def test_retries_in_a_branch_are_the_steps_own() -> None:
    """The choice is made once, however often a step of the branch is tried."""
    seen: list[int] = []

    @step(retry=3)
    async def shaky() -> str:
        seen.append(1)
        await asyncio.sleep(1)
        if len(seen) < 3:
            raise OSError("again")
        return "there"

    @workflow
    def flow() -> object:
        return choose(load("a"), {"a": lambda: shaky()})

    result = run_virtual(flow.arun())
    assert result.value == "there"
    assert len(result.steps["choose/a/shaky"].attempts) == 3
    assert len(result.steps["choose"].attempts) == len(result.steps["load"].attempts) == 1


def test_in_a_group_a_lost_choice_is_missing() -> None:
    """A failed step, a deadline and an unknown selector lose the choice alone; the rest of the block counts."""

    @workflow
    def flow() -> dict[str, Any]:
        with group("g", within=3) as block:
            found = [
                choose("x", {"x": lambda: boom("no"), "y": lambda: load(1)}, name="lost"),
                choose("x", {"x": lambda: load("late", 10)}, name="late"),
                choose("z", {"x": lambda: load(1)}, name="unknown"),
                choose("x", {"x": lambda: load("fine")}, name="fine"),
            ]
        return {"found": found, "count": block.count}

    result = run_virtual(flow.arun())
    assert result.status == "partial"
    lost, late, unknown, fine = result.value["found"]
    assert result.value["count"] == 1
    assert fine == "fine"
    assert lost == Missing("lost", "skipped", "lost/x/boom was lost")
    assert late == Missing("late", "skipped", "late/x/load was lost")
    assert (unknown.step, unknown.reason) == ("unknown", "failed")
    assert "its branches are 'x'" in unknown.detail
    assert [failure.path for failure in result.lost] == ["lost", "late", "unknown"]
    assert times(result)["g"][1] == 3.0


def test_in_a_group_a_lost_step_skips_the_rest_of_its_branch() -> None:
    """What has not started in a branch that cannot succeed any more never does."""

    @workflow
    def flow() -> object:
        with group("g"):
            return choose("x", {"x": lambda: join(boom("no"), load.named("then")(load.named("first")(1, 5)))})

    result = run_virtual(flow.arun())
    assert states(result)["choose/x/first"] == "succeeded"
    assert states(result)["choose/x/then"] == "skipped"
    assert not result.value


def test_a_timeout_in_a_branch_is_the_steps_failure() -> None:
    """It is told as the step's, and comes when the step's time is over."""

    @workflow
    def flow() -> object:
        return choose(load("a"), {"a": lambda: load.with_options(timeout=2).named("slow")(1, 60)})

    result = run_virtual(flow.aresult())
    (failure,) = result.failures
    assert (failure.path, failure.failure.cause) == ("choose/a/slow", "timed_out")
    assert times(result)["choose/a/slow"] == (1.0, 3.0)


def test_the_runs_deadline_cuts_a_branch() -> None:
    """The open step and its choice are cancelled; branches not chosen stay skipped."""

    @workflow(within=5)
    def flow() -> object:
        return choose(load("a"), {"a": lambda: load.named("slow")(1, 60), "b": lambda: load.named("x")(1)})

    result = run_virtual(flow.aresult())
    assert result.status == "failed"
    assert result.cause == "timed_out"
    assert states(result) == {
        "load": "succeeded",
        "choose": "cancelled",
        "choose/a/slow": "cancelled",
        "choose/b/x": "skipped",
    }
    assert times(result)["choose"] == (1.0, 5.0)


@pytest.mark.parametrize(("after", "grown"), [(0.5, False), (2.5, True)])
def test_a_cancelled_run_ends_inside_a_branch_or_before_it(after: float, grown: bool) -> None:
    """Before the choice is made nothing of it is in the run; afterwards the open step is cancelled."""
    drivers: list[driver.RunDriver] = []

    @workflow
    def flow() -> object:
        return choose(load("a"), {"a": lambda: load.named("slow")(1, 60), "b": lambda: load.named("x")(1)})

    async def run() -> RunResult[object]:
        task = asyncio.create_task(flow.start({}, started=drivers.append))
        await asyncio.sleep(after)
        drivers[0].cancel("enough")
        return await task

    result = run_virtual(run())
    assert result.status == "cancelled"
    assert states(result)["choose"] == "cancelled"
    found = {"choose/a/slow": "cancelled", "choose/b/x": "skipped"} if grown else {}
    assert {path: state for path, state in states(result).items() if "/" in path} == found


def test_each_round_of_a_loop_chooses_anew() -> None:
    """The selector is the round's own state; each round has the branches under its own path."""

    @step
    async def more(number: int) -> int:
        await asyncio.sleep(1)
        return number + 1

    @step(inline=True)
    def enough(number: int) -> bool:
        return number >= 3

    @workflow
    def flow() -> int:
        return repeat(
            lambda number: choose(
                number,
                {0: lambda: more.named("first")(number)},
                otherwise=lambda: more.named("later")(number),
            ),
            0,
            until=enough,
            max_rounds=5,
            name="loop",
        )

    result = run_virtual(flow.arun())
    assert result.value == 3
    assert result.status == "succeeded"
    ran = [path for path, state in states(result).items() if state == "succeeded" and "/choose/" in path]
    assert ran == ["loop#1/choose/0/first", "loop#2/choose/otherwise/later", "loop#3/choose/otherwise/later"]
    assert times(result)["loop"] == (0.0, 3.0)
