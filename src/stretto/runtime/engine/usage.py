"""Tokens and cost of a run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Usage"]


@dataclass(slots=True)
class Usage:
    """What the steps of a run have reported. `cost` is in US dollars; None as soon as one call's price is
    unknown."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0

    def include(self, other: Usage) -> None:
        """Add all of another account."""
        self.calls += other.calls
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cost = None if other.cost is None or self.cost is None else self.cost + other.cost

    def add(self, input_tokens: int, output_tokens: int, cost: float | None) -> None:
        """Add one call."""
        self.calls += 1
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        self.cost = None if cost is None or self.cost is None else self.cost + cost
