"""Where boxes stand and edges run: nothing overlaps, no edge crosses a box, equal input gives an equal picture."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from report.drawn_graphs import diamond, random_layers, random_teams
from stretto.errors import DefinitionError
from stretto.report.diagram import Diagram, diagram_of
from stretto.report.layout import Layout, Point, Rect, lay_out
from stretto.report.nesting import Edge, Item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.core.graph import Graph

SIZE = (90.0, 34.0)
ROUNDING = 0.01


def items_of(diagram: Diagram) -> list[Item]:
    """The boxes of a diagram, all of one size."""

    def item(key: int) -> Item:
        inside = tuple(item(each) for each in diagram.boxes[key].inside)
        return Item(key, 0.0 if inside else SIZE[0], 0.0 if inside else SIZE[1], inside)

    return [item(key) for key in diagram.top]


def laid_out(
    graph: Graph, *, is_rightward: bool | None = None, has_all_edges: bool = False
) -> tuple[Diagram, Layout]:
    """A graph's diagram and where everything in it stands."""
    diagram = diagram_of(graph, "flow", has_all_edges=has_all_edges)
    edges = [Edge(arrow.start, arrow.end) for arrow in diagram.arrows]
    return diagram, lay_out(items_of(diagram), edges, is_rightward=is_rightward)


GRAPHS = {
    "diamond": diamond(),
    "ten": random_layers(10, 4, 1),
    "hundred": random_layers(100, 10, 2),
    "crowded": random_layers(120, 5, 3),
    "teams": random_teams(5, 7, 4),
}
CASES = [
    pytest.param(graph, is_rightward, has_all_edges, id=f"{name}-{is_rightward}-{has_all_edges}")
    for name, graph in GRAPHS.items()
    for is_rightward in (True, False)
    for has_all_edges in (True, False)
]


def overlaps(one: Rect, other: Rect, gap: float = 0.0) -> bool:
    """Whether two boxes come nearer to each other than `gap`."""
    return (
        one.x < other.x + other.width + gap
        and other.x < one.x + one.width + gap
        and one.y < other.y + other.height + gap
        and other.y < one.y + one.height + gap
    )


def along(route: list[Point], *, is_rightward: bool) -> Iterator[Point]:
    """Points on a route as it is drawn: Bézier curves that leave and arrive along the flow."""
    for start, end in pairwise(route):
        for step in range(21):
            t = step / 20
            bend = 3 * t * t - 2 * t**3
            straight = 3 * t * (1 - t) ** 2 * 0.5 + 3 * t * t * (1 - t) * 0.5 + t**3
            x_share, y_share = (straight, bend) if is_rightward else (bend, straight)
            yield Point(start.x + (end.x - start.x) * x_share, start.y + (end.y - start.y) * y_share)


@pytest.mark.parametrize(("graph", "is_rightward", "has_all_edges"), CASES)
def test_boxes_keep_apart(graph: Graph, is_rightward: bool, has_all_edges: bool) -> None:
    """Boxes in one scope do not touch; what stands in a cluster stands within it, below its title."""
    diagram, layout = laid_out(graph, is_rightward=is_rightward, has_all_edges=has_all_edges)
    scopes = [diagram.top, *(box.inside for box in diagram.boxes.values() if box.inside)]
    for keys in scopes:
        rects = [layout.rects[key] for key in keys]
        for number, one in enumerate(rects):
            assert not any(overlaps(one, other, gap=8) for other in rects[number + 1 :])
    for key, box in diagram.boxes.items():
        for child in box.inside:
            outer, inner = layout.rects[key], layout.rects[child]
            assert outer.x < inner.x
            assert outer.y + 24 < inner.y
            assert inner.x + inner.width < outer.x + outer.width
            assert inner.y + inner.height < outer.y + outer.height


@pytest.mark.parametrize(("graph", "is_rightward", "has_all_edges"), CASES)
def test_edges_cross_no_boxes(graph: Graph, is_rightward: bool, has_all_edges: bool) -> None:
    """An edge touches only the two boxes it joins, and of clusters those that one of the two stands in."""
    diagram, layout = laid_out(graph, is_rightward=is_rightward, has_all_edges=has_all_edges)
    for arrow, route in zip(diagram.arrows, layout.routes, strict=True):
        own = set()
        for key in arrow[:2]:
            while key in diagram.boxes:
                own.add(key)
                key = diagram.boxes[key].around
        others = [rect for key, rect in layout.rects.items() if key not in own]
        joined = [layout.rects[key] for key in arrow[:2] if not diagram.boxes[key].inside]
        for point in along(route, is_rightward=is_rightward):
            spot = Rect(*point, 0.0, 0.0)
            assert not any(overlaps(spot, rect) for rect in others)
            assert not any(overlaps(spot, rect, gap=-ROUNDING) for rect in joined)


@pytest.mark.parametrize(("graph", "is_rightward", "has_all_edges"), CASES)
def test_edges_run_with_the_flow(graph: Graph, is_rightward: bool, has_all_edges: bool) -> None:
    """From the far side of what is needed to the near side of what needs it, never back."""
    diagram, layout = laid_out(graph, is_rightward=is_rightward, has_all_edges=has_all_edges)
    axis = 0 if is_rightward else 1
    for arrow, route in zip(diagram.arrows, layout.routes, strict=True):
        start, end = layout.rects[arrow.start], layout.rects[arrow.end]
        places = [point[axis] for point in route]
        assert places == sorted(places)
        assert places[0] == pytest.approx(start[axis] + start[axis + 2])
        assert places[-1] == pytest.approx(end[axis])
        for rect, point in ((start, route[0]), (end, route[-1])):
            assert rect[1 - axis] <= point[1 - axis] <= rect[1 - axis] + rect[3 - axis]


@pytest.mark.parametrize("name", GRAPHS)
def test_everything_is_inside_the_picture(name: str) -> None:
    """Boxes and edges begin at 0 and end at the given size."""
    _, layout = laid_out(GRAPHS[name])
    for x, y, width, height in layout.rects.values():
        assert x >= -ROUNDING
        assert y >= -ROUNDING
        assert x + width <= layout.width + ROUNDING
        assert y + height <= layout.height + ROUNDING
    for route in layout.routes:
        assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in route)


def test_a_picture_is_equal_each_time() -> None:
    """No dice, no order of sets: the same graph is always drawn alike."""
    assert laid_out(random_teams(4, 6, 9)) == laid_out(random_teams(4, 6, 9))


def test_a_chain_is_one_straight_line() -> None:
    """Boxes of different heights are joined at their middles."""
    items = [Item(0, 50, 30), Item(1, 50, 60), Item(2, 50, 40)]
    layout = lay_out(items, [Edge(0, 1), Edge(1, 2)], is_rightward=True)
    middles = {rect.y + rect.height / 2 for rect in layout.rects.values()}
    assert len(middles) == 1
    assert [len(route) for route in layout.routes] == [2, 2]


def test_parents_stand_in_the_middle_of_their_children() -> None:
    """A fan is symmetrical, and so is the join behind it."""
    edges = [Edge(0, child) for child in (1, 2, 3)] + [Edge(child, 4) for child in (1, 2, 3)]
    layout = lay_out([Item(number, *SIZE) for number in range(5)], edges, is_rightward=True)
    assert layout.rects[0].y == layout.rects[2].y == layout.rects[4].y
    assert layout.rects[2].y - layout.rects[1].y == layout.rects[3].y - layout.rects[2].y


def test_a_long_edge_is_straight_past_the_layers_between() -> None:
    """It leaves its line only where it begins and ends."""
    edges = [*(Edge(number, number + 1) for number in range(5)), Edge(0, 5)]
    layout = lay_out([Item(number, *SIZE) for number in range(6)], edges, is_rightward=True)
    inner = layout.routes[5][1:-1]
    assert len(inner) == 2
    assert inner[0].y == pytest.approx(inner[1].y)


def test_the_flow_runs_where_the_shape_is_better() -> None:
    """A chain runs down, a wide fan runs to the right."""
    chain = [Edge(number, number + 1) for number in range(9)]
    fan = [Edge(0, number) for number in range(1, 10)]
    items = [Item(number, 140.0, 34.0) for number in range(10)]
    assert not lay_out(items, chain).is_rightward
    assert lay_out(items, fan).is_rightward


def test_a_cluster_is_as_wide_as_its_title() -> None:
    """What stands in it then stands in its middle, in either direction."""
    for is_rightward in (True, False):
        cluster = Item(9, 400.0, inside=(Item(0, *SIZE), Item(1, *SIZE)))
        layout = lay_out([cluster], [Edge(0, 1)], is_rightward=is_rightward)
        assert layout.rects[9].width == 400.0
        left, right = layout.rects[0], layout.rects[1]
        assert left.x == pytest.approx(400.0 - right.x - right.width)


def test_nothing_to_draw() -> None:
    """A picture without boxes has no extent."""
    layout = lay_out([], [])
    assert (layout.rects, layout.routes, layout.width, layout.height) == ({}, [], 0.0, 0.0)


def test_a_circle_cannot_be_laid_out() -> None:
    """Whoever draws must not give one, not even between clusters; it raises instead of running on."""
    with pytest.raises(DefinitionError, match="circle"):
        lay_out([Item(0, *SIZE), Item(1, *SIZE)], [Edge(0, 1), Edge(1, 0)])
    cluster = Item(5, 0.0, inside=(Item(0, *SIZE), Item(1, *SIZE)))
    with pytest.raises(DefinitionError, match="circle"):
        lay_out([cluster, Item(2, *SIZE)], [Edge(0, 2), Edge(2, 1)])


@pytest.mark.slow
def test_five_hundred_steps_take_less_than_a_second() -> None:
    """Processor time, so that other work on the machine does not count."""
    graph = random_layers(500, 20, 5)
    began = time.process_time()
    laid_out(graph)
    assert time.process_time() - began < 1.0
