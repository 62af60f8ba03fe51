"""`on_failure="continue"`: a loss takes along what needs it, and nothing else."""

from __future__ import annotations

from core.schedule_cases import BROKEN, Case, add_group, add_map, drawn
from stretto.core.graph import Fragment, Graph, Node, Role, StepSpec, Where
from stretto.core.graph.source import framed
from stretto.core.journal import facts as kinds
from stretto.core.policy import Cause, OnFailure, Retry

FRAME = 1


def going_on(graph: Graph, **options: object) -> Case:
    """A run under the policy, begun."""
    case = Case(graph, on_failure=OnFailure.CONTINUE, **options)
    case.begin()
    return case


def failures(case: Case) -> list[str]:
    """The paths that are reported."""
    return [case.graph.path(index) for index in case.scheduler.failures]


def test_only_what_needs_a_lost_step_is_skipped() -> None:
    """Steps beside a loss start and finish; those behind it, at any distance, are skipped as blocked."""
    case = going_on(drawn("bad", "good", "below: bad", "deep: below", "after: good", "both: after bad"))
    case.post(case.failed("bad"))
    assert case.end() is None
    case.post(case.done("good"))
    assert case.started == ["bad#1", "good#1", "after#1"]
    case.post(case.done("after"))
    assert {name: case.state(name) for name in ("below", "deep", "both")} == dict.fromkeys(
        ("below", "deep", "both"), "SKIPPED"
    )
    assert case.end() == kinds.RUN_FAILED
    assert case.stopped == []


def test_all_failures_are_told_and_the_skipped_are_not() -> None:
    """Each step that failed by itself is reported, in the order it happened; the run failed by an error."""
    case = going_on(drawn("a", "b", "c: a", "d: b"))
    case.post(case.failed("b"))
    case.post(case.failed("a"))
    assert failures(case) == ["b", "a"]
    assert case.scheduler.log[-1][4] is Cause.ERROR


def test_a_failure_cuts_no_retry_of_another() -> None:
    """What waits for its next attempt gets it."""
    case = going_on(drawn("bad", "flaky", flaky={"retry": Retry(attempts=2, first_wait=4.0)}))
    case.post(case.failed("flaky", draw=0.25))
    case.post(case.failed("bad"))
    case.tick(1.0)
    assert case.started[-1] == "flaky#2"
    case.post(case.done("flaky", attempt=2))
    assert case.state("flaky") == "SUCCEEDED"
    assert case.end() == kinds.RUN_FAILED


def test_a_maps_lost_child_ends_the_map_and_not_its_siblings_neighbors() -> None:
    """The other items finish, the map is lost with the one, its consumer is skipped, and the child is reported."""
    graph = drawn("xs", "other")
    anchor = add_map(graph, "m", 0)
    graph.add(StepSpec(id="sum"), "sum", (), None, (anchor,))
    case = going_on(graph)
    case.post(case.done("xs", [0, 1]))
    case.post(case.grew("m", 2))
    case.post(case.failed("m[0]"))
    assert case.state("m[1]") == "RUNNING"
    case.post(case.done("m[1]"), case.done("other"))
    assert case.states() == {
        "xs": "SUCCEEDED",
        "other": "SUCCEEDED",
        "m": "FAILED",
        "sum": "SKIPPED",
        "m[0]": "FAILED",
        "m[1]": "SUCCEEDED",
    }
    assert failures(case) == ["m[0]"]
    assert case.end() == kinds.RUN_FAILED


def test_item_to_item_only_the_lost_item_is_missing_behind() -> None:
    """A map over a map loses the same item, and the run ends."""
    graph = drawn("xs")
    for number in range(2):
        add_map(graph, f"m{number}", number)
    case = going_on(graph)
    case.post(case.done("xs", [0, 1]))
    case.post(case.grew("m0", 2))
    case.post(case.grew("m1", 2))
    case.post(case.failed("m0[0]"), case.done("m0[1]"))
    assert case.state("m1[0]") == "SKIPPED"
    case.post(case.done("m1[1]"))
    assert failures(case) == ["m0[0]"]
    assert case.end() == kinds.RUN_FAILED


def test_a_group_absorbs_as_ever() -> None:
    """A lost member hands on `Missing`; a gate that cannot be reached is a failure of its own."""
    graph = drawn("a", "b", "after: a")
    gate = add_group(graph, "g", 0, 1, least=2)
    graph.add(StepSpec(id="report"), "report", (), None, (gate,))
    case = going_on(graph)
    case.post(case.failed("a"))
    assert case.started[-1] == "after#1"
    assert (case.state("g"), case.state("report")) == ("FAILED", "SKIPPED")
    assert failures(case) == ["g"]
    case.post(case.done("b"), case.done("after"))
    assert case.end() == kinds.RUN_FAILED


def test_lost_optional_work_alone_makes_the_run_partial() -> None:
    """Nothing that was required is lost: there is nothing to report."""
    case = going_on(drawn("extra", "use: extra", extra={"optional": True}))
    case.post(case.failed("extra"))
    case.post(case.done("use"))
    assert failures(case) == []
    assert case.end() == kinds.RUN_PARTIAL


def test_an_anchor_that_fails_after_it_grew_is_a_failure() -> None:
    """A loop that is not done after its last round has lost no child, and still the run did not succeed."""
    graph = drawn("other")
    graph.add(StepSpec(id="loop", role=Role.REPEAT, where=Where.INLINE), "loop", (), None, ())
    graph.add(StepSpec(id="use"), "use", (), None, (1,))
    case = going_on(graph)
    round_ = Fragment((Node(StepSpec(id="v"), "#1/v", (), None, ()),), {}, FRAME, output=None, looks_at=0)
    case.post((kinds.ATTEMPT_GREW, 1, 1, case.now, round_))
    case.post(case.done("loop#1/v", False))
    case.post(case.failed("loop", attempt=2, failure=BROKEN._replace(is_permanent=True)))
    assert case.state("use") == "SKIPPED"
    assert failures(case) == ["loop"]
    case.post(case.done("other"))
    assert case.end() == kinds.RUN_FAILED


def test_a_body_goes_on_beside_its_lost_step() -> None:
    """Inside an anchor the same holds: siblings that do not need it run, and only the step is reported."""
    graph = drawn()
    graph.add(StepSpec(id="sub", role=Role.GROW, where=Where.INLINE), "sub", (), None, ())
    spec = StepSpec(id="s")
    nodes = (
        Node(spec, "bad", (), None, ()),
        Node(spec, "good", (), None, ()),
        Node(spec, "next", (), None, (framed(FRAME, 1),)),
        Node(spec, "behind", (), None, (framed(FRAME, 0),)),
    )
    case = going_on(graph)
    case.post((kinds.ATTEMPT_GREW, 0, 1, case.now, Fragment(nodes, {}, FRAME)))
    case.post(case.failed("sub/bad"))
    assert case.state("sub/behind") == "SKIPPED"
    case.post(case.done("sub/good"))
    assert case.started[-1] == "sub/next#1"
    case.post(case.done("sub/next"))
    assert case.state("sub") == "FAILED"
    assert failures(case) == ["sub/bad"]
    assert case.end() == kinds.RUN_FAILED


def test_a_deadline_still_ends_a_run_that_goes_on() -> None:
    """The policy is about losses: the run's own deadline cuts what is left, and the failure is told first."""
    case = going_on(drawn("bad", "slow", "later: slow"), within=5.0)
    case.post(case.failed("bad"))
    case.tick(5.0)
    assert case.stopped == ["slow#1"]
    case.post(case.ended("slow"))
    assert case.states() == {"bad": "FAILED", "slow": "CANCELLED", "later": "CANCELLED"}
    assert failures(case) == ["bad"]
    assert case.end() == kinds.RUN_FAILED


def test_a_cancel_ends_a_run_that_goes_on() -> None:
    """Cancelled outranks failed."""
    case = going_on(drawn("bad", "slow"))
    case.post(case.failed("bad"))
    case.post(case.cancelled())
    case.post(case.ended("slow"))
    assert case.end() == kinds.RUN_CANCELLED
