"""`Step`: a declared function, and how using it in a workflow's body adds to the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, cast

from stretto.authoring.group import Group
from stretto.authoring.missing_check import admits_missing, admits_missing_inside
from stretto.authoring.names import check_name
from stretto.authoring.place import caller_place
from stretto.authoring.ref import Ref
from stretto.authoring.rules import kept_default, spec_of
from stretto.authoring.trace import Trace, active_trace
from stretto.authoring.version import version_of
from stretto.core.graph import MapSpec, Role, Source, StepSpec, map_fragment, sources_in
from stretto.core.graph.source import LOCAL
from stretto.core.values.atoms import ATOMS
from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from stretto.authoring.signature import Shape
    from stretto.core.policy import OnLost, Retry

__all__ = ["AnyStep", "Step"]

P = ParamSpec("P")
R = TypeVar("R")

_NO_LISTS = (str, bytes, dict, set, frozenset)  # iterable, but never meant, or in no order


class Step(Generic[P, R]):
    """A function that workflows can use. `fn` is the plain function; calling the step in a workflow's body
    gives a `Ref` (typed as the result it stands for, so that editors and mypy understand the body)."""

    __slots__ = (
        "__dict__",
        "__weakref__",
        "after_refs",
        "declared_version",
        "factory",
        "fn",
        "name",
        "shape",
        "spec",
    )

    def __init__(
        self,
        fn: Callable[P, object],
        spec: StepSpec,
        shape: Shape,
        factory: Callable[[], object] | None,
        version: str | None = None,
    ) -> None:
        self.fn = fn
        self.spec = spec
        self.name = spec.id
        self.shape = shape
        self.factory = factory
        self.declared_version = version
        self.after_refs: tuple[Ref, ...] = ()
        self.__doc__ = fn.__doc__

    def __repr__(self) -> str:
        return f"<Step {self.name}>"

    @property
    def version(self) -> str | None:
        """What its code was declared to be, or a hash of it; None where there is no source to read."""
        return version_of(self.fn, self.declared_version)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Use the step in a workflow's body. Outside one this runs nothing and raises DefinitionError."""
        trace = active_trace.get()
        if trace is None:
            raise self._outside()
        shape = self.shape
        if kwargs or not shape.least <= len(args) <= shape.most:
            self._bind(args, kwargs)
        if kwargs or self.after_refs or not trace.is_plain:
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
        names = self.shape.names
        filled = tuple(
            self._input(trace, value, found, names[position] if position < len(names) else "*")
            for position, value in enumerate(args)
        )
        named = {key: self._input(trace, value, found, key) for key, value in kwargs.items()} or None
        self._add_after(trace, found)
        return cast("R", trace.add(self, self.name, filled, named, tuple(sorted(found))))

    def _add_after(self, trace: Trace, found: set[int]) -> None:
        for ref in self.after_refs:
            found.add(trace.waited_for(ref, f"Step {self.name!r}"))

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
            path = trace.path(doubtful[0])
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
        on_lost: OnLost | Literal["retry", "ask", "fail"] | None = None,
    ) -> Step[P, R]:
        """The same step with some rules replaced; what is None stays as declared. Seconds throughout."""
        spec = self.spec
        changed = spec_of(
            spec.id,
            where=spec.where,
            timeout=spec.timeout if timeout is None else timeout,
            within=spec.within if within is None else within,
            retry=spec.retry if retry is None else retry,
            limit=spec.limits if limit is None else limit,
            optional=spec.optional,
            has_default=spec.has_default,
            reads=spec.reads,
            writes=spec.writes,
            memory=spec.memory,
            on_lost=spec.on_lost if on_lost is None else on_lost,
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
        self._add_after(trace, found)
        source, items, deps = self._items(trace, xs)
        spec = self.spec
        order = trace.ordered(spec.reads, spec.writes, ())
        if order and items == []:
            source, items = [], None  # without a use that waits its turn the anchor has to
        if items is None:
            deps = tuple(sorted({*deps, *order}))
        else:
            found.update(order)
        after = tuple(sorted(found))
        default = (self.default_value(),) if spec.optional and spec.has_default else ()
        rule = MapSpec(spec, source, template, after, _shape_of(trace, source), default)
        anchor = StepSpec(id=self.name, role=Role.MAP, reads=spec.reads, writes=spec.writes)
        ref = trace.add_map(anchor, self.name, rule, self, deps)
        if items is not None:
            fragment = map_fragment(spec, items, template, after, default)
            trace.graph.grow(ref._index & LOCAL, fragment)
        return ref

    def _items(self, trace: Trace, xs: object) -> tuple[object, list[object] | None, tuple[int, ...]]:
        """(source, items if they are known now, what the anchor waits for)."""
        found: set[int] = set()
        if isinstance(xs, Ref):
            ref = trace.checked(xs, f"Step {self.name!r}.map")
            self._check_items(trace, ref)
            known = trace.children_of(ref) if trace.is_map(ref) else None
            if known is not None and not ref._projection:
                return ref, list(known), ()
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
                f"Step {self.name!r}.map takes items from {trace.path(ref._index)!r}, "
                "which may hand on `Missing`.",
                where=caller_place(),
                mend="Give that step a default=, or annotate this step's first parameter `… | Missing`.",
            )

    def default_value(self) -> object:
        """A fresh default for one use. Raises DefinitionError for one that cannot be journaled."""
        return kept_default(self.name, None if self.factory is None else self.factory())

    def _varied(
        self, *, name: str | None = None, spec: StepSpec | None = None, after: tuple[Ref, ...] | None = None
    ) -> Step[P, R]:
        other: Step[P, R] = object.__new__(
            type(self)
        )  # `copy` takes 2 µs longer, once a step of a large graph
        other.__dict__ = self.__dict__  # shared: nothing is ever set on a step after it was declared
        other.fn, other.shape, other.factory = self.fn, self.shape, self.factory
        other.declared_version = self.declared_version
        other.spec = spec or self.spec
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


def _shape_of(trace: Trace, source: object) -> int | None:
    if isinstance(source, Source) and not source._projection and trace.is_map(source):
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
