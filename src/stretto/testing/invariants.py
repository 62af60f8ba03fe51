"""What must hold of a scheduler after every event, whatever the workflow.

`check_invariants` recounts from scratch what the scheduler keeps as counters. `CheckedScheduler` also watches
the way from one event to the next. Both are slow on purpose: nothing in here trusts an incremental count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stretto.core.graph import Fragment, Role, Where
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Verdict, Wait
from stretto.core.policy import Failure, OnFailure
from stretto.core.schedule import Scheduler
from stretto.core.schedule.states import LEGAL, State
from stretto.errors import StrettoError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stretto.core.journal.facts import Created, Fact
    from stretto.core.schedule import Decision

__all__ = ["BrokenInvariantError", "CheckedScheduler", "check_invariants", "replay"]


class BrokenInvariantError(StrettoError):
    """The scheduler's state contradicts itself: a defect in Stretto."""

    def __init__(self, what: str, story: tuple[str, ...] = ()) -> None:
        self.what = what
        self.story = story
        super().__init__(what, story)

    def __str__(self) -> str:
        return "".join((f"broken invariant: {self.what}", *(f"\n  {line}" for line in self.story)))


def check_invariants(scheduler: Scheduler) -> None:
    """Raise BrokenInvariantError if the state after an event contradicts itself."""
    check = _State(scheduler)
    check.counters()
    check.permits()
    check.edges()
    check.waits()
    check.nothing_is_forgotten()
    check.anchors()
    check.groups()
    if scheduler.finished:
        check.the_end()


class _State:
    """One look at a scheduler."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.graph = scheduler.graph
        self.states = [State(state) for state in scheduler.states]
        self.indices = range(len(self.states))

    def require(self, holds: object, what: str, index: int | None = None) -> None:
        if holds:
            return
        story = () if index is None else self.scheduler.story(self.graph.path(index))
        name = "" if index is None else f"{self.graph.path(index)}: "
        raise BrokenInvariantError(f"{name}{what}", story)

    def equal(self, counted: object, kept: object, what: str, index: int | None = None) -> None:
        self.require(counted == kept, f"{what}: counted {counted}, kept {kept}", index)

    def has_permit(self, index: int) -> bool:
        """Whether attempts of this step take one of the run's permits."""
        spec = self.graph.specs[index]
        return spec.role is Role.STEP and spec.where is not Where.INLINE

    # ---------------------------------------------------------------- counts

    def counters(self) -> None:
        scheduler = self.scheduler
        self.equal(len(self.states), len(self.graph), "columns")
        self.equal(sum(not state.is_final for state in self.states), scheduler.open_steps, "open steps")
        running = [index for index in self.indices if self.states[index] is State.RUNNING]
        self.equal(len(running), scheduler.running, "running steps")
        for index in running:
            self.require(scheduler.attempts[index] >= 1, "runs without an attempt", index)
            key = (index, scheduler.attempts[index])
            self.require(key not in scheduler.late, "its current attempt counts as late", index)
        for index, attempt in (*scheduler.stopping, *scheduler.late):
            self.require(
                1 <= attempt <= scheduler.attempts[index], f"attempt {attempt} was never issued", index
            )

    def live(self) -> set[tuple[int, int]]:
        """Attempts that have not truly ended: current, told to stop, or late."""
        scheduler = self.scheduler
        running = [index for index in self.indices if self.states[index] is State.RUNNING]
        current = {(index, scheduler.attempts[index]) for index in running}
        return current | set(scheduler.stopping) | scheduler.late

    def permits(self) -> None:
        """`used` counts attempts that have not truly ended, pauses of sequential runs, and places kept for a
        step whose grant came when the run was full."""
        scheduler = self.scheduler
        live = [key for key in self.live() if self.has_permit(key[0])]
        promised = len(scheduler.held) + len(scheduler.reserved & scheduler.requested)
        self.equal(len(live) + promised, scheduler.used, "permits in use")
        self.require(
            len(live) <= scheduler.options.permits,
            f"{len(live)} attempts at once, {scheduler.options.permits} allowed",
        )
        for index in scheduler.requested:
            self.require(
                not self.states[index].is_final, "waits for a named permit though it has ended", index
            )

    def edges(self) -> None:
        """`missing` is the number of closed edges; anchors count their open children."""
        for index in self.indices:
            if self.states[index] is State.PENDING:
                self.equal(len(self.closed(index)), self.scheduler.missing[index], "closed edges", index)
        for anchor, children in self.graph.children.items():
            if self.scheduler.halted is None and anchor not in self.scheduler.left_out:
                waiting = sum(not self.states[child].is_final for child in children)
                self.equal(waiting, self.scheduler.open_children[anchor], "open children", anchor)

    def closed(self, index: int) -> list[int]:
        """What a step still waits for. A map over a map waits for it to grow, not for its list."""
        rule = self.graph.maps.get(index)
        shape = None if rule is None else rule.shape_of
        return [
            dep
            for dep in self.graph.deps[index]
            if not (dep in self.graph.children if dep == shape else self.scheduler.is_delivered(dep))
        ]

    # ---------------------------------------------------------------- waits

    def waits(self) -> None:
        """Whoever is asked or sleeps waits, without a permit; a run is at rest when nothing else goes on in it."""
        scheduler = self.scheduler
        for index in (*scheduler.asked, *scheduler.paused):
            is_waiting = self.states[index] is State.WAITING and index not in self.graph.children
            self.require(is_waiting, f"is asked or pauses, and is {self.states[index].name}", index)
        for index, wait in scheduler.asked.items():
            self.equal(wait.kind == "sleep", index in scheduler.paused, "sleeps", index)
        for index, count in scheduler.lost.items():
            self.require(0 < count <= scheduler.attempts[index], f"lost {count} attempts", index)
        self.equal(self.is_at_rest(), scheduler.is_waiting, "waits for people and events alone")

    def is_at_rest(self) -> bool:
        scheduler = self.scheduler
        if scheduler.finished or scheduler.stopping or not scheduler.asked:
            return False
        open_steps = {index for index in self.indices if not self.states[index].is_final}
        moving = open_steps - set(scheduler.asked) - set(self.graph.children)
        is_moving = any(self.states[index] is not State.PENDING for index in moving)
        is_growing = any(self.states[index] is State.RUNNING for index in self.graph.children)
        return not is_moving and not is_growing and all(map(scheduler.is_asked, scheduler.asked))

    # ---------------------------------------------------------------- no lost wake-up

    def nothing_is_forgotten(self) -> None:
        if self.scheduler.halted is None:
            for index in self.indices:
                self.is_on_its_way(index)

    def is_on_its_way(self, index: int) -> None:
        scheduler = self.scheduler
        state = self.states[index]
        if state is State.PENDING:
            self.require(scheduler.missing[index] > 0, "has all its inputs and is still pending", index)
        elif state is State.READY:
            is_queued = index in scheduler.requested or index in set(scheduler.queue)
            self.require(is_queued, "is ready, and nobody will start it", index)
            is_due = index not in scheduler.requested and scheduler.used < scheduler.options.permits
            self.require(not is_due, "is ready, and a permit is free", index)
        elif state is State.WAITING and index in self.graph.children:
            self.require(
                scheduler.open_children[index] > 0, "has no open child left and has not settled", index
            )
        elif state is State.WAITING:
            is_waiting = index in scheduler.asked or index in scheduler.paused
            self.require(is_waiting, "waits, and neither time nor anybody will move it on", index)

    # ---------------------------------------------------------------- anchors, groups and the end

    def anchors(self) -> None:
        """An anchor that succeeded has all its children's results; a branch that was not chosen has run nothing."""
        scheduler = self.scheduler
        for anchor, children in self.graph.children.items():
            if self.states[anchor] is State.SUCCEEDED:
                for child in children:
                    is_there = scheduler.is_delivered(child) or child in scheduler.left_out
                    self.require(is_there, f"succeeded without {self.graph.path(child)}", anchor)
        for index in scheduler.left_out:
            self.require(self.states[index].is_final, "is open in a part that was left out", index)
            is_unchosen = self.states[index] is State.SKIPPED
            self.require(not (is_unchosen and scheduler.attempts[index]), "was skipped and has run", index)

    def groups(self) -> None:
        scheduler = self.scheduler
        for number, group in enumerate(self.graph.groups):
            lost = sum(member in scheduler.defaulted for member in group.members)
            self.equal(lost, scheduler.gate_losses.get(number, 0), "lost members", group.gate)
            if self.states[group.gate] is State.SUCCEEDED:
                good = sum(self.states[member] is State.SUCCEEDED for member in group.members)
                self.equal(good, scheduler.values[group.gate], "members that succeeded", group.gate)
                self.require(good >= (group.min_success or 0), "opened below its threshold", group.gate)

    def the_end(self) -> None:
        scheduler = self.scheduler
        for index in self.indices:
            self.require(
                self.states[index].is_final, f"is {self.states[index].name} in a finished run", index
            )
        for name in ("stopping", "requested", "held", "reserved", "fresh", "asked", "paused"):
            self.require(
                not getattr(scheduler, name), f"the run has finished with {name}={getattr(scheduler, name)}"
            )


# -------------------------------------------------------------------- from one event to the next

_ARRIVES: Final = {
    kinds.STEP_READY: (State.READY,),
    kinds.STEP_STARTED: (State.READY, State.RUNNING),
    kinds.STEP_RETRYING: (State.WAITING,),
    kinds.ATTEMPT_GREW: (State.WAITING,),
    kinds.GROWTH_DROPPED: (State.WAITING,),
    kinds.ATTEMPT_LOST: (State.WAITING,),
    kinds.WAIT_BEGAN: (State.WAITING,),
    kinds.ATTEMPT_SUCCEEDED: (State.SUCCEEDED,),
    kinds.ATTEMPT_REUSED: (State.SUCCEEDED,),
    kinds.STEP_COMPLETED: (State.SUCCEEDED,),
    kinds.STEP_FAILED: (State.FAILED,),
    kinds.STEP_SKIPPED: (State.SKIPPED,),
    kinds.STEP_CANCELLED: (State.CANCELLED,),
}
_RESULTS: Final = frozenset(
    (kinds.ATTEMPT_SUCCEEDED, kinds.ATTEMPT_REUSED, kinds.STEP_COMPLETED, kinds.STEP_DEFAULTED)
)
_LOSSES: Final = frozenset((kinds.STEP_FAILED, kinds.STEP_SKIPPED))


class CheckedScheduler(Scheduler):
    """A scheduler that checks every invariant after every event, and every transition on the way there."""

    __slots__ = ("_awaited", "_doomed_before", "_handed_on", "_issued", "_known", "_must_rest")

    def __init__(self, created: Created) -> None:
        super().__init__(created)
        self._known: dict[int, State] = {}
        self._handed_on: dict[int, object] = {}
        self._awaited: dict[int, Wait] = {}
        self._issued: dict[int, int] = {}
        self._must_rest = False
        self._doomed_before: set[int] = set()

    def handle(self, *stimuli: Fact) -> Decision:
        """As `Scheduler.handle`. Raises BrokenInvariantError."""
        known_before, size = set(self.graph.children), len(self.graph)
        decision = super().handle(*stimuli)
        told = [fact[4] for fact in decision.facts if fact[0] == kinds.ATTEMPT_GREW]
        if len(self.graph) != size + sum(len(each.nodes) for each in told if isinstance(each, Fragment)):
            raise BrokenInvariantError(
                "the graph has not grown by what the facts say: readers would count other steps"
            )
        grew = {fact[1] for fact in decision.facts if fact[0] == kinds.ATTEMPT_GREW}
        is_new = bool(stimuli) and stimuli[0][0] == kinds.RUN_CREATED
        for anchor in self.graph.children:
            if anchor not in grew and (is_new or anchor not in known_before) and anchor not in self.left_out:
                self._arrive(anchor, State.WAITING)  # its children are there from the start
        for fact in decision.facts:
            self._follow(fact)
        self._compare()
        self._check_order(decision.facts)
        check_invariants(self)
        self._doomed_before = set(self.doomed)
        return decision

    # ---------------------------------------------------------------- transitions

    def _broken(self, index: int, what: str) -> BrokenInvariantError:
        path = self.graph.path(index)
        return BrokenInvariantError(f"{path}: {what}", self.story(path))

    def _arrive(self, index: int, state: State) -> None:
        old = self._known.get(index, State.PENDING)
        if old is not state and (old, state) not in LEGAL:
            raise self._broken(index, f"went from {old.name} to {state.name}")
        self._known[index] = state

    def _follow(self, fact: Fact) -> None:
        kind, index, attempt, _, data = fact
        if kind == kinds.STEP_STARTED:
            self._check_start(index, attempt)
        for state in _ARRIVES.get(kind, ()):
            self._arrive(index, state)
        if kind in (kinds.ANSWERED, kinds.WAIT_ENDED):
            self._follow_wait(fact)
        if kind in _RESULTS:
            self._hand_on(index, data)
        if isinstance(data, Wait):
            self._awaited[index] = data
        self._must_rest = self._must_rest or self._ends_starting(kind, index)

    def _follow_wait(self, fact: Fact) -> None:
        """The end of a wait hands something on, or a loss or another attempt follows."""
        kind, index, _, at, data = fact
        if self._known.get(index) is not State.WAITING:
            raise self._broken(index, "a wait ended that had not begun")
        wait = self._awaited.pop(index)
        if kind == kinds.WAIT_ENDED and (wait.until is None or at < wait.until):
            raise self._broken(index, f"stopped waiting at {at}, before {wait.until}")
        is_again = wait.kind == "lost" and isinstance(data, Answer) and data.verdict is Verdict.APPROVE
        is_no = isinstance(data, Failure) or (isinstance(data, Answer) and data.verdict is Verdict.REJECT)
        if not is_again and not is_no:
            self._arrive(index, State.SUCCEEDED)
            self._hand_on(index, data.value if isinstance(data, Answer) else data)

    def _hand_on(self, index: int, value: object) -> None:
        if index in self._handed_on:
            raise self._broken(index, "handed on a result twice")
        self._handed_on[index] = value

    def _ends_starting(self, kind: int, index: int) -> bool:
        """Whether nothing may start behind this fact: a cancel, or required work that nothing absorbs."""
        if kind in (kinds.CANCEL_REQUESTED, kinds.CANCEL_AT_ONCE) or kind in kinds.ENDS_OF_RUN:
            return True
        if kind not in _LOSSES or self.options.on_failure is OnFailure.CONTINUE:
            return False
        while index >= 0:
            # Branches that were not chosen are no losses, and a lost round is followed by another.
            if self.graph.is_optional(index) or index in self.left_out or index in self.renewing:
                return False
            index = self.graph.scopes[index]
        return True

    def _check_start(self, index: int, attempt: int) -> None:
        if self._must_rest:
            raise self._broken(index, "started after the run was halted")
        rule = self.graph.maps.get(index)
        for dep in self.graph.deps[index]:
            is_shape = rule is not None and rule.shape_of == dep and dep in self.graph.children
            if dep not in self._handed_on and not is_shape:
                raise self._broken(index, f"started before {self.graph.path(dep)} had handed on its result")
        if attempt != self._issued.get(index, 0) + 1:
            raise self._broken(index, f"attempt {attempt} is out of turn")
        self._check_place(index)
        self._issued[index] = attempt

    def _check_place(self, index: int) -> None:
        """Nothing starts in a part that is lost or left out, nor a loop again before its round is judged."""
        look = self.graph.looks.get(index)
        if look is not None and not self.is_delivered(look):
            raise self._broken(index, f"started again before {self.graph.path(look)} had settled")
        while index >= 0:
            scope = self.graph.scopes[index]
            if index in self.left_out or scope in self._doomed_before:
                raise self._broken(index, "started in a part of the run that was lost or left out")
            index = scope

    def _compare(self) -> None:
        for index, state in enumerate(self.states):
            if state != self._known.get(index, State.PENDING):
                raise self._broken(index, f"is {State(state).name} without a fact that says so")
        for index, value in self._handed_on.items():
            if self.values[index] is not value:
                raise self._broken(index, "the result it handed on was replaced")

    # ---------------------------------------------------------------- who goes first

    def _check_order(self, facts: Sequence[Fact]) -> None:
        """Nobody was started while a step with more right to the permit was left behind."""
        left = [index for index in set(self.queue) if self.states[index] == State.READY]
        begun = [fact[1] for fact in facts if fact[0] == kinds.STEP_STARTED and self._is_ranked(fact[1])]
        if left and begun:
            first = min(self._ranks(left))
            last = max(self._ranks(begun))
            if first[0] < last[0]:
                raise self._broken(first[-1], f"was passed by {self.graph.path(last[-1])}")

    def _is_ranked(self, index: int) -> bool:
        spec = self.graph.specs[index]
        return spec.role is Role.STEP and spec.where is not Where.INLINE and not spec.limits

    def _ranks(self, indices: Iterable[int]) -> list[tuple[tuple[float, ...], int]]:
        if self.options.is_sequential:
            return [(self.graph.author_order(index), index) for index in indices]
        return [((-round(self.queue.level(index), 5),), index) for index in indices]


def replay(created: Created, decisions: Iterable[Sequence[Fact]]) -> Scheduler:
    """A fresh scheduler that was given the stimuli of recorded decisions; `created` needs a graph of its own.

    Raises BrokenInvariantError where it decides otherwise than is recorded.
    """
    scheduler = Scheduler(created)
    for number, recorded in enumerate(decisions):
        stimuli = [fact for fact in recorded if kinds.is_stimulus(fact)]
        given = [fact if fact[0] != kinds.RUN_CREATED else (*fact[:4], created) for fact in stimuli]
        found = scheduler.handle(*given).facts
        if _without_created(found) != _without_created(recorded):
            raise BrokenInvariantError(
                f"decision {number} came out otherwise when replayed: {found} instead of {recorded}"
            )
    return scheduler


def _without_created(facts: Iterable[Fact]) -> list[Fact]:
    return [fact if fact[0] != kinds.RUN_CREATED else (*fact[:4], None) for fact in facts]
