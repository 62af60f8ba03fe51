"""Two courses of spending over three years, as lines with the area between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto_apps.assess.reports import svg
from stretto_apps.assess.reports.wording import short_money

if TYPE_CHECKING:
    from collections.abc import Sequence

MONTHS = 36
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 8.0, 26.0, 226.0


@dataclass(frozen=True, slots=True)
class Course:
    """Spending by the end of each month, starting with 0; `kind` is the style's class."""

    name: str
    spent: Sequence[float]
    kind: str


@dataclass(frozen=True, slots=True)
class _Scale:
    across: float
    up: float

    def x(self, month: float) -> float:
        return _LEFT + month * self.across

    def y(self, amount: float) -> float:
        return _BOTTOM - amount * self.up

    def points(self, course: Course) -> list[str]:
        return [
            f"{svg.shown(self.x(month))},{svg.shown(self.y(spent))}"
            for month, spent in enumerate(course.spent)
        ]


def _point(x: float, y: float) -> str:
    return f"{svg.shown(x)},{svg.shown(y)}"


def cumulated(monthly: float, total: float) -> list[float]:
    """Spending by the end of each month, from `monthly` for the first to `total` after three years.

    Between the two it grows by one rate a month, found by bisection; where none within
    ±20 % does, it is a straight line.
    """
    low, high = -0.2, 0.2
    ratio = total / monthly if monthly > 0 else 0.0
    if not _geometric(low, MONTHS) <= ratio <= _geometric(high, MONTHS):
        return [total / MONTHS * month for month in range(MONTHS + 1)]
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _geometric(middle, MONTHS) < ratio else (low, middle)
    return [*(monthly * _geometric(low, month) for month in range(MONTHS)), total]


def _geometric(rate: float, months: int) -> float:
    return sum((1 + rate) ** month for month in range(months))


def drawn_courses(today: Course, optimized: Course, width: float) -> tuple[list[str], float]:
    """Both courses as SVG parts, and their height."""
    marks = svg.ticks(max(*today.spent, *optimized.spent))
    scale = _Scale((width - _LEFT - _RIGHT) / MONTHS, (_BOTTOM - _TOP) / marks[-1])
    outline = " ".join([*scale.points(today), *reversed(scale.points(optimized))])
    lines = [
        svg.tag("polyline", class_=f"course {course.kind}", points=" ".join(scale.points(course)))
        for course in (today, optimized)
    ]
    upper, lower = sorted((today, optimized), key=lambda course: -course.spent[-1])
    names = [_named_above(upper, scale, width), _named_below(lower, scale, width)]
    area = svg.tag("polygon", class_="between", points=outline)
    return [*_axes(marks, scale, width), area, *lines, *names], _BOTTOM + 30


def _axes(marks: Sequence[float], scale: _Scale, width: float) -> list[str]:
    parts = []
    for mark in marks:
        y = scale.y(mark)
        parts += [svg.line(_LEFT, y, width - _RIGHT, y, "grid")]
        parts += [svg.label(short_money(mark), _LEFT - 8, y + 4, "note", "end")]
    for year in (1, 2, 3):
        parts.append(svg.label(f"Year {year}", scale.x(12 * year - 6), _BOTTOM + 20, "note", "middle"))
    return parts


def _named_above(course: Course, scale: _Scale, width: float) -> str:
    return svg.label(_told(course), width - _RIGHT, scale.y(course.spent[-1]) - 9, "strong halo", "end")


def _named_below(course: Course, scale: _Scale, width: float) -> str:
    """The name under the line: at its left end the line is lowest, so that is where it must clear it."""
    start = (width - _RIGHT - svg.measured(_told(course)) - _LEFT) / scale.across
    y = scale.y(course.spent[max(0, int(start))]) + 18
    return svg.label(_told(course), width - _RIGHT, min(y, _BOTTOM - 6), "strong halo", "end")


def _told(course: Course) -> str:
    return f"{course.name} {short_money(course.spent[-1])}"
