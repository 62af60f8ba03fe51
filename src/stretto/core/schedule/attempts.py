"""How attempts end, and what time does to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from stretto.core.graph.spec import FREE, Where
from stretto.core.journal import facts as kinds
from stretto.core.policy.failure import Cause, Failure
from stretto.core.policy.retry import wait_before
from stretto.core.schedule.deadlines import (
    ATTEMPT_TIMEOUT,
    GRACE_OVER,
    GROUP_WITHIN,
    OPTIONAL_CUT,
    RETRY_DUE,
    RUN_WITHIN,
    STEP_WITHIN,
    Due,
)
from stretto.core.schedule.decision import RELEASE
from stretto.core.schedule.settling import (
    FAILED,
    PENDING,
    RUNNING,
    SKIPPED,
    WAITING,
    Settling,
)

if TYPE_CHECKING:
    from stretto.core.graph.fragment import Fragment
    from stretto.core.journal.facts import Fact

__all__ = ["Attempts"]

_GOLDEN: Final = 0.6180339887498949


class Attempts(Settling):
    """Ends of attempts, retries and deadlines."""

    __slots__ = ()

    # ---------------------------------------------------------------- ends of attempts

    def _on_succeeded(self, fact: Fact) -> None:
        if (self.stopping or self.late) and self._was_stopped(fact):
            return
        index = fact[1]
        self._leave(index, fact[2])
        self.facts.append(fact)
        self._succeed(index, fact[4])

    def _on_failed(self, fact: Fact) -> None:
        if (self.stopping or self.late) and self._was_stopped(fact):
            return
        _, index, attempt, _, data = fact
        failure, draw = cast("tuple[Failure, float]", data)
        self._leave(index, fact[2])
        self.facts.append(fact)
        self._retry_or_lose(index, attempt, failure, draw)

    def _on_ended(self, fact: Fact) -> None:
        self._was_stopped(fact)

    def _on_grew(self, fact: Fact) -> None:
        if (self.stopping or self.late) and self._was_stopped(fact):
            return
        _, index, attempt, at, fragment = fact
        self._leave(index, attempt)
        self.states[index] = WAITING
        lost = self._doomed_by(index)
        if self.halted is None and lost is None:
            self.facts.append(fact)
            self._grow(index, fragment)  # type: ignore[arg-type]  # the kind's data, see facts.py
            return
        # Whoever reads the journal counts steps by what has grown: these never are.
        self.facts.append((kinds.GROWTH_DROPPED, index, attempt, at, None))
        is_closed = not self.open_children.get(index)
        if self.halted is None and lost is not None and is_closed:  # doomed while it grew
            self._lose(index, FAILED, Failure(Cause.BLOCKED, f"{self.graph.path(lost)} was lost"))

    def _leave(self, index: int, attempt: int) -> None:
        self.running -= 1
        self._free_permits(index, attempt)

    def _free_permits(self, index: int, attempt: int) -> None:
        """An attempt has truly ended."""
        spec = self.graph.specs[index]
        if spec.lane == FREE:
            return
        self.used -= 1
        if spec.limits:
            self.commands.append((RELEASE, index, attempt, 0.0))

    def _was_stopped(self, fact: Fact) -> bool:
        """Handles the end of an attempt that had been told to stop, or that nobody waits for any more."""
        kind, index, attempt, at, value = fact
        key = (index, attempt)
        if self.stopping.pop(key, None) is not None:
            is_closing = self.states[index] == RUNNING and self.attempts[index] == attempt
        elif key in self.late:
            self.late.discard(key)
            is_closing = False
        else:
            return False
        self._free_permits(index, attempt)
        if self._is_adoptable(index, kind):
            self._adopt(index, attempt, at, value)
            return True
        self.facts.append((kinds.ATTEMPT_ENDED, index, attempt, at, None))
        if is_closing:
            self._close_attempt(index)
        elif index in self.retry_after_end:
            self.retry_after_end.discard(index)
            self._retry_now(index)
        return True

    def _is_adoptable(self, index: int, kind: int) -> bool:
        # A coroutine that returns after it was told to stop has swallowed its cancellation: whatever it
        # returns was made after the verdict. A thread cannot be told; its finished work is never thrown away
        # needlessly.
        is_thread = self.graph.specs[index].where is Where.THREAD
        return kind == kinds.ATTEMPT_SUCCEEDED and is_thread and self.is_open(index)

    def _adopt(self, index: int, attempt: int, at: float, value: object) -> None:
        """A thread came late, but the step is still open: its result counts, a newer attempt is not
        needed."""
        if self.states[index] == RUNNING:
            self.running -= 1
            newer = (index, self.attempts[index])
            if newer[1] != attempt and newer not in self.stopping:
                self.late.add(newer)
        self._withdraw(index)
        self.retry_after_end.discard(index)
        self.facts.append((kinds.ATTEMPT_SUCCEEDED, index, attempt, at, value))
        self._succeed(index, value)

    def _close_attempt(self, index: int) -> None:
        if self.open_children.get(index):  # an anchor: what it has grown before is not closed yet
            self.running -= 1
            self.states[index] = WAITING
        else:
            self._close_open(index, self.stop_reasons.get(index, ""))

    # ---------------------------------------------------------------- growth

    def _grow(self, anchor: int, fragment: Fragment) -> None:
        graph = self.graph
        added = graph.grow(anchor, fragment)
        self._extend_columns(len(added))
        known = self._know(anchor, fragment, added)
        if self.reserves is not None:
            self._bound_optional(added)
        for empty in known:
            if not self.open_children[empty] and self.is_open(empty):
                self._settle_anchor(empty)
        for child in added:
            if child not in graph.children:
                self._wire(child)
        for consumer in graph.consumers_of(anchor):
            follower = graph.maps.get(consumer)
            if follower is not None and follower.shape_of == anchor:
                self._open_edge(consumer)
        if not self.open_children[anchor] and self.states[anchor] == WAITING:
            self._settle_anchor(anchor)

    def _know(self, anchor: int, fragment: Fragment, added: range) -> list[int]:
        """Count what is open under each anchor that has grown; gives those inside the fragment."""
        graph = self.graph
        base = added.start
        self._leave_out(fragment, base)
        own = sum(graph.scopes[child] == anchor and child not in self.left_out for child in added)
        self.open_children[anchor] = self.open_children.get(anchor, 0) + own
        self.missing[anchor] = 1 if anchor in graph.looks else 0
        if fragment.renews:
            self.renewing[anchor] = -1
        known = [base + place for place in fragment.known if base + place not in self.left_out]
        for inner in known:
            self._begin_known(inner)
        return known

    def _leave_out(self, fragment: Fragment, base: int) -> None:
        """Close the branches that were not chosen."""
        for place in sorted(fragment.unchosen):
            index = base + place
            self.left_out.add(index)
            self.states[index] = SKIPPED
            self.open_steps -= 1
            why = Failure(Cause.NOT_CHOSEN, "another branch was chosen")
            self.facts.append((kinds.STEP_SKIPPED, index, 0, self.now, why))

    def _begin_known(self, anchor: int) -> None:
        """An anchor whose children are there from the start waits for them from now on."""
        self.open_children[anchor] = len(self.graph.children[anchor])
        self.states[anchor] = WAITING
        within = self.graph.specs[anchor].within
        if within is not None:
            self.began_at[anchor] = self.now
            self.deadlines.add(self.now + within, STEP_WITHIN, anchor)

    def _extend_columns(self, count: int) -> None:
        self.states.extend(bytes(count))
        self.attempts.extend([0] * count)
        self.missing.extend([0] * count)
        self.values.extend([None] * count)
        self.open_steps += count

    def _wire(self, child: int) -> None:
        """Count the edges of a grown child that are still closed; one that can never open blocks it."""
        if self.states[child] != PENDING:
            return  # lost already, by what was wired before it, or not chosen
        waits = 0
        for dep in self.graph.deps[child]:
            if self._is_handed_on(child, dep):
                continue
            if not self.is_open(dep):
                self._block(child, dep)
                return
            waits += 1
        self.missing[child] = waits
        if not waits:
            self._became_ready(child)

    def _is_handed_on(self, child: int, dep: int) -> bool:
        rule = self.graph.maps.get(child)
        is_shape = rule is not None and rule.shape_of == dep and dep in self.graph.children
        return is_shape or self.is_delivered(dep)

    # ---------------------------------------------------------------- retries

    def _retry_or_lose(self, index: int, attempt: int, failure: Failure, draw: float) -> None:
        retry = self.graph.specs[index].retry
        turn = self.turn(index, attempt)
        if self.halted is None and not self._is_doomed(index) and retry.wants(failure, turn):
            until = self.now + wait_before(retry, turn, failure, draw)
            if not self._is_after_deadline(index, until):
                self._pause(index, attempt, failure, until)
                return
        self._lose(index, FAILED, failure)

    def _is_doomed(self, index: int) -> bool:
        return bool(self.doomed) and self.graph.scopes[index] in self.doomed

    def _doomed_by(self, index: int) -> int | None:
        """What was lost, where nothing new may begin at a step: above it, or below it if it is an anchor."""
        return self.doomed.get(index, self.doomed.get(self.graph.scopes[index]))

    def _is_after_deadline(self, index: int, until: float) -> bool:
        """No use waiting for an attempt that could not start before the step's own limit."""
        within = self.graph.specs[index].within
        return within is not None and until >= self.began_at[index] + within

    def _pause(self, index: int, attempt: int, failure: Failure, until: float) -> None:
        self.states[index] = WAITING
        self.paused.add(index)
        self.facts.append((kinds.STEP_RETRYING, index, attempt, self.now, (until, failure)))
        self.deadlines.add(until, RETRY_DUE, index, attempt)
        if self.options.is_sequential:
            self.held.add(index)
            self.used += 1

    def _retry_due(self, index: int, attempt: int) -> None:
        if self.states[index] != WAITING or self.attempts[index] != attempt or index in self.graph.children:
            return
        if (index, attempt) in self.stopping:
            self.retry_after_end.add(index)  # two attempts of one coroutine never run at once
        else:
            self._retry_now(index)

    def _retry_now(self, index: int) -> None:
        if self.halted is not None or self.states[index] != WAITING:
            return
        self._withdraw(index)
        self._enter(index)

    # ---------------------------------------------------------------- time

    def _on_tick(self, fact: Fact) -> None:
        due = self.deadlines.due(self.now)
        if not due:
            return
        self.facts.append(fact)
        self.draw = float(fact[4])  # type: ignore[arg-type]  # the kind's data, see facts.py
        for instant in due:
            self._pass(instant)

    def _pass(self, due: Due) -> None:
        _, kind, index, attempt = due
        if kind == ATTEMPT_TIMEOUT:
            self._time_out(index, attempt)
        elif kind == RETRY_DUE:
            self._retry_due(index, attempt)
        elif kind == GRACE_OVER:
            self._abandon(index, attempt)
        elif kind == STEP_WITHIN:
            self._cut(index, Failure(Cause.TIMED_OUT, self._too_late(index)))
        elif kind == OPTIONAL_CUT:
            text = "cut so that required work behind it can finish before the run's deadline"
            self._cut(index, Failure(Cause.TIMED_OUT, text))
        elif kind == GROUP_WITHIN:
            self._cut_group(index)
        elif kind == RUN_WITHIN:
            self.is_expired = True

    def _too_late(self, index: int) -> str:
        within = self.graph.specs[index].within
        if self.graph.is_anchor(index):
            return f"{self.graph.path(index)!r} passed its deadline of {within:g} s"
        return f"no result within {within:g} s over all attempts"

    def _cut_group(self, number: int) -> None:
        group = self.graph.groups[number]
        text = f"group {group.name!r} passed its deadline of {group.within:g} s"
        # From the end: what a cut member hands on must not start a later one, which is cut at this very instant.
        for member in reversed(group.members):
            self._cut(member, Failure(Cause.TIMED_OUT, text))

    def _time_out(self, index: int, attempt: int) -> None:
        """One attempt took too long; the verdict falls at once, another attempt may follow."""
        key = (index, attempt)
        if self.states[index] != RUNNING or self.attempts[index] != attempt or key in self.stopping:
            return
        timeout = self.graph.specs[index].timeout
        failure = Failure(Cause.TIMED_OUT, f"attempt {attempt} gave no result within {timeout:g} s")
        self._end_by_clock(index, failure)
        # One draw a tick: steps cut by the same tick are spread over it, or they would all come back
        # together.
        self._retry_or_lose(index, attempt, failure, (self.draw + index * _GOLDEN) % 1.0)

    def _end_by_clock(self, index: int, failure: Failure) -> None:
        """Take the step's attempt away from it: a coroutine is told to stop, a thread runs on unheard."""
        attempt = self.attempts[index]
        self.facts.append((kinds.ATTEMPT_TIMED_OUT, index, attempt, self.now, failure))
        self.running -= 1
        if (index, attempt) in self.stopping:
            return
        if self.graph.specs[index].where is Where.THREAD:
            self.late.add((index, attempt))
        else:
            self._stop(index)

    def _cut(self, index: int, failure: Failure) -> None:
        """A deadline over all attempts has passed: the step is lost now, whatever it was at."""
        if self._is_over(index):
            return
        if self.graph.is_anchor(index):
            self._cut_children(index, failure)
            return
        if self.states[index] == RUNNING:
            self._end_by_clock(index, failure)
        self._lose(index, FAILED, failure)

    def _is_over(self, index: int) -> bool:
        """Whether a step has settled, and all below it: children of an anchor that failed by itself may still
        run."""
        return not self.is_open(index) and all(map(self._is_over, self.graph.children.get(index, ())))

    def _cut_children(self, anchor: int, failure: Failure) -> None:
        if self.states[anchor] == RUNNING:
            self._end_by_clock(anchor, failure)
        children = self.graph.children.get(anchor, ())
        self.doomed.setdefault(anchor, anchor)
        self.renewing.pop(anchor, None)
        self.superseded.discard(anchor)
        # From the end, see `_cut_group`.
        for child in reversed(children):
            if self._is_over(child):
                continue
            if child in self.graph.children:
                self._cut_children(child, failure)
            else:
                if self.states[child] == RUNNING:
                    self._end_by_clock(child, failure)
                self._lose(child, FAILED, failure)
        if self.is_open(anchor):
            self._lose(anchor, FAILED, failure)

    def _abandon(self, index: int, attempt: int) -> None:
        """The grace is over: nobody waits for this attempt any longer; its permits stay out until it ends."""
        key = (index, attempt)
        if self.stopping.pop(key, None) is None:
            return
        self.late.add(key)
        self.facts.append((kinds.ATTEMPT_ABANDONED, index, attempt, self.now, None))
        if self.states[index] == RUNNING and self.attempts[index] == attempt:
            self._close_attempt(index)
        elif index in self.retry_after_end:
            self.retry_after_end.discard(index)
            self._retry_now(index)

    def _bound_optional(self, indices: range) -> None:
        """Optional work is cut early enough that required work behind it can still meet the run's
        deadline."""
        within = self.options.within
        if within is None or self.reserves is None:
            return
        deadline = self.started_at + within
        while len(self.reserves) < len(self.graph):
            scope = self.graph.scopes[len(self.reserves)]
            self.reserves.append(self.reserves[scope] if scope >= 0 else 0.0)
        for index in indices:
            if self.graph.is_optional(index):
                self.deadlines.add(deadline - self.reserves[index], OPTIONAL_CUT, index)
