"""A diagram as SVG: one self-contained element without scripts, for files, pages and notebooks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from stretto.report.diagram import Kind, shown_kinds
from stretto.report.layout import Edge, Item, Rect, lay_out
from stretto.report.look import FACT_SIZE, LABEL_SIZE, SCOPE, STYLE, has_mark, mark
from stretto.report.svg import cut, escaped, number, tag, text_width, titled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stretto.report.diagram import Arrow, Box, Diagram
    from stretto.report.layout import Layout, Point

__all__ = ["picture"]

_MARGIN: Final = 24.0
_HEAD: Final = 52.0
_LEGEND: Final = 40.0
_STACK: Final = 8.0
"""By how much the cards behind a map's show."""

_WIDEST_LABEL: Final = 230.0
_WITH_FACTS: Final = 90
"""Boxes in a picture that still says facts in each; larger ones have them in tips."""

_WORDS: Final = {
    Kind.LOOP: "coroutine",
    Kind.THREAD: "thread",
    Kind.PROCESS: "process",
    Kind.INLINE: "inline",
    Kind.GATE: "gate",
    Kind.GROUP: "group with its gate",
    Kind.MAP: "map, ×steps",
    Kind.CHOOSE: "choose",
    Kind.REPEAT: "repeat",
    Kind.GROW: "nested or planned",
    Kind.ALIKE: "the same edges for all in it",
}


def picture(diagram: Diagram) -> str:
    """The diagram as an ``<svg>`` element; equal for equal diagrams."""
    return _Picture(diagram).drawn()


class _Picture:
    def __init__(self, diagram: Diagram) -> None:
        self.diagram = diagram
        self.has_facts = len(diagram.boxes) <= _WITH_FACTS
        items = [self._item(diagram.boxes[key]) for key in diagram.top]
        edges = [Edge(arrow.start, arrow.end) for arrow in diagram.arrows]
        self.layout: Layout = lay_out(items, edges)

    def drawn(self) -> str:
        legend, legend_width, legend_height = self._legend(max(self.layout.width, 420.0))
        head = text_width(self._counts(), FACT_SIZE)
        width = max(self.layout.width, legend_width, head, text_width(self.diagram.title, 17)) + 2 * _MARGIN
        height = _HEAD + self.layout.height + legend_height + _MARGIN
        left = (width - self.layout.width) / 2
        return tag(
            "svg",
            titled(f"{self.diagram.title}: {self._counts()}"),
            STYLE,
            tag("rect", class_="paper", width=width, height=height, rx=10.0),
            tag("text", escaped(self.diagram.title), class_="head", x=_MARGIN, y=30.0),
            tag("text", escaped(self._counts()), class_="fact", x=_MARGIN, y=47.0),
            tag("g", *self._parts(), transform=f"translate({number(left)} {number(_HEAD + 14)})"),
            tag(
                "g",
                *legend,
                transform=f"translate({number(_MARGIN)} {number(_HEAD + 14 + self.layout.height + 26)})",
            ),
            xmlns="http://www.w3.org/2000/svg",
            class_=SCOPE,
            role="graphics-document",
            aria_label=f"Graph of {self.diagram.title}",
            viewBox=f"0 0 {number(width)} {number(height)}",
            width=width,
            height=height,
        )

    def _counts(self) -> str:
        diagram = self.diagram
        words = [_count(diagram.steps, "step"), f"{_count(len(diagram.arrows), 'edge')} drawn"]
        if diagram.left_out:
            words.append(f"{diagram.left_out} that others imply left out")
        return " · ".join(words)

    def _parts(self) -> Iterator[str]:
        yield from self._clusters(self.diagram.top)
        arrows = list(zip(self.diagram.arrows, self.layout.routes, strict=True))
        for arrow, route in sorted(arrows, key=lambda each: each[0].is_critical):
            yield self._arrow(arrow, route)
        for box in self.diagram.boxes.values():
            if not box.inside:
                yield self._box(box, self.layout.rects[box.key])

    # ---------------------------------------------------------------- sizes

    def _item(self, box: Box) -> Item:
        if box.inside:
            inside = tuple(self._item(self.diagram.boxes[key]) for key in box.inside)
            has_title = box.kind is not Kind.ALIKE
            return Item(box.key, self._title_width(box) if has_title else 0.0, 0.0, inside, has_title)
        name = text_width(_name(box), LABEL_SIZE)
        width = name + _mark_room(box) + _count_room(box) + 26
        facts = self._facts(box)
        width = max(width, text_width(facts, FACT_SIZE) + _mark_room(box) + 26 if facts else 0.0, 56.0)
        stack = _STACK if box.kind is Kind.MAP else 0.0
        return Item(box.key, width + stack, (46.0 if facts else 34.0) + stack)

    def _title_width(self, box: Box) -> float:
        facts = " · ".join(box.facts)
        return (
            text_width(box.label, 13) + _mark_room(box) + _count_room(box) + text_width(facts, FACT_SIZE) + 60
        )

    def _facts(self, box: Box) -> str:
        return cut(" · ".join(box.facts), _WIDEST_LABEL, FACT_SIZE) if self.has_facts else ""

    # ---------------------------------------------------------------- elements

    def _clusters(self, keys: Sequence[int]) -> Iterator[str]:
        for key in keys:
            box = self.diagram.boxes[key]
            if box.inside:
                yield self._cluster(box, self.layout.rects[key])
                yield from self._clusters(box.inside)

    def _cluster(self, box: Box, rect: Rect) -> str:
        x, y, width, height = rect
        parts = [
            titled(box.tip),
            tag("rect", class_="shape frame", x=x, y=y, width=width, height=height, rx=10.0),
        ]
        if box.kind is not Kind.ALIKE:
            left = x + 14 + _mark_room(box)
            parts.append(mark(box.kind, x + 12, y + 16))
            parts.append(tag("text", escaped(box.label), class_="title", x=left, y=y + 20))
            facts = " · ".join((*([f"×{len(box.inside)}"] if box.kind is Kind.MAP else []), *box.facts))
            if facts:
                at = {"x": x + width - 14, "y": y + 20.0}
                parts.append(tag("text", escaped(facts), class_="fact", text_anchor="end", **at))
        return tag("g", *parts, class_=_classes(box), role="graphics-object", aria_label=_said(box))

    def _box(self, box: Box, rect: Rect) -> str:
        if box.kind is Kind.MAP:
            rect = rect._replace(width=rect.width - _STACK, height=rect.height - _STACK)
        facts = self._facts(box)
        left = rect.x + 13 + _mark_room(box)
        middle = rect.y + rect.height / 2
        parts = [titled(box.tip), *_shape(box, rect), mark(_marked(box), rect.x + 11, middle)]
        line = middle - 3 if facts else middle + 4.5
        name = tag("text", escaped(_name(box)), class_="name", x=left, y=line)
        parts.append(name)
        if box.count:
            at = {"x": rect.x + rect.width - 12, "y": line}
            parts.append(tag("text", escaped(f"×{box.count}"), class_="count", text_anchor="end", **at))
        if facts:
            parts.append(tag("text", escaped(facts), class_="fact", x=left, y=line + 15))
        return tag("g", *parts, class_=_classes(box), role="graphics-symbol", aria_label=_said(box))

    def _arrow(self, arrow: Arrow, route: Sequence[Point]) -> str:
        boxes = self.diagram.boxes
        kinds = ("" if arrow.has_data else " order") + (" critical" if arrow.is_critical else "")
        words = f"{boxes[arrow.start].path or 'all'} → {boxes[arrow.end].path or 'all'}"
        is_right = self.layout.is_rightward
        line = tag("path", titled(words), class_=f"edge{kinds}", d=_curve(route, is_rightward=is_right))
        tip = tag(
            "path", class_=f"tip{kinds.replace(' order', '')}", d=_tip(route[-1], is_rightward=is_right)
        )
        return line + tip

    # ---------------------------------------------------------------- legend

    def _legend(self, room: float) -> tuple[list[str], float, float]:
        parts: list[str] = []
        x = y = widest = 0.0
        for sample, words in self._samples():
            width = 30 + text_width(words, FACT_SIZE) + 18
            if x and x + width > room:
                x, y = 0.0, y + 24
            text = tag("text", escaped(words), class_="fact", x=30.0, y=4.0)
            parts.append(tag("g", sample, text, transform=f"translate({number(x)} {number(y)})"))
            x += width
            widest = max(widest, x - 18)
        return parts, widest, y + _LEGEND if parts else 0.0

    def _samples(self) -> Iterator[tuple[str, str]]:
        boxes = self.diagram.boxes.values()
        for kind in shown_kinds(boxes):
            if kind in _WORDS:
                yield _sample(kind), _WORDS[kind]
        if any(box.is_optional and not box.inside for box in boxes):
            yield _sample(Kind.INLINE, "optional"), "optional"
        if any(not box.is_certain for box in boxes):
            yield _sample(Kind.INLINE, "maybe"), "one of the branches"
        if any(not arrow.has_data for arrow in self.diagram.arrows):
            yield tag("path", class_="edge order", d="M0 0h22"), "order without data"
        if any(box.is_critical for box in boxes):
            yield tag("path", class_="edge critical", d="M0 0h22"), "critical path (estimate)"


def _sample(kind: Kind, more: str = "") -> str:
    box = tag(
        "rect", class_="shape", x=0.0, y=-8.0, width=22.0, height=16.0, rx=8.0 if kind is Kind.INLINE else 4.0
    )
    if kind is Kind.MAP:
        back = tag("rect", class_="shape", x=3.0, y=-5.0, width=22.0, height=16.0, rx=4.0)
        return tag("g", back, box, class_=kind.name.lower())
    return tag("g", box, _small_mark(kind), class_=f"{kind.name.lower()} {more}".rstrip())


def _small_mark(kind: Kind) -> str:
    if not has_mark(kind):
        return ""
    return tag("g", mark(kind, 0, 0), class_=kind.name.lower(), transform="translate(5.8 0) scale(.7)")


def _name(box: Box) -> str:
    return cut(box.label, _WIDEST_LABEL, LABEL_SIZE)


def _said(box: Box) -> str:
    """What those hear who cannot see the box."""
    words = [box.path or "frame", box.kind.value, *([f"{box.count} steps"] if box.count else []), *box.facts]
    return ", ".join(words)


def _marked(box: Box) -> Kind:
    """A map shows itself by its stack of cards: its mark is free to say how its steps run."""
    return box.tone if box.kind is Kind.MAP else box.kind


def _mark_room(box: Box) -> float:
    return 20.0 if has_mark(_marked(box)) else 0.0


def _count_room(box: Box) -> float:
    return text_width(f"×{box.count}", 12) + 14 if box.count else 0.0


def _classes(box: Box) -> str:
    kind = box.kind if box.inside else box.tone
    words = [kind.name.lower()]
    words += ["optional"] if box.is_optional and not box.inside else []
    words += [] if box.is_certain else ["maybe"]
    words += ["critical"] if box.is_critical else []
    return " ".join(words)


def _shape(box: Box, rect: Rect) -> Iterator[str]:
    x, y, width, height = rect
    if box.kind is Kind.MAP:
        for offset in (_STACK, _STACK / 2):
            yield tag("rect", class_="shape", x=x + offset, y=y + offset, width=width, height=height, rx=7.0)
    if box.kind in (Kind.GATE, Kind.CHOOSE):
        yield tag("path", class_="shape", d=_hexagon(rect))
        return
    radius = height / 2 if box.tone is Kind.INLINE else 7.0
    yield tag("rect", class_="shape", x=x, y=y, width=width, height=height, rx=radius)
    if box.kind is Kind.GROW:
        yield tag("rect", class_="shape", x=x + 3, y=y + 3, width=width - 6, height=height - 6, rx=5.0)


def _hexagon(rect: Rect) -> str:
    x, y, width, height = rect
    side = min(9.0, height / 3)
    return (
        f"M{number(x + side)} {number(y)}h{number(width - 2 * side)}l{number(side)} {number(height / 2)}"
        f"l{number(-side)} {number(height / 2)}h{number(2 * side - width)}l{number(-side)} {number(-height / 2)}z"
    )


def _curve(route: Sequence[Point], *, is_rightward: bool) -> str:
    """Straight along the flow, and from one line to another in a curve that leaves and arrives along it."""
    route = [*route[:-1], _before(route[-1], 6.0, is_rightward=is_rightward)]
    words = [f"M{number(route[0].x)} {number(route[0].y)}"]
    for start, end in pairwise(route):
        rise = end.y - start.y if is_rightward else end.x - start.x
        if abs(rise) < 0.05:
            words.append(f"L{number(end.x)} {number(end.y)}")
            continue
        half = (end.x - start.x) / 2 if is_rightward else (end.y - start.y) / 2
        first = (start.x + half, start.y) if is_rightward else (start.x, start.y + half)
        second = (end.x - half, end.y) if is_rightward else (end.x, end.y - half)
        numbers = " ".join(number(value) for value in (*first, *second, *end))
        words.append(f"C{numbers}")
    return "".join(words)


def _before(point: Point, length: float, *, is_rightward: bool) -> Point:
    return point._replace(x=point.x - length) if is_rightward else point._replace(y=point.y - length)


def _tip(point: Point, *, is_rightward: bool) -> str:
    x, y = number(point.x), number(point.y)
    return f"M{x} {y}l-8 -3.6v7.2z" if is_rightward else f"M{x} {y}l-3.6 -8h7.2z"


def _count(amount: int, what: str) -> str:
    return f"{amount:,} {what}" if amount == 1 else f"{amount:,} {what}s"
