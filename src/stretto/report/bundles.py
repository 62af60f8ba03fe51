"""Edges at clusters: many that say together "all of it" become one."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from stretto.core.forecast.order import topological_order
from stretto.errors import DefinitionError
from stretto.report.parts import TOP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Ends", "bundled", "twins"]

_Drawn = dict[tuple[int, int], bool]


class Ends:
    """What edges may end at: boxes and the clusters around them. `around` gives what each stands in."""

    def __init__(self, around: Mapping[int, int]) -> None:
        self.around = around
        self.inside: dict[int, list[int]] = {}
        for key, above in around.items():
            self.inside.setdefault(above, []).append(key)

    def outwards(self, key: int) -> Iterator[int]:
        """What stands around `key`, itself first."""
        while key != TOP:
            yield key
            key = self.around[key]

    def is_nested(self, one: int, other: int) -> bool:
        """Whether one of the two stands in the other."""
        return one in self.outwards(other) or other in self.outwards(one)

    def depth(self, key: int) -> int:
        """How many clusters stand around it."""
        return sum(1 for _ in self.outwards(key)) - 1

    def clusters(self) -> list[int]:
        """Everything with something in it, the innermost first."""
        return sorted((key for key in self.inside if key != TOP), key=lambda key: (-self.depth(key), key))

    def has_circle(self, pairs: Iterable[tuple[int, int]]) -> bool:
        """Whether the parts of some cluster, each with all in it, need each other in a circle."""
        place = {key: number for number, key in enumerate(self.around)}
        nexts: list[list[int]] = [[] for _ in place]
        for start, end in pairs:
            above = set(self.outwards(start)) & set(self.outwards(end))
            first = next(key for key in self.outwards(start) if self.around[key] in above | {TOP})
            second = next(key for key in self.outwards(end) if self.around[key] in above | {TOP})
            nexts[place[first]].append(place[second])
        try:
            topological_order(nexts)
        except DefinitionError:
            return True
        return False

    def way(self, start: int, end: int, pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """The edges of a shortest way from `start` to `end`, in and out of clusters; none where there is none."""
        if self.is_nested(start, end):
            return []
        leaving: dict[int, list[tuple[int, int]]] = {}
        for pair in sorted(pairs):
            leaving.setdefault(pair[0], []).append(pair)
        came: dict[int, tuple[tuple[int, int], int] | None] = {start: None}
        queue = deque([start])
        while queue and end not in came:
            here = queue.popleft()
            for pair in [pair for each in self.outwards(here) for pair in leaving.get(each, ())]:
                for key in (*self.below(pair[1]), *self.outwards(pair[1])):
                    if key not in came and not self.is_nested(key, here):
                        came[key] = (pair, here)
                        queue.append(key)
        trail: list[tuple[int, int]] = []
        while (step := came.get(end)) is not None:
            trail.append(step[0])
            end = step[1]
        return trail[::-1]

    def below(self, key: int) -> Iterator[int]:
        """Everything in `key`, itself first."""
        yield key
        for child in self.inside.get(key, ()):
            yield from self.below(child)


def bundled(ends: Ends, needs: Mapping[tuple[int, int], bool]) -> _Drawn:
    """One edge to a cluster for those to all its first parts, one from it for those from all its last."""
    drawn = dict(needs)
    for cluster in ends.clusters():
        _bundle(ends, cluster, drawn, is_in=True)
        _bundle(ends, cluster, drawn, is_in=False)
    return drawn


def _bundle(ends: Ends, cluster: int, drawn: _Drawn, *, is_in: bool) -> None:
    """Replace the edges from one outside part to all first parts of a cluster, or from all last ones to it."""
    inside = ends.inside[cluster]
    members = {key: part for part in inside for key in ends.below(part)}
    met: dict[int, dict[int, set[tuple[int, int]]]] = {}
    linked: set[int] = set()
    for pair in drawn:
        inner, outer = (pair[1], pair[0]) if is_in else pair
        if inner in members and outer not in members and outer != cluster:
            met.setdefault(outer, {}).setdefault(inner, set()).add(pair)
        elif inner in members and members.get(outer, members[inner]) != members[inner]:
            linked.add(members[inner])
    border = {part for part in inside if part not in linked}
    for outer, by_inner in met.items():
        whole = {key for key in by_inner if key in border}
        if len(border) > 1 and whole == border:
            pairs = {pair for each in by_inner.values() for pair in each}
            flows = {drawn.pop(pair) for pair in pairs}
            pair = (outer, cluster) if is_in else (cluster, outer)
            drawn[pair] = drawn.get(pair, False) or True in flows


def twins(leaves: Sequence[int], around: Mapping[int, int], drawn: _Drawn) -> list[list[int]]:
    """Leaves of one cluster that need and serve exactly the same, something at least; in their order."""
    needs: dict[int, set[tuple[int, bool]]] = {}
    serves: dict[int, set[tuple[int, bool]]] = {}
    for (start, end), has_data in drawn.items():
        needs.setdefault(end, set()).add((start, has_data))
        serves.setdefault(start, set()).add((end, has_data))
    alike: dict[object, list[int]] = {}
    for key in leaves:
        both = (frozenset(needs.get(key, ())), frozenset(serves.get(key, ())))
        if any(both):
            alike.setdefault((around[key], *both), []).append(key)
    return [members for members in alike.values() if len(members) > 1]
