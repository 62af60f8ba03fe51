"""`repeat`: a body again and again, until a step says that it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar, cast

from stretto.authoring.body import opened
from stretto.authoring.fields import hand_over_fields
from stretto.authoring.names import check_name
from stretto.authoring.place import caller_place
from stretto.authoring.ref import Ref
from stretto.authoring.trace import Trace
from stretto.core.graph import Loop, Role, Source, StepSpec, Where
from stretto.core.graph.source import LOCAL, STATE
from stretto.core.policy.numbers import is_count
from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["repeat"]

S = TypeVar("S")


def repeat(
    body: Callable[[S], S],
    start: S,
    *,
    until: Callable[[S], bool],
    max_rounds: int,
    on_exhausted: Literal["fail", "last"] = "fail",
    name: str | None = None,
) -> S:
    """Run `body` on `start`, then on its own result, until `until` is true of that; gives the last result.

    `body` is a step, or a function of one parameter that wires steps and may use Refs from around it; it is
    wired once and grows once a round, under paths such as ``review#2/critic``. The loop is called as its body,
    and ``repeat`` where that is a lambda, unless `name` says otherwise. `until` is a step, or a function
    that wires one, which returns True or False. A round begins as soon as the verdict on the one before is
    there. After `max_rounds` rounds without True the run fails with RoundsExhaustedError, or, with
    ``on_exhausted="last"``, goes on with the last result.

    Raises DefinitionError outside a workflow's body and for bodies that could not come to an end.
    """
    _check_wires("its body", body, "some_step")
    _check_wires("until=", until, "a_step_that_returns_a_bool")
    label = check_name(_name_of(body) if name is None else name, "The name of a loop")
    _check(label, max_rounds, on_exhausted)
    trace = opened(f"repeat {label!r}")
    found: set[int] = set()
    template = trace.template(start, found, f"repeat {label!r}")
    inner = Trace(trace)
    inner.check_depth(f"repeat {label!r}")
    output, verdict = inner.wired(lambda: _round(inner, body, until, label))
    if trace.is_maybe(template) or inner.is_maybe(output):
        raise DefinitionError(
            f"repeat {label!r} may hand `Missing` from one round to the next.",
            where=caller_place(),
            mend="Give the optional step a default=.",
        )
    inner.close()
    inner.graph.output = output
    reads, writes = inner.touched
    spec = StepSpec(id=label, role=Role.REPEAT, where=Where.INLINE, reads=reads, writes=writes)
    ref = trace.add_anchor(spec, label, (), ())
    body_ = inner.graph.as_fragment()
    loop = Loop(body_, template, verdict, max_rounds, on_exhausted == "last")
    trace.graph.bodies[ref._index & LOCAL] = loop
    return cast("S", ref)


def _round(
    inner: Trace, body: Callable[[S], S], until: Callable[[S], bool], label: str
) -> tuple[object, Source]:
    who = f"repeat {label!r}"
    state = cast("S", inner.ref(STATE))
    given = body(state)
    inner.check_groups()
    output = inner.template(given, set(), f"{who}, result,")
    verdict: object = until(given)
    if not isinstance(verdict, Ref) or verdict._trace is not inner or verdict._index & LOCAL == STATE:
        raise DefinitionError(
            f"{who}: until= gave {type(verdict).__name__}, which no step of the round has made.",
            where=caller_place(),
            mend="Pass a step that takes the result and returns True or False.",
        )
    if inner.may_be_missing(verdict):
        raise DefinitionError(
            f"{who}: the step that says whether it is done is optional.",
            where=caller_place(),
            mend="Give it a default=, or make it required.",
        )
    return hand_over_fields(inner, output), Source(verdict._index, verdict._projection)


def _name_of(body: object) -> object:
    found = getattr(body, "name", getattr(body, "__name__", "<lambda>"))
    return "repeat" if found == "<lambda>" else found


def _check_wires(what: str, given: object, example: str) -> None:
    if isinstance(given, Ref) or not callable(given):
        raise DefinitionError(
            f"repeat: {what} is {type(given).__name__}, not a step or a function.",
            where=caller_place(),
            mend=f"Pass `{example}` itself, or `lambda state: {example}(state)`, so that each round runs it anew.",
        )


def _check(label: str, max_rounds: object, on_exhausted: object) -> None:
    if not is_count(max_rounds):
        raise DefinitionError(
            f"repeat {label!r}: max_rounds={max_rounds!r}; give a whole number, 1 or more.",
            where=caller_place(),
        )
    if on_exhausted not in ("fail", "last"):
        raise DefinitionError(
            f"repeat {label!r}: on_exhausted={on_exhausted!r}; give 'fail' or 'last'.", where=caller_place()
        )
