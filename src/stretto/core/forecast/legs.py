"""What a finished run measured, cut into legs: stretches of time in which one step really ran.

Most steps are one leg. A retried step has one per attempt, with its backoff between them. A step that grew
others has its own attempt before them and a hidden leg of no length after them, at which it settled: as one
stretch it would count their time as its own. One that went on growing has a leg for each such attempt, behind
what the attempt before had grown: that is what it waited for. Steps that settled without starting are hidden too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["Legs", "Measured", "legs_of"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One run in columns, an entry a step; instants in seconds on one clock, None where it never happened.

    `deps[i]` is smaller than `i`, except that a step waits for the steps it grew, all of which it lists.
    `started_at` is the first attempt's start and `ended_at` the instant the step settled.
    """

    paths: Sequence[str]
    deps: Sequence[Sequence[int]]
    ready_at: Sequence[float | None]
    started_at: Sequence[float | None]
    ended_at: Sequence[float | None]
    began_at: float
    """The run's start."""
    permits: int | None = None
    """The run-wide cap, None without one."""
    permitless: Collection[int] = frozenset()
    """Steps that hold no permit: inline steps, durable waits."""
    people: Collection[int] = frozenset()
    """Steps that wait for people; they hold no permit either."""
    queued: Collection[int] | None = None
    """Steps that found no permit free when they were ready; None where that was not written down."""
    attempts: Mapping[int, Sequence[tuple[float, float]]] = field(default_factory=dict)
    """Start and end of every attempt, for steps that had more than one."""
    grown_at: Mapping[int, float] = field(default_factory=dict)
    """When the step first returned a fragment, for steps that grew others. Its later attempts are no retries."""
    turns: Mapping[int, int] = field(default_factory=dict)
    """Which of its anchor's fragments, from 0, brought the step; 0 where it is not said."""


@dataclass(slots=True)
class Legs:
    """Legs by dense index: a step's first leg has the step's index, further ones follow after all steps."""

    step: list[int] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    deps: list[list[int]] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    """Legs that no hop is made of."""
    retries: set[int] = field(default_factory=set)
    """Legs that follow a failed attempt of their own step."""

    def add(self, step: int, started: float, ended: float, deps: Iterable[int] = ()) -> int:
        """Append a leg and return its index. One that seems to end before it starts has no length."""
        self.step.append(step)
        self.started.append(started)
        self.ended.append(max(started, ended))  # the wall clock may have been set back
        self.deps.append(list(deps))
        return len(self.step) - 1

    def seconds(self) -> list[float]:
        """The length of each leg."""
        return [end - start for start, end in zip(self.started, self.ended, strict=True)]

    def holds_permit(self, measured: Measured, leg: int) -> bool:
        """Whether the leg counted against the run-wide cap."""
        step = self.step[leg]
        return leg not in self.hidden and step not in measured.permitless and step not in measured.people

    def drop_contradicted(self) -> None:
        """Forget each dependency that ended after its consumer had started: it cannot have held it back.

        Such are the late members of a group whose gate was judged at its deadline.
        """
        for leg, before in enumerate(self.deps):
            start = self.started[leg]
            if before:
                self.deps[leg] = [other for other in before if self.ended[other] <= start]


def legs_of(measured: Measured) -> Legs:
    """Cut a run into legs, with only those dependencies that its instants bear out."""
    legs = Legs()
    for step in range(len(measured.deps)):
        _add_first(legs, measured, step)
    ends = {
        step: _add_retries(legs, step, _before_growth(measured, step, attempts))
        for step, attempts in measured.attempts.items()
    }
    gates = {anchor: _add_gate(legs, measured, anchor, ends) for anchor in measured.grown_at}
    _connect(legs, measured, {**ends, **gates})
    legs.drop_contradicted()
    return legs


def _add_first(legs: Legs, measured: Measured, step: int) -> None:
    """Append a step's first leg. One that is not over is hidden, of no length, at the run's start."""
    if attempts := measured.attempts.get(step):
        legs.add(step, *attempts[0])
        return
    started = measured.started_at[step]
    ended = measured.grown_at.get(step, measured.ended_at[step])
    if ended is None:
        legs.hidden.add(legs.add(step, measured.began_at, measured.began_at))
    elif started is None:
        legs.hidden.add(legs.add(step, ended, ended))
    else:
        legs.add(step, started, ended)


def _add_retries(legs: Legs, step: int, attempts: Sequence[tuple[float, float]]) -> int:
    """Append the legs of the second attempt and on; the step's last leg is returned."""
    last = step
    for started, ended in attempts[1:]:
        last = legs.add(step, started, ended, deps=[last])
        legs.retries.add(last)
    return last


def _before_growth(
    measured: Measured, step: int, attempts: Sequence[tuple[float, float]]
) -> Sequence[tuple[float, float]]:
    """The attempts up to the first that grew something: all of them where none did."""
    grown = measured.grown_at.get(step)
    if grown is None:
        return attempts
    first = next((number for number, (_, ended) in enumerate(attempts) if ended >= grown), len(attempts))
    return attempts[: first + 1]


def _add_gate(legs: Legs, measured: Measured, anchor: int, ends: Mapping[int, int]) -> int:
    """Append the legs of the attempts that grew more, and the hidden one at which a step settled that grew others.

    What it grew waits for the attempt that grew it, and the next attempt for that.
    """
    last = ends.get(anchor, anchor)
    attempts = measured.attempts.get(anchor, ())
    turns = _turns(measured, anchor)
    for number, (started, ended) in enumerate(attempts[len(_before_growth(measured, anchor, attempts)) :]):
        grown = turns.pop(number, [])
        _wait_for(legs, grown, last)
        last = legs.add(anchor, started, ended, deps=[last, *grown])
    for grown in turns.values():
        _wait_for(legs, grown, last)
    settled = measured.ended_at[anchor]
    instant = legs.ended[last] if settled is None else settled
    gate = legs.add(anchor, instant, instant, deps=[last])
    legs.hidden.add(gate)
    return gate


def _turns(measured: Measured, anchor: int) -> dict[int, list[int]]:
    turns: dict[int, list[int]] = {}
    for child in _children(measured, anchor):
        turns.setdefault(measured.turns.get(child, 0), []).append(child)
    return turns


def _wait_for(legs: Legs, children: Iterable[int], attempt: int) -> None:
    for child in children:
        legs.deps[child].append(attempt)


def _children(measured: Measured, anchor: int) -> list[int]:
    return [step for step in measured.deps[anchor] if step > anchor]


def _connect(legs: Legs, measured: Measured, settled: Mapping[int, int]) -> None:
    """Give the legs the steps' dependencies, each on the leg at which that step settled, if it did."""
    for step, before in enumerate(measured.deps):
        for other in before:
            if measured.ended_at[other] is None:
                continue
            is_child = other > step and step in measured.grown_at
            legs.deps[settled[step] if is_child else step].append(settled.get(other, other))
