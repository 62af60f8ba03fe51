"""Typed events: facts as readers see them."""

from __future__ import annotations

import pytest

from core.schedule_cases import Case, add_map, drawn
from stretto.core.journal import events as events_module
from stretto.core.journal import facts as kinds
from stretto.core.journal.events import event_of
from stretto.core.policy import Retry


def _events(case: Case) -> list[tuple[str, str | None, int | None, dict[str, object]]]:
    found = [event_of(fact, seq, "r1", case.graph) for seq, fact in enumerate(case.scheduler.log)]
    return [(event.type, event.step, event.attempt, event.data) for event in found if event is not None]


def test_a_run_in_events() -> None:
    """Created, started, each step's start and end, and the run's end, each with its data."""
    case = Case(drawn("a", "b: a"), estimates={"a": 2.0})
    case.begin()
    case.post(case.done("a", 7))
    case.post(case.done("b", 8))
    assert _events(case) == [
        ("run.created", None, None, {"workflow": "flow", "inputs": {}, "estimates": {"a": 2.0}}),
        ("run.started", None, None, {}),
        ("step.started", "a", 1, {}),
        ("step.succeeded", "a", 1, {"value": 7}),
        ("step.started", "b", 1, {}),
        ("step.succeeded", "b", 1, {"value": 8}),
        ("run.succeeded", None, None, {}),
    ]


def test_the_envelope() -> None:
    """Version, place in the journal, instant and run are in every event."""
    case = Case(drawn("a"))
    case.now = 12.5
    case.begin()
    event = event_of(case.scheduler.log[2], 2, "r1", case.graph)
    assert event is not None
    assert (event.v, event.seq, event.ts, event.run) == (1, 2, 12.5, "r1")


def test_losses_in_events() -> None:
    """Retrying says until when, failed why, defaulted what instead, skipped what was needed."""
    rules: dict[str, dict[str, object]] = {
        "a": {"retry": Retry(attempts=2, first_wait=1.0, jitter=False)},
        "extra": {"optional": True, "has_default": True},
    }
    graph = drawn("a", "extra", "b: a", **rules)
    graph.defaults[1] = "plain"
    case = Case(graph)
    case.begin()
    case.post(case.failed("a"), case.failed("extra"))
    case.tick(1.0)
    case.post(case.failed("a", attempt=2))
    error = {"cause": "error", "error": "ValueError", "message": "broken"}
    told = _events(case)
    assert ("step.retrying", "a", 1, {"until": 1.0, **error}) in told
    assert ("step.failed", "a", 2, error) in told
    assert ("step.defaulted", "extra", None, {"value": "plain"}) in told
    blocked = {"cause": "blocked", "error": "blocked", "message": "needs a, which was lost"}
    assert ("step.skipped", "b", None, blocked) in told
    assert told[-1] == ("run.failed", None, None, {"cause": "error"})


def test_growth_in_events() -> None:
    """`graph.grown` names the new steps."""
    graph = drawn("xs")
    add_map(graph, "m", 0)
    case = Case(graph)
    case.begin()
    case.post(case.done("xs", [1, 2]))
    case.post(case.grew("m", 2))
    assert ("graph.grown", "m", 1, {"steps": ["m[0]", "m[1]"]}) in _events(case)


def test_cancels_in_events() -> None:
    """The reason stands in the step's and in the run's last event."""
    case = Case(drawn("a"))
    case.begin()
    case.post(case.cancelled("lunch"))
    case.post(case.ended("a"))
    assert _events(case)[-2:] == [
        ("step.cancelled", "a", 1, {"reason": "lunch"}),
        ("run.cancelled", None, None, {"reason": "lunch"}),
    ]


@pytest.mark.parametrize(
    "kind",
    [
        kinds.ATTEMPT_FAILED,
        kinds.CLOCK_TICKED,
        kinds.PERMIT_GRANTED,
        kinds.ATTEMPT_ABANDONED,
        kinds.GROUP_OPENED,
    ],
)
def test_the_schedulers_own_facts_are_no_events(kind: int) -> None:
    """What only the scheduler needs is not told to readers."""
    assert event_of((kind, 0, 1, 0.0, None), 0, "r1", drawn("a")) is None


def test_every_event_is_explained() -> None:
    """The table at the top of the module says of each type when it fires."""
    table = events_module.__doc__ or ""
    assert all(f"| {name} |" in table for name in set(events_module._TYPES.values()))


def test_stimuli_and_consequences_are_told_apart() -> None:
    """What comes from outside has the small numbers."""
    assert kinds.is_stimulus((kinds.CANCEL_REQUESTED, -1, 0, 0.0, ""))
    assert not kinds.is_stimulus((kinds.STEP_STARTED, 0, 1, 0.0, None))
