"""`Scheduler`: decides, from facts alone, what happens next in one run.

It reads no clock, throws no dice, awaits nothing and calls no user code. The same scheduler is driven by real
time, by virtual time and by a journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stretto.core.forecast.levels import bottom_levels
from stretto.core.graph.spec import FREE, LIMITED, Role
from stretto.core.journal import facts as kinds
from stretto.core.journal.story import story_lines
from stretto.core.policy.failure import Cause, Failure
from stretto.core.schedule.deadlines import GRACE_OVER, RUN_WITHIN
from stretto.core.schedule.decision import ACQUIRE, FINISH, RELEASE, WAKE, Decision
from stretto.core.schedule.ready import weight_of
from stretto.core.schedule.settling import (
    CANCELLED,
    FAILED,
    PENDING,
    READY,
    RUNNING,
    SKIPPED,
    WAITING,
)
from stretto.core.schedule.states import State
from stretto.core.schedule.waits import Waits
from stretto.errors import IllegalEventError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stretto.core.journal.facts import Created, Fact
    from stretto.core.schedule.decision import Command

__all__ = ["Scheduler"]

_ENDS: Final = frozenset(
    (
        kinds.ATTEMPT_SUCCEEDED,
        kinds.ATTEMPT_FAILED,
        kinds.ATTEMPT_ENDED,
        kinds.ATTEMPT_GREW,
        kinds.GROWTH_DROPPED,
        kinds.ATTEMPT_LOST,
        kinds.ATTEMPT_REUSED,
        kinds.WAIT_BEGAN,
    )
)


class Scheduler(Waits):
    """The state machine of one run. `handle` is its only door."""

    __slots__ = ("_handlers", "log")

    def __init__(self, created: Created) -> None:
        super().__init__(created)
        self.log: list[Fact] = []
        self._handlers: dict[int, Callable[[Fact], None]] = {
            kinds.RUN_CREATED: self._on_created,
            kinds.ATTEMPT_SUCCEEDED: self._on_succeeded,
            kinds.ATTEMPT_FAILED: self._on_failed,
            kinds.ATTEMPT_ENDED: self._on_ended,
            kinds.ATTEMPT_GREW: self._on_grew,
            kinds.GROWTH_DROPPED: self._on_grew,
            kinds.PERMIT_GRANTED: self._on_granted,
            kinds.CLOCK_TICKED: self._on_tick,
            kinds.CANCEL_REQUESTED: self._on_cancel,
            kinds.CANCEL_AT_ONCE: self._on_cancel_at_once,
            kinds.WAIT_BEGAN: self._on_wait_began,
            kinds.ANSWERED: self._on_answered,
            kinds.ATTEMPT_LOST: self._on_lost,
            kinds.ATTEMPT_REUSED: self._on_succeeded,
        }

    def handle(self, *stimuli: Fact) -> Decision:
        """Take one or more facts from outside and decide.

        All of them are checked before any of them counts. Raises IllegalEventError, with the step's story,
        and changes nothing, if one may not happen now.
        """
        self._check(stimuli)
        facts: list[Fact] = []
        commands: list[Command] = []
        self.facts = facts
        self.commands = commands
        handlers = self._handlers
        for stimulus in stimuli:
            self.now = max(self.now, stimulus[3])
            handlers[stimulus[0]](stimulus)
        if self.renewing:
            self._supersede_lost()
        if self.must_stop:
            self._stop_all()
        if self.fresh or self.queue:
            self._dispatch()
        if not self.running or self.is_expired:
            self._close()
        if self.asked or self.is_waiting:
            self._note_waiting()
        if not self.finished:
            instant = self.deadlines.to_arm()
            if instant is not None:
                commands.append((WAKE, -1, 0, instant))
        self.log.extend(facts)
        return Decision(facts, commands)

    def story(self, path: str) -> tuple[str, ...]:
        """All that happened to one step, a line an event."""
        index = self.graph.index_of(path)
        return () if index is None else story_lines(self.log, index)

    def deadline_of(self, index: int, attempt: int) -> float | None:
        """The earliest instant at which this attempt will be cut, or None."""
        spec = self.graph.specs[index]
        began = next(
            (fact[3] for fact in reversed(self.log) if fact[:3] == (kinds.STEP_STARTED, index, attempt)), None
        )
        limits = [
            None if began is None or spec.timeout is None else began + spec.timeout,
            None if spec.within is None else self.began_at.get(index, self.now) + spec.within,
            None if self.options.within is None else self.started_at + self.options.within,
            *(self._group_deadline(number) for number in self.graph.groups_around(index)),
            *self._scope_deadlines(index),
        ]
        return min((limit for limit in limits if limit is not None), default=None)

    def _scope_deadlines(self, index: int) -> Iterator[float]:
        """The deadlines of the anchors a step stands under."""
        scope = self.graph.scopes[index]
        while scope >= 0:
            within = self.graph.specs[scope].within
            if within is not None and scope in self.began_at:
                yield self.began_at[scope] + within
            scope = self.graph.scopes[scope]

    def _group_deadline(self, number: int) -> float | None:
        gate = self.graph.groups[number].gate
        opened = [fact[4] for fact in self.log if fact[0] == kinds.GROUP_OPENED and fact[1] == gate]
        return opened[0] if opened and isinstance(opened[0], float) else None

    # ---------------------------------------------------------------- what may happen now

    def _check(self, stimuli: tuple[Fact, ...]) -> None:
        seen: set[tuple[int, int]] | None = set() if len(stimuli) > 1 else None
        for stimulus in stimuli:
            kind, index, attempt = stimulus[:3]
            if kind in _ENDS:
                self._check_end(kind, index, attempt, seen)
            elif kind == kinds.RUN_CREATED:
                if self.log or self.finished:
                    raise IllegalEventError("The run was created twice.")
            elif kind not in self._handlers:
                raise IllegalEventError(f"Fact kind {kind} is not a stimulus.")
            elif self.finished:
                raise IllegalEventError(f"Fact kind {kind} came after the run had ended.")
            elif kind == kinds.ANSWERED and not (self.is_asked(index) and self.attempts[index] == attempt):
                self._refuse(kind, index, attempt)

    def _check_end(self, kind: int, index: int, attempt: int, seen: set[tuple[int, int]] | None) -> None:
        key = (index, attempt)
        is_known = 0 <= index < len(self.states)
        is_current = is_known and self.states[index] == RUNNING and self.attempts[index] == attempt
        is_told = key in self.stopping or key in self.late or (seen is not None and (index, 0) in seen)
        if not (is_current or is_told) or (seen is not None and key in seen):
            self._refuse(kind, index, attempt)
        if kind == kinds.ATTEMPT_ENDED and not is_told:
            self._refuse(kind, index, attempt)
        if kind == kinds.WAIT_BEGAN and self.graph.specs[index].role is not Role.WAIT:
            self._refuse(kind, index, attempt)
        if seen is not None:
            seen.add(key)
            if is_told and kind == kinds.ATTEMPT_SUCCEEDED:
                seen.add((index, 0))  # may be adopted, and then the newer attempt is told to stop by that

    def _refuse(self, kind: int, index: int, attempt: int) -> None:
        if not 0 <= index < len(self.states):
            raise IllegalEventError(f"Fact kind {kind} names step {index}, which does not exist.")
        path = self.graph.path(index)
        state = State(self.states[index]).name
        raise IllegalEventError(
            f"Attempt {attempt} of step {path!r} cannot take fact kind {kind} now: the step is {state}, "
            f"its attempt is {self.attempts[index]}.",
            step=path,
            story=self.story(path),
        )

    # ---------------------------------------------------------------- stimuli of the run

    def _on_created(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.facts.append((kinds.RUN_STARTED, kinds.RUN, 0, self.now, None))
        self.started_at = self.now
        if self.options.within is not None:
            self._bound_run(self.options.within)
        for anchor in self.graph.children:
            self._begin_known(anchor)
        # Looked up before anything follows: what an empty map's list opens becomes ready by that, not here too.
        waiting_for_nothing = [index for index, waits in enumerate(self.missing) if not waits]
        for index in waiting_for_nothing:
            if self.states[index] == PENDING:
                self._became_ready(index)
        for anchor, children in self.graph.children.items():
            if not children:
                self._settle_anchor(anchor)

    def _bound_run(self, within: float) -> None:
        self.deadlines.add(self.now + within, RUN_WITHIN, -1)
        graph = self.graph
        estimates = self.created.estimates
        weights = [
            weight_of(graph, index, estimates, 0.0) if self._is_required(index) else 0.0
            for index in range(len(graph))
        ]
        self.reserves = bottom_levels(graph.edges()[1], weights)
        self._bound_optional(range(len(graph)))

    def _is_required(self, index: int) -> bool:
        """Whether the run cannot do without the step's work: neither it nor what it grows under or maps is
        optional."""
        graph = self.graph
        rule = graph.maps.get(index)
        if graph.is_optional(index) or (rule is not None and rule.target.optional):
            return False
        return graph.scopes[index] < 0 or self._is_required(graph.scopes[index])

    def _on_cancel(self, fact: Fact) -> None:
        if self.halted is Cause.CANCELLED:
            return
        self.facts.append(fact)
        self.verdict = str(fact[4] or "cancelled")
        self._halt(Cause.CANCELLED)

    def _on_cancel_at_once(self, fact: Fact) -> None:
        """Whoever was asked to end before has no more time either."""
        if self.grace == 0.0 and self.halted is Cause.CANCELLED:
            return
        self.grace = 0.0
        for index, attempt in self.stopping:
            self.deadlines.add(self.now, GRACE_OVER, index, attempt)
        if self.halted is Cause.CANCELLED:
            self.facts.append(fact)
        else:
            self._on_cancel(fact)

    # ---------------------------------------------------------------- permits

    def _dispatch(self) -> None:
        """Start what may start: all of it while permits suffice, else the longest remaining path first."""
        fresh = [index for index in self.fresh if self.states[index] in (PENDING, WAITING)]
        self.fresh = []
        free = self.options.permits - self.used
        if len(fresh) <= free and not self.queue and not any(map(self._is_limited, fresh)):
            self.used += len(fresh)
            for index in fresh:
                self._issue(index)
            return
        self.queue.extend(fresh)
        self._start_best()
        for index in fresh:
            if self.states[index] in (PENDING, WAITING):
                self.states[index] = READY
                self.facts.append((kinds.STEP_READY, index, 0, self.now, None))

    def _is_limited(self, index: int) -> bool:
        return self.graph.specs[index].lane == LIMITED

    def _start_best(self) -> None:
        permits = self.options.permits
        while self.queue and self.used < permits:
            index = self.queue.pop()
            if self.states[index] not in (PENDING, READY, WAITING):
                continue
            if self._is_limited(index):
                if self.options.is_sequential:
                    self.reserved.add(index)  # nothing overtakes it while it asks: author order holds
                self._request(index)
            else:
                self.used += 1
                self._issue(index)

    def _request(self, index: int) -> None:
        # The run's own permit is taken only with the grant: a step that queues for a provider blocks nobody
        # here. One that was granted when the run was full keeps its place from then on, or it would starve.
        self.requested.add(index)
        if index in self.reserved:
            self.used += 1
        self.commands.append((ACQUIRE, index, self.attempts[index] + 1, self.queue.level(index)))

    def _on_granted(self, fact: Fact) -> None:
        index = fact[1]
        if index not in self.requested:
            return  # withdrawn while the grant was on its way; the withdrawal gave it back
        self.facts.append(fact)
        self.requested.discard(index)
        if index in self.reserved:
            self.reserved.discard(index)
            self._issue(index)
        elif self.used < self.options.permits:
            self.used += 1
            self._issue(index)
        else:
            self.commands.append((RELEASE, index, self.attempts[index] + 1, 0.0))
            if not self.reserved:
                self.reserved.add(index)  # one at a time: a kept place is a permit that runs nothing
            self.queue.push(index)

    # ---------------------------------------------------------------- the end

    def _close(self) -> None:
        if self.finished:
            return
        # A drain ends with the deadline too: what still ran for a failed run is cut like any other.
        is_free_to_run = self.halted in (None, Cause.ERROR)
        if self.is_expired and is_free_to_run and self.open_steps and not self._is_gluing():
            self.verdict = f"the run passed its deadline of {self.options.within:g} s"
            self._halt(Cause.TIMED_OUT)
            self._stop_all()
        if self.stopping or self.running:
            return
        if not self.open_steps and self.halted is None and self.failures:
            self._finish_lost()
        elif not self.open_steps and self.halted is None:
            self._finish(kinds.RUN_PARTIAL if self.is_partial else kinds.RUN_SUCCEEDED, None)
        elif self.halted is not None:
            self._close_steps()
            self._finish_lost()

    def _is_gluing(self) -> bool:
        """Whether inline glue, which takes no time, is still to end at the deadline's very instant."""
        return any(
            self.states[index] == RUNNING and self.graph.specs[index].lane == FREE
            for index in range(len(self.states))
        )

    def _close_steps(self) -> None:
        """Give every step that never ended its final state: blocked by a loss above it, or cut with the
        run."""
        remaining = [index for index in range(len(self.graph)) if self.is_open(index)]
        while blocked := self._close_blocked(remaining):
            remaining = [index for index in remaining if index not in blocked]
        for index in remaining:
            self._close_step(index, CANCELLED, self.verdict or "the run failed before it could start")

    def _close_blocked(self, remaining: list[int]) -> set[int]:
        blocked: set[int] = set()
        for index in remaining:
            lost = self._lost_upstream(index)
            if lost is None:
                continue
            blocked.add(index)
            if index in self.graph.children:
                text = f"{self.graph.path(lost)} was lost"
                self._close_step(index, FAILED, Failure(Cause.BLOCKED, text))
            else:
                text = f"needs {self.graph.path(lost)}, which was lost"
                self._close_step(index, SKIPPED, Failure(Cause.BLOCKED, text))
        return blocked

    def _lost_upstream(self, index: int) -> int | None:
        needed: list[int] = [*self.graph.deps[index], *self.graph.children.get(index, ())]
        for dep in needed:
            is_lost = self.states[dep] in (FAILED, SKIPPED) and dep not in self.left_out
            if is_lost and dep not in self.defaulted:
                return dep
        return None

    def _close_step(self, index: int, state: int, data: object) -> None:
        self._withdraw(index)
        self.open_steps -= 1
        kind = {FAILED: kinds.STEP_FAILED, SKIPPED: kinds.STEP_SKIPPED}.get(state, kinds.STEP_CANCELLED)
        self.states[index] = state
        self.facts.append((kind, index, self.attempts[index], self.now, data))

    def _finish_lost(self) -> None:
        if self.halted is Cause.CANCELLED:
            self._finish(kinds.RUN_CANCELLED, self.verdict)
        else:
            self._finish(kinds.RUN_FAILED, self._cause())

    def _cause(self) -> Cause:
        if not self.failures:
            return Cause.TIMED_OUT
        first = min(self.failures, key=self.graph.author_order)
        return Cause.REJECTED if first in self.rejected else Cause.ERROR

    def _finish(self, kind: int, data: object) -> None:
        self.finished = True
        self.facts.append((kind, kinds.RUN, 0, self.now, data))
        self.commands.append((FINISH, kinds.RUN, 0, self.now))
