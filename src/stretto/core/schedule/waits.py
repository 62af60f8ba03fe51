"""Steps that wait for people, events and instants, and attempts whose process has died."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Verdict, Wait
from stretto.core.policy.failure import Cause, Failure
from stretto.core.policy.on_lost import OnLost
from stretto.core.schedule.attempts import Attempts
from stretto.core.schedule.deadlines import WAIT_DUE
from stretto.core.schedule.settling import FAILED, READY, SKIPPED, WAITING

if TYPE_CHECKING:
    from stretto.core.journal.facts import Fact
    from stretto.core.schedule.deadlines import Due

__all__ = ["Waits"]


class Waits(Attempts):
    """Waits begin, are answered or end by the clock; lost attempts are followed up. No wait holds a permit."""

    __slots__ = ()

    # ---------------------------------------------------------------- waits

    def _on_wait_began(self, fact: Fact) -> None:
        if (self.stopping or self.late) and self._was_stopped(fact):
            return
        _, index, attempt, _, wait = fact
        self._leave(index, attempt)
        self.facts.append(fact)
        self.states[index] = WAITING
        lost = self._doomed_by(index)
        if lost is not None:
            self._lose(index, SKIPPED, Failure(Cause.BLOCKED, f"{self.graph.path(lost)} was lost"))
        elif self.halted is None:
            self._ask(index, attempt, cast("Wait", wait))

    def _ask(self, index: int, attempt: int, wait: Wait) -> None:
        self.asked[index] = wait
        if wait.kind == "sleep":
            self.paused.add(index)
        if wait.until is not None:
            self.deadlines.add(wait.until, WAIT_DUE, index, attempt)

    def _on_answered(self, fact: Fact) -> None:
        index, answer = fact[1], cast("Answer", fact[4])
        wait = self.asked.get(index)
        if wait is None:
            return  # what this decision had looked at before, its deadline or another answer, was quicker
        self._withdraw(index)
        self.facts.append(fact)
        if answer.verdict == Verdict.REJECT:
            self._lose(index, FAILED, Failure(Cause.REJECTED, _rejection(answer)))
        elif answer.verdict == Verdict.APPROVE and wait.kind == "lost":
            self._enter(index)
        else:
            self._succeed(index, answer.value)

    def _pass(self, due: Due) -> None:
        if due[1] == WAIT_DUE:
            self._wait_due(due[2], due[3])
        else:
            super()._pass(due)

    def _wait_due(self, index: int, attempt: int) -> None:
        wait = self.asked.get(index)
        if wait is None or self.attempts[index] != attempt:
            return
        self._withdraw(index)
        if wait.kind == "sleep" or wait.default:
            value = wait.default[0] if wait.default else None
            self.facts.append((kinds.WAIT_ENDED, index, attempt, self.now, value))
            self._succeed(index, value)
        else:
            failure = self._unanswered(index, wait)
            self.facts.append((kinds.WAIT_ENDED, index, attempt, self.now, failure))
            self._lose(index, FAILED, failure)

    def _unanswered(self, index: int, wait: Wait) -> Failure:
        rule = self.graph.specs[index].wait
        within = "in time" if rule is None or rule.deadline is None else f"within {rule.deadline:g} s"
        if rule is not None and rule.on_deadline == "reject":
            return Failure(Cause.REJECTED, f"rejected, since nobody answered {within}")
        missed = f"event {wait.text!r} did not come" if wait.kind == "event" else "nobody answered"
        return Failure(Cause.TIMED_OUT, f"{missed} {within}")

    # ---------------------------------------------------------------- lost attempts

    def _on_lost(self, fact: Fact) -> None:
        if (self.stopping or self.late) and self._was_stopped(fact):
            return
        kind, index, attempt, at, data = fact
        self._leave(index, attempt)
        wait = self._question(index, attempt, data)
        self.facts.append((kind, index, attempt, at, wait))
        self.lost[index] = self.lost.get(index, 0) + 1
        self.states[index] = WAITING
        if self.halted is not None:
            return
        if self._doomed_by(index) is not None or self.graph.specs[index].on_lost is OnLost.FAIL:
            self._give_up(index, attempt)
        elif wait is None:
            self._enter(index)
        else:
            self._ask(index, attempt, wait)

    def _question(self, index: int, attempt: int, given: object) -> Wait | None:
        """What a person is asked, where the step's rule is to ask one."""
        is_moot = self.halted is not None or self._doomed_by(index) is not None
        if is_moot or self.graph.specs[index].on_lost is not OnLost.ASK:
            return None
        if isinstance(given, Wait):
            return given
        return Wait("lost", f"The process died while attempt {attempt} was running.")

    def _give_up(self, index: int, attempt: int) -> None:
        if not self.open_children.get(index):  # else an anchor, which settles with its last child
            text = f"its process died while attempt {attempt} was running"
            self._lose(index, FAILED, Failure(Cause.ERROR, text, ("stretto.AttemptLost",)))

    # ---------------------------------------------------------------- the run

    def _note_waiting(self) -> None:
        """Say it when only people and events can move the run, and when something else moves again."""
        is_waiting = self._is_at_rest()
        if is_waiting is not self.is_waiting and not self.finished:
            kind = kinds.RUN_WAITING if is_waiting else kinds.RUN_RESUMED
            self.facts.append((kind, kinds.RUN, 0, self.now, None))
        self.is_waiting = is_waiting

    def _is_at_rest(self) -> bool:
        if self.finished or not self.asked or self.halted is not None:
            return False
        is_moving = self.running or self.paused or self.stopping or self.requested
        return not is_moving and not any(self.states[index] == READY for index in self.queue)


def _rejection(answer: Answer) -> str:
    by = f" by {answer.by}" if answer.by else ""
    note = f": {answer.note}" if answer.note else ""
    return f"rejected{by}{note}"
