"""Numbers as authors write them, checked before anything trusts them."""

from __future__ import annotations

from typing import TypeGuard

__all__ = ["is_count", "is_length"]


def is_length(value: object) -> TypeGuard[float]:
    """Whether `value` is a number of seconds above 0, as a timeout or a deadline needs it."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def is_count(value: object, *, least: int = 1) -> TypeGuard[int]:
    """Whether `value` is a whole number, `least` or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
