"""`Source`: where an input's value will come from."""

from __future__ import annotations

__all__ = ["Source"]


class Source:
    """The value of step `index`, then the `projection` (names and keys) applied to it.

    `is_shape` sources stand for the children of an anchor rather than for its list: a map over a map waits
    for the first to grow, not for it to finish.
    """

    __slots__ = ("_index", "_projection")

    _index: int
    _projection: tuple[tuple[str, object], ...]

    def __init__(self, index: int, projection: tuple[tuple[str, object], ...] = ()) -> None:
        self._index = index
        self._projection = projection
