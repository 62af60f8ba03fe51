"""How long a run may still take, from the lengths that earlier runs had. An estimate, and shown as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.forecast.levels import bottom_levels
from stretto.core.graph import Role

if TYPE_CHECKING:
    from stretto.core.journal.view import RunView

__all__ = ["remaining"]

_OVER = frozenset({"succeeded", "failed", "skipped", "cancelled"})


def remaining(view: RunView, now: float) -> float | None:
    """Seconds to the run's end, at least; None while some open step was never measured or a size is unknown.

    The longest path through what is open, and no less than its work shared by the run's permits.
    """
    if view.created is None:
        return None
    weights = _weights(view, view.created.estimates, now)
    if weights is None:
        return None
    _, outs = view.graph.edges()
    longest = max(bottom_levels(outs, weights), default=0.0)
    return max(longest, sum(weights) / view.created.options.permits)


def _weights(view: RunView, estimates: dict[str, float], now: float) -> list[float] | None:
    graph = view.graph
    weights: list[float] = []
    for index, spec in enumerate(graph.specs):
        step = view.step(index)
        is_growing = index in graph.looks or (spec.is_anchor and index not in graph.children)
        if step.state in _OVER or spec.role is Role.GATE or (index in graph.children and not is_growing):
            weights.append(0.0)
        elif spec.id not in estimates or is_growing:
            return None
        else:
            running = step.attempts[-1].started_at if step.state == "running" and step.attempts else now
            weights.append(max(0.0, estimates[spec.id] - (now - running)))
    return weights
