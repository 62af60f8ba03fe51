"""`approve`, `ask`, `wait_for`, `sleep`: steps that wait for people, events and instants, however long it takes."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, cast, overload

from stretto.authoring.body import opened
from stretto.authoring.names import check_name
from stretto.authoring.place import caller_place
from stretto.authoring.ref import Ref
from stretto.authoring.signature import shape_of
from stretto.authoring.step import Step
from stretto.core.graph import Role, StepSpec, WaitRule, Where
from stretto.core.policy.numbers import is_length, is_pause
from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stretto.authoring.step import AnyStep
    from stretto.authoring.trace import Trace

__all__ = ["approve", "ask", "sleep", "wait_for"]

T = TypeVar("T")
D = TypeVar("D")

_UNSET: Final = cast("Any", object())
_AT_DEADLINE: Final = {None: "fail", "approve": "approve", "reject": "reject"}


def approve(
    value: T,
    question: str,
    *,
    deadline: float | None = None,
    default: Literal["approve", "reject"] | None = None,
    after: object = (),
    name: str = "approve",
) -> T:
    """Wait until a person approves of `value`; gives it, or what they make of it.

    An approval hands `value` on, an edit hands on another in its place, a rejection fails the step and is never
    retried. `value` and `question` may be Refs. `deadline` is in seconds from the moment at which both are
    there: then `default` counts as the answer; without one the step fails. The run holds no permit meanwhile,
    and the rest of it goes on. `after` takes Refs and groups that are to have settled first. A second use in one
    scope needs a `name`, which is its path.

    Raises DefinitionError outside a workflow's body and for wrong options.
    """
    trace = _begun("approve", name)
    _check_question(f"approve {name!r}", question)
    if default not in _AT_DEADLINE:
        raise DefinitionError(
            f"approve {name!r}: default={default!r}; give 'approve' or 'reject'.", where=caller_place()
        )
    _check_deadline(f"approve {name!r}", deadline, has_default=default is not None)
    rule = WaitRule("approval", deadline, _AT_DEADLINE[default])  # type: ignore[arg-type]  # one of its texts
    return cast("T", _use(trace, name, _approval, rule, after, (value, question)))


@overload
def ask(question: str, *, deadline: float | None = ..., after: object = ..., name: str = ...) -> str: ...
@overload
def ask(question: str, *, deadline: float, default: D, after: object = ..., name: str = ...) -> str | D: ...
def ask(
    question: str,
    *,
    deadline: float | None = None,
    default: object = _UNSET,
    after: object = (),
    name: str = "ask",
) -> object:
    """Wait until a person answers `question`, which may be a Ref; gives their text.

    `deadline` is in seconds from the moment at which the question is there: then `default` is handed on; without
    one the step fails. `after` and `name` are as for `approve`.

    Raises DefinitionError outside a workflow's body and for wrong options.
    """
    trace = _begun("ask", name)
    _check_question(f"ask {name!r}", question)
    rule, named = _ruled("approval", f"ask {name!r}", deadline, default)
    return _use(trace, name, _question, rule, after, (question,), named)


def wait_for(
    event: str,
    *,
    deadline: float | None = None,
    default: object = _UNSET,
    after: object = (),
    name: str | None = None,
) -> Any:  # what comes from outside has the type that its consumer expects
    """Wait until `event` is sent to the run; gives the data it was sent with.

    Each event is taken by one wait; one that comes before anybody waits for it is kept. `deadline` is in seconds
    from the moment at which the wait begins: then `default` is handed on; without one the step fails. The path
    is the event's name, or `name`; `after` is as for `approve`.

    Raises DefinitionError outside a workflow's body and for wrong options.
    """
    if not _is_text(event):
        raise DefinitionError(
            f"wait_for({event!r}): an event is a text that is known when the body runs.",
            where=caller_place(),
            mend="Give the event a fixed name, and look at its data in a step.",
        )
    path = event if name is None else name
    trace = _begun("wait_for", path)
    rule, named = _ruled("event", f"wait_for {path!r}", deadline, default)
    return _use(trace, path, _event, rule, after, (event,), named)


def sleep(seconds: float, *, after: object = (), name: str = "sleep") -> Ref:
    """Wait for so many seconds, which may be a Ref; whatever becomes of the process meanwhile.

    It begins when `seconds` is known and what stands in `after` has settled. Never ends early. The Ref stands
    for None: order others by it, with ``.after(…)`` or `after=`.

    Raises DefinitionError outside a workflow's body, and for what is no number of 0 or more.
    """
    trace = _begun("sleep", name)
    _check_seconds(f"sleep {name!r}", seconds)
    return _use(trace, name, _sleep, WaitRule("sleep"), after, (seconds,))


# -------------------------------------------------------------------- what a wait takes: nobody calls these


def _approval(value: object, question: str) -> object:  # noqa: ARG001  # its name is all that counts
    """The engine asks a person instead."""
    return value


def _question(question: str, *, default: object = None) -> object:  # noqa: ARG001  # as above
    """The engine asks a person instead."""
    return default


def _event(name: str, *, default: object = None) -> object:  # noqa: ARG001  # as above
    """The engine waits for the event instead."""
    return default


def _sleep(seconds: float) -> None:
    """The engine waits for the instant instead."""


# -------------------------------------------------------------------- how a wait joins the graph


def _begun(what: str, name: str) -> Trace:
    return opened(f"{what} {check_name(name, f'The name of {what}()')!r}")


def _use(
    trace: Trace,
    name: str,
    fn: Callable[..., object],
    rule: WaitRule,
    after: object,
    args: tuple[object, ...],
    kwargs: Mapping[str, object] | None = None,
) -> Ref:
    """A use of a step that nobody runs."""
    spec = StepSpec(id=name, role=Role.WAIT, where=Where.INLINE, wait=rule)
    waiting: AnyStep = Step(fn, spec, shape_of(fn), None).after(*_listed(after))
    named = kwargs or {}
    ref = cast("Ref", waiting(*args, **named))
    handed_on = trace.template([*args, *named.values()], set(), f"{name!r}")
    if trace.is_maybe(handed_on):
        trace.mark_maybe(ref)
    return ref


def _listed(after: object) -> Sequence[object]:
    return after if isinstance(after, (list, tuple)) else (after,)


def _ruled(
    kind: Literal["approval", "event"], who: str, deadline: float | None, default: object
) -> tuple[WaitRule, dict[str, object]]:
    """The rule of a wait that may hand on a default, and that default as it is passed."""
    has_default = default is not _UNSET
    _check_deadline(who, deadline, has_default=has_default)
    rule = WaitRule(kind, deadline, "default" if has_default else "fail")
    return rule, {"default": default} if has_default else {}


def _check_question(who: str, text: object) -> None:
    if not isinstance(text, Ref) and not _is_text(text):
        raise DefinitionError(
            f"{who}: question={text!r}; give a text, or a Ref to one.", where=caller_place()
        )


def _check_seconds(who: str, seconds: object) -> None:
    if not isinstance(seconds, Ref) and not is_pause(seconds):
        raise DefinitionError(f"{who}: seconds={seconds!r}; give seconds, 0 or more.", where=caller_place())


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not value.isspace() and value != ""


def _check_deadline(who: str, deadline: object, *, has_default: bool) -> None:
    if deadline is not None and not (is_length(deadline) and deadline < inf):
        raise DefinitionError(f"{who}: deadline={deadline!r}; give seconds above 0.", where=caller_place())
    if deadline is None and has_default:
        raise DefinitionError(
            f"{who} has a default= and no deadline=, so it would never be handed on.",
            where=caller_place(),
            mend="Give deadline= in seconds, or drop default=.",
        )
