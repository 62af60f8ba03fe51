"""`expand`: a plan as data, made while the run is under way, becomes steps."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from stretto.authoring.body import opened
from stretto.authoring.names import check_name
from stretto.authoring.place import caller_place
from stretto.authoring.plan import REF, REPLAN, Planned, PlanProblem, read_plan
from stretto.authoring.signature import Shape
from stretto.authoring.step import Step
from stretto.authoring.trace import Trace
from stretto.core.graph import Role, StepSpec, Where
from stretto.core.graph.source import LOCAL
from stretto.core.journal import facts as kinds
from stretto.core.policy import Failure, describe
from stretto.core.policy.numbers import is_count
from stretto.core.schedule.states import State
from stretto.errors import DefinitionError, PlanError, StrettoError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stretto.authoring.ref import Ref
    from stretto.authoring.step import AnyStep
    from stretto.core.graph import Fragment
    from stretto.ports import Growing

__all__ = ["expand"]


def expand(
    plan: object,
    capabilities: Mapping[str, Step[..., Any]],
    *,
    replan: Step[..., Any] | None = None,
    max_replans: int = 1,
    name: str = "plan",
) -> dict[str, Any]:
    """Carry out `plan`, a list of `PlanStep`s or the like as dicts; gives the results by key, in its order.

    `capabilities` are the steps (and workflows) a plan may use, by the name it calls them. The plan is
    validated whole before any of it starts: an unknown capability, an unknown or missing input, a reference
    forward or to nothing, a key used twice and a circle are told together, with what exists, by a PlanError.
    Each planned step runs under ``plan#1/KEY`` with its own inputs, as soon as those exist.

    With `replan`, a step that takes the plan and a `PlanProblem` and returns a new plan, a plan that is wrong,
    or a step of it that has finally failed, starts a new round (``plan#2/…``), at most `max_replans` times. What
    is left of the old round is cancelled and says so; its results reach the new one only through `PlanProblem`.

    Raises DefinitionError outside a workflow's body and for registries that are none.
    """
    check_name(name, "The name of a plan")
    trace = opened(f"expand {name!r}")
    known = _checked(name, capabilities, replan, max_replans)
    return cast("dict[str, Any]", _Expansion(name, known, replan, max_replans).use(trace, plan))


def _checked(name: str, capabilities: object, replan: object, max_replans: object) -> dict[str, AnyStep]:
    if not isinstance(capabilities, Mapping) or not capabilities:
        raise DefinitionError(
            f"expand {name!r} has no capabilities.",
            where=caller_place(),
            mend="Give a dict of steps by name.",
        )
    for each, step in capabilities.items():
        if not isinstance(step, Step):
            raise DefinitionError(
                f"expand {name!r}: capability {each!r} is {type(step).__name__}, not a step.",
                where=caller_place(),
                mend="Make it a @step; a workflow is passed as `some_workflow.as_step()`.",
            )
        _check_inputs(name, each, step)
    if replan is not None and not isinstance(replan, Step):
        raise DefinitionError(
            f"expand {name!r}: replan= is {type(replan).__name__}, not a step.", where=caller_place()
        )
    if not is_count(max_replans, least=0):
        raise DefinitionError(
            f"expand {name!r}: max_replans={max_replans!r}; give a whole number, 0 or more.",
            where=caller_place(),
        )
    return dict(capabilities)


def _check_inputs(name: str, capability: str, step: AnyStep) -> None:
    """A plan gives inputs by name; a parameter that takes none could never be given."""
    for each in step.shape.signature.parameters.values():
        if each.kind is each.POSITIONAL_ONLY and each.default is each.empty:
            raise DefinitionError(
                f"expand {name!r}: capability {capability!r} takes {each.name!r} by position only; "
                "a plan gives inputs by name.",
                where=caller_place(),
                mend="Take the `/` out of its signature.",
            )


def _takes_plan(plan: object) -> object:
    return plan


class _Expansion(Step[..., Any]):
    """Makes fragments out of plans."""

    def __init__(
        self, name: str, capabilities: dict[str, AnyStep], replan: AnyStep | None, max_replans: int
    ) -> None:
        steps = [*capabilities.values(), *(() if replan is None else (replan,))]
        spec = StepSpec(
            id=name,
            role=Role.GROW,
            where=Where.INLINE,
            reads=tuple(dict.fromkeys(each for step in steps for each in step.spec.reads)),
            writes=tuple(dict.fromkeys(each for step in steps for each in step.spec.writes)),
        )
        shape = Shape(("plan",), 1, 1, inspect.signature(_takes_plan), {})
        super().__init__(cast("Callable[..., object]", _takes_plan), spec, shape, None)
        self.name = name
        self._capabilities = capabilities
        self._replan = replan
        self._max_replans = max_replans

    def use(self, trace: Trace, plan: object) -> Ref:
        """Add the anchor."""
        steps = (*self._capabilities.values(), *(() if self._replan is None else (self._replan,)))
        for step in steps:  # so that the engine checks their limits and resources before the run starts
            trace.functions.setdefault(step.spec, step)
        return cast("Ref", self(plan))

    def grow(self, growing: Growing) -> tuple[Fragment, Mapping[StepSpec, AnyStep]]:
        """The plan's steps, or the step that makes a new plan. Raises PlanError where neither is left."""
        state = _State(growing)
        if state.problems:
            return self._ask_again(state, state.problems)
        planned, problems = read_plan(state.plan, self._capabilities)
        if problems:
            return self._ask_again(state, problems)
        return self._carry_out(state, planned)

    def _carry_out(
        self, state: _State, planned: Sequence[Planned]
    ) -> tuple[Fragment, Mapping[StepSpec, AnyStep]]:
        trace = Trace()
        trace.prefix = f"#{state.round}/"
        try:
            output = trace.wired(lambda: self._wire(planned))
            template = trace.template(output, set(), f"Plan {self.name!r}")
        except StrettoError as error:
            return self._ask_again(state, (_told(error),))
        except Exception as error:
            if not self._may_renew(state):
                raise  # the body of a workflow among the capabilities; its author's error stays what it is
            return self._ask_again(state, (_told(error),))
        trace.close()
        fragment = trace.graph.as_fragment()
        return fragment._replace(output=template, renews=self._may_renew(state)), trace.functions

    def _may_renew(self, state: _State) -> bool:
        return self._replan is not None and state.round <= self._max_replans

    def _wire(self, planned: Sequence[Planned]) -> dict[str, object]:
        refs: dict[str, Any] = {}
        for each in planned:
            step = self._capabilities[each.capability].named(each.key)
            if each.after:
                step = step.after(*(refs[key] for key in each.after))
            refs[each.key] = step(**{name: _filled(value, refs) for name, value in each.inputs.items()})
        return refs

    def _ask_again(
        self, state: _State, problems: tuple[str, ...]
    ) -> tuple[Fragment, Mapping[StepSpec, AnyStep]]:
        if self._replan is None or state.round > self._max_replans:
            raise PlanError(problems)
        trace = Trace()
        trace.prefix = f"#{state.round + 1}/"
        problem = PlanProblem(problems, state.finished)
        replan = self._replan.named(REPLAN)
        ref = cast("Ref", trace.wired(lambda: replan(state.plan, problem)))
        trace.close()
        fragment = trace.graph.as_fragment()
        return fragment._replace(output=None, looks_at=ref._index & LOCAL), trace.functions


class _State:
    """How far an expansion has come: the plan to carry out now, and what went wrong with it."""

    def __init__(self, growing: Growing) -> None:
        self._scheduler = scheduler = growing.scheduler
        graph = scheduler.graph
        self._children = list(graph.children.get(growing.anchor, ()))
        names = [str(graph.names[child]) for child in self._children]
        replans = [
            child for child, name in zip(self._children, names, strict=True) if name.endswith(f"/{REPLAN}")
        ]
        self.round = 1 + len(replans)
        self.plan: object = growing.values.result(replans[-1]) if replans else growing.args[0]
        mark = f"#{self.round}/"
        own = [
            (name.removeprefix(mark), child)
            for child, name in zip(self._children, names, strict=True)
            if name.startswith(mark) and child not in replans
        ]
        self.problems = tuple(
            f"{key!r} failed: {why}" for key, child in own if (why := self._why_lost(child)) is not None
        )
        self.finished = {
            key: growing.values.result(child)
            for key, child in own
            if scheduler.state(child) is State.SUCCEEDED
        }

    def _why_lost(self, child: int) -> str | None:
        """What failed of a planned step; where it was below it, its path, too."""
        root = self._root(child)
        if root is None:
            return None
        why = describe(self._failure(root))
        return why if root == child else f"{why} (in {self._scheduler.graph.path(root)})"

    def _root(self, index: int) -> int | None:
        """The first step that failed, at an anchor or below: the anchor may have been closed before it could
        fail with it."""
        scheduler = self._scheduler
        if scheduler.is_delivered(index):
            return None
        for below in scheduler.graph.children.get(index, ()):
            found = None if below in scheduler.left_out else self._root(below)
            if found is not None:
                return found
        return index if scheduler.state(index) is State.FAILED else None

    def _failure(self, index: int) -> Failure:
        return next(
            data
            for kind, step, _, _, data in reversed(self._scheduler.log)
            if kind == kinds.STEP_FAILED and step == index and isinstance(data, Failure)
        )


def _told(error: Exception) -> str:
    if isinstance(error, DefinitionError):
        return error.what  # its line is the engine's: a plan has none
    return str(error) if isinstance(error, StrettoError) else f"{type(error).__name__}: {error}"


def _filled(template: object, refs: Mapping[str, Any]) -> object:
    if isinstance(template, Mapping):
        if set(template) == {REF} and isinstance(template[REF], str):
            key, *fields = template[REF].split(".")
            found = refs[key]
            for field in fields:
                found = found._narrowed("field", field)
            return found
        return {name: _filled(part, refs) for name, part in template.items()}
    if isinstance(template, (list, tuple)):
        make = getattr(type(template), "_make", type(template))  # a NamedTuple takes its parts one by one
        return make(_filled(part, refs) for part in template)
    return template
