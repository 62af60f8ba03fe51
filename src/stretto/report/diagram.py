"""What of a graph is drawn: boxes, clusters around them, and as few edges as say everything.

An edge to a cluster means: to all in it; an edge from one: from all in it. Edges that others imply are left out,
unless all are wanted, and steps that need and serve exactly the same stand together in a frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.core.graph import Role, Where
from stretto.report.bundles import Ends, bundled, twins
from stretto.report.critical import highlighted
from stretto.report.facts import facts_of, tip_of
from stretto.report.needed import implied
from stretto.report.parts import TOP, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stretto.core.graph import Graph, StepSpec
    from stretto.report.parts import Part

__all__ = ["Arrow", "Box", "Diagram", "Kind", "diagram_of", "shown_kinds"]

_ALIKE: Final = 6
"""From so many on, steps that need and serve the same stand in a frame."""


class Kind(StrEnum):
    """What a box or cluster is; the value is the word for it."""

    LOOP = "coroutine"
    THREAD = "thread"
    PROCESS = "process"
    INLINE = "inline"
    GATE = "gate"
    GROUP = "group"
    MAP = "map"
    CHOOSE = "choose"
    REPEAT = "repeat"
    GROW = "nested"
    BRANCH = "branch"
    ALIKE = "alike"


@dataclass(slots=True)
class Box:
    """A step, or with `inside` a cluster: the keys of what stands in it.

    `tone` says how it runs, of a map how its children do. `count` says how many steps are folded into it: a number,
    ``?`` where nobody knows yet, or nothing. `facts` are short words about its rules, `tip` says everything.
    """

    key: int
    label: str
    path: str
    kind: Kind
    tone: Kind
    around: int
    inside: list[int] = field(default_factory=list)
    count: str = ""
    facts: tuple[str, ...] = ()
    tip: str = ""
    is_optional: bool = False
    is_certain: bool = True
    is_critical: bool = False


class Arrow(NamedTuple):
    """`end` needs `start`; without data it is only ordered behind it."""

    start: int
    end: int
    has_data: bool
    is_critical: bool


class Diagram(NamedTuple):
    """Boxes by key, in author order; `top` are those in no other. `left_out` counts the implied edges."""

    title: str
    boxes: dict[int, Box]
    top: tuple[int, ...]
    arrows: tuple[Arrow, ...]
    steps: int
    left_out: int


def diagram_of(
    graph: Graph,
    title: str,
    *,
    estimates: Mapping[str, float] | None = None,
    has_all_edges: bool = False,
) -> Diagram:
    """What is drawn of a graph. With `estimates`, seconds by step id, its longest path is marked.

    No path is marked unless there is an estimate for every step that takes time. Equal for equal graphs.
    """
    read = parts_of(graph)
    parts = read.parts
    unneeded = set() if has_all_edges else implied(parts)
    needs = {
        (needed, part.key): has_data
        for part in parts.values()
        for needed, has_data in part.needs.items()
        if (needed, part.key) not in unneeded
    }
    around = {key: part.inside for key, part in parts.items()}
    drawn = _flattened(parts, around, needs)
    _carry_data(parts, around, drawn)
    boxes = {key: _box(part, parts, around) for key, part in parts.items()}
    filled = set(around.values())
    for key in filled & {key for key, part in parts.items() if part.group is not None}:
        boxes[key].kind = boxes[key].tone = Kind.GROUP
    if not has_all_edges:
        _frame_twins(boxes, around, drawn)
    for key, above in around.items():
        if above != TOP:
            boxes[above].inside.append(key)
    arrows = _marked(boxes, around, drawn, highlighted(graph, read, estimates or {}))
    top = tuple(key for key, above in around.items() if above == TOP)
    return Diagram(title, boxes, top, arrows, len(graph), len(unneeded))


def _flattened(
    parts: Mapping[int, Part], around: dict[int, int], needs: Mapping[tuple[int, int], bool]
) -> dict[tuple[int, int], bool]:
    """Edges between what is drawn: bundled at clusters; none from a cluster to what stands in it."""
    ends = Ends(around)
    free = {pair: data for pair, data in needs.items() if not ends.is_nested(*pair)}
    found = bundled(ends, free)
    if ends.has_circle(found):
        _dissolve_groups(parts, around)
        ends = Ends(around)
        found = bundled(ends, {pair: data for pair, data in needs.items() if not ends.is_nested(*pair)})
    return found


def _carry_data(
    parts: Mapping[int, Part], around: Mapping[int, int], drawn: dict[tuple[int, int], bool]
) -> None:
    """An edge that stands for one with data has data, also where that one was left out as implied."""
    ends = Ends(around)
    for part in parts.values():
        for needed in [needed for needed, has_data in part.needs.items() if has_data]:
            for start in ends.outwards(needed):
                for end in ends.outwards(part.key):
                    if (start, end) in drawn:
                        drawn[start, end] = True


def _dissolve_groups(parts: Mapping[int, Part], around: dict[int, int]) -> None:
    """Draw no boxes around groups: an edge leads out of one and back, which a trace cannot give."""
    for part in parts.values():
        while around[part.key] != TOP and parts[around[part.key]].group is not None:
            around[part.key] = around[around[part.key]]


def _frame_twins(boxes: dict[int, Box], around: dict[int, int], drawn: dict[tuple[int, int], bool]) -> None:
    filled = set(around.values())
    leaves = [key for key in boxes if key not in filled]
    for members in twins(leaves, around, drawn):
        if len(members) < _ALIKE:
            continue
        key = max(boxes) + 1
        box = Box(key, "", "", Kind.ALIKE, Kind.ALIKE, around[members[0]])
        box.tip = f"{len(members)} steps that need and serve the same"
        boxes[key] = box
        around[key] = box.around
        for member in members:
            around[member] = boxes[member].around = key
        _lead_to_frame(key, frozenset(members), drawn)


def _lead_to_frame(key: int, members: frozenset[int], drawn: dict[tuple[int, int], bool]) -> None:
    for start, end in [pair for pair in drawn if not members.isdisjoint(pair)]:
        has_data = drawn.pop((start, end))
        pair = (key if start in members else start, key if end in members else end)
        drawn[pair] = drawn.get(pair, False) or has_data


def _marked(
    boxes: dict[int, Box],
    around: Mapping[int, int],
    drawn: Mapping[tuple[int, int], bool],
    path: Sequence[int],
) -> tuple[Arrow, ...]:
    ends = Ends(around)
    critical: set[tuple[int, int]] = set()
    for start, end in pairwise(path):
        critical.update(ends.way(start, end, drawn))
    for key in {*path, *(key for pair in critical for key in pair if not boxes[key].inside)}:
        boxes[key].is_critical = True
    return tuple(Arrow(*pair, has_data, pair in critical) for pair, has_data in sorted(drawn.items()))


# -------------------------------------------------------------------- boxes

_KINDS: Final = {
    Role.GATE: Kind.GATE,
    Role.MAP: Kind.MAP,
    Role.CHOOSE: Kind.CHOOSE,
    Role.REPEAT: Kind.REPEAT,
    Role.GROW: Kind.GROW,
}
_PLACES: Final = {
    Where.LOOP: Kind.LOOP,
    Where.THREAD: Kind.THREAD,
    Where.INLINE: Kind.INLINE,
    Where.PROCESS: Kind.PROCESS,
}


def _box(part: Part, parts: Mapping[int, Part], around: Mapping[int, int]) -> Box:
    return Box(
        key=part.key,
        label=part.label,
        path=part.path,
        kind=_kind(part),
        tone=_kind(part) if part.target is None else _PLACES[part.target.where],
        around=around[part.key],
        count="?" if part.is_open else "" if part.count is None else str(part.count),
        facts=facts_of(part),
        tip=tip_of(part, parts),
        is_optional=part.is_member or _rules(part).optional,
        is_certain=part.is_certain,
    )


def _rules(part: Part) -> StepSpec:
    """Of a map the rules are its children's."""
    return part.spec if part.target is None else part.target


def _kind(part: Part) -> Kind:
    if part.is_branch:
        return Kind.BRANCH
    return _KINDS.get(part.spec.role) or _PLACES[part.spec.where]


def shown_kinds(boxes: Iterable[Box]) -> list[Kind]:
    """The kinds among `boxes`, in the order they are declared."""
    found = {box.kind for box in boxes}
    return [kind for kind in Kind if kind in found]
