"""The figures of a finished run: how long it took, how short it could have been, and where its time went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto.core.forecast.bounds import lower_bound
from stretto.core.forecast.hops import makespan_of, path_along
from stretto.core.forecast.legs import legs_of
from stretto.core.forecast.levels import span, work
from stretto.core.forecast.order import inverse

if TYPE_CHECKING:
    from stretto.core.forecast.hops import Hop
    from stretto.core.forecast.legs import Legs, Measured

__all__ = ["Timing", "timing"]


@dataclass(frozen=True, slots=True)
class Timing:
    """Measured figures of one run, in seconds. Running time counts; backoff and queues are waiting."""

    work: float
    """T1: the running time of all attempts, one after another. People's time is part of it."""
    span: float
    """Tinf: the longest path through the running times."""
    lower_bound: float
    """No schedule of these attempts under this cap could have ended earlier."""
    makespan: float
    """From the run's start until its last step settled."""
    bound_efficiency: float | None
    """`lower_bound / makespan`: 1.0 is perfect. None for a run that took no time."""
    critical_path: tuple[Hop, ...]
    """The path that the run really took, first hop first."""
    waiting_for_people: float
    """How long nothing ran because only people could move the run; part of the makespan."""


def timing(measured: Measured) -> Timing:
    """Build the figures from a run's measured columns; steps that are not over count nothing.

    Raises `DefinitionError` if steps of no length wait for each other in a circle.
    """
    legs = legs_of(measured)
    weights = legs.seconds()
    held = [seconds if legs.holds_permit(measured, leg) else 0.0 for leg, seconds in enumerate(weights)]
    bound = lower_bound(legs.deps, inverse(legs.deps), weights, measured.permits, held=held)
    makespan = makespan_of(measured, legs)
    return Timing(
        work=work(weights),
        span=span(legs.deps, weights),
        lower_bound=bound,
        makespan=makespan,
        bound_efficiency=bound / makespan if makespan else None,
        critical_path=path_along(measured, legs),
        waiting_for_people=_only_people(measured, legs),
    )


def _only_people(measured: Measured, legs: Legs) -> float:
    """Seconds in which at least one step waited for people and no other step ran."""
    if not measured.people:
        return 0.0
    changes: list[tuple[float, int, int]] = []
    for leg, step in enumerate(legs.step):
        people, others = (1, 0) if step in measured.people else (0, 1)
        changes.append((legs.started[leg], people, others))
        changes.append((legs.ended[leg], -people, -others))
    changes.sort()
    return _seconds_of_people_alone(changes)


def _seconds_of_people_alone(changes: list[tuple[float, int, int]]) -> float:
    total, since, people, others = 0.0, 0.0, 0, 0
    for instant, more_people, more_others in changes:
        if people and not others:
            total += instant - since
        since = instant
        people += more_people
        others += more_others
    return total
