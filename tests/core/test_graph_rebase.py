"""Bodies that move: which indices become which steps, and what a round takes from the one before."""

from __future__ import annotations

import pytest

from stretto.core.graph import Body, Choice, Fragment, Loop, MapSpec, Node, Role, Source, StepSpec
from stretto.core.graph.rebase import Rebase, round_of
from stretto.core.graph.source import STATE, WHOLE_STATE, framed

SPEC = StepSpec(id="s")
CHOOSE = StepSpec(id="c", role=Role.CHOOSE)
LOOP = StepSpec(id="r", role=Role.REPEAT)
MAP = StepSpec(id="m", role=Role.MAP)
INNER = 5
OUTER = 2
MOVED = Rebase(INNER, 100)


def inner(local: int) -> int:
    """Place `local` of the body that moves."""
    return framed(INNER, local)


def outer(local: int) -> int:
    """Place `local` of the body around it."""
    return framed(OUTER, local)


def source(index: int, *projection: tuple[str, object]) -> Source:
    """The value of a step, narrowed."""
    return Source(index, projection)


def told(template: object) -> object:
    """A template in a form that compares."""
    if isinstance(template, Source):
        return (template._index, template._projection)
    if isinstance(template, (list, tuple)):
        return type(template)(told(part) for part in template)
    if isinstance(template, dict):
        return {key: told(part) for key, part in template.items()}
    return template


def loop_of(*nodes: Node, output: object = None, start: object = 0) -> Loop:
    """A loop whose body has these nodes, the last of which gives the verdict."""
    body = Fragment(nodes, {}, INNER, output=output)
    return Loop(body, start, source(inner(len(nodes) - 1), ("item", "done")), 3, keeps_last=False)


def test_only_the_bodys_own_places_move() -> None:
    """Steps of the run and places of other bodies stay what they are."""
    assert [MOVED.index(index) for index in (7, inner(0), inner(7), outer(7))] == [7, 100, 107, outer(7)]


def test_a_body_can_move_into_another_body() -> None:
    """The base carries the frame of the body it grows in."""
    assert Rebase(INNER, outer(30)).index(inner(4)) == outer(34)


def test_sources_move_anywhere_in_a_template_and_keep_their_fields() -> None:
    """In lists, tuples and dicts; what holds none is handed on."""
    template = {"a": [source(inner(1), ("attr", "x")), (source(3), "text")], "b": source(outer(2))}
    assert told(MOVED.template(template)) == {
        "a": [(101, (("attr", "x"),)), ((3, ()), "text")],
        "b": (outer(2), ()),
    }
    plain = object()
    assert MOVED.template(plain) is plain


def test_what_a_node_waits_for_is_sorted_and_has_what_all_wait_for() -> None:
    """Each once, with `also` in addition."""
    assert Rebase(INNER, 100, also=(9, 100)).indices((inner(0), 12, inner(3))) == (9, 12, 100, 103)


def test_a_node_keeps_its_name_and_scope() -> None:
    """Its inputs and what it waits for move, what it is does not."""
    node = Node(SPEC, "n", (source(inner(0)),), {"k": [source(inner(1))]}, (inner(0), inner(1), 3), 4)
    moved = MOVED.node(node)
    assert (moved.spec, moved.name, moved.scope) == (SPEC, "n", 4)
    assert told(moved.args) == ((100, ()),)
    assert told(moved.kwargs) == {"k": [(101, ())]}
    assert moved.deps == (3, 100, 101)


def test_a_maps_rule_moves() -> None:
    """Its items, its other arguments, what it is ordered after, and the map it is shaped by."""
    rule = MapSpec(SPEC, source(inner(0)), {"k": source(inner(1))}, (inner(1), 2), inner(0), ("spare",))
    moved = MOVED.map_rule(rule)
    assert (told(moved.items), told(moved.fixed)) == ((100, ()), {"k": (101, ())})
    assert (moved.after, moved.shape_of, moved.default) == ((2, 101), 100, ("spare",))


def test_what_a_branch_captures_moves_and_its_own_places_stay() -> None:
    """A choice that stands in a body takes from it what it named there; its branches have their own frame."""
    own = framed(INNER + 1, 0)
    body = Fragment(
        (Node(SPEC, "a/n", (source(inner(2)), source(own)), None, (inner(2), own)),), {}, INNER + 1
    )
    choice = Choice(body, {"a": range(1)}, {"a": [source(own), source(inner(2))]}, None)
    moved = MOVED.body_rule(choice)
    assert isinstance(moved, Choice)
    assert told(moved.body.nodes[0].args) == ((102, ()), (own, ()))
    assert moved.body.nodes[0].deps == (102, own)
    assert told(moved.outputs) == {"a": [(own, ()), (102, ())]}
    assert (moved.parts, moved.otherwise, moved.body.frame) == (choice.parts, None, INNER + 1)


def test_what_a_loop_captures_moves_at_any_depth() -> None:
    """Its start, its body, and rules and outputs that lie deeper; its verdict is its own."""
    own, deep = framed(INNER + 1, 0), framed(INNER + 2, 0)
    deepest = Fragment((Node(SPEC, "d", (source(inner(3)), source(deep)), None, (inner(3),)),), {}, INNER + 2)
    body = Fragment(
        (Node(CHOOSE, "c", (source(own),), None, (own,)),),
        {},
        INNER + 1,
        rules={
            0: Choice(deepest, {"a": range(1)}, {"a": source(inner(3))}, None),
            1: MapSpec(SPEC, source(inner(4)), None, (), None, ()),
        },
        outputs={0: [source(inner(5))]},
        output=source(inner(6)),
    )
    moved = MOVED.body_rule(Loop(body, source(inner(1)), source(own), 3, keeps_last=True))
    assert isinstance(moved, Loop)
    assert told(moved.start) == (101, ())
    assert told(moved.verdict) == (own, ())
    choice, mapped = moved.body.rules[0], moved.body.rules[1]
    assert isinstance(choice, Choice)
    assert told(choice.body.nodes[0].args) == ((103, ()), (deep, ()))
    assert choice.body.nodes[0].deps == (103,)
    assert told(choice.outputs["a"]) == (103, ())
    assert isinstance(mapped, MapSpec)
    assert told(mapped.items) == (104, ())
    assert told(moved.body.outputs[0]) == [(105, ())]
    assert told(moved.body.output) == (106, ())


# -------------------------------------------------------------------- rounds

STATE_OF = inner(STATE)


def test_a_round_has_its_number_in_the_path_and_the_verdict_to_look_at() -> None:
    """Nodes under other anchors keep their name, since theirs begins with that anchor's."""
    loop = loop_of(
        Node(SPEC, "a", (), None, ()), Node(SPEC, "under", (), None, (), 0), Node(SPEC, "v", (), None, ())
    )
    found = round_of(loop, 2, 0, ())
    assert [node.name for node in found.nodes] == ["#2/a", "under", "#2/v"]
    assert found.looks_at == 2


@pytest.mark.parametrize(
    ("state", "taken", "deps"),
    [
        (5, 5, ()),
        (source(8), (8, ()), (8,)),
        (source(8, ("item", "k")), (8, (("item", "k"),)), (8,)),
        ([source(8), source(9)], [(8, ()), (9, ())], (8, 9)),
    ],
)
def test_the_state_takes_the_place_of_what_the_round_before_handed_on(
    state: object, taken: object, deps: tuple[int, ...]
) -> None:
    """A plain start is a value like any other; what is made is waited for."""
    loop = loop_of(Node(SPEC, "a", (source(STATE_OF),), {"k": source(STATE_OF)}, (STATE_OF,)))
    (node,) = round_of(loop, 1, state, ()).nodes
    assert told(node.args) == (taken,)
    assert told(node.kwargs) == {"k": taken}
    assert node.deps == deps


def test_a_part_of_the_state_is_waited_for_alone() -> None:
    """Fields go through what was written down to the step that makes them, and on into its result."""
    state = {"a": source(8), "b": {"c": source(9)}, "plain": 1}
    field = source(STATE_OF, ("item", "b"), ("item", "c"), ("attr", "x"))
    loop = loop_of(
        Node(SPEC, "deep", (field,), None, (STATE_OF,)),
        Node(SPEC, "plain", (source(STATE_OF, ("item", "plain")),), None, (STATE_OF, 3)),
        Node(SPEC, "all", (source(STATE_OF),), None, (STATE_OF,)),
    )
    deep, plain, whole = round_of(loop, 2, state, ()).nodes
    assert (told(deep.args), deep.deps) == (((9, (("attr", "x"),)),), (9,))
    assert (plain.args, plain.deps) == ((1,), (3,))
    assert whole.deps == (8, 9)


def test_who_only_waits_for_the_state_waits_for_all_of_it() -> None:
    """A step ordered after it, and a map, whose items are not among its anchor's inputs."""
    state = {"a": source(8), "b": source(9)}
    part = source(STATE_OF, ("item", "a"))
    loop = loop_of(
        Node(SPEC, "after", (part,), None, (STATE_OF, inner(WHOLE_STATE))),
        Node(MAP, "map", (), None, (STATE_OF,)),
        Node(SPEC, "v", (part,), None, (STATE_OF,)),
    )
    assert [node.deps for node in round_of(loop, 2, state, ()).nodes] == [(8, 9), (8, 9), (8,)]


def test_every_node_of_a_round_waits_for_the_verdict_before() -> None:
    """Whether it takes anything or not; places of the round itself keep their frame until it grows."""
    loop = loop_of(Node(SPEC, "a", (), None, ()), Node(SPEC, "v", (source(inner(0)),), None, (inner(0),)))
    first, verdict = round_of(loop, 2, 0, (40,)).nodes
    assert first.deps == (40,)
    assert (told(verdict.args), verdict.deps) == (((inner(0), ()),), (40, inner(0)))


def test_a_field_that_the_state_does_not_have_raises_as_python_does() -> None:
    """Whoever calls names the loop and the round."""
    loop = loop_of(Node(SPEC, "a", (source(STATE_OF, ("item", "wrong")),), None, (STATE_OF,)))
    with pytest.raises(KeyError, match="wrong"):
        round_of(loop, 2, {"a": 1}, ())


def test_the_state_is_put_in_where_an_inner_loop_takes_it() -> None:
    """The start of a loop inside, and what its body captures."""
    own = framed(INNER + 1, 0)
    inside = Loop(
        Fragment((Node(SPEC, "n", (source(STATE_OF, ("item", "a")),), None, (STATE_OF,)),), {}, INNER + 1),
        source(STATE_OF, ("item", "b")),
        source(own),
        3,
        keeps_last=False,
    )
    body = Fragment(
        (Node(LOOP, "inner", (), None, ()),), {}, INNER, rules={0: inside}, output=source(STATE_OF)
    )
    loop = Loop(body, 0, source(inner(0)), 3, keeps_last=False)
    found = round_of(loop, 2, {"a": source(8), "b": 7}, (40,))
    rule = found.rules[0]
    assert isinstance(rule, Loop)
    assert rule.start == 7
    assert (told(rule.body.nodes[0].args), rule.body.nodes[0].deps) == (((8, ()),), (8, 40))
    assert told(found.output) == {"a": (8, ()), "b": 7}


def test_a_round_leaves_the_body_as_it_was() -> None:
    """The next round is made of the same body."""
    traced = Body(INNER)
    traced.add(SPEC, "a", (source(STATE_OF),), {"k": [source(STATE_OF)]}, (STATE_OF,))
    traced.output = source(inner(0))
    loop = Loop(traced.as_fragment(), 0, source(inner(0)), 3, keeps_last=False)
    first = round_of(loop, 1, 0, ())
    second = round_of(loop, 2, source(30), (31,))
    assert told(first.nodes[0].kwargs) == {"k": [0]}
    assert told(second.nodes[0].kwargs) == {"k": [(30, ())]}
    assert told(loop.body.nodes[0].args) == ((STATE_OF, ()),)
    assert told(second.output) == (inner(0), ())
