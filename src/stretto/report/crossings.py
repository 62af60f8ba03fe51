"""The order of nodes in their layers: few crossings, and the author's order where it makes no difference.

Sweeps by barycenters and medians in turn, each followed by exchanges of neighbors, after Gansner, Koutsofios,
North and Vo, "A technique for drawing directed graphs", IEEE Trans. Software Engineering 19 (1993). Crossings
are counted as inversions, after Barth, Mutzel and Jünger, "Simple and efficient bilayer cross counting" (2004).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stretto.report.layers import Layers

__all__ = ["count_crossings", "put_in_order"]

_SWEEPS: Final = 14
_PATIENCE: Final = 4  # sweeps without a gain
_WORK: Final = 60_000  # segments looked at in all: very large graphs get fewer sweeps
_EXCHANGES: Final = 6

_Ends = list[list[tuple[int, float]]]


def put_in_order(layers: Layers) -> None:
    """Order each layer of `layers`. Equal for equal input."""
    search = _Search(layers)
    search.begin()
    best, fewest = search.kept(), search.crossings()
    sweeps = max(2, min(_SWEEPS, _WORK // max(1, len(layers.segments))))
    idle = 0
    for sweep in range(sweeps):
        if not fewest or idle >= _PATIENCE:
            break
        search.sweep(sweep)
        found = search.crossings()
        idle += 1
        if found < fewest:
            best, fewest, idle = search.kept(), found, 0
    layers.order[:] = best


def count_crossings(layers: Layers) -> int:
    """How many pairs of segments cross, as the layers are ordered now."""
    return _Search(layers).crossings()


class _Search:
    def __init__(self, layers: Layers) -> None:
        self.order = layers.order
        self.before: _Ends = [[] for _ in layers.layer]
        self.behind: _Ends = [[] for _ in layers.layer]
        for segment in layers.segments:
            self.before[segment.end].append((segment.start, segment.start_rank))
            self.behind[segment.start].append((segment.end, segment.end_rank))
        self.place = [0] * len(layers.layer)
        self.pairs = self._pairs(layers)
        for layer in self.order:
            self._number(layer)

    def _pairs(self, layers: Layers) -> list[list[tuple[int, float, int, float]]]:
        pairs: list[list[tuple[int, float, int, float]]] = [[] for _ in self.order]
        for start, end, start_rank, end_rank, _ in layers.segments:
            pairs[layers.layer[start]].append((start, start_rank, end, end_rank))
        return pairs

    def _number(self, layer: Sequence[int]) -> None:
        for place, node in enumerate(layer):
            self.place[node] = place

    def kept(self) -> list[list[int]]:
        return [layer.copy() for layer in self.order]

    def crossings(self) -> int:
        return sum(self._between(number) for number in range(len(self.order) - 1))

    def _between(self, number: int) -> int:
        place = self.place
        ends = sorted((place[s] + rs, place[e] + re) for s, rs, e, re in self.pairs[number])
        seen: list[float] = []
        found = 0
        for _, end in ends:
            found += len(seen) - bisect_right(seen, end)
            insort(seen, end)
        return found

    def begin(self) -> None:
        """Start from the order in which a walk into the depth meets the nodes: parts of a picture stay together."""
        met: dict[int, None] = {}
        for layer in self.order:
            for root in layer:
                self._walk(root, met)
        rank = {node: number for number, node in enumerate(met)}
        for layer in self.order:
            layer.sort(key=rank.__getitem__)
            self._number(layer)

    def _walk(self, root: int, met: dict[int, None]) -> None:
        stack = [root]
        while stack:
            node = stack.pop()
            if node not in met:
                met[node] = None
                stack.extend(other for other, _ in reversed(self.behind[node]))

    def sweep(self, number: int) -> None:
        is_down = number % 2 == 0
        depths = range(1, len(self.order)) if is_down else range(len(self.order) - 2, -1, -1)
        for depth in depths:
            ends = self.before if is_down else self.behind
            self._sort(self.order[depth], ends, is_median=number % 4 >= 2, is_turned=number % 8 >= 4)
        self._exchange(depths)

    def _sort(self, layer: list[int], ends: _Ends, *, is_median: bool, is_turned: bool) -> None:
        """Sort those that have neighbors by them; the others keep their places."""
        weight = _median if is_median else _mean
        keys = {
            node: weight([self.place[other] + rank for other, rank in ends[node]])
            for node in layer
            if ends[node]
        }
        moving = [node for node in layer if node in keys]
        if is_turned:  # another order among equals leads out of dead ends
            moving.reverse()
        moving.sort(key=keys.__getitem__)
        upcoming = iter(moving)
        layer[:] = [next(upcoming) if node in keys else node for node in layer]
        self._number(layer)

    def _exchange(self, depths: Iterable[int]) -> None:
        """Exchange neighbors as long as that takes crossings away."""
        for depth in depths:
            layer = self.order[depth]
            ends = {node: self._places_at_ends(node) for node in layer}
            for _ in range(_EXCHANGES):
                if not self._exchange_once(layer, ends):
                    break
            self._number(layer)

    def _places_at_ends(self, node: int) -> tuple[list[float], list[float]]:
        place = self.place
        return (
            sorted(place[other] + rank for other, rank in self.before[node]),
            sorted(place[other] + rank for other, rank in self.behind[node]),
        )

    def _exchange_once(self, layer: list[int], ends: dict[int, tuple[list[float], list[float]]]) -> bool:
        gained = False
        for place in range(len(layer) - 1):
            first, second = ends[layer[place]], ends[layer[place + 1]]
            as_it_is = _inversions(first[0], second[0]) + _inversions(first[1], second[1])
            if as_it_is and as_it_is > _inversions(second[0], first[0]) + _inversions(second[1], first[1]):
                layer[place], layer[place + 1] = layer[place + 1], layer[place]
                gained = True
        return gained


def _mean(places: list[float]) -> float:
    return sum(places) / len(places)


def _median(places: list[float]) -> float:
    places.sort()
    middle = len(places) // 2
    return places[middle] if len(places) % 2 else (places[middle - 1] + places[middle]) / 2


def _inversions(first: list[float], second: list[float]) -> int:
    """Pairs in which an end of the first lies behind one of the second."""
    found = below = 0
    for end in first:
        while below < len(second) and second[below] < end:
            below += 1
        found += below
    return found
