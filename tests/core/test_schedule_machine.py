"""Readiness, batches, and what may not happen."""

from __future__ import annotations

import copy

import pytest

from core.schedule_cases import INLINE, Case, add_map, drawn
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import is_stimulus
from stretto.core.schedule.machine import Scheduler
from stretto.errors import IllegalEventError


def test_a_step_starts_when_its_inputs_are_there() -> None:
    """a → b → d beside c → d: each starts with its last input, not with its level."""
    case = Case(drawn("a", "c", "b: a", "d: b c"))
    case.begin()
    assert case.started == ["a#1", "c#1"]
    case.post(case.done("a"))
    assert case.started[2:] == ["b#1"]
    case.post(case.done("b"))
    case.post(case.done("c"))
    assert case.started[3:] == ["d#1"]
    case.post(case.done("d"))
    assert case.end() == kinds.RUN_SUCCEEDED


def test_a_run_without_steps_succeeds_at_once() -> None:
    """Nothing to do is done."""
    case = Case(drawn())
    case.begin()
    assert case.end() == kinds.RUN_SUCCEEDED


def test_the_success_and_the_next_start_are_one_decision() -> None:
    """u succeeded and v started stand in one decision, in this order."""
    case = Case(drawn("u", "v: u"))
    case.begin()
    facts, commands = case.post(case.done("u", 7))
    assert [fact[:3] for fact in facts] == [(kinds.ATTEMPT_SUCCEEDED, 0, 1), (kinds.STEP_STARTED, 1, 1)]
    assert [command[:3] for command in commands] == [(1, 1, 1)]


def test_facts_decided_together_open_a_join_once() -> None:
    """Two inputs that arrive in one batch start their consumer once."""
    case = Case(drawn("a", "b", "c: a b"))
    case.begin()
    case.post(case.done("a"), case.done("b"))
    assert case.started == ["a#1", "b#1", "c#1"]


@pytest.mark.parametrize(
    "bad",
    [
        lambda case: case.done("c"),  # has not started
        lambda case: case.done("a"),  # twice in one batch
        lambda case: case.done("b", attempt=2),  # no such attempt
        lambda case: case.ended("b"),  # nobody told it to stop
        lambda case: (kinds.ATTEMPT_SUCCEEDED, 99, 1, 0.0, None),  # no such step
        lambda case: (kinds.STEP_STARTED, 1, 1, 0.0, None),  # a consequence, no stimulus
        lambda case: (kinds.RUN_CREATED, kinds.RUN, 0, 0.0, case.created),  # a second time
    ],
    ids=["not-started", "twice", "wrong-attempt", "not-told", "unknown-step", "consequence", "created"],
)
def test_one_illegal_fact_changes_nothing(bad: object) -> None:
    """A batch with one illegal fact is refused whole: no column, queue or log is touched."""
    case = Case(drawn("a", "b", "c: a b"))
    case.begin()
    before = _columns(case.scheduler)
    with pytest.raises(IllegalEventError):
        case.scheduler.handle(case.done("a"), bad(case))  # type: ignore[operator]
    assert _columns(case.scheduler) == before
    case.post(case.done("a"))
    case.post(case.done("b"))
    assert case.started == ["a#1", "b#1", "c#1"]


def _columns(scheduler: Scheduler) -> dict[str, object]:
    names = [name for kind in type(scheduler).__mro__ for name in getattr(kind, "__slots__", ())]
    skipped = {"_handlers", "queue", "deadlines", "graph", "created", "facts", "commands"}
    kept = {name: copy.copy(getattr(scheduler, name)) for name in names if name not in skipped}
    return {**kept, "queued": len(scheduler.queue), "due": list(scheduler.deadlines._heap)}


def test_an_illegal_fact_tells_the_steps_story() -> None:
    """The error names the step, its state and what has happened to it."""
    case = Case(drawn("a", "b: a"))
    case.begin()
    case.post(case.done("a"))
    with pytest.raises(IllegalEventError, match=r"(?s)'a'.*SUCCEEDED.*attempt 1 started.*succeeded") as told:
        case.post(case.done("a"))
    assert told.value.step == "a"
    assert len(told.value.story) == 2


def test_nothing_is_legal_after_the_end() -> None:
    """A cancel or a tick that comes after the run has ended is refused."""
    case = Case(drawn("a"))
    case.begin()
    case.post(case.done("a"))
    for late in (case.cancelled(), (kinds.CLOCK_TICKED, kinds.RUN, 0, 1.0, 0.5)):
        with pytest.raises(IllegalEventError, match="after the run had ended"):
            case.post(late)


def test_inline_glue_needs_no_permit() -> None:
    """With its only permit out, a run still runs its inline steps."""
    case = Case(drawn("slow", "quick", "glue: quick", glue=INLINE, quick=INLINE), permits=1)
    case.begin()
    case.post(case.done("quick"))
    assert case.started == ["quick#1", "slow#1", "glue#1"]


def test_replaying_the_stimuli_gives_the_same_journal() -> None:
    """Facts from outside, fed to a fresh scheduler by decisions, bring about the same consequences."""
    graph = drawn("a", "b", "c: a b", a={"timeout": 5.0})
    add_map(graph, "m", 0)
    case = Case(graph)
    original = graph.copy()
    case.begin()
    case.post(case.done("a", [1, 2]))
    case.post(case.grew("m", 2))
    case.post(case.done("b"), case.done("m[1]"))
    case.post(case.done("m[0]"))
    case.post(case.done("c"))
    created = case.created._replace(graph=original)
    again = Scheduler(created)
    for facts, _ in case.decisions:
        stimuli = [fact for fact in facts if is_stimulus(fact)]
        again.handle(*[(*fact[:4], created) if fact[0] == kinds.RUN_CREATED else fact for fact in stimuli])
    assert [fact[:4] for fact in again.log] == [fact[:4] for fact in case.scheduler.log]
    assert again.finished


def test_time_never_runs_back() -> None:
    """A fact stamped before an earlier one counts as simultaneous with it."""
    case = Case(drawn("a", "b: a"))
    case.now = 10.0
    case.begin()
    case.now = 9.0
    facts, _ = case.post(case.done("a"))
    assert facts[1][3] == 10.0


def test_the_deadline_of_an_attempt_is_the_earliest() -> None:
    """Of timeout, within and the run's deadline, an attempt sees the first to come."""
    case = Case(drawn("a", "b", a={"timeout": 5.0, "within": 9.0}, b={"within": 90.0}), within=30.0)
    case.begin()
    assert case.scheduler.deadline_of(0, 1) == 5.0
    assert case.scheduler.deadline_of(1, 1) == 30.0


def test_an_attempt_without_limits_has_no_deadline() -> None:
    """No limit, no deadline."""
    case = Case(drawn("a"))
    case.begin()
    assert case.scheduler.deadline_of(0, 1) is None
