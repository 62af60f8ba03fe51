"""`current()`: what a step may know about the attempt it runs in, and the telemetry it may send."""

from __future__ import annotations

from contextlib import nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, cast

from stretto.errors import StrettoError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any

    Unmade = tuple[Callable[[Any, int, int], "Attempt"], Any, int, int]
    # What makes an attempt, and what it is made of. Every attempt of a run sets this, and few are ever looked at: a
    # plain tuple is made in a tenth of an object's time.

__all__ = [
    "Attempt",
    "attempt_here",
    "attempt_scope",
    "current",
    "has_budget",
    "is_in_step",
    "record_usage",
    "reserve_usage",
]


class Attempt(Protocol):
    """One attempt of a step, as seen from inside it."""

    @property
    def run_id(self) -> str:
        """The run's id."""

    @property
    def path(self) -> str:
        """The step's path, e.g. ``sections/write[3]``."""

    @property
    def attempt(self) -> int:
        """1 for the first attempt, 2 after one retry, …"""

    @property
    def deadline(self) -> float | None:
        """The earliest instant (seconds since the epoch) at which this attempt will be cut, or None."""

    @property
    def idempotency_key(self) -> str:
        """The same text for every attempt of this step in this run, and for no other step, inputs or run: hand
        it to services that do a thing once a key. 64 hexadecimal digits (SHA-256 of run, path and inputs).
        """

    @property
    def is_stopped(self) -> bool:
        """Whether the run waits for this attempt no longer: it was cancelled or timed out. Blocking code, which
        cannot be interrupted on a thread, should look now and then and return."""

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose records become this run's `log` events."""

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far the attempt is. Telemetry: never journaled, never gating."""

    def output(self, text: str) -> None:
        """Stream a piece of text to whoever watches the run."""

    def usage(
        self, *, input_tokens: int = 0, output_tokens: int = 0, cost: float | None = None, model: str = ""
    ) -> None:
        """Add tokens and cost (US dollars; None when unknown) to the run's account."""

    @property
    def has_budget(self) -> bool:
        """Whether the run may spend only so much: what costs is to be reserved then."""

    def reserve(self, *, tokens: int = 0, cost: float | None = 0.0) -> AbstractContextManager[object]:
        """Set aside what a call will take at most, until the `with` block ends; tell `usage` inside of it what it has
        taken. `cost` is in US dollars, None when unknown.

        Raises BudgetExceededError, before anything is called, if what is left of the run's budget does not reach;
        PermanentError in a process step of a run with a budget.
        """


attempt_scope: ContextVar[Attempt | Unmade | None] = ContextVar("stretto_attempt", default=None)


def attempt_here() -> Attempt | None:
    """The attempt this code runs in; None outside a step."""
    scope = attempt_scope.get()
    if type(scope) is tuple:
        make, *parts = scope
        return make(*parts)
    return cast("Attempt | None", scope)


def current() -> Attempt:
    """The attempt this code runs in. Raises `StrettoError` outside a step."""
    attempt = attempt_here()
    if attempt is None:
        raise StrettoError("current() has no step here: call it inside a step while a run executes it.")
    return attempt


def is_in_step() -> bool:
    """Whether this code runs inside a step's attempt."""
    return attempt_scope.get() is not None


def has_budget() -> bool:
    """Whether this code runs in a step of a run that may spend only so much."""
    attempt = attempt_here()
    return attempt is not None and attempt.has_budget


def record_usage(
    *, input_tokens: int = 0, output_tokens: int = 0, cost: float | None = None, model: str = ""
) -> None:
    """Add tokens and cost to the run's account; outside a step nothing is recorded."""
    attempt = attempt_here()
    if attempt is not None:
        attempt.usage(input_tokens=input_tokens, output_tokens=output_tokens, cost=cost, model=model)


def reserve_usage(tokens: int, cost: float | None) -> AbstractContextManager[object]:
    """Set aside what a call will take at most, if this code runs in a step of a run with a budget. Raises what
    `Attempt.reserve` does."""
    attempt = attempt_here()
    if attempt is None or not attempt.has_budget:
        return nullcontext()
    return attempt.reserve(tokens=tokens, cost=cost)
