"""`@step`: makes a function a step."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar, cast, overload

from stretto.authoring.names import check_name
from stretto.authoring.place import caller_place
from stretto.authoring.rules import kept_default, spec_of
from stretto.authoring.signature import contradiction, shape_of
from stretto.authoring.step import AnyStep, Step
from stretto.core.graph import Where
from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stretto.core.policy import OnLost, Retry
    from stretto.core.values import Missing

__all__ = ["step"]

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D")
D_co = TypeVar("D_co", covariant=True)


class _Decorator(Protocol):
    @overload
    def __call__(self, fn: Callable[P, Awaitable[R]], /) -> Step[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> Step[P, R]: ...


class _DecoratorOr(Protocol[D_co]):
    @overload
    def __call__(self, fn: Callable[P, Awaitable[R]], /) -> Step[P, R | D_co]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> Step[P, R | D_co]: ...


_UNSET: Any = object()


@overload
def step(fn: Callable[P, Awaitable[R]], /) -> Step[P, R]: ...
@overload
def step(fn: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(
    *,
    id: str | None = ...,
    timeout: float | None = ...,
    within: float | None = ...,
    retry: Retry | int | None = ...,
    limit: str | tuple[str, ...] | None = ...,
    inline: bool = ...,
    executor: Literal["loop", "thread", "process"] | None = ...,
    memory: int | str | None = ...,
    reads: str | tuple[str, ...] = ...,
    writes: str | tuple[str, ...] = ...,
    on_lost: OnLost | Literal["retry", "ask", "fail"] | None = ...,
    version: str | None = ...,
    optional: Literal[False] = ...,
) -> _Decorator: ...
@overload
def step(
    *,
    optional: Literal[True],
    default: D,
    id: str | None = ...,
    timeout: float | None = ...,
    within: float | None = ...,
    retry: Retry | int | None = ...,
    limit: str | tuple[str, ...] | None = ...,
    inline: bool = ...,
    executor: Literal["loop", "thread", "process"] | None = ...,
    memory: int | str | None = ...,
    reads: str | tuple[str, ...] = ...,
    writes: str | tuple[str, ...] = ...,
    on_lost: OnLost | Literal["retry", "ask", "fail"] | None = ...,
    version: str | None = ...,
) -> _DecoratorOr[D]: ...
@overload
def step(
    *,
    optional: Literal[True],
    default_factory: Callable[[], D],
    id: str | None = ...,
    timeout: float | None = ...,
    within: float | None = ...,
    retry: Retry | int | None = ...,
    limit: str | tuple[str, ...] | None = ...,
    inline: bool = ...,
    executor: Literal["loop", "thread", "process"] | None = ...,
    memory: int | str | None = ...,
    reads: str | tuple[str, ...] = ...,
    writes: str | tuple[str, ...] = ...,
    on_lost: OnLost | Literal["retry", "ask", "fail"] | None = ...,
    version: str | None = ...,
) -> _DecoratorOr[D]: ...
@overload
def step(
    *,
    optional: Literal[True],
    id: str | None = ...,
    timeout: float | None = ...,
    within: float | None = ...,
    retry: Retry | int | None = ...,
    limit: str | tuple[str, ...] | None = ...,
    inline: bool = ...,
    executor: Literal["loop", "thread", "process"] | None = ...,
    memory: int | str | None = ...,
    reads: str | tuple[str, ...] = ...,
    writes: str | tuple[str, ...] = ...,
    on_lost: OnLost | Literal["retry", "ask", "fail"] | None = ...,
    version: str | None = ...,
) -> _DecoratorOr[Missing]: ...
def step(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    id: str | None = None,  # noqa: A002  # the field's word for it; shadowed in this signature only
    timeout: float | None = None,
    within: float | None = None,
    retry: Retry | int | None = None,
    limit: str | tuple[str, ...] | None = None,
    inline: bool = False,
    executor: Literal["loop", "thread", "process"] | None = None,
    memory: int | str | None = None,
    reads: str | tuple[str, ...] = (),
    writes: str | tuple[str, ...] = (),
    on_lost: OnLost | Literal["retry", "ask", "fail"] | None = None,
    version: str | None = None,
    optional: bool = False,
    default: Any = _UNSET,
    default_factory: Any = _UNSET,
) -> Any:
    """Make a function a step.

    `timeout` (seconds) bounds one attempt, `within` all of them. `retry` is a `Retry` or a number of
    attempts. `limit` names one or more of the engine's limits. `async def` runs on the event loop, `def` on a
    thread; `inline=True` is for small synchronous glue that is run by the engine itself, without a permit;
    `executor="process"` runs a `def` in a worker process that can be killed, under a limit of `memory` (bytes,
    or a text such as "512MB"). `reads` and `writes` name shared things: steps that write one, and those that
    read it, keep their author's order within a run. `on_lost` says what follows in a run with a store when the
    process dies with an attempt: "retry" at once, "ask" a person, or "fail"; where nothing is said, a step that
    `writes` asks, and any other runs again. An `optional=True` step that finally fails hands on `default`, what
    `default_factory()` makes, or `Missing`.
    `version` stands for its code where runs are kept in a store: a result made by another version is not reused.
    Without it, the source of the function, and of what it names in its module, counts.
    `id` replaces the function's name in paths.

    Raises DefinitionError for options that contradict each other.
    """

    def declare(function: Callable[..., Any]) -> AnyStep:
        _check_function(function)
        factory = _factory(function, optional, default, default_factory)
        where = _where(function, inline=inline, executor=executor)
        spec = spec_of(
            check_name(getattr(function, "__name__", None) if id is None else id, "A step's id"),
            where=where,
            timeout=timeout,
            within=within,
            retry=retry,
            limit=limit,
            optional=optional,
            has_default=factory is not None,
            reads=reads,
            writes=writes,
            memory=memory,
            on_lost=on_lost,
        )
        return Step(function, spec, shape_of(function), factory, _version(function, version))

    return declare if fn is None else declare(fn)


def _check_function(function: object) -> None:
    if isinstance(function, Step):
        raise DefinitionError(
            f"{function.name!r} is a step already.",
            where=caller_place(),
            mend="Use .with_options(…) for other rules, .named(…) for another path.",
        )
    if not callable(function):
        raise DefinitionError(
            f"@step takes a function, not {type(function).__name__}.",
            where=caller_place(),
            mend="Options go by keyword, a path's name as `@step(id=…)`.",
        )


def _version(function: Callable[..., Any], version: object) -> str | None:
    if version is None or (isinstance(version, str) and version.strip() and version.isprintable()):
        return version
    raise contradiction(function, f"version={version!r}; give a text of one line, such as version='2'.")


def _where(function: Callable[..., Any], *, inline: bool, executor: str | None) -> Where:
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
    if inline:
        if is_async:
            raise contradiction(function, "inline=True needs a plain `def`: inline glue awaits nothing.")
        if executor is not None:
            raise contradiction(function, "inline=True runs in the engine itself: drop executor=.")
        return Where.INLINE
    if executor not in (None, "loop", "thread", "process"):
        raise contradiction(
            function, f"executor={executor!r} is unknown; known: 'loop', 'thread', 'process'."
        )
    if executor in ("thread", "process") and is_async:
        raise contradiction(function, f"executor={executor!r} needs a plain `def`.")
    if executor == "loop" and not is_async:
        raise contradiction(
            function, "executor='loop' needs `async def`; a plain `def` would block the loop."
        )
    if executor == "process":
        return Where.PROCESS
    return Where.LOOP if is_async else Where.THREAD


def _factory(
    function: Callable[..., Any], optional: bool, default: Any, factory: Any
) -> Callable[[], object] | None:
    if default is _UNSET and factory is _UNSET:
        return None
    if not optional:
        raise contradiction(function, "default= and default_factory= belong to optional=True.")
    if default is not _UNSET and factory is not _UNSET:
        raise contradiction(function, "give default= or default_factory=, not both.")
    if factory is not _UNSET:
        if not callable(factory):
            raise contradiction(function, "default_factory= takes a function; for a value use default=.")
        return cast("Callable[[], object]", factory)
    kept = kept_default(getattr(function, "__name__", repr(function)), default)
    return lambda: kept
