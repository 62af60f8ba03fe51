"""`Nested`: a workflow used as a step of another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, ParamSpec, Protocol, TypeVar, cast, runtime_checkable

from stretto.authoring.place import caller_place
from stretto.authoring.signature import shape_of
from stretto.authoring.step import Step
from stretto.authoring.trace import active_trace
from stretto.core.graph import Role, StepSpec, Where
from stretto.core.graph.source import LOCAL
from stretto.core.policy.numbers import is_length
from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.authoring.ref import Ref
    from stretto.authoring.step import AnyStep
    from stretto.authoring.trace import Trace
    from stretto.authoring.workflow import Definition
    from stretto.core.graph import Fragment
    from stretto.core.policy import OnLost, Retry
    from stretto.ports import Growing

__all__ = ["Grower", "Nested", "check_declared"]

P = ParamSpec("P")
R = TypeVar("R")


@runtime_checkable
class Grower(Protocol):
    """A step that makes a fragment instead of a value."""

    def grow(self, growing: Growing) -> tuple[Fragment, Mapping[StepSpec, AnyStep]]:
        """The fragment, and the steps behind its specs."""


class Nested(Step[P, R]):
    """Given plain inputs, its body is traced with the outer one and its steps stand in the graph from the start.

    Given Refs, its body is traced when their values exist, with these as plain inputs. Either way its steps'
    paths begin with its name, and its `within` bounds all of them.
    """

    def __init__(
        self, definition: Definition, *, within: float | None, reads: tuple[str, ...], writes: tuple[str, ...]
    ) -> None:
        spec = StepSpec(
            id=definition.name,
            role=Role.GROW,
            where=Where.INLINE,
            within=within,
            reads=reads,
            writes=writes,
        )
        super().__init__(definition.fn, spec, shape_of(definition.fn), None)
        self.definition = definition

    def __repr__(self) -> str:
        return f"<Nested {self.name}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Use the workflow in another's body. Outside one this runs nothing and raises DefinitionError."""
        trace = active_trace.get()
        if trace is None:
            raise self._outside()
        self._bind(args, kwargs)
        if not self._is_plain(trace, args, kwargs):
            return super().__call__(*args, **kwargs)
        inner = self.definition.trace_inside(self.definition.bind(args, kwargs), trace).by
        ref = cast("Ref", Step.__call__(self._touching(inner), *args, **kwargs))
        if not trace.graph.deps[ref._index & LOCAL]:
            trace.grow_known(ref, inner)
        return cast("R", ref)

    def with_options(
        self,
        *,
        timeout: float | None = None,
        within: float | None = None,
        retry: Retry | int | None = None,
        limit: str | tuple[str, ...] | None = None,
        on_lost: OnLost | Literal["retry", "ask", "fail"] | None = None,
    ) -> Step[P, R]:
        """The same workflow with another deadline, in seconds; what else a step may have belongs to its steps.

        Raises DefinitionError.
        """
        if any(option is not None for option in (timeout, retry, limit, on_lost)):
            raise DefinitionError(
                f"Workflow {self.name!r} has no attempts of its own: timeout=, retry=, limit= and on_lost= belong to "
                "its steps.",
                where=caller_place(),
                mend="Give them there; within= bounds the workflow.",
            )
        if within is not None and not is_length(within):
            raise DefinitionError(
                f"Workflow {self.name!r}: within={within!r}; give seconds above 0.", where=caller_place()
            )
        return self if within is None else self._varied(spec=replace(self.spec, within=within))

    def _is_plain(self, trace: Trace, args: tuple[object, ...], kwargs: Mapping[str, object]) -> bool:
        found: set[int] = set()
        for value in (*args, *kwargs.values()):
            trace.template(value, found, f"Workflow {self.name!r}")
        return not found

    def _touching(self, inner: Trace) -> Step[P, R]:
        """The same with all that its steps read and write."""
        reads, writes = inner.touched
        spec = self.spec
        merged = replace(
            spec,
            reads=tuple(dict.fromkeys((*spec.reads, *reads))),
            writes=tuple(dict.fromkeys((*spec.writes, *writes))),
        )
        return (
            self if (merged.reads, merged.writes) == (spec.reads, spec.writes) else self._varied(spec=merged)
        )

    def grow(self, growing: Growing) -> tuple[Fragment, Mapping[StepSpec, AnyStep]]:
        """The body, traced with values. Raises what the body raises."""
        inputs = self.definition.bind(tuple(growing.args), growing.kwargs)
        traced = self.definition.trace(inputs)
        check_declared(self.spec, traced.by.touched, f"Workflow {self.name!r}")
        return traced.graph.as_fragment(), traced.functions

    def _outside(self) -> DefinitionError:
        return DefinitionError(
            f"Workflow {self.name!r} was called like a function.",
            where=caller_place(),
            mend=f"Use {self.name}.run(…), or `await {self.name}.arun(…)` inside a running event loop.",
        )


def check_declared(spec: StepSpec, touched: tuple[tuple[str, ...], tuple[str, ...]], what: str) -> None:
    """Raises DefinitionError if steps that come to light only now touch what was not declared before: others
    may have been ordered wrongly already."""
    reads, writes = touched
    extra = [*(set(writes) - {*spec.writes}), *(set(reads) - {*spec.reads, *spec.writes})]
    if extra:
        names = ", ".join(map(repr, sorted(set(extra))))
        raise DefinitionError(
            f"{what} has steps that read or write {names}, which was not known before its inputs were.",
            mend="Declare it where it is defined: @workflow(reads=(…), writes=(…)).",
        )
