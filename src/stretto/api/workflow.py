"""`@workflow`: a function whose body wires steps together, and the ways to run it."""

from __future__ import annotations

from copy import copy
from inspect import Parameter
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from stretto.api.engine import Engine
from stretto.authoring.names import check_name
from stretto.authoring.nested import Nested
from stretto.authoring.place import caller_place
from stretto.authoring.rules import names_of
from stretto.authoring.step import Step
from stretto.authoring.workflow import Definition, Traced
from stretto.core.policy.numbers import is_count, is_length
from stretto.errors import DefinitionError, StrettoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stretto.api.result import RunResult
    from stretto.core.limits import Budget
    from stretto.core.policy import OnFailure
    from stretto.ports import Observer
    from stretto.runtime.engine.driver import RunDriver

__all__ = ["Workflow", "workflow"]

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Workflow(Generic[P, R_co]):
    """A workflow: `run` it, `await` its `arun`, or look at its graph with `trace`."""

    def __init__(
        self,
        definition: Definition,
        *,
        within: float | None,
        example: Mapping[str, object] | None,
        engine: Engine | None,
        options: Mapping[str, Any],
        reads: tuple[str, ...] = (),
        writes: tuple[str, ...] = (),
    ) -> None:
        self.definition = definition
        self.within = within
        self.example = example
        self._engine = engine
        self._options = dict(options)
        self._reads = reads
        self._writes = writes
        self._nested: Nested[P, R_co] | None = None
        self.__doc__ = definition.fn.__doc__
        self.__name__ = definition.name

    def __repr__(self) -> str:
        return f"<Workflow {self.name}>"

    @property
    def name(self) -> str:
        """The workflow's declared name."""
        return self.definition.name

    @property
    def engine(self) -> Engine:
        """The engine it runs on: the one given, or its own, made when first needed."""
        if self._engine is None:
            self._engine = Engine()
        return self._engine

    @property
    def is_sequential(self) -> bool:
        """Whether its runs go one step at a time, in author order."""
        return bool(self._options.get("sequential"))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Use it as a step of another workflow, in that one's body; run options do not count there.

        Given plain inputs, its steps stand in the outer graph from the start; given Refs, its body is traced
        when their values exist. Outside a body this raises DefinitionError: a workflow is run, not called.
        """
        return self.as_step()(*args, **kwargs)

    def as_step(self) -> Step[P, R_co]:
        """The workflow as a step of others: for `.map`, and as a capability of `expand`."""
        if self._nested is None:
            self._nested = Nested(self.definition, within=self.within, reads=self._reads, writes=self._writes)
        return self._nested

    def named(self, name: str) -> Step[P, R_co]:
        """The workflow as a step under another path segment, for a second use in one scope."""
        return self.as_step().named(name)

    def after(self, *others: object) -> Step[P, R_co]:
        """The workflow as a step that starts only after the given Refs or groups have settled."""
        return self.as_step().after(*others)

    def map(self, xs: Iterable[object], /, **fixed: object) -> list[R_co]:
        """One use of the workflow an item of `xs`; see `Step.map`."""
        return self.as_step().map(xs, **fixed)

    def with_options(
        self,
        *,
        engine: Engine | None = None,
        within: float | None = None,
        on_failure: OnFailure | str | None = None,
        max_concurrency: int | None = None,
        budget: Budget | None = None,
        sequential: bool | None = None,
        suspend_deadlines: bool | None = None,
        run_id: str | None = None,
        key: str | None = None,
        leaves_waiting: bool | None = None,
        observers: Sequence[Observer] | None = None,
    ) -> Workflow[P, R_co]:
        """The same workflow with run options; what is None stays. They are never among a run's inputs.

        `sequential` runs one step at a time in author order. `suspend_deadlines` leaves out the run's and
        groups' `within`: what `bench` and `demo` do to compare both modes. `run_id` names the next run. `budget` is
        what a run may spend.

        On an engine with a store, `key` makes starting idempotent: a run of a key that is known is that run, gone on
        with if need be. `leaves_waiting` leaves a run that only people or events can move in the store.
        """
        given = {
            "on_failure": on_failure,
            "max_concurrency": max_concurrency,
            "budget": budget,
            "sequential": sequential,
            "suspend_deadlines": suspend_deadlines,
            "run_id": run_id,
            "key": key,
            "leaves_waiting": leaves_waiting,
            "observers": observers,
        }
        options = {**self._options, **{key: value for key, value in given.items() if value is not None}}
        other = copy(self)  # whatever its class adds stays
        other.within = self.within if within is None else within
        other._engine = engine or self.engine
        other._options = options
        other._nested = None
        return other

    def run(self, *args: P.args, **kwargs: P.kwargs) -> RunResult[R_co]:
        """Run to the end on an event loop of its own. Raises RunError, with the result, if there is no value.

        Inside a running loop this raises at once and names `await x.arun(…)`: there are no nested loops here.
        """
        from stretto.runtime.engine.loop import run_to_end

        self._check_no_loop("run")
        return run_to_end(self.arun(*args, **kwargs))

    def _check_no_loop(self, name: str) -> None:
        import asyncio

        self.definition.check_outside()
        if asyncio._get_running_loop() is not None:
            raise StrettoError(
                f"{self.name}.{name}() was called inside a running event loop; "
                f"write `await {self.name}.a{name}(…)` there."
            )

    async def arun(self, *args: P.args, **kwargs: P.kwargs) -> RunResult[R_co]:
        """Run to the end on the running loop. Raises RunError, with the result, if there is no value."""
        result = await self.aresult(*args, **kwargs)
        if result.status not in ("succeeded", "partial"):
            raise result.to_error()
        return result

    async def aresult(self, *args: P.args, **kwargs: P.kwargs) -> RunResult[R_co]:
        """Like `arun`, but gives the result of a failed, timed out or cancelled run instead of raising."""
        inputs = self.definition.bind(args, kwargs)
        return await self.start(inputs)

    async def start(
        self, inputs: Mapping[str, object], *, started: Callable[[RunDriver], None] | None = None
    ) -> RunResult[R_co]:
        """Run with inputs by name and give the result, whatever its status; `started` gets the run to cancel
        it."""
        options = self._options
        is_suspended = bool(options.get("suspend_deadlines"))
        result = await self.engine.arun(
            self.definition,
            inputs,
            within=None if is_suspended else self.within,
            on_failure=options.get("on_failure"),
            max_concurrency=options.get("max_concurrency"),
            max_runs=options.get("max_runs"),
            budget=options.get("budget"),
            is_sequential=self.is_sequential,
            suspend_groups=is_suspended,
            run_id=options.get("run_id"),
            key=options.get("key"),
            leaves_waiting=bool(options.get("leaves_waiting")),
            observers=options.get("observers") or (),
            started=started,
        )
        return cast("RunResult[R_co]", result)

    def resume(self, run_id: str, *, adopt: bool = False, release: bool = False) -> RunResult[R_co]:
        """Like `aresume`, to its end on an event loop of its own; raises RunError if there is no value."""
        from stretto.runtime.engine.loop import run_to_end

        self._check_no_loop("resume")
        return run_to_end(self._gone_on(run_id, adopt=adopt, release=release))

    async def _gone_on(self, run_id: str, *, adopt: bool, release: bool) -> RunResult[R_co]:
        result = await self.aresume(run_id, adopt=adopt, release=release)
        if result.status not in ("succeeded", "partial"):
            raise result.to_error()
        return result

    async def aresume(
        self,
        run_id: str,
        *,
        adopt: bool = False,
        release: bool = False,
        started: Callable[[RunDriver], None] | None = None,
    ) -> RunResult[R_co]:
        """Go on with a run of this workflow whose process has ended, and give its result, whatever its status.

        What is finished is kept; what was under way when the process died runs again, as each step's `on_lost`
        says. A run that has ended gives what it had. `adopt` takes today's code where it differs from what the run
        was begun with: results of what is unchanged are kept, the rest runs again. `release` lets go on a run in
        quarantine.

        Raises NotFoundError, RunOwnedError, CodeChangedError, QuarantinedError, RecoveryError, StoreError, and
        ConfigError on an engine without a store.
        """
        options = self._options
        result = await self.engine.aresume(
            self.definition,
            run_id,
            adopt=adopt,
            release=release,
            observers=options.get("observers") or (),
            started=started,
            leaves_waiting=bool(options.get("leaves_waiting")),
        )
        return cast("RunResult[R_co]", result)

    async def afork(
        self,
        run_id: str,
        *,
        start: str | None = None,
        changes: Mapping[str, object] | None = None,
        new_id: str | None = None,
        started: Callable[[RunDriver], None] | None = None,
    ) -> RunResult[R_co]:
        """Run again what a run of this workflow has done, and give the new run's result, whatever its status.

        Steps of the same path, code and inputs take their results from the old run, which stays as it is; from
        the step at path `start` on everything runs again. `changes` replaces inputs by name.

        Raises NotFoundError, InputError, StoreError, and ConfigError on an engine without a store.
        """
        options = self._options
        result = await self.engine.afork(
            self.definition,
            run_id,
            start=start,
            changes=changes,
            new_id=new_id,
            observers=options.get("observers") or (),
            started=started,
            leaves_waiting=bool(options.get("leaves_waiting")),
        )
        return cast("RunResult[R_co]", result)

    def trace(self, *args: P.args, **kwargs: P.kwargs) -> Traced:
        """The graph these inputs give, without running anything."""
        return self.definition.trace(self.definition.bind(args, kwargs))

    def _repr_html_(self) -> str:
        """What a notebook shows: the graph that the example, or the inputs' defaults, give; else what is
        missing."""
        from stretto.report.notebook import framed, told

        needed = _required(self.definition) if self.example is None else []
        if needed:
            return told(
                f"Workflow {self.name} needs inputs before its graph can be drawn: {', '.join(needed)}. "
                "Give some that are typical:",
                "@workflow(example={…})",
            )
        try:
            return framed(self._picture())
        except Exception as error:  # noqa: BLE001  # a body is the user's code; a notebook shows what it raised
            return told(
                f"The graph of workflow {self.name} cannot be drawn:", f"{type(error).__name__}: {error}"
            )

    def _picture(self) -> str:
        from stretto.report.diagram import diagram_of
        from stretto.report.picture import picture

        graph = self.definition.trace(self.definition.bind((), self.example or {})).graph
        estimates = {} if self._engine is None else self._engine.estimates.known
        return picture(diagram_of(graph, self.name, estimates=estimates))


@overload
def workflow(fn: Callable[P, R], /) -> Workflow[P, R]: ...
@overload
def workflow(
    *,
    name: str | None = ...,
    within: float | None = ...,
    example: Mapping[str, object] | None = ...,
    on_failure: OnFailure | str | None = ...,
    max_concurrency: int | None = ...,
    max_runs: int | None = ...,
    reads: str | tuple[str, ...] = ...,
    writes: str | tuple[str, ...] = ...,
    engine: Engine | None = ...,
) -> Callable[[Callable[P, R]], Workflow[P, R]]: ...
def workflow(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    within: float | None = None,
    example: Mapping[str, object] | None = None,
    on_failure: OnFailure | str | None = None,
    max_concurrency: int | None = None,
    max_runs: int | None = None,
    reads: str | tuple[str, ...] = (),
    writes: str | tuple[str, ...] = (),
    engine: Engine | None = None,
) -> Any:
    """Make a function a workflow. Its body runs once a run, with the run's plain inputs, to wire steps
    together.

    `within` (seconds) is the run's deadline. `example` holds inputs for looking at the graph without any of
    one's own. `on_failure` and `max_concurrency` replace the engine's. At most `max_runs` runs of it are
    under way at once on one engine; further ones wait in the order they came. `reads` and `writes` name the
    shared things that its steps touch; needed only where it is a step of another workflow and gets a Ref.

    Raises DefinitionError for a body that is not a plain `def`, or a deadline that is not above 0.
    """

    def declare(function: Callable[..., Any]) -> Workflow[Any, Any]:
        label = _label(function, name)
        if within is not None and not is_length(within):
            raise DefinitionError(f"Workflow {label!r}: within={within!r}; give seconds above 0.")
        if max_runs is not None and not is_count(max_runs):
            raise DefinitionError(
                f"Workflow {label!r}: max_runs={max_runs!r}; give a whole number, 1 or more."
            )
        options = {"on_failure": on_failure, "max_concurrency": max_concurrency, "max_runs": max_runs}
        return Workflow(
            Definition(function, name=label),
            within=within,
            example=example,
            engine=engine,
            options=options,
            reads=names_of(label, "reads", reads, "the name of what its steps read, or several"),
            writes=names_of(label, "writes", writes, "the name of what its steps write, or several"),
        )

    return declare if fn is None else declare(fn)


def _required(definition: Definition) -> list[str]:
    """The inputs that have no default."""
    optional = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    parameters = definition.signature.parameters.values()
    return [each.name for each in parameters if each.default is each.empty and each.kind not in optional]


def _label(function: object, name: str | None) -> str:
    if not callable(function):
        raise DefinitionError(
            f"@workflow takes a function, not {type(function).__name__}.",
            where=caller_place(),
            mend="Options go by keyword, a name as `@workflow(name=…)`.",
        )
    if isinstance(function, Step):
        raise DefinitionError(
            f"{function.name!r} is a step, not a function that wires steps.",
            where=caller_place(),
            mend="Leave one of @step and @workflow out.",
        )
    return check_name(getattr(function, "__name__", None) if name is None else name, "A workflow's name")
