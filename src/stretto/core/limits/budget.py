"""`Budget`: what a run may spend."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from stretto.core.policy.numbers import is_count, is_length
from stretto.errors import ConfigError

__all__ = ["Budget"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What one run may spend: `tokens`, those given to models and those made by them together, and `cost` in US
    dollars. None bounds nothing.

    Raises ConfigError for what is no such number, and for a budget without any bound.
    """

    tokens: int | None = None
    cost: float | None = None

    def __post_init__(self) -> None:
        if self.tokens is None and self.cost is None:
            raise ConfigError("Budget() bounds nothing; give it tokens=, cost= or both.")
        if self.tokens is not None and not is_count(self.tokens):
            raise ConfigError(f"Budget(tokens={self.tokens!r}); give a whole number, 1 or more.")
        if self.cost is not None and not (is_length(self.cost) and isfinite(self.cost)):
            raise ConfigError(f"Budget(cost={self.cost!r}); give US dollars above 0.")
