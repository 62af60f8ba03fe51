"""`scripted`: a whole run on virtual time whose steps end as a script says; no step's function is called."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from stretto.api.engine import Engine
from stretto.api.stand_ins import StandIn, stand_ins
from stretto.context import current
from stretto.core.graph import Where
from stretto.core.policy import Cause
from stretto.errors import DefinitionError, InputError, NotFoundError, PermanentError, StrettoError
from stretto.testing.clock import run_virtual
from stretto.testing.places import called, is_async, kept

if TYPE_CHECKING:
    from stretto.api.result import RunResult, StepResult
    from stretto.api.workflow import Workflow
    from stretto.authoring.step import AnyStep

__all__ = ["Scripted", "calls", "fails", "returns", "scripted"]

P = ParamSpec("P")
R = TypeVar("R")

_NUMBERS = re.compile(r"\[\d+\]|#\d+")
_OWN = "stretto."  # where the engine's own glue is defined: it is part of the machine, not of the script


@dataclass(frozen=True, slots=True)
class Scripted:
    """How one attempt ends, `after` virtual seconds: made by `returns`, `fails` and `calls`."""

    after: float
    value: object = None
    error: Exception | None = None
    fn: Callable[..., object] | None = None


Script = Mapping[str, Scripted | Sequence[Scripted]]


def returns(value: object = None, *, after: float = 0.0) -> Scripted:
    """The attempt returns `value`; with `after=math.inf` never: only a timeout or a deadline ends it.

    Raises DefinitionError for a value that cannot be journaled.
    """
    return Scripted(_seconds(after), kept("returns(…): the value", value))


def fails(error: Exception, *, after: float = 0.0) -> Scripted:
    """The attempt raises `error`; the step's retry rule decides whether there is another one."""
    if not isinstance(error, Exception):
        raise DefinitionError(
            f"fails({error!r}): that is no exception to raise.", mend="Give one: fails(ValueError('…'))."
        )
    return Scripted(_seconds(after), error=error)


def calls(fn: Callable[..., object], *, after: float = 0.0) -> Scripted:
    """The attempt returns what `fn` makes of the step's inputs: ``calls(merge.fn)`` lets glue do its own work."""
    if not callable(fn):
        raise DefinitionError(
            f"calls({fn!r}): that cannot be called.", mend="Give a function, or use returns(value)."
        )
    return Scripted(_seconds(after), fn=fn)


def scripted(
    flow: Workflow[P, R], script: Script, *, inputs: Mapping[str, object] | None = None, start: float = 0.0
) -> RunResult[R]:
    """Run `flow` on virtual time, its steps ending as the script says, and give the result whatever its status.

    A key is a step's path (``"sections/write[3]"``), a path without its numbers (``"sections/write"``), or a
    step's declared id; the first of these that the script has counts. One outcome holds for every attempt; a
    list has one an attempt. Scheduling, retries, timeouts, limits, groups, growth and failures are the real
    engine's, with the workflow's own options and limits; its priorities start without estimates, and the
    jitter of retries is the same every time. `start` is the virtual instant of the run's start.

    Raises NotFoundError for a step, or an attempt, the script does not know, and for a key that means no step;
    DefinitionError for what is no outcome; InputError for inputs that do not fit.
    """
    import asyncio

    if asyncio._get_running_loop() is not None:
        raise StrettoError("scripted() runs on a loop of its own: call it outside any running event loop.")
    player = _Player(script)
    base = flow.engine
    engine = Engine(
        limits=base.limits,
        max_concurrency=base.max_concurrency,
        on_failure=base.on_failure,
        grace=base.grace,
        observers=base.observers,
        seed=0,
    )

    async def whole() -> RunResult[R]:
        stand_ins.set(player.stand_in)
        chosen = flow.with_options(engine=engine)
        return await chosen.start(chosen.definition.bind((), inputs or {}))

    result = run_virtual(whole(), start=start)
    player.check(result)
    return result


class _Player:
    """Plays a script: finds each attempt's outcome by the path it runs under."""

    def __init__(self, script: Script) -> None:
        self._script = {key: _outcomes(key, given) for key, given in script.items()}
        self._used: set[str] = set()
        self._ids: set[str] = set()
        self._trouble: StrettoError | None = None

    def stand_in(self, step: AnyStep) -> StandIn | None:
        if step.fn.__module__.startswith(_OWN):
            return None
        self._ids.add(step.spec.id)
        if step.spec.where is Where.INLINE:
            return StandIn(lambda *args, **kwargs: self._inline(step, args, kwargs))

        async def on_loop(*args: object, **kwargs: object) -> object:
            return await self._on_loop(step, args, kwargs)

        return StandIn(on_loop, is_on_loop=True)

    def _inline(self, step: AnyStep, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        outcome = self._outcome(step)
        if outcome.after or (outcome.fn is not None and is_async(outcome.fn)):
            raise self._gives_up(
                InputError(
                    f"Step {step.name!r} is inline: it takes no time. Script it without after= or await."
                )
            )
        return _end(outcome) if outcome.fn is None else outcome.fn(*args, **kwargs)

    async def _on_loop(self, step: AnyStep, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        import asyncio

        outcome = self._outcome(step)
        if outcome.after == math.inf:
            await asyncio.get_running_loop().create_future()
        if outcome.after:
            await asyncio.sleep(outcome.after)
        return _end(outcome) if outcome.fn is None else await called(step, outcome.fn, args, kwargs)

    def _outcome(self, step: AnyStep) -> Scripted:
        attempt = current()
        keys = dict.fromkeys((attempt.path, _NUMBERS.sub("", attempt.path), step.spec.id))
        key = next((key for key in keys if key in self._script), None)
        if key is None:
            mend = f"Add one by its path or its id: {{{step.spec.id!r}: returns(…)}}."
            raise self._gives_up(
                NotFoundError("outcome in the script for step", attempt.path, self._script, mend=mend)
            )
        self._used.add(key)
        outcomes = self._script[key]
        if isinstance(outcomes, Scripted):
            return outcomes
        if attempt.attempt > len(outcomes):
            name = f"{attempt.path}, attempt {attempt.attempt}"
            mend = f"Its list has {len(outcomes)}; add one, or give a single outcome for all attempts."
            raise self._gives_up(NotFoundError("outcome in the script for step", name, mend=mend))
        return outcomes[attempt.attempt - 1]

    def _gives_up(self, trouble: StrettoError) -> PermanentError:
        """What ends the attempt; the trouble itself is raised when the run is over."""
        self._trouble = self._trouble or trouble
        return PermanentError(str(trouble))

    def check(self, result: RunResult[object]) -> None:
        """Raises the first trouble met, and NotFoundError for a key that means no step of the run."""
        if self._trouble is not None:
            raise self._trouble
        paths = set(result.steps)
        known = paths | {_NUMBERS.sub("", path) for path in paths} | self._ids
        # A step that was lost may have taken with it what the key means: what would have grown behind it.
        is_whole = all(step.state == "succeeded" or _is_unchosen(step) for step in result.steps.values())
        for key in self._script.keys() - self._used - known:
            if is_whole:
                raise NotFoundError("step", key, known, mend="Correct that key of the script.")


def _is_unchosen(step: StepResult) -> bool:
    return step.failure is not None and step.failure.cause is Cause.NOT_CHOSEN


def _end(outcome: Scripted) -> object:
    if outcome.error is not None:
        raise outcome.error.with_traceback(None)
    return outcome.value  # the engine takes its own copy


def _outcomes(key: str, given: object) -> Scripted | tuple[Scripted, ...]:
    if isinstance(given, Scripted):
        return given
    if isinstance(given, (list, tuple)) and given and all(isinstance(each, Scripted) for each in given):
        return cast("tuple[Scripted, ...]", tuple(given))
    raise DefinitionError(
        f"The script has {given!r} for {key!r}.",
        mend="Give returns(…), fails(…) or calls(…), or a list of these, one an attempt.",
    )


def _seconds(after: object) -> float:
    if isinstance(after, (int, float)) and not isinstance(after, bool) and after >= 0:
        return float(after)
    raise DefinitionError(f"after={after!r}; give virtual seconds, 0 or more.")
