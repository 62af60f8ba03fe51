"""Steps that have their inputs and want a permit: who goes first."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from stretto.core.forecast.levels import bottom_levels
from stretto.core.graph.spec import Role, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.core.graph.graph import Graph

__all__ = ["ReadyQueue", "weight_of"]

_MICRO: Final = 1_000_000
_BITS: Final = 40
_TOP: Final = 1 << 62


def weight_of(graph: Graph, index: int, estimates: dict[str, float], unknown: float) -> float:
    """A step's expected seconds; gates and inline glue take none, an anchor as long as one child until it has
    any."""
    spec = graph.specs[index]
    if spec.is_anchor:
        if index in graph.children:
            return 0.0
        if spec.role is not Role.MAP:
            return estimates.get(spec.id, unknown)
        spec = graph.maps[index].target
    if spec.role is Role.GATE or spec.where is Where.INLINE:
        return 0.0
    return estimates.get(spec.id, unknown)


class ReadyQueue:
    """Longest remaining path first (Hu 1961, "HLFET"); equal ones, and sequential runs, in author order.

    Levels are computed when two steps first compete: a run whose permits always suffice never pays for them.
    """

    __slots__ = ("_estimates", "_graph", "_heap", "_is_sequential", "_levels")

    def __init__(self, graph: Graph, estimates: dict[str, float], *, is_sequential: bool) -> None:
        self._graph = graph
        self._estimates = estimates
        self._is_sequential = is_sequential
        self._levels: list[float] | None = None
        self._heap: list[Any] = []  # one kind of key a run: see `_key`

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[int]:
        """The steps in it, in no order; those that have ended meanwhile are among them."""
        return map(self._index_in, self._heap)

    def push(self, index: int) -> None:
        """Add a step."""
        heappush(self._heap, self._key(index))

    def extend(self, indices: list[int]) -> None:
        """Add many at once: building the heap anew is linear."""
        if len(indices) < len(self._heap) // 4:
            for index in indices:
                self.push(index)
            return
        self._heap.extend([self._key(index) for index in indices])
        heapify(self._heap)

    def pop(self) -> int:
        """Take the step that should start next."""
        return self._index_in(heappop(self._heap))

    def clear(self) -> None:
        """Forget all: the run starts nothing more."""
        self._heap.clear()

    def level(self, index: int) -> float:
        """Seconds on the longest remaining path from the start of `index`, by estimate (unknown steps count
        1)."""
        levels = self._levels
        if levels is None or len(levels) <= index:
            levels = self._computed(levels)
        return levels[index]

    @staticmethod
    def _index_in(key: int | tuple[int, ...]) -> int:
        return key & ((1 << _BITS) - 1) if isinstance(key, int) else key[-1]

    def _key(self, index: int) -> int | tuple[int, ...]:
        if self._is_sequential:
            return self._graph.author_order(index)
        return ((_TOP - int(self.level(index) * _MICRO)) << _BITS) | index

    def _computed(self, known: list[float] | None) -> list[float]:
        graph = self._graph
        if known is None:
            weights = [weight_of(graph, index, self._estimates, 1.0) for index in range(len(graph))]
            self._levels = bottom_levels([self._onward(index) for index in range(len(graph))], weights)
            return self._levels
        self._extend(known)
        return known

    def _extend(self, known: list[float]) -> None:
        # Growth adds steps at the end whose path goes on behind their anchor; what stood before keeps its
        # level.
        graph = self._graph
        start = len(known)
        known.extend([0.0] * (len(graph) - start))
        for index in range(len(graph) - 1, start - 1, -1):
            behind = self._behind(known, graph.scopes[index])
            tail = max((known[out] for out in graph.consumers_of(index)), default=0.0)
            known[index] = weight_of(graph, index, self._estimates, 1.0) + max(behind, tail)

    def _behind(self, known: list[float], scope: int) -> float:
        """The longest path behind the anchors a step stands under."""
        longest = 0.0
        while scope >= 0:
            outs = self._graph.consumers_of(scope)
            longest = max(longest, max((known[out] for out in outs), default=0.0))
            scope = self._graph.scopes[scope]
        return longest

    def _onward(self, index: int) -> tuple[int, ...]:
        scope = self._graph.scopes[index]
        onward = tuple(self._graph.consumers_of(index))
        return onward if scope < 0 else (*onward, scope)
