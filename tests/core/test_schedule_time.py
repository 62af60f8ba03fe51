"""Timeouts, `within`, deadlines of groups and runs."""

from __future__ import annotations

from core.schedule_cases import BROKEN, INLINE, THREAD, Case, add_group, add_map, drawn
from stretto.core.journal import facts as kinds
from stretto.core.policy import Cause, Retry


def test_the_scheduler_asks_for_the_earliest_instant_only() -> None:
    """Of two timeouts the scheduler wants to be woken for the first, then for the second."""
    case = Case(drawn("a", "b", a={"timeout": 5.0}, b={"timeout": 3.0}))
    case.begin()
    assert case.wakes == [3.0]
    case.tick(3.0)
    assert case.wakes == [3.0, 5.0]


def test_a_timeout_is_a_verdict_at_once() -> None:
    """The step has failed when its time is over; the coroutine is told to stop and awaited."""
    case = Case(drawn("a", a={"timeout": 2.0}), grace=1.0)
    case.begin()
    case.tick(2.0)
    assert case.state("a") == "FAILED"
    assert case.stopped == ["a#1"]
    assert case.end() is None
    case.post(case.ended("a"))
    assert case.end() == kinds.RUN_FAILED


def test_a_value_after_the_verdict_is_not_used() -> None:
    """A coroutine that swallows its cancellation and returns is told off: the step stays failed."""
    case = Case(drawn("a", "b: a", a={"timeout": 2.0, "optional": True}))
    case.begin()
    case.tick(2.0)
    case.post(case.done("a", "late"), case.done("b"))
    assert case.state("a") == "FAILED"
    assert case.scheduler.values[0] != "late"


def test_a_retry_of_a_coroutine_waits_for_the_old_attempt() -> None:
    """Two attempts of one coroutine never run at once: the second starts when the first has ended."""
    case = Case(drawn("a", a={"timeout": 2.0, "retry": Retry(attempts=2, first_wait=1.0, jitter=False)}))
    case.begin()
    case.tick(2.0)
    case.tick(3.0)
    assert case.started == ["a#1"]
    case.post(case.ended("a"))
    assert case.started == ["a#1", "a#2"]


def test_a_retry_of_a_deaf_coroutine_waits_out_its_grace() -> None:
    """One that never ends is abandoned after the grace, and the second attempt starts then."""
    rule = Retry(attempts=2, first_wait=0.0)
    case = Case(drawn("a", a={"timeout": 2.0, "retry": rule}), grace=5.0)
    case.begin()
    case.tick(2.0)
    case.tick(6.9)
    assert case.started == ["a#1"]
    case.tick(7.0)
    assert case.started == ["a#1", "a#2"]


def test_the_permit_of_an_abandoned_attempt_stays_out() -> None:
    """What still runs holds its permit until it has truly ended."""
    case = Case(drawn("deaf", "next", deaf={"timeout": 1.0, "optional": True}), permits=1, grace=1.0)
    case.begin()
    case.tick(1.0)
    case.tick(2.0)
    assert case.started == ["deaf#1"]
    case.post(case.ended("deaf"))
    assert case.started == ["deaf#1", "next#1"]


def test_a_late_thread_is_adopted_while_its_step_is_open() -> None:
    """A thread's timed-out attempt that returns during the pause before the retry is taken."""
    rule = Retry(attempts=2, first_wait=10.0, jitter=False)
    case = Case(drawn("a", "b: a", a={**THREAD, "timeout": 1.0, "retry": rule}))
    case.begin()
    case.tick(1.0)
    assert case.stopped == []
    case.now = 2.0
    case.post(case.done("a", 5))
    assert case.state("a") == "SUCCEEDED"
    assert case.scheduler.values[0] == 5
    assert case.started == ["a#1", "b#1"]


def test_a_late_thread_beats_its_own_retry() -> None:
    """While a second attempt runs, the first one's result counts; the second is not waited for."""
    rule = Retry(attempts=2, first_wait=0.0)
    case = Case(drawn("a", a={**THREAD, "timeout": 1.0, "retry": rule}))
    case.begin()
    case.tick(1.0)
    case.tick(1.0)
    assert case.started == ["a#1", "a#2"]
    case.post(case.done("a", "first"))
    assert case.scheduler.values[0] == "first"
    assert case.end() == kinds.RUN_SUCCEEDED


def test_two_ends_of_one_step_in_one_batch_count_once() -> None:
    """A late first attempt and a second one that end together give one result; the other is only noted."""
    rule = Retry(attempts=2, first_wait=0.0)
    for first in (1, 2):
        case = Case(drawn("a", "b", a={**THREAD, "timeout": 1.0, "retry": rule}))
        case.begin()
        case.tick(1.0)
        case.tick(1.0)
        case.post(case.done("a", first, attempt=first), case.done("a", 3 - first, attempt=3 - first))
        assert case.scheduler.values[0] == first
        assert case.scheduler.used == 1


def test_a_late_thread_of_a_settled_step_is_dropped() -> None:
    """After the step has failed for good, the thread's result is noted and not used."""
    case = Case(drawn("a", "b", a={**THREAD, "timeout": 1.0, "optional": True}))
    case.begin()
    case.tick(1.0)
    case.post(case.done("a", "late"))
    assert case.state("a") == "FAILED"
    assert case.scheduler.log[-1][0] == kinds.ATTEMPT_ENDED


def test_within_bounds_all_attempts() -> None:
    """`within` counts from the first start, over attempts and pauses."""
    rule = Retry(attempts=9, first_wait=1.0, factor=1.0, jitter=False)
    case = Case(drawn("a", a={"within": 5.0, "retry": rule}))
    case.begin()
    for attempt in (1, 2):
        case.tick(2.0 * attempt - 1.0)
        case.post(case.failed("a", attempt=attempt))
        case.tick(2.0 * attempt)
    assert case.started == ["a#1", "a#2", "a#3"]
    case.tick(5.0)
    assert case.state("a") == "FAILED"
    assert "within 5 s over all attempts" in case.scheduler.log[-2][4].message


def test_no_pause_runs_into_within() -> None:
    """A retry that could only start behind the step's limit is not waited for."""
    rule = Retry(attempts=9, first_wait=10.0, jitter=False)
    case = Case(drawn("a", a={"within": 5.0, "retry": rule}))
    case.begin()
    case.post(case.failed("a"))
    assert case.state("a") == "FAILED"


def test_within_does_not_count_the_wait_for_a_permit() -> None:
    """A step's `within` starts with its first attempt, not with its readiness."""
    case = Case(drawn("long", "short", short={"within": 1.0}), permits=1)
    case.begin()
    case.now = 50.0
    case.post(case.done("long"))
    case.tick(50.5)
    assert case.state("short") == "RUNNING"
    case.tick(51.0)
    assert case.state("short") == "FAILED"


def test_a_groups_deadline_keeps_what_finished() -> None:
    """Members still open at the deadline are lost, the others count for the gate."""
    graph = drawn("a", "b", "c")
    add_group(graph, "g", 0, 1, 2, within=10.0, least=2)
    case = Case(graph)
    case.begin()
    case.post(case.done("a"), case.done("b"))
    case.tick(10.0)
    assert case.states() == {"a": "SUCCEEDED", "b": "SUCCEEDED", "c": "FAILED", "g": "SUCCEEDED"}
    assert case.scheduler.values[3] == 2


def test_a_groups_time_starts_with_its_first_ready_member() -> None:
    """The group's deadline counts from the moment its first member has its inputs."""
    graph = drawn("before", "a: before")
    add_group(graph, "g", 1, within=10.0)
    case = Case(graph)
    case.begin()
    case.now = 100.0
    case.post(case.done("before"))
    case.tick(109.0)
    assert case.state("a") == "RUNNING"
    case.tick(110.0)
    assert case.state("a") == "FAILED"


def test_a_groups_deadline_cuts_the_children_of_its_maps() -> None:
    """A map in a group is cut with all its children, those that run and those that wait."""
    graph = drawn("xs")
    add_map(graph, "m", 0)
    add_group(graph, "g", 1, within=5.0)
    case = Case(graph, permits=1)
    case.begin()
    case.post(case.done("xs", [0, 1]))
    case.post(case.grew("m", 2))
    case.tick(5.0)
    assert case.states() == {
        "xs": "SUCCEEDED",
        "m": "FAILED",
        "m[0]": "FAILED",
        "m[1]": "FAILED",
        "g": "SUCCEEDED",
    }
    assert case.stopped == ["m[0]#1"]


def test_the_runs_deadline_cuts_required_work() -> None:
    """At the deadline running attempts are told to stop and the run ends as timed out."""
    case = Case(drawn("a", "b: a"), within=5.0)
    case.begin()
    case.tick(5.0)
    assert case.stopped == ["a#1"]
    case.post(case.ended("a"))
    assert case.states() == {"a": "CANCELLED", "b": "CANCELLED"}
    assert case.scheduler.log[-1][4] is Cause.TIMED_OUT


def test_what_finishes_at_the_deadline_is_kept() -> None:
    """A success decided with the deadline's tick comes first, and its inline consumer still runs."""
    case = Case(drawn("a", "glue: a", glue=INLINE), within=5.0)
    case.begin()
    case.now = 5.0
    case.post(case.done("a"), (kinds.CLOCK_TICKED, kinds.RUN, 0, 5.0, 0.5))
    assert case.stopped == []
    case.post(case.done("glue"))
    assert case.end() == kinds.RUN_SUCCEEDED


def test_optional_work_is_cut_in_time_for_the_required_work_behind_it() -> None:
    """With 4 s of required work behind it and a deadline at 10, an optional step is cut at 6."""
    graph = drawn("extra", "must: extra", extra={"optional": True})
    case = Case(graph, within=10.0, estimates={"must": 4.0, "extra": 1.0})
    case.begin()
    assert case.wakes == [6.0]
    case.tick(6.0)
    assert case.state("extra") == "FAILED"
    assert case.started == ["extra#1", "must#1"]
    case.post(case.ended("extra"), case.done("must"))
    assert case.end() == kinds.RUN_PARTIAL


def test_unknown_estimates_reserve_nothing() -> None:
    """Without an estimate of what follows, optional work is cut at the deadline itself, on no guess."""
    case = Case(drawn("extra", "must: extra", extra={"optional": True}), within=10.0)
    case.begin()
    assert case.wakes == [10.0]


def test_optional_work_behind_it_reserves_nothing() -> None:
    """Only required work counts for the reserve."""
    rules = {"a": {"optional": True}, "b": {"optional": True}}
    case = Case(drawn("a", "b: a", **rules), within=10.0, estimates={"b": 4.0})
    case.begin()
    assert case.wakes == [10.0]


def test_grown_optional_work_is_cut_in_time_too() -> None:
    """Optional children get their anchor's reserve."""
    graph = drawn("xs", "must")
    anchor = add_map(graph, "m", 0, optional=True)
    graph.add(drawn("end").specs[0], "end", (), None, (anchor,))
    case = Case(graph, within=10.0, estimates={"end": 4.0})
    case.begin()
    case.post(case.done("xs", [0]))
    case.post(case.grew("m", 1))
    case.tick(6.0)
    assert case.state("m[0]") == "FAILED"
    assert case.state("m") == "SUCCEEDED"
    assert "end#1" in case.started


def test_stale_instants_do_nothing() -> None:
    """A timeout of an attempt that has ended passes without effect."""
    case = Case(drawn("a", "b", a={"timeout": 1.0}))
    case.begin()
    case.post(case.done("a"))
    case.tick(1.0)
    assert case.states() == {"a": "SUCCEEDED", "b": "RUNNING"}
    assert case.stopped == []


def test_steps_cut_by_one_tick_come_back_spread() -> None:
    """One draw a tick, spread over the steps it cuts: a herd would fail together again."""
    rule = Retry(attempts=2, first_wait=8.0)
    graph = drawn(*"abcd", **{name: {"timeout": 1.0, "retry": rule} for name in "abcd"})
    case = Case(graph)
    case.begin()
    case.tick(1.0, draw=0.0)
    until = [fact[4][0] for fact in case.scheduler.log if fact[0] == kinds.STEP_RETRYING]
    assert len({round(instant, 3) for instant in until}) == 4
    assert all(1.0 <= instant <= 9.0 for instant in until)


def test_retry_after_is_a_floor() -> None:
    """A provider's Retry-After outlasts the jitter."""
    case = Case(drawn("a", a={"retry": Retry(attempts=2, first_wait=1.0)}))
    case.begin()
    case.post(case.failed("a", failure=BROKEN._replace(retry_after=30.0), draw=0.9))
    assert case.wakes == [30.0]
