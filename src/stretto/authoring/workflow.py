"""`Definition`: a workflow's function, and how its body becomes a graph."""

from __future__ import annotations

import inspect
from traceback import walk_tb
from typing import TYPE_CHECKING, NamedTuple

from stretto.authoring.body_check import check_body
from stretto.authoring.fields import hand_over
from stretto.authoring.names import RETURN
from stretto.authoring.place import function_place
from stretto.authoring.resource import FromEngine
from stretto.authoring.trace import Trace, active_trace
from stretto.authoring.travel import address_of
from stretto.authoring.version import version_of
from stretto.core.graph import Where, is_projected
from stretto.core.values import snapshot
from stretto.core.values.secret import is_marked
from stretto.errors import DefinitionError, InputError, StrettoError, ValueEncodingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stretto.authoring.step import AnyStep
    from stretto.core.graph import Graph, StepSpec

__all__ = ["Definition", "Traced"]


class Traced(NamedTuple):
    """A body run once: its graph, the code behind each spec, the inputs it was run with, and how it was
    traced."""

    graph: Graph
    functions: dict[StepSpec, AnyStep]
    inputs: dict[str, object]
    by: Trace


class Definition:
    """A workflow as its author declared it."""

    def __init__(self, fn: Callable[..., object], *, name: str) -> None:
        self.fn = fn
        self.name = name
        self.signature = inspect.signature(fn)
        self._is_checked = False
        if (
            inspect.iscoroutinefunction(fn)
            or inspect.isgeneratorfunction(fn)
            or inspect.isasyncgenfunction(fn)
        ):
            raise DefinitionError(
                f"Workflow {name!r} is not a plain `def`.",
                where=self.place,
                mend="Its body only wires steps together and awaits nothing: make the steps `async def`.",
            )
        self._check_parameters()

    @property
    def place(self) -> str | None:
        """``file.py:12``."""
        code = getattr(self.fn, "__code__", None)
        return None if code is None else function_place(code)

    @property
    def version(self) -> str | None:
        """The version of the body's code; None where it has no source."""
        return version_of(self.fn, None)

    def _check_parameters(self) -> None:
        for parameter in self.signature.parameters.values():
            if isinstance(parameter.default, FromEngine):
                raise DefinitionError(
                    f"Workflow {self.name!r} asks for the resource {parameter.name!r}; only steps may.",
                    where=self.place,
                    mend="Make `from_engine()` the default of a parameter of the step that uses it.",
                )
            if is_marked(parameter.annotation):
                raise DefinitionError(
                    f"Parameter {parameter.name!r} of workflow {self.name!r} is marked with Secret().",
                    where=self.place,
                    mend="Only fields are. Make it a pydantic SecretStr, which stays one on its way through the steps.",
                )

    def bind(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> dict[str, object]:
        """The inputs by name, defaults applied, as snapshots. Raises InputError."""
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise InputError(
                f"Workflow {self.name!r} was given wrong inputs: {error}. It takes {self.signature}."
            ) from None
        bound.apply_defaults()
        return {name: self._input(name, value) for name, value in bound.arguments.items()}

    def _input(self, name: str, value: object) -> object:
        try:
            return snapshot(value)
        except ValueEncodingError as error:
            raise InputError(
                f"Input {name!r} of workflow {self.name!r} cannot be journaled: {error}. "
                "Pass plain data; live objects are resources: Engine(resources={…})."
            ) from None

    def check_outside(self) -> None:
        """Raises DefinitionError inside a workflow's body, which nothing can be run in."""
        if active_trace.get() is not None:
            raise DefinitionError(
                f"Workflow {self.name!r} was run inside another workflow's body.",
                where=self.place,
                mend=f"Use it as a step there: {self.name}(…).",
            )

    def trace(self, inputs: Mapping[str, object]) -> Traced:
        """Run the body once with plain inputs. Raises DefinitionError for whatever a body may not do."""
        self.check_outside()
        return self._traced(Trace(), inputs)

    def trace_inside(self, inputs: Mapping[str, object], around: Trace) -> Traced:
        """The same for a workflow that stands inside another's body."""
        trace = Trace(around=around)
        trace.check_depth(f"Workflow {self.name!r}")
        return self._traced(trace, inputs)

    def _traced(self, trace: Trace, inputs: Mapping[str, object]) -> Traced:
        if not self._is_checked:
            check_body(self.fn, self.name)
            self._is_checked = True
        token = active_trace.set(trace)
        try:
            output = self._call(inputs)
        finally:
            active_trace.reset(token)
        self._check_groups(trace)
        for spec, step in trace.functions.items():
            if spec.where is Where.PROCESS:
                address_of(step)
        trace.graph.output = self._output(trace, output)
        trace.close()
        return Traced(trace.graph, trace.functions, dict(inputs), trace)

    def _check_groups(self, trace: Trace) -> None:
        if trace.group is not None:
            raise DefinitionError(
                f"In workflow {self.name!r} the block of group {trace.graph.groups[trace.group].name!r} "
                "did not come to its end.",
                where=self.place,
                mend="Use `with group(…)`, and let errors inside it pass.",
            )

    def _call(self, inputs: Mapping[str, object]) -> object:
        copies = {name: snapshot(value) for name, value in inputs.items()}
        bound = self.signature.bind_partial()
        bound.arguments.update(copies)
        try:
            return self.fn(*bound.args, **bound.kwargs)
        except StrettoError:
            raise
        except Exception as error:
            if self._is_forward_reference(error):
                raise self._forward_reference(error) from None
            # The author's own error stays what it is; only its place is added.
            error.add_note(
                f"In the body of workflow {self.name!r} ({self._place_of(error)}); no step has run."
            )
            raise

    def _is_forward_reference(self, error: Exception) -> bool:
        """A name read before its assignment, in the body or, through a closure, in a function inside it."""
        code = getattr(inspect.unwrap(self.fn), "__code__", None)
        inner = () if code is None else code.co_cellvars
        return isinstance(error, UnboundLocalError) or (isinstance(error, NameError) and error.name in inner)

    def _place_of(self, error: Exception) -> str:
        """The innermost line of the body's own file that the error passed through."""
        frames = [(frame.f_code, line) for frame, line in walk_tb(error.__traceback__)]
        code = getattr(inspect.unwrap(self.fn), "__code__", None)
        own = [(each, line) for each, line in frames if code and each.co_filename == code.co_filename]
        return function_place(*(own or frames)[-1])

    def _forward_reference(self, error: Exception) -> DefinitionError:
        return DefinitionError(
            f"In workflow {self.name!r} a name is used before it is assigned: {error}.",
            where=self._place_of(error),
            mend="Call the step that makes it first: a step waits for steps above it, never in a circle.",
        )

    def _output(self, trace: Trace, output: object) -> object:
        found: set[int] = set()
        template = trace.template(output, found, f"Workflow {self.name!r}, return value,")
        if not is_projected(template):
            return template
        return trace.add(hand_over, RETURN, (template,), None, tuple(sorted(found)))
