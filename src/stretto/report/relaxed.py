"""Shorter edges for pictures that alignment alone would make too wide.

Least squares of what edges rise across the flow, layer by layer until it settles, with each layer's order and gaps
as constraints. One layer alone is an isotonic regression: its pools of neighbors that touch move as one ("pool
adjacent violators", Ayer and others 1955). Edges that pass layers count more, so that they come out nearly
straight, and are then made straight as far as there is room.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stretto.report.layers import Layers

__all__ = ["relaxed"]

_SWEEPS: Final = 24
_WEIGHTS: Final = (1.0, 2.0, 10.0)
"""Of a segment between two nodes, a node and a passing edge, two parts of a passing edge."""

_SNAP: Final = 40.0
"""Pixels that a node may be moved to make an edge straight."""

_Ends = list[list[tuple[int, float, float]]]


def relaxed(
    layers: Layers,
    at: Sequence[float],
    offsets: Sequence[tuple[float, float]],
    distance: Callable[[int, int], float],
) -> list[float]:
    """Centers that start from `at` and keep its order; `distance` is the least one between two neighbors."""
    return _Relaxing(layers, list(at), offsets, distance).done()


class _Relaxing:
    def __init__(
        self,
        layers: Layers,
        at: list[float],
        offsets: Sequence[tuple[float, float]],
        distance: Callable[[int, int], float],
    ) -> None:
        self.layers = layers
        self.at = at
        self.gaps = [[distance(upper, lower) for upper, lower in pairwise(layer)] for layer in layers.order]
        self.before: _Ends = [[] for _ in at]
        self.behind: _Ends = [[] for _ in at]
        for segment, (start, end) in zip(layers.segments, offsets, strict=True):
            weight = _WEIGHTS[layers.is_dummy(segment.start) + layers.is_dummy(segment.end)]
            self.before[segment.end].append((segment.start, start - end, weight))
            self.behind[segment.start].append((segment.end, end - start, weight))

    def done(self) -> list[float]:
        depths = range(len(self.layers.order))
        self._press()
        for sweep in range(_SWEEPS):
            self._sweep(reversed(depths) if sweep % 2 else depths)
        for trail in sorted(self.layers.trails, key=len, reverse=True):
            self._straighten(trail[1:-1])
        for depth in depths:
            self._snap(depth)
        return self.at

    def _press(self) -> None:
        """Begin narrow: sweeps bring neighbors into line within a few rounds, but take hundreds to close wide gaps."""
        extent = max(self.at) - min(self.at)
        least = max((sum(gaps) for gaps in self.gaps), default=0.0)
        scale = least / extent if extent else 1.0
        for layer, gaps in zip(self.layers.order, self.gaps, strict=True):
            for node, at in zip(
                layer, _apart([(self.at[node] * scale, 1.0) for node in layer], gaps), strict=True
            ):
                self.at[node] = at

    def _sweep(self, depths: Iterable[int]) -> None:
        for depth in depths:
            layer = self.layers.order[depth]
            wanted = [self._wanted(node) for node in layer]
            for node, at in zip(layer, _apart(wanted, self.gaps[depth]), strict=True):
                self.at[node] = at

    def _wanted(self, node: int) -> tuple[float, float]:
        """Where the edges of a node would have it, and how much they weigh."""
        total = weights = 0.0
        for ends in (self.before[node], self.behind[node]):
            for other, offset, weight in ends:
                total += (self.at[other] + offset) * weight
                weights += weight
        return (total / weights, weights) if weights else (self.at[node], 0.01)

    # ---------------------------------------------------------------- straight lines

    def _straighten(self, dummies: Sequence[int]) -> None:
        """Put the dummies of an edge on one line, or on as few as there is room for."""
        place = 0
        while place < len(dummies):
            low, high = self._room(dummies[place])
            last = place
            while last + 1 < len(dummies):
                lower, higher = self._room(dummies[last + 1])
                if max(low, lower) > min(high, higher):
                    break
                low, high, last = max(low, lower), min(high, higher), last + 1
            run = dummies[place : last + 1]
            middle = sum(self.at[node] for node in run) / len(run)
            for node in run:
                self.at[node] = min(max(middle, low), high)
            place = last + 1

    def _room(self, node: int) -> tuple[float, float]:
        """Between which coordinates a node may move without moving others."""
        depth = self.layers.layer[node]
        layer, gaps = self.layers.order[depth], self.gaps[depth]
        place = layer.index(node)
        low = self.at[layer[place - 1]] + gaps[place - 1] if place else float("-inf")
        high = self.at[layer[place + 1]] - gaps[place] if place + 1 < len(layer) else float("inf")
        return min(low, self.at[node]), max(high, self.at[node])

    def _snap(self, depth: int) -> None:
        """Move nodes a little where that makes an edge straight."""
        for node in self.layers.order[depth]:
            if self.layers.is_dummy(node):
                continue
            ends = self.before[node] or self.behind[node]
            if not ends:
                continue
            places = sorted(self.at[other] + offset for other, offset, _ in ends)
            wanted = (
                places[(len(places) - 1) // 2]
                if len(places) % 2
                else (places[len(places) // 2 - 1] + places[len(places) // 2]) / 2
            )
            low, high = self._room(node)
            if low <= wanted <= high and abs(wanted - self.at[node]) <= _SNAP:
                self.at[node] = wanted


def _apart(wanted: Sequence[tuple[float, float]], gaps: Sequence[float]) -> list[float]:
    """The places nearest to those wanted, by weighted squares, that keep the gaps."""
    shift = 0.0
    shifts: list[float] = []
    pools: list[tuple[float, float, int]] = []  # sum of weight × place, weight, members
    for number, (at, weight) in enumerate(wanted):
        shift += gaps[number - 1] if number else 0.0
        shifts.append(shift)
        total, heavy, members = (at - shift) * weight, weight, 1
        while pools and pools[-1][0] * heavy > total * pools[-1][1]:
            above = pools.pop()
            total, heavy, members = total + above[0], heavy + above[1], members + above[2]
        pools.append((total, heavy, members))
    places = (total / heavy for total, heavy, members in pools for _ in range(members))
    return [place + shift for place, shift in zip(places, shifts, strict=True)]
