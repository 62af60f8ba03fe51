"""Small runs written down by hand, for the tests of what shows them."""

from __future__ import annotations

from stretto.core.graph import Graph, GroupSpec, Role, StepSpec, map_fragment
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Created, Fact, RunOptions
from stretto.core.journal.view import RunView
from stretto.core.policy import Cause, Failure
from stretto.ports import RunInfo

START = 1000.0
LOST = Failure(Cause.ERROR, "cut", ("builtins.ConnectionError",))


def graph_of(**deps: tuple[str, ...]) -> Graph:
    """One step a keyword, waiting for the steps named."""
    graph = Graph()
    for name, before in deps.items():
        indices = tuple(found for each in before if (found := graph.index_of(each)) is not None)
        graph.add(StepSpec(id=name), name, (), None, indices)
    return graph


def with_map(graph: Graph, name: str, count: int) -> int:
    """Append a map that has grown `count` children; gives its index."""
    anchor = graph.add(StepSpec(id=name, role=Role.MAP), name, (), None, ())
    graph.grow(anchor, map_fragment(StepSpec(id=name), list(range(count)), None, ()))
    return anchor


def with_gate(graph: Graph, name: str, *members: str) -> int:
    """Append the gate of a group of these steps."""
    indices = [index for each in members if (index := graph.index_of(each)) is not None]
    gate = graph.add(StepSpec(id=name, role=Role.GATE), name, (), None, tuple(indices))
    graph.groups.append(GroupSpec(name, None, None, gate, indices))
    return gate


class Told:
    """Facts with instants in seconds since the run's start."""

    def __init__(self, graph: Graph, estimates: dict[str, float] | None = None, permits: int = 8) -> None:
        self.graph = graph
        created = Created("flow", graph, RunOptions(permits=permits), estimates or {}, {})
        self.facts: list[Fact] = [(kinds.RUN_CREATED, kinds.RUN, 0, START, created)]
        self.say(kinds.RUN_STARTED, None, 0.0)

    def say(self, kind: int, step: str | None, at: float, data: object = None, attempt: int = 1) -> Told:
        """Append one fact."""
        index = kinds.RUN if step is None else self.graph.index_of(step)
        assert index is not None
        self.facts.append((kind, index, 0 if step is None else attempt, START + at, data))
        return self

    def ran(self, step: str, begin: float, end: float) -> Told:
        """One attempt that succeeded."""
        return self.say(kinds.STEP_STARTED, step, begin).say(kinds.ATTEMPT_SUCCEEDED, step, end, "value")

    def view(self) -> RunView:
        """What the facts say."""
        view = RunView(self.graph)
        view.apply(self.facts)
        return view

    @property
    def info(self) -> RunInfo:
        """The run they are of."""
        return RunInfo("run-1", "flow", self.graph)
