"""Fragments: what grows under an anchor, and how a body becomes one and grows again as it was."""

from __future__ import annotations

from core.schedule_cases import drawn
from stretto.core.graph import (
    Body,
    Fragment,
    Graph,
    GroupSpec,
    MapSpec,
    Node,
    Role,
    Source,
    StepSpec,
    map_fragment,
)
from stretto.core.graph.fragment import MAP_FRAME
from stretto.core.graph.source import framed

SPEC = StepSpec(id="w")
ANCHOR = StepSpec(id="a", role=Role.GROW)
GATE = StepSpec(id="g", role=Role.GATE)
MAP = StepSpec(id="m", role=Role.MAP)
FRAME = 3


def inner(local: int) -> int:
    """The index of a place of the body under test."""
    return framed(FRAME, local)


def body() -> Body:
    """Two steps in a group, the second of the first and of step 0 outside; behind them an anchor that has grown one
    child."""
    found = Body(FRAME)
    found.add(SPEC, "one", (Source(0),), None, (0,))
    found.add(SPEC, "two", (), {"x": [Source(inner(0), (("item", "k"),))], "y": Source(0)}, (0, inner(0)))
    found.groups.append(GroupSpec("g", 9.0, 1, 2, [0, 1]))
    found.group_of.update({0: 0, 1: 0})
    found.add(GATE, "g", (), None, (inner(0), inner(1)))
    found.add(ANCHOR, "sub", (), None, ())
    found.grow(
        3, Fragment((Node(SPEC, "deep", (Source(inner(1)),), None, (inner(1),)),), {0: "spare"}, FRAME + 1)
    )
    found.outputs[3] = {"deep": Source(inner(4))}
    found.output = [Source(inner(3)), Source(0)]
    return found


def grown(times: int = 1) -> Graph:
    """A run's graph, `x` and an anchor, under which the body has grown so many times."""
    graph = drawn("x")
    anchor = graph.add(ANCHOR, "a", (), None, ())
    for number in range(times):
        fragment = body().as_fragment()
        nodes = tuple(
            node if node.scope >= 0 else node._replace(name=f"#{number}/{node.name}")
            for node in fragment.nodes
        )
        graph.grow(anchor, fragment._replace(nodes=nodes))
    return graph


def test_a_body_grows_under_its_anchor() -> None:
    """Its own steps stand under the anchor, those of its anchors under these."""
    graph = grown()
    assert [graph.path(index) for index in range(2, 7)] == [
        "a#0/one",
        "a#0/two",
        "a#0/g",
        "a#0/sub",
        "a#0/sub/deep",
    ]
    assert graph.scopes[2:] == [1, 1, 1, 1, 5]
    assert list(graph.children[1]) == [2, 3, 4, 5]
    assert list(graph.children[5]) == [6]


def test_what_names_its_own_places_is_moved_and_the_rest_stays() -> None:
    """Edges and inputs, positional, by keyword and inside lists, with their fields."""
    graph = grown(2)
    assert graph.deps[7:12] == [(0,), (0, 7), (7, 8), (), (8,)]
    (one,) = graph.args[7]
    assert isinstance(one, Source)
    assert one._index == 0
    named = graph.kwargs[8]
    assert named is not None
    (source,), plain = named["x"], named["y"]  # type: ignore[misc]  # a list of one
    assert (source._index, source._projection) == (7, (("item", "k"),))
    assert isinstance(plain, Source)
    assert plain._index == 0


def test_consumers_follow_the_moved_edges() -> None:
    """Steps outside learn of those who wait for them inside, once for each growth."""
    graph = grown(2)
    assert list(graph.consumers_of(0)) == [2, 3, 7, 8]
    assert list(graph.consumers_of(3)) == [4, 6]
    assert list(graph.consumers_of(8)) == [9, 11]


def test_groups_and_defaults_are_moved() -> None:
    """Each growth has a group of its own; a default belongs to the step it was given for."""
    graph = grown(2)
    assert [(group.gate, group.members) for group in graph.groups] == [(4, [2, 3]), (9, [7, 8])]
    assert [group.within for group in graph.groups] == [9.0, 9.0]
    assert graph.group_of == {2: 0, 3: 0, 7: 1, 8: 1}
    nested = body()
    assert nested.defaults == {4: "spare"}
    assert graph.defaults == {6: "spare", 11: "spare"}


def test_the_anchors_value_is_the_last_growths_output() -> None:
    """A body's output is a template of its own places; a later growth replaces it."""
    for times, base in ((1, 2), (2, 7)):
        output = grown(times).outputs[1]
        assert isinstance(output, list)
        assert [source._index for source in output] == [base + 3, 0]


def test_the_outputs_of_anchors_inside_are_moved() -> None:
    """What an inner anchor's value is made of is known as soon as it has grown."""
    outputs = grown(2).outputs
    for anchor, child in ((5, 6), (10, 11)):
        output = outputs[anchor]
        assert isinstance(output, dict)
        assert output["deep"]._index == child


def test_children_of_all_growths_are_kept_in_order() -> None:
    """An anchor that grows again keeps what it had."""
    assert list(grown(2).children[1]) == [2, 3, 4, 5, 7, 8, 9, 10]


def test_growing_a_body_leaves_it_as_it_was() -> None:
    """One body serves any number of rounds: nothing in it is changed by its growth."""
    once = body()
    before = once.as_fragment()
    graph = drawn("x")
    anchor = graph.add(ANCHOR, "a", (), None, ())
    graph.grow(anchor, before)
    graph.groups[0].members.append(99)
    assert once.groups[0].members == [0, 1]
    assert [node.deps for node in before.nodes] == [
        (0,),
        (0, inner(0)),
        (inner(0), inner(1)),
        (),
        (inner(1),),
    ]


def test_a_body_has_no_consumers() -> None:
    """Nobody runs a body: its edges may lead out of it, to indices it does not have."""
    assert [list(body().consumers_of(index)) for index in range(5)] == [[]] * 5


def test_what_an_anchor_looks_at_is_told_that_it_is_waited_for() -> None:
    """The anchor is a consumer of the step whose end starts it again, until it grows something else."""
    graph = drawn("x")
    anchor = graph.add(ANCHOR, "a", (), None, ())
    graph.grow(anchor, body().as_fragment()._replace(looks_at=1))
    assert graph.looks == {anchor: 3}
    assert anchor in graph.consumers_of(3)
    graph.grow(anchor, Fragment((), {}, FRAME, output=None))
    assert graph.looks == {}


def test_a_maps_rule_is_moved_with_its_body() -> None:
    """What a map inside a body maps over, hands to all, waits for and is shaped by."""
    found = Body(FRAME)
    found.add(SPEC, "one", (), None, ())
    found.add(MAP, "m", (), None, (inner(0),))
    fixed: dict[str, object] = {"to": Source(inner(0)), "from": Source(0)}
    found.maps[1] = MapSpec(SPEC, Source(inner(0)), fixed, (0, inner(0)), inner(0), ("spare",))
    graph = drawn("x")
    graph.grow(graph.add(ANCHOR, "a", (), None, ()), found.as_fragment())
    rule = graph.maps[3]
    assert isinstance(rule.items, Source)
    assert rule.items._index == 2
    assert rule.fixed is not None
    assert {key: source._index for key, source in rule.fixed.items() if isinstance(source, Source)} == {
        "to": 2,
        "from": 0,
    }
    assert (rule.after, rule.shape_of, rule.default) == ((0, 2), 2, ("spare",))


def test_a_map_fragment_has_one_use_an_item() -> None:
    """The item first, the other arguments by name; a use waits for its own item and for what all wait for."""
    nodes = map_fragment(SPEC, [Source(4), [Source(5)], 6], {"to": Source(2)}, (1,)).nodes
    assert [node.name for node in nodes] == [0, 1, 2]
    assert [node.deps for node in nodes] == [(1, 2, 4), (1, 2, 5), (1, 2)]


def test_an_item_that_all_wait_for_is_waited_for_once() -> None:
    """An edge is counted once, or it would never open."""
    (node,) = map_fragment(SPEC, [Source(1)], None, (1,)).nodes
    assert node.deps == (1,)


def test_writers_wait_for_the_item_before() -> None:
    """Uses that write the same thing keep the items' order; those that only read run side by side."""
    writer = StepSpec(id="w", writes=("db",))
    nodes = map_fragment(writer, ["a", "b", "c"], None, (0,)).nodes
    assert [node.deps for node in nodes] == [(0,), (0, framed(MAP_FRAME, 0)), (0, framed(MAP_FRAME, 1))]
    graph = drawn("x")
    graph.grow(graph.add(MAP, "m", (), None, ()), map_fragment(writer, ["a", "b", "c"], None, (0,)))
    assert graph.deps[2:] == [(0,), (0, 2), (0, 3)]
    reader = StepSpec(id="r", reads=("db",))
    assert [node.deps for node in map_fragment(reader, ["a", "b"], None, ()).nodes] == [(), ()]


def test_a_maps_default_is_every_childs() -> None:
    """A declared default is there for each item; without one there is none."""
    assert map_fragment(SPEC, [1, 2], None, (), (None,)).defaults == {0: None, 1: None}
    assert map_fragment(SPEC, [1, 2], None, ()).defaults == {}
