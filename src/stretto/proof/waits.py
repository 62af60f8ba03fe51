"""Why each step waited, from a run's facts: for what, from when, until when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from stretto.core.graph.spec import FREE, NO_START
from stretto.core.journal import facts as kinds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto.core.graph import Graph
    from stretto.core.journal.facts import Created, Fact
    from stretto.core.journal.view import RunView

__all__ = ["Wait", "WaitCause", "last_needed", "waits_of"]


class WaitCause(StrEnum):
    """What a step waited for."""

    DEPENDENCY = "dependency"
    """A step it needs."""
    PERMIT = "permit"
    """One of the run's own permits: most of the time, as many attempts as it allows were running."""
    LIMIT = "limit"
    """A named limit of the engine."""
    TURN = "turn"
    """The step before it, in a run one by one."""
    BACKOFF = "backoff"
    """The end of the wait after a failed attempt."""
    ENDING = "ending"
    """The end of its earlier attempt, which had been told to stop."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One stretch of waiting; instants in seconds since the epoch.

    `on` is the path of the step that was waited for, or the names of the limits. `attempt` is the one held
    back, from 1. `is_over` is False where the run ended first.
    """

    cause: WaitCause
    since: float
    until: float
    on: str = ""
    attempt: int = 1
    is_over: bool = True

    @property
    def seconds(self) -> float:
        """How long."""
        return self.until - self.since


def waits_of(created: Created, view: RunView, facts: Sequence[Fact]) -> dict[int, list[Wait]]:
    """The waits of every step that had any, by index, in order. Facts need not reach the run's end."""
    return _Waits(created, view, facts).found


def last_needed(graph: Graph, view: RunView, index: int, by: float) -> int | None:
    """What settled last, by the instant `by`, of all that a step needs; None where it needs nothing.

    A grown step also needs what its anchor needed before it could grow.
    """
    best: tuple[float, int] | None = None
    for dep in graph.deps[index]:
        ended = view.step(dep).ended_at
        if ended is None or ended > by:
            ended = _grown_by(graph, view, dep, by)
        if ended is not None and (best is None or ended > best[0]):
            best = (ended, dep)
    if best is None and graph.scopes[index] >= 0:
        return last_needed(graph, view, graph.scopes[index], by)
    return None if best is None else best[1]


def _grown_by(graph: Graph, view: RunView, anchor: int, by: float) -> float | None:
    """When an anchor that is not over yet had grown: a map over it waits for no more than that."""
    if anchor not in graph.children:
        return None
    grown = [each.ended_at for each in view.step(anchor).attempts if each.ended_at is not None]
    return max((instant for instant in grown if instant <= by), default=None)


class _Waits:
    """One pass over the facts."""

    def __init__(self, created: Created, view: RunView, facts: Sequence[Fact]) -> None:
        self.found: dict[int, list[Wait]] = {}
        self._created = created
        self._graph = created.graph
        self._view = view
        self._holding: set[int] = set()
        self._queued: dict[int, tuple[float, float]] = {}
        self._full_for = 0.0
        self._pausing: dict[int, tuple[float, float]] = {}
        self._cut: set[int] = set()
        self._began = self._now = facts[0][3] if facts else 0.0
        self._attempts: dict[int, int] = {}
        for fact in facts:
            if fact[1] != kinds.RUN:
                self._take(fact)
        self._close(self._now)

    def _take(self, fact: Fact) -> None:
        kind, index, attempt, at, data = fact
        self._pass_time(at)
        if kind == kinds.STEP_READY:
            self._arrive(index, at)
            self._queued[index] = (at, self._full_for)
        elif kind == kinds.STEP_STARTED:
            self._start(index, attempt, at)
        elif kind == kinds.ATTEMPT_TIMED_OUT:
            self._cut.add(index)
        elif kind == kinds.STEP_RETRYING and isinstance(data, tuple):
            self._holding.discard(index)
            self._pausing[index] = (at, data[0])
        elif kind in _ENDS:
            self._holding.discard(index)
            self._arrive(index, at, is_over=kind == kinds.STEP_COMPLETED)
            self._leave_queue(index, at, is_over=False)

    def _start(self, index: int, attempt: int, at: float) -> None:
        self._arrive(index, at)
        self._leave_queue(index, at)
        self._attempts[index] = attempt
        if self._graph.specs[index].lane not in (FREE, NO_START):
            self._holding.add(index)

    def _arrive(self, index: int, at: float, *, is_over: bool = True) -> None:
        """What the step waited for before it could ask for a permit is over, or the step is."""
        if index in self._queued:
            return
        pause = self._pausing.pop(index, None)
        if pause is not None:
            since, until = pause
            # Only an attempt that was told to stop can still run; otherwise it is the timer that was late.
            is_ending = index in self._cut and at - until > _LATE
            self._cut.discard(index)
            self._add(index, WaitCause.BACKOFF, since, until if is_ending else at, is_over=is_over)
            if is_ending:
                self._add(index, WaitCause.ENDING, until, at, is_over=is_over)
        elif index not in self._attempts:
            needed = self._needed(index, at, is_over=is_over)
            if needed is not None:
                self._add(index, WaitCause.DEPENDENCY, self._began, at, self._graph.path(needed), is_over)
            self._attempts[index] = 0

    def _needed(self, index: int, at: float, *, is_over: bool) -> int | None:
        """The step that was waited for; one that had not settled, where the wait came to nothing."""
        if self._graph.specs[index].lane == NO_START:
            group = next(group for group in self._graph.groups if group.gate == index)
            ends = {member: self._view.step(member).ended_at for member in group.members}
            known = [(ended, member) for member, ended in ends.items() if ended is not None and ended <= at]
            return max(known)[1] if known else None
        missed = None if is_over else self._missed(index, at)
        return last_needed(self._graph, self._view, index, at) if missed is None else missed

    def _missed(self, index: int, at: float) -> int | None:
        """What a step that never began still needed: one that was lost before one that was not over."""
        steps = {dep: self._view.step(dep) for dep in self._graph.deps[index]}
        lost = [dep for dep, step in steps.items() if step.state in _LOST and not step.is_defaulted]
        still_open = [dep for dep, step in steps.items() if step.ended_at is None or step.ended_at >= at]
        return next(iter([*lost, *still_open]), None)

    def _pass_time(self, at: float) -> None:
        """Count the seconds in which the run had no permit of its own to give."""
        if len(self._holding) >= self._created.options.permits:
            self._full_for += max(0.0, at - self._now)
        self._now = max(self._now, at)

    def _leave_queue(self, index: int, at: float, *, is_over: bool = True) -> None:
        if index not in self._queued:
            return
        since, full_before = self._queued.pop(index)
        limits = self._graph.specs[index].limits
        was_full = self._full_for - full_before > (at - since) / 2
        if self._created.options.is_sequential:
            cause = WaitCause.TURN
        else:
            cause = WaitCause.LIMIT if limits and not was_full else WaitCause.PERMIT
        on = ", ".join(limits) if cause is WaitCause.LIMIT else ""
        self._add(index, cause, since, at, on, is_over)

    def _close(self, at: float) -> None:
        """What the facts leave open, in a run that was killed or still goes on."""
        for index in range(len(self._graph)):
            if self._view.step(index).ended_at is None and index not in self._holding:
                self._arrive(index, at, is_over=False)
                self._leave_queue(index, at, is_over=False)

    def _add(
        self,
        index: int,
        cause: WaitCause,
        since: float,
        until: float,
        on: str = "",
        is_over: bool = True,
    ) -> None:
        if until > since:
            attempt = self._attempts.get(index, 0) + 1
            self.found.setdefault(index, []).append(Wait(cause, since, until, on, attempt, is_over))


_LATE = 0.01
"""Seconds by which a timer may miss its instant."""
_LOST = ("failed", "skipped")
_ENDS = frozenset(
    (
        kinds.ATTEMPT_SUCCEEDED,
        kinds.STEP_COMPLETED,
        kinds.STEP_FAILED,
        kinds.STEP_SKIPPED,
        kinds.STEP_CANCELLED,
    )
)
