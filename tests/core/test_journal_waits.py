"""Waits, lost attempts and reused results as readers see them: events, views and stories."""

from __future__ import annotations

import pytest

from core.waiting_cases import WaitCase, waits
from stretto.core.journal import facts as kinds
from stretto.core.journal.events import event_of
from stretto.core.journal.facts import Answer, Verdict, Wait
from stretto.core.journal.view import LOST, RunStatus, RunView, StepView
from stretto.core.policy import Cause, OnLost

NO = Answer(Verdict.REJECT, None, "Mia", "too sweet")


def _events(case: WaitCase) -> list[tuple[str, str | None, dict[str, object]]]:
    """What was told about waits, lost attempts and the run's rests."""
    plain = ("run.created", "run.started", "step.started")
    found = [event_of(fact, seq, "r1", case.graph) for seq, fact in enumerate(case.scheduler.log)]
    return [
        (event.type, event.step, event.data)
        for event in found
        if event is not None and event.type not in plain
    ]


def _view(case: WaitCase, path: str) -> tuple[RunView, StepView]:
    view = RunView(case.graph)
    view.apply(case.scheduler.log)
    return view, view.step(case.index(path))


def _waiting(kind: str, wait: Wait, **rule: object) -> WaitCase:
    case = WaitCase("w", "b: w", w=waits(kind, **rule))
    case.begin()
    case.now = 1.0
    case.post(case.wait_began("w", wait))
    case.now = 3.0
    return case


ASKS = Wait("approval", "Good?")


# -------------------------------------------------------------------- events


def test_an_approval_in_events() -> None:
    """Asked, the run at rest, answered, the run moves: each with what a reader needs."""
    case = _waiting("approval", Wait("approval", "Good?", 9.0))
    case.post(case.answered("w", Answer(Verdict.EDIT, 5, "Mia", "less")))
    assert _events(case) == [
        ("approval.requested", "w", {"kind": "approval", "question": "Good?", "until": 9.0}),
        ("run.waiting", None, {}),
        ("approval.answered", "w", {"verdict": "edit", "value": 5, "by": "Mia", "note": "less"}),
        ("run.resumed", None, {}),
    ]


def test_a_rejection_in_events() -> None:
    """The step and the run fail with cause rejected."""
    case = _waiting("approval", ASKS)
    case.post(case.answered("w", NO))
    told = {name: data for name, _, data in _events(case)}
    assert told["approval.answered"] == {"verdict": "reject", "value": None, "by": "Mia", "note": "too sweet"}
    message = "rejected by Mia: too sweet"
    assert told["step.failed"] == {"cause": "rejected", "error": "rejected", "message": message}
    assert told["run.failed"] == {"cause": "rejected"}


def test_an_event_in_events() -> None:
    """What it waits for, and its data as any step's value."""
    case = _waiting("event", Wait("event", "paid"))
    case.post(case.answered("w", Answer(Verdict.RESPOND, {"sum": 12}, "till")))
    told = _events(case)
    assert told[0] == ("step.waiting", "w", {"kind": "event", "event": "paid", "until": None})
    assert ("step.succeeded", "w", {"value": {"sum": 12}}) in told


def test_a_sleep_in_events() -> None:
    """Until when, and that it has its value; no rest of the run is told."""
    case = _waiting("sleep", Wait("sleep", "", 9.0))
    case.tick(9.0)
    assert _events(case) == [
        ("step.waiting", "w", {"kind": "sleep", "until": 9.0}),
        ("step.succeeded", "w", {"value": None}),
    ]


@pytest.mark.parametrize(
    ("kind", "default", "expected"),
    [
        ("approval", ("agreed",), [("approval.expired", {"value": "agreed"})]),
        ("event", ("agreed",), [("step.succeeded", {"value": "agreed"})]),
        ("approval", (), [("approval.expired", "timed_out"), ("step.failed", "timed_out")]),
        ("event", (), [("step.failed", "timed_out")]),
    ],
)
def test_what_a_deadline_says(
    kind: str, default: tuple[object, ...], expected: list[tuple[str, object]]
) -> None:
    """An approval has expired; an event that did not come is told by the step's own end alone."""
    case = _waiting(kind, Wait(kind, "?", 9.0, default))
    case.tick(9.0)
    told = [(name, data.get("cause", data)) for name, step, data in _events(case)[2:] if step == "w"]
    assert told == expected


def test_a_rejected_event_is_told_once() -> None:
    """A step that waits for an event and is rejected has no value to tell."""
    case = _waiting("event", Wait("event", "paid"))
    case.post(case.answered("w", NO))
    assert [name for name, step, _ in _events(case) if step == "w"] == ["step.waiting", "step.failed"]


def test_lost_attempts_in_events() -> None:
    """`step.lost` where the rule decides, a question of kind lost where a person does."""
    case = WaitCase("a", "b", b={"on_lost": OnLost.ASK})
    case.begin()
    case.post(case.lost("a"), case.lost("b", data=Wait("lost", "Was it sent?")))
    assert _events(case) == [
        ("step.lost", "a", {}),
        ("approval.requested", "b", {"kind": "lost", "question": "Was it sent?", "until": None}),
    ]


def test_reused_results_in_events() -> None:
    """A success like any other that says where it comes from."""
    case = WaitCase("a")
    case.begin()
    case.post((kinds.ATTEMPT_REUSED, 0, 1, 0.0, 7))
    assert _events(case)[0] == ("step.succeeded", "a", {"value": 7, "reused": True})


# -------------------------------------------------------------------- views


def test_the_view_of_a_wait() -> None:
    """Waiting, with what for; the run waits too. Answered: when, and what was said."""
    case = _waiting("approval", ASKS)
    view, step = _view(case, "w")
    assert (view.status, step.state, step.wait, step.answer) == (RunStatus.WAITING, "waiting", ASKS, None)
    assert (step.until, step.ended_at) == (None, None), "`until` is that of a retry"
    case.post(case.approved("w", 5))
    view, step = _view(case, "w")
    assert (view.status, step.state, step.ended_at) == (RunStatus.RUNNING, "succeeded", 3.0)
    assert step.answer == Answer(Verdict.APPROVE, 5)
    (attempt,) = step.attempts
    assert (attempt.started_at, attempt.ended_at, attempt.failure) == (0.0, 3.0, None)


def test_the_view_of_a_rejection() -> None:
    """Failed, with the answer and the run's cause."""
    case = _waiting("approval", ASKS)
    case.post(case.answered("w", NO))
    view, step = _view(case, "w")
    assert (view.status, view.cause) == (RunStatus.FAILED, Cause.REJECTED)
    assert (step.state, step.answer) == ("failed", NO)
    assert step.failure is not None
    assert step.failure.cause is Cause.REJECTED


@pytest.mark.parametrize(("default", "state"), [(("agreed",), "succeeded"), ((), "failed")])
def test_the_view_of_a_deadline(default: tuple[object, ...], state: str) -> None:
    """What was agreed makes it a success, else it has failed."""
    case = _waiting("approval", Wait("approval", "?", 9.0, default))
    case.tick(9.0)
    _, step = _view(case, "w")
    assert (step.state, step.ended_at) == (state, 9.0)


def test_the_view_of_a_lost_attempt() -> None:
    """Its attempt has ended with a failure of its own; the next is a second one."""
    case = WaitCase("a")
    case.begin()
    case.now = 4.0
    case.post(case.lost("a"))
    _, step = _view(case, "a")
    assert (step.state, [attempt.number for attempt in step.attempts]) == ("running", [1, 2])
    assert (step.attempts[0].ended_at, step.attempts[0].failure) == (4.0, LOST)


def test_the_view_of_a_question_about_a_lost_attempt() -> None:
    """Waiting for a person until one says to run it again, or gives the result."""
    for verdict, state in ((Verdict.APPROVE, "running"), (Verdict.RESPOND, "succeeded")):
        case = WaitCase("a", "b", a={"on_lost": OnLost.ASK})
        case.begin()
        case.post(case.lost("a", data=Wait("lost", "Was it sent?")))
        _, step = _view(case, "a")
        assert (step.state, step.wait) == ("waiting", Wait("lost", "Was it sent?"))
        case.post(case.answered("a", Answer(verdict, 7)))
        _, step = _view(case, "a")
        assert step.state == state


def test_the_view_of_a_reused_result() -> None:
    """Succeeded, and marked."""
    case = WaitCase("a", "b")
    case.begin()
    case.post((kinds.ATTEMPT_REUSED, 0, 1, 0.0, 7), case.done("b"))
    assert [_view(case, path)[1].is_reused for path in ("a", "b")] == [True, False]
    assert _view(case, "a")[1].state == "succeeded"


# -------------------------------------------------------------------- stories


def _told(case: WaitCase, path: str) -> str:
    return "\n".join(case.scheduler.story(path))


@pytest.mark.parametrize(
    ("kind", "wait", "words"),
    [
        ("approval", Wait("approval", "Good?", 9.0), "waits for: Good?, for 8.000 s at most"),
        ("event", Wait("event", "paid"), "waits for: event 'paid'"),
        ("sleep", Wait("sleep", "", 9.0), "waits for: an instant, for 8.000 s at most"),
    ],
)
def test_what_a_step_waits_for_in_words(kind: str, wait: Wait, words: str) -> None:
    """A question by its text, an event by its name, each with its length."""
    assert words in _told(_waiting(kind, wait), "w")


def test_answers_in_words() -> None:
    """Who, what, and what they said besides."""
    case = _waiting("approval", ASKS)
    case.post(case.answered("w", NO))
    assert "answered by Mia: reject (too sweet)" in _told(case, "w")
    case = _waiting("approval", ASKS)
    case.post(case.approved("w"))
    assert "answered: approve" in _told(case, "w")


def test_instants_in_words() -> None:
    """Whether something was handed on, or it was waited in vain."""
    case = _waiting("sleep", Wait("sleep", "", 9.0))
    case.tick(9.0)
    assert "its instant has come" in _told(case, "w")
    case = _waiting("approval", Wait("approval", "?", 9.0))
    case.tick(9.0)
    assert "waited in vain: nobody answered in time" in _told(case, "w")


def test_losses_and_reuse_in_words() -> None:
    """Lost, lost with a question, and taken from another run."""
    case = WaitCase("a", "b", "c", b={"on_lost": OnLost.ASK})
    case.begin()
    case.post(case.lost("a"), case.lost("b", data=Wait("lost", "Was it sent?")))
    case.post((kinds.ATTEMPT_REUSED, 2, 1, 0.0, 7))
    assert "attempt 1 was lost with its process\n" in _told(case, "a")
    assert "attempt 1 was lost with its process; a person is asked: Was it sent?" in _told(case, "b")
    assert "its result was taken from the run it was forked from" in _told(case, "c")
