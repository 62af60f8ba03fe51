"""What has changed between two traces: the same steps by path, each change one sentence, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from property.search import search
from property.worlds import worlds
from property.worlds_wiring import Actors, build
from stretto import Retry, choose, expand, group, repeat, step, workflow
from stretto.core.graph import (
    Fragment,
    Graph,
    GroupSpec,
    Loop,
    MapSpec,
    Node,
    Role,
    Source,
    StepSpec,
    WaitRule,
    Where,
)
from stretto.core.graph.comparing import Difference, compare
from stretto.core.graph.source import STATE, framed
from stretto.core.journal.facts import RUN_CREATED, Created, RunOptions
from stretto.core.journal.reading import FactReader
from stretto.core.journal.writing import FactWriter
from stretto.core.policy import OnLost
from stretto.core.policy.retry import Retry as Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.core.graph.comparing import Comparison

SPEC = StepSpec(id="write", timeout=30.0, retry=Rule(attempts=2), limits=("llm",), memory=1_000_000)


TARGET = replace(SPEC)


def node(name: str | int, *args: object, spec: StepSpec = SPEC, scope: int = -1, **kwargs: object) -> Node:
    """A use of a step that waits for what it takes."""
    from stretto.core.graph import sources_in

    return Node(spec, name, args, kwargs or None, tuple(sorted(sources_in((args, kwargs)))), scope)


def fragment(*nodes: Node, **parts: Any) -> Fragment:
    """Nodes of frame 0."""
    return Fragment(nodes, parts.pop("defaults", {}), 0, **parts)


def said(old: Fragment | Graph, new: Fragment | Graph) -> list[str]:
    """The sentences of a comparison."""
    return [str(each) for each in compare(old, new).differences]


def kinds(comparison: Comparison) -> list[tuple[str, str]]:
    """Kind and path of each difference."""
    return [(each.kind, each.path) for each in comparison.differences]


# -------------------------------------------------------------------- steps


def test_equal_graphs_are_paired() -> None:
    """Each declaration has its partner, and nothing is said."""
    own, other = StepSpec(id="a"), StepSpec(id="a")
    found = compare(fragment(node("x", spec=own)), fragment(node("x", spec=other)))
    assert found == ({own: other}, ())


def test_the_order_of_the_author_is_no_difference() -> None:
    """Nodes are paired by path, and sources by what they name, wherever it stands."""
    old = fragment(node("a", 1), node("b", 2), node("c", Source(0), Source(1)), output=Source(2))
    new = fragment(node("b", 2), node("a", 1), node("c", Source(1), Source(0)), output=Source(2))
    assert said(old, new) == []


def test_removed_and_added() -> None:
    """A step that only one side has; what stands under it goes without saying."""
    old = fragment(
        node("a"), node("m", spec=StepSpec(id="m", role=Role.MAP)), node(0, scope=1), node(1, scope=1)
    )
    new = fragment(node("a"), node("gate", spec=StepSpec(id="gate", role=Role.GATE)))
    assert said(old, new) == ["step m was removed", "step gate was added"]
    assert kinds(compare(old, new)) == [("removed", "m"), ("added", "gate")]
    assert said(new, old) == ["step gate was removed", "step m was added"]


def test_renamed_use() -> None:
    """The same declared id under another name; who takes its result takes the same."""
    old = fragment(node("fetch", 1), node("b", Source(0)))
    new = fragment(node("get", 2), node("b", Source(0)))
    found = compare(old, new)
    assert [str(each) for each in found.differences] == [
        "step fetch was renamed to get",
        "step get: argument 1 1 -> 2",
    ]
    assert kinds(found)[0] == ("renamed", "fetch")


def test_renamed_function() -> None:
    """Another id with the same inputs; a declaration is paired by equal paths only."""
    old = fragment(node("a"), node("fetch", Source(0), spec=StepSpec(id="fetch")))
    new = fragment(node("a"), node("get", Source(0), spec=StepSpec(id="get")))
    found = compare(old, new)
    assert found.differences == (Difference("renamed", "fetch", "was renamed to get"),)
    assert list(found.pairs) == [SPEC]


def test_renamed_anchor() -> None:
    """What stands under it has moved with it."""
    anchor = StepSpec(id="m", role=Role.MAP)
    old = fragment(node("m", spec=anchor), node(0, 1, scope=0), node(1, 2, scope=0))
    new = fragment(node("n", spec=anchor), node(0, 1, scope=0), node(1, 3, scope=0))
    assert said(old, new) == ["step m was renamed to n", "step n[1]: argument 1 2 -> 3"]


def test_what_is_alike_twice_was_not_renamed() -> None:
    """Nobody knows which of two has become which."""
    old = fragment(node("a", 1), node("b", 1))
    new = fragment(node("c", 1), node("d", 1))
    assert said(old, new) == [
        "step a was removed",
        "step b was removed",
        "step c was added",
        "step d was added",
    ]


def test_one_step_comes_of_one() -> None:
    """What has the id of one and the inputs of another was the first; the other is gone."""
    old = fragment(node("x", 1, spec=StepSpec(id="x")), node("y", 2, spec=StepSpec(id="y")))
    new = fragment(node("z", 2, spec=StepSpec(id="x")))
    assert said(old, new) == ["step x was renamed to z", "step y was removed", "step z: argument 1 1 -> 2"]


def test_steps_without_inputs_are_not_alike() -> None:
    """To take nothing is no likeness."""
    old, new = fragment(node("a", spec=StepSpec(id="a"))), fragment(node("b", spec=StepSpec(id="b")))
    assert said(old, new) == ["step a was removed", "step b was added"]


def test_a_declaration_that_parted() -> None:
    """One declaration behind two uses then, two now: the second use runs other code."""
    own, other = StepSpec(id="write"), StepSpec(id="write")
    old, new = fragment(node("a"), node("b")), fragment(node("a", spec=own), node("b", spec=other))
    found = compare(old, new._replace(nodes=(new.nodes[0], new.nodes[1])))
    assert found.pairs == {SPEC: own}
    assert "step b: is not the same declaration of write as in its other uses any more" in said(old, new)


# -------------------------------------------------------------------- options

OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"id": "draft"}, "id write -> draft"),
    ({"role": Role.MAP}, "role step -> map"),
    ({"where": Where.THREAD}, "where loop -> thread"),
    ({"timeout": 60.5}, "timeout 30 s -> 60.5 s"),
    ({"timeout": None}, "timeout 30 s -> none"),
    ({"within": 5.0}, "within none -> 5 s"),
    ({"optional": True}, "optional no -> yes"),
    ({"has_default": True}, "has_default no -> yes"),
    ({"limits": ()}, "limits llm -> none"),
    ({"limits": ("llm", "disk")}, "limits llm -> llm, disk"),
    ({"reads": ("a",)}, "reads none -> a"),
    ({"writes": ("a",)}, "writes none -> a"),
    ({"memory": 2_500_000}, "memory 1 MB -> 2.5 MB"),
    ({"memory": None}, "memory 1 MB -> none"),
    ({"on_lost": OnLost.ASK}, "on_lost retry -> ask"),
    ({"wait": WaitRule("approval", 60.0, "reject")}, "wait none -> approval, deadline 60 s, then reject"),
    ({"retry": Rule(attempts=3)}, "retry attempts 2 -> 3"),
    ({"retry": Rule(attempts=2, on_timeout=False)}, "retry on_timeout yes -> no"),
    ({"retry": Rule(attempts=2, first_wait=1)}, "retry first_wait 0.5 s -> 1 s"),
    ({"retry": Rule(attempts=2, longest_wait=60.0)}, "retry longest_wait 30 s -> 60 s"),
    ({"retry": Rule(attempts=2, factor=3.0)}, "retry factor 2 -> 3"),
    ({"retry": Rule(attempts=2, jitter=False)}, "retry jitter yes -> no"),
    ({"retry": Rule(attempts=2, on=(KeyError, OSError))}, "retry on Exception -> KeyError, OSError"),
]


@pytest.mark.parametrize(("changed", "what"), OPTIONS, ids=[what for _, what in OPTIONS])
def test_every_option_is_compared(changed: dict[str, Any], what: str) -> None:
    """What it was and what it is, said once, however often the step is used."""
    other = replace(SPEC, **changed)
    old = fragment(node("a"), node("b"))
    new = fragment(node("a", spec=other), node("b", spec=other))
    assert compare(old, new).differences == (Difference("option", "a", what),)
    assert said(old, new) == [f"step a: {what}"]


def test_all_options_are_in_the_table() -> None:
    """A new option of a step has to be compared as well."""
    derived = {"is_timed", "is_anchor", "lane"}
    assert {name for changed, _ in OPTIONS for name in changed} == set(StepSpec.__slots__) - derived


def test_defaults() -> None:
    """What consumers get in place of a result is an option."""
    old, new = (fragment(node("a"), defaults={0: value}) for value in ("x", "y"))
    assert said(old, new) == ["step a: default 'x' -> 'y'"]
    assert said(old, old) == []


def test_groups() -> None:
    """Deadline, threshold and members."""
    gate = StepSpec(id="gate", role=Role.GATE)
    nodes = (node("gate", spec=gate), node("a"), node("b"))
    old = fragment(*nodes, groups=(GroupSpec("g", 5.0, None, 0, [1]),))
    new = fragment(*nodes, groups=(GroupSpec("g", None, 2, 0, [2]),))
    assert said(old, new) == [
        "step gate: within 5 s -> none",
        "step gate: min_success None -> 2",
        "step gate: a is not in this group any more",
        "step gate: b is in this group now",
    ]
    assert [kind for kind, _ in kinds(compare(old, new))] == ["option", "option", "wiring", "wiring"]


# -------------------------------------------------------------------- inputs and wiring


def projected(*path: tuple[str, object]) -> Source:
    """A part of what the first step gives."""
    return Source(0, path)


INPUTS: list[tuple[object, object, str, str]] = [
    (1, 2, "input", "argument 1 1 -> 2"),
    (1, 1.0, "input", "argument 1 1 -> 1.0"),
    ("a" * 90, "a" * 89 + "b", "input", f"argument 1 {'a' * 90!r} != {'a' * 89 + 'b'!r}"),
    (Source(0), Source(1), "wiring", "argument 1 first -> second"),
    (Source(0), 1, "wiring", "argument 1 first -> a plain value"),
    (projected(("item", "k")), projected(("attr", "n")), "wiring", "argument 1 first['k'] -> first.n"),
    ([Source(0)], [Source(0), Source(1)], "wiring", "argument 1 list with first -> list with first, second"),
    ([Source(0)], (Source(0),), "wiring", "argument 1 list with first -> tuple with first"),
    ([Source(0), {"a": 1}], [Source(0), {"a": 2}], "input", "argument 1[1] {'a': 1} -> {'a': 2}"),
    ({"k": (Source(0), 1)}, {"k": (Source(1), 1)}, "wiring", "argument 1['k'][0] first -> second"),
    ({"k": Source(0)}, {"l": Source(0)}, "wiring", "argument 1 dict with first -> dict with first"),
]


@pytest.mark.parametrize(("left", "right", "kind", "what"), INPUTS)
def test_inputs(left: object, right: object, kind: str, what: str) -> None:
    """A plain value that differs is an input, where a value comes from is wiring; the place is told."""
    waits = (0, 1)
    old, new = (
        fragment(node("first"), node("second"), node("last", value)._replace(deps=waits))
        for value in (left, right)
    )
    [found] = [each for each in compare(old, new).differences if "wait" not in each.what]
    assert (found.kind, found.path) == (kind, "last")
    assert found.what == what or found.what.startswith(what.partition("!=")[0][:30])


def test_arguments_that_come_and_go() -> None:
    """Named ones by name, the others by number."""
    old, new = fragment(node("a", 1, x=2)), fragment(node("a", y=Source(0)))
    assert said(old, new)[:3] == [
        "step a: argument 1 is not given any more",
        "step a: argument x is not given any more",
        "step a: argument y is given now",
    ]


def test_order_without_data() -> None:
    """What a step only waits for."""
    old = fragment(node("a"), node("b"), node("c")._replace(deps=(0,)))
    new = fragment(node("a"), node("b"), node("c")._replace(deps=(1,)))
    assert said(old, new) == ["step c: does not wait for a any more", "step c: waits for b now"]
    assert kinds(compare(old, new)) == [("wiring", "c")] * 2


def test_results() -> None:
    """Where the workflow's own result comes from."""
    nodes = (node("a"), node("b"))
    old, new = fragment(*nodes, output=Source(0)), fragment(*nodes, output=Source(1))
    assert said(old, new) == ["the workflow: its result a -> b"]
    plain = fragment(*nodes)
    assert said(old, plain) == ["the workflow: its result is not made of the same steps any more"]


def test_results_of_anchors() -> None:
    """Where a nested workflow's result comes from."""
    nodes = (node("n", spec=StepSpec(id="n", role=Role.GROW)), node("a", scope=0), node("b", scope=0))
    old, new = (fragment(*nodes, outputs={0: Source(place)}) for place in (1, 2))
    assert said(old, new) == ["step n: its result n/a -> n/b"]


def test_new_plans() -> None:
    """Whether a loss gives a new plan."""
    old = fragment(node("a"))
    assert said(old, old._replace(renews=True)) == [
        "the workflow: a new plan after a loss 'is not made' -> 'is made'"
    ]


def test_steps_around_a_fragment() -> None:
    """What a fragment takes from the run is known by its index alone."""
    old, new = (Fragment((node("a", Source(index)),), {}, 7) for index in (3, 4))
    assert said(old, old) == []
    assert said(old, new) == ["step a: argument 1 step number 3 of the run -> step number 4 of the run"]


def test_children_of_a_map() -> None:
    """A fragment of a map has no names but numbers, and no frame."""
    old = Fragment((node(0, 1), node(1, 2)), {})
    new = Fragment((node(0, 1), node(1, 3)), {})
    assert said(old, new) == ["step [1]: argument 1 2 -> 3"]


def mapped(**parts: Any) -> Fragment:
    """A map that is yet to grow, over the first of two steps."""
    rule = {
        "target": TARGET,
        "items": Source(0),
        "fixed": {"x": 1},
        "after": (),
        "shape_of": None,
        "default": (),
    }
    anchor = node("m", spec=StepSpec(id="m", role=Role.MAP))._replace(deps=(0,))
    return fragment(node("a"), node("b"), anchor, rules={2: MapSpec(**{**rule, **parts})})


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"target": replace(SPEC, timeout=1.0)}, "step m[*]: timeout 30 s -> 1 s"),
        ({"items": [Source(0)]}, "step m: its items a -> list with a"),
        ({"fixed": {"x": 2}}, "step m[*]: argument x 1 -> 2"),
        ({"fixed": None}, "step m[*]: argument x is not given any more"),
        ({"after": (1,)}, "step m[*]: waits for b now"),
        ({"shape_of": 0}, "step m: has as many items as None -> 'a'"),
    ],
)
def test_maps(parts: dict[str, Any], what: str) -> None:
    """What a map will grow is compared before it grows."""
    assert said(mapped(), mapped(**parts)) == [what]
    assert said(mapped(**parts), mapped(**parts)) == []


def test_the_default_of_a_map() -> None:
    """What stands in for a lost child."""
    assert said(mapped(default=(1,)), mapped(default=(2,))) == ["step m[*]: default 1 -> 2"]


def test_targets_are_paired() -> None:
    """The declaration that a map uses is found though no node has it yet."""
    other = replace(SPEC)
    assert compare(fragment(), fragment()).pairs == {}
    assert other in compare(mapped(target=other), mapped(target=replace(SPEC))).pairs


def test_what_a_map_takes_is_no_order() -> None:
    """Items and fixed arguments that come from elsewhere are told once, not as waiting as well."""
    old = mapped(fixed={"x": Source(0)}, after=(0,))
    new = mapped(items=Source(1), fixed={"x": Source(1)}, after=(1,))
    nodes = (*new.nodes[:2], new.nodes[2]._replace(deps=(1,)))
    assert said(old, new._replace(nodes=nodes)) == [
        "step m: its items a -> b",
        "step m[*]: argument x a -> b",
    ]


def test_what_was_a_map() -> None:
    """Another role says it all."""
    new = mapped()._replace(rules={})
    nodes = (*new.nodes[:2], new.nodes[2]._replace(spec=StepSpec(id="m"), args=(Source(0),)))
    assert said(mapped(), new._replace(nodes=nodes)) == [
        "step m: role map -> step",
        "step m: argument 1 is given now",
    ]


def test_items_that_are_known_now() -> None:
    """A map over a result became one over a list."""
    assert "step m: it is known at another time which items it has" in said(
        mapped(), mapped()._replace(rules={})
    )


# -------------------------------------------------------------------- real workflows


def traced(make: Callable[[], Any]) -> Graph:
    """The graph of a workflow's body."""
    graph: Graph = workflow(name="w")(make).trace().graph
    return graph


@step
async def draft(text: object, tone: str = "plain") -> str:
    """Write something."""
    return f"{text}{tone}"


@step(inline=True)
def is_done(text: object) -> bool:
    """Whether it is good."""
    return bool(text)


def looped(**options: Any) -> Callable[[], Any]:
    """A loop around a choice, twice in a body."""

    def body(state: Any) -> Any:
        return choose(
            is_done.named("by")(state),
            {
                True: lambda: draft.named("yes")(state, tone=options.get("tone", "t")),
                **({} if options.get("lone") else {False: lambda: draft.named("no")(state)}),
            },
            otherwise=(lambda: draft.named("else")(state)) if options.get("otherwise") else None,
            name="pick",
        )

    def whole() -> Any:
        first = draft(options.get("text", "a"))
        return repeat(
            body,
            first if not options.get("start") else "s",
            until=is_done,
            max_rounds=options.get("rounds", 3),
            on_exhausted=options.get("exhausted", "fail"),
            name="loop",
        )

    return whole


@pytest.mark.parametrize(
    ("options", "sentences"),
    [
        ({}, []),
        ({"tone": "u"}, ["step loop body pick body True/yes: argument tone 't' -> 'u'"]),
        ({"rounds": 4}, ["step loop: max_rounds 3 -> 4"]),
        ({"exhausted": "last"}, ["step loop: on_exhausted 'fail' -> 'last'"]),
        ({"text": "b"}, ["step draft: argument 1 'a' -> 'b'"]),
        ({"start": True}, ["step loop: what the first round gets draft -> a plain value"]),
        (
            {"lone": True},
            [
                "step loop body pick: branches False, True -> True",
                "step loop body pick body False/no was removed",
            ],
        ),
        (
            {"otherwise": True},
            [
                "step loop body pick: branches False, True -> 'otherwise', False, True",
                "step loop body pick: otherwise None -> 'otherwise'",
                "step loop body pick body otherwise/else was added",
            ],
        ),
    ],
)
def test_bodies_that_are_yet_to_grow(options: dict[str, Any], sentences: list[str]) -> None:
    """Loops and branches are compared through their rules, with paths that say where."""
    assert said(traced(looped()), traced(looped(**options))) == sentences


def test_the_state_of_a_loop() -> None:
    """What the round before handed on has a name of its own."""
    state = Source(framed(1, STATE))
    loops = (
        fragment(
            node("first"),
            node("loop", spec=StepSpec(id="loop", role=Role.REPEAT)),
            rules={1: Loop(Fragment((node("a", taken),), {}, 1), 0, Source(framed(1, 0)), 3, False)},
        )
        for taken in (state, Source(0))
    )
    assert said(*loops) == ["step loop body a: argument 1 the state of loop -> first"]


def test_bodies_are_paired_throughout() -> None:
    """Declarations inside bodies, and those made by each trace, have their partners."""
    old, new = traced(looped()), traced(looped())
    pairs = compare(old, new).pairs
    assert pairs[draft.spec] is draft.spec
    assert {spec.id for spec in pairs} == {"draft", "is_done", "loop", "pick"}
    assert all(left.id == right.id for left, right in pairs.items())


@step
async def make_plan() -> list[Any]:
    """A plan."""
    return []


def everything(timeout: float) -> Callable[[], Any]:
    """Nested workflows, maps, groups and plans around one step."""
    inner = step(id="inner", timeout=timeout, retry=Retry(attempts=2))(draft.fn)

    @workflow(name="part")
    def part(text: str) -> Any:
        return inner.named("of_part")(text)

    def whole() -> Any:
        first = part("x")
        with group("extras"):
            inner.named("extra")(first)
        lists = inner.map([first, "y"])
        expand(make_plan(), {"inner": inner}, name="planned")
        return part.named("again").map([lists, first])

    return whole


def test_a_body_elsewhere_is_found() -> None:
    """A declaration inside a nested workflow is compared, and told once."""
    assert said(traced(everything(1.0)), traced(everything(1.0))) == []
    assert said(traced(everything(1.0)), traced(everything(2.0))) == [
        "step part/of_part: timeout 1 s -> 2 s",
    ]


def test_frames_are_compared_by_what_they_mean() -> None:
    """A body has another number where another body stands before it; its own places are the same."""
    old, new = (Fragment((node("a"), node("b", Source(framed(frame, 0)))), {}, frame) for frame in (2, 9))
    assert said(old, new) == []


@pytest.mark.slow
def test_random_workflows_are_like_themselves() -> None:
    """Traced twice, or journaled, there is no difference, and every declaration has its partner."""

    def check(world: Any) -> None:
        built = build(world, Actors())
        old, new = built.trace().graph, built.trace().graph
        created = Created("w", old, RunOptions(), {}, {})
        read = FactReader().read(FactWriter().write([(RUN_CREATED, -1, 0, 1.0, created)]))[0][4]
        assert isinstance(read, Created)
        assert compare(read.graph, new).differences == ()
        found = compare(old, new)
        assert found.differences == ()
        assert set(old.specs) <= found.pairs.keys()
        assert [found.pairs[spec].id for spec in old.specs] == [spec.id for spec in old.specs]

    search(check, worlds(), count=60, number=3)
