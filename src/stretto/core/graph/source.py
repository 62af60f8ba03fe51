"""`Source`: where an input's value will come from."""

from __future__ import annotations

from typing import Final

__all__ = ["FRAME_BITS", "LOCAL", "STATE", "WHOLE_STATE", "Source", "framed"]

FRAME_BITS: Final = 40
LOCAL: Final = (1 << FRAME_BITS) - 1
"""Masks an index's part inside its frame."""

STATE: Final = LOCAL
"""Inside a loop's body: what the round before handed on. Who takes a part of it waits for that part."""

WHOLE_STATE: Final = LOCAL - 1
"""The same for who waits for all of it without taking it."""


class Source:
    """The value of step `index`, then the `projection` (names and keys) applied to it.

    `is_shape` sources stand for the children of an anchor rather than for its list: a map over a map waits
    for the first to grow, not for it to finish.

    Inside a body that is yet to grow, an index names a place in that body: its upper bits tell which (its frame),
    and are 0 for steps of the run itself.
    """

    __slots__ = ("_index", "_projection")

    _index: int
    _projection: tuple[tuple[str, object], ...]

    def __init__(self, index: int, projection: tuple[tuple[str, object], ...] = ()) -> None:
        self._index = index
        self._projection = projection


def framed(frame: int, local: int) -> int:
    """The index of place `local` in body number `frame`."""
    return frame << FRAME_BITS | local
