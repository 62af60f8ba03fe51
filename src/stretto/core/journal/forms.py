"""The small records of a journal as JSON, and back: declarations, options, groups, failures.

Each form is a plain value made of lists, dicts, texts and numbers, without what has its usual value. Reading
raises LookupError, TypeError or ValueError for what was never written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from stretto.core.graph.fragment import GroupSpec
from stretto.core.graph.spec import Role, StepSpec, WaitRule, Where
from stretto.core.journal.facts import RunOptions
from stretto.core.policy.failure import Cause, Failure
from stretto.core.policy.on_failure import OnFailure
from stretto.core.policy.on_lost import OnLost
from stretto.core.policy.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = [
    "Form",
    "failure_form",
    "group_form",
    "options_form",
    "places_form",
    "read_failure",
    "read_group",
    "read_options",
    "read_places",
    "read_spec",
    "spec_form",
]

Form = dict[str, object]

_BUDGET = ("max_tokens", "max_cost")


# -------------------------------------------------------------------- declarations


def spec_form(spec: StepSpec) -> Form:
    """A step's declaration; enums by name."""
    form: Form = {
        "id": spec.id,
        "role": spec.role.name,
        "where": spec.where.name,
        "timeout": spec.timeout,
        "within": spec.within,
        "optional": spec.optional,
        "has_default": spec.has_default,
        "limits": list(spec.limits) or None,
        "reads": list(spec.reads) or None,
        "writes": list(spec.writes) or None,
        "memory": spec.memory,
        "wait": None if spec.wait is None else list(spec.wait),
        "on_lost": spec.on_lost.value,
    }
    kept = {name: value for name, value in form.items() if value is not None and value is not False}
    kept["retry"] = _retry_form(spec.retry)
    return kept


def read_spec(form: Form) -> StepSpec:
    """A new declaration."""
    wait = form.get("wait")
    return StepSpec(
        id=_of(form["id"], str),
        role=Role[_of(form["role"], str)],
        where=Where[_of(form["where"], str)],
        timeout=_length(form.get("timeout")),
        within=_length(form.get("within")),
        retry=_read_retry(form["retry"]),
        optional=_of(form.get("optional", False), bool),
        has_default=_of(form.get("has_default", False), bool),
        limits=_names(form.get("limits", [])),
        reads=_names(form.get("reads", [])),
        writes=_names(form.get("writes", [])),
        memory=None if form.get("memory") is None else _of(form["memory"], int),
        wait=None if wait is None else WaitRule(*_of(wait, list)),
        on_lost=OnLost(_of(form["on_lost"], str)),
    )


def _retry_form(retry: Retry) -> list[object]:
    kinds = sorted(retry.kinds)
    waits = (retry.first_wait, retry.factor, retry.longest_wait)
    return [retry.attempts, kinds, retry.on_timeout, *waits, retry.jitter]


def _read_retry(form: object) -> Retry:
    """A rule that matches the same exceptions by their names; their classes are not looked for."""
    attempts, kinds, on_timeout, first_wait, factor, longest_wait, jitter = _of(form, list)
    retry = Retry(
        attempts=attempts,
        on=(),
        on_timeout=_of(on_timeout, bool),
        first_wait=first_wait,
        factor=factor,
        longest_wait=longest_wait,
        jitter=_of(jitter, bool),
    )
    object.__setattr__(retry, "kinds", frozenset(_names(kinds)))
    return retry


# -------------------------------------------------------------------- runs


def options_form(options: RunOptions) -> Form:
    """What bounds a run."""
    form: Form = {**options._asdict(), "on_failure": options.on_failure.value}
    return {name: value for name, value in form.items() if value is not None or name not in _BUDGET}


def read_options(form: Form) -> RunOptions:
    """What bounds a run, again."""
    return RunOptions(
        OnFailure(_of(form["on_failure"], str)),
        _length(form["within"]),
        _of(form["permits"], int),
        _of(form["is_sequential"], bool),
        _number(form["grace"]),
        None if form.get("max_tokens") is None else _of(form["max_tokens"], int),
        _length(form.get("max_cost")),
    )


def failure_form(failure: Failure) -> Form:
    """A failure."""
    form: Form = {"cause": failure.cause.value, "message": failure.message}
    form |= {"kinds": list(failure.kinds)} if failure.kinds else {}
    form |= {"retry_after": failure.retry_after} if failure.retry_after is not None else {}
    form |= {"is_permanent": True} if failure.is_permanent else {}
    form |= {"traceback": failure.traceback} if failure.traceback else {}
    return form


def read_failure(form: Form) -> Failure:
    """A failure, again."""
    return Failure(
        Cause(_of(form["cause"], str)),
        _of(form["message"], str),
        _names(form.get("kinds", [])),
        _length(form.get("retry_after")),
        _of(form.get("is_permanent", False), bool),
        _of(form.get("traceback", ""), str),
    )


# -------------------------------------------------------------------- parts of graphs


def group_form(group: GroupSpec) -> list[object]:
    """A group, with the places of its gate and its members."""
    return [group.name, group.within, group.min_success, group.gate, list(group.members)]


def read_group(form: list[Any]) -> GroupSpec:
    """A group of its own: graphs change theirs."""
    name, within, min_success, gate, members = form
    least = None if min_success is None else _of(min_success, int)
    return GroupSpec(_of(name, str), _length(within), least, _of(gate, int), _of(members, list))


def places_form(places: Sequence[int]) -> list[object]:
    """Places one behind the other take two numbers, however many they are."""
    if isinstance(places, range) and places.step == 1:
        return [places.start, places.stop]
    return [list(places)]


def read_places(form: list[Any]) -> Sequence[int]:
    """A range or a list, as it was."""
    return range(*form) if len(form) == 2 else _of(form[0], list)


# -------------------------------------------------------------------- types


def _of(value: object, kind: type[Any]) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value


def _number(value: object) -> float:
    return cast("float", value if type(value) is int else _of(value, float))


def _length(value: object) -> float | None:
    return None if value is None else _number(value)


def _names(value: object) -> tuple[str, ...]:
    return tuple([_of(name, str) for name in _of(value, list)])
