"""A step's options as its spec: what is refused, and why."""

from __future__ import annotations

import re
from typing import Final

from stretto.authoring.place import caller_place
from stretto.core.graph import StepSpec, Where
from stretto.core.policy import OnLost, Retry
from stretto.core.policy.numbers import is_count, is_length
from stretto.core.policy.retry import NO_RETRY
from stretto.core.values import snapshot
from stretto.errors import DefinitionError, ValueEncodingError

__all__ = ["kept_default", "names_of", "spec_of"]

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]i?b|b)", re.IGNORECASE)
_UNITS: Final = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
}


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
    reads: object = (),
    writes: object = (),
    memory: object = None,
    on_lost: object = None,
) -> StepSpec:
    """The spec behind a step's options. Raises DefinitionError for wrong or contradictory ones."""
    for name, seconds in (("timeout", timeout), ("within", within)):
        if seconds is not None and not is_length(seconds):
            raise DefinitionError(
                f"Step {step_id!r}: {name}={seconds!r}; give seconds above 0.", where=caller_place()
            )
    limits = names_of(step_id, "limit", limit, "the name of one of the engine's limits, or several")
    if memory is not None and where is not Where.PROCESS:
        raise DefinitionError(
            f"Step {step_id!r}: memory= bounds a worker process.",
            where=caller_place(),
            mend="Add executor='process', or drop memory=.",
        )
    rule = _rule(step_id, retry)
    lost = _on_lost(step_id, on_lost, where, does_write=bool(writes))
    if where is Where.INLINE and (
        timeout or within or limits or rule.attempts > 1 or lost is not OnLost.RETRY
    ):
        raise DefinitionError(
            f"Step {step_id!r} is inline: it takes no time and no permit.",
            where=caller_place(),
            mend="Drop timeout=, within=, retry=, limit= and on_lost=, or drop inline=True.",
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
        reads=names_of(step_id, "reads", reads, "the name of what the step reads, or several"),
        writes=names_of(step_id, "writes", writes, "the name of what the step writes, or several"),
        memory=_bytes(step_id, memory),
        on_lost=lost,
    )


def names_of(step_id: str, option: str, given: object, wanted: str) -> tuple[str, ...]:
    """One name or several, each once. Raises DefinitionError, saying what is `wanted`."""
    names = (given,) if isinstance(given, str) else () if given is None else given
    if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) and name for name in names):
        raise DefinitionError(f"{step_id!r}: {option}={given!r}; give {wanted}.", where=caller_place())
    return tuple(dict.fromkeys(names))


def _bytes(step_id: str, memory: object) -> int | None:
    """Bytes from a number or a text: "512MB" is 512 × 10⁶, "1GiB" is 2³⁰."""
    if memory is None or is_count(memory):
        return memory
    found = _SIZE.fullmatch(memory.strip()) if isinstance(memory, str) else None
    size = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if size > 0:
        return size
    raise DefinitionError(
        f"Step {step_id!r}: memory={memory!r}; give bytes above 0, or a text such as '512MB' or '1GiB'.",
        where=caller_place(),
    )


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


def _on_lost(step_id: str, given: object, where: Where, *, does_write: bool) -> OnLost:
    """What was said, or else: ask where the lost attempt may have written something, and run it again where it
    has not. Glue takes no time to be lost in."""
    if given is None:
        return OnLost.ASK if does_write and where is not Where.INLINE else OnLost.RETRY
    if isinstance(given, str) and given in set(OnLost):
        return OnLost(given)
    known = ", ".join(repr(str(each)) for each in OnLost)
    raise DefinitionError(f"Step {step_id!r}: on_lost={given!r}; give one of {known}.", where=caller_place())


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
