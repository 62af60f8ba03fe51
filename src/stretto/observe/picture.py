"""Rows as lines of text on a time axis, for a terminal of some width."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from stretto.observe.rows import Row

__all__ = ["WIDEST", "Frame", "axis_end", "draw"]

WIDEST: Final = 80
_LONGEST_LABEL: Final = 26
_SHORTEST_LABEL: Final = 9  # the legend of the axis stands below labels and seconds
_FEWEST_CELLS: Final = 8
_SECONDS_WIDTH: Final = 9


class _Marks(NamedTuple):
    """The characters of a picture."""

    states: dict[str, str]
    work: str
    lost: str
    wait: str
    critical: str
    axis: str
    more: str


_UNICODE: Final = _Marks(
    {
        "pending": "·", "ready": "◌", "running": "●", "waiting": "◔",
        "succeeded": "✓", "failed": "✗", "skipped": "↷", "cancelled": "⊘",
    },
    "━", "╍", "┈", "◆", "─", "…",
)  # fmt: skip
_ASCII: Final = _Marks(
    {
        "pending": ".", "ready": "o", "running": "*", "waiting": "~",
        "succeeded": "+", "failed": "x", "skipped": ">", "cancelled": "/",
    },
    "=", "x", ".", "#", "-", "~",
)  # fmt: skip

_STYLES: Final = {
    "pending": "dim", "ready": "dim", "running": "cyan", "waiting": "yellow",
    "succeeded": "green", "failed": "red", "skipped": "dim", "cancelled": "magenta",
}  # fmt: skip


class Frame(NamedTuple):
    """Where a picture is drawn. `end` is the axis's last second."""

    width: int
    end: float
    is_unicode: bool

    @property
    def marks(self) -> _Marks:
        """The characters this terminal can show."""
        return _UNICODE if self.is_unicode else _ASCII


def axis_end(seconds: float) -> float:
    """The next round length, so that a growing picture is rescaled a few times, not at every step."""
    if seconds <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(seconds))
    return next(
        power * factor for factor in (1, 1.5, 2, 3, 4, 5, 7.5, 10) if power * factor >= seconds * 0.999
    )


def draw(title: str, rows: Sequence[Row], legend: str, frame: Frame) -> list[Text]:
    """The title, one line a row, and the axis: none wider than the frame."""
    from rich.text import Text

    longest = max((len(row.label) for row in rows), default=0)
    label = max(
        _SHORTEST_LABEL, min(_LONGEST_LABEL, longest, frame.width - _SECONDS_WIDTH - 6 - _FEWEST_CELLS)
    )
    bars = max(_FEWEST_CELLS, frame.width - label - _SECONDS_WIDTH - 6)
    lines = [Text(title[: frame.width], style="bold")]
    lines.extend(_line(row, label, bars, frame) for row in rows)
    lines.append(_axis(legend, label + _SECONDS_WIDTH + 5, bars, frame))
    return lines


def _line(row: Row, label: int, bars: int, frame: Frame) -> Text:
    from rich.text import Text

    marks = frame.marks
    style = _STYLES.get(row.state, "dim")
    line = Text(no_wrap=True)
    line.append(f"{marks.critical if row.is_critical else ' '} ", style="bold yellow")
    line.append(f"{marks.states.get(row.state, ' ')} ", style=style)
    if not row.state:
        return line.append(row.label[: frame.width - 4], style="dim")
    line.append(f"{_cut(row.label, label, marks.more):<{label}}", style="bold" if row.is_critical else "")
    seconds = "" if row.seconds is None else f"{_short(row.seconds)} s"
    line.append(f"{seconds:>{_SECONDS_WIDTH}} ", style="dim")
    _append_bar(line, row, style, bars, frame)
    return line


def _append_bar(line: Text, row: Row, style: str, bars: int, frame: Frame) -> None:
    cells, looks = _cells(row, style, bars, frame)
    used = len("".join(cells).rstrip())
    for cell, look in zip(cells[:used], looks, strict=False):
        line.append(cell, style=look)
    room = bars - used - 1
    if row.note and room >= min(4, len(row.note)):
        line.append(f" {_cut(row.note, room, frame.marks.more)}" if used else row.note[:room], style="dim")


def _cells(row: Row, style: str, bars: int, frame: Frame) -> tuple[list[str], list[str]]:
    """A character and a style for each column of the axis. An attempt fills one cell at least."""
    cells, looks = [" "] * bars, [""] * bars
    scale = bars / frame.end
    strong = f"bold {style}" if row.is_critical else style
    before = None
    for span in row.spans:
        first = min(bars - 1, int(span.begin * scale + 1e-6))
        last = min(bars, max(first + 1, math.ceil(span.end * scale - 1e-6)))
        if before is not None:
            cells[before:first] = [frame.marks.wait] * max(0, first - before)
        cells[first:last] = [frame.marks.lost if span.is_lost else frame.marks.work] * (last - first)
        looks[first:last] = ["red" if span.is_lost else strong] * (last - first)
        before = last
    return cells, looks


def _axis(legend: str, left: int, bars: int, frame: Frame) -> Text:
    from rich.text import Text

    line = Text(no_wrap=True, style="dim")
    if legend:
        line.append(f"{frame.marks.critical} ", style="bold yellow")
    line.append(f"{legend[: left - 3]:<{left - 2 if legend else left}}")
    end = f" {frame.end:.3g} s"
    line.append("0 s " + frame.marks.axis * max(0, bars - 4 - len(end)) + end)
    return line


def _short(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds < 100 else f"{seconds:.0f}"


def _cut(text: str, width: int, more: str) -> str:
    """The middle goes first: a path's end says which step, its beginning where."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return text[:head] + more + text[len(text) - (width - 1 - head) :]
