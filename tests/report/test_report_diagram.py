"""What of a graph is drawn: folding, groups, bundles, implied edges, frames, the critical path."""

from __future__ import annotations

import pytest

from report.drawn_graphs import add, chain, diamond, grown_map, index_of, open_map, random_teams, with_group
from stretto import choose, repeat, step, workflow
from stretto.core.graph import Graph, GroupSpec, Role, StepSpec, Where
from stretto.core.policy import Retry
from stretto.report.bundles import Ends, bundled, twins
from stretto.report.diagram import Box, Diagram, Kind, diagram_of
from stretto.report.facts import duration, memory
from stretto.report.needed import implied
from stretto.report.parts import TOP, parts_of


def drawn(graph: Graph, **options: object) -> Diagram:
    """A graph's diagram."""
    return diagram_of(graph, "flow", **options)  # type: ignore[arg-type]  # handed on


def box(diagram: Diagram, path: str) -> Box:
    """The box of that path."""
    (found,) = [each for each in diagram.boxes.values() if each.path == path]
    return found


def edges(diagram: Diagram) -> set[str]:
    """Arrows by paths: ``a > b``, or ``a : b`` for one without data."""
    name = {key: each.path or "frame" for key, each in diagram.boxes.items()}
    return {f"{name[each.start]} {'>' if each.has_data else ':'} {name[each.end]}" for each in diagram.arrows}


def inside(diagram: Diagram, path: str) -> list[str]:
    """What stands in a cluster."""
    return [diagram.boxes[key].path for key in box(diagram, path).inside]


# -------------------------------------------------------------------- implied edges


def test_edges_that_others_imply_are_left_out() -> None:
    """``d`` needs ``a``, but waits for ``b`` anyway; the number of those left out is told."""
    diagram = drawn(diamond())
    assert edges(diagram) == {"a > b", "a > c", "b > d", "c > d"}
    assert diagram.left_out == 1


def test_all_edges_on_demand() -> None:
    """Nothing is left out then."""
    diagram = drawn(diamond(), has_all_edges=True)
    assert "a > d" in edges(diagram)
    assert diagram.left_out == 0


def test_what_is_drawn_says_as_much_as_all_edges() -> None:
    """Whoever follows the edges kept gets from each step to all that need it."""
    parts = parts_of(random_teams(4, 6, 2)).parts
    left_out = implied(parts)
    assert left_out

    def reached(pairs: set[tuple[int, int]]) -> dict[int, set[int]]:
        above: dict[int, set[int]] = {}
        for key in sorted(parts):
            direct = [start for start, end in pairs if end == key]
            above[key] = set(direct).union(*(above[start] for start in direct))
        return above

    every = {(needed, key) for key, part in parts.items() for needed in part.needs}
    assert reached(every - left_out) == reached(every)


def test_an_edge_without_data_is_told_apart() -> None:
    """It only orders; where data flows along as well it counts as data, even if that edge was left out."""
    graph = chain("a", "b")
    add(graph, "c", "a", has_data=False)
    assert edges(drawn(graph)) == {"a > b", "a : c"}
    with_group(graph, "both", ["b", "c"])
    gate = index_of(graph, "both")
    graph.add(StepSpec(id="end"), "end", (graph.args[1][0],), None, (gate,))
    assert "both : end" in edges(drawn(graph))
    add(graph, "use", "both", "b")
    assert "both > use" in edges(drawn(graph))


# -------------------------------------------------------------------- groups


def test_a_group_is_a_cluster_and_its_gate_is_its_border() -> None:
    """Members stand in it and are optional; the threshold is said; its gate is no box of its own."""
    graph = chain("load")
    for name in ("x", "y", "z"):
        add(graph, name, "load")
    with_group(graph, "team", ["x", "y", "z"], at_least=2)
    add(graph, "end", "team", "x", "y", "z")
    diagram = drawn(graph)
    assert inside(diagram, "team") == ["x", "y", "z"]
    assert box(diagram, "team").kind is Kind.GROUP
    assert box(diagram, "team").facts == ("≥ 2 of 3", "within 60 s")
    assert box(diagram, "x").is_optional
    assert not box(diagram, "load").is_optional
    assert edges(diagram) == {"load > team", "team > end"}


def test_edges_that_not_all_members_have_stay_their_own() -> None:
    """One from the cluster would say more than is so."""
    graph = chain("load")
    for name in ("x", "y"):
        add(graph, name, "load")
    add(graph, "z")
    with_group(graph, "team", ["x", "y", "z"])
    add(graph, "part", "x", "y")
    assert edges(drawn(graph)) == {"load > x", "load > y", "x > part", "y > part"}


def test_all_first_members_are_enough_for_an_edge_to_the_cluster() -> None:
    """The others wait for those; so with the last ones and edges from it."""
    graph = chain("load")
    add(graph, "x", "load")
    add(graph, "y", "load")
    add(graph, "x2", "x")
    with_group(graph, "team", ["x", "y", "x2"])
    add(graph, "end", "y", "x2")
    assert edges(drawn(graph)) == {"load > team", "x > x2", "team > end"}


def test_a_group_that_an_edge_leaves_and_enters_again_is_drawn_without_a_box() -> None:
    """Its gate is a box then; a trace cannot give such a group, but nothing breaks."""
    graph = chain("x", "outside", "y")
    with_group(graph, "odd", ["x", "y"])
    diagram = drawn(graph)
    assert box(diagram, "odd").kind is Kind.GATE
    assert box(diagram, "x").around == TOP
    assert edges(diagram) >= {"x > outside", "outside > y", "y : odd"}


def test_a_group_without_members_is_its_gate() -> None:
    """There is nothing to stand in it."""
    graph = Graph()
    gate = graph.add(StepSpec(id="none", role=Role.GATE), "none", (), None, ())
    graph.groups.append(GroupSpec("none", None, None, gate, []))
    assert box(drawn(graph), "none").kind is Kind.GATE


# -------------------------------------------------------------------- maps


def test_a_map_with_many_steps_is_one_box() -> None:
    """With their number; what they need is what it needs; it looks as they run."""
    graph = chain("a")
    grown_map(graph, "write", 12, "a")
    add(graph, "end", "write")
    diagram = drawn(graph)
    one = box(diagram, "write")
    assert (one.count, one.inside, one.kind, one.tone) == ("12", [], Kind.MAP, Kind.THREAD)
    assert edges(diagram) == {"a > write", "write > end"}
    assert len(diagram.boxes) == 3


def test_a_map_with_few_steps_shows_them() -> None:
    """They stand in it; what all of them need leads to it."""
    graph = chain("a")
    grown_map(graph, "write", 3, "a")
    diagram = drawn(graph)
    assert inside(diagram, "write") == ["write[0]", "write[1]", "write[2]"]
    assert edges(diagram) == {"a > write"}


def test_a_map_of_unknown_length_says_so() -> None:
    """``?`` until somebody knows."""
    graph = chain("a")
    open_map(graph, "write", "a")
    assert box(drawn(graph), "write").count == "?"


def test_a_map_of_no_items_has_no_number_to_guess() -> None:
    """It has grown: there is nothing left to know."""
    graph = chain("a")
    grown_map(graph, "write", 0, "a")
    assert box(drawn(graph), "write").count == ""


def test_children_are_folded_in_large_pictures() -> None:
    """However few there are."""
    graph = chain(*(f"s{number}" for number in range(160)))
    grown_map(graph, "write", 2, "s3")
    assert box(drawn(graph), "write").count == "2"


@pytest.mark.slow
def test_a_map_of_a_hundred_thousand_is_still_one_box() -> None:
    """The picture is as small as for ten."""
    graph = chain("a")
    grown_map(graph, "write", 100_000, "a")
    assert box(drawn(graph), "write").count == "100000"


# -------------------------------------------------------------------- what is yet to grow


@step
async def read(number: int) -> int:
    """Reads."""
    return number


@step
def shop(number: int) -> int:
    """Shops."""
    return number


@step
async def is_good(number: int) -> bool:
    """Judges."""
    return number > 3


@workflow
def inner(number: int) -> int:
    """Two steps."""
    return shop(read(number))


@workflow
def grows(number: int) -> list[int]:
    """A choice, a loop, and two nested workflows."""
    first = read(number)
    picked = choose(
        first, {1: lambda: shop(first), 2: lambda: shop.named("more")(read(first)), 3: lambda: first}
    )
    better = repeat(read, picked, until=is_good, max_rounds=4, name="review")
    return [better, inner(number), inner.as_step().named("later")(better)]


def test_a_choice_shows_its_branches() -> None:
    """Each with its steps, all of which only may run; an empty one says so."""
    diagram = drawn(grows.trace(1).graph)
    assert inside(diagram, "choose") == ["choose/1", "choose/2", "choose/3"]
    assert inside(diagram, "choose/2") == ["choose/2/read", "choose/2/more"]
    assert not box(diagram, "choose/2/read").is_certain
    assert box(diagram, "choose/2/read").label == "read"
    assert box(diagram, "choose/3").facts == ("no steps",)
    assert edges(diagram) >= {"read > choose", "choose/2/read > choose/2/more", "choose > review"}


def test_a_loop_shows_one_round() -> None:
    """And how often it comes at most; its first round is certain."""
    diagram = drawn(grows.trace(1).graph)
    assert inside(diagram, "review") == ["review#…/read", "review#…/is_good"]
    assert box(diagram, "review").facts == ("at most 4 rounds",)
    assert box(diagram, "review#…/read").is_certain


def test_a_nested_workflow_shows_its_steps_once_they_are_known() -> None:
    """With plain inputs from the start, with results when the run gets there."""
    diagram = drawn(grows.trace(1).graph)
    assert inside(diagram, "inner") == ["inner/read", "inner/shop"]
    assert (box(diagram, "later").count, box(diagram, "later").kind) == ("?", Kind.GROW)


def test_large_bodies_are_told_in_words() -> None:
    """In a large picture a choice names its branches, a loop its rounds; both are open."""
    graph = grows.trace(1).graph
    for number in range(160):
        add(graph, f"s{number}")
    diagram = drawn(graph)
    assert box(diagram, "choose").facts == ("one of 1, 2, 3",)
    assert box(diagram, "review").count == box(diagram, "choose").count == "?"
    assert box(diagram, "inner").count == "2"


# -------------------------------------------------------------------- frames


def test_steps_with_the_same_edges_stand_in_a_frame() -> None:
    """From six on; one edge leads to it and one from it."""
    graph = chain("split")
    for number in range(8):
        add(graph, f"agent_{number}", "split")
    add(graph, "join", *(f"agent_{number}" for number in range(8)))
    diagram = drawn(graph)
    (frame,) = [each for each in diagram.boxes.values() if each.kind is Kind.ALIKE]
    assert [diagram.boxes[key].path for key in frame.inside] == [f"agent_{number}" for number in range(8)]
    assert edges(diagram) == {"split > frame", "frame > join"}


def test_five_alike_need_no_frame() -> None:
    """Their edges are few enough; and with all edges asked for, none is bundled into a frame."""
    graph = chain("split")
    for number in range(5):
        add(graph, f"agent_{number}", "split")
    assert len(drawn(graph).arrows) == 5
    add(graph, "agent_5", "split")
    assert len(drawn(graph).arrows) == 1
    assert len(drawn(graph, has_all_edges=True).arrows) == 6


def test_twins_need_something_in_common() -> None:
    """Steps without edges are not alike in anything."""
    around = dict.fromkeys(range(4), TOP)
    assert twins(list(around), around, {(0, 1): True, (0, 2): True}) == [[1, 2]]
    assert twins(list(around), around, {(0, 1): True, (0, 2): False}) == []


def test_bundles_of_nested_clusters() -> None:
    """Edges to all of an inner cluster lead to that, and from there to the outer one where that is all of it."""
    around = {0: TOP, 1: 2, 2: 5, 3: 2, 4: 5, 5: TOP}
    ends = Ends(around)
    assert bundled(ends, {(0, 1): True, (0, 3): False}) == {(0, 2): True}
    assert bundled(ends, {(0, 1): True, (0, 3): True, (0, 4): True}) == {(0, 5): True}
    assert ends.has_circle({(0, 1): True, (4, 0): True})
    assert not ends.has_circle({(0, 1): True, (1, 4): True})


# -------------------------------------------------------------------- the critical path


def test_the_longest_path_by_estimates_is_marked() -> None:
    """Its boxes, and the edges it runs along."""
    diagram = drawn(diamond(), estimates={"a": 1.0, "b": 1.0, "c": 5.0, "d": 1.0})
    assert [each.path for each in diagram.boxes.values() if each.is_critical] == ["a", "c", "d"]
    assert {(each.start, each.end) for each in diagram.arrows if each.is_critical} == {(0, 2), (2, 3)}


@pytest.mark.parametrize("estimates", [{}, {"a": 1.0, "b": 1.0, "c": 5.0}, dict.fromkeys("abcd", 0.0)])
def test_without_estimates_no_path_is_claimed(estimates: dict[str, float]) -> None:
    """One step unknown is enough to know nothing of the whole; steps that take no time have no longest path."""
    diagram = drawn(diamond(), estimates=estimates)
    assert not any(each.is_critical for each in (*diagram.boxes.values(), *diagram.arrows))


def test_a_path_through_clusters_is_marked_without_gaps() -> None:
    """Into a group, through its gate, out of it."""
    graph = chain("load")
    add(graph, "x", "load")
    add(graph, "y", "load")
    with_group(graph, "team", ["x", "y"])
    add(graph, "end", "team", "x", "y")
    diagram = drawn(graph, estimates={"load": 1.0, "x": 1.0, "y": 3.0, "end": 1.0})
    assert all(each.is_critical for each in diagram.arrows)
    assert [each.path for each in diagram.boxes.values() if each.is_critical] == ["load", "y", "end"]


# -------------------------------------------------------------------- words


def test_rules_are_said_in_few_words() -> None:
    """And all of them in the tip, with what the step needs."""
    graph = chain("a")
    spec = StepSpec(
        id="b", where=Where.PROCESS, timeout=0.25, within=600.0, retry=Retry(attempts=3), limits=("web",),
        optional=True, memory=512_000_000, writes=("ledger",),
    )  # fmt: skip
    add(graph, "b", "a", spec=spec)
    one = box(drawn(graph), "b")
    assert one.facts == ("optional", "≤ 250 ms a try", "within 10 min", "3 tries", "limit web", "512 MB")
    lines = one.tip.splitlines()
    assert lines[:2] == ["b", "runs as a process of its own"]
    assert lines[-2:] == ["needs a", "writes ledger"]


def test_many_needs_are_counted() -> None:
    """A tip stays readable."""
    names = [f"s{number}" for number in range(20)]
    graph = Graph()
    for name in names:
        add(graph, name)
    add(graph, "end", *names)
    assert box(drawn(graph), "end").tip.endswith("s11 and 8 more")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "500 ms"),
        (30.0, "30 s"),
        (90.0, "90 s"),
        (120.0, "2 min"),
        (3600.0, "1 h"),
        (5400.0, "90 min"),
        (1.25, "1.25 s"),
    ],
)
def test_lengths_have_the_unit_that_shows_them_whole(seconds: float, words: str) -> None:
    """Nothing is rounded away."""
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [(100, "100 B"), (2000, "2 kB"), (512_000_000, "512 MB"), (1 << 30, "1 GiB"), (1023, "1023 B")],
)
def test_sizes_have_the_unit_that_shows_them_whole(size: int, words: str) -> None:
    """Decimal where the author thought so, else binary."""
    assert memory(size) == words


def test_paths_of_children_stand_below_their_anchor() -> None:
    """As the run will call them."""
    graph = chain("a")
    grown_map(graph, "write", 2, "a")
    for index in range(len(graph)):
        assert parts_of(graph).parts[index].path == graph.path(index)
