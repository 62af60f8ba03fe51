"""Drives a scheduler on a heap of instants: no event loop, no clock, no dice; equal arguments, equal facts.

It performs commands as the engine's driver does, with the caller's word in place of code: attempts end when
their outcome says, wake-ups come at their very instant, and what falls on one instant is decided together,
ends of attempts first (what finished before a deadline is kept).
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Final

from stretto.core.graph import Role, Source, Where, map_fragment
from stretto.core.journal import facts as kinds
from stretto.core.limits import Pools, Token
from stretto.core.policy import failure_of
from stretto.core.schedule.decision import ACQUIRE, RELEASE, START, STOP, WAKE, Command
from stretto.core.schedule.machine import Scheduler
from stretto.errors import InputError, PermanentError
from stretto.runtime.engine.growth import grown_by
from stretto.runtime.engine.inputs import Values, map_items
from stretto.runtime.simulate.outcome import outcome_of
from stretto.runtime.simulate.simulated import Simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stretto.core.graph import Fragment
    from stretto.core.journal.facts import Created, Fact
    from stretto.runtime.simulate.outcome import Outcome, OutcomeOf

__all__ = ["simulate"]

_END: Final = 0
_TICK: Final = 1


def simulate(
    created: Created,
    outcome: OutcomeOf,
    *,
    sizes: Mapping[str, int] | None = None,
    limits: Mapping[str, int] | None = None,
    draw: float = 0.5,
    scheduler: Callable[[Created], Scheduler] = Scheduler,
) -> Simulated:
    """Run `created` on virtual time: its options, estimates and graph, `outcome(path, attempt)` for code.

    The graph is copied: `created` stays as it was. Inline steps take no time, whatever their outcome says.
    `sizes` gives, by path, how many items a map has whose list is a step's result; without it the outcome of
    that step must return the list. Choices and loops follow the values that outcomes return; what only code
    can grow (a workflow given Refs, a plan) is one step here, with an outcome of its own. `limits` are the
    engine's named permits. `draw` in [0, 1) is the jitter of every retry: 0.5 is its mean. `scheduler` builds
    the state machine, for comparing orders of start.

    Raises InputError for an impossible length, a map of unknown size, or a run that could never end;
    NotFoundError for a step's limit that `limits` does not have.
    """
    copied = created._replace(graph=created.graph.copy())
    return _Rim(scheduler(copied), outcome, dict(sizes or {}), Pools(limits or {}), draw).run()


class _Rim:
    """The side effects of one simulated run: a heap of (instant, rank, arrival, fact)."""

    def __init__(
        self, scheduler: Scheduler, outcome: OutcomeOf, sizes: dict[str, int], pools: Pools, draw: float
    ) -> None:
        self._scheduler = scheduler
        self._graph = scheduler.graph
        self._outcome = outcome
        self._sizes = sizes
        self._pools = pools
        self._draw = draw
        self._values = Values(scheduler.graph, scheduler.values)
        self._now = 0.0
        self._heap: list[tuple[float, int, int, Fact]] = []
        self._arrivals = 0
        self._inbox: list[Fact] = []
        self._running: dict[tuple[int, int], tuple[int, Outcome]] = {}

    def run(self) -> Simulated:
        created = self._scheduler.created
        self._inbox.append((kinds.RUN_CREATED, kinds.RUN, 0, 0.0, created))
        self._decide()
        while not self._scheduler.finished:
            self._inbox = self._next()
            self._decide()
        return Simulated(self._now, self._scheduler.log, self._graph)

    # ---------------------------------------------------------------- facts in, commands out

    def _decide(self) -> None:
        while self._inbox and not self._scheduler.finished:
            stimuli, self._inbox = self._inbox, []
            for command in self._scheduler.handle(*stimuli).commands:
                self._perform(command)

    def _next(self) -> list[Fact]:
        """All that falls on the next instant."""
        found: list[Fact] = []
        heap = self._heap
        while heap and (not found or heap[0][0] == self._now):
            self._now, rank, arrival, fact = heappop(heap)
            if rank == _TICK or self._is_awaited(fact, arrival):
                found.append(fact)
        if not found:
            self._refuse_endless()
        return found

    def _is_awaited(self, fact: Fact, arrival: int) -> bool:
        """Whether this is still how the attempt ends: one that was told to stop ends otherwise."""
        key = (fact[1], fact[2])
        if key not in self._running or self._running[key][0] != arrival:
            return False
        del self._running[key]
        return True

    def _refuse_endless(self) -> None:
        stuck = ", ".join(repr(self._graph.path(index)) for index, _ in sorted(self._running))
        raise InputError(
            f"The run would never end: {stuck} never return, and no timeout or deadline ends them. "
            "Give them finite seconds, or a timeout."
        )

    def _perform(self, command: Command) -> None:
        kind, index, attempt, instant = command
        if kind == START:
            self._start(index, attempt)
        elif kind == STOP:
            self._stop(index, attempt)
        elif kind == WAKE:
            self._push(instant, _TICK, (kinds.CLOCK_TICKED, kinds.RUN, 0, instant, self._draw))
        elif kind == ACQUIRE:
            spec = self._graph.specs[index]
            self._pools.check(spec.limits, spec.id)
            self._grant(self._pools.request(Token("", index, attempt), spec.limits, instant))
        elif kind == RELEASE:
            self._grant(self._pools.release(Token("", index, attempt)))

    def _grant(self, tokens: list[Token]) -> None:
        self._inbox.extend((kinds.PERMIT_GRANTED, token.step, 0, self._now, None) for token in tokens)

    def _push(self, instant: float, rank: int, fact: Fact) -> int:
        self._arrivals += 1
        heappush(self._heap, (instant, rank, self._arrivals, fact))
        return self._arrivals

    # ---------------------------------------------------------------- attempts

    def _start(self, index: int, attempt: int) -> None:
        spec = self._graph.specs[index]
        if spec.is_anchor and spec.role is not Role.GROW:
            self._grow(index, attempt)
            return
        outcome = outcome_of(self._outcome, self._graph.path(index), attempt)
        if spec.where is Where.INLINE and spec.role is not Role.GROW:
            self._inbox.append(self._end(index, attempt, self._now, outcome))
            return
        ends_at = self._now + outcome.seconds
        arrival = (
            0 if ends_at == inf else self._push(ends_at, _END, self._end(index, attempt, ends_at, outcome))
        )
        self._running[(index, attempt)] = (arrival, outcome)

    def _end(self, index: int, attempt: int, at: float, outcome: Outcome) -> Fact:
        if outcome.failure is None:
            return (kinds.ATTEMPT_SUCCEEDED, index, attempt, at, outcome.value)
        return (kinds.ATTEMPT_FAILED, index, attempt, at, (outcome.failure, self._draw))

    def _stop(self, index: int, attempt: int) -> None:
        key = (index, attempt)
        if key not in self._running or self._graph.specs[index].where is Where.THREAD:
            return  # it has ended at this very instant, or it is a thread, which cannot be told
        outcome = self._running[key][1]
        ends_at = self._now + outcome.stops_in
        self._expect((kinds.ATTEMPT_ENDED, index, attempt, ends_at, None), outcome)

    def _expect(self, end: Fact, outcome: Outcome) -> None:
        """From now on the attempt ends like this, and no other way; at an infinite instant, never."""
        _, index, attempt, at, _ = end
        self._running[(index, attempt)] = (self._push(at, _END, end) if at < inf else 0, outcome)

    def _grow(self, anchor: int, attempt: int) -> None:
        fact: Fact
        try:
            fact = (kinds.ATTEMPT_GREW, anchor, attempt, self._now, self._fragment(anchor, attempt))
        except PermanentError as error:
            fact = (kinds.ATTEMPT_FAILED, anchor, attempt, self._now, (failure_of(error), self._draw))
        self._inbox.append(fact)

    def _fragment(self, anchor: int, attempt: int) -> Fragment:
        rule = self._graph.maps.get(anchor)
        if rule is None:
            return grown_by(self._graph, anchor, attempt, self._values, None, self._scheduler).fragment
        return map_fragment(rule.target, self._items(anchor), rule.fixed, rule.after, rule.default)

    def _items(self, anchor: int) -> list[object]:
        path = self._graph.path(anchor)
        source = self._graph.maps[anchor].items
        if path in self._sizes and isinstance(source, Source):
            index, projection = source._index, source._projection
            return [Source(index, (*projection, ("item", number))) for number in range(self._sizes[path])]
        try:
            return map_items(self._graph, anchor, self._values)
        except PermanentError as error:
            raise InputError(
                f"The simulation does not know how many items {path!r} maps over ({error}). "
                f"Give sizes={{{path!r}: …}}, or let the outcome of that step return its list."
            ) from error
