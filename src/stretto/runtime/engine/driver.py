"""`RunDriver`: drives one run's scheduler in real (or virtual) time.

Every fact goes in by `_post`; every decision is appended to the journal before any of its commands runs.
Facts of one tick of the loop are decided together, but a lone one at once: waiting a tick would cost a chain
2 µs a hop.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from asyncio import CancelledError
from collections import deque
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Final

from stretto.context import attempt_scope
from stretto.core.graph import Fragment, Role, StepSpec, Where
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Verdict
from stretto.core.policy import failure_of
from stretto.core.schedule.decision import ACQUIRE, FINISH, RELEASE, START, STOP, WAKE, Command
from stretto.core.schedule.machine import Scheduler
from stretto.core.values import digest, snapshot
from stretto.core.values.atoms import ATOMS
from stretto.core.values.places import holds_redacted
from stretto.errors import InputError, StrettoError, ValueEncodingError
from stretto.ports import Job, RunInfo
from stretto.runtime.engine.asking import wait_of
from stretto.runtime.engine.attempt import CurrentAttempt
from stretto.runtime.engine.audience import Audience, masked
from stretto.runtime.engine.growth import grown_by
from stretto.runtime.engine.hashes import InputHashes
from stretto.runtime.engine.hidden import lost_secret
from stretto.runtime.engine.inputs import Values
from stretto.runtime.engine.lost import losses
from stretto.runtime.engine.spending import Account

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from contextvars import Context

    from stretto.core.journal.facts import Answer, Created, Fact
    from stretto.ports import (
        Address,
        Clock,
        Code,
        Executor,
        Journals,
        Killable,
        Observer,
        Processes,
    )
    from stretto.runtime.engine.permits import Permits
    from stretto.runtime.engine.recovery import Recovered, Reuse

__all__ = ["RunDriver"]

_log = logging.getLogger("stretto.engine")

# Asked for at every start; naming an enum's member costs 45 ns.
_LOOP: Final = Where.LOOP

SLICE: Final = 1000
"""Commands performed in one tick: starting 100 000 attempts at once would stall the loop for most of a
second."""

Key = tuple[int, int]


class RunDriver:
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
        self.info = RunInfo(run_id, created.workflow, created.graph)
        self.created = created
        self.errors: dict[Key, BaseException] = {}
        self.facts: list[Fact] = []
        self._code = dict(code)
        self._store = store
        self._permits = permits
        self._executor = executor
        self._processes = processes
        self._clock = clock
        self._dice = dice
        self._recovered = recovered
        self.has_hidden = recovered is not None and recovered.reader.has_hidden
        self._reuse = reuse
        self._leaves_waiting = leaves_waiting
        self.is_left = False
        self.began_waiting: Callable[[str], None] | None = None
        self._keep: Callable[[int, int, object, str], None] | None = None
        self._scheduler = Scheduler(created) if recovered is None else recovered.scheduler
        self.values = Values(created.graph, self._scheduler.values)
        self._hashes = InputHashes(created.graph, self.values, hides_secrets=not store.keeps_secrets)
        self._inbox: list[Fact] = []
        self._is_deciding = True  # what comes before `execute` waits for it
        self._is_due = False
        self._is_broken = False
        self._uncommitted: deque[tuple[list[Fact], list[Command]]] = deque()
        self._commands: deque[Command] = deque()
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._threads: set[Key] = set()
        self._killable: dict[Key, Killable] = {}
        self._told: set[Key] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._has_factory = self._loop.get_task_factory() is not None
        self.audience = Audience(self.info, observers, clock, self._loop)
        self.account = Account(run_id, created.options, None if recovered is None else recovered.usage)
        self._done: asyncio.Future[None] = self._loop.create_future()

    def version_of(self, spec: StepSpec) -> str | None:
        """The version of the code behind a step; None for what has no code of its own."""
        code = self._code.get(spec)
        return None if code is None else code.version

    def asked_value(self, index: int) -> object:
        """The value that an approval asks about. Raises InputError for a question that has none."""
        args = self.values.args(index)
        if len(args) < 2:
            raise InputError(
                f"{self.info.graph.path(index)!r} asks for a text: respond with one, or reject it."
            )
        return args[0]

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

    def cancel(self, why: str, *, is_now: bool = False) -> None:
        """Ask the run to end: running attempts are cancelled and awaited, for no time with `is_now`."""
        if not self._scheduler.finished:
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

    # ---------------------------------------------------------------- attempts

    def _start(self, index: int, attempt: int) -> None:
        graph = self.info.graph
        spec = graph.specs[index]
        try:
            if spec.is_anchor:
                self._grow(index, attempt)
                return
            if self._reuse is not None and (found := self._lent(index, spec)):
                self._succeeded(index, attempt, self._clock(), found[0], kinds.ATTEMPT_REUSED)
                return
            args = self.values.args(index)
            kwargs = None if graph.kwargs[index] is None else self.values.kwargs(index)
            if self.has_hidden and holds_redacted((args, kwargs)):
                self._crash(lost_secret(self.info.run_id, f"Step {graph.path(index)!r}"))
                return
            if spec.wait is not None:
                at = self._clock()
                self._post((kinds.WAIT_BEGAN, index, attempt, at, wait_of(spec.wait, args, kwargs or {}, at)))
                return
            if self.account.is_bounded:
                self.account.check(graph.path(index))
        except BaseException as error:  # noqa: BLE001  # inputs that cannot be made fail the attempt, not the engine
            self._failed(index, attempt, error)
            return
        code = self._code[spec]
        if code.resources:
            kwargs = {**(kwargs or {}), **code.resources}
        if spec.where is _LOOP or code.is_on_loop:
            coroutine = self._run(index, attempt, code.fn, args, kwargs)
            task = self._new_task(coroutine, self._context.copy())
            if not task.done():  # a loop with eager tasks may have run it to its end already
                self._tasks[(index, attempt)] = task
        elif spec.where is Where.THREAD:
            self._start_thread(index, attempt, code.fn, args, kwargs or {})
        elif code.address is not None:
            self._start_process(index, attempt, code.address, args, kwargs or {})
        else:
            self._run_inline(index, attempt, code.fn, args, kwargs or {})

    def _lent(self, index: int, spec: StepSpec) -> tuple[object, ...]:
        """The result that another run lends to this step, as a tuple of it, or nothing."""
        if self._reuse is None or spec.role is not Role.STEP:
            return ()
        return self._reuse(index, self._hashes, self.version_of(spec))

    def _new_task(self, coroutine: Coroutine[object, object, None], context: Context) -> asyncio.Task[None]:
        if self._has_factory:
            return self._loop.create_task(coroutine, context=context)
        return asyncio.Task(coroutine, loop=self._loop, context=context)  # a quarter of a µs less a step

    async def _run(
        self,
        index: int,
        attempt: int,
        fn: Callable[..., object],
        args: list[object],
        kwargs: dict[str, object] | None,
    ) -> None:
        attempt_scope.set((CurrentAttempt, self, index, attempt))
        try:
            if kwargs is None:
                value = await fn(*args)  # type: ignore[misc]  # a coroutine function: its spec says LOOP
            else:
                value = await fn(*args, **kwargs)  # type: ignore[misc]  # as above
            kind = type(value)
            fact = kinds.ATTEMPT_SUCCEEDED
            if kind not in ATOMS:
                if kind is Fragment:
                    fact = kinds.ATTEMPT_GREW
                else:
                    value = snapshot(value)
            if self._keep is not None and fact == kinds.ATTEMPT_SUCCEEDED:
                self._keep(index, attempt, value, self._hashes.of(index))
        except CancelledError as error:
            if (index, attempt) in self._told:
                return  # `_on_told_ended` says so; it also speaks for those cancelled before their first line
            self._failed(index, attempt, error)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) or not self._loop.is_running():
                raise  # the loop itself is being ended, or was dropped with this attempt in it
            self._failed(index, attempt, error)  # whatever a step raises is its own failure, SystemExit too
        else:
            self._tasks.pop((index, attempt), None)
            self._post((fact, index, attempt, self._clock(), value))

    def _succeeded(
        self, index: int, attempt: int, at: float, value: object, kind: int = kinds.ATTEMPT_SUCCEEDED
    ) -> None:
        if self._keep is not None:
            try:
                self._keep(index, attempt, value, self._hashes.of(index))
            except Exception as error:  # noqa: BLE001  # what cannot be written down fails the attempt
                self._failed(index, attempt, error)
                return
        self._post((kind, index, attempt, at, value))

    def _failed(self, index: int, attempt: int, error: BaseException) -> None:
        self._tasks.pop((index, attempt), None)
        if isinstance(error, ValueEncodingError) and error.step is None:
            path = self.info.graph.path(index)
            error = ValueEncodingError(error.problem, where=error.where, type_name=error.type_name, step=path)
        self.errors[(index, attempt)] = error
        data = (masked(failure_of(error, traceback=_text_of(error))), self._dice.random())
        self._post((kinds.ATTEMPT_FAILED, index, attempt, self._clock(), data))

    def _run_inline(
        self,
        index: int,
        attempt: int,
        fn: Callable[..., object],
        args: list[object],
        kwargs: dict[str, object],
    ) -> None:
        call = self._call(index, attempt, fn, args, kwargs)
        try:
            value = self._context.copy().run(call)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # whatever a step raises is its own failure, SystemExit too
            self._failed(index, attempt, error)
        else:
            self._succeeded(index, attempt, self._clock(), value)

    def _start_thread(
        self,
        index: int,
        attempt: int,
        fn: Callable[..., object],
        args: list[object],
        kwargs: dict[str, object],
    ) -> None:
        def ended(at: float, value: object, error: BaseException | None) -> None:
            self._threads.discard((index, attempt))
            if error is not None:
                self._failed(index, attempt, error)
            else:
                self._succeeded(index, attempt, at, value)

        self._threads.add((index, attempt))
        try:
            self._executor.submit(self._call(index, attempt, fn, args, kwargs), self._context.copy(), ended)
        except RuntimeError as error:  # the system gives no more threads
            self._threads.discard((index, attempt))
            self._failed(index, attempt, error)

    def _start_process(
        self, index: int, attempt: int, address: Address, args: list[object], kwargs: dict[str, object]
    ) -> None:
        key = (index, attempt)

        def ended(at: float, value: object, error: BaseException | None) -> None:
            self._killable.pop(key, None)
            if key in self._told:
                self._told.discard(key)
                self._post((kinds.ATTEMPT_ENDED, index, attempt, at, None))
            elif error is not None:
                self._failed(index, attempt, error)
            else:
                self._succeeded(index, attempt, at, value)

        about = {
            "run_id": self.info.run_id,
            "path": self.info.graph.path(index),
            "attempt": attempt,
            "deadline": self.deadline_of(index, attempt),
            "key": self.idempotency_key(index),
            "has_budget": self.account.is_bounded,
        }
        memory = self.info.graph.specs[index].memory
        tell = partial(self._tell, index, attempt)
        job = Job(self.info.graph.path(index), address, args, kwargs, memory, about, tell)
        self._killable[key] = self._processes().submit(job, ended)

    def _tell(self, index: int, attempt: int, kind: str, **data: object) -> None:
        if kind == "printed":
            self.audience.tell("log", index, attempt, level="info", text=data["text"])
        elif kind == "log":
            self.audience.log(index, attempt, str(data["level"]), str(data["text"]))
        elif kind == "usage":
            self.spend(index, attempt, **data)  # type: ignore[arg-type]  # what the worker's `usage` was given
        else:
            self.audience.tell(kind, index, attempt, **data)

    def spend(
        self,
        index: int,
        attempt: int,
        *,
        input_tokens: int,
        output_tokens: int,
        cost: float | None,
        model: str,
    ) -> None:
        """Note what an attempt's call has taken, and tell whoever watches; called on any thread."""
        self.account.add(index, input_tokens, output_tokens, cost)
        self.audience.tell(
            "usage",
            index,
            attempt,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost=cost,
            model=model,
        )

    def _call(
        self,
        index: int,
        attempt: int,
        fn: Callable[..., object],
        args: list[object],
        kwargs: dict[str, object],
    ) -> Callable[[], object]:
        def call() -> object:
            attempt_scope.set((CurrentAttempt, self, index, attempt))
            return snapshot(fn(*args, **kwargs))

        return call

    def _grow(self, index: int, attempt: int) -> None:
        graph = self.info.graph
        code = self._code.get(graph.specs[index])
        grown = grown_by(graph, index, attempt, self.values, code, self._scheduler)
        self._code.update(grown.code)
        self._post((kinds.ATTEMPT_GREW, index, attempt, self._clock(), grown.fragment))

    # ---------------------------------------------------------------- stopping

    def _stop(self, index: int, attempt: int, until: float) -> None:
        key = (index, attempt)
        killable = self._killable.get(key)
        if killable is not None:
            self._told.add(key)
            killable.kill()
            return
        task = self._tasks.get(key)
        if task is None:
            return  # a thread cannot be told, and inline glue has ended already
        self._told.add(key)
        task.add_done_callback(lambda ended: self._on_told_ended(key, ended))
        task.cancel()
        halfway = max(0.0, (until - self._clock()) / 2)
        self._loop.call_later(halfway, self._cancel_again, key)

    def _cancel_again(self, key: Key) -> None:
        task = self._tasks.get(key)
        if task is not None and key in self._told:
            task.cancel()

    def _on_told_ended(self, key: Key, ended: asyncio.Task[None]) -> None:
        self._told.discard(key)
        if self._tasks.pop(key, None) is None:
            return  # it returned or raised something of its own, and that was posted
        if not ended.cancelled():
            ended.exception()  # a KeyboardInterrupt, which has ended the loop by itself: not to be told twice
        self._post((kinds.ATTEMPT_ENDED, *key, self._clock(), None))

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

    def deadline_of(self, index: int, attempt: int) -> float | None:
        """The earliest instant at which an attempt will be cut, or None."""
        return self._scheduler.deadline_of(index, attempt)

    def idempotency_key(self, index: int) -> str:
        """SHA-256 of the run, the step's path and its inputs, whose secrets do not count: the key goes to others."""
        inputs = (self.values.args(index), self.values.kwargs(index))
        return digest((self.info.run_id, self.info.graph.path(index), inputs), hides_secrets=True)

    def is_awaited(self, index: int, attempt: int) -> bool:
        """Whether the run still waits for an attempt: not told to stop, not timed out, not over."""
        return not self._is_broken and self._scheduler.is_awaited(index, attempt)


def _text_of(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error, limit=-12))
    except Exception as odd:  # noqa: BLE001  # a broken exception is described as far as it lets itself be
        return f"{type(error).__qualname__} (its traceback cannot be shown: {type(odd).__qualname__})"
