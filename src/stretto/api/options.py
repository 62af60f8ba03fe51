"""What an engine's options may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.policy import OnFailure
from stretto.core.policy.numbers import is_count, is_length
from stretto.errors import ConfigError

if TYPE_CHECKING:
    from stretto.core.limits import Budget

__all__ = ["budget_of", "grace_of", "permits_of", "policy_of", "within_of"]


def policy_of(value: OnFailure | str) -> OnFailure:
    """A failure policy, by its name or itself. Raises ConfigError."""
    try:
        return OnFailure(value)
    except ValueError:
        known = ", ".join(repr(str(policy)) for policy in OnFailure)
        raise ConfigError(f"on_failure={value!r} is unknown; known: {known}.") from None


def permits_of(value: object) -> int:
    """A number of permits. Raises ConfigError."""
    if is_count(value):
        return value
    raise ConfigError(f"max_concurrency={value!r}; give a whole number, 1 or more.")


def budget_of(value: object) -> Budget | None:
    """A budget, or none. Raises ConfigError."""
    from stretto.core.limits import Budget

    if value is None or isinstance(value, Budget):
        return value
    raise ConfigError(f"budget={value!r}; give Budget(tokens=…, cost=…).")


def within_of(value: object) -> float | None:
    """A length in seconds, or none. Raises ConfigError."""
    if value is None or is_length(value):
        return value
    raise ConfigError(f"within={value!r}; give seconds above 0.")


def grace_of(value: object) -> float:
    """A length in seconds, perhaps 0. Raises ConfigError."""
    if value == 0 or is_length(value):
        return float(value)
    raise ConfigError(f"grace={value!r}; give seconds, 0 or more.")
