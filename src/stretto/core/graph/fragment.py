"""`Fragment`: steps and edges an attempt adds to the graph under its anchor. The one primitive of growth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.core.graph.source import Source, framed
from stretto.core.graph.template import sources_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stretto.core.graph.spec import StepSpec

__all__ = [
    "CHILDREN",
    "NO_SCOPE",
    "Choice",
    "Fragment",
    "GroupSpec",
    "Loop",
    "MapSpec",
    "Node",
    "map_fragment",
]

NO_SCOPE: Final = -1
NO_FRAME: Final = -1


class _Children:
    __slots__ = ()

    def __repr__(self) -> str:
        return "CHILDREN"


CHILDREN: Final = _Children()
"""The output of a fragment that has no template of its own: every child's value, in order."""

MAP_FRAME: Final = 1 << 20
"""The frame of a map's children, where they wait for each other."""

_NOTHING: Final[Mapping[int, object]] = {}


class Node(NamedTuple):
    """One use of a step: its name in its scope, its inputs as templates, the steps it waits for.

    A string name is a path segment, an integer is a map index. `scope` is the place, in the fragment, of the
    anchor it stands under; NO_SCOPE for the fragment's own.
    """

    spec: StepSpec
    name: str | int
    args: tuple[object, ...]
    kwargs: dict[str, object] | None
    deps: tuple[int, ...]
    scope: int = NO_SCOPE


@dataclass(slots=True)
class GroupSpec:
    """A block of optional steps with a deadline (seconds) and a threshold. `gate` is the index of its
    gate."""

    name: str
    within: float | None
    min_success: int | None
    gate: int = -1
    members: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MapSpec:
    """What an anchor grows: one use of `target` an item of its input, with `fixed` other arguments."""

    target: StepSpec
    items: object
    fixed: dict[str, object] | None
    after: tuple[int, ...]
    shape_of: int | None
    default: tuple[object, ...]


class Choice(NamedTuple):
    """Branches of which one grows: all of them in `body`, one behind the other.

    `parts` are the places of each branch's nodes, `outputs` its value; `otherwise` is the branch for selectors
    that name none.
    """

    body: Fragment
    parts: dict[object, range]
    outputs: dict[object, object]
    otherwise: object | None


class Loop(NamedTuple):
    """A body that grows once a round, until `verdict` is true of it; `start` is what the first one gets."""

    body: Fragment
    start: object
    verdict: Source
    max_rounds: int
    keeps_last: bool


class Fragment(NamedTuple):
    """Nodes in author order; everything else is by their place.

    `defaults` are those of optional ones. Sources of `frame` mean its own nodes. `rules` say what its anchors
    grow, `known` which of its nodes stand under anchors that have grown. The anchor's value is `output`, once
    all nodes have settled. `looks_at` is a node whose end starts the anchor again; `renews` says that a loss
    does. Nodes in `unchosen` never start.
    """

    nodes: tuple[Node, ...]
    defaults: Mapping[int, object]
    frame: int = NO_FRAME
    rules: Mapping[int, object] = _NOTHING
    known: Mapping[int, Sequence[int]] = _NOTHING  # type: ignore[assignment]  # empty
    groups: tuple[GroupSpec, ...] = ()
    output: object = CHILDREN
    outputs: Mapping[int, object] = _NOTHING
    looks_at: int | None = None
    renews: bool = False
    unchosen: frozenset[int] = frozenset()


def map_fragment(
    target: StepSpec,
    items: Sequence[object],
    fixed: dict[str, object] | None,
    after: tuple[int, ...],
    default: tuple[object, ...] = (),
) -> Fragment:
    """One use of `target` an item: the item is the first argument, `fixed` the others, `after` orders without
    data.

    `default` holds the value delivered for an optional child that finally failed, if the target declares one.
    Uses that write something shared keep the items' order.
    """
    shared = frozenset(after) | sources_in(tuple(fixed.values()) if fixed else ())
    plain = tuple(sorted(shared))
    nodes = tuple(
        Node(target, number, (item,), fixed, _deps_of(item, shared, plain))
        for number, item in enumerate(items)
    )
    defaults = dict.fromkeys(range(len(nodes)), default[0]) if default else {}
    if target.writes:
        chained = tuple(
            node._replace(deps=(*node.deps, framed(MAP_FRAME, place - 1))) if place else node
            for place, node in enumerate(nodes)
        )
        return Fragment(chained, defaults, MAP_FRAME)
    return Fragment(nodes, defaults)


def _deps_of(item: object, shared: frozenset[int], plain: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(item, Source):
        return plain if item._index in shared else tuple(sorted(shared | {item._index}))
    found = sources_in(item)
    return tuple(sorted(shared | found)) if found else plain
