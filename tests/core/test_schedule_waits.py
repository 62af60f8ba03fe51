"""Durable waits: begun, answered, ended by their instant or with whatever they stand in."""

from __future__ import annotations

import pytest

from core.schedule_cases import INLINE, THREAD, Case, add_group, drawn
from core.waiting_cases import WaitCase, waits
from stretto.core.graph import Fragment, Node, Role, StepSpec
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Verdict, Wait
from stretto.core.policy import Cause, Failure, OnFailure, Retry
from stretto.errors import IllegalEventError

YES = Answer(Verdict.APPROVE, "fine")
NO = Answer(Verdict.REJECT, None, "Mia", "too sweet")
MOVES = (kinds.RUN_WAITING, kinds.RUN_RESUMED)


def _asked(**options: object) -> WaitCase:
    case = WaitCase("a", "ok: a", "b: ok", ok=waits(), **options)
    case.begin()
    case.post(case.done("a"))
    case.asks("ok")
    return case


# -------------------------------------------------------------------- beginning


def test_a_wait_is_issued_without_a_permit() -> None:
    """With every permit taken a wait starts all the same, and what waits holds none."""
    case = WaitCase("a", "b", "ok", ok=waits(), permits=1)
    case.begin()
    assert case.started == ["ok#1", "a#1"]
    case.asks("ok")
    assert (case.state("ok"), case.scheduler.used, case.scheduler.running) == ("WAITING", 1, 1)


def test_others_go_on_in_sequential_mode() -> None:
    """A sequential run starts the next step while an earlier one waits for a person."""
    case = WaitCase("ok", "a", "b: ok", ok=waits(), is_sequential=True)
    case.begin()
    case.asks("ok")
    assert case.state("a") == "RUNNING"
    case.post(case.done("a"))
    case.post(case.approved("ok"))
    assert case.started == ["ok#1", "a#1", "b#1"]


def test_inputs_that_cannot_be_made_fail_the_wait() -> None:
    """A wait that has not begun can fail like any attempt."""
    case = WaitCase("ok", ok=waits())
    case.begin()
    case.post(case.failed("ok"))
    assert (case.state("ok"), case.end()) == ("FAILED", kinds.RUN_FAILED)


def test_only_waits_begin_to_wait() -> None:
    """A step that runs something cannot post that it waits."""
    case = WaitCase("a")
    case.begin()
    with pytest.raises(IllegalEventError, match="Attempt 1 of step 'a' cannot take fact kind 9 now"):
        case.asks("a")
    assert case.state("a") == "RUNNING"


def test_a_wait_that_begins_too_late_is_closed() -> None:
    """A wait told to stop before it began ends with that, and nobody is asked."""
    case = WaitCase("ok", ok=waits())
    case.begin()
    case.post(case.cancelled())
    case.asks("ok")
    assert (case.state("ok"), case.end()) == ("CANCELLED", kinds.RUN_CANCELLED)
    assert case.told(kinds.WAIT_BEGAN, kinds.ATTEMPT_ENDED) == [kinds.ATTEMPT_ENDED]


def test_nobody_is_asked_by_a_run_that_drains() -> None:
    """A wait that begins after required work was lost is closed with the run."""
    case = WaitCase("a", "b", "ok", ok=waits())
    case.begin()
    case.post(case.failed("a"))
    case.asks("ok")
    assert not case.scheduler.is_asked(case.index("ok"))
    case.post(case.done("b"))
    assert (case.state("ok"), case.end()) == ("CANCELLED", kinds.RUN_FAILED)


# -------------------------------------------------------------------- answers


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.EDIT, Verdict.RESPOND])
def test_an_answer_hands_its_value_on(verdict: Verdict) -> None:
    """Whatever is no rejection succeeds with the answer's value."""
    case = _asked()
    case.post(case.answered("ok", Answer(verdict, {"sugar": 1}, "Mia")))
    assert (case.state("ok"), case.scheduler.values[1], case.started[-1]) == (
        "SUCCEEDED",
        {"sugar": 1},
        "b#1",
    )
    case.post(case.done("b"))
    assert case.end() == kinds.RUN_SUCCEEDED
    case.check_replay()


def test_a_rejection_is_final() -> None:
    """A rejected step is lost at once, whatever its retry rule; the run has failed by a rejection."""
    case = WaitCase("ok", "b: ok", ok={**waits(), "retry": Retry(attempts=3)})
    case.begin()
    case.asks("ok")
    case.post(case.answered("ok", NO))
    failure = Failure(Cause.REJECTED, "rejected by Mia: too sweet")
    assert case.data(kinds.STEP_FAILED) == [failure]
    assert case.data(kinds.RUN_FAILED) == [Cause.REJECTED]
    assert case.state("b") == "SKIPPED"
    case.check_replay()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(Verdict.REJECT), "rejected"),
        (Answer(Verdict.REJECT, by="Mia"), "rejected by Mia"),
        (Answer(Verdict.REJECT, note="too sweet"), "rejected: too sweet"),
    ],
)
def test_the_words_of_a_rejection(answer: Answer, words: str) -> None:
    """Who and why are told as far as they are known."""
    case = _asked()
    case.post(case.answered("ok", answer))
    assert case.data(kinds.STEP_FAILED) == [Failure(Cause.REJECTED, words)]


@pytest.mark.parametrize(("first", "cause"), [("ok", Cause.REJECTED), ("a", Cause.ERROR)])
def test_the_first_failure_in_author_order_names_the_cause(first: str, cause: Cause) -> None:
    """Of a failed step and a rejected one, the one that stands first says why the run failed."""
    lines = ["ok", "a"] if first == "ok" else ["a", "ok"]
    case = WaitCase(*lines, ok=waits(), on_failure=OnFailure.CONTINUE)
    case.begin()
    case.asks("ok")
    case.post(case.failed("a"))
    case.post(case.answered("ok", NO))
    assert case.data(kinds.RUN_FAILED) == [cause]


def test_a_rejected_optional_wait_hands_on_its_default() -> None:
    """A rejection of what the run can do without makes it partial."""
    graph = drawn("ok", "b: ok", ok={**waits(), "optional": True, "has_default": True})
    graph.defaults[0] = "plain"
    case = WaitCase(graph=graph)
    case.begin()
    case.asks("ok")
    case.post(case.answered("ok", NO))
    case.post(case.done("b"))
    assert (case.scheduler.values[0], case.end()) == ("plain", kinds.RUN_PARTIAL)


def test_a_rejected_member_counts_as_lost() -> None:
    """A member of a group that is rejected is missing because it failed."""
    graph = drawn("ok", "a", ok=waits())
    add_group(graph, "g", 0, 1)
    case = WaitCase(graph=graph)
    case.begin()
    case.asks("ok")
    case.post(case.answered("ok", NO), case.done("a"))
    (missing,) = case.data(kinds.STEP_DEFAULTED)
    assert getattr(missing, "reason", "") == "failed"


@pytest.mark.parametrize(
    ("path", "attempt"),
    [("a", 1), ("ok", 2), ("b", 1)],
    ids=["ended", "another attempt", "not begun"],
)
def test_answers_to_what_nobody_asked_are_illegal(path: str, attempt: int) -> None:
    """Only what waits, with that attempt, can be answered; nothing is changed."""
    case = _asked()
    before = (case.states(), list(case.scheduler.log))
    with pytest.raises(IllegalEventError, match="cannot take fact kind 10 now"):
        case.post(case.answered(path, YES, attempt))
    assert (case.states(), case.scheduler.log) == before


def test_an_answer_to_no_step_at_all_is_illegal() -> None:
    """An index that does not exist is named."""
    case = _asked()
    with pytest.raises(IllegalEventError, match="names step 9, which does not exist"):
        case.post((kinds.ANSWERED, 9, 1, 0.0, YES))


def test_a_second_answer_is_illegal() -> None:
    """What was answered is over."""
    case = _asked()
    case.post(case.approved("ok"))
    with pytest.raises(IllegalEventError):
        case.post(case.approved("ok"))


def test_of_two_answers_at_once_the_first_counts() -> None:
    """Two answers in one decision: the second leaves no trace."""
    case = _asked()
    case.post(case.approved("ok", 1), case.approved("ok", 2))
    assert case.scheduler.values[case.index("ok")] == 1
    assert len(case.data(kinds.ANSWERED)) == 1
    case.check_replay()


def test_a_reused_result_is_a_success() -> None:
    """A result from another run hands on its value like one of this run's own."""
    case = WaitCase("a", "b: a")
    case.begin()
    case.post((kinds.ATTEMPT_REUSED, 0, 1, 0.0, 7))
    assert (case.scheduler.values[0], case.started[-1]) == (7, "b#1")
    case.check_replay()


def test_a_reused_result_needs_an_attempt() -> None:
    """What has not started cannot be reused either."""
    case = WaitCase("a", "b: a")
    case.begin()
    with pytest.raises(IllegalEventError):
        case.post((kinds.ATTEMPT_REUSED, 1, 1, 0.0, 7))


# -------------------------------------------------------------------- instants


def test_a_sleep_ends_at_its_instant_and_never_before() -> None:
    """It asks to be woken then, a tick before does nothing, and it fires once."""
    case = WaitCase("nap", "b: nap", nap=waits("sleep"))
    case.begin()
    case.post(case.wait_began("nap", Wait("sleep", "", 10.0)))
    assert case.wakes == [10.0]
    case.tick(9.9)
    assert case.state("nap") == "WAITING"
    case.tick(10.0)
    assert (case.state("nap"), case.scheduler.values[0], case.started[-1]) == ("SUCCEEDED", None, "b#1")
    case.tick(11.0)
    assert case.data(kinds.WAIT_ENDED) == [None]
    case.check_replay()


def test_a_sleep_that_ends_at_its_deadline_has_ended_well() -> None:
    """At one instant what a wait brings counts before what would cut it."""
    case = WaitCase("nap", nap={**waits("sleep"), "within": 5.0})
    case.begin()
    case.post(case.wait_began("nap", Wait("sleep", "", 5.0)))
    case.tick(5.0)
    assert case.end() == kinds.RUN_SUCCEEDED


def test_a_sleep_cannot_be_answered() -> None:
    """Nobody cuts a sleep short."""
    case = WaitCase("nap", nap=waits("sleep"))
    case.begin()
    case.post(case.wait_began("nap", Wait("sleep", "", 10.0)))
    assert not case.scheduler.is_asked(0)
    with pytest.raises(IllegalEventError):
        case.post(case.approved("nap"))


def test_a_default_is_handed_on_at_the_deadline() -> None:
    """A wait with a default succeeds with it when nobody has answered."""
    case = WaitCase("ok", ok=waits(deadline=5.0, on_deadline="default"))
    case.begin()
    case.asks("ok", until=5.0, default=("as usual",))
    case.tick(5.0)
    assert (case.scheduler.values[0], case.end()) == ("as usual", kinds.RUN_SUCCEEDED)
    assert case.data(kinds.WAIT_ENDED) == ["as usual"]
    case.check_replay()


@pytest.mark.parametrize(
    ("rule", "wait", "failure"),
    [
        (
            {"deadline": 5.0},
            Wait("approval", "Good?", 5.0),
            Failure(Cause.TIMED_OUT, "nobody answered within 5 s"),
        ),
        (
            {"kind": "event", "deadline": 5.0},
            Wait("event", "paid", 5.0),
            Failure(Cause.TIMED_OUT, "event 'paid' did not come within 5 s"),
        ),
        (
            {"deadline": 5.0, "on_deadline": "reject"},
            Wait("approval", "Good?", 5.0),
            Failure(Cause.REJECTED, "rejected, since nobody answered within 5 s"),
        ),
        ({}, Wait("approval", "Good?", 5.0), Failure(Cause.TIMED_OUT, "nobody answered in time")),
    ],
)
def test_without_a_default_the_deadline_fails_it(
    rule: dict[str, object], wait: Wait, failure: Failure
) -> None:
    """It fails for good, in words that say what was waited for and how long."""
    case = WaitCase("ok", ok={**waits(**rule), "retry": Retry(attempts=3)})  # type: ignore[arg-type]
    case.begin()
    case.post(case.wait_began("ok", wait))
    case.tick(5.0)
    assert case.data(kinds.WAIT_ENDED) == case.data(kinds.STEP_FAILED) == [failure]
    cause = Cause.REJECTED if failure.cause is Cause.REJECTED else Cause.ERROR
    assert case.data(kinds.RUN_FAILED) == [cause]
    case.check_replay()


def test_an_answer_before_the_deadline_settles_it() -> None:
    """The instant of what was answered comes and goes."""
    case = _asked()
    case.post(case.approved("ok"))
    case.tick(99.0)
    assert case.told(kinds.WAIT_ENDED) == []


def test_the_quicker_of_deadline_and_answer_counts() -> None:
    """An answer in the same decision behind the deadline's tick comes too late, one before it does not."""
    for is_answer_first in (True, False):
        case = WaitCase("ok", "b: ok", ok=waits(deadline=5.0))
        case.begin()
        case.asks("ok", until=5.0)
        case.now = 5.0
        facts = [case.approved("ok"), (kinds.CLOCK_TICKED, kinds.RUN, 0, 5.0, 0.5)]
        case.post(*(facts if is_answer_first else reversed(facts)))
        assert case.state("ok") == ("SUCCEEDED" if is_answer_first else "FAILED")
        case.check_replay()


# -------------------------------------------------------------------- whatever they stand in


def test_a_drained_run_closes_what_waits() -> None:
    """Required work is lost, nothing runs any more: nobody is waited for."""
    case = WaitCase("a", "ok", ok=waits())
    case.begin()
    case.asks("ok")
    case.post(case.failed("a"))
    assert (case.state("ok"), case.end()) == ("CANCELLED", kinds.RUN_FAILED)
    case.check_replay()


def test_a_run_that_continues_waits_on() -> None:
    """Under `continue` the run ends when the wait has."""
    case = WaitCase("a", "ok", ok=waits(), on_failure=OnFailure.CONTINUE)
    case.begin()
    case.asks("ok")
    case.post(case.failed("a"))
    assert case.end() is None
    case.post(case.approved("ok"))
    assert case.data(kinds.RUN_FAILED) == [Cause.ERROR]


def test_fail_fast_stops_others_when_a_wait_is_rejected() -> None:
    """A rejection halts like any loss."""
    case = WaitCase("a", "ok", ok=waits(), on_failure=OnFailure.FAIL_FAST)
    case.begin()
    case.asks("ok")
    case.post(case.answered("ok", NO))
    assert case.stopped == ["a#1"]


def test_a_cancel_closes_what_waits() -> None:
    """The run ends at once, since a wait has nothing to stop."""
    case = _asked()
    case.post(case.cancelled("enough"))
    assert case.data(kinds.STEP_CANCELLED) == ["enough", "enough"]
    assert case.end() == kinds.RUN_CANCELLED


def test_the_runs_deadline_closes_what_waits() -> None:
    """The run times out while it waits."""
    case = WaitCase("ok", ok=waits(), within=5.0)
    case.begin()
    case.asks("ok")
    case.tick(5.0)
    assert (case.state("ok"), case.data(kinds.RUN_FAILED)) == ("CANCELLED", [Cause.TIMED_OUT])
    case.check_replay()


def test_a_steps_deadline_cuts_its_wait() -> None:
    """`within` counts from the beginning of the wait."""
    case = WaitCase("ok", ok={**waits(), "within": 3.0})
    case.begin()
    case.asks("ok", until=9.0)
    case.tick(3.0)
    assert case.data(kinds.STEP_FAILED) == [
        Failure(Cause.TIMED_OUT, "no result within 3 s over all attempts")
    ]


def test_a_groups_deadline_cuts_its_waits() -> None:
    """Members that wait are cut like members that run."""
    graph = drawn("ok", "a", ok=waits())
    add_group(graph, "g", 0, 1, within=4.0)
    case = WaitCase(graph=graph)
    case.begin()
    case.asks("ok")
    case.post(case.done("a"))
    case.tick(4.0)
    assert (case.state("ok"), case.end()) == ("FAILED", kinds.RUN_PARTIAL)
    assert not case.scheduler.asked


def _grown(
    anchor: dict[str, object], *children: tuple[str, dict[str, object]], renews: bool = False
) -> WaitCase:
    graph = drawn("plan", plan={"role": Role.GROW, **anchor})
    case = WaitCase(graph=graph)
    case.begin()
    nodes = tuple(
        Node(StepSpec(id=name, **rules), name, (), None, ())  # type: ignore[arg-type]
        for name, rules in children
    )
    case.post((kinds.ATTEMPT_GREW, 0, 1, 0.0, Fragment(nodes, {}, renews=renews)))
    return case


def test_a_doomed_part_waits_for_nobody() -> None:
    """When a child of an optional anchor is lost, its siblings that wait are skipped, and those about to ask
    do not."""
    case = _grown({"optional": True}, ("bad", {}), ("asked", waits()), ("late", waits()), ("slow", {}))
    case.asks("plan/asked")
    case.post(case.failed("plan/bad"))
    assert case.state("plan/asked") == "SKIPPED"
    case.asks("plan/late")
    assert case.state("plan/late") == "SKIPPED"
    case.post(case.done("plan/slow"))
    assert case.end() == kinds.RUN_PARTIAL


def test_a_superseded_round_closes_its_waits() -> None:
    """A new round replaces the one that was lost, with all who are asked in it."""
    case = _grown({}, ("bad", {}), ("asked", waits()), renews=True)
    case.asks("plan/asked")
    case.post(case.failed("plan/bad"))
    assert case.state("plan/asked") == "CANCELLED"
    assert case.started[-1] == "plan#2"
    assert not case.scheduler.asked


# -------------------------------------------------------------------- a run at rest


def test_a_run_with_nothing_but_people_to_wait_for_waits() -> None:
    """Said once when it comes to rest, and once when something moves again."""
    case = _asked()
    assert case.told(*MOVES) == [kinds.RUN_WAITING]
    case.post(case.approved("ok"))
    assert case.told(*MOVES) == [kinds.RUN_WAITING, kinds.RUN_RESUMED]
    case.post(case.done("b"))
    assert case.told(*MOVES) == [kinds.RUN_WAITING, kinds.RUN_RESUMED]
    case.check_replay()


def test_a_run_is_not_at_rest_while_anything_moves() -> None:
    """A running step, a retry's pause and a sleep each keep it from resting."""
    rules: dict[str, dict[str, object]] = {
        "ok": waits(),
        "nap": waits("sleep"),
        "a": {"retry": Retry(attempts=2, first_wait=5.0, jitter=False)},
    }
    case = WaitCase("ok", "a", "nap", **rules)
    case.begin()
    case.asks("ok")
    case.post(case.wait_began("nap", Wait("sleep", "", 3.0)))
    case.post(case.failed("a"))
    assert case.told(*MOVES) == []
    case.tick(3.0)
    assert case.told(*MOVES) == []
    case.tick(5.0)
    case.post(case.done("a", attempt=2))
    assert case.told(*MOVES) == [kinds.RUN_WAITING]


def test_a_request_for_a_permit_keeps_a_run_moving() -> None:
    """A step that stands in a limit's queue will move by itself."""
    case = WaitCase("ok", "a", ok=waits(), a={"limits": ("api",)})
    case.begin()
    case.asks("ok")
    assert case.told(*MOVES) == []
    case.post(case.granted("a"))
    case.post(case.done("a"))
    assert case.told(*MOVES) == [kinds.RUN_WAITING]


def test_who_waits_for_a_permit_keeps_a_run_moving() -> None:
    """A thread that nobody waits for holds the only permit: its end will move the step behind it."""
    slow = {**THREAD, "timeout": 1.0, "optional": True}
    case = WaitCase("ok", "slow", "next", ok=waits(), slow=slow, permits=1, is_sequential=True)
    case.begin()
    case.asks("ok")
    case.tick(1.0)
    assert (case.state("slow"), case.state("next"), case.scheduler.running) == ("FAILED", "READY", 0)
    case.post(case.ended("slow"))
    case.post(case.done("next"))
    assert case.told(*MOVES) == [kinds.RUN_WAITING]


def test_what_was_told_to_stop_keeps_a_run_moving() -> None:
    """A coroutine over its time still has its grace: the run rests when it has truly ended."""
    case = WaitCase("ok", "slow", ok=waits(), slow={"timeout": 1.0, "optional": True})
    case.begin()
    case.asks("ok")
    case.tick(1.0)
    assert (case.stopped, case.scheduler.running, case.told(*MOVES)) == (["slow#1"], 0, [])
    case.post(case.ended("slow"))
    assert case.told(*MOVES) == [kinds.RUN_WAITING]


def test_one_of_two_answers_leaves_the_run_at_rest() -> None:
    """An answer that nothing follows moves nothing."""
    case = WaitCase("one", "two", "b: one two", one=waits(), two=waits())
    case.begin()
    case.asks("one")
    case.asks("two")
    case.post(case.approved("one"))
    assert case.told(*MOVES) == [kinds.RUN_WAITING]
    case.post(case.approved("two"))
    assert case.told(*MOVES) == [kinds.RUN_WAITING, kinds.RUN_RESUMED]


def test_glue_between_two_questions_is_a_move() -> None:
    """The run rests again when the next question is asked."""
    case = WaitCase("one", "glue: one", "two: glue", one=waits(), glue=INLINE, two=waits())
    case.begin()
    case.asks("one")
    case.post(case.approved("one"))
    case.post(case.done("glue"))
    case.asks("two")
    assert case.told(*MOVES) == [kinds.RUN_WAITING, kinds.RUN_RESUMED, kinds.RUN_WAITING]


def test_the_end_is_no_resumption() -> None:
    """The last answer of a run ends it; a run that has ended moves nothing."""
    case = WaitCase("ok", ok=waits())
    case.begin()
    case.asks("ok")
    case.post(case.approved("ok"))
    assert case.told(*MOVES, kinds.RUN_SUCCEEDED) == [kinds.RUN_WAITING, kinds.RUN_SUCCEEDED]


def test_a_run_without_waits_never_rests() -> None:
    """A run that waits for a retry alone is no waiting run."""
    case = Case(drawn("a", a={"retry": Retry(attempts=2, first_wait=5.0, jitter=False)}))
    case.begin()
    case.post(case.failed("a"))
    assert not case.scheduler.is_waiting
