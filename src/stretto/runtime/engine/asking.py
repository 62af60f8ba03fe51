"""What a durable wait waits for, from its rule and the inputs that are there when it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.journal.facts import Wait
from stretto.core.policy.numbers import is_pause
from stretto.core.values.secret import mask
from stretto.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stretto.core.graph import WaitRule

__all__ = ["wait_of"]


def wait_of(rule: WaitRule, args: Sequence[object], kwargs: Mapping[str, object], now: float) -> Wait:
    """The wait that begins at the instant `now`. Raises PermanentError for inputs that no wait can have."""
    if rule.kind == "sleep":
        return Wait("sleep", "", now + _seconds(args[0]))
    until = None if rule.deadline is None else now + rule.deadline
    return Wait(rule.kind, _text(args[-1]), until, _default(rule, args, kwargs))


def _default(rule: WaitRule, args: Sequence[object], kwargs: Mapping[str, object]) -> tuple[object, ...]:
    if rule.on_deadline == "approve":
        return (args[0],)
    return (kwargs["default"],) if rule.on_deadline == "default" else ()


def _seconds(value: object) -> float:
    if is_pause(value):
        return float(value)
    raise PermanentError(
        f"it was to sleep for {value!r}; the step that says how long has to return seconds, 0 or more."
    )


def _text(value: object) -> str:
    if isinstance(value, str):
        return mask(value)
    raise PermanentError(
        f"its question is {type(value).__name__}; the step that makes it has to return a text."
    )
