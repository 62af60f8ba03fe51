"""Choices: which branch's steps start, and what becomes of the others."""

from __future__ import annotations

import pytest

from core.schedule_cases import Case, add_group, drawn
from stretto.core.graph import Fragment, Graph, Node, Role, Source, StepSpec, Where
from stretto.core.graph.source import framed
from stretto.core.journal import facts as kinds
from stretto.core.policy import Cause, Failure, OnFailure

FRAME = 1
NODES = ("left/a", "left/b", "right/c", "right/d")


def choice(*names: str) -> Graph:
    """`pick`, the choice behind it, one step for each name, and `use`, which takes what is chosen."""
    graph = drawn("pick")
    anchor = graph.add(
        StepSpec(id="choose", role=Role.CHOOSE, where=Where.INLINE), "choose", (Source(0),), None, (0,)
    )
    graph.add(StepSpec(id="use"), "use", (Source(anchor),), None, (anchor,))
    for name in names:
        graph.add(StepSpec(id=name), name, (), None, ())
    return graph


def branches(case: Case, chosen: str) -> tuple[int, int, int, float, Fragment]:
    """The choice grows both branches, of two steps each in a row, and leaves one of them out."""
    specs = [StepSpec(id=name.partition("/")[2]) for name in NODES]
    nodes = tuple(
        Node(spec, name, (), None, (framed(FRAME, place - 1),) if place % 2 else ())
        for place, (spec, name) in enumerate(zip(specs, NODES, strict=True))
    )
    left_out = frozenset(place for place, name in enumerate(NODES) if not name.startswith(chosen))
    output = Source(framed(FRAME, min({1, 3} - left_out, default=1)))
    fragment = Fragment(nodes, {}, FRAME, output=output, unchosen=left_out)
    return (kinds.ATTEMPT_GREW, case.index("choose"), 1, case.now, fragment)


def chosen(graph: Graph, branch: str = "left", **options: object) -> Case:
    """The same up to the growth of the choice."""
    case = Case(graph, **options)
    case.begin()
    case.post(case.done("pick", branch))
    case.post(branches(case, branch))
    return case


def test_only_the_chosen_branch_starts() -> None:
    """Steps of the other branch are skipped at growth, with their reason, and never start."""
    case = chosen(choice())
    assert case.started == ["pick#1", "choose#1", "choose/left/a#1"]
    assert case.state("choose/right/c") == case.state("choose/right/d") == "SKIPPED"
    told = [fact[4] for fact in case.scheduler.log if fact[0] == kinds.STEP_SKIPPED]
    assert told == [Failure(Cause.NOT_CHOSEN, "another branch was chosen")] * 2


def test_what_was_not_chosen_is_no_loss() -> None:
    """The choice settles with its branch, its consumer starts, and the run has succeeded, not in part."""
    case = chosen(choice())
    case.post(case.done("choose/left/a"))
    assert case.state("choose") == "WAITING"
    case.post(case.done("choose/left/b"))
    assert case.state("choose") == "SUCCEEDED"
    assert case.started[-1] == "use#1"
    case.post(case.done("use"))
    assert case.end() == kinds.RUN_SUCCEEDED
    assert case.scheduler.failures == []


def test_a_branch_without_steps_is_done_when_it_has_grown() -> None:
    """With nothing to wait for, the consumer starts in the same decision."""
    case = chosen(choice(), "none of them")
    assert case.state("choose") == "SUCCEEDED"
    assert case.started == ["pick#1", "choose#1", "use#1"]


def test_a_loss_in_the_chosen_branch_fails_the_run_by_its_own_name() -> None:
    """The step is reported, not the choice around it; what was not chosen stays skipped."""
    case = chosen(choice())
    case.post(case.failed("choose/left/a"))
    assert [case.graph.path(index) for index in case.scheduler.failures] == ["choose/left/a"]
    assert case.states() == {
        "pick": "SUCCEEDED",
        "choose": "FAILED",
        "use": "SKIPPED",
        "choose/left/a": "FAILED",
        "choose/left/b": "SKIPPED",
        "choose/right/c": "SKIPPED",
        "choose/right/d": "SKIPPED",
    }


def test_a_selector_without_a_branch_fails_the_choice() -> None:
    """An attempt that raises instead of growing is a failed step, and has no children to blame."""
    case = Case(choice())
    case.begin()
    case.post(case.done("pick", "up"))
    case.post(case.failed("choose"))
    assert [case.graph.path(index) for index in case.scheduler.failures] == ["choose"]
    assert case.end() == kinds.RUN_FAILED


def test_a_lost_branch_in_a_group_is_absorbed() -> None:
    """The choice hands on `Missing` for its branch; what runs in it may finish."""
    graph = choice()
    add_group(graph, "g", 1)
    case = chosen(graph)
    case.post(case.failed("choose/left/a"))
    assert case.state("choose/left/b") == "SKIPPED"
    assert case.state("choose") == "FAILED"
    assert case.started[-1] == "use#1"
    case.post(case.done("use"))
    assert case.end() == kinds.RUN_PARTIAL


def test_a_cancel_leaves_the_unchosen_skipped() -> None:
    """Only what was open is cancelled."""
    case = chosen(choice())
    case.post(case.cancelled())
    case.post(case.ended("choose/left/a"))
    assert case.state("choose/left/a") == case.state("choose/left/b") == "CANCELLED"
    assert case.state("choose/right/c") == "SKIPPED"


@pytest.mark.parametrize("policy", [OnFailure.DRAIN, OnFailure.FAIL_FAST])
def test_a_choice_that_grows_into_a_failed_run_starts_nothing(policy: OnFailure) -> None:
    """The selector's value came too late: no branch runs."""
    case = Case(choice("bad"), on_failure=policy)
    case.begin()
    case.post(case.done("pick", "left"))
    case.post(case.failed("bad"), branches(case, "left"))
    assert case.started == ["pick#1", "bad#1", "choose#1"]
    assert case.end() == kinds.RUN_FAILED


def test_a_choices_deadline_cuts_its_branch_alone() -> None:
    """An anchor's own `within` runs from its first attempt; what was not chosen is not cut again."""
    graph = choice()
    spec = StepSpec(id="choose", role=Role.CHOOSE, where=Where.INLINE, within=5.0)
    graph.specs[1] = spec
    case = chosen(graph)
    case.tick(5.0)
    assert case.stopped == ["choose/left/a#1"]
    assert case.state("choose") == "FAILED"
    assert case.state("choose/right/c") == "SKIPPED"
    told = {case.graph.path(fact[1]): fact[4] for fact in case.scheduler.log if fact[0] == kinds.STEP_FAILED}
    assert told["choose/left/a"].message == "'choose' passed its deadline of 5 s"  # type: ignore[attr-defined]
