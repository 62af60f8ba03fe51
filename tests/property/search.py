"""Runs a check over drawn workflows, with a seed that is printed and can be given again."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, seed, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

__all__ = ["chosen_seed", "search"]

_BY_HAND = "STRETTO_SEED"


def chosen_seed() -> int:
    """The seed from STRETTO_SEED, else a new one; printed either way, and pytest shows it with a failure."""
    number = int(os.environ.get(_BY_HAND) or secrets.randbelow(1_000_000))
    print(f"repeat with {_BY_HAND}={number}")
    return number


def search(
    check: Callable[[Any], object],
    drawn: SearchStrategy[Any],
    *,
    count: int,
    number: int,
    shrinks: bool = True,
) -> None:
    """`check` on `count` drawn examples; raises what it raised on the smallest that fails."""
    phases = [Phase.generate, Phase.shrink] if shrinks else [Phase.generate]

    @seed(number)
    @settings(
        max_examples=count,
        phases=phases,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def one(example: Any) -> None:
        check(example)

    one()
