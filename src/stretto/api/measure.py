"""From a run's view to its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.authoring.plan import REPLAN
from stretto.core.forecast.legs import Measured
from stretto.core.forecast.timing import Timing, timing
from stretto.core.graph import Graph, Role, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        people={
            index
            for index, spec in enumerate(graph.specs)
            if spec.wait is not None and spec.wait.kind != "sleep"
        },
        attempts={index: _attempts(step) for index, step in enumerate(steps) if len(step.attempts) > 1},
        grown_at={index: at for index in graph.children if (at := _grown_at(steps[index])) is not None},
        turns={
            child: turn
            for anchor in graph.children
            if len(steps[anchor].attempts) > 1
            for child, turn in _turns(graph, anchor)
        },
    )


def _grown_at(step: StepView) -> float | None:
    grew = (attempt for attempt in step.attempts if attempt.failure is None)
    first = next(grew, step.attempts[0] if step.attempts else None)
    return None if first is None else first.ended_at


def _turns(graph: Graph, anchor: int) -> Iterator[tuple[int, int]]:
    """(child, which of the anchor's fragments brought it). Rounds are told by their names, and a new plan is
    wanted before its round begins."""
    turn, before = -1, None
    for child in graph.children[anchor]:
        mark, _, name = str(graph.names[child]).partition("/")
        if (mark, name == REPLAN) != before:
            turn, before = turn + 1, (mark, name == REPLAN)
        yield child, turn


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
