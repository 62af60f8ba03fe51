"""Which steps a picture of a run shows, and what it says about each: a pure reading of the view.

A picture has so many rows. Where the steps are more, the children of maps are folded into their anchor's row,
with counts; where that is not enough, what is neither at work nor lost is folded into one last row.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from stretto.core.graph import Graph, Role
from stretto.core.policy import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence, Set

    from stretto.core.journal.view import RunView, StepView

__all__ = ["Row", "Span", "critical_so_far", "rows_of"]

_TOP = -1
_OVER = ("succeeded", "failed", "skipped", "cancelled")
_INTEREST = ("running", "failed", "waiting", "ready", "succeeded", "cancelled", "skipped", "pending")
"""What is kept first where there are too many rows."""


class Span(NamedTuple):
    """One attempt: seconds since the run's start, and whether it was lost."""

    begin: float
    end: float
    is_lost: bool


class Row(NamedTuple):
    """One line of a picture. `seconds` is None for what has not started; `note` says what a bar cannot."""

    label: str
    state: str
    spans: tuple[Span, ...]
    seconds: float | None
    note: str
    is_critical: bool


def rows_of(
    view: RunView,
    now: float,
    limit: int,
    critical: Set[int] = frozenset(),
    notes: Mapping[str, str] | None = None,
) -> list[Row]:
    """At most `limit` rows (2 or more) in author order. `now` is an instant; `critical` holds step indices.

    `notes` are texts by path, such as a step's progress.
    """
    picture = _Picture(view, now, critical, notes or {})
    graph = view.graph
    if len(graph) <= limit:
        order = sorted(range(len(graph)), key=graph.author_order)
        return [picture.step(index) for index in order]
    top = [index for index, scope in enumerate(graph.scopes) if scope == _TOP]
    if len(top) <= limit:
        return [picture.folded(index) for index in top]
    return picture.most_telling(top, limit)


class _Picture:
    """Builds the rows of one moment."""

    def __init__(self, view: RunView, now: float, critical: Set[int], notes: Mapping[str, str]) -> None:
        self.view = view
        self.graph = view.graph
        self.now = now
        self.start = view.started_at if view.started_at is not None else now
        self.critical = critical
        self.notes = notes

    def step(self, index: int) -> Row:
        step = self.view.step(index)
        path = self.graph.path(index)
        note = (
            self.notes.get(path, "") if step.state == "running" else _note(self.graph, self.view, index, step)
        )
        return Row(path, step.state, self._spans(step), self._seconds(step), note, index in self.critical)

    def folded(self, index: int) -> Row:
        """An anchor with its children in one row; any other step as it is."""
        below = self._below(index)
        if not below:
            return self.step(index)
        steps = [self.view.step(child) for child in below]
        spans = [span for step in steps for span in self._spans(step)]
        whole = (Span(min(s.begin for s in spans), max(s.end for s in spans), False),) if spans else ()
        state = _state_together(self.view.step(index).state, steps)
        is_critical = not self.critical.isdisjoint((index, *below))
        seconds = whole[0].end - whole[0].begin if whole else None
        steps = [step for step in steps if not _is_not_chosen(step)]
        done = sum(step.state == "succeeded" for step in steps)
        label = f"{self.graph.path(index)}[{done}/{len(steps)}]"
        return Row(label, state, whole, seconds, "", is_critical)

    def most_telling(self, top: Sequence[int], limit: int) -> list[Row]:
        rows = [self.folded(index) for index in top]
        rank = {number: _INTEREST.index(row.state) for number, row in enumerate(rows)}
        # Of those that are over, the last are the nearest to what goes on; of the pending, the first.
        nearest = sorted(
            rank, key=lambda number: (rank[number], -number if rows[number].state in _OVER else number)
        )
        kept = sorted(nearest[: limit - 1])
        rest = Counter(rows[number].state for number in nearest[limit - 1 :])
        words = ", ".join(f"{count} {state}" for state, count in rest.items())
        return [*(rows[number] for number in kept), Row(f"… and {words}", "", (), None, "", False)]

    def _below(self, index: int) -> list[int]:
        """All that grew under a step, at any depth, without the anchors on the way."""
        found: list[int] = []
        for child in self.graph.children.get(index, ()):
            found.extend(self._below(child) if child in self.graph.children else (child,))
        return found

    def _spans(self, step: StepView) -> tuple[Span, ...]:
        return tuple(
            Span(
                attempt.started_at - self.start,
                (attempt.ended_at if attempt.ended_at is not None else step.ended_at or self.now)
                - self.start,
                attempt.failure is not None,
            )
            for attempt in step.attempts
        )

    def _seconds(self, step: StepView) -> float | None:
        if step.started_at is None:
            return None
        return (step.ended_at if step.ended_at is not None else self.now) - step.started_at


def _note(graph: Graph, view: RunView, index: int, step: StepView) -> str:
    if graph.specs[index].role is Role.GATE:
        members = next((group.members for group in graph.groups if group.gate == index), [])
        done = sum(view.step(member).state == "succeeded" for member in members)
        return f"{done} of {len(members)}"
    if step.state == "waiting" and step.until is not None and step.attempts:
        return f"attempt {len(step.attempts)} failed, waits"
    if step.is_defaulted:
        return "lost, default used"
    if step.state == "skipped":
        return "not chosen" if _is_not_chosen(step) else "skipped: blocked"
    if step.state == "cancelled":
        return "superseded" if step.reason.startswith("superseded") else "cancelled"
    return "failed" if step.state == "failed" else ""


def _is_not_chosen(step: StepView) -> bool:
    return step.failure is not None and step.failure.cause is Cause.NOT_CHOSEN


def _state_together(own: str, steps: Iterable[StepView]) -> str:
    if own in _OVER:
        return own
    states = {step.state for step in steps}
    return next((state for state in ("running", "ready", "waiting") if state in states), own)


def critical_so_far(view: RunView) -> frozenset[int]:
    """The path behind the attempt that has run longest: from each step to what settled last before it."""
    running = [index for index, step in enumerate(view.steps) if step.state == "running"]
    if not running:
        return frozenset()
    graph = view.graph
    here: int | None = min(running, key=lambda index: view.step(index).started_at or 0.0)
    path: set[int] = set()
    while here is not None and here not in path:
        path.add(here)
        before = graph.children.get(here) or graph.deps[here]
        ended = [(view.step(index).ended_at or 0.0, index) for index in before if view.step(index).ended_at]
        here = max(ended)[1] if ended else None
    return frozenset(path)
