"""What would have shortened a run most, by simulating it once more with one thing different."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stretto.core.graph import Role
from stretto.proof.replay import Change
from stretto.proof.waits import Wait, WaitCause, last_needed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stretto.core.forecast.hops import Hop
    from stretto.core.graph import Graph
    from stretto.core.journal.facts import Created
    from stretto.core.journal.view import RunView
    from stretto.proof.replay import Replay

__all__ = ["Proposal", "propose"]

_STEPS: Final = 6
_EDGES: Final = 6
_LEAST: Final = 0.005
_BUDGET: Final = 400_000
"""Steps simulated in all, at some 20 µs each: a few seconds."""
_UNBOUNDED: Final = 1_000_000
_MORE: Final = 2


@dataclass(frozen=True, slots=True)
class Proposal:
    """One change and its effect: makespans in seconds, both simulated. An estimate."""

    what: str
    kind: str
    """step, retries, edge, permits, limit or dataflow."""
    about: tuple[str, ...]
    before: float
    after: float

    @property
    def gain(self) -> float:
        """The part of the makespan that it takes away, 0 to 1."""
        return 1.0 - self.after / self.before if self.before > 0 else 0.0


def propose(
    replay: Replay,
    created: Created,
    view: RunView,
    hops: Sequence[Hop],
    waits: Mapping[int, Sequence[Wait]],
) -> list[Proposal]:
    """The changes that would have helped, the best first; those of less than half a percent are left out.

    A large run is simulated fewer times.
    """
    before = replay.seconds()
    allowed = max(1, _BUDGET // max(1, len(replay)) - 1)
    candidates = [*_candidates(replay, created, view, hops, waits)][:allowed]
    found = [
        Proposal(each.what, each.kind, each.about, before, replay.seconds(each.change)) for each in candidates
    ]
    kept = [proposal for proposal in found if proposal.gain >= _LEAST]
    return sorted(kept, key=lambda proposal: proposal.after)


@dataclass(frozen=True, slots=True)
class _Candidate:
    what: str
    kind: str
    about: tuple[str, ...]
    change: Change


def _candidates(
    replay: Replay,
    created: Created,
    view: RunView,
    hops: Sequence[Hop],
    waits: Mapping[int, Sequence[Wait]],
) -> Iterator[_Candidate]:
    if created.options.is_sequential:
        change = Change(is_dataflow=True, permits=_UNBOUNDED)
        yield _Candidate("as dataflow, not one by one", "dataflow", (), change)
    else:
        yield from _of_permits(created, waits, replay.limits)
    yield from _of_steps(created, hops)
    yield from _of_retries(created, view, hops)
    yield from _of_edges(replay, created, view, hops)


def _of_permits(
    created: Created, waits: Mapping[int, Sequence[Wait]], limits: Mapping[str, int]
) -> Iterator[_Candidate]:
    causes = {wait.cause for each in waits.values() for wait in each}
    permits = created.options.permits
    if WaitCause.PERMIT in causes:
        yield _Candidate(
            f"with {permits * 2} at once in place of {permits}", "permits", (), Change(permits=permits * 2)
        )
        yield _Candidate("with no cap on steps at once", "permits", (), Change(permits=_UNBOUNDED))
    held = {wait.on for each in waits.values() for wait in each if wait.cause is WaitCause.LIMIT}
    for name in sorted({part for on in held for part in on.split(", ")}):
        if name in limits:
            more = Change(limits={name: limits[name] + _MORE})
            yield _Candidate(f"with {_MORE} more permits of `{name}`", "limit", (name,), more)


def _of_steps(created: Created, hops: Sequence[Hop]) -> Iterator[_Candidate]:
    """Each step on the critical path, all its uses together: what is made faster is its code."""
    graph = created.graph
    spent: dict[str, float] = {}
    for hop in hops:
        index = graph.index_of(hop.step)
        if index is not None:
            key = graph.specs[index].id
            spent[key] = spent.get(key, 0.0) + hop.ended_at - hop.started_at
    uses: dict[str, list[int]] = {}
    for index, spec in enumerate(graph.specs):
        if spec.role is Role.STEP:
            uses.setdefault(spec.id, []).append(index)
    for key in sorted(spent, key=lambda each: -spent[each])[:_STEPS]:
        own = uses.get(key, [])
        paths = tuple(graph.path(index) for index in own)
        if own:
            name = f"`{paths[0]}`" if len(own) == 1 else f"each of the {len(own)} uses of `{key}`"
            yield _Candidate(f"if {name} took no time", "step", paths, Change(instant=frozenset(own)))


def _of_retries(created: Created, view: RunView, hops: Sequence[Hop]) -> Iterator[_Candidate]:
    found: dict[str, int] = {}
    for hop in hops:
        index = created.graph.index_of(hop.step)
        if index is not None and len(view.step(index).attempts) > 1 and index not in created.graph.children:
            found[hop.step] = index
    for path, index in found.items():
        yield _Candidate(
            f"if `{path}` succeeded at its first attempt",
            "retries",
            (path,),
            Change(first_try=frozenset({index})),
        )


def _of_edges(replay: Replay, created: Created, view: RunView, hops: Sequence[Hop]) -> Iterator[_Candidate]:
    """The edges that held back the steps of the critical path."""
    graph = created.graph
    seen: set[tuple[int, int]] = set()
    for hop in sorted(hops, key=lambda each: -each.share):
        edge = _edge_before(replay, created, view, hop)
        if edge is None or edge in seen or len(seen) == _EDGES:
            continue
        seen.add(edge)
        needed, needing = (graph.path(index) for index in edge)
        yield _Candidate(
            f"without the edge {needed} → {needing}",
            "edge",
            (needed, needing),
            Change(without=_with_grown(graph, edge)),
        )


def _edge_before(replay: Replay, created: Created, view: RunView, hop: Hop) -> tuple[int, int] | None:
    """The edge that a hop waited on. Where an anchor waited on it for all that it grew, it is the anchor's."""
    graph = created.graph
    index = graph.index_of(hop.step)
    if index is None or hop.waited_for != "dependency":
        return None
    needed = last_needed(graph, view, index, hop.started_at)
    if needed is None:
        return None
    scope = graph.scopes[index]
    while scope >= 0 and (needed in replay.needs(scope) or needed not in replay.needs(index)):
        index, scope = scope, graph.scopes[scope]
    return (needed, index) if needed in replay.needs(index) else None


def _with_grown(graph: Graph, edge: tuple[int, int]) -> frozenset[tuple[int, int]]:
    """The edge, and the same for everything that grew below its end."""
    needed, needing = edge
    found, trail = {edge}, [needing]
    while trail:
        children = graph.children.get(trail.pop(), ())
        found.update((needed, child) for child in children)
        trail.extend(children)
    return frozenset(found)
