"""Attempts that were under way when their process died, and what follows by the step's rule."""

from __future__ import annotations

import pytest

from core.schedule_cases import INLINE, THREAD, drawn
from core.waiting_cases import WaitCase, waits
from stretto.core.graph import Fragment, Node, Role, StepSpec
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Verdict, Wait
from stretto.core.policy import Cause, Failure, OnFailure, OnLost, Retry
from stretto.errors import IllegalEventError

ASKS = {"on_lost": OnLost.ASK}
FAILS = {"on_lost": OnLost.FAIL}
QUESTION = Wait("lost", "Was it sent?")


def _begun(*lines: str, **given: object) -> WaitCase:
    case = WaitCase(*lines, **given)
    case.begin()
    return case


# -------------------------------------------------------------------- retry


def test_a_lost_attempt_is_followed_by_another_at_once() -> None:
    """By default the step starts again, numbered one higher, and its result counts."""
    case = _begun("a", "b: a")
    case.post(case.lost("a"))
    assert (case.started, case.scheduler.lost) == (["a#1", "a#2"], {0: 1})
    case.post(case.done("a", 7, attempt=2))
    assert case.started[-1] == "b#1"
    case.check_replay()


def test_lost_attempts_do_not_count_for_retry() -> None:
    """Two attempts were allowed, and two may fail by themselves, however many were lost between."""
    rule = {"retry": Retry(attempts=2, first_wait=1.0, jitter=False)}
    case = _begun("a", a=rule)
    case.post(case.lost("a"))
    case.post(case.failed("a", attempt=2))
    assert case.wakes == [1.0], "the pause is that of a first attempt"
    case.tick(1.0)
    case.post(case.lost("a", attempt=3))
    case.post(case.failed("a", attempt=4))
    assert case.state("a") == "FAILED"
    case.check_replay()


def test_permits_come_back_and_are_asked_for_again() -> None:
    """Named permits of a lost attempt are given back, and its successor queues for them."""
    case = _begun("a", a={"limits": ("api",)})
    case.post(case.granted("a"))
    case.post(case.lost("a"))
    assert (case.asked, case.returned, case.scheduler.used) == (["a#1", "a#2"], ["a#1"], 0)
    case.post(case.granted("a"))
    assert case.started == ["a#1", "a#2"]


def test_the_runs_permits_go_by_priority_again() -> None:
    """Of what was lost together, the longest remaining path starts first."""
    case = _begun("a", "b", "long: b", permits=1)
    assert case.started == ["b#1"]
    case.post(case.lost("b"))
    assert case.started == ["b#1", "b#2"]
    assert (case.state("a"), case.scheduler.used) == ("READY", 1)


def test_several_losses_in_one_decision() -> None:
    """A process dies with all it was running."""
    case = _begun("a", "b", "c")
    case.post(case.lost("a"), case.lost("b"), case.done("c"))
    assert case.started[3:] == ["a#2", "b#2"]
    case.check_replay()


def test_a_lost_attempts_timeout_spares_the_next() -> None:
    """The instant of the lost attempt passes without a verdict, its successor has the whole length."""
    case = _begun("a", a={"timeout": 10.0})
    case.now = 6.0
    case.post(case.lost("a"))
    case.tick(10.0)
    assert case.state("a") == "RUNNING"
    case.tick(16.0)
    assert case.data(kinds.ATTEMPT_TIMED_OUT) == [
        Failure(Cause.TIMED_OUT, "attempt 2 gave no result within 10 s")
    ]
    case.check_replay()


def test_within_goes_on_counting() -> None:
    """A step's deadline counts from its first attempt, lost or not."""
    case = _begun("a", a={"within": 10.0})
    case.now = 6.0
    case.post(case.lost("a"))
    case.tick(10.0)
    assert case.state("a") == "FAILED"


def test_what_was_over_when_it_was_found_is_not_run_again() -> None:
    """A deadline that passed while nobody was there cuts the step before it starts again."""
    case = _begun("a", a={"within": 10.0})
    case.now = 60.0
    case.post(case.lost("a"), (kinds.CLOCK_TICKED, kinds.RUN, 0, 60.0, 0.5))
    assert (case.started, case.state("a")) == (["a#1"], "FAILED")


def test_inline_glue_and_waits_are_begun_again() -> None:
    """What was issued and had not begun is issued again; a wait that had begun is not lost at all."""
    case = _begun("glue", "new", "old", glue=INLINE, new=waits(), old=waits())
    case.asks("old")
    case.post(case.lost("glue"), case.lost("new"))
    assert case.started[-2:] == ["glue#2", "new#2"]
    case.post(case.wait_began("new", QUESTION, attempt=2))
    with pytest.raises(IllegalEventError, match="cannot take fact kind 11 now"):
        case.post(case.lost("old"))


def test_a_lost_anchor_grows_by_its_next_attempt() -> None:
    """An anchor that died while it grew counts as in its first turn still."""
    case = _begun("plan", plan={"role": Role.GROW})
    case.post(case.lost("plan"))
    assert case.scheduler.turn(0, 2) == 1
    node = Node(StepSpec(id="x"), "x", (), None, ())
    case.post((kinds.ATTEMPT_GREW, 0, 2, 0.0, Fragment((node,), {})))
    case.post(case.done("plan/x"))
    assert case.end() == kinds.RUN_SUCCEEDED


# -------------------------------------------------------------------- fail


def test_a_step_that_fails_when_lost() -> None:
    """`fail`: lost for good, whatever the retry rule, and told what happened."""
    case = _begun("a", a={**FAILS, "retry": Retry(attempts=3)})
    case.post(case.lost("a"))
    failure = Failure(Cause.ERROR, "its process died while attempt 1 was running", ("stretto.AttemptLost",))
    assert case.data(kinds.STEP_FAILED) == [failure]
    assert case.data(kinds.RUN_FAILED) == [Cause.ERROR]
    case.check_replay()


# -------------------------------------------------------------------- ask


def _asks_about_a(*more: str, **given: object) -> WaitCase:
    case = _begun("a", *more, a={**ASKS, "limits": ("api",)}, **given)
    case.post(case.granted("a"))
    case.post(case.lost("a", data=QUESTION))
    return case


def test_a_person_is_asked_what_follows() -> None:
    """`ask`: it waits without permits, the run with it, and the question is kept."""
    case = _asks_about_a()
    assert (case.state("a"), case.scheduler.used, case.returned) == ("WAITING", 0, ["a#1"])
    assert case.scheduler.asked == {0: QUESTION}
    assert case.scheduler.is_asked(0)
    assert case.data(kinds.ATTEMPT_LOST) == [QUESTION]
    assert case.scheduler.log[-1][0] == kinds.RUN_WAITING
    case.check_replay()


def test_a_question_is_made_where_none_was_given() -> None:
    """The journal always holds what was asked."""
    case = _begun("a", a=ASKS)
    case.post(case.lost("a"))
    assert case.data(kinds.ATTEMPT_LOST) == [Wait("lost", "The process died while attempt 1 was running.")]


def test_a_question_for_a_step_that_asks_nobody_is_dropped() -> None:
    """The step's rule decides, not who tells of the loss."""
    case = _begun("a")
    case.post(case.lost("a", data=QUESTION))
    assert (case.data(kinds.ATTEMPT_LOST), case.started[-1]) == ([None], "a#2")


def test_approved_it_runs_again() -> None:
    """Permits are asked for as usual."""
    case = _asks_about_a()
    case.post(case.approved("a", None))
    assert (case.asked[-1], case.state("a")) == ("a#2", "READY")
    assert case.told(kinds.RUN_RESUMED) == [kinds.RUN_RESUMED]
    case.post(case.granted("a"))
    case.post(case.done("a", 7, attempt=2))
    assert case.end() == kinds.RUN_SUCCEEDED
    case.check_replay()


@pytest.mark.parametrize("verdict", [Verdict.RESPOND, Verdict.EDIT])
def test_a_result_given_by_hand_counts(verdict: Verdict) -> None:
    """Who knows what the lost attempt has done can give its result."""
    case = _asks_about_a("b: a")
    case.post(case.answered("a", Answer(verdict, "sent")))
    assert (case.scheduler.values[0], case.started[-1]) == ("sent", "b#1")


def test_rejected_it_fails() -> None:
    """The step and the run fail with cause rejected."""
    case = _asks_about_a()
    case.post(case.answered("a", Answer(Verdict.REJECT, by="Mia")))
    assert case.data(kinds.STEP_FAILED) == [Failure(Cause.REJECTED, "rejected by Mia")]
    assert case.data(kinds.RUN_FAILED) == [Cause.REJECTED]


def test_it_can_be_lost_and_asked_about_again() -> None:
    """Each loss asks anew."""
    case = _begun("a", a=ASKS)
    case.post(case.lost("a", data=QUESTION))
    case.post(case.approved("a"))
    case.post(case.lost("a", attempt=2, data=QUESTION))
    assert (case.scheduler.lost, case.scheduler.is_asked(0)) == ({0: 2}, True)
    with pytest.raises(IllegalEventError):
        case.post(case.approved("a", attempt=1))
    case.post(case.approved("a", attempt=2))
    assert case.started[-1] == "a#3"


def test_a_question_in_vain() -> None:
    """A question about a lost attempt may have an instant of its own."""
    case = _begun("a", a=ASKS)
    case.post(case.lost("a", data=Wait("lost", "Was it sent?", 5.0)))
    case.tick(5.0)
    assert case.data(kinds.STEP_FAILED) == [Failure(Cause.TIMED_OUT, "nobody answered in time")]


def test_an_instant_belongs_to_its_attempt() -> None:
    """The instant of a question that was answered does not end the next one."""
    case = _begun("a", a=ASKS)
    case.post(case.lost("a", data=Wait("lost", "Was it sent?", 5.0)))
    case.post(case.approved("a"))
    case.post(case.lost("a", attempt=2, data=Wait("lost", "Was it sent?", 9.0)))
    case.tick(5.0)
    assert case.scheduler.is_asked(0)
    case.tick(9.0)
    assert case.state("a") == "FAILED"


def test_a_steps_deadline_ends_the_question() -> None:
    """`within` cuts a step of which somebody is asked."""
    case = _begun("a", a={**ASKS, "within": 10.0})
    case.post(case.lost("a", data=QUESTION))
    case.tick(10.0)
    assert (case.state("a"), case.scheduler.asked) == ("FAILED", {})


# -------------------------------------------------------------------- runs that come to their end


@pytest.mark.parametrize("rule", [{}, ASKS, FAILS], ids=["retry", "ask", "fail"])
def test_nothing_follows_in_a_run_that_drains(rule: dict[str, object]) -> None:
    """Required work was lost before the process died: the run ends, nobody is asked, nothing starts."""
    case = _begun("bad", "a", a=rule)
    case.post(case.failed("bad"))
    case.post(case.lost("a", data=QUESTION))
    assert (case.started, case.end(), case.state("a")) == (["bad#1", "a#1"], kinds.RUN_FAILED, "CANCELLED")
    assert case.data(kinds.ATTEMPT_LOST) == [None]
    case.check_replay()


def test_a_run_that_continues_follows_up() -> None:
    """Under `continue` a lost attempt is followed up though other work was lost."""
    case = _begun("bad", "a", on_failure=OnFailure.CONTINUE)
    case.post(case.failed("bad"))
    case.post(case.lost("a"))
    assert case.started[-1] == "a#2"


def test_what_was_told_to_stop_has_ended_with_its_process() -> None:
    """A cancelled run whose process died before its attempts had ended ends with their loss."""
    case = _begun("a", a=ASKS)
    case.post(case.cancelled("enough"))
    case.post(case.lost("a", data=QUESTION))
    assert (case.state("a"), case.end()) == ("CANCELLED", kinds.RUN_CANCELLED)
    assert case.told(kinds.ATTEMPT_LOST, kinds.ATTEMPT_ENDED) == [kinds.ATTEMPT_ENDED]
    case.check_replay()


def test_what_nobody_waited_for_gives_its_permit_back() -> None:
    """A thread over its time held its permit; with its process it is gone."""
    case = _begun("a", "b", a={**THREAD, "timeout": 1.0, "optional": True}, permits=2)
    case.tick(1.0)
    case.post(case.lost("a"))
    assert (case.scheduler.used, case.scheduler.late, case.state("a")) == (1, set(), "FAILED")


def test_nothing_follows_in_a_doomed_part() -> None:
    """Below an anchor that was lost a lost attempt is the end of its step."""
    case = WaitCase(graph=drawn("plan", plan={"role": Role.GROW, "optional": True}))
    case.begin()
    nodes = tuple(Node(StepSpec(id=name), name, (), None, ()) for name in ("bad", "slow"))
    case.post((kinds.ATTEMPT_GREW, 0, 1, 0.0, Fragment(nodes, {})))
    case.post(case.failed("plan/bad"))
    case.post(case.lost("plan/slow"))
    assert (case.state("plan/slow"), case.end()) == ("FAILED", kinds.RUN_PARTIAL)


def test_a_doomed_anchor_that_was_growing_waits_for_its_children() -> None:
    """An anchor lost with its process while its siblings' loss had doomed it settles with its last child."""
    case = WaitCase(graph=drawn("plan", plan={"role": Role.GROW, "optional": True}))
    case.begin()
    inner = Node(StepSpec(id="inner", role=Role.GROW), "inner", (), None, ())
    bad = Node(StepSpec(id="bad"), "bad", (), None, ())
    case.post((kinds.ATTEMPT_GREW, 0, 1, 0.0, Fragment((bad, inner), {})))
    case.post(case.failed("plan/bad"))
    assert case.state("plan/inner") == "RUNNING"
    case.post(case.lost("plan/inner"))
    assert (case.state("plan/inner"), case.end()) == ("FAILED", kinds.RUN_PARTIAL)


def test_a_doomed_loop_lost_between_rounds_waits_for_its_children() -> None:
    """It was about to grow again while a step of its last round was at work: it settles when that has."""
    case = WaitCase(graph=drawn("plan", plan={"role": Role.GROW, "optional": True}))
    case.begin()
    loop = Node(StepSpec(id="loop", role=Role.GROW), "loop", (), None, ())
    bad = Node(StepSpec(id="bad"), "bad", (), None, ())
    case.post((kinds.ATTEMPT_GREW, 0, 1, 0.0, Fragment((bad, loop), {})))
    verdict, slow = (Node(StepSpec(id=name), name, (), None, ()) for name in ("verdict", "slow"))
    case.post((kinds.ATTEMPT_GREW, 2, 1, 0.0, Fragment((verdict, slow), {}, 1, output=None, looks_at=0)))
    case.post(case.done("plan/loop/verdict", False))
    assert case.started[-1] == "plan/loop#2"
    case.post(case.failed("plan/bad"))
    case.post(case.lost("plan/loop", attempt=2))
    assert case.state("plan/loop") == "WAITING"
    case.post(case.done("plan/loop/slow"))
    assert (case.state("plan/loop"), case.end()) == ("FAILED", kinds.RUN_PARTIAL)


@pytest.mark.parametrize("attempt", [0, 2])
def test_only_what_is_under_way_can_be_lost(attempt: int) -> None:
    """Another attempt than the present one is refused, and nothing is changed."""
    case = _begun("a")
    with pytest.raises(IllegalEventError, match="cannot take fact kind 11 now"):
        case.post(case.lost("a", attempt=attempt))
    assert case.scheduler.lost == {}
