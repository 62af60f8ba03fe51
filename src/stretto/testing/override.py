"""`override`: in a test, a value, an error or another function in place of a step's own function."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from stretto.api.stand_ins import StandIn, stand_ins
from stretto.authoring.step import Step
from stretto.core.graph import Role, Where
from stretto.errors import DefinitionError
from stretto.testing.places import calling, checked_fit, kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stretto.authoring.step import AnyStep

__all__ = ["override"]


@contextmanager
def override(step: AnyStep, instead: object) -> Iterator[None]:
    """Runs that start inside the `with` block never call the step's function: `instead` gives each attempt's end.

    An exception is raised, anything callable is called with the step's inputs (`def` or `async def`; a
    resource only if it is named among the parameters), anything else is returned. All uses of the
    declared function are meant, whatever `.named(…)` or `.with_options(…)` made of them; its rules – retry,
    timeouts, limits, optional – hold as before. Values, errors and coroutines take the loop, also for steps
    on a thread or in a process; a plain function in place of such a step takes a thread.

    Blocks nest, the inner one wins, and each restores what was before. Tests beside each other on one loop or
    on several threads do not see one another's; a thread started inside the block does not see it either.

    Raises DefinitionError for what is no step, a value that cannot be journaled, and a function that cannot
    be called as the step is.
    """
    fn = _checked(step, instead)
    value = None if callable(instead) or isinstance(instead, BaseException) else kept(_name(step), instead)
    before = stand_ins.get()

    def chosen(asked: AnyStep) -> StandIn | None:
        if asked.fn is fn:
            return _stand_in(asked, instead, value)
        return None if before is None else before(asked)

    stand_ins.set(chosen)
    try:
        yield
    finally:
        stand_ins.set(before)  # not by a token: a fixture may end in another context than it began in


def _checked(step: object, instead: object) -> Callable[..., object]:
    """The declared function. Raises DefinitionError for whatever cannot be meant."""
    if not isinstance(step, Step):
        raise DefinitionError(
            f"override() got {type(step).__name__} where it takes a step.",
            mend="Name what @step made: `override(write, …)`, not its function, its path or its workflow.",
        )
    if step.spec.role is not Role.STEP:
        raise DefinitionError(
            f"{step.name!r} runs no function of its own: it is made of other steps.",
            mend="Override those.",
        )
    if isinstance(instead, type) and issubclass(instead, BaseException):
        raise DefinitionError(
            f"override({step.name}, {instead.__name__}): that is a class.",
            mend=f"Give the error that is to be raised: {instead.__name__}(…).",
        )
    if isinstance(instead, BaseException) and not isinstance(instead, Exception):
        raise DefinitionError(
            f"override({step.name}, {instead!r}): that would end the program, not the step.",
            mend="Give an Exception.",
        )
    if callable(instead):
        plain = _plain(instead)
        checked_fit(step, plain)
        calling(step, plain)
    fn: Callable[..., object] = step.fn
    return fn


def _plain(fn: Callable[..., object]) -> Callable[..., object]:
    return fn.fn if isinstance(fn, Step) else fn


def _stand_in(step: AnyStep, instead: object, value: object) -> StandIn:
    if callable(instead):
        return calling(step, _plain(instead))

    def end() -> object:
        if isinstance(instead, Exception):
            raise instead.with_traceback(None)
        return value  # the engine takes its own copy

    async def on_loop(*_: object, **__: object) -> object:
        return end()

    def inline(*_: object, **__: object) -> object:
        return end()

    return StandIn(inline) if step.spec.where is Where.INLINE else StandIn(on_loop, is_on_loop=True)


def _name(step: AnyStep) -> str:
    return f"override({step.name}, …): the value"
