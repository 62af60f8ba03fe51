"""Where boxes stand and edges run: layers from left to right or from top to bottom, boxes inside boxes.

Each cluster is laid out by itself and then stands in the one around it like a box, so that nothing else can stand
in it and no edge of others passes it. Edges that lead into it pass its border at ports. What has no edges stands
in rows. All lengths are pixels; "along" means along the flow, "across" across it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.report.coordinates import Spacing, centers
from stretto.report.layers import NO_PORT
from stretto.report.nesting import ROOT, Edge, Item, Scope, prepared
from stretto.report.rows import in_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto.report.layers import Layers

__all__ = ["Edge", "Item", "Layout", "Point", "Rect", "lay_out"]

_TITLE: Final = 26.0
_PADDING: Final = 14.0
_GAP: Final = 46.0
_SHORT_GAP: Final = 24.0
_STEEPNESS: Final = 0.2
_LONGEST_GAP: Final = 150.0
_PAGE: Final = 1.6
_DOWNWARD: Final = 1.12


class Point(NamedTuple):
    """A place in the picture."""

    x: float
    y: float


class Rect(NamedTuple):
    """A box in the picture, by its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class Layout(NamedTuple):
    """A laid out picture. A route is a list of points joined by lines along the flow and curves between them."""

    rects: dict[int, Rect]
    routes: list[list[Point]]
    width: float
    height: float
    is_rightward: bool


def lay_out(items: Sequence[Item], edges: Sequence[Edge], *, is_rightward: bool | None = None) -> Layout:
    """Lay out items, those inside others too. None lets the flow run whichever way gives the better shape.

    Equal for equal input. Raises `DefinitionError` where the edges between two clusters, or the items of one, form
    a circle.
    """
    scope = prepared(items, edges)
    if is_rightward is not None:
        return _placed(scope, edges, is_rightward=is_rightward)
    both = [_placed(scope, edges, is_rightward=True), _placed(scope, edges, is_rightward=False)]
    return min(both, key=_misshape)


def _misshape(layout: Layout) -> float:
    """How far away a page of common shape must be held to show all of it. Rows of text stack better than columns."""
    reach = max(layout.width / _PAGE, layout.height)
    return reach if layout.is_rightward else reach * _DOWNWARD


# -------------------------------------------------------------------- sizes and coordinates


class _Spot(NamedTuple):
    """A rectangle along and across the flow, inside its scope."""

    along: float
    across: float
    length: float
    breadth: float


@dataclass(slots=True)
class _Placed:
    """A scope with everything in it placed; ports give how far across an edge passes the border."""

    length: float
    breadth: float
    spots: dict[int, _Spot]
    inner: dict[int, _Placed]
    ways: dict[int, list[tuple[float, float]]]
    """The part of each edge that runs in this scope: (along, across)."""
    ports_in: dict[int, float] = field(default_factory=dict)
    ports_out: dict[int, float] = field(default_factory=dict)


def _placed(root: Scope, edges: Sequence[Edge], *, is_rightward: bool) -> Layout:
    placed = _place(root, is_rightward=is_rightward)
    rects: dict[int, Rect] = {}
    ways: list[list[tuple[float, float]]] = [[] for _ in edges]
    _gather(root, placed, (0.0, 0.0), rects, ways, is_rightward=is_rightward)
    routes = [_route(way, is_rightward=is_rightward) for way in ways]
    size = (placed.length, placed.breadth) if is_rightward else (placed.breadth, placed.length)
    return Layout(rects, routes, *size, is_rightward)


def _gather(
    scope: Scope,
    placed: _Placed,
    origin: tuple[float, float],
    rects: dict[int, Rect],
    ways: list[list[tuple[float, float]]],
    *,
    is_rightward: bool,
) -> None:
    """Everything in the picture's own coordinates. An edge's parts come in no order: they are sorted at the end."""
    for place, item in enumerate(scope.items):
        spot = placed.spots[place]
        along, across = origin[0] + spot.along, origin[1] + spot.across
        rects[item.number] = (
            Rect(along, across, spot.length, spot.breadth)
            if is_rightward
            else Rect(across, along, spot.breadth, spot.length)
        )
        if place in scope.inner:
            _gather(
                scope.inner[place],
                placed.inner[place],
                (along, across),
                rects,
                ways,
                is_rightward=is_rightward,
            )
    for edge, way in placed.ways.items():
        ways[edge].extend((origin[0] + along, origin[1] + across) for along, across in way)


def _route(way: list[tuple[float, float]], *, is_rightward: bool) -> list[Point]:
    """An edge runs along the flow and never back, so its points are in order when sorted along it."""
    points: list[tuple[float, float]] = []
    for point in sorted(way, key=lambda each: each[0]):
        is_straight = len(points) > 1 and abs(points[-1][1] - point[1]) < 0.5 > abs(points[-2][1] - point[1])
        if is_straight or points[-1:] == [point]:
            points[-1] = point
        else:
            points.append(point)
    return [Point(along, across) if is_rightward else Point(across, along) for along, across in points]


def _place(scope: Scope, *, is_rightward: bool) -> _Placed:
    inner = {place: _place(each, is_rightward=is_rightward) for place, each in scope.inner.items()}
    sizes = [
        _size(item, inner.get(place), is_rightward=is_rightward) for place, item in enumerate(scope.items)
    ]
    placing = _Placing(scope, inner, sizes, is_rightward=is_rightward)
    return placing.done()


def _size(item: Item, inner: _Placed | None, *, is_rightward: bool) -> tuple[float, float]:
    if inner is not None:
        return inner.length, inner.breadth
    return (item.width, item.height) if is_rightward else (item.height, item.width)


class _Placing:
    """Places the items of one scope."""

    def __init__(
        self,
        scope: Scope,
        inner: dict[int, _Placed],
        sizes: list[tuple[float, float]],
        *,
        is_rightward: bool,
    ) -> None:
        self.scope = scope
        self.inner = inner
        self.sizes = sizes
        self.is_rightward = is_rightward
        padding = 0.0 if scope.item.number == ROOT else _PADDING
        title = _TITLE if scope.item.has_title else 0.0
        self.along = padding + (0.0 if is_rightward else title)
        self.across = padding + (title if is_rightward else 0.0)
        self.padding = padding
        self.spots: dict[int, _Spot] = {}
        self.ways: dict[int, list[tuple[float, float]]] = {}
        self.ports: tuple[dict[int, float], dict[int, float]] = ({}, {})
        self.length = self.breadth = 0.0

    def done(self) -> _Placed:
        if self.scope.layers is not None:
            self._place_layers(self.scope.layers)
        self._place_rows()
        self._widen(self.scope.item.width - 2 * self.padding)
        self._end_at_border()
        return _Placed(
            self.along + self.length + self.padding,
            self.across + self.breadth + self.padding,
            self.spots,
            self.inner,
            self.ways,
            *self.ports,
        )

    def _widen(self, least: float) -> None:
        """Make room for a title that is longer than what it stands above, which then stands in the middle."""
        more = max(0.0, least - (self.length if self.is_rightward else self.breadth))
        along, across = (more / 2, 0.0) if self.is_rightward else (0.0, more / 2)
        self.length += 2 * along
        self.breadth += 2 * across
        for place, spot in self.spots.items():
            self.spots[place] = spot._replace(along=spot.along + along, across=spot.across + across)
        for edge, way in self.ways.items():
            self.ways[edge] = [(x + along, y + across) for x, y in way]
        for ports in self.ports:
            ports.update({edge: at + across for edge, at in ports.items()})

    def _place_rows(self) -> None:
        """What has no edges stands in rows, behind what has some."""
        alone = [place for place in range(len(self.scope.items)) if place not in self.spots]
        if not alone:
            return
        flat = [self.sizes[place] if self.is_rightward else self.sizes[place][::-1] for place in alone]
        room = self.length if self.is_rightward else self.breadth
        rows = in_rows(flat, Spacing().nodes, room if self.spots and self.is_rightward else None)
        top = self.breadth + Spacing().nodes * 1.5 if self.spots else 0.0
        for place, (x, y, width, height) in zip(alone, rows.rects, strict=True):
            along, across = (x, y + top) if self.is_rightward else (y, x + top)
            length, breadth = (width, height) if self.is_rightward else (height, width)
            self.spots[place] = _Spot(self.along + along, self.across + across, length, breadth)
        extent = (rows.width, rows.height) if self.is_rightward else (rows.height, rows.width)
        self.length = max(self.length, extent[0])
        self.breadth = top + extent[1]

    # ---------------------------------------------------------------- layers

    def _place_layers(self, layers: Layers) -> None:
        count = len(self.scope.items)
        breadth = [self.sizes[node][1] if node < count else 0.0 for node in self.scope.nodes]
        at = centers(layers, breadth, self._offsets(layers), Spacing())
        top = min(center - _breadth(breadth, node) / 2 for node, center in enumerate(at))
        at = [self.across - top + center for center in at]
        self.breadth = (
            max(center + _breadth(breadth, node) / 2 for node, center in enumerate(at)) - self.across
        )
        starts, lengths = self._columns(layers, at)
        self.length = starts[-1] + lengths[-1] - self.along
        for node, place in enumerate(self.scope.nodes):
            if place < count:
                self._set(place, at[node], starts[layers.layer[node]], lengths[layers.layer[node]])
        self._draw_links(layers, at, starts, lengths)
        self._note_ports(at)

    def _offsets(self, layers: Layers) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        for segment in layers.segments:
            link, trail = self.scope.links[segment.link], layers.trails[segment.link]
            start = (
                self._offset(link.start, link.start_port, is_in=False) if segment.start == trail[0] else 0.0
            )
            end = self._offset(link.end, link.end_port, is_in=True) if segment.end == trail[-1] else 0.0
            found.append((start, end))
        return found

    def _offset(self, place: int, port: int, *, is_in: bool) -> float:
        """How far from its item's middle an edge meets it."""
        if port == NO_PORT:
            return 0.0
        inner = self.inner[place]
        return (inner.ports_in if is_in else inner.ports_out)[port] - inner.breadth / 2

    def _columns(self, layers: Layers, at: Sequence[float]) -> tuple[list[float], list[float]]:
        """Where along the flow each layer begins, and how long it is: steep edges get more room before it."""
        lengths = [
            max((self._length(self.scope.nodes[node]) for node in layer if node < layers.real), default=0.0)
            for layer in layers.order
        ]
        rises = [0.0] * len(lengths)
        for segment, (start, end) in zip(layers.segments, self._offsets(layers), strict=True):
            depth = layers.layer[segment.start]
            rises[depth] = max(rises[depth], abs(at[segment.start] + start - at[segment.end] - end))
        starts = [self.along]
        for depth, length in enumerate(lengths[:-1]):
            is_port = not length or not lengths[depth + 1]
            least = _SHORT_GAP if is_port else _GAP
            starts.append(starts[-1] + length + min(_LONGEST_GAP, max(least, rises[depth] * _STEEPNESS)))
        return starts, lengths

    def _length(self, place: int) -> float:
        return self.sizes[place][0] if place < len(self.scope.items) else 0.0

    def _set(self, place: int, center: float, start: float, room: float) -> None:
        """In a layer that lies across the page boxes get one width; everything else stands in the middle."""
        length, breadth = self.sizes[place]
        if self.is_rightward and place not in self.inner:
            length = self._common_length(place, room)
        self.spots[place] = _Spot(start + (room - length) / 2, center - breadth / 2, length, breadth)

    def _common_length(self, place: int, room: float) -> float:
        own = self.sizes[place][0]
        return room if room <= max(own * 1.8, 120.0) else own

    def _draw_links(
        self, layers: Layers, at: Sequence[float], starts: Sequence[float], lengths: Sequence[float]
    ) -> None:
        for link, edge, trail in zip(self.scope.links, self.scope.through, layers.trails, strict=True):
            first, last = trail[0], trail[-1]
            way: list[tuple[float, float]] = []
            for node in trail:
                depth = layers.layer[node]
                offset = 0.0
                low, high = starts[depth], starts[depth] + lengths[depth]
                if node == first:
                    offset = self._offset(link.start, link.start_port, is_in=False)
                    low = self._border(link.start, low, is_end=True)
                elif node == last:
                    offset = self._offset(link.end, link.end_port, is_in=True)
                    high = self._border(link.end, high, is_end=False)
                way += [(low, at[node] + offset), (high, at[node] + offset)]
            self.ways[edge] = way

    def _border(self, place: int, otherwise: float, *, is_end: bool) -> float:
        spot = self.spots.get(place)
        if spot is None:
            return otherwise
        return spot.along + spot.length if is_end else spot.along

    def _note_ports(self, at: Sequence[float]) -> None:
        index = {place: node for node, place in enumerate(self.scope.nodes)}
        for ports, known in zip(self.ports, (self.scope.ports_in, self.scope.ports_out), strict=True):
            ports.update({edge: at[index[node]] for edge, node in known.items()})

    def _end_at_border(self) -> None:
        """Lead the parts of edges that end at a port on to the border."""
        for edge, across in self.ports[0].items():
            self.ways[edge].insert(0, (0.0, across))
        for edge, across in self.ports[1].items():
            self.ways[edge].append((self.along + self.length + self.padding, across))


def _breadth(breadth: Sequence[float], node: int) -> float:
    return breadth[node] if node < len(breadth) else 0.0
