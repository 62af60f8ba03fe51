"""The longest path by estimates, as a picture marks it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from stretto.core.forecast.levels import critical_path
from stretto.core.graph import Role, Where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.core.graph import Graph
    from stretto.report.parts import Parts

__all__ = ["highlighted"]


def highlighted(graph: Graph, read: Parts, estimates: Mapping[str, float]) -> list[int]:
    """The keys of the parts on the longest path; none unless all that takes time has an estimate.

    `estimates` are seconds by step id. Gates, inline glue and anchors take no time of their own; a map that has not
    grown counts as one of its children.
    """
    weights = [_weight(graph, index, estimates) for index in range(len(graph))]
    known = [weight for weight in weights if weight is not None]
    if not any(known) or len(known) < len(weights):
        return []
    deps, _ = graph.edges()
    path = critical_path(deps, known)
    return [key for key, _ in groupby(read.part_of[index] for index in path)]


def _weight(graph: Graph, index: int, estimates: Mapping[str, float]) -> float | None:
    spec = graph.specs[index]
    if index in graph.maps and index not in graph.children:
        return estimates.get(graph.maps[index].target.id)
    if spec.role is not Role.STEP or spec.where is Where.INLINE:
        return 0.0
    return estimates.get(spec.id)
