"""`RunDriver`: drives one run's scheduler in real (or virtual) time.

Every fact goes in by `_post`; every decision is appended to the journal before any of its commands runs.
Facts of one tick of the loop are decided together, but a lone one at once: waiting a tick would cost a chain
2 µs a hop.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import CancelledError
from collections import deque
from typing import TYPE_CHECKING, Final

from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Verdict
from stretto.core.policy import Cause
from stretto.core.schedule.decision import ACQUIRE, FINISH, RELEASE, START, STOP, WAKE, Command
from stretto.errors import StrettoError
from stretto.runtime.engine.attempts import Attempts
from stretto.runtime.engine.lost import losses
from stretto.runtime.points import ARMED, point

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from stretto.core.graph import StepSpec
    from stretto.core.journal.facts import Answer, Created, Fact
    from stretto.core.schedule.machine import Scheduler
    from stretto.ports import Clock, Code, Executor, Journals, Observer, Processes
    from stretto.runtime.engine.permits import Permits
    from stretto.runtime.engine.recovery import Recovered, Reuse

__all__ = ["RunDriver"]

_log = logging.getLogger("stretto.engine")

SLICE: Final = 1000
"""Commands performed in one tick: starting 100 000 attempts at once would stall the loop for most of a
second."""

_CANCELS: Final = (kinds.CANCEL_REQUESTED, kinds.CANCEL_AT_ONCE)

_BEFORE: Final = {
    START: "engine.before_start",
    STOP: "engine.before_stop",
    ACQUIRE: "engine.before_acquire",
    RELEASE: "engine.before_release",
    WAKE: "engine.before_wake",
    FINISH: "engine.before_finish",
}
"""The points at which a test can have this process killed."""


class RunDriver(Attempts):
    """One run in progress. `execute` returns when the run has ended."""

    def __init__(
        self,
        run_id: str,
        created: Created,
        code: Mapping[StepSpec, Code],
        *,
        store: Journals,
        permits: Permits,
        executor: Executor,
        processes: Callable[[], Processes],
        observers: Sequence[Observer],
        clock: Clock,
        dice: random.Random,
        recovered: Recovered | None = None,
        reuse: Reuse | None = None,
        leaves_waiting: bool = False,
    ) -> None:
        super().__init__(
            run_id,
            created,
            code,
            store=store,
            executor=executor,
            processes=processes,
            observers=observers,
            clock=clock,
            dice=dice,
            recovered=recovered,
            reuse=reuse,
        )
        self.facts: list[Fact] = []
        self._store = store
        self._permits = permits
        self._recovered = recovered
        self._leaves_waiting = leaves_waiting
        self.is_left = False
        self.began_waiting: Callable[[str], None] | None = None
        self._inbox: list[Fact] = []
        self._cancels: list[Callable[[], None]] = []
        self._is_deciding = True  # what comes before `execute` waits for it
        self._is_due = False
        self._uncommitted: deque[tuple[list[Fact], list[Command]]] = deque()
        self._commands: deque[Command] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._done: asyncio.Future[None] = self._loop.create_future()

    def answer(self, index: int, answer: Answer) -> None:
        """Settle a wait, or say what follows a lost attempt; the caller has seen that it is asked.

        Approving hands on the value that was asked about. Decided at once: who looks again sees what is still
        asked. Raises InputError for an approval of a question that has no value.
        """
        scheduler = self._scheduler
        if answer.verdict is Verdict.APPROVE and scheduler.asked[index].kind == "approval":
            answer = answer._replace(value=self.asked_value(index))
        self._inbox.append((kinds.ANSWERED, index, scheduler.attempts[index], self._clock(), answer))
        self._decide()

    @property
    def scheduler(self) -> Scheduler:
        """The run's state."""
        return self._scheduler

    # ---------------------------------------------------------------- the run

    async def execute(self) -> None:
        """Run to the end. Cancelling the caller cancels the run, waits for its attempts, then passes it on.

        Raises what the store raised, or a defect of the engine, after the run's attempts were stopped.
        """
        self._store.open(self.info.run_id, self._on_committed, self._crash)
        self._keep = self._store.keeper(self.info.run_id)
        try:
            if self._recovered is None:
                self._begin()
            else:
                self._go_on(self._recovered)
            await self._until_done()
        finally:
            self._tidy()

    def cancel(self, why: str, *, is_now: bool = False, told: Callable[[], None] | None = None) -> None:
        """Ask the run to end: running attempts are cancelled and awaited, for no time with `is_now`. `told` is called
        once that is committed: before, a process that dies would leave a run that knows nothing of it."""
        scheduler = self._scheduler
        if scheduler.finished:
            return
        is_known = scheduler.halted is Cause.CANCELLED and not (is_now and scheduler.grace)
        if is_known and told is not None:
            told()
        elif told is not None:
            self._cancels.append(told)
        kind = kinds.CANCEL_AT_ONCE if is_now else kinds.CANCEL_REQUESTED
        self._post((kind, kinds.RUN, 0, self._clock(), why))

    def _begin(self) -> None:
        self._is_deciding = False
        self._inbox.insert(0, (kinds.RUN_CREATED, kinds.RUN, 0, self._clock(), self.created))
        self._decide()

    def _go_on(self, recovered: Recovered) -> None:
        """Take up a run that another process has left: what was under way there is lost, the rest stands."""
        if self.audience.observers:
            self.audience.show(recovered.facts)
        scheduler = self._scheduler
        at = self._clock()
        # The tick comes with the losses: what has run out of time meanwhile must not begin again first.
        tick = (kinds.CLOCK_TICKED, kinds.RUN, 0, at, self._dice.random())
        self._inbox[:0] = [*losses(scheduler, at), tick]
        scheduler.deadlines.rearm()
        for index in sorted(scheduler.requested):
            self._perform((ACQUIRE, index, scheduler.attempts[index] + 1, scheduler.queue.level(index)))
        self._is_deciding = False
        self._decide()

    def leave_if_waiting(self) -> None:
        """Let go of a run that only people or events can move, if it was to be left then; whoever resumes it goes
        on."""
        is_busy = self._inbox or self._uncommitted or self._done.done() or not self._scheduler.is_waiting
        if self._leaves_waiting and not is_busy:
            self.is_left = True
            self._done.set_result(None)

    async def _until_done(self) -> None:
        try:
            await asyncio.shield(self._done)
        except CancelledError:
            if self._done.done():
                raise
            self.cancel("the caller was cancelled")
            await self._wait_for_end()
            raise
        except BaseException:
            if self._tasks:
                await asyncio.wait(self._tasks.values(), timeout=self.created.options.grace)
            raise

    async def _wait_for_end(self) -> None:
        try:
            await asyncio.shield(self._done)
        except CancelledError:
            self._break_off()  # asked a second time: at once, without grace
            raise

    def _tidy(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.audience.close()
        self.account.close()
        self._permits.forget(self)
        if not self._done.done():
            self._done.cancel()
        if self._is_broken:
            self._close_broken()
            return
        self.facts = self._store.facts(self.info.run_id)
        self._store.close(self.info.run_id)

    # ---------------------------------------------------------------- defects and broken stores

    def _crash(self, error: BaseException) -> None:
        """The run cannot go on: whoever waits for it gets `error`. A store calls it when it has failed."""
        if not self._done.done():
            self._break_off()
            self._done.set_exception(error)

    def _break_off(self) -> None:
        """Stop what runs and give back what was asked for, without deciding anything any more."""
        self._is_broken = True
        self._commands.clear()
        self._permits.break_off(self, {*self._tasks, *self._threads, *self._killable})
        until = self._clock() + self.created.options.grace
        for index, attempt in [*self._tasks, *self._killable]:
            self._stop(index, attempt, until)

    def _close_broken(self) -> None:
        try:
            self._store.close(self.info.run_id)
        except Exception:  # noqa: BLE001  # the run has ended with the first error; this one is only told
            _log.exception("run %s: its journal could not be closed", self.info.run_id)

    # ---------------------------------------------------------------- facts in, commands out

    def _post(self, fact: Fact) -> None:
        if self._scheduler.finished or self._is_broken:
            self._say_late(fact[1], fact[2])
            return
        self._inbox.append(fact)
        if self._is_deciding:
            return
        if self._scheduler.running <= 1:
            self._decide()
        elif not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._decide)

    def _decide(self) -> None:
        self._is_due = False
        if self._is_deciding or self._done.done():
            return
        self._is_deciding = True
        try:
            while self._inbox:
                inbox, self._inbox = self._inbox, []
                facts, commands = self._scheduler.handle(*inbox)
                if not facts and not commands:
                    continue
                self._append(facts, commands)
        except BaseException as error:  # noqa: BLE001  # a defect here must not leave the caller waiting for ever
            self._crash(error)
        finally:
            self._is_deciding = False

    def _append(self, facts: list[Fact], commands: list[Command]) -> None:
        if not self._store.append(self.info.run_id, facts):
            self._uncommitted.append((facts, commands))
        elif self._uncommitted:
            raise StrettoError("The store committed a decision before an earlier one of the same run.")
        else:
            self._act(facts, commands)

    def _on_committed(self) -> None:
        if self._is_broken:
            return
        facts, commands = self._uncommitted.popleft()
        self._act_alone(lambda: self._act(facts, commands))

    def _act_alone(self, act: Callable[[], None]) -> None:
        """Act outside a decision: what the commands bring about at once is decided after the last of them."""
        self._is_deciding = True
        try:
            act()
        except BaseException as error:  # noqa: BLE001  # as in `_decide`
            self._crash(error)
        finally:
            self._is_deciding = False
        if self._inbox:
            self._decide()

    def _act(self, facts: list[Fact], commands: list[Command]) -> None:
        if self._threads:
            self._warn_of_threads(facts)
        if self._cancels and any(fact[0] in _CANCELS for fact in facts):
            told, self._cancels = self._cancels, []
            for each in told:
                each()
        if self.audience.observers:
            self.audience.show(facts)
        if self.began_waiting is not None and any(fact[0] == kinds.WAIT_BEGAN for fact in facts):
            self._loop.call_soon(self.began_waiting, self.info.run_id)
        if self._leaves_waiting and any(fact[0] == kinds.RUN_WAITING for fact in facts):
            self._loop.call_soon(self.leave_if_waiting)
        if self._commands:
            self._commands.extend(commands)  # a slice is due already
        elif len(commands) > SLICE:
            self._commands.extend(commands)
            self._act_slice()
        else:
            for command in commands:
                self._perform(command)

    def _warn_of_threads(self, facts: list[Fact]) -> None:
        """A thread whose attempt was cut runs on: nothing can stop it from outside."""
        for kind, index, attempt, *_ in facts:
            if kind == kinds.ATTEMPT_TIMED_OUT and (index, attempt) in self._threads:
                _log.warning(
                    "run %s: attempt %d of %r is over its time, but a thread cannot be stopped: it runs on and keeps "
                    "its permits. Let it look at current().is_stopped, or use @step(executor='process')",
                    self.info.run_id,
                    attempt,
                    self.info.graph.path(index),
                )

    def _act_slice(self) -> None:
        queue = self._commands
        for _ in range(min(SLICE, len(queue))):
            self._perform(queue.popleft())
        if queue:
            self._loop.call_soon(self._act_next_slice)

    def _act_next_slice(self) -> None:
        if not self._done.done():
            self._act_alone(self._act_slice)

    def _perform(self, command: Command) -> None:
        kind, index, attempt, instant = command
        if ARMED:
            point(_BEFORE[kind])
        if kind == START:
            self._start(index, attempt)
        elif kind == WAKE:
            self._wake(instant)
        elif kind == STOP:
            self._stop(index, attempt, instant)
        elif kind == ACQUIRE:
            self._permits.acquire(self, index, attempt, self.info.graph.specs[index].limits, instant)
        elif kind == RELEASE:
            self._permits.release(self, index, attempt)
        elif kind == FINISH and not self._done.done():
            self._done.set_result(None)

    def granted(self, index: int) -> None:
        """The step got all its named permits."""
        if not (self._scheduler.finished or self._is_broken):
            self._post((kinds.PERMIT_GRANTED, index, 0, self._clock(), None))

    def _say_late(self, index: int, attempt: int) -> None:
        self._permits.release(self, index, attempt)
        path = self.info.graph.path(index)
        _log.warning(
            "run %s: attempt %d of %r ended after its run; its result was not used",
            self.info.run_id,
            attempt,
            path,
        )

    # ---------------------------------------------------------------- time

    def _wake(self, instant: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay = max(0.0, instant - self._clock())
        self._timer = self._loop.call_later(delay, self._ring, instant)

    def _ring(self, instant: float) -> None:
        # What has finished by this instant is to be kept: its task wakes in the next round of the loop, so the
        # tick is posted in the one after.
        self._timer = None
        self._loop.call_soon(self._loop.call_soon, self._tick, instant)

    def _tick(self, instant: float) -> None:
        if self._scheduler.finished:
            return  # the end is decided and only waits for its commit
        # The loop may call a hair early; the scheduler must not be asked to look before the instant it named.
        at = max(self._clock(), instant)
        self._inbox.append((kinds.CLOCK_TICKED, kinds.RUN, 0, at, self._dice.random()))
        self._decide()
