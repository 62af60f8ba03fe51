"""Losses: who is blocked, who is absorbed, how a run ends."""

from __future__ import annotations

import pytest

from core.schedule_cases import BROKEN, INLINE, THREAD, Case, add_group, add_map, drawn
from core.waiting_cases import WaitCase
from stretto.core.journal import facts as kinds
from stretto.core.policy import Cause, Failure, OnFailure, Retry
from stretto.core.values import Missing

PERMANENT = BROKEN._replace(is_permanent=True)


def test_drain_starts_nothing_new_and_keeps_what_runs() -> None:
    """After a loss running steps finish and are kept; nothing new starts, needed or not."""
    case = Case(drawn("bad", "slow", "after: slow", "below: bad"))
    case.begin()
    case.post(case.failed("bad"))
    assert case.end() is None
    case.post(case.done("slow", 1))
    assert case.started == ["bad#1", "slow#1"]
    assert case.stopped == []
    assert case.states() == {"bad": "FAILED", "slow": "SUCCEEDED", "after": "CANCELLED", "below": "SKIPPED"}
    assert case.end() == kinds.RUN_FAILED


def test_fail_fast_stops_what_runs() -> None:
    """Under fail_fast running attempts are told to stop, and the run ends when they have ended."""
    case = Case(drawn("bad", "slow"), on_failure=OnFailure.FAIL_FAST)
    case.begin()
    case.post(case.failed("bad"))
    assert case.stopped == ["slow#1"]
    assert case.end() is None
    case.post(case.ended("slow"))
    assert case.states() == {"bad": "FAILED", "slow": "CANCELLED"}
    assert case.end() == kinds.RUN_FAILED


@pytest.mark.parametrize("policy", list(OnFailure))
def test_two_failures_at_once_are_both_reported(policy: OnFailure) -> None:
    """Failures decided together all count, under either policy: the second was not stopped by the first."""
    case = Case(drawn("a", "b", "c"), on_failure=policy)
    case.begin()
    case.post(case.failed("b"), case.failed("a"))
    assert {case.state("a"), case.state("b")} == {"FAILED"}
    assert sorted(case.scheduler.failures) == [0, 1]
    assert case.stopped == (["c#1"] if policy is OnFailure.FAIL_FAST else [])


def test_a_success_beside_a_failure_is_kept_under_fail_fast() -> None:
    """What finished in the very tick of a failure was not stopped by it."""
    case = Case(drawn("bad", "good"), on_failure=OnFailure.FAIL_FAST)
    case.begin()
    case.post(case.failed("bad"), case.done("good", 3))
    assert case.states() == {"bad": "FAILED", "good": "SUCCEEDED"}
    assert case.scheduler.values[1] == 3


def test_a_success_beside_a_cancel_is_kept() -> None:
    """The same for a cancel that comes in the same tick."""
    case = Case(drawn("a", "b"))
    case.begin()
    case.post(case.cancelled(), case.done("a", 3))
    assert case.stopped == ["b#1"]
    case.post(case.ended("b"))
    assert case.states() == {"a": "SUCCEEDED", "b": "CANCELLED"}
    assert case.end() == kinds.RUN_CANCELLED


def test_an_optional_loss_hands_on_its_default() -> None:
    """A lost optional step opens its edges with its default, and the run is partial."""
    graph = drawn("extra", "use: extra", extra={"optional": True, "has_default": True})
    graph.defaults[0] = "plain"
    case = Case(graph)
    case.begin()
    case.post(case.failed("extra"))
    assert case.started == ["extra#1", "use#1"]
    assert case.scheduler.values[0] == "plain"
    case.post(case.done("use"))
    assert case.end() == kinds.RUN_PARTIAL


def test_without_a_default_consumers_get_missing() -> None:
    """`Missing` names the step, how it ended, and why."""
    case = Case(drawn("extra", "use: extra", extra={"optional": True}))
    case.begin()
    case.post(case.failed("extra"))
    assert case.scheduler.values[0] == Missing("extra", "failed", "broken")


def test_a_swallowed_end_is_no_success() -> None:
    """A coroutine that returns after it was told to stop has not succeeded."""
    case = Case(drawn("a", "b"), on_failure=OnFailure.FAIL_FAST)
    case.begin()
    case.post(case.failed("a"))
    case.post(case.done("b", "too late"))
    assert case.state("b") == "CANCELLED"
    assert case.scheduler.values[1] is None


def test_a_thread_that_finishes_within_its_grace_is_kept() -> None:
    """A thread cannot be told to stop; when it finishes while the run still waits, its result counts."""
    case = Case(drawn("bad", "slow", slow=THREAD), on_failure=OnFailure.FAIL_FAST)
    case.begin()
    case.post(case.failed("bad"))
    case.post(case.done("slow", "done"))
    assert case.state("slow") == "SUCCEEDED"
    assert case.end() == kinds.RUN_FAILED


def test_an_attempt_that_ignores_its_end_is_abandoned() -> None:
    """When the grace is over the run goes on without the attempt, and says so."""
    case = Case(drawn("deaf"), grace=2.0)
    case.begin()
    case.post(case.cancelled("enough"))
    assert case.wakes[-1] == 2.0
    case.tick(2.0)
    assert case.state("deaf") == "CANCELLED"
    assert kinds.ATTEMPT_ABANDONED in [fact[0] for fact in case.scheduler.log]
    assert case.end() == kinds.RUN_CANCELLED


def test_a_second_cancel_changes_nothing() -> None:
    """Asked twice, the run ends once, for the first reason."""
    case = Case(drawn("a"))
    case.begin()
    case.post(case.cancelled("first"))
    assert case.post(case.cancelled("second")) == ([], [])
    case.post(case.ended("a"))
    assert case.scheduler.log[-1][4] == "first"


def test_a_cancel_decided_with_the_start_starts_nothing() -> None:
    """A run that is cancelled as it is created runs no step."""
    case = Case(drawn("a", "b: a"))
    case.begin(case.cancelled())
    assert case.started == []
    assert case.end() == kinds.RUN_CANCELLED


def test_a_cancel_ends_a_drain() -> None:
    """A run that drains after a failure can still be cancelled; cancelled outranks failed."""
    case = Case(drawn("bad", "slow"))
    case.begin()
    case.post(case.failed("bad"))
    case.post(case.cancelled())
    assert case.stopped == ["slow#1"]
    case.post(case.ended("slow"))
    assert case.end() == kinds.RUN_CANCELLED


def test_failures_do_not_undo_a_cancel() -> None:
    """A step that raises while the run is being cancelled is cancelled, not failed."""
    case = Case(drawn("a"))
    case.begin()
    case.post(case.cancelled())
    case.post(case.failed("a"))
    assert case.state("a") == "CANCELLED"
    assert case.end() == kinds.RUN_CANCELLED


def test_eleven_agents_may_lose_three() -> None:
    """8 of 11 wanted: with three lost the gate opens, and says how many succeeded."""
    case = _eleven(lost=3)
    assert case.state("g") == "SUCCEEDED"
    assert case.scheduler.values[11] == 8
    assert case.started[-1] == "report#1"


def test_eleven_agents_may_not_lose_four() -> None:
    """7 of 11 where 8 are wanted: the gate fails as soon as 8 cannot be reached, naming the lost ones."""
    case = _eleven(lost=4, keep=0)
    assert case.state("g") == "FAILED"
    assert case.started.count("report#1") == 0
    text = next(
        fact[4] for fact in case.scheduler.log if fact[0] == kinds.STEP_FAILED and fact[1] == 11
    ).message
    assert text == "group 'g' needs 8 of 11 steps to succeed, but lost 4: m0, m1, m2, m3"


def test_an_unreachable_gate_stops_no_member_under_drain() -> None:
    """The gate's failure cancels nobody: members that run finish and are kept."""
    case = _eleven(lost=4, keep=0)
    assert case.stopped == []
    for number in range(4, 11):
        case.post(case.done(f"m{number}", number))
    assert [case.state(f"m{number}") for number in range(4, 11)] == ["SUCCEEDED"] * 7
    assert case.end() == kinds.RUN_FAILED


def _eleven(*, lost: int, keep: int = 11) -> Case:
    names = [f"m{number}" for number in range(11)]
    graph = drawn(*names)
    gate = add_group(graph, "g", *range(11), least=8)
    graph.add(drawn("report").specs[0], "report", (), None, (gate,))
    case = Case(graph)
    case.begin()
    for name in names[:lost]:
        case.post(case.failed(name))
    for name in names[lost:][:keep]:
        case.post(case.done(name))
    return case


def test_a_gate_without_a_threshold_always_opens() -> None:
    """All members lost, nothing wanted: the gate opens with 0."""
    graph = drawn("a", "b")
    add_group(graph, "g", 0, 1)
    case = Case(graph)
    case.begin()
    case.post(case.failed("a"), case.failed("b"))
    assert case.states() == {"a": "FAILED", "b": "FAILED", "g": "SUCCEEDED"}
    assert case.end() == kinds.RUN_PARTIAL


def test_a_members_ref_opens_on_its_own_settlement() -> None:
    """A consumer of one member waits for neither the others nor the gate."""
    graph = drawn("a", "b", "use: a")
    add_group(graph, "g", 0, 1, least=2)
    case = Case(graph)
    case.begin()
    case.post(case.done("a"))
    assert case.started == ["a#1", "b#1", "use#1"]


def test_a_lost_child_dooms_its_map() -> None:
    """A map that lost a required child in a group: the rest of it starts no more, what runs finishes."""
    graph = drawn("xs")
    add_map(graph, "m", 0)
    add_group(graph, "g", 1)
    case = Case(graph, permits=2)
    case.begin()
    case.post(case.done("xs", [0, 1, 2]))
    case.post(case.grew("m", 3))
    case.post(case.failed("m[0]"))
    assert case.state("m[2]") == "SKIPPED"
    assert case.state("m[1]") == "RUNNING"
    case.post(case.done("m[1]"))
    assert case.state("m") == "FAILED"
    assert case.end() == kinds.RUN_PARTIAL


def test_a_lost_child_of_a_required_map_fails_the_run() -> None:
    """Outside any group the run fails, and the child is named, not its anchor."""
    graph = drawn("xs")
    add_map(graph, "m", 0)
    case = Case(graph)
    case.begin()
    case.post(case.done("xs", [0, 1]))
    case.post(case.grew("m", 2))
    case.post(case.failed("m[1]"), case.done("m[0]"))
    assert case.states() == {"xs": "SUCCEEDED", "m": "FAILED", "m[0]": "SUCCEEDED", "m[1]": "FAILED"}
    assert [graph.path(index) for index in case.scheduler.failures] == ["m[1]"]


@pytest.mark.parametrize("depth", [5, 5_000])
def test_a_loss_spreads_through_any_number_of_maps(depth: int) -> None:
    """Maps wired item to item lose the same item one after another, however many there are."""
    graph = drawn("xs")
    maps = [add_map(graph, f"m{number}", number) for number in range(depth)]
    add_group(graph, "g", *maps)
    case = Case(graph)
    case.begin()
    case.post(case.done("xs", [0, 1]))
    for number in range(depth):
        case.scheduler.handle(case.grew(f"m{number}", 2))
    case.post(case.failed("m0[0]"))
    assert case.state(f"m{depth - 1}[0]") == "SKIPPED"
    assert case.state("m0[1]") == "RUNNING"


def test_a_long_chain_below_a_loss_is_skipped() -> None:
    """Ten thousand steps below a loss are all blocked, each by the one before."""
    graph = drawn("s0", *(f"s{number}: s{number - 1}" for number in range(1, 10_000)))
    case = Case(graph)
    case.begin()
    case.post(case.failed("s0"))
    assert case.state("s9999") == "SKIPPED"
    assert case.end() == kinds.RUN_FAILED


def test_a_retry_waits_for_its_instant() -> None:
    """A failed attempt is followed by another after the wait the dice gave."""
    case = Case(drawn("a", a={"retry": Retry(attempts=2, first_wait=4.0)}))
    case.begin()
    case.post(case.failed("a", draw=0.25))
    assert case.state("a") == "WAITING"
    assert case.wakes == [1.0]
    case.tick(0.9)
    assert case.started == ["a#1"]
    case.tick(1.0)
    assert case.started == ["a#1", "a#2"]
    case.post(case.failed("a", attempt=2))
    assert case.state("a") == "FAILED"


def test_a_drain_cuts_retries() -> None:
    """Under drain nothing new starts, not even another attempt."""
    case = Case(drawn("flaky", "bad", flaky={"retry": Retry(attempts=3)}))
    case.begin()
    case.post(case.failed("flaky"))
    case.post(case.failed("bad"))
    assert case.states() == {"flaky": "CANCELLED", "bad": "FAILED"}
    assert case.end() == kinds.RUN_FAILED


def test_a_permanent_failure_is_not_retried() -> None:
    """What cannot help is not tried."""
    case = Case(drawn("a", a={"retry": Retry(attempts=9)}))
    case.begin()
    case.post(case.failed("a", failure=PERMANENT))
    assert case.state("a") == "FAILED"


def test_an_inline_failure_ends_the_run_like_any_other() -> None:
    """Glue that raises is a failed step."""
    case = Case(drawn("glue", glue=INLINE))
    case.begin()
    case.post(case.failed("glue", failure=Failure(Cause.ERROR, "x", ("KeyError",))))
    assert case.end() == kinds.RUN_FAILED
    assert case.scheduler.log[-1][4] is Cause.ERROR


def test_a_cancel_at_once_gives_no_time() -> None:
    """What runs is told to stop and is abandoned in the same instant; the run is over."""
    case = WaitCase("a", "b", "c: a", grace=5.0)
    case.begin()
    case.post((kinds.CANCEL_AT_ONCE, kinds.RUN, 0, case.now, "now"))
    assert case.stopped == ["a#1", "b#1"]
    case.tick(case.now)
    assert case.states() == {"a": "CANCELLED", "b": "CANCELLED", "c": "CANCELLED"}
    assert case.end() == kinds.RUN_CANCELLED
    case.check_replay()


def test_a_cancel_at_once_behind_a_cancel() -> None:
    """Those who were given time have none left; nobody is told twice."""
    case = WaitCase("a", "b", grace=5.0)
    case.begin()
    case.post(case.cancelled())
    case.post(case.ended("b"))
    case.post((kinds.CANCEL_AT_ONCE, kinds.RUN, 0, case.now, "now"))
    assert case.stopped == ["a#1", "b#1"]
    case.tick(case.now)
    assert case.end() == kinds.RUN_CANCELLED
    case.check_replay()
    assert case.scheduler.late


def test_a_second_cancel_at_once_is_nothing() -> None:
    """Like a second cancel."""
    case = WaitCase("a", grace=5.0)
    case.begin()
    case.post((kinds.CANCEL_AT_ONCE, kinds.RUN, 0, case.now, "now"))
    assert case.post((kinds.CANCEL_AT_ONCE, kinds.RUN, 0, case.now, "now")).facts == []
