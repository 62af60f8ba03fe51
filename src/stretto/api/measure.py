"""From a run's view to its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.forecast.legs import Measured
from stretto.core.forecast.timing import Timing, timing
from stretto.core.graph import Graph, Role, Where

if TYPE_CHECKING:
    from stretto.core.journal.facts import Created
    from stretto.core.journal.view import RunView, StepView

__all__ = ["measured_of", "measured_timing"]


def measured_timing(created: Created, view: RunView) -> Timing:
    """The figures of a finished run: seconds, measured."""
    return timing(measured_of(created, view))


def measured_of(created: Created, view: RunView) -> Measured:
    """A view as columns."""
    graph = created.graph
    steps = [view.step(index) for index in range(len(graph))]
    return Measured(
        paths=[graph.path(index) for index in range(len(graph))],
        deps=[_deps(graph, index) for index in range(len(graph))],
        ready_at=[step.ready_at for step in steps],
        started_at=[step.started_at for step in steps],
        ended_at=[step.ended_at for step in steps],
        began_at=view.started_at or 0.0,
        permits=created.options.permits,
        permitless={
            index for index, spec in enumerate(graph.specs) if _needs_no_permit(spec.role, spec.where)
        },
        attempts={index: _attempts(step) for index, step in enumerate(steps) if len(step.attempts) > 1},
        grown_at={
            index: step.attempts[0].ended_at
            for index, step in enumerate(steps)
            if index in graph.children and step.attempts and step.attempts[0].ended_at is not None
        },
    )


def _deps(graph: Graph, index: int) -> tuple[int, ...]:
    children = graph.children.get(index)
    return graph.deps[index] if children is None else (*graph.deps[index], *children)


def _needs_no_permit(role: Role, where: Where) -> bool:
    return role is not Role.STEP or where is Where.INLINE


def _attempts(step: StepView) -> list[tuple[float, float]]:
    end = step.ended_at
    return [
        (attempt.started_at, attempt.ended_at if attempt.ended_at is not None else end or attempt.started_at)
        for attempt in step.attempts
    ]
