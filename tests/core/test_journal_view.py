"""The one projection every reader uses."""

from __future__ import annotations

import pytest

from core.schedule_cases import THREAD, Case, add_map, drawn
from stretto.core.journal.view import RunStatus, RunView, StepView
from stretto.core.policy import Cause, Retry


def _view(case: Case) -> RunView:
    view = RunView(case.graph)
    view.apply(case.scheduler.log)
    return view


def test_instants_and_attempts() -> None:
    """Ready, started, ended, and each attempt with its own instants and failure."""
    case = Case(drawn("a", a={"retry": Retry(attempts=2, first_wait=1.0, jitter=False)}))
    case.begin()
    case.now = 2.0
    case.post(case.failed("a"))
    case.tick(3.0)
    case.now = 5.0
    case.post(case.done("a", attempt=2))
    step = _view(case).step(0)
    assert (step.state, step.started_at, step.ended_at) == ("succeeded", 0.0, 5.0)
    assert [(one.number, one.started_at, one.ended_at) for one in step.attempts] == [
        (1, 0.0, 2.0),
        (2, 3.0, 5.0),
    ]
    assert [one.failure.message if one.failure else None for one in step.attempts] == ["broken", None]
    assert step.failure is None


def test_a_step_that_waited_for_a_permit_was_ready_before() -> None:
    """The wait between readiness and start is visible."""
    case = Case(drawn("a", "b"), permits=1)
    case.begin()
    case.now = 4.0
    case.post(case.done("a"))
    step = _view(case).step(1)
    assert (step.ready_at, step.started_at) == (0.0, 4.0)


@pytest.mark.parametrize(
    ("ends", "status", "cause"),
    [
        (lambda case: [case.done("a"), case.done("b")], RunStatus.SUCCEEDED, None),
        (lambda case: [case.done("a"), case.failed("b")], RunStatus.PARTIAL, None),
        (lambda case: [case.failed("a"), case.done("b")], RunStatus.FAILED, Cause.ERROR),
        (lambda case: [case.cancelled(), case.ended("a"), case.ended("b")], RunStatus.CANCELLED, None),
    ],
    ids=["succeeded", "partial", "failed", "cancelled"],
)
def test_the_runs_status(ends: object, status: RunStatus, cause: Cause | None) -> None:
    """How the run ended, and why a failed one failed."""
    case = Case(drawn("a", "b", b={"optional": True}))
    case.begin()
    assert _view(case).status is RunStatus.RUNNING
    for fact in ends(case):  # type: ignore[operator]
        case.post(fact)
    view = _view(case)
    assert (view.status, view.cause) == (status, cause)
    assert view.ended_at == 0.0


def test_a_cancel_says_why() -> None:
    """The reason of a cancel is the run's and each cut step's."""
    case = Case(drawn("a"))
    case.begin()
    case.post(case.cancelled("lunch"))
    case.post(case.ended("a"))
    view = _view(case)
    assert (view.reason, view.step(0).reason) == ("lunch", "lunch")


def test_steps_that_grew_are_seen() -> None:
    """The view follows the graph's growth; an anchor waits for its children."""
    graph = drawn("xs")
    add_map(graph, "m", 0)
    case = Case(graph)
    case.begin()
    case.post(case.done("xs", [1]))
    view = RunView(graph)
    seen = len(view.steps)
    case.post(case.grew("m", 1))
    view.apply(case.scheduler.log)
    assert seen == 2
    assert [view.step(index).state for index in range(3)] == ["succeeded", "waiting", "running"]


def test_abandoned_attempts_are_remembered() -> None:
    """Who ignored its cancellation is known to the end."""
    case = Case(drawn("deaf"), grace=1.0)
    case.begin()
    case.post(case.cancelled())
    case.tick(1.0)
    assert _view(case).abandoned == [0]


def test_a_lost_optional_step_is_defaulted() -> None:
    """Its state says how it ended, `is_defaulted` that consumers got something else."""
    case = Case(drawn("a", a={"optional": True, "has_default": True}))
    case.begin()
    case.post(case.failed("a"))
    step = _view(case).step(0)
    assert (step.state, step.is_defaulted) == ("failed", True)
    assert step.failure is not None


def test_a_late_adopted_attempt_ends_as_itself() -> None:
    """The instants of a thread's first attempt are its own, although a second one had begun."""
    rule = Retry(attempts=2, first_wait=0.0)
    case = Case(drawn("a", a={**THREAD, "timeout": 1.0, "retry": rule}))
    case.begin()
    case.tick(1.0)
    case.tick(1.0)
    case.now = 3.0
    case.post(case.done("a", 1))
    step = _view(case).step(0)
    assert step.state == "succeeded"
    assert [(one.number, one.ended_at) for one in step.attempts] == [(1, 1.0), (2, None)]


def test_an_untouched_step_is_pending() -> None:
    """Nothing happened, nothing is claimed."""
    step = StepView()
    assert (step.state, step.started_at, step.ended_at) == ("pending", None, None)
