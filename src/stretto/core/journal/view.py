"""`RunView`: the one projection of a journal that every reader uses (results, terminal, reports, tests)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Created, Fact, Verdict, Wait
from stretto.core.policy import Cause, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stretto.core.graph import Graph

__all__ = ["LOST", "AttemptView", "RunStatus", "RunView", "StepView"]


class RunStatus(StrEnum):
    """How a run stands. Where several hold: cancelled > failed > partial > succeeded."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AttemptView:
    """One attempt: instants in seconds since the epoch, `ended_at` None while it runs."""

    __slots__ = ("ended_at", "failure", "number", "started_at")

    def __init__(self, number: int, started_at: float) -> None:
        self.number = number
        self.started_at = started_at
        self.ended_at: float | None = None
        self.failure: Failure | None = None

    def __repr__(self) -> str:
        seconds = "" if self.ended_at is None else f" {self.ended_at - self.started_at:.3f} s"
        return f"<Attempt {self.number}{seconds}{'' if self.failure is None else ' failed'}>"


class StepView:
    """One step: its state's name in lower case, and the instants that led there.

    `until` is when its next attempt begins; `wait` what it waits for, or waited for at last, and `answer` what
    was said to that. With `is_reused` its value comes from the run this one was forked from.
    """

    __slots__ = (
        "answer",
        "attempts",
        "ended_at",
        "failure",
        "is_defaulted",
        "is_reused",
        "ready_at",
        "reason",
        "state",
        "until",
        "wait",
    )

    def __init__(self) -> None:
        self.state = "pending"
        self.attempts: list[AttemptView] = []
        self.ready_at: float | None = None
        self.ended_at: float | None = None
        self.until: float | None = None
        self.failure: Failure | None = None
        self.reason = ""
        self.is_defaulted = False
        self.is_reused = False
        self.wait: Wait | None = None
        self.answer: Answer | None = None

    @property
    def started_at(self) -> float | None:
        """When its first attempt was issued."""
        return self.attempts[0].started_at if self.attempts else None


LOST: Final = Failure(Cause.ERROR, "its process died", ("stretto.AttemptLost",))
"""What became of an attempt that was under way when its process died."""

_END_STATES = {
    kinds.STEP_COMPLETED: "succeeded",
    kinds.STEP_FAILED: "failed",
    kinds.STEP_SKIPPED: "skipped",
    kinds.STEP_CANCELLED: "cancelled",
}
_RUN_STATES = {
    kinds.RUN_STARTED: RunStatus.RUNNING,
    kinds.RUN_WAITING: RunStatus.WAITING,
    kinds.RUN_RESUMED: RunStatus.RUNNING,
    kinds.RUN_SUCCEEDED: RunStatus.SUCCEEDED,
    kinds.RUN_PARTIAL: RunStatus.PARTIAL,
    kinds.RUN_FAILED: RunStatus.FAILED,
    kinds.RUN_CANCELLED: RunStatus.CANCELLED,
}


class RunView:
    """Apply facts in order; read at any time. The graph is the run's own, which grows as it runs."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.steps: list[StepView] = [StepView() for _ in range(len(graph))]
        self.status = RunStatus.QUEUED
        self.cause: Cause | None = None
        self.reason = ""
        self.created: Created | None = None
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.abandoned: list[int] = []

    def apply(self, facts: Iterable[Fact]) -> None:
        """Take facts in the order of the journal."""
        for fact in facts:
            if fact[1] == kinds.RUN:
                self._apply_to_run(fact)
            else:
                self._apply_to_step(fact)

    def step(self, index: int) -> StepView:
        """The view of one step."""
        steps = self.steps
        while len(steps) <= index:
            steps.append(StepView())
        return steps[index]

    def _apply_to_run(self, fact: Fact) -> None:
        kind, _, _, at, data = fact
        if kind == kinds.RUN_CREATED and isinstance(data, Created):
            self.created = data
            self.started_at = at
        elif kind in _RUN_STATES:
            self.status = _RUN_STATES[kind]
            if kind in kinds.ENDS_OF_RUN:
                self.ended_at = at
        if kind == kinds.RUN_FAILED and isinstance(data, Cause):
            self.cause = data
        elif kind == kinds.RUN_CANCELLED:
            self.reason = str(data)

    def _apply_to_step(self, fact: Fact) -> None:
        kind, index, attempt, at, _ = fact
        step = self.step(index)
        if kind == kinds.STEP_STARTED:
            if step.state in ("pending", "waiting"):
                step.ready_at = at
            step.state = "running"
            step.attempts.append(AttemptView(attempt, at))
        elif kind == kinds.ATTEMPT_SUCCEEDED:
            self._succeed(step, attempt, at)
        elif kind == kinds.STEP_READY:
            step.state = "ready"
            step.ready_at = at
        elif kind in _END_STATES:
            self._end_step(step, fact)
        else:
            self._apply_rest(step, fact)

    def _succeed(self, step: StepView, attempt: int, at: float) -> None:
        step.state = "succeeded"
        step.ended_at = at
        self._end_attempt(step, attempt, at, None)

    def _end_step(self, step: StepView, fact: Fact) -> None:
        kind, _, attempt, at, data = fact
        step.state = _END_STATES[kind]
        step.ended_at = at
        if isinstance(data, Failure):
            step.failure = data
        elif kind == kinds.STEP_CANCELLED:
            step.reason = str(data)
        self._end_attempt(step, attempt, at, step.failure)

    def _apply_rest(self, step: StepView, fact: Fact) -> None:
        kind, index, attempt, at, data = fact
        if kind == kinds.STEP_DEFAULTED:
            step.is_defaulted = True
        elif kind == kinds.STEP_RETRYING and isinstance(data, tuple):
            step.state = "waiting"
            step.until = data[0]
        elif kind == kinds.ATTEMPT_FAILED and isinstance(data, tuple):
            self._end_attempt(step, attempt, at, data[0])
        elif kind == kinds.ATTEMPT_TIMED_OUT and isinstance(data, Failure):
            self._end_attempt(step, attempt, at, data)
        elif kind in (kinds.ATTEMPT_GREW, kinds.GROWTH_DROPPED):
            step.state = "waiting"
            self._end_attempt(step, attempt, at, None)
        elif kind == kinds.ATTEMPT_ABANDONED:
            self.abandoned.append(index)
        elif kind == kinds.ATTEMPT_REUSED:
            step.is_reused = True
            self._succeed(step, attempt, at)
        else:
            self._apply_waits(step, fact)

    def _apply_waits(self, step: StepView, fact: Fact) -> None:
        kind, _, attempt, at, data = fact
        if kind == kinds.WAIT_BEGAN and isinstance(data, Wait):
            step.state = "waiting"
            step.wait = data
        elif kind == kinds.ATTEMPT_LOST:
            step.state = "waiting"
            step.wait = data if isinstance(data, Wait) else None
            self._end_attempt(step, attempt, at, LOST)
        elif kind == kinds.WAIT_ENDED and not isinstance(data, Failure):
            self._succeed(step, attempt, at)
        elif kind == kinds.ANSWERED and isinstance(data, Answer):
            step.answer = data
            is_again = step.wait is not None and step.wait.kind == "lost" and data.verdict == Verdict.APPROVE
            if data.verdict != Verdict.REJECT and not is_again:
                self._succeed(step, attempt, at)

    def _end_attempt(self, step: StepView, number: int, at: float, failure: Failure | None) -> None:
        for attempt in reversed(step.attempts):
            if attempt.number == number and attempt.ended_at is None:
                attempt.ended_at = at
                attempt.failure = failure
                return
