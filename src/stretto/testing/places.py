"""Where a function given by a test runs: as a coroutine on the loop, on a thread, or inline."""

from __future__ import annotations

import inspect
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING

from stretto.api.stand_ins import StandIn
from stretto.core.graph import Where
from stretto.core.values import snapshot
from stretto.errors import DefinitionError, ValueEncodingError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from stretto.authoring.step import AnyStep

__all__ = ["called", "calling", "checked_fit", "is_async", "kept", "resources_taken"]


def is_async(fn: Callable[..., object]) -> bool:
    """Whether calling `fn` gives a coroutine: functions, partials, mocks and objects with an async call."""
    while isinstance(fn, partial):
        fn = fn.func
    call = getattr(type(fn), "__call__", None)  # noqa: B004  # the class's method, not whether it can be called
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(call)


def calling(step: AnyStep, fn: Callable[..., object]) -> StandIn:
    """`fn` in place of a step's function. A plain function runs on a thread where the step's own runs on one or
    in a process; a coroutine runs on the loop.

    Raises DefinitionError for a coroutine in place of inline glue.
    """
    where, resources = step.spec.where, resources_taken(step, fn)
    if where is Where.INLINE and is_async(fn):
        raise DefinitionError(
            f"Step {step.name!r} is inline glue, which cannot wait.", mend="Give a plain `def` in its place."
        )
    if where is Where.INLINE or (where is Where.THREAD and not is_async(fn)):
        return StandIn(fn, resources=resources)

    async def on_loop(*args: object, **kwargs: object) -> object:
        return await called(step, fn, args, kwargs)

    return StandIn(on_loop, is_on_loop=True, resources=resources)


async def called(
    step: AnyStep, fn: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
) -> object:
    """The result of one call, from the loop: a blocking step's plain function is given a thread."""
    if step.spec.where in (Where.THREAD, Where.PROCESS) and not is_async(fn):
        return await _on_thread(partial(fn, *args, **kwargs))
    value = fn(*args, **kwargs)
    return await value if inspect.isawaitable(value) else value


def _on_thread(call: Callable[[], object]) -> Coroutine[object, object, object]:
    import asyncio

    from stretto.runtime.executors.thread import ThreadExecutor

    loop = asyncio.get_running_loop()
    ended: asyncio.Future[object] = loop.create_future()

    def end(at: float, value: object, error: BaseException | None) -> None:  # noqa: ARG001  # nobody asks when
        if ended.done():
            return  # nobody waits any more
        if error is None:
            ended.set_result(value)
        else:
            ended.set_exception(error)

    async def wait() -> object:
        executor = ThreadExecutor(loop.time)
        executor.submit(call, copy_context(), end)
        executor.close()
        return await ended

    return wait()


def resources_taken(step: AnyStep, fn: Callable[..., object]) -> frozenset[str]:
    """Those of the step's resources that `fn` names among its parameters."""
    try:
        names = inspect.signature(fn).parameters
    except (ValueError, TypeError):
        return frozenset()
    return frozenset(step.shape.resources) & names.keys()


def checked_fit(step: AnyStep, fn: Callable[..., object]) -> None:
    """Raises DefinitionError for a function that cannot take what the step's own must be given."""
    try:
        signature = inspect.signature(fn)
    except (ValueError, TypeError):
        return  # Python knows no signature of it
    needed = [each for each in step.shape.signature.parameters.values() if each.default is each.empty]
    by_name = {each.name: None for each in needed if each.kind is each.KEYWORD_ONLY}
    taken = dict.fromkeys(resources_taken(step, fn))
    try:
        signature.bind(*[None] * step.shape.least, **by_name, **taken)
    except TypeError as error:
        raise DefinitionError(
            f"What stands in for step {step.name!r} cannot be called as it is: {error}.",
            mend=f"It must take {step.shape.signature}; `*_` takes whatever comes.",
        ) from None


def kept(what: str, value: object) -> object:
    """A value as the engine would keep it. Raises DefinitionError for one that cannot be journaled."""
    try:
        return snapshot(value)
    except ValueEncodingError as error:
        raise DefinitionError(
            f"{what} cannot be journaled: {error}.",
            mend="Give plain data, a dataclass or a model, as the step itself would have to.",
        ) from None
