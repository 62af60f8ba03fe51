"""Which layer each node of a picture stands in, and the dummies by which long edges pass the layers between.

The first step of drawing a graph in layers, after Sugiyama, Tagawa and Toda, "Methods for visual understanding
of hierarchical system structures", IEEE Trans. SMC 11 (1981).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.core.forecast.order import inverse, topological_order

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["NO_PORT", "Layers", "Link", "Segment", "layered"]

NO_PORT: Final = -1


class Link(NamedTuple):
    """An edge between two nodes; a port is the number of the edge under which the node itself leads it inward."""

    start: int
    end: int
    start_port: int = NO_PORT
    end_port: int = NO_PORT


class Segment(NamedTuple):
    """A part of a link between two neighboring layers. A rank, in -½ … ½, says where at the node it begins or
    ends."""

    start: int
    end: int
    start_rank: float
    end_rank: float
    link: int


@dataclass(slots=True)
class Layers:
    """Nodes by layer, in order, dummies included: those have the numbers behind the real nodes'.

    `trails` has the nodes that each link passes, its ends included; `segments` their connections.
    """

    order: list[list[int]]
    layer: list[int]
    real: int
    segments: list[Segment] = field(default_factory=list)
    trails: list[tuple[int, ...]] = field(default_factory=list)

    def is_dummy(self, node: int) -> bool:
        """Whether a node only leads a long edge on."""
        return node >= self.real


def layered(
    count: int,
    links: Sequence[Link],
    ranks: Sequence[tuple[float, float]],
    first: Collection[int] = (),
    last: Collection[int] = (),
) -> Layers:
    """Each node one layer behind the last one it needs. Nodes in `first` and `last` have layers of their own there.

    `ranks` has the two ranks of each link. Raises `DefinitionError` for a circle.
    """
    layer = _longest_paths(count, links)
    if first:
        layer = [0 if node in first else max(1, depth) for node, depth in enumerate(layer)]
    if last:
        deepest = max((depth for node, depth in enumerate(layer) if node not in last), default=-1)
        layer = [deepest + 1 if node in last else depth for node, depth in enumerate(layer)]
    found = Layers([[] for _ in range(max(layer, default=-1) + 1)], layer, count)
    for node, depth in enumerate(layer):
        found.order[depth].append(node)
    for number, link in enumerate(links):
        _thread(found, number, link, ranks[number])
    return found


def _longest_paths(count: int, links: Sequence[Link]) -> list[int]:
    outs: list[list[int]] = [[] for _ in range(count)]
    for link in links:
        outs[link.start].append(link.end)
    ins = inverse(outs)
    layer = [0] * count
    for node in topological_order(outs):
        layer[node] = max((layer[other] + 1 for other in ins[node]), default=0)
    return layer


def _thread(found: Layers, number: int, link: Link, ranks: tuple[float, float]) -> None:
    trail = [link.start]
    for depth in range(found.layer[link.start] + 1, found.layer[link.end]):
        trail.append(len(found.layer))
        found.layer.append(depth)
        found.order[depth].append(trail[-1])
    trail.append(link.end)
    found.trails.append(tuple(trail))
    for place in range(len(trail) - 1):
        start_rank = ranks[0] if place == 0 else 0.0
        end_rank = ranks[1] if place == len(trail) - 2 else 0.0
        found.segments.append(Segment(trail[place], trail[place + 1], start_rank, end_rank, number))
