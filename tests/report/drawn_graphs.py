"""Graphs for the tests of pictures, written down by hand or drawn with a seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from stretto.core.graph import Graph, GroupSpec, MapSpec, Role, Source, StepSpec, Where, map_fragment

if TYPE_CHECKING:
    from collections.abc import Iterable


def add(graph: Graph, name: str, *needs: str, spec: StepSpec | None = None, has_data: bool = True) -> int:
    """One step that needs those named, with their data or only behind them."""
    deps = tuple(sorted(index_of(graph, each) for each in needs))
    args = tuple(Source(dep) for dep in deps) if has_data else ()
    return graph.add(spec or StepSpec(id=name), name, args, None, deps)


def index_of(graph: Graph, path: str) -> int:
    """The step of that path, which must be there."""
    index = graph.index_of(path)
    assert index is not None, path
    return index


def chain(*names: str) -> Graph:
    """Each step needs the one before."""
    graph = Graph()
    for number, name in enumerate(names):
        add(graph, name, *names[max(0, number - 1) : number])
    return graph


def diamond() -> Graph:
    """``a`` before ``b`` and ``c``, both before ``d``, which also needs ``a``."""
    graph = chain("a", "b")
    add(graph, "c", "a")
    add(graph, "d", "a", "b", "c")
    return graph


def with_group(graph: Graph, name: str, members: Iterable[str], at_least: int | None = None) -> int:
    """Close a group around steps that are there; gives its gate."""
    indices = [index_of(graph, member) for member in members]
    number = len(graph.groups)
    gate = graph.add(StepSpec(id=name, role=Role.GATE), name, (), None, tuple(indices))
    graph.groups.append(GroupSpec(name, 60.0, at_least, gate, indices))
    graph.group_of.update(dict.fromkeys(indices, number))
    return gate


def grown_map(graph: Graph, name: str, count: int, *needs: str) -> int:
    """A map over plain items, each of whose steps also needs those named."""
    deps = tuple(sorted(index_of(graph, each) for each in needs))
    target = StepSpec(id=name, where=Where.THREAD)
    anchor = graph.add(StepSpec(id=name, role=Role.MAP), name, (), None, ())
    fixed: dict[str, object] = {f"k{dep}": Source(dep) for dep in deps}
    graph.maps[anchor] = MapSpec(target, None, fixed, deps, None, ())
    graph.grow(anchor, map_fragment(target, list(range(count)), fixed, deps))
    return anchor


def open_map(graph: Graph, name: str, needs: str) -> int:
    """A map over a result: nobody knows its length yet."""
    dep = index_of(graph, needs)
    anchor = graph.add(StepSpec(id=name, role=Role.MAP), name, (), None, (dep,))
    graph.maps[anchor] = MapSpec(StepSpec(id=name), Source(dep), None, (), None, ())
    return anchor


def random_layers(count: int, layers: int, seed: int) -> Graph:
    """A graph in layers, with some edges across many of them."""
    dice = random.Random(seed)
    graph = Graph()
    rows: list[list[int]] = [[] for _ in range(layers)]
    for number in range(count):
        layer = number * layers // count
        deps: set[int] = set()
        if layer:
            deps = {dice.choice(rows[layer - 1]) for _ in range(dice.choice((1, 1, 2, 3)))}
            if layer > 2 and dice.random() < 0.2:
                deps.add(dice.choice(rows[dice.randrange(layer - 2)]))
        found = tuple(sorted(deps))
        name = f"step_{number}"
        spec = StepSpec(id=name, where=dice.choice((Where.LOOP, Where.THREAD, Where.INLINE)))
        rows[layer].append(graph.add(spec, name, tuple(Source(dep) for dep in found), None, found))
    return graph


def random_teams(teams: int, size: int, seed: int) -> Graph:
    """Groups whose members need members of earlier groups, one by one: edges pass borders."""
    dice = random.Random(seed)
    graph = Graph()
    add(graph, "load")
    known = ["load"]
    for team in range(teams):
        members: list[str] = []
        for number in range(size):
            name = f"member_{team}_{number}"
            needs = {dice.choice(known)} | (
                {dice.choice(members)} if members and dice.random() < 0.4 else set()
            )
            add(graph, name, *sorted(needs))
            members.append(name)
        with_group(graph, f"team_{team}", members, size - 1)
        add(graph, f"sum_{team}", f"team_{team}", members[0])
        known += [f"sum_{team}", *members[-2:]]
    return graph
