"""`@step`: a plain function as a step of workflows."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Literal, ParamSpec, Protocol, TypeVar, cast, overload

from stretto.authoring.group import Group
from stretto.authoring.missing_check import admits_missing, admits_missing_inside
from stretto.authoring.names import check_name
from stretto.authoring.place import caller_place, function_place
from stretto.authoring.ref import Ref
from stretto.authoring.resource import FromEngine
from stretto.authoring.trace import Trace, active_trace
from stretto.core.graph import Graph, MapSpec, Role, Source, StepSpec, Where, map_fragment, sources_in
from stretto.core.policy import Retry
from stretto.core.policy.numbers import is_length
from stretto.core.policy.retry import NO_RETRY
from stretto.core.values import Missing, snapshot
from stretto.core.values.atoms import ATOMS
from stretto.errors import DefinitionError, ValueEncodingError

__all__ = ["AnyStep", "Step", "step"]

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D")
D_co = TypeVar("D_co", covariant=True)

_NO_LISTS = (str, bytes, dict, set, frozenset)  # iterable, but never meant, or in no order


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is known of a step's signature without its resources. `names` are the parameters in order."""

    names: tuple[str, ...]
    least: int
    most: int
    signature: inspect.Signature
    resources: dict[str, FromEngine]


class Step(Generic[P, R]):
    """A function that workflows can use. `fn` is the plain function; calling the step in a workflow's body
    gives a `Ref` (typed as the result it stands for, so that editors and mypy understand the body)."""

    __slots__ = ("__dict__", "__weakref__", "after_refs", "factory", "fn", "name", "shape", "spec")

    def __init__(
        self, fn: Callable[P, object], spec: StepSpec, shape: _Shape, factory: Callable[[], object] | None
    ) -> None:
        self.fn = fn
        self.spec = spec
        self.name = spec.id
        self.shape = shape
        self.factory = factory
        self.after_refs: tuple[Ref, ...] = ()
        self.__doc__ = fn.__doc__

    def __repr__(self) -> str:
        return f"<Step {self.name}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Use the step in a workflow's body. Outside one this runs nothing and raises DefinitionError."""
        trace = active_trace.get()
        if trace is None:
            raise self._outside()
        shape = self.shape
        if kwargs or not shape.least <= len(args) <= shape.most:
            self._bind(args, kwargs)
        if kwargs or self.after_refs or trace._maybe or trace._loose:
            return self._add_slowly(trace, args, kwargs)
        found: list[int] = []
        for value in args:
            kind = type(value)
            if kind is Ref and value._trace is trace:  # type: ignore[attr-defined]  # exact Ref
                found.append(value._index)  # type: ignore[attr-defined]  # exact Ref
            elif kind not in ATOMS:
                return self._add_slowly(trace, args, kwargs)
        deps = tuple(found) if len(found) < 2 else tuple(sorted(set(found)))
        return cast("R", trace.add(self, self.name, args, None, deps))

    def _add_slowly(self, trace: Trace, args: tuple[object, ...], kwargs: dict[str, Any]) -> R:
        found: set[int] = set()
        who = f"Step {self.name!r}"
        names = self.shape.names
        filled = tuple(
            self._input(trace, value, found, names[position] if position < len(names) else "*")
            for position, value in enumerate(args)
        )
        named = {key: self._input(trace, value, found, key) for key, value in kwargs.items()} or None
        for ref in self.after_refs:
            trace.checked(ref, who, found)
        return cast("R", trace.add(self, self.name, filled, named, tuple(sorted(found))))

    def _input(self, trace: Trace, value: object, found: set[int], parameter: str) -> object:
        before = len(found)
        template = trace.template(value, found, f"Step {self.name!r}, argument {parameter!r},")
        if len(found) > before or isinstance(value, Ref):
            self._check_missing(trace, template, parameter)
        return template

    def _check_missing(self, trace: Trace, template: object, parameter: str) -> None:
        doubtful = sorted(filter(trace.is_doubtful, sources_in(template)))
        if not doubtful:
            return
        is_item = isinstance(template, Source) and trace.may_be_missing(template)
        admits = admits_missing if is_item else admits_missing_inside
        if not admits(self.fn, parameter):
            path = trace.graph.path(doubtful[0])
            wanted = "it" if is_item else "its parts"
            raise DefinitionError(
                f"Step {self.name!r} takes {parameter!r} from {path!r}, which is optional and may hand "
                "on `Missing`, but the parameter's type does not admit it.",
                where=caller_place(),
                mend=f"Annotate {wanted} `… | Missing` and handle that, or give {path!r} a default=.",
            )

    def named(self, name: str) -> Step[P, R]:
        """The same step under another path segment, for a second use in one scope."""
        check_name(name, "A step's name")
        return self._varied(name=name)

    def after(self, *others: object) -> Step[P, R]:
        """The same step, started only after the given Refs or groups have settled; orders without data."""
        refs = tuple(_ref_of(other) for other in others)
        return self._varied(after=(*self.after_refs, *refs))

    def with_options(
        self,
        *,
        timeout: float | None = None,
        within: float | None = None,
        retry: Retry | int | None = None,
        limit: str | tuple[str, ...] | None = None,
    ) -> Step[P, R]:
        """The same step with some rules replaced; what is None stays as declared. Seconds throughout."""
        spec = self.spec
        changed = _spec(
            spec.id,
            where=spec.where,
            timeout=spec.timeout if timeout is None else timeout,
            within=spec.within if within is None else within,
            retry=spec.retry if retry is None else retry,
            limit=spec.limits if limit is None else limit,
            optional=spec.optional,
            has_default=spec.has_default,
        )
        return self._varied(spec=changed)

    def map(self, xs: Iterable[object], /, **fixed: object) -> list[R]:
        """One use of the step an item of `xs`, each started as soon as its own item exists.

        `xs` is a list of values and Refs, or a Ref to a list; items go to the step's first parameter, `fixed`
        to the others. The result stands for the list of results in input order; ``[]`` succeeds at once.
        Mapping over a map's result wires item to item, without waiting for the whole list.
        """
        trace = active_trace.get()
        if trace is None:
            raise self._outside()
        self._bind((None,), fixed)
        return cast("list[R]", self._add_map(trace, xs, fixed))

    def _add_map(self, trace: Trace, xs: object, fixed: dict[str, object]) -> Ref:
        found: set[int] = set()
        template = {key: self._input(trace, value, found, key) for key, value in fixed.items()} or None
        for ref in self.after_refs:
            trace.checked(ref, f"Step {self.name!r}", found)
        child_after = tuple(sorted(found))
        source, items, deps = self._items(trace, xs)
        default = (self.default_value(),) if self.spec.optional and self.spec.has_default else ()
        rule = MapSpec(self.spec, source, template, child_after, _shape_of(trace.graph, source), default)
        anchor = StepSpec(id=self.name, role=Role.MAP)
        ref = trace.add_map(anchor, self.name, rule, self, deps)
        if items is not None:
            fragment = map_fragment(self.spec, items, template, child_after, default)
            trace.graph.grow(ref._index, fragment)
        return ref

    def _items(self, trace: Trace, xs: object) -> tuple[object, list[object] | None, tuple[int, ...]]:
        """(source, items if they are known now, what the anchor waits for)."""
        found: set[int] = set()
        if isinstance(xs, Ref):
            ref = trace.checked(xs, f"Step {self.name!r}.map", found)
            self._check_items(trace, ref)
            known = trace.graph.children.get(ref._index)
            if known is not None and not ref._projection:
                return ref, [Ref(trace, child) for child in known], ()
            return ref, None, (ref._index,)
        if isinstance(xs, _NO_LISTS) or not isinstance(xs, Iterable):
            raise DefinitionError(
                f"Step {self.name!r}.map got {type(xs).__name__}; it takes a list of items or a Ref to one.",
                where=caller_place(),
                mend="Wrap a single value in a list; map over d.items() of a dict, over sorted(s) of a set.",
            )
        return None, [self._input(trace, item, found, self._item_parameter()) for item in xs], ()

    def _item_parameter(self) -> str:
        return self.shape.names[0] if self.shape.names else "*"

    def _check_items(self, trace: Trace, ref: Ref) -> None:
        is_loose = trace.may_hold_missing(ref) and not admits_missing(self.fn, self._item_parameter())
        if trace.may_be_missing(ref) or is_loose:
            raise DefinitionError(
                f"Step {self.name!r}.map takes items from {trace.graph.path(ref._index)!r}, "
                "which may hand on `Missing`.",
                where=caller_place(),
                mend="Give that step a default=, or annotate this step's first parameter `… | Missing`.",
            )

    def default_value(self) -> object:
        """A fresh default for one use. Raises DefinitionError for one that cannot be journaled."""
        return _kept_default(self.name, None if self.factory is None else self.factory())

    def _varied(
        self, *, name: str | None = None, spec: StepSpec | None = None, after: tuple[Ref, ...] | None = None
    ) -> Step[P, R]:
        other: Step[P, R] = Step(self.fn, spec or self.spec, self.shape, self.factory)
        other.name = name or self.name
        other.after_refs = self.after_refs if after is None else after
        return other

    def _bind(self, args: tuple[object, ...], kwargs: dict[str, Any]) -> None:
        try:
            self.shape.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise DefinitionError(
                f"Step {self.name!r} was called with wrong arguments: {error}.",
                where=caller_place(),
                mend=f"It takes {self.shape.signature}.",
            ) from None

    def _outside(self) -> DefinitionError:
        return DefinitionError(
            f"Step {self.name!r} was called outside a workflow's body; nothing was run.",
            where=caller_place(),
            mend=f"Call it inside a @workflow function, or call the plain function: {self.name}.fn(…).",
        )


AnyStep = Step[Any, Any]


def _shape_of(graph: Graph, source: object) -> int | None:
    if isinstance(source, Source) and not source._projection and source._index in graph.maps:
        return source._index
    return None


def _ref_of(other: object) -> Ref:
    if isinstance(other, Ref):
        return other
    if isinstance(other, Group):
        return other.gate
    raise DefinitionError(
        f".after() takes Refs and groups, not {type(other).__name__}.",
        where=caller_place(),
        mend="Pass what a step call or `with group(…) as g` gave.",
    )


# -------------------------------------------------------------------- declaring


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
    executor: Literal["loop", "thread"] | None = ...,
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
    executor: Literal["loop", "thread"] | None = ...,
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
    executor: Literal["loop", "thread"] | None = ...,
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
    executor: Literal["loop", "thread"] | None = ...,
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
    executor: Literal["loop", "thread"] | None = None,
    optional: bool = False,
    default: Any = _UNSET,
    default_factory: Any = _UNSET,
) -> Any:
    """Make a function a step.

    `timeout` (seconds) bounds one attempt, `within` all of them. `retry` is a `Retry` or a number of
    attempts. `limit` names one or more of the engine's limits. `async def` runs on the event loop, `def` on a
    thread; `inline=True` is for small synchronous glue that is run by the engine itself, without a permit. An
    `optional=True` step that finally fails hands on `default`, what `default_factory()` makes, or `Missing`.
    `id` replaces the function's name in paths.

    Raises DefinitionError for options that contradict each other.
    """

    def declare(function: Callable[..., Any]) -> AnyStep:
        _check_function(function)
        factory = _factory(function, optional, default, default_factory)
        where = _where(function, inline=inline, executor=executor)
        spec = _spec(
            check_name(getattr(function, "__name__", None) if id is None else id, "A step's id"),
            where=where,
            timeout=timeout,
            within=within,
            retry=retry,
            limit=limit,
            optional=optional,
            has_default=factory is not None,
        )
        return Step(function, spec, _shape(function), factory)

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


def _spec(
    step_id: str,
    *,
    where: Where,
    timeout: float | None,
    within: float | None,
    retry: Retry | int | None,
    limit: str | tuple[str, ...] | None,
    optional: bool,
    has_default: bool,
) -> StepSpec:
    for name, seconds in (("timeout", timeout), ("within", within)):
        if seconds is not None and not is_length(seconds):
            raise DefinitionError(
                f"Step {step_id!r}: {name}={seconds!r}; give seconds above 0.", where=caller_place()
            )
    limits = _limits(step_id, limit)
    rule = _rule(step_id, retry)
    if where is Where.INLINE and (timeout or within or limits or rule.attempts > 1):
        raise DefinitionError(
            f"Step {step_id!r} is inline: it takes no time and no permit.",
            where=caller_place(),
            mend="Drop timeout=, within=, retry= and limit=, or drop inline=True.",
        )
    return StepSpec(
        id=step_id,
        where=where,
        timeout=timeout,
        within=within,
        retry=rule,
        optional=optional,
        has_default=has_default,
        limits=limits,
    )


def _limits(step_id: str, limit: object) -> tuple[str, ...]:
    names = (limit,) if isinstance(limit, str) else () if limit is None else limit
    if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) and name for name in names):
        raise DefinitionError(
            f"Step {step_id!r}: limit={limit!r}; give the name of one of the engine's limits, or several.",
            where=caller_place(),
        )
    return tuple(dict.fromkeys(names))


def _rule(step_id: str, retry: object) -> Retry:
    if retry is None:
        return NO_RETRY
    if isinstance(retry, Retry):
        return retry
    if isinstance(retry, int) and not isinstance(retry, bool):
        return Retry(attempts=retry)
    raise DefinitionError(
        f"Step {step_id!r}: retry={retry!r}; give a Retry(…) or a number of attempts.", where=caller_place()
    )


def _where(function: Callable[..., Any], *, inline: bool, executor: str | None) -> Where:
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
    if inline:
        if is_async:
            raise _contradiction(function, "inline=True needs a plain `def`: inline glue awaits nothing.")
        if executor is not None:
            raise _contradiction(function, "inline=True runs in the engine itself: drop executor=.")
        return Where.INLINE
    if executor not in (None, "loop", "thread"):
        raise _contradiction(function, f"executor={executor!r} is unknown; known: 'loop', 'thread'.")
    if executor == "thread" and is_async:
        raise _contradiction(function, "executor='thread' needs a plain `def`.")
    if executor == "loop" and not is_async:
        raise _contradiction(
            function, "executor='loop' needs `async def`; a plain `def` would block the loop."
        )
    return Where.LOOP if is_async else Where.THREAD


def _factory(
    function: Callable[..., Any], optional: bool, default: Any, factory: Any
) -> Callable[[], object] | None:
    if default is _UNSET and factory is _UNSET:
        return None
    if not optional:
        raise _contradiction(function, "default= and default_factory= belong to optional=True.")
    if default is not _UNSET and factory is not _UNSET:
        raise _contradiction(function, "give default= or default_factory=, not both.")
    if factory is not _UNSET:
        if not callable(factory):
            raise _contradiction(function, "default_factory= takes a function; for a value use default=.")
        return cast("Callable[[], object]", factory)
    kept = _kept_default(getattr(function, "__name__", repr(function)), default)
    return lambda: kept


def _kept_default(step_id: str, value: object) -> object:
    try:
        return snapshot(value)
    except ValueEncodingError as error:
        raise DefinitionError(
            f"Step {step_id!r}: its default cannot be journaled: {error}.",
            where=caller_place(),
            mend="Give plain data, or leave the default out and handle `Missing`.",
        ) from None


def _shape(function: Callable[..., Any]) -> _Shape:
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise _contradiction(function, "it is a generator; return a list instead.")
    full = inspect.signature(function)
    resources = {
        name: parameter.default
        for name, parameter in full.parameters.items()
        if isinstance(parameter.default, FromEngine)
    }
    kept = [parameter for name, parameter in full.parameters.items() if name not in resources]
    _check_resources(function, full, resources)
    signature = replace_parameters(full, kept)
    positional = [p for p in kept if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required_names = [p for p in kept if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    has_rest = any(p.kind is p.VAR_POSITIONAL for p in kept)
    least = sum(p.default is p.empty for p in positional)
    # A required keyword-only parameter is missing from every call without keywords: leave that to bind().
    most = -1 if required_names else (1 << 30 if has_rest else len(positional))
    return _Shape(tuple(p.name for p in positional), least, most, signature, resources)


def _check_resources(
    function: Callable[..., Any], signature: inspect.Signature, resources: dict[str, FromEngine]
) -> None:
    """A resource is passed by keyword: none may stand where a caller's positional argument would land."""
    parameters = list(signature.parameters.values())
    for position, parameter in enumerate(parameters):
        behind = [each for each in parameters[position + 1 :] if each.name not in resources]
        is_in_the_way = any(each.kind <= each.VAR_POSITIONAL for each in behind)
        if parameter.name in resources and (parameter.kind is parameter.POSITIONAL_ONLY or is_in_the_way):
            raise _contradiction(
                function, f"put the resource {parameter.name!r} last, or behind `*`: it is passed by keyword."
            )


def replace_parameters(signature: inspect.Signature, kept: list[inspect.Parameter]) -> inspect.Signature:
    """The signature as callers in a workflow see it: without resources."""
    return signature.replace(parameters=kept)


def _contradiction(function: Callable[..., Any], what: str) -> DefinitionError:
    code = getattr(function, "__code__", None)
    where = function_place(code) if code is not None else None
    return DefinitionError(f"Step {getattr(function, '__name__', function)!r}: {what}", where=where)
