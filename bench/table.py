"""Tables of figures, each line with its target and whether it was met."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Row", "Sample", "Table"]


class Sample(NamedTuple):
    """Repeats of one measurement: the median, and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Sample:
        """From at least two values."""
        low, _, high = quantiles(values, n=4, method="inclusive")
        return cls(median(values), low, high)

    def text(self, digits: int = 1) -> str:
        """``7.4 [7.2–7.9]``."""
        return f"{self.median:.{digits}f} [{self.low:.{digits}f}–{self.high:.{digits}f}]"


class Row(NamedTuple):
    """One line. `data` are its figures by name, for the JSON copy; without target it is for comparison."""

    cells: tuple[str, ...]
    data: dict[str, float]
    target: str = ""
    is_met: bool | None = None

    @property
    def verdict(self) -> str:
        """``ok``, ``MISSED`` or nothing."""
        return "" if self.is_met is None else "ok" if self.is_met else "MISSED"


@dataclass
class Table:
    """A title, what the columns are, and the lines."""

    title: str
    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)

    def text(self) -> str:
        """The table as it is printed."""
        lines = [(*self.columns, "target", ""), *map(self._line, self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        body = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join([self.title, *(f"  {line}" for line in body)])

    def _line(self, row: Row) -> tuple[str, ...]:
        """A line's cells, filled up to the columns."""
        rest = len(self.columns) - len(row.cells)
        return (*row.cells, *[""] * rest, row.target, row.verdict)

    def plain(self) -> dict[str, object]:
        """The table for JSON."""
        rows = [
            {"name": row.cells[0], **row.data, "target": row.target, "ok": row.is_met} for row in self.rows
        ]
        return {"title": self.title, "rows": rows}

    @property
    def missed(self) -> list[str]:
        """Names of the lines that missed their target."""
        return [row.cells[0] for row in self.rows if row.is_met is False]
