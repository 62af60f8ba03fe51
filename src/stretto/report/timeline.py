"""A finished run on a time axis, as SVG: who ran when, who waited, and the path that the run's length was made of."""

from __future__ import annotations

from itertools import pairwise
from math import floor, log10
from typing import TYPE_CHECKING, Final

from stretto.report.bars import bars_of
from stretto.report.svg import FONTS, cut, cut_end, escaped, number, rules, tag, text_width, titled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.core.forecast.timing import Timing
    from stretto.core.journal.view import RunView
    from stretto.report.bars import Bar, Bars, Row

__all__ = ["timeline"]

_SCOPE: Final = "stretto-timeline"
_WIDTH: Final = 980.0
_MARGIN: Final = 24.0
_HEAD: Final = 66.0
_ROW: Final = 24.0
_BAR: Final = 14.0
_LABEL_SIZE: Final = 12.5
_SMALL: Final = 11.0
_WIDEST_LABEL: Final = 230.0
_THINNEST: Final = 1.5
_TICKS: Final = 7

_CRITICAL: Final = ("#d92d57", "#ff6b8b")
_STYLE: Final = rules(
    _SCOPE,
    {
        ".paper": ("fill:#fff", "fill:#0e1116"),
        "text": (f"font-family:{FONTS};fill:#1b2430", "fill:#e4e8ee"),
        ".head": ("font-size:16px;font-weight:650", ""),
        ".label": (f"font-size:{_LABEL_SIZE:g}px", ""),
        ".label.critical": ("font-weight:650", ""),
        ".small": (f"font-size:{_SMALL:g}px;fill:#5a6675", "fill:#9aa6b5"),
        ".stripe": ("fill:#f6f8fb", "fill:#141920"),
        ".grid": ("stroke:#dfe4ea;stroke-width:1", "stroke:#252c35"),
        ".ran": ("fill:#5b8def", "fill:#5a86d8"),
        ".many": ("fill:#5b8def;fill-opacity:.55", "fill:#5a86d8"),
        ".lost": (
            "fill:#fbe0d9;stroke:#cc4b2c;stroke-width:1.2;stroke-dasharray:3 2",
            "fill:#3d1c14;stroke:#e77a5d",
        ),
        ".wait": (
            "stroke:#a8b2bf;stroke-width:1.6;stroke-dasharray:1 3;stroke-linecap:round",
            "stroke:#5d6978",
        ),
        ".under": ("stroke:#b9c3d0;stroke-width:2", "stroke:#465262"),
        ".gate": ("fill:#5d6b7e", "fill:#93a1b5"),
        ".ran.critical": (f"fill:{_CRITICAL[0]}", f"fill:{_CRITICAL[1]}"),
        ".lost.critical": (f"stroke:{_CRITICAL[0]};stroke-width:2", f"stroke:{_CRITICAL[1]}"),
        ".note": (
            "paint-order:stroke;stroke:#fafbfd;stroke-width:4px;stroke-linejoin:round",
            "stroke:#11151b",
        ),
        ".inside": ("fill:#fff", "fill:#fff"),
        ".hop": (
            f"fill:none;stroke:{_CRITICAL[0]};stroke-width:1.4;stroke-opacity:.7",
            f"stroke:{_CRITICAL[1]}",
        ),
        ".mark": (f"fill:{_CRITICAL[0]}", f"fill:{_CRITICAL[1]}"),
    },
)


def timeline(view: RunView, timing: Timing, title: str, *, has_value: bool) -> str:
    """The run as an ``<svg>`` element. No bound is compared with a run that has no value."""
    return _Timeline(view, timing, title, has_value=has_value).drawn()


class _Timeline:
    def __init__(self, view: RunView, timing: Timing, title: str, *, has_value: bool) -> None:
        self.timing = timing
        self.title = title
        self.has_value = has_value
        self.status = str(view.status)
        self.bars: Bars = bars_of(view, timing)
        widths = (text_width(_label(row), _LABEL_SIZE) for row in self.bars.rows)
        self.left = _MARGIN + 20 + min(_WIDEST_LABEL, max(widths, default=80.0)) + 12
        self.scale = (_WIDTH - _MARGIN - 64 - self.left) / (self.bars.end or 1.0)

    def drawn(self) -> str:
        bottom = _HEAD + _ROW * len(self.bars.rows)
        height = bottom + (74 if self.bars.more else 54)
        summary = f"{self.title}: {self.status} in {_length(self.timing.makespan)}"
        return tag(
            "svg",
            titled(summary),
            _STYLE,
            tag("rect", class_="paper", width=_WIDTH, height=height, rx=10.0),
            tag("text", escaped(summary), class_="head", x=_MARGIN, y=30.0),
            tag("text", escaped(self._figures()), class_="small", x=_MARGIN, y=47.0),
            *self._stripes(),
            *self._axis(bottom),
            *self._hops(),
            *(part for number, row in enumerate(self.bars.rows) for part in self._row(number, row)),
            *self._foot(bottom),
            xmlns="http://www.w3.org/2000/svg",
            class_=_SCOPE,
            role="graphics-document",
            aria_label=summary,
            viewBox=f"0 0 {number(_WIDTH)} {number(height)}",
            width=_WIDTH,
            height=height,
        )

    def _figures(self) -> str:
        timing = self.timing
        words = [f"all attempts added up {_length(timing.work)}"]
        if self.has_value:
            words.append(f"lower bound {_length(timing.lower_bound)}")
            if timing.bound_efficiency is not None:
                words.append(f"{timing.bound_efficiency:.0%} of what was possible")
        if timing.waiting_for_people:
            words.append(f"{_length(timing.waiting_for_people)} waiting for people alone")
        return " · ".join(words)

    def _x(self, seconds: float) -> float:
        return self.left + seconds * self.scale

    # ---------------------------------------------------------------- ground

    def _stripes(self) -> Iterator[str]:
        for row in range(0, len(self.bars.rows), 2):
            yield tag(
                "rect",
                class_="stripe",
                x=_MARGIN - 8,
                y=_HEAD + row * _ROW,
                width=_WIDTH - 2 * _MARGIN + 16,
                height=_ROW,
                rx=4.0,
            )

    def _axis(self, bottom: float) -> Iterator[str]:
        for at in _ticks(self.bars.end):
            x = self._x(at)
            yield tag("line", class_="grid", x1=x, x2=x, y1=_HEAD - 4, y2=bottom + 4)
            yield tag(
                "text",
                escaped(_tick(at, self.bars.end)),
                class_="small",
                text_anchor="middle",
                x=x,
                y=bottom + 18,
            )

    def _foot(self, bottom: float) -> Iterator[str]:
        y = bottom + 40
        if self.bars.more:
            words = f"… and {self.bars.more:,} more steps, shorter and on no critical path"
            yield tag("text", escaped(words), class_="small", x=_MARGIN + 20, y=y - 4)
            y += 20
        x = _MARGIN
        for sample, words in self._samples():
            text = tag("text", escaped(words), class_="small", x=30.0, y=4.0)
            yield tag("g", sample, text, transform=f"translate({number(x)} {number(y - 4)})")
            x += 48 + text_width(words, _SMALL)

    def _samples(self) -> Iterator[tuple[str, str]]:
        bars = [bar for row in self.bars.rows for bar in row.bars]
        box = {"x": 0.0, "y": -6.0, "width": 22.0, "height": 12.0, "rx": 3.0}
        if bars:
            yield tag("rect", class_="ran", **box), "ran"
        if self.bars.path:
            yield tag("rect", class_="ran critical", **box), "critical path, as it was"
        if any(bar.is_lost for bar in bars):
            yield tag("rect", class_="lost", **box), "attempt failed or cut"
        if any(row.folded for row in self.bars.rows):
            yield tag("rect", class_="many", **box), "at least one of many ran"
        if any(True for row in self.bars.rows for _ in self._gaps(row)):
            yield tag("path", class_="wait", d="M0 0h22"), "waited"

    # ---------------------------------------------------------------- rows

    def _row(self, place: int, row: Row) -> Iterator[str]:
        y = _HEAD + place * _ROW + _ROW / 2
        if row.is_critical:
            yield tag(
                "path",
                class_="mark",
                d=f"M{number(_MARGIN + 6)} {number(y - 4.5)}l4.5 4.5l-4.5 4.5l-4.5 -4.5z",
            )
        name = cut(_label(row), _WIDEST_LABEL, _LABEL_SIZE)
        yield tag(
            "text",
            titled(_tip(row)),
            escaped(name),
            class_="label critical" if row.is_critical else "label",
            x=_MARGIN + 20,
            y=y + 4.5,
        )
        yield from self._course(row, y)
        yield from self._end(row, y)

    def _course(self, row: Row, y: float) -> Iterator[str]:
        if not row.bars and not row.is_gate and row.ready is not None and row.ended is not None:
            yield tag(
                "line",
                titled(_tip(row)),
                class_="under",
                x1=self._x(row.ready),
                x2=self._x(row.ended),
                y1=y,
                y2=y,
            )
        for begin, end in self._gaps(row):
            yield tag("line", titled("waited"), class_="wait", x1=self._x(begin), x2=self._x(end), y1=y, y2=y)
        for bar in row.bars:
            yield self._bar(row, bar, y)
        if row.is_gate and row.ended is not None:
            x = number(self._x(row.ended))
            yield tag("path", titled(_tip(row)), class_="gate", d=f"M{x} {number(y - 6)}l6 6l-6 6l-6 -6z")

    def _gaps(self, row: Row) -> Iterator[tuple[float, float]]:
        """When the step waited: from its inputs to its first attempt, and between attempts."""
        if row.folded or row.ready is None or not row.bars:
            return
        clear = min(
            row.ready, row.bars[0].begin
        )  # a retried step was ready more than once: the last one is kept
        for bar in row.bars:
            if (bar.begin - clear) * self.scale > 3:
                yield clear, bar.begin
            clear = max(clear, bar.end)

    def _bar(self, row: Row, bar: Bar, y: float) -> str:
        kind = "lost" if bar.is_lost else "many" if row.folded and not bar.is_critical else "ran"
        if bar.is_critical:
            kind += " critical"
        width = max(_THINNEST, (bar.end - bar.begin) * self.scale)
        return tag(
            "rect",
            titled(bar.words),
            class_=kind,
            x=self._x(bar.begin),
            y=y - _BAR / 2,
            width=width,
            height=_BAR,
            rx=min(3.0, width / 2),
        )

    def _end(self, row: Row, y: float) -> Iterator[str]:
        """How long it took, and what happened to it, beside its last bar."""
        ran = sum(bar.end - bar.begin for bar in row.bars) if not row.folded else 0.0
        if row.folded and row.ready is not None and row.ended is not None:
            ran = row.ended - row.ready
        words = " · ".join(part for part in (_length(ran) if row.bars else "", row.note) if part)
        if not words:
            return
        x, anchor, shown, kind = self._beside(row, words)
        kind = f"small {kind}".rstrip()
        yield tag("text", titled(_tip(row)), escaped(shown), class_=kind, text_anchor=anchor, x=x, y=y + 4)

    def _beside(self, row: Row, words: str) -> tuple[float, str, str, str]:
        """Where words about a row stand: behind its last bar, else in it, else before its first one."""
        length = text_width(words, _SMALL)
        last = max(row.bars, key=lambda bar: bar.end, default=None)
        end = self._x(row.ended or 0.0) if last is None else self._x(last.end)
        end += 7 + (6 if row.is_gate else 0)
        if length <= _WIDTH - _MARGIN - end:
            return end, "start", words, "note"
        if last is not None and length + 14 <= (last.end - last.begin) * self.scale:
            return end - 14, "end", words, "" if last.is_lost else "inside"
        first = self._x(min((bar.begin for bar in row.bars), default=row.ended or 0.0)) - 7
        if first - self.left > _WIDTH - _MARGIN - end:
            return first, "end", cut_end(words, first - self.left - 4, _SMALL), "note"
        return end, "start", cut_end(words, _WIDTH - _MARGIN - end, _SMALL), "note"

    def _hops(self) -> Iterator[str]:
        """Lines from where one hop of the path ended to where the next began."""
        for (row, _, end), (following, begin, _) in pairwise(self.bars.path):
            if row == following:
                continue
            x, y = self._x(end), _HEAD + row * _ROW + _ROW / 2
            to_x, to_y = self._x(begin), _HEAD + following * _ROW + _ROW / 2
            edge = to_y - _BAR / 2 if to_y > y else to_y + _BAR / 2
            out = y + _BAR / 2 if to_y > y else y - _BAR / 2
            middle = "" if abs(to_x - x) < 0.5 else f"H{number(to_x)}"
            turn = f"V{number(edge - 3 if to_y > y else edge + 3)}" if middle else ""
            yield tag("path", class_="hop", d=f"M{number(x)} {number(out)}{turn}{middle}V{number(edge)}")


def _label(row: Row) -> str:
    return f"{row.path} ×{row.folded}" if row.folded else row.path


def _tip(row: Row) -> str:
    words = [row.path, row.state]
    if row.folded:
        words.append(f"{row.folded} steps")
    if row.ready is not None and row.bars:
        words.append(f"ready after {_length(row.ready)}, began after {_length(row.bars[0].begin)}")
    if row.ended is not None:
        words.append(f"settled after {_length(row.ended)}")
    return "\n".join([*words, *([row.note] if row.note else [])])


def _length(seconds: float) -> str:
    if seconds >= 600:
        return f"{seconds / 60:.1f} min"
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.3g} ms" if seconds else "0 s"


def _ticks(end: float) -> list[float]:
    """Round instants from 0 to the end."""
    if end <= 0:
        return [0.0]
    power = 10.0 ** floor(log10(end / _TICKS))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor * _TICKS >= end * 0.999)
    return [step * count for count in range(floor(end / step + 1e-6) + 1)]


def _tick(at: float, end: float) -> str:
    if end >= 600:
        return f"{at / 60:g} min"
    return f"{at:.4g} s" if end >= 1 or not at else f"{at * 1000:.4g} ms"
