"""`Attempts`: the attempts of one run, on the loop, in threads and in processes."""

from __future__ import annotations

import asyncio
import traceback
from asyncio import CancelledError
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Final

from stretto.context import attempt_scope
from stretto.core.graph import Fragment, Role, StepSpec, Where
from stretto.core.journal import facts as kinds
from stretto.core.policy import failure_of
from stretto.core.schedule.machine import Scheduler
from stretto.core.values import digest, snapshot
from stretto.core.values.atoms import ATOMS
from stretto.core.values.places import holds_redacted
from stretto.errors import InputError, ValueEncodingError
from stretto.ports import Job, RunInfo
from stretto.runtime.engine.asking import wait_of
from stretto.runtime.engine.attempt import CurrentAttempt
from stretto.runtime.engine.audience import Audience, masked
from stretto.runtime.engine.fitting import fitted_result
from stretto.runtime.engine.growth import grown_by
from stretto.runtime.engine.hashes import InputHashes
from stretto.runtime.engine.hidden import lost_secret
from stretto.runtime.engine.inputs import Values
from stretto.runtime.engine.spending import Account

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from contextvars import Context

    from stretto.core.journal.facts import Created, Fact
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
    from stretto.runtime.engine.recovery import Recovered, Reuse

__all__ = ["Attempts", "Key"]

# Asked for at every start; naming an enum's member costs 45 ns.
_LOOP: Final = Where.LOOP

Key = tuple[int, int]
"""A step's index and the attempt's number."""


class Attempts:
    """The attempts of one run: started where their steps say, told to stop, and what they see of the run.

    How they end goes in by `_post`, which is the driver's, like `_crash`.
    """

    def __init__(
        self,
        run_id: str,
        created: Created,
        code: Mapping[StepSpec, Code],
        *,
        store: Journals,
        executor: Executor,
        processes: Callable[[], Processes],
        observers: Sequence[Observer],
        clock: Clock,
        dice: random.Random,
        recovered: Recovered | None,
        reuse: Reuse | None,
    ) -> None:
        self.info = RunInfo(run_id, created.workflow, created.graph)
        self.created = created
        self.errors: dict[Key, BaseException] = {}
        self.has_hidden = recovered is not None and recovered.reader.has_hidden
        self._code = dict(code)
        self._executor = executor
        self._processes = processes
        self._clock = clock
        self._dice = dice
        self._reuse = reuse
        self._keep: Callable[[int, int, object, str], None] | None = None
        self._is_broken = False
        self._scheduler = Scheduler(created) if recovered is None else recovered.scheduler
        self.values = Values(created.graph, self._scheduler.values)
        self._hashes = InputHashes(created.graph, self.values, hides_secrets=not store.keeps_secrets)
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._threads: set[Key] = set()
        self._killable: dict[Key, Killable] = {}
        self._told: set[Key] = set()
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._has_factory = self._loop.get_task_factory() is not None
        self.audience = Audience(self.info, observers, clock, self._loop)
        self.account = Account(run_id, created.options, None if recovered is None else recovered.usage)

    def _post(self, fact: Fact) -> None:
        raise NotImplementedError

    def _crash(self, error: BaseException) -> None:
        raise NotImplementedError

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

    def version_of(self, spec: StepSpec) -> str | None:
        """The version of the code behind a step; None for what has no code of its own."""
        code = self._code.get(spec)
        return None if code is None else code.version

    def said_result(self, index: int, said: object) -> object:
        """What a person says a lost attempt's result is, as a value of its type. Raises InputError."""
        code = self._code.get(self.info.graph.specs[index])
        return said if code is None else fitted_result(said, code.fn)

    def asked_value(self, index: int) -> object:
        """The value that an approval asks about. Raises InputError for a question that has none."""
        args = self.values.args(index)
        if len(args) < 2:
            raise InputError(
                f"{self.info.graph.path(index)!r} asks for a text: respond with one, or reject it."
            )
        return args[0]

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


def _text_of(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error, limit=-12))
    except Exception as odd:  # noqa: BLE001  # a broken exception is described as far as it lets itself be
        return f"{type(error).__qualname__} (its traceback cannot be shown: {type(odd).__qualname__})"
