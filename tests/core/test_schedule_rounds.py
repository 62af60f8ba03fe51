"""Anchors that start again: loops that look at a verdict, plans that are replaced."""

from __future__ import annotations

from typing import Any

from core.schedule_cases import INLINE, THREAD, Case, add_group
from stretto.core.graph import Fragment, Graph, Node, Role, Source, StepSpec, Where
from stretto.core.graph.source import framed
from stretto.core.journal import facts as kinds
from stretto.core.policy import OnFailure, Retry

FRAME = 1


def anchored(role: Role = Role.REPEAT, *others: str, **rules: object) -> Graph:
    """An anchor `loop`, a step `use` that takes its value, and others that stand alone."""
    graph = Graph()
    spec = StepSpec(id="loop", role=role, where=Where.INLINE, **rules)  # type: ignore[arg-type]
    graph.add(spec, "loop", (), None, ())
    graph.add(StepSpec(id="use"), "use", (Source(0),), None, (0,))
    for name in others:
        graph.add(StepSpec(id=name), name, (), None, ())
    return graph


def begun(graph: Graph, **options: Any) -> Case:
    """The run has begun; the anchor's first attempt is under way."""
    case = Case(graph, **options)
    case.begin()
    return case


def grows(
    case: Case, attempt: int, *lines: str, looks_at: str = "", renews: bool = False, **rules: dict[str, Any]
) -> None:
    """The anchor's attempt grows steps drawn like ``"v: w"``; names carry their round: ``"#1/w"``."""
    places: dict[str, int] = {}
    nodes: list[Node] = []
    for line in lines:
        name, _, needed = line.partition(": ")
        deps = tuple(framed(FRAME, places[dep]) for dep in needed.split())
        spec = StepSpec(id=name, **rules.get(name.partition("/")[2], {}))
        places[name] = len(nodes)
        nodes.append(Node(spec, name, (), None, deps))
    fragment = Fragment(
        tuple(nodes),
        {},
        FRAME,
        output=None,
        looks_at=places[looks_at] if looks_at else None,
        renews=renews,
    )
    case.post((kinds.ATTEMPT_GREW, 0, attempt, case.now, fragment))


def superseded(case: Case) -> dict[str, object]:
    """Why steps were cancelled, by path."""
    return {
        case.graph.path(fact[1]): fact[4] for fact in case.scheduler.log if fact[0] == kinds.STEP_CANCELLED
    }


# -------------------------------------------------------------------- looking at a verdict


def test_an_anchor_starts_again_when_its_verdict_has_settled() -> None:
    """The next attempt is issued in the very decision in which the looked-at step ends."""
    case = begun(anchored())
    grows(case, 1, "#1/w", "#1/v: #1/w", looks_at="#1/v")
    assert case.state("loop") == "WAITING"
    case.post(case.done("loop#1/w"))
    case.post(case.done("loop#1/v", False))
    assert case.started == ["loop#1", "loop#1/w#1", "loop#1/v#1", "loop#2"]
    grows(case, 2, "#2/w", "#2/v: #2/w", looks_at="#2/v")
    case.post(case.done("loop#2/w"))
    case.post(case.done("loop#2/v", True))
    assert case.started[-1] == "loop#3"
    grows(case, 3)
    assert case.state("loop") == "SUCCEEDED"
    assert case.started[-1] == "use#1"


def test_a_round_begins_beside_what_is_left_of_the_one_before() -> None:
    """The anchor settles with the last step of all rounds, whichever round it is of."""
    case = begun(anchored())
    grows(case, 1, "#1/side", "#1/v", looks_at="#1/v")
    case.post(case.done("loop#1/v", False))
    grows(case, 2, "#2/side", "#2/v", looks_at="#2/v")
    assert case.started[-2:] == ["loop#2/side#1", "loop#2/v#1"]
    case.post(case.done("loop#2/v", True), case.done("loop#2/side"))
    grows(case, 3)
    assert case.state("loop") == "WAITING"
    assert "use#1" not in case.started
    case.post(case.done("loop#1/side"))
    assert case.state("loop") == "SUCCEEDED"
    assert case.started[-1] == "use#1"


def test_a_verdict_that_ends_as_the_anchor_would_settle_makes_it_look() -> None:
    """With all children done the anchor is not done: nobody has looked yet."""
    case = begun(anchored())
    grows(case, 1, "#1/v", looks_at="#1/v")
    case.post(case.done("loop#1/v", True))
    assert case.state("loop") == "RUNNING"
    assert case.started[-1] == "loop#2"


def test_a_loss_beside_the_verdict_ends_the_loop() -> None:
    """A round that lost a required step is followed by none, though its verdict comes."""
    graph = anchored()
    add_group(graph, "g", 0)
    case = begun(graph)
    grows(case, 1, "#1/side", "#1/v", looks_at="#1/v")
    case.post(case.failed("loop#1/side"))
    assert case.state("loop#1/v") == "RUNNING"
    case.post(case.done("loop#1/v", False))
    assert case.state("loop") == "FAILED"
    assert "loop#2" not in case.started
    case.post(case.done("use"))
    assert case.end() == kinds.RUN_PARTIAL


def test_a_lost_verdict_ends_the_loop() -> None:
    """Nobody can say whether it is done; the verdict's step is reported, not the loop."""
    case = begun(anchored())
    grows(case, 1, "#1/v", looks_at="#1/v")
    case.post(case.failed("loop#1/v"))
    assert [case.graph.path(index) for index in case.scheduler.failures] == ["loop#1/v"]
    assert case.states() == {"loop": "FAILED", "use": "SKIPPED", "loop#1/v": "FAILED"}


def test_a_verdict_is_repeated_by_its_own_rule() -> None:
    """A failed attempt of it is no verdict: the anchor looks when it has settled."""
    case = begun(anchored())
    grows(case, 1, "#1/v", looks_at="#1/v", v={"retry": Retry(attempts=2, first_wait=4.0)})
    case.post(case.failed("loop#1/v", draw=0.25))
    assert case.started[-1] == "loop#1/v#1"
    case.tick(1.0)
    case.post(case.done("loop#1/v", True, attempt=2))
    assert case.started[-1] == "loop#2"


def test_a_drain_follows_no_verdict() -> None:
    """After a loss elsewhere running steps finish and are kept; no further round begins."""
    case = begun(anchored(Role.REPEAT, "bad"))
    grows(case, 1, "#1/v", looks_at="#1/v")
    case.post(case.failed("bad"))
    case.post(case.done("loop#1/v", False))
    assert "loop#2" not in case.started
    assert (case.state("loop#1/v"), case.state("loop")) == ("SUCCEEDED", "CANCELLED")
    assert case.end() == kinds.RUN_FAILED


def test_a_deadline_over_all_rounds_cuts_the_one_under_way() -> None:
    """It is counted from the anchor's first attempt, not from its last."""
    case = begun(anchored(within=5.0))
    grows(case, 1, "#1/v", looks_at="#1/v")
    case.now = 4.0
    case.post(case.done("loop#1/v", False))
    grows(case, 2, "#2/v", looks_at="#2/v")
    case.tick(5.0)
    assert case.stopped == ["loop#2/v#1"]
    assert (case.state("loop#1/v"), case.state("loop#2/v"), case.state("loop")) == (
        "SUCCEEDED",
        "FAILED",
        "FAILED",
    )


# -------------------------------------------------------------------- rounds that are replaced


def test_a_loss_supersedes_its_round() -> None:
    """What runs is told to stop, what waits is closed at once, both with their reason; the anchor starts again when
    all have ended."""
    case = begun(anchored(Role.GROW))
    grows(case, 1, "#1/bad", "#1/run", "#1/wait: #1/run", "#1/done", renews=True)
    case.post(case.done("loop#1/done", 1))
    case.post(case.failed("loop#1/bad"))
    assert case.stopped == ["loop#1/run#1"]
    assert (case.state("loop#1/wait"), case.state("loop#1/run")) == ("CANCELLED", "RUNNING")
    assert "loop#2" not in case.started
    case.post(case.ended("loop#1/run"))
    assert case.started[-1] == "loop#2"
    why = "superseded: loop#1/bad was lost, a new round follows"
    assert superseded(case) == {"loop#1/wait": why, "loop#1/run": why}
    assert case.scheduler.failures == []


def test_a_replaced_round_counts_for_nothing_in_the_next() -> None:
    """The anchor succeeds with its new round, and the run with it: not even in part."""
    case = begun(anchored(Role.GROW))
    grows(case, 1, "#1/bad", renews=True)
    case.post(case.failed("loop#1/bad"))
    grows(case, 2, "#2/new")
    case.post(case.done("loop#2/new"))
    assert case.state("loop") == "SUCCEEDED"
    case.post(case.done("use"))
    assert case.end() == kinds.RUN_SUCCEEDED


def test_a_round_that_cannot_be_replaced_fails_the_run() -> None:
    """The last round's loss is reported as itself."""
    case = begun(anchored(Role.GROW))
    grows(case, 1, "#1/bad", renews=True)
    case.post(case.failed("loop#1/bad"))
    grows(case, 2, "#2/bad")
    case.post(case.failed("loop#2/bad"))
    assert [case.graph.path(index) for index in case.scheduler.failures] == ["loop#2/bad"]
    assert case.end() == kinds.RUN_FAILED


def test_what_ends_with_a_loss_is_kept() -> None:
    """In one decision a loss and a success: only what still runs is stopped."""
    case = begun(anchored(Role.GROW))
    grows(case, 1, "#1/bad", "#1/good", "#1/run", renews=True)
    case.post(case.failed("loop#1/bad"), case.done("loop#1/good", 7))
    assert case.state("loop#1/good") == "SUCCEEDED"
    assert case.stopped == ["loop#1/run#1"]


def test_two_losses_at_once_are_two() -> None:
    """Both have failed, neither was cancelled by the other."""
    case = begun(anchored(Role.GROW))
    grows(case, 1, "#1/a", "#1/b", renews=True)
    case.post(case.failed("loop#1/b"), case.failed("loop#1/a"))
    assert (case.state("loop#1/a"), case.state("loop#1/b")) == ("FAILED", "FAILED")
    assert case.started.count("loop#2") == 1


def test_a_pause_before_a_retry_is_given_up() -> None:
    """The attempt that was to follow is not started when its instant comes."""
    case = begun(anchored(Role.GROW))
    rule = {"retry": Retry(attempts=3, first_wait=4.0)}
    grows(case, 1, "#1/flaky", "#1/bad", renews=True, flaky=rule)
    case.post(case.failed("loop#1/flaky", draw=0.25))
    case.post(case.failed("loop#1/bad"))
    assert case.state("loop#1/flaky") == "CANCELLED"
    case.tick(1.0)
    assert "loop#1/flaky#2" not in case.started


def test_a_pause_gives_its_place_back() -> None:
    """One at a time, a pausing step keeps its place in the run; the next round gets it."""
    case = begun(anchored(Role.GROW), is_sequential=True, permits=1)
    rule = {"retry": Retry(attempts=3, first_wait=4.0)}
    grows(case, 1, "#1/flaky", "#1/bad", renews=True, flaky=rule, bad=INLINE)
    case.post(case.failed("loop#1/flaky", draw=0.25))
    assert case.scheduler.used == 1
    case.post(case.failed("loop#1/bad"))
    assert case.scheduler.used == 0
    grows(case, 2, "#2/new")
    assert case.started[-1] == "loop#2/new#1"


def test_a_request_for_a_limit_is_withdrawn() -> None:
    """A step of the old round that was waiting for its turn does not get it; one that had it gives it back."""
    case = begun(anchored(Role.GROW))
    limited = {"limits": ("openai",)}
    grows(case, 1, "#1/has", "#1/asks", "#1/bad", renews=True, has=limited, asks=limited)
    case.post(case.granted("loop#1/has"))
    assert case.asked == ["loop#1/has#1", "loop#1/asks#1"]
    case.post(case.failed("loop#1/bad"))
    assert (case.state("loop#1/asks"), case.stopped) == ("CANCELLED", ["loop#1/has#1"])
    assert case.returned == ["loop#1/asks#1"]
    case.post(case.granted("loop#1/asks"))  # it was on its way: nobody takes it
    case.post(case.ended("loop#1/has"))
    assert case.returned.count("loop#1/has#1") == 1
    assert "loop#1/asks#1" not in case.started
    assert case.started[-1] == "loop#2"


def test_only_a_closed_round_is_left_out() -> None:
    """Nothing is while the round stands; when it is replaced all of it is, good ends too, and no step of the next."""
    case = begun(anchored(Role.GROW))
    grows(case, 1, "#1/good", "#1/run", "#1/bad", renews=True)
    case.post(case.done("loop#1/good"))
    case.post(case.failed("loop#1/bad"))
    assert case.scheduler.left_out == set()
    case.post(case.ended("loop#1/run"))
    grows(case, 2, "#2/new")
    paths = {case.graph.path(index) for index in case.scheduler.left_out}
    assert paths == {"loop#1/good", "loop#1/run", "loop#1/bad"}


def test_rounds_may_be_replaced_again_and_again() -> None:
    """Each replacement closes its own round and no other."""
    case = begun(anchored(Role.GROW))
    for number in range(1, 4):
        grows(case, number, f"#{number}/bad", f"#{number}/wait: #{number}/bad", renews=True)
        case.post(case.failed(f"loop#{number}/bad"))
        assert case.started[-1] == f"loop#{number + 1}"
    grows(case, 4, "#4/good")
    case.post(case.done("loop#4/good"))
    case.post(case.done("use"))
    assert superseded(case) == {
        f"loop#{number}/wait": f"superseded: loop#{number}/bad was lost, a new round follows"
        for number in range(1, 4)
    }
    assert case.end() == kinds.RUN_SUCCEEDED


def test_a_cancel_while_a_round_is_closed_ends_the_run() -> None:
    """The anchor does not start again when the last of its old steps has ended."""
    case = begun(anchored(Role.GROW))
    grows(case, 1, "#1/bad", "#1/run", renews=True)
    case.post(case.failed("loop#1/bad"))
    case.post(case.cancelled())
    case.post(case.ended("loop#1/run"))
    assert "loop#2" not in case.started
    assert case.stopped == ["loop#1/run#1"]
    assert case.end() == kinds.RUN_CANCELLED


def test_a_thread_is_abandoned_when_its_grace_is_over() -> None:
    """The new round does not wait for ever, and what comes too late is no result."""
    case = begun(anchored(Role.GROW), grace=2.0)
    grows(case, 1, "#1/bad", "#1/blocks", renews=True, blocks=THREAD)
    case.post(case.failed("loop#1/bad"))
    assert "loop#2" not in case.started
    case.tick(2.0)
    assert case.started[-1] == "loop#2"
    grows(case, 2, "#2/new")
    case.post(case.done("loop#1/blocks", "late"))
    assert case.state("loop#1/blocks") == "CANCELLED"
    case.post(case.done("loop#2/new"))
    assert case.state("loop") == "SUCCEEDED"


def test_anchors_below_are_closed_with_their_round() -> None:
    """An inner anchor's running child is stopped; the anchor ends when that has."""
    case = begun(anchored(Role.GROW))
    inner = StepSpec(id="in", role=Role.GROW, where=Where.INLINE)
    nodes = (Node(inner, "#1/in", (), None, ()), Node(StepSpec(id="bad"), "#1/bad", (), None, ()))
    case.post((kinds.ATTEMPT_GREW, 0, 1, case.now, Fragment(nodes, {}, FRAME, output=None, renews=True)))
    below = Fragment((Node(StepSpec(id="x"), "x", (), None, ()),), {}, FRAME + 1, output=None)
    case.post((kinds.ATTEMPT_GREW, case.index("loop#1/in"), 1, case.now, below))
    case.post(case.failed("loop#1/bad"))
    assert case.stopped == ["loop#1/in/x#1"]
    assert (case.state("loop#1/in"), case.state("loop")) == ("WAITING", "WAITING")
    case.post(case.ended("loop#1/in/x"))
    assert (case.state("loop#1/in/x"), case.state("loop#1/in")) == ("CANCELLED", "CANCELLED")
    assert case.started[-1] == "loop#2"


def test_a_loss_below_an_inner_anchor_replaces_the_outer_round() -> None:
    """The nearest anchor that can start again takes it; no consumer outside hears of it."""
    case = begun(anchored(Role.GROW))
    inner = StepSpec(id="in", role=Role.GROW, where=Where.INLINE)
    nodes = (Node(inner, "#1/in", (), None, ()),)
    case.post((kinds.ATTEMPT_GREW, 0, 1, case.now, Fragment(nodes, {}, FRAME, output=None, renews=True)))
    below = Fragment((Node(StepSpec(id="x"), "x", (), None, ()),), {}, FRAME + 1, output=None)
    case.post((kinds.ATTEMPT_GREW, case.index("loop#1/in"), 1, case.now, below))
    case.post(case.failed("loop#1/in/x"))
    assert case.started[-1] == "loop#2"
    assert case.state("use") == "PENDING"
    assert case.scheduler.failures == []


def test_a_failed_run_replaces_no_round() -> None:
    """A loss elsewhere that comes with it ends the run: nothing new is planned."""
    for policy in (OnFailure.DRAIN, OnFailure.FAIL_FAST):
        case = begun(anchored(Role.GROW, "bad"), on_failure=policy)
        grows(case, 1, "#1/a", renews=True)
        case.post(case.failed("bad"), case.failed("loop#1/a"))
        assert "loop#2" not in case.started
        assert case.end() == kinds.RUN_FAILED


def test_a_drain_stops_nothing_of_a_lost_round() -> None:
    """The run has failed and lets finish what runs; that a plan lost a step since then changes nothing about it."""
    case = begun(anchored(Role.GROW, "bad"), on_failure=OnFailure.DRAIN)
    grows(case, 1, "#1/a", "#1/run", renews=True)
    case.post(case.failed("bad"))
    case.post(case.failed("loop#1/a"))
    assert case.stopped == []
    case.post(case.done("loop#1/run", 1))
    assert case.state("loop#1/run") == "SUCCEEDED"
    assert case.state("loop") == "FAILED"
    assert case.end() == kinds.RUN_FAILED


def test_an_outer_loss_while_a_round_is_closed_ends_the_anchor() -> None:
    """It was to start again; now nobody needs that, and it fails when the last of its old steps has ended."""
    graph = anchored(Role.GROW)
    add_group(graph, "g", 0)
    case = begun(graph)
    inner = StepSpec(id="in", role=Role.GROW, where=Where.INLINE)
    nodes = (Node(inner, "in", (), None, ()), Node(StepSpec(id="x"), "x", (), None, ()))
    case.post((kinds.ATTEMPT_GREW, 0, 1, case.now, Fragment(nodes, {}, FRAME, output=None)))
    steps = tuple(Node(StepSpec(id=name), f"#1/{name}", (), None, ()) for name in ("bad", "run"))
    below = Fragment(steps, {}, FRAME + 1, output=None, renews=True)
    case.post((kinds.ATTEMPT_GREW, case.index("loop/in"), 1, case.now, below))
    case.post(case.failed("loop/in#1/bad"))
    case.post(case.failed("loop/x"))
    case.post(case.ended("loop/in#1/run"))
    assert "loop/in#2" not in case.started
    assert (case.state("loop/in"), case.state("loop")) == ("FAILED", "FAILED")
    case.post(case.done("use"))
    assert case.end() == kinds.RUN_PARTIAL


def test_the_first_of_two_losses_is_the_reason() -> None:
    """Facts have an order, and the story tells the earlier one."""
    case = begun(anchored(Role.GROW))
    grows(case, 1, "#1/a", "#1/b", "#1/wait: #1/a", renews=True)
    case.post(case.failed("loop#1/b"), case.failed("loop#1/a"))
    assert superseded(case) == {"loop#1/wait": "superseded: loop#1/b was lost, a new round follows"}


def _plan_in_a_plan() -> Case:
    """An outer anchor with `x` and an inner one, which has `bad` and `run`; both may start again."""
    case = begun(anchored(Role.GROW))
    inner = StepSpec(id="in", role=Role.GROW, where=Where.INLINE)
    nodes = (Node(inner, "#1/in", (), None, ()), Node(StepSpec(id="x"), "#1/x", (), None, ()))
    case.post((kinds.ATTEMPT_GREW, 0, 1, case.now, Fragment(nodes, {}, FRAME, output=None, renews=True)))
    steps = tuple(Node(StepSpec(id=name), f"#1/{name}", (), None, ()) for name in ("bad", "run"))
    below = Fragment(steps, {}, FRAME + 1, output=None, renews=True)
    case.post((kinds.ATTEMPT_GREW, case.index("loop#1/in"), 1, case.now, below))
    return case


def test_in_a_replaced_round_nothing_starts_again() -> None:
    """An inner anchor that could renew its own round is closed with the outer one."""
    case = _plan_in_a_plan()
    case.post(case.failed("loop#1/x"))
    case.post(case.ended("loop#1/in#1/bad"), case.ended("loop#1/in#1/run"))
    assert case.state("loop#1/in") == "CANCELLED"
    assert "loop#1/in#2" not in case.started
    assert case.started[-1] == "loop#2"
    assert set(superseded(case).values()) == {"superseded: loop#1/x was lost, a new round follows"}


def test_an_inner_round_that_is_being_closed_does_not_follow_either() -> None:
    """It was to be replaced by its own; what is being stopped for that is told once, and ends with the outer."""
    case = _plan_in_a_plan()
    case.post(case.failed("loop#1/in#1/bad"))
    case.post(case.failed("loop#1/x"))
    assert case.stopped == ["loop#1/in#1/run#1"]
    case.post(case.ended("loop#1/in#1/run"))
    assert case.state("loop#1/in") == "CANCELLED"
    assert "loop#1/in#2" not in case.started
    assert case.started[-1] == "loop#2"


def test_an_inner_and_an_outer_loss_at_once_start_the_outer_again() -> None:
    """In one decision, in either order: only the round that is left needs a new one."""
    for first, second in (("loop#1/x", "loop#1/in#1/bad"), ("loop#1/in#1/bad", "loop#1/x")):
        case = _plan_in_a_plan()
        case.post(case.failed(first), case.failed(second))
        case.post(case.ended("loop#1/in#1/run"))
        assert "loop#1/in#2" not in case.started
        assert case.started[-1] == "loop#2"


def test_under_continue_a_round_is_replaced_all_the_same() -> None:
    """What is lost elsewhere does not keep a plan from being mended."""
    case = begun(anchored(Role.GROW, "bad"), on_failure=OnFailure.CONTINUE)
    grows(case, 1, "#1/a", renews=True)
    case.post(case.failed("bad"))
    case.post(case.failed("loop#1/a"))
    grows(case, 2, "#2/a")
    case.post(case.done("loop#2/a"))
    case.post(case.done("use"))
    assert [case.graph.path(index) for index in case.scheduler.failures] == ["bad"]
    assert case.end() == kinds.RUN_FAILED


def test_a_deadline_leaves_no_time_for_another_round() -> None:
    """An anchor that is cut does not start again."""
    case = begun(anchored(Role.GROW, within=5.0))
    grows(case, 1, "#1/slow", renews=True)
    case.tick(5.0)
    case.post(case.ended("loop#1/slow"))
    assert "loop#2" not in case.started
    assert case.state("loop") == "FAILED"
    assert case.end() == kinds.RUN_FAILED


def test_a_deadline_that_passes_while_a_round_is_closed_counts() -> None:
    """The steps that are still ending are of a lost anchor now, and end with it."""
    case = begun(anchored(Role.GROW, within=5.0))
    grows(case, 1, "#1/bad", "#1/slow", renews=True)
    case.now = 4.0
    case.post(case.failed("loop#1/bad"))
    case.tick(5.0)
    case.post(case.ended("loop#1/slow"))
    assert "loop#2" not in case.started
    assert case.state("loop") == "FAILED"
    assert case.end() == kinds.RUN_FAILED
