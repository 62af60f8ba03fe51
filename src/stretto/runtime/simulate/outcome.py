"""How attempts go in a simulation: the caller says so, nothing is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from stretto.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.core.policy import Failure

__all__ = ["Outcome", "OutcomeOf", "outcome_of"]


class Outcome(NamedTuple):
    """One attempt: `seconds` after its start it returns `value`, or fails with `failure`.

    `seconds` may be infinite: such an attempt never returns, and only a timeout or a deadline ends it. A
    coroutine that is told to stop ends `stops_in` seconds later; infinite means that it ignores its
    cancellation and is abandoned when its grace is over.
    """

    seconds: float
    value: object = None
    failure: Failure | None = None
    stops_in: float = 0.0


OutcomeOf: TypeAlias = "Callable[[str, int], Outcome | float]"
"""(path, attempt) -> how it goes; a bare number is a success after so many seconds, with the value None."""


def outcome_of(ask: OutcomeOf, path: str, attempt: int) -> Outcome:
    """Ask for one attempt's outcome. Raises InputError for lengths that cannot be."""
    answer = ask(path, attempt)
    outcome = answer if isinstance(answer, Outcome) else Outcome(answer)
    for name, seconds in (("seconds", outcome.seconds), ("stops_in", outcome.stops_in)):
        if not seconds >= 0:
            raise InputError(
                f"Step {path!r}, attempt {attempt}: {name}={seconds!r}; give seconds, 0 or more."
            )
    return outcome
