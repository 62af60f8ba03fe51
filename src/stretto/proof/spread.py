"""A few measurements in five figures."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Spread", "spread_of"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Order statistics, in the unit of what was measured.

    The quartiles are the medians of the lower and the upper half, the middle one left out where there is one
    (Tukey, "Exploratory Data Analysis", 1977, counts it into both; with few values that hides the spread).
    """

    count: int
    median: float
    least: float
    most: float
    lower_quartile: float
    upper_quartile: float


def spread_of(values: Sequence[float]) -> Spread:
    """The figures of at least one value. Raises ValueError without any."""
    if not values:
        raise ValueError("There is no spread of no values: measure at least once.")
    ordered = sorted(values)
    half = len(ordered) // 2
    lower, upper = ordered[:half] or ordered, ordered[-half:] or ordered
    return Spread(len(ordered), median(ordered), ordered[0], ordered[-1], median(lower), median(upper))
