"""Each invariant of waits is broken by hand once, and must be noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stretto import approve, sleep, step, workflow
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Created, RunOptions, Verdict, Wait
from stretto.core.schedule import Scheduler, State
from stretto.testing import BrokenInvariantError, CheckedScheduler, check_invariants

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.core.journal.facts import Fact
    from stretto.core.schedule import Decision


@step
async def serve(drink: object) -> object:
    return drink


@workflow
def bar() -> object:
    return [serve(approve(1, "Good?")), sleep(60)]


ASKED, NAP = 0, 2


def _waiting(kind: type[Scheduler] = Scheduler) -> Scheduler:
    """A run in which one step is asked and another sleeps."""
    first = Created("bar", bar.trace().graph, RunOptions(), {}, {})
    scheduler = kind(first)
    scheduler.handle((kinds.RUN_CREATED, kinds.RUN, 0, 0.0, first))
    scheduler.handle((kinds.WAIT_BEGAN, ASKED, 1, 0.0, Wait("approval", "Good?", 30.0)))
    scheduler.handle((kinds.WAIT_BEGAN, NAP, 1, 0.0, Wait("sleep", "", 60.0)))
    check_invariants(scheduler)
    return scheduler


def _ask_nobody(scheduler: Scheduler) -> None:
    scheduler.asked.pop(ASKED)


def _ask_what_is_pending(scheduler: Scheduler) -> None:
    scheduler.asked[1] = Wait("approval", "Good?")


def _wake_early(scheduler: Scheduler) -> None:
    scheduler.paused.discard(NAP)


def _let_the_question_pause(scheduler: Scheduler) -> None:
    scheduler.paused.add(ASKED)


def _lose_too_many(scheduler: Scheduler) -> None:
    scheduler.lost[ASKED] = 2


def _rest(scheduler: Scheduler) -> None:
    scheduler.is_waiting = True


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (_ask_nobody, "approve: waits, and neither time nor anybody will move it on"),
        (_ask_what_is_pending, "serve: is asked or pauses, and is PENDING"),
        (_wake_early, "sleep: sleeps: counted True, kept False"),
        (_let_the_question_pause, "approve: sleeps: counted False, kept True"),
        (_lose_too_many, "approve: lost 2 attempts"),
        (_rest, "waits for people and events alone: counted False, kept True"),
    ],
)
def test_a_broken_wait_is_noticed(break_it: Callable[[Scheduler], None], words: str) -> None:
    """The text names the step and what contradicts."""
    scheduler = _waiting()
    break_it(scheduler)
    with pytest.raises(BrokenInvariantError) as caught:
        check_invariants(scheduler)
    assert words in str(caught.value)


def test_a_run_that_rests_without_saying_so_is_noticed() -> None:
    """The nap is over: only a person can move the run."""
    scheduler = _waiting()
    scheduler.handle((kinds.CLOCK_TICKED, kinds.RUN, 0, 29.0, 0.5))
    scheduler.states[NAP] = State.SUCCEEDED
    scheduler.open_steps -= 1
    scheduler.asked.pop(NAP)
    scheduler.paused.discard(NAP)
    with pytest.raises(BrokenInvariantError, match="waits for people and events alone: counted True"):
        check_invariants(scheduler)


class _Hasty(CheckedScheduler):
    """Lets a wait end a second early."""

    __slots__ = ()

    def _on_tick(self, fact: Fact) -> None:
        self._wait_due(NAP, 1)


class _Forgetful(CheckedScheduler):
    """Hands on something else than the answer's value."""

    __slots__ = ()

    def _succeed(self, index: int, value: object) -> None:
        super()._succeed(index, [value])


class _Stuttering(CheckedScheduler):
    """Tells of an answer twice."""

    __slots__ = ()

    def _on_answered(self, fact: Fact) -> None:
        super()._on_answered(fact)
        self.facts.append(fact)


def _tick(scheduler: Scheduler) -> Decision:
    return scheduler.handle((kinds.CLOCK_TICKED, kinds.RUN, 0, 59.0, 0.5))


def _answer(scheduler: Scheduler) -> Decision:
    return scheduler.handle((kinds.ANSWERED, ASKED, 1, 1.0, Answer(Verdict.APPROVE, 1)))


@pytest.mark.parametrize(
    ("kind", "act", "words"),
    [
        (_Hasty, _tick, "sleep: stopped waiting at 59.0, before 60.0"),
        (_Forgetful, _answer, "approve: the result it handed on was replaced"),
        (_Stuttering, _answer, "approve: a wait ended that had not begun"),
    ],
)
def test_a_scheduler_that_ends_waits_wrongly_is_noticed(
    kind: type[CheckedScheduler], act: Callable[[Scheduler], Decision], words: str
) -> None:
    """Too early, with another value, or twice."""
    scheduler = _waiting(kind)
    with pytest.raises(BrokenInvariantError) as caught:
        act(scheduler)
    assert words in str(caught.value)
