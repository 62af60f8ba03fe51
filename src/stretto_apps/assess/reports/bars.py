"""Horizontal bars with labels, shared by several figures, as SVG and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto_apps.assess.reports import svg
from stretto_apps.assess.reports.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

_THICK = 18.0
_STACKED_BELOW = 480.0  # narrower pictures have the labels above the bars
_TEXT_LENGTH = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: `value` gives the length (not below 0), `note` says it, `kind` is the style's class."""

    label: str
    value: float
    note: str
    kind: str


@dataclass(frozen=True, slots=True)
class BarLayout:
    """How rows are laid out. `limit` fixes what a full length means; `mark` draws a line across all rows."""

    label_width: float = 270.0
    limit: float | None = None
    mark: float | None = None
    mark_note: str = ""
    empty: str = "There is nothing to show."

    def full(self, bars: Sequence[Bar]) -> float:
        """The value that takes the whole length; 1 when all are 0."""
        return self.limit or max([bar.value for bar in bars] + [self.mark or 0.0]) or 1.0


def drawn_bars(bars: Sequence[Bar], layout: BarLayout, width: float) -> tuple[list[str], float]:
    """The rows as SVG parts, and their height."""
    if not bars:
        return [svg.label(layout.empty, 0, 18, "note")], 28.0
    stacked = width < _STACKED_BELOW
    left = 0.0 if stacked else layout.label_width + 10
    room = width - left - max(svg.measured(bar.note) for bar in bars) - 10
    scale = room / layout.full(bars)
    y = 26.0 if layout.mark is not None else 4.0
    top, parts, notes = y, [], []
    for bar in bars:
        text, bar_y, next_y = _labelled(bar, layout, y, width if stacked else None)
        length = bar.value * scale
        parts += [text, *_body(bar, left, bar_y, length, room)]
        notes.append(svg.label(bar.note, left + length + 6, bar_y + 13, "note halo"))
        y = next_y
    if layout.mark is not None:
        parts += _mark(layout, left + layout.mark * scale, top, y - 6, width)
    return parts + notes, y


def _labelled(bar: Bar, layout: BarLayout, y: float, stacked: float | None) -> tuple[str, float, float]:
    if stacked is not None:
        text, used = svg.fitted(bar.label, 0, y + 13, stacked, lines=2)
        below = y + 4 + used * 15
        return text, below, below + _THICK + 10
    text, used = svg.fitted(bar.label, 0, y + 13, layout.label_width, lines=2)
    return text, y, y + max(_THICK, used * 15 + 2) + 8


def _body(bar: Bar, x: float, y: float, length: float, room: float) -> list[str]:
    title = f"{one_line(bar.label)}: {bar.note}"
    if bar.kind == "absent":
        return [svg.rect(x, y, min(room, 4.0), _THICK, "absent", title)]
    return [svg.rect(x, y, length, _THICK, f"bar {bar.kind}", title)]


def _mark(layout: BarLayout, x: float, top: float, bottom: float, width: float) -> list[str]:
    half = svg.measured(layout.mark_note) / 2
    middle = min(max(x, half), width - half)
    return [
        svg.line(x, top - 4, x, bottom, "mark"),
        svg.label(layout.mark_note, middle, top - 10, "note strong", "middle"),
    ]


def text_bars(bars: Sequence[Bar], layout: BarLayout) -> str:
    """The rows as lines of text with bars of blocks."""
    if not bars:
        return layout.empty
    column = min(40, max(len(_plain(bar.label)) for bar in bars))
    lines = [_text_bar(bar, column, layout.full(bars)) for bar in bars]
    if layout.mark_note:
        lines.append(_plain(layout.mark_note))
    return "\n".join(lines)


def _text_bar(bar: Bar, column: int, full: float) -> str:
    label = _plain(bar.label)
    cut = label if len(label) <= column else label[: column - 1] + "…"
    blocks = "█" * round(_TEXT_LENGTH * bar.value / full)
    return f"{cut:<{column}}  {blocks}{' ' if blocks else ''}{bar.note}"


def _plain(text: str) -> str:
    """`text` without what could end a block of code or open a tag where a renderer is careless."""
    return one_line(text).replace("`", "'").replace("<", "‹").replace(">", "›")
