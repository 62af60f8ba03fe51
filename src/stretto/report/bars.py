"""A finished run as rows of bars: when each step waited, ran, failed and ended, in seconds since the run began.

A picture has so many rows: where the steps are more, the children of anchors are folded into their anchor's row, and
where that is not enough, the rows that tell least into one last line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.core.graph import Role
from stretto.core.graph.fragment import NO_SCOPE
from stretto.core.policy import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stretto.core.forecast.timing import Timing
    from stretto.core.journal.view import AttemptView, RunView, StepView

__all__ = ["Bar", "Bars", "Row", "bars_of"]

MOST_ROWS: Final = 60


class Bar(NamedTuple):
    """One attempt, or with `count` the time in which so many folded ones ran. `is_lost` for one that failed or was
    cut."""

    begin: float
    end: float
    is_lost: bool
    is_critical: bool
    words: str


class Row(NamedTuple):
    """One step, or an anchor with all it grew. `ready` is when its inputs were there; None where that never came.

    `note` says what bars cannot; `folded` is the number of steps in it
    that have no rows of their own.
    """

    path: str
    state: str
    bars: tuple[Bar, ...]
    ready: float | None
    ended: float | None
    note: str
    folded: int
    is_critical: bool
    is_gate: bool


class Bars(NamedTuple):
    """All rows in author order, the run's length, and the path it took as (row, begin, end)."""

    rows: tuple[Row, ...]
    end: float
    path: tuple[tuple[int, float, float], ...]
    more: int
    """Steps in no row."""


def bars_of(view: RunView, timing: Timing, limit: int = MOST_ROWS) -> Bars:
    """The rows of a run that has ended; `limit` bounds their number."""
    reading = _Reading(view, timing)
    graph = view.graph
    order = sorted(range(len(graph)), key=graph.author_order)
    if len(order) > limit:
        return reading.folded([index for index in order if graph.scopes[index] == NO_SCOPE], limit)
    return reading.bars([(index, ()) for index in order], 0)


class _Reading:
    def __init__(self, view: RunView, timing: Timing) -> None:
        self.view = view
        self.graph = view.graph
        self.start = view.started_at or 0.0
        self.end = timing.makespan
        self.hops = timing.critical_path
        self.critical = {(hop.step, hop.started_at): hop for hop in timing.critical_path}
        self.paths = {hop.step for hop in timing.critical_path}

    def folded(self, top: Sequence[int], limit: int) -> Bars:
        below: dict[int, list[int]] = {}
        for index, scope in enumerate(self.graph.scopes):
            if scope != NO_SCOPE:
                root = index
                while self.graph.scopes[root] != NO_SCOPE:
                    root = self.graph.scopes[root]
                below.setdefault(root, []).append(index)
        rows = [(index, tuple(below.get(index, ()))) for index in top]
        if len(rows) <= limit:
            return self.bars(rows, 0)
        told = sorted(range(len(rows)), key=lambda number: self._telling(*rows[number]), reverse=True)
        kept = sorted(told[: limit - 1])
        left = sum(1 + len(rows[number][1]) for number in told[limit - 1 :])
        return self.bars([rows[number] for number in kept], left)

    def _telling(self, index: int, below: Sequence[int]) -> tuple[bool, bool, float]:
        """What is kept first: the path the run took, what was lost, what ran longest."""
        members = (index, *below)
        steps = [self.view.step(member) for member in members]
        ran = sum(
            self._ended(attempt, step) - attempt.started_at for step in steps for attempt in step.attempts
        )
        return (
            any(self.graph.path(member) in self.paths for member in members),
            any(step.state == "failed" for step in steps),
            ran,
        )

    def bars(self, rows: Sequence[tuple[int, tuple[int, ...]]], more: int) -> Bars:
        found = tuple(self._folded_row(index, below) if below else self._row(index) for index, below in rows)
        row_of = {
            self.graph.path(member): number
            for number, (index, below) in enumerate(rows)
            for member in (index, *below)
        }
        path = tuple(
            (row_of[hop.step], hop.started_at - self.start, hop.ended_at - self.start)
            for hop in self.hops
            if hop.step in row_of
        )
        return Bars(found, self.end, path, more)

    def _row(self, index: int) -> Row:
        step, path = self.view.step(index), self.graph.path(index)
        is_anchor = self.graph.is_anchor(index)
        return Row(
            path,
            step.state,
            () if is_anchor else tuple(self._bars(step, path)),
            self._since(step.ready_at),
            self._since(step.ended_at),
            _note(step),
            0,
            path in self.paths,
            self.graph.specs[index].role is Role.GATE,
        )

    def _folded_row(self, index: int, below: Sequence[int]) -> Row:
        own = self.view.step(index)
        steps = [
            (self.view.step(child), self.graph.path(child))
            for child in below
            if not self.graph.is_anchor(child)
        ]
        bars = [bar for step, path in steps for bar in self._bars(step, path)]
        states = [step.state for step, _ in steps]
        lost = {state: states.count(state) for state in ("failed", "cancelled", "skipped") if state in states}
        note = ", ".join(f"{count} {state}" for state, count in lost.items())
        return Row(
            self.graph.path(index),
            own.state,
            tuple(_united(bars)),
            min((at for step, _ in steps if (at := self._since(step.ready_at)) is not None), default=None),
            self._since(own.ended_at),
            note,
            len(steps),
            any(path in self.paths for _, path in steps),
            False,
        )

    def _bars(self, step: StepView, path: str) -> Iterator[Bar]:
        for attempt in step.attempts:
            begin, end = attempt.started_at - self.start, self._ended(attempt, step) - self.start
            hop = self.critical.get((path, attempt.started_at))
            failure = attempt.failure
            is_lost = failure is not None or (
                attempt is step.attempts[-1] and step.state in ("failed", "cancelled")
            )
            words = f"attempt {attempt.number}: {_seconds(end - begin)}"
            if failure is not None:
                words += f", {describe(failure)}"
            if hop is not None and hop.waited > 0:
                words += f"\n{_waited(hop.waited_for)} {_seconds(hop.waited)}"
            yield Bar(begin, max(begin, end), is_lost, hop is not None, f"{path}\n{words}")

    def _ended(self, attempt: AttemptView, step: StepView) -> float:
        """An attempt that was abandoned, or dropped by a replan, counts until its step or the run ended."""
        for instant in (attempt.ended_at, step.ended_at, self.view.ended_at):
            if instant is not None:
                return instant
        return attempt.started_at

    def _since(self, at: float | None) -> float | None:
        return None if at is None else max(0.0, at - self.start)


_WAITS: Final[Mapping[str, str]] = {
    "start": "began after the run's start by",
    "dependency": "after what it needed, waited",
    "permit": "waited for a permit",
    "backoff": "waited for its next attempt",
}


def _note(step: StepView) -> str:
    if step.is_defaulted:
        return "lost; its default was used"
    if step.failure is not None and step.state in ("failed", "skipped"):
        return f"{step.state}: {describe(step.failure)}"
    if step.state == "cancelled":
        return f"cancelled: {step.reason}" if step.reason else "cancelled"
    return "" if step.state == "succeeded" else step.state


def _waited(reason: str) -> str:
    return _WAITS.get(reason, "waited")


def _seconds(length: float) -> str:
    return f"{length * 1000:.3g} ms" if length < 1 else f"{length:.2f} s"


def _united(bars: Sequence[Bar]) -> Iterator[Bar]:
    """The time in which any of them ran; critical ones and losses stay bars of their own, on top."""
    runs: list[list[float]] = []
    for bar in sorted(bars):
        if runs and bar.begin <= runs[-1][1]:
            runs[-1][1] = max(runs[-1][1], bar.end)
            runs[-1][2] += 1
        else:
            runs.append([bar.begin, bar.end, 1])
    for begin, end, count in runs:
        yield Bar(begin, end, False, False, f"{count:.0f} attempts, {_seconds(end - begin)}")
    yield from (bar for bar in bars if bar.is_lost)
    yield from (bar for bar in bars if bar.is_critical)
