"""What follows when a step settles: edges open, anchors and gates are judged, losses spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stretto.core.graph.spec import FREE, NO_START, Role
from stretto.core.journal import facts as kinds
from stretto.core.policy.failure import Cause, Failure
from stretto.core.policy.on_failure import OnFailure
from stretto.core.schedule.columns import Columns
from stretto.core.schedule.deadlines import ATTEMPT_TIMEOUT, GRACE_OVER, GROUP_WITHIN, STEP_WITHIN
from stretto.core.schedule.decision import RELEASE, START, STOP
from stretto.core.schedule.states import State
from stretto.core.values.missing import Missing, MissingReason

if TYPE_CHECKING:
    from stretto.core.graph.fragment import GroupSpec

__all__ = ["Settling"]

PENDING: Final = int(State.PENDING)
READY: Final = int(State.READY)
RUNNING: Final = int(State.RUNNING)
WAITING: Final = int(State.WAITING)
SUCCEEDED: Final = int(State.SUCCEEDED)
FAILED: Final = int(State.FAILED)
SKIPPED: Final = int(State.SKIPPED)
CANCELLED: Final = int(State.CANCELLED)

_FACT_OF: Final = {FAILED: kinds.STEP_FAILED, SKIPPED: kinds.STEP_SKIPPED}
_REASON_OF: Final[dict[Cause, MissingReason]] = {
    Cause.ERROR: "failed",
    Cause.TIMED_OUT: "timed_out",
    Cause.CANCELLED: "cancelled",
    Cause.BLOCKED: "skipped",
    Cause.REJECTED: "failed",
}


class Settling(Columns):
    """The consequences of one step's end for the others."""

    __slots__ = ()

    # ---------------------------------------------------------------- good ends

    def _succeed(self, index: int, value: object) -> None:
        """The step has its value: open its edges."""
        self.states[index] = SUCCEEDED
        self.values[index] = value
        self.open_steps -= 1
        self._open_edges(index)

    def _open_edges(self, index: int) -> None:
        graph = self.graph
        consumers = graph.consumers[index]
        if consumers is not None:
            if index in graph.maps:
                self._open_anchor_edges(index)
            elif type(consumers) is list:
                for consumer in consumers:
                    self._open_edge(consumer)
            else:
                self._open_edge(consumers)  # type: ignore[arg-type]  # neither None nor a list: one index
        scope = graph.scopes[index]
        if scope >= 0:
            self._child_settled(scope)

    def _open_edge(self, consumer: int) -> None:
        missing = self.missing
        left = missing[consumer] - 1
        missing[consumer] = left
        if not left:
            self._became_ready(consumer)

    def _open_anchor_edges(self, index: int) -> None:
        # Maps over this map were wired item to item when it grew; they don't wait for its list.
        maps = self.graph.maps
        for consumer in self.graph.consumers_of(index):
            follower = maps.get(consumer)
            if follower is None or follower.shape_of != index:
                self._open_edge(consumer)

    def _became_ready(self, index: int) -> None:
        if self.states[index] != PENDING:
            if self.states[index] == WAITING and index in self.graph.looks:
                self._look_again(index)
            return
        if self.graph.groups:
            for number in self.graph.groups_around(index):
                self._open_group(number)
        self._enter(index)

    def _look_again(self, anchor: int) -> None:
        """What the anchor was to look at has settled: another round, or its end, follows."""
        is_lost = any(
            not self.is_open(child) and self._is_lost(child) for child in self.graph.children[anchor]
        )
        if anchor not in self.doomed and not is_lost:
            self._enter(anchor)

    def _enter(self, index: int) -> None:
        """The one door to a start, first attempts and retries alike."""
        lane = self.graph.specs[index].lane
        if lane == NO_START:
            self._judge(index)
        elif self.halted is None:
            if lane == FREE:
                self._issue(index)
            else:
                self.fresh.append(index)

    def _issue(self, index: int) -> None:
        """Start the next attempt now."""
        attempt = self.attempts[index] + 1
        self.attempts[index] = attempt
        self.states[index] = RUNNING
        self.running += 1
        self.facts.append((kinds.STEP_STARTED, index, attempt, self.now, None))
        self.commands.append((START, index, attempt, 0.0))
        spec = self.graph.specs[index]
        if spec.is_timed:
            self._bound_attempt(index, attempt)

    def _bound_attempt(self, index: int, attempt: int) -> None:
        spec = self.graph.specs[index]
        if spec.timeout is not None:
            self.deadlines.add(self.now + spec.timeout, ATTEMPT_TIMEOUT, index, attempt)
        if attempt == 1:
            self.began_at[index] = self.now
            if spec.within is not None:
                self.deadlines.add(self.now + spec.within, STEP_WITHIN, index)

    # ---------------------------------------------------------------- groups

    def _open_group(self, number: int) -> None:
        if number in self.opened_groups:
            return
        self.opened_groups.add(number)
        group = self.graph.groups[number]
        deadline = None if group.within is None else self.now + group.within
        self.facts.append((kinds.GROUP_OPENED, group.gate, 0, self.now, deadline))
        if deadline is not None:
            self.deadlines.add(deadline, GROUP_WITHIN, number)

    def _judge(self, gate: int) -> None:
        """All members have settled: does the number that succeeded suffice?"""
        if self.states[gate] != PENDING:
            return
        group = next(group for group in self.graph.groups if group.gate == gate)
        good = sum(self.states[member] == SUCCEEDED for member in group.members)
        if group.min_success is not None and good < group.min_success:
            self._fail_gate(group)
            return
        self.facts.append((kinds.STEP_COMPLETED, gate, 0, self.now, good))
        self._succeed(gate, good)

    def _member_lost(self, index: int) -> None:
        number = self.graph.group_of[index]
        group = self.graph.groups[number]
        self.gate_losses[number] = lost = self.gate_losses.get(number, 0) + 1
        if group.min_success is not None and len(group.members) - lost < group.min_success:
            self._fail_gate(group)

    def _fail_gate(self, group: GroupSpec) -> None:
        if self.states[group.gate] != PENDING:
            return
        lost = [self.graph.path(member) for member in group.members if member in self.defaulted]
        text = (
            f"group {group.name!r} needs {group.min_success} of {len(group.members)} steps to succeed, "
            f"but lost {len(lost)}: {', '.join(lost)}"
        )
        self._lose(group.gate, FAILED, Failure(Cause.ERROR, text, ("stretto.GroupThreshold",)))

    # ---------------------------------------------------------------- anchors

    def _child_settled(self, anchor: int) -> None:
        left = self.open_children[anchor] - 1
        self.open_children[anchor] = left
        if not left and self.states[anchor] == WAITING:
            self._settle_anchor(anchor)

    def _settle_anchor(self, anchor: int) -> None:
        if anchor in self.superseded:
            self._close_superseded(anchor)
            return
        is_looking = anchor in self.graph.looks
        lost = self._lost_child(anchor)
        if lost is None and is_looking:
            lost = self.doomed.get(anchor)
        if lost is None:
            if not is_looking:
                self.facts.append((kinds.STEP_COMPLETED, anchor, self.attempts[anchor], self.now, None))
                self._succeed(anchor, None)
        elif anchor in self.renewing:
            self.renewing[anchor] = lost
        elif self.halted is None or anchor in self.doomed:
            self._lose(anchor, FAILED, Failure(Cause.BLOCKED, f"{self.graph.path(lost)} was lost"))

    def _lost_child(self, anchor: int) -> int | None:
        return next(filter(self._is_lost, self.graph.children[anchor]), None)

    def _is_lost(self, child: int) -> bool:
        return not self.is_delivered(child) and child not in self.left_out

    # ---------------------------------------------------------------- anchors that start again

    def _supersede_lost(self) -> None:
        """What a new round replaces is closed when all facts of a decision have been looked at: what failed
        together is told together, and what ended with it is kept."""
        for anchor, lost in list(self.renewing.items()):
            if lost >= 0 and anchor not in self.superseded and self.halted is None:
                self._supersede(anchor, f"superseded: {self.graph.path(lost)} was lost, a new round follows")
                if anchor in self.superseded and not self.open_children[anchor]:
                    self._close_superseded(anchor)  # nothing was open: no child's end has done it

    def _supersede(self, anchor: int, why: str) -> None:
        self.superseded.add(anchor)
        for child in self.graph.children.get(anchor, ()):
            if not self.is_open(child):
                continue
            if child in self.graph.children:
                self.renewing.pop(child, None)  # it goes with its round: nobody needs a new one of its own
                self._supersede(child, why)
            self.stop_reasons[child] = why
            if self.states[child] == RUNNING:
                if (child, self.attempts[child]) not in self.stopping:
                    self._stop(child)
            elif not self.open_children.get(child):
                self._close_open(child, why)

    def _close_open(self, index: int, why: str) -> None:
        """The step ends as cancelled, and its anchor hears of it."""
        if self.states[index] == RUNNING:
            self.running -= 1
        self._withdraw(index)
        self.states[index] = CANCELLED
        self.open_steps -= 1
        self.facts.append((kinds.STEP_CANCELLED, index, self.attempts[index], self.now, why))
        scope = self.graph.scopes[index]
        if scope in self.superseded:
            self._child_settled(scope)

    def _close_superseded(self, anchor: int) -> None:
        if anchor in self.renewing:
            self.superseded.discard(anchor)
            self.renewing.pop(anchor)
            self.left_out.update(self.graph.children[anchor])
            if anchor in self.doomed:
                why = f"{self.graph.path(self.doomed[anchor])} was lost"
                self._lose(anchor, FAILED, Failure(Cause.BLOCKED, why))
            else:
                self._enter(anchor)
        elif self.is_open(anchor):
            self._close_open(anchor, self.stop_reasons.get(anchor, "superseded"))

    # ---------------------------------------------------------------- losses

    def _lose(self, index: int, state: int, failure: Failure) -> None:
        """The step has finally failed or will never start; an optional one hands on its default instead.

        A loss brings others about, through any number of steps: they wait in a queue for the first to be
        over, since each nested call would take its part of Python's stack.
        """
        self.losses.append((index, state, failure))
        if self.is_losing:
            return
        self.is_losing = True
        while self.losses:
            self._lose_one(*self.losses.popleft())
        self.is_losing = False

    def _lose_one(self, index: int, state: int, failure: Failure) -> None:
        if not self.is_open(index) or (state == SKIPPED and self.states[index] == RUNNING):
            return  # while this loss waited its turn, another way to it was quicker, or the step began
        self._withdraw(index)
        self.states[index] = state
        self.open_steps -= 1
        self.facts.append((_FACT_OF[state], index, self.attempts[index], self.now, failure))
        if self.open_children.get(index) and self._absorber(index, from_itself=True) is not None:
            self._doom(index, index)  # it failed by itself, as a loop does after its last round
        if self.graph.is_optional(index):
            self._default(index, failure)
        else:
            self._spread(index, failure)
            scope = self.graph.scopes[index]
            if scope >= 0:
                self._child_settled(scope)

    def _default(self, index: int, failure: Failure) -> None:
        graph = self.graph
        value = graph.defaults.get(index)
        if index not in graph.defaults:
            value = Missing(graph.path(index), _REASON_OF[failure.cause], failure.message)
        self.values[index] = value
        self.defaulted.add(index)
        self.is_partial = True
        self.facts.append((kinds.STEP_DEFAULTED, index, 0, self.now, value))
        if index in graph.group_of:
            self._member_lost(index)
        self._open_edges(index)

    def _spread(self, index: int, failure: Failure) -> None:
        """A required step is lost: the nearest anchor above that can do without absorbs it, or the run has
        failed."""
        anchor = self._absorber(index)
        if anchor is None:
            self._fail_run(index, failure)
            return
        if anchor in self.renewing:
            self.renewing[anchor] = index if self.renewing[anchor] < 0 else self.renewing[anchor]
            return
        self._doom(anchor, index)
        for consumer in self.graph.consumers_of(index):
            self._block(consumer, index)

    def _fail_run(self, index: int, failure: Failure) -> None:
        if failure.cause is Cause.REJECTED:
            self.rejected.add(index)
        # An anchor that was lost with a child tells nothing new: the child is named.
        is_told = failure.cause is Cause.BLOCKED and index in self.graph.children
        if self.options.on_failure is not OnFailure.CONTINUE:
            if not is_told:
                self.failures.append(index)
            self._halt(Cause.ERROR)
            return
        if self.states[index] == FAILED and not is_told:
            self.failures.append(index)
        for consumer in self.graph.consumers_of(index):
            self._block(consumer, index)

    def _absorber(self, index: int, *, from_itself: bool = False) -> int | None:
        scope = index if from_itself else self.graph.scopes[index]
        while scope >= 0:
            if scope in self.renewing or self.graph.is_optional(scope):
                return scope
            scope = self.graph.scopes[scope]
        return None

    def _block(self, index: int, lost: int) -> None:
        if self.states[index] == PENDING and self.graph.specs[index].role is not Role.GATE:
            self._lose(
                index, SKIPPED, Failure(Cause.BLOCKED, f"needs {self.graph.path(lost)}, which was lost")
            )

    def _doom(self, anchor: int, lost: int) -> None:
        """An anchor cannot succeed any more: what has not started below it never will, what runs may
        finish."""
        if anchor in self.doomed:
            return
        self.doomed[anchor] = lost
        if anchor not in self.superseded and anchor in self.renewing:
            self.renewing.pop(anchor)  # nobody needs a new round
            if not self.open_children[anchor]:
                self._settle_anchor(anchor)
        # From the end: what a lost optional step hands on must not start a later one, which is lost as well.
        for child in reversed(self.graph.children[anchor]):
            if child in self.graph.children and self.is_open(child):
                self._doom(child, lost)
            elif self.states[child] in (PENDING, READY) or self._is_pausing(child):
                why = f"{self.graph.path(lost)} was lost"
                self._lose(child, SKIPPED, Failure(Cause.BLOCKED, why))

    def _is_pausing(self, index: int) -> bool:
        return self.states[index] == WAITING and index not in self.graph.children

    # ---------------------------------------------------------------- the run

    def _halt(self, why: Cause) -> None:
        """Nothing new starts. Under `fail_fast`, and when cut or cancelled, running attempts are told to
        stop: when all facts of this decision have been looked at, since what ended with them needs no
        stopping.
        """
        if self.halted is Cause.CANCELLED:
            return
        stops = why is not Cause.ERROR or self.options.on_failure is OnFailure.FAIL_FAST
        if self.halted is None or why is not Cause.ERROR:
            self.halted = why
        self.fresh.clear()
        self.queue.clear()
        for index in sorted(self.requested):
            self._withdraw(index)
        if stops:
            self.must_stop = True

    def _stop_all(self) -> None:
        self.must_stop = False
        for index in range(len(self.graph)):
            if self.states[index] == RUNNING and (index, self.attempts[index]) not in self.stopping:
                self.stop_reasons[index] = self.verdict or "another step failed"
                self._stop(index)

    def _stop(self, index: int) -> None:
        """Tell the running attempt to end; the step stays RUNNING until it has, or until its grace is
        over."""
        attempt = self.attempts[index]
        until = self.now + self.grace
        self.stopping[(index, attempt)] = until
        self.commands.append((STOP, index, attempt, until))
        self.deadlines.add(until, GRACE_OVER, index, attempt)

    def _withdraw(self, index: int) -> None:
        """Give back what a step holds or has asked for while it was not running; nobody is to answer it any more."""
        if index in self.requested:
            self.requested.discard(index)
            self.commands.append((RELEASE, index, self.attempts[index] + 1, 0.0))
            if index in self.reserved:
                self.used -= 1  # a kept place counts from its second request on, see `_request`
        self.reserved.discard(index)
        self.paused.discard(index)
        if self.asked:
            self.asked.pop(index, None)
        if index in self.held:
            self.held.discard(index)
            self.used -= 1
