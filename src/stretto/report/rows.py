"""Boxes in rows: how those stand that have no edges."""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Rows", "in_rows"]

_FEW: Final = 4
_ASPECT: Final = 2.2


class Rows(NamedTuple):
    """(x, y, width, height) of each box, and the extent of all."""

    rects: list[tuple[float, float, float, float]]
    width: float
    height: float


def in_rows(sizes: Sequence[tuple[float, float]], gap: float, room: float | None = None) -> Rows:
    """Boxes of (width, height) in rows of equal length, row after row; a few stand below each other.

    With `room` as many stand beside each other as fit into it. Those in one column get one width, unless some are
    much larger than others.
    """
    columns = _columns(sizes, gap, room)
    widths = [max(width for width, _ in sizes[column::columns]) for column in range(columns)]
    lefts = [sum(widths[:column]) + gap * column for column in range(columns)]
    rects: list[tuple[float, float, float, float]] = []
    top = 0.0
    for first in range(0, len(sizes), columns):
        row = sizes[first : first + columns]
        height = max(height for _, height in row)
        for column, size in enumerate(row):
            width = widths[column] if widths[column] <= 1.8 * size[0] else size[0]
            rects.append((lefts[column], top + (height - size[1]) / 2, width, size[1]))
        top += height + gap
    return Rows(rects, lefts[-1] + widths[-1], top - gap)


def _columns(sizes: Sequence[tuple[float, float]], gap: float, room: float | None) -> int:
    widest = max(width for width, _ in sizes) + gap
    if room is not None:
        return max(1, min(len(sizes), int((room + gap) // widest)))
    if len(sizes) <= _FEW:
        return 1
    highest = max(height for _, height in sizes) + gap
    wanted = max(1, round(sqrt(len(sizes) * highest / widest * _ASPECT)))
    return ceil(len(sizes) / ceil(len(sizes) / wanted))
