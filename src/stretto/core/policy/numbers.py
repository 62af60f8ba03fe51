"""Numbers as authors write them, checked before anything trusts them."""

from __future__ import annotations

from math import inf
from typing import TypeGuard

__all__ = ["is_count", "is_length", "is_pause"]


def is_length(value: object) -> TypeGuard[float]:
    """Whether `value` is a number of seconds above 0, as a timeout or a deadline needs it."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def is_pause(value: object) -> TypeGuard[float]:
    """Whether `value` is a number of seconds that can be slept: 0 or more, and not for ever."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < inf


def is_count(value: object, *, least: int = 1) -> TypeGuard[int]:
    """Whether `value` is a whole number, `least` or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
