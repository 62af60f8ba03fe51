"""`Case`: a scheduler on a drawn graph. After every decision its invariants are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.graph import Graph, GroupSpec, MapSpec, Role, Source, StepSpec, Where, map_fragment
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Created, RunOptions
from stretto.core.policy import Cause, Failure
from stretto.core.schedule import decision as commands
from stretto.core.schedule.machine import Scheduler
from stretto.core.schedule.states import LEGAL, State
from stretto.testing import check_invariants

if TYPE_CHECKING:
    from stretto.core.journal.facts import Fact
    from stretto.core.schedule.decision import Decision

BROKEN = Failure(Cause.ERROR, "broken", ("ValueError", "Exception", "BaseException"))


def drawn(*lines: str, **rules: dict[str, object]) -> Graph:
    """A graph from lines such as ``"c: a b"`` – c needs a and b; `rules` are a step's `StepSpec` fields."""
    graph = Graph()
    seen: dict[str, int] = {}
    for line in lines:
        name, _, needed = line.partition(":")
        deps = tuple(sorted(seen[dep] for dep in needed.split()))
        spec = StepSpec(id=name, **rules.get(name, {}))  # type: ignore[arg-type]
        seen[name] = graph.add(spec, name, (), None, deps)
    return graph


def add_map(graph: Graph, name: str, over: int, **rules: object) -> int:
    """A map of a step of its own over the result of step `over`: item by item if that is a map, too."""
    target = StepSpec(id=name, **rules)  # type: ignore[arg-type]
    index = graph.add(StepSpec(id=name, role=Role.MAP), name, (), None, (over,))
    shape = over if over in graph.maps else None
    graph.maps[index] = MapSpec(target, Source(over), None, (), shape, ())
    return index


def add_group(
    graph: Graph, name: str, *members: int, within: float | None = None, least: int | None = None
) -> int:
    """A group around steps that exist, and its gate."""
    number = len(graph.groups)
    gate = graph.add(StepSpec(id=name, role=Role.GATE), name, (), None, members)
    graph.groups.append(GroupSpec(name, within, least, gate, list(members)))
    graph.group_of.update(dict.fromkeys(members, number))
    return gate


class Case:
    """Feeds facts at instants; keeps what was started and told to stop, as ``path#attempt``."""

    def __init__(self, graph: Graph, *, estimates: dict[str, float] | None = None, **options: object) -> None:
        run_options = RunOptions(**options)  # type: ignore[arg-type]
        self.graph = graph
        self.created = Created("flow", graph, run_options, estimates or {}, {})
        self.scheduler = Scheduler(self.created)
        self.now = 0.0
        self.started: list[str] = []
        self.stopped: list[str] = []
        self.wakes: list[float] = []
        self.asked: list[str] = []
        self.returned: list[str] = []
        self.decisions: list[Decision] = []

    # ---- facts

    def begin(self, *more: Fact) -> Decision:
        """The run is created, perhaps together with other facts."""
        return self.post((kinds.RUN_CREATED, kinds.RUN, 0, self.now, self.created), *more)

    def done(self, path: str, value: object = None, attempt: int = 1) -> Fact:
        """An attempt returned."""
        return (kinds.ATTEMPT_SUCCEEDED, self.index(path), attempt, self.now, value)

    def failed(self, path: str, attempt: int = 1, failure: Failure = BROKEN, draw: float = 0.5) -> Fact:
        """An attempt raised."""
        return (kinds.ATTEMPT_FAILED, self.index(path), attempt, self.now, (failure, draw))

    def ended(self, path: str, attempt: int = 1) -> Fact:
        """An attempt that was told to stop has ended."""
        return (kinds.ATTEMPT_ENDED, self.index(path), attempt, self.now, None)

    def grew(self, path: str, count: int) -> Fact:
        """A map's anchor grew so many children; over another map, one a child of that."""
        index = self.index(path)
        rule = self.graph.maps[index]
        items: list[object] = list(range(count))
        if rule.shape_of is not None:
            items = [Source(child) for child in self.graph.children[rule.shape_of]]
        fragment = map_fragment(rule.target, items, None, ())
        return (kinds.ATTEMPT_GREW, index, 1, self.now, fragment)

    def granted(self, path: str) -> Fact:
        """A step got its named permits."""
        return (kinds.PERMIT_GRANTED, self.index(path), 0, self.now, None)

    def cancelled(self, why: str = "stop it") -> Fact:
        """Somebody asked for the end."""
        return (kinds.CANCEL_REQUESTED, kinds.RUN, 0, self.now, why)

    def tick(self, at: float, draw: float = 0.5) -> Decision:
        """The clock reaches `at`."""
        self.now = at
        return self.post((kinds.CLOCK_TICKED, kinds.RUN, 0, at, draw))

    def post(self, *facts: Fact) -> Decision:
        """Hand facts to the scheduler, together."""
        before = bytes(self.scheduler.states)
        decision = self.scheduler.handle(*facts)
        self.decisions.append(decision)
        for kind, index, attempt, instant in decision.commands:
            self._note(kind, index, attempt, instant)
        self._check(before, decision)
        return decision

    # ---- looking

    def index(self, path: str) -> int:
        """A step's index."""
        found = self.graph.index_of(path)
        assert found is not None, path
        return found

    def state(self, path: str) -> str:
        """A step's state."""
        return self.scheduler.state(self.index(path)).name

    def states(self) -> dict[str, str]:
        """All states by path."""
        return {self.graph.path(index): self.scheduler.state(index).name for index in range(len(self.graph))}

    def end(self) -> int | None:
        """The kind of the run's last fact, if the run has ended."""
        return self.scheduler.log[-1][0] if self.scheduler.finished else None

    def _note(self, kind: int, index: int, attempt: int, instant: float) -> None:
        name = f"{self.graph.path(index)}#{attempt}" if index >= 0 else ""
        if kind == commands.START:
            self.started.append(name)
        elif kind == commands.STOP:
            self.stopped.append(name)
        elif kind == commands.ACQUIRE:
            self.asked.append(name)
        elif kind == commands.RELEASE:
            self.returned.append(name)
        elif kind == commands.WAKE:
            self.wakes.append(instant)

    def _check(self, before: bytes, decision: Decision) -> None:
        check_invariants(self.scheduler)
        for old, new in zip(before, self.scheduler.states, strict=False):
            assert _is_legal(State(old), State(new)), f"{State(old).name} -> {State(new).name}"
        if self.scheduler.finished:
            assert decision.facts[-1][0] in kinds.ENDS_OF_RUN


def _is_legal(old: State, new: State) -> bool:
    """Whether one decision may lead from one state to the other, over any number of legal ways."""
    reached = {old}
    fresh = {old}
    while fresh:
        fresh = {after for before, after in LEGAL if before in fresh} - reached
        reached |= fresh
    return new in reached


INLINE = {"where": Where.INLINE}
THREAD = {"where": Where.THREAD}
