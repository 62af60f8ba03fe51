"""`Fragment`: steps and edges an attempt adds to the graph under its anchor. The one primitive of growth."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stretto.core.graph.source import Source
from stretto.core.graph.template import sources_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto.core.graph.spec import StepSpec

__all__ = ["Fragment", "Node", "map_fragment"]


class Node(NamedTuple):
    """One use of a step: its name in its scope, its inputs as templates, the steps it waits for.

    A string name is a path segment, an integer is a map index.
    """

    spec: StepSpec
    name: str | int
    args: tuple[object, ...]
    kwargs: dict[str, object] | None
    deps: tuple[int, ...]


class Fragment(NamedTuple):
    """Nodes in author order, with the defaults of optional ones by position.

    The anchor's value is the list of theirs, once all have settled.
    """

    nodes: tuple[Node, ...]
    defaults: dict[int, object]


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
    """
    shared = frozenset(after) | sources_in(tuple(fixed.values()) if fixed else ())
    plain = tuple(sorted(shared))
    nodes = tuple(
        Node(target, number, (item,), fixed, _deps_of(item, shared, plain))
        for number, item in enumerate(items)
    )
    return Fragment(nodes, dict.fromkeys(range(len(nodes)), default[0]) if default else {})


def _deps_of(item: object, shared: frozenset[int], plain: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(item, Source):
        return plain if item._index in shared else tuple(sorted(shared | {item._index}))
    found = sources_in(item)
    return tuple(sorted(shared | found)) if found else plain
