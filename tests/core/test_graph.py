"""The graph: columns, paths, order, growth."""

from __future__ import annotations

from core.schedule_cases import add_group, add_map, drawn
from stretto.core.graph import Fragment, Graph, Node, Source, StepSpec, map_fragment

SPEC = StepSpec(id="w")


def _grown() -> tuple[Graph, int]:
    graph = drawn("xs", "other")
    anchor = add_map(graph, "write", 0)
    graph.grow(anchor, map_fragment(SPEC, [Source(0), Source(0)], None, ()))
    return graph, anchor


def test_a_path_is_id_and_map_index() -> None:
    """A step's path comes from declared ids and map indices alone."""
    graph, anchor = _grown()
    assert [graph.path(index) for index in range(5)] == ["xs", "other", "write", "write[0]", "write[1]"]
    assert graph.path(anchor) == "write"


def test_a_named_step_under_an_anchor_stands_behind_a_slash() -> None:
    """Named children are segments of their own: ``expand/critic``."""
    graph = drawn("expand")
    graph.grow(0, Fragment((Node(SPEC, "critic", (), None, ()),), {}))
    assert graph.path(1) == "expand/critic"


def test_paths_are_found_again_after_growth() -> None:
    """Looking a path up works before and after the graph has grown."""
    graph = drawn("xs")
    anchor = add_map(graph, "m", 0)
    assert graph.index_of("m[1]") is None
    graph.grow(anchor, map_fragment(SPEC, [1, 2], None, ()))
    assert graph.index_of("m[1]") == 3
    assert graph.index_of("nobody") is None


def test_consumers_are_none_one_or_many() -> None:
    """The compact column reads the same whatever it holds."""
    graph = drawn("a", "b", "c: a", "d: b", "e: b", "f: b")
    assert [list(graph.consumers_of(index)) for index in range(3)] == [[2], [3, 4, 5], []]


def test_author_order_puts_children_at_their_anchor() -> None:
    """Grown steps sort where their anchor was written, whenever they grew."""
    graph = drawn("xs")
    add_map(graph, "m", 0)
    graph.add(SPEC, "last", (), None, ())
    graph.grow(1, map_fragment(SPEC, [1, 2], None, ()))
    order = sorted(range(len(graph)), key=graph.author_order)
    assert [graph.path(index) for index in order] == ["xs", "m", "m[0]", "m[1]", "last"]


def test_growth_gives_defaults_by_position() -> None:
    """A fragment's defaults are those of its own nodes."""
    graph = drawn("xs", "ys")
    graph.grow(0, map_fragment(SPEC, ["a", "b"], None, (), ("none",)))
    assert graph.defaults == {2: "none", 3: "none"}
    assert graph.children[0] == range(2, 4)


def test_an_edge_is_counted_once() -> None:
    """An item, a fixed input and an order that name one step make one edge."""
    fragment = map_fragment(SPEC, [Source(1), [Source(2), Source(1)], "plain"], {"by": Source(1)}, (0, 1))
    assert [node.deps for node in fragment.nodes] == [(0, 1), (0, 1, 2), (0, 1)]


def test_members_of_groups_are_optional() -> None:
    """A step may be lost if it says so or stands in a group."""
    graph = drawn("a", "b", "c", b={"optional": True})
    add_group(graph, "g", 2)
    assert [graph.is_optional(index) for index in range(3)] == [False, True, True]


def test_a_child_belongs_to_its_anchors_group() -> None:
    """Whoever grew under a member is timed with the group."""
    graph = drawn("xs")
    anchor = add_map(graph, "m", 0)
    add_group(graph, "g", anchor)
    graph.grow(anchor, map_fragment(SPEC, [1], None, ()))
    assert graph.group_number(3) == 0
    assert graph.group_number(0) is None


def test_edges_run_through_the_work() -> None:
    """For measuring, a grown anchor depends on its children and they on what the anchor waited for."""
    graph, anchor = _grown()
    graph.grow(1, map_fragment(SPEC, ["plain"], None, ()))
    deps, outs = graph.edges()
    assert deps[anchor] == (3, 4)
    assert (deps[3], deps[5]) == ((0,), ())
    assert outs[3] == (anchor,)
    assert outs[0] == (3, 4)


def test_an_empty_map_keeps_its_own_edge() -> None:
    """A map that grew nothing still stands behind what it waited for."""
    graph = drawn("xs")
    anchor = add_map(graph, "m", 0)
    graph.grow(anchor, map_fragment(SPEC, [], None, ()))
    assert graph.edges()[0][anchor] == (0,)


def test_a_copy_grows_alone() -> None:
    """Growing a copy leaves the original's columns as they were."""
    graph = drawn("xs", "b: xs")
    anchor = add_map(graph, "m", 0)
    copied = graph.copy()
    copied.grow(anchor, map_fragment(SPEC, [Source(0)], None, ()))
    assert (len(graph), len(copied)) == (3, 4)
    assert graph.children == {}
    assert list(graph.consumers_of(0)) == [1, 2]


def test_specs_are_compared_by_identity() -> None:
    """Two declarations of one id are two declarations."""
    assert StepSpec(id="a") != StepSpec(id="a")


def test_a_spec_knows_whether_time_bounds_it() -> None:
    """Only timed steps pay for timers."""
    assert not StepSpec(id="a").is_timed
    assert StepSpec(id="a", timeout=1).is_timed
    assert StepSpec(id="a", within=1).is_timed
