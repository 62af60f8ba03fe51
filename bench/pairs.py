"""Measuring two things beside each other: alternating, on fresh event loops, in the same minute."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["REPEATS", "WrongValueError", "expect", "paired", "seconds_of"]

REPEATS = 11


class WrongValueError(Exception):
    """What was measured gave a wrong result: its time means nothing."""


def expect(found: object, wanted: object, what: str) -> None:
    """Raise WrongValueError unless a measured run returned what it should."""
    if found != wanted:
        raise WrongValueError(f"{what} returned {str(found)[:200]}; it should be {str(wanted)[:200]}")


def seconds_of(start: Callable[[], Awaitable[object]], wanted: object, what: str) -> float:
    """Seconds one awaitable takes on a loop of its own, from its making to its value, which is checked."""

    async def timed() -> tuple[float, object]:
        began = time.perf_counter()
        value = await start()
        return time.perf_counter() - began, value

    # Rubbish of the one must not be swept at the other's expense; while they run, collection is left alone.
    gc.collect()
    seconds, value = asyncio.run(timed())
    expect(value, wanted, what)
    return seconds


def paired(
    ours: Callable[[], Awaitable[object]],
    control: Callable[[], Awaitable[object]],
    wanted: object,
    what: str,
    repeats: int = REPEATS,
) -> tuple[list[float], list[float]]:
    """(ours, control) in seconds, alternating; one of each before counting, for imports and caches."""
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(repeats + 1):
        for side, start in enumerate((ours, control)):
            seconds = seconds_of(start, wanted, f"{what}, {('stretto', 'the control')[side]}")
            if number:
                found[side].append(seconds)
    return found
