"""When a failed attempt is followed by another, and after how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from stretto.core.policy.failure import Cause, Failure, qualified_name
from stretto.core.policy.numbers import is_count
from stretto.errors import DefinitionError

__all__ = ["NO_RETRY", "Retry", "wait_before"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Try a failing step again.

    `attempts` counts the first one. `on` names the exceptions worth another attempt, by class; subclasses
    count. The default, every `Exception`, still leaves out `PermanentError` and results that cannot be
    journaled. An attempt cut by its `timeout` is tried again unless `on_timeout` is False.

    The wait before attempt n+1 is drawn from 0 to ``min(longest_wait, first_wait * factor ** (n - 1))``
    seconds ("full jitter", after Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015); a
    provider's `Retry-After` is a floor under it.
    """

    attempts: int = 3
    on: tuple[type[BaseException], ...] | type[BaseException] = (Exception,)
    on_timeout: bool = True
    first_wait: float = 0.5
    factor: float = 2.0
    longest_wait: float = 30.0
    jitter: bool = True
    kinds: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        classes = self.on if isinstance(self.on, tuple) else (self.on,)
        for kind in classes:
            _require(_is_exception_class(kind), f"Retry(on=…) takes exception classes, not {kind!r}.")
        _require(
            is_count(self.attempts), f"Retry(attempts={self.attempts!r}): give a whole number, 1 or more."
        )
        for name, wait in (("first_wait", self.first_wait), ("longest_wait", self.longest_wait)):
            _require(_is_at_least(0, wait), f"Retry({name}={wait!r}): give finite seconds, 0 or more.")
        _require(
            _is_at_least(1, self.factor),
            f"Retry(factor={self.factor!r}): a wait may not shrink; give 1 or more.",
        )
        object.__setattr__(self, "on", classes)
        object.__setattr__(self, "kinds", frozenset(qualified_name(kind) for kind in classes))

    def wants(self, failure: Failure, attempt: int) -> bool:
        """Whether `failure` of attempt number `attempt` is followed by another attempt."""
        if attempt >= self.attempts or failure.is_permanent:
            return False
        if failure.cause is Cause.TIMED_OUT:
            return self.on_timeout
        return not self.kinds.isdisjoint(failure.kinds)


def wait_before(retry: Retry, attempt: int, failure: Failure, draw: float) -> float:
    """Seconds between the failed `attempt` and the next; `draw` in [0, 1) is the dice, thrown by the
    caller."""
    ceiling = min(retry.longest_wait, retry.first_wait * retry.factor ** min(attempt - 1, 64))
    wait = ceiling * draw if retry.jitter else ceiling
    return max(wait, failure.retry_after or 0.0)


def _is_exception_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def _is_at_least(least: float, value: object) -> bool:
    return isinstance(value, (int, float)) and least <= value < inf


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise DefinitionError(otherwise)


NO_RETRY = Retry(attempts=1)
