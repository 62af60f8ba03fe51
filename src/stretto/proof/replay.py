"""A finished run once more, on its recorded times: what it would have taken, had something been different.

The scheduler is the run's own, on virtual time (`stretto.runtime.simulate`). It is given a graph in which
everything that grew is there from the start: each step as long as it really took, attempt by attempt, with
the waits between attempts as they were. Deadlines are left out, since what they cut has its recorded length.

Every figure is an estimate. It takes for granted that lengths do not depend on what else runs, and that inline
glue takes no time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from stretto.core.graph import Graph, Role, StepSpec, Where
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Created, RunOptions
from stretto.core.policy import Cause, Failure, Retry
from stretto.runtime.simulate import Outcome, simulate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stretto.core.journal.facts import Fact
    from stretto.core.journal.view import AttemptView, RunView, StepView

__all__ = ["Change", "Replay"]


@dataclass(frozen=True, slots=True)
class Change:
    """What is different. Steps are indices of the recorded graph; an edge is (needed, needing)."""

    instant: frozenset[int] = frozenset()
    """Steps that take no time."""
    first_try: frozenset[int] = frozenset()
    """Steps whose last attempt is their only one."""
    without: frozenset[tuple[int, int]] = frozenset()
    """Edges that are not there."""
    permits: int | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    """Named limits of another size."""
    is_dataflow: bool = False
    """Each step as soon as it can, where the run was one by one."""


AS_IT_WAS = Change()


class _Node(NamedTuple):
    """A step of the simulated graph: a recorded step, or the end (`is_end`) of one that had grown others."""

    step: int
    is_end: bool


class Replay:
    """A run that ended with its value, ready to be simulated."""

    def __init__(
        self, created: Created, view: RunView, facts: Sequence[Fact], limits: Mapping[str, int]
    ) -> None:
        self._created = created
        self._graph = created.graph
        self._view = view
        self.limits = dict(limits)
        """Named permits by name, as the run had them."""
        self._until = _pauses(facts)
        self._nodes = self._all_nodes()
        self._deps = [self._needs(node) for node in self._nodes]

    def __len__(self) -> int:
        return len(self._nodes)

    def needs(self, index: int) -> tuple[int, ...]:
        """The recorded steps that a step really waited for: those it names, and its anchor."""
        return tuple(sorted({node.step for node in self._needs(_Node(index, is_end=False))}))

    def seconds(self, change: Change = AS_IT_WAS) -> float:
        """The makespan under a change, an estimate in seconds."""
        graph, steps = self._simulated(change)
        options = self._created.options
        is_sequential = options.is_sequential and not change.is_dataflow
        created = Created(
            self._created.workflow,
            graph,
            RunOptions(
                permits=change.permits or options.permits, is_sequential=is_sequential, grace=options.grace
            ),
            self._created.estimates,
            {},
        )

        def outcome(path: str, attempt: int) -> Outcome:
            return self._outcome(steps[path], attempt, change)

        return simulate(created, outcome, limits={**self.limits, **change.limits}).makespan

    # ---------------------------------------------------------------- how long

    def _outcome(self, index: int, attempt: int, change: Change) -> Outcome:
        attempts = self._view.step(index).attempts
        if index in change.instant or index in self._graph.children or not attempts:
            return Outcome(0.0)
        if index in change.first_try:
            return Outcome(_length(attempts[-1]))
        seconds = _length(attempts[attempt - 1])
        if attempt >= len(attempts):
            return Outcome(seconds)
        ended = attempts[attempt - 1].ended_at or 0.0
        pause = max(0.0, self._until.get((index, attempt), ended) - ended)
        return Outcome(seconds, failure=Failure(Cause.ERROR, "as recorded", ("Exception",), pause))

    # ---------------------------------------------------------------- the graph

    def _all_nodes(self) -> list[_Node]:
        nodes = [_Node(index, is_end=False) for index in range(len(self._graph))]
        return nodes + [_Node(index, is_end=True) for index in self._graph.children]

    def _needs(self, node: _Node) -> set[_Node]:
        """What held a node back, as far as the recorded instants bear it out: late members of a group that
        was judged at its deadline did not.
        """
        graph, view = self._graph, self._view
        if node.is_end:
            ended = view.step(node.step).ended_at or 0.0
            children = graph.children[node.step]
            settled = {self._end_of(each) for each in children if (view.step(each).ended_at or 0.0) <= ended}
            return settled | {_Node(node.step, is_end=False)}
        began = _began(view.step(node.step))
        found: set[_Node] = set()
        for dep in self._named(node.step):
            ended_at = view.step(dep).ended_at
            if ended_at is not None and (began is None or ended_at <= began):
                found.add(self._end_of(dep))
            elif dep in graph.children:
                found.add(_Node(dep, is_end=False))
        if graph.scopes[node.step] >= 0:
            found.add(_Node(graph.scopes[node.step], is_end=False))
        return found

    def _named(self, index: int) -> Sequence[int]:
        if self._graph.specs[index].role is not Role.GATE:
            return self._graph.deps[index]
        members = (group.members for group in self._graph.groups if group.gate == index)
        return [*self._graph.deps[index], *next(members, [])]

    def _end_of(self, index: int) -> _Node:
        return _Node(index, is_end=index in self._graph.children)

    def _simulated(self, change: Change) -> tuple[Graph, dict[str, int]]:
        """The graph under a change, and the recorded step behind each of its paths."""
        kept = [
            {dep for dep in deps if node.is_end or (dep.step, node.step) not in change.without}
            for node, deps in zip(self._nodes, self._deps, strict=True)
        ]
        graph, steps = Graph(), {}
        places: dict[_Node, int] = {}
        for number in self._order(kept):
            node = self._nodes[number]
            name = f"{self._graph.path(node.step)}{' end' if node.is_end else ''}"
            deps = tuple(sorted(places[dep] for dep in kept[number]))
            places[node] = graph.add(self._spec(node, change), name, (), None, deps)
            steps[name] = node.step
        return graph, steps

    def _order(self, deps: list[set[_Node]]) -> list[int]:
        """Every node behind what it needs, otherwise in author order: that of a run one by one."""
        numbers = {node: number for number, node in enumerate(self._nodes)}
        followers: list[list[int]] = [[] for _ in deps]
        for number, needed in enumerate(deps):
            for dep in needed:
                followers[numbers[dep]].append(number)
        waiting = [len(needed) for needed in deps]
        author = [self._graph.author_order(node.step) for node in self._nodes]
        heap = [(author[number], number) for number, count in enumerate(waiting) if not count]
        heapify(heap)
        order: list[int] = []
        while heap:
            _, number = heappop(heap)
            order.append(number)
            for follower in followers[number]:
                waiting[follower] -= 1
                if not waiting[follower]:
                    heappush(heap, (author[follower], follower))
        return order

    def _spec(self, node: _Node, change: Change) -> StepSpec:
        spec, attempts = self._graph.specs[node.step], self._view.step(node.step).attempts
        is_glue = node.is_end or spec.is_anchor or spec.role is Role.GATE or spec.where is Where.INLINE
        if is_glue or not attempts or node.step in self._graph.children:
            return StepSpec(id=spec.id, where=Where.INLINE)
        tries = 1 if node.step in change.first_try | change.instant else len(attempts)
        retry = Retry(attempts=tries, first_wait=0.0, jitter=False)
        return StepSpec(id=spec.id, where=Where.LOOP, retry=retry, limits=spec.limits)


def _pauses(facts: Sequence[Fact]) -> dict[tuple[int, int], float]:
    """Until when each failed attempt was followed by nothing, by (step, attempt)."""
    return {
        (fact[1], fact[2]): fact[4][0]
        for fact in facts
        if fact[0] == kinds.STEP_RETRYING and isinstance(fact[4], tuple)
    }


def _began(step: StepView) -> float | None:
    """When a step no longer waited for others: it asked for a permit, or settled without one."""
    if step.attempts:
        return step.started_at
    return step.ended_at


def _length(attempt: AttemptView) -> float:
    ended = attempt.started_at if attempt.ended_at is None else attempt.ended_at
    return max(0.0, ended - attempt.started_at)
