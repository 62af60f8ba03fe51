"""Boxes inside boxes, each scope in layers of its own, and edges cut where they pass a border."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.report.crossings import put_in_order
from stretto.report.layers import NO_PORT, Layers, Link, layered

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ROOT", "Edge", "Item", "Scope", "prepared"]

ROOT: Final = -1
"""The number of the item that is the whole picture."""


class Edge(NamedTuple):
    """From one item to another, by their numbers. Neither stands in the other."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Item:
    """A box of a size, or a cluster around others, whose width is at least the given one. `has_title` leaves room
    for one."""

    number: int
    width: float
    height: float = 0.0
    inside: tuple[Item, ...] = ()
    has_title: bool = True


@dataclass(slots=True)
class Scope:
    """The inside of a cluster, or the whole picture. Ports have the numbers behind the items'.

    `ports_in` and `ports_out` give the node at which an edge passes the border; `through` the edge of each link.
    """

    item: Item
    items: list[Item]
    inner: dict[int, Scope]
    links: list[Link] = field(default_factory=list)
    through: list[int] = field(default_factory=list)
    ports_in: dict[int, int] = field(default_factory=dict)
    ports_out: dict[int, int] = field(default_factory=dict)
    layers: Layers | None = None
    nodes: list[int] = field(default_factory=list)
    """Which item, or port, each node of the layers is."""

    def rank(self, edge: int, *, is_in: bool) -> float:
        """Where, in -½ … ½, an edge passes the border."""
        ports = self.ports_in if is_in else self.ports_out
        layers = self.layers
        if layers is None:
            return 0.0
        side = layers.order[0 if is_in else -1]
        return (side.index(self.nodes.index(ports[edge])) + 0.5) / len(side) - 0.5


def prepared(items: Sequence[Item], edges: Sequence[Edge]) -> Scope:
    """Everything in its scope, each scope in ordered layers. Raises `DefinitionError` for a circle."""
    root = _scope(Item(ROOT, 0.0, inside=tuple(items), has_title=False))
    homes: dict[int, Scope] = {}
    _find_homes(root, homes)
    for number, edge in enumerate(edges):
        _connect(homes, number, edge)
    _order(root)
    return root


def _scope(item: Item) -> Scope:
    inner = {place: _scope(each) for place, each in enumerate(item.inside) if each.inside}
    return Scope(item, list(item.inside), inner)


def _find_homes(scope: Scope, homes: dict[int, Scope]) -> None:
    for place, item in enumerate(scope.items):
        homes[item.number] = scope
        if place in scope.inner:
            _find_homes(scope.inner[place], homes)


def _connect(homes: dict[int, Scope], number: int, edge: Edge) -> None:
    """Cut an edge at each border it passes: a link in each of the scopes that it leads through."""
    ways = [_way_out(homes, edge.start), _way_out(homes, edge.end)]
    shared = {id(scope) for scope, _ in ways[0]} & {id(scope) for scope, _ in ways[1]}
    ends: list[tuple[int, int]] = []
    for is_in, way in enumerate(ways):
        port = NO_PORT
        for scope, place in way:
            if id(scope) in shared:
                ends.append((place, port))
                break
            _add_port(scope, number, place, port, is_in=bool(is_in))
            port = number
    (start, start_port), (end, end_port) = ends
    common = next(scope for scope, _ in ways[0] if id(scope) in shared)
    common.links.append(Link(start, end, start_port, end_port))
    common.through.append(number)


def _way_out(homes: dict[int, Scope], item: int) -> list[tuple[Scope, int]]:
    """The scopes around an item, the innermost first, each with the place in it of what holds the item."""
    way: list[tuple[Scope, int]] = []
    while item != ROOT:
        scope = homes[item]
        way.append((scope, next(place for place, each in enumerate(scope.items) if each.number == item)))
        item = scope.item.number
    return way


def _add_port(scope: Scope, number: int, place: int, port: int, *, is_in: bool) -> None:
    ports = scope.ports_in if is_in else scope.ports_out
    node = len(scope.items) + len(scope.ports_in) + len(scope.ports_out)
    ports[number] = node
    scope.links.append(Link(node, place, NO_PORT, port) if is_in else Link(place, node, port, NO_PORT))
    scope.through.append(number)


def _order(scope: Scope) -> None:
    """Layers and order, the innermost scopes first: their ports say where edges meet them."""
    for inner in scope.inner.values():
        _order(inner)
    linked = {node for link in scope.links for node in link[:2]}
    if not linked:
        return
    scope.nodes = sorted(linked)
    index = {node: number for number, node in enumerate(scope.nodes)}
    links = [link._replace(start=index[link.start], end=index[link.end]) for link in scope.links]
    ranks = [
        (
            _rank(scope, link.start, link.start_port, is_in=False),
            _rank(scope, link.end, link.end_port, is_in=True),
        )
        for link in scope.links
    ]
    first = {index[node] for node in scope.ports_in.values()}
    last = {index[node] for node in scope.ports_out.values()}
    scope.layers = layered(len(scope.nodes), links, ranks, first, last)
    put_in_order(scope.layers)


def _rank(scope: Scope, place: int, port: int, *, is_in: bool) -> float:
    return 0.0 if port == NO_PORT else scope.inner[place].rank(port, is_in=is_in)
