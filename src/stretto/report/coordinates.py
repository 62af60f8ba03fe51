"""Where nodes stand across the flow once their order is settled: long edges straight, short ones nearly so.

Four alignments, each pushed to one side, and the middle of them, after Brandes and Köpf, "Fast and simple
horizontal coordinate assignment", Graph Drawing (2001). Blocks are compacted along the graph of what stands beside
what, which also serves nodes of different sizes and edges that begin or end away from a node's center.
"""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.report.relaxed import relaxed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto.report.layers import Layers

__all__ = ["Spacing", "centers"]


_TOO_WIDE: Final = 1.25
"""Times the extent of the fullest layer: from there on shorter edges are worth more than straight ones."""


class Spacing(NamedTuple):
    """Gaps in pixels: between two nodes, between a node and a passing edge, between two passing edges."""

    nodes: float = 16.0
    edge_node: float = 14.0
    edges: float = 9.0


class _End(NamedTuple):
    """A neighbor in the next layer; `offset` is how much lower than it a node must stand to make the edge straight."""

    node: int
    offset: float


def centers(
    layers: Layers,
    breadth: Sequence[float],
    offsets: Sequence[tuple[float, float]],
    spacing: Spacing,
) -> list[float]:
    """The center of each node across the flow, dummies included; the least extent is not at 0.

    `breadth` holds the real nodes' extents across the flow, `offsets` for each segment how far from the centers of
    its two nodes it begins and ends.
    """
    if not layers.layer:
        return []
    sizes = [*breadth, *(0.0 for _ in range(len(layers.layer) - layers.real))]
    found = [
        _one_sided(layers, sizes, offsets, spacing, is_upward=up, is_mirrored=mirrored)
        for up in (False, True)
        for mirrored in (False, True)
    ]
    at = _middle(found, sizes)
    if _extent(at, sizes) <= _TOO_WIDE * _least_extent(layers, sizes, spacing):
        return at
    return relaxed(layers, at, offsets, lambda upper, lower: _distance(layers, sizes, spacing, upper, lower))


def _extent(at: Sequence[float], sizes: Sequence[float]) -> float:
    tops = (center - size / 2 for center, size in zip(at, sizes, strict=True))
    bottoms = (center + size / 2 for center, size in zip(at, sizes, strict=True))
    return max(bottoms) - min(tops)


def _least_extent(layers: Layers, sizes: Sequence[float], spacing: Spacing) -> float:
    """What the fullest layer takes."""
    return max(
        sum(_distance(layers, sizes, spacing, *pair) for pair in pairwise(layer))
        + (sizes[layer[0]] + sizes[layer[-1]]) / 2
        for layer in layers.order
    )


def _middle(found: list[list[float]], sizes: Sequence[float]) -> list[float]:
    """Align the four to the narrowest of them, then take the mean of the two inner values of each node."""
    extents = [
        (
            min(at - size / 2 for at, size in zip(each, sizes, strict=True)),
            max(at + size / 2 for at, size in zip(each, sizes, strict=True)),
        )
        for each in found
    ]
    low, high = min(extents, key=lambda extent: extent[1] - extent[0])
    for number, (least, most) in enumerate(extents):
        shift = high - most if number % 2 else low - least
        found[number] = [at + shift for at in found[number]]
    return [(values[1] + values[2]) / 2 for values in (sorted(each) for each in zip(*found, strict=True))]


def _one_sided(
    layers: Layers,
    sizes: Sequence[float],
    offsets: Sequence[tuple[float, float]],
    spacing: Spacing,
    *,
    is_upward: bool,
    is_mirrored: bool,
) -> list[float]:
    order = layers.order[::-1] if is_upward else layers.order
    order = [layer[::-1] for layer in order] if is_mirrored else order
    sign = -1.0 if is_mirrored else 1.0
    place = [0] * len(sizes)
    for layer in order:
        for number, node in enumerate(layer):
            place[node] = number
    ends = _neighbors(layers, offsets, sign, is_upward=is_upward)
    blocks = _Blocks(order, place, ends, _crossing_dummies(layers, order, place, ends))
    found = _compacted(layers, order, sizes, spacing, blocks)
    return [sign * at for at in found]


def _neighbors(
    layers: Layers, offsets: Sequence[tuple[float, float]], sign: float, *, is_upward: bool
) -> list[list[_End]]:
    ends: list[list[_End]] = [[] for _ in layers.layer]
    for segment, (start, end) in zip(layers.segments, offsets, strict=True):
        offset = sign * (start - end)
        if is_upward:
            ends[segment.start].append(_End(segment.end, -offset))
        else:
            ends[segment.end].append(_End(segment.start, offset))
    return ends


def _crossing_dummies(
    layers: Layers, order: Sequence[Sequence[int]], place: Sequence[int], ends: Sequence[Sequence[_End]]
) -> set[tuple[int, int]]:
    """Segments (node, neighbor) that cross a passing edge: those give way, the passing edge stays straight."""
    found: set[tuple[int, int]] = set()
    for layer in order[1:]:
        passing = [
            (place[node], place[end.node])
            for node in layer
            if layers.is_dummy(node)
            for end in ends[node]
            if layers.is_dummy(end.node)
        ]
        if passing:
            _mark(layers, layer, place, ends, passing, found)
    return found


def _mark(
    layers: Layers,
    layer: Sequence[int],
    place: Sequence[int],
    ends: Sequence[Sequence[_End]],
    passing: list[tuple[int, int]],
    found: set[tuple[int, int]],
) -> None:
    """Between two passing edges that follow each other, a segment may only stay within their ends."""
    inner = 0
    low = -1
    for node in layer:
        while inner < len(passing) and passing[inner][0] < place[node]:
            low = max(low, passing[inner][1])
            inner += 1
        high = passing[inner][1] if inner < len(passing) else len(place)
        is_own = inner < len(passing) and passing[inner][0] == place[node]
        for end in ends[node]:
            if is_own and layers.is_dummy(end.node):
                continue
            if not low <= place[end.node] <= high:
                found.add((node, end.node))


class _Blocks:
    """Nodes that stand in one line: each knows its block's root and how far from that it stands."""

    def __init__(
        self,
        order: Sequence[Sequence[int]],
        place: Sequence[int],
        ends: Sequence[Sequence[_End]],
        forbidden: set[tuple[int, int]],
    ) -> None:
        self.root = list(range(len(place)))
        self.shift = [0.0] * len(place)
        for layer in order:
            reached = -1
            for node in layer:
                reached = self._align(node, place, ends[node], forbidden, reached)

    def _align(
        self,
        node: int,
        place: Sequence[int],
        ends: Sequence[_End],
        forbidden: set[tuple[int, int]],
        reached: int,
    ) -> int:
        """Join the block of a middle neighbor that is free and lies behind those taken before."""
        sorted_ends = sorted(ends, key=lambda end: (place[end.node], -end.offset))
        middle = (len(ends) - 1) // 2
        for end in sorted_ends[middle : middle + 2 - len(ends) % 2]:
            other = end.node
            if place[other] > reached and (node, other) not in forbidden:
                self.root[node] = self.root[other]
                self.shift[node] = self.shift[other] + end.offset
                return place[other]
        return reached


def _compacted(
    layers: Layers,
    order: Sequence[Sequence[int]],
    sizes: Sequence[float],
    spacing: Spacing,
    blocks: _Blocks,
) -> list[float]:
    """Blocks as far up as what stands above them allows, then down again towards what follows them."""
    root, shift = blocks.root, blocks.shift
    behind: dict[int, dict[int, float]] = {}
    before: dict[int, dict[int, float]] = {}
    for layer in order:
        for upper, lower in pairwise(layer):
            gap = _distance(layers, sizes, spacing, upper, lower) + shift[upper] - shift[lower]
            first, second = root[upper], root[lower]
            if gap > behind.setdefault(first, {}).get(second, -inf):
                behind[first][second] = gap
                before.setdefault(second, {})[first] = gap
    roots = _in_order(set(root), behind, before)
    at = dict.fromkeys(roots, 0.0)
    for block in roots:
        at[block] = max((at[other] + gap for other, gap in before.get(block, {}).items()), default=0.0)
    for block in reversed(roots):
        room = min((at[other] - gap for other, gap in behind.get(block, {}).items()), default=inf)
        if room < inf:
            at[block] = max(at[block], room)
    return [at[root[node]] + shift[node] for node in range(len(root))]


def _distance(layers: Layers, sizes: Sequence[float], spacing: Spacing, upper: int, lower: int) -> float:
    dummies = layers.is_dummy(upper) + layers.is_dummy(lower)
    gap = (spacing.nodes, spacing.edge_node, spacing.edges)[dummies]
    return (sizes[upper] + sizes[lower]) / 2 + gap


def _in_order(
    roots: set[int], behind: dict[int, dict[int, float]], before: dict[int, dict[int, float]]
) -> list[int]:
    """Blocks so that each comes after those above it: alignments do not cross, so there is no circle."""
    waiting = {block: len(before.get(block, {})) for block in roots}
    found = sorted(block for block, count in waiting.items() if not count)
    for block in found:  # grows while it is walked
        for other in behind.get(block, {}):
            waiting[other] -= 1
            if not waiting[other]:
                found.append(other)
    return found
