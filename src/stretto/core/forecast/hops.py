"""The path that a finished run really took, from its last step back to its start."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal

from stretto.core.forecast.legs import legs_of
from stretto.core.forecast.order import inverse, topological_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto.core.forecast.legs import Legs, Measured

__all__ = ["Hop", "WaitedFor", "actual_path", "makespan_of", "path_along"]

WaitedFor = Literal["start", "dependency", "permit", "backoff"]
"""What let a hop start last: the run's start, a result, a permit given back, or the end of a backoff."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One attempt on the measured critical path; hops never overlap, and follow each other in time."""

    step: str
    """The step's path. A retried step has a hop for each attempt."""
    started_at: float
    ended_at: float
    waited_for: WaitedFor
    waited: float
    """Seconds between the end of the hop before (or the run's start) and this one's start."""
    share: float
    """Running time as a fraction of the makespan. A path's shares sum to at most 1; waiting is the rest."""


def actual_path(measured: Measured) -> tuple[Hop, ...]:
    """The measured critical path, first hop first; empty when nothing ran.

    Walked back from the attempt that ended last. Before an attempt comes what let it start last: its step's
    failed attempt ("backoff"), else the holder that last gave back a permit while it queued ("permit"), else
    the dependency that settled last. Ties go to the smallest index.
    """
    return path_along(measured, legs_of(measured))


def path_along(measured: Measured, legs: Legs) -> tuple[Hop, ...]:
    """`actual_path`, where the legs are at hand."""
    releases = _releases(measured, legs)
    trail: list[tuple[int, WaitedFor]] = []
    leg = _last(legs)
    while leg is not None:
        before, waited_for = _before(measured, legs, releases, leg)
        if leg not in legs.hidden:
            trail.append((leg, waited_for))
        leg = before
    trail.reverse()
    return _hops(measured, legs, trail)


def makespan_of(measured: Measured, legs: Legs) -> float:
    """Seconds from the run's start until its last step settled."""
    settled = (instant for instant in measured.ended_at if instant is not None)
    return max(chain(legs.ended, settled, (measured.began_at,))) - measured.began_at


def _hops(measured: Measured, legs: Legs, trail: Sequence[tuple[int, WaitedFor]]) -> tuple[Hop, ...]:
    makespan = makespan_of(measured, legs)
    hops: list[Hop] = []
    clear = measured.began_at
    for leg, waited_for in trail:
        started, ended = legs.started[leg], legs.ended[leg]
        share = (ended - started) / makespan if makespan else 0.0
        # What comes before the first hop, if anything, never ran: only the run's start is left to wait for.
        reason = waited_for if hops else "start"
        path = measured.paths[legs.step[leg]]
        hops.append(Hop(path, started, ended, reason, max(0.0, started - clear), share))
        clear = ended
    return tuple(hops)


def _last(legs: Legs) -> int | None:
    """The leg that ended last; among several of one instant, one that waited for the others."""
    visible = [leg for leg in range(len(legs.step)) if leg not in legs.hidden]
    if not visible:
        return None
    latest = max(legs.ended[leg] for leg in visible)
    ties = [leg for leg in visible if legs.ended[leg] == latest]
    if len(ties) == 1:
        return ties[0]
    place = {leg: index for index, leg in enumerate(topological_order(inverse(legs.deps)))}
    return max(ties, key=place.__getitem__)


def _before(
    measured: Measured, legs: Legs, releases: Sequence[tuple[float, int]], leg: int
) -> tuple[int | None, WaitedFor]:
    """The leg before this one on the path, and what it was waited for."""
    before = legs.deps[leg]
    if leg in legs.retries and before:
        return before[0], "backoff"
    released = _released_for(measured, legs, releases, leg)
    if released is not None:
        return released, "permit"
    if not before:
        return None, "start"
    return min(before, key=lambda other: (-legs.ended[other], other)), "dependency"


def _releases(measured: Measured, legs: Legs) -> list[tuple[float, int]]:
    """Instant and negated leg of every permit given back, in order; empty where no step can have queued."""
    if measured.permits is None:
        return []
    holders = [leg for leg in range(len(legs.step)) if legs.holds_permit(measured, leg)]
    if len(holders) <= measured.permits:
        return []
    return sorted((legs.ended[leg], -leg) for leg in holders)


def _released_for(
    measured: Measured, legs: Legs, releases: Sequence[tuple[float, int]], leg: int
) -> int | None:
    """The holder whose end let this leg start after it had queued.

    The holder must have started earlier: that rules out bystanders of no length, and keeps the walk from
    coming round.
    """
    step, started = legs.step[leg], legs.started[leg]
    ready = measured.ready_at[step]
    if ready is None or not legs.holds_permit(measured, leg):
        return None
    if measured.queued is not None and step not in measured.queued:
        return None
    for index in range(bisect_right(releases, (started, 0)) - 1, -1, -1):
        instant, holder = releases[index][0], -releases[index][1]
        if instant <= ready:
            break
        if legs.started[holder] < started:
            return holder
    return None
