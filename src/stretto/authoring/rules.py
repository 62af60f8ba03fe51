"""A step's options as its spec: what is refused, and why."""

from __future__ import annotations

from stretto.authoring.place import caller_place
from stretto.core.graph import StepSpec, Where
from stretto.core.policy import Retry
from stretto.core.policy.numbers import is_length
from stretto.core.policy.retry import NO_RETRY
from stretto.core.values import snapshot
from stretto.errors import DefinitionError, ValueEncodingError

__all__ = ["kept_default", "spec_of"]


def spec_of(
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
    """The spec behind a step's options. Raises DefinitionError for wrong or contradictory ones."""
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


def kept_default(step_id: str, value: object) -> object:
    """A default as it is handed on. Raises DefinitionError for one that cannot be journaled."""
    try:
        return snapshot(value)
    except ValueEncodingError as error:
        raise DefinitionError(
            f"Step {step_id!r}: its default cannot be journaled: {error}.",
            where=caller_place(),
            mend="Give plain data, or leave the default out and handle `Missing`.",
        ) from None
