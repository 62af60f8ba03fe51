"""Counts as colored cells: stacked rows of verdicts, and the grid of priorities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.reports import svg
from stretto_apps.assess.reports.wording import PRIORITIES, count, headline, spans
from stretto_apps.assess.types import RuleVerdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stretto_apps.assess.reports.case import Item

VERDICT_KINDS = {RuleVerdict.MET: "met", RuleVerdict.GAP: "gap", RuleVerdict.NOT_APPLICABLE: "idle"}
_WIDE = 480.0


def drawn_stacks(
    rows: Sequence[tuple[str, Mapping[RuleVerdict, int]]], width: float
) -> tuple[list[str], float]:
    """One row of stacked verdicts for each name, all on one scale, under a legend; and the height."""
    if not rows:
        return [svg.label("No framework was asked for.", 0, 18, "note")], 28.0
    left, top, step = 80.0, 34.0, 34.0
    scale = (width - left) / max(1, *(sum(tally.values()) for _, tally in rows))
    parts = _legend(left if width >= _WIDE else 0.0)
    for index, (name, tally) in enumerate(rows):
        y = top + index * step
        parts += [svg.label(name, 0, y + 16), *_stack(tally, left, y, scale)]
    return parts, top + len(rows) * step


def _stack(tally: Mapping[RuleVerdict, int], x: float, y: float, scale: float) -> list[str]:
    parts = []
    for verdict, amount in tally.items():
        length = amount * scale
        kind = VERDICT_KINDS[verdict]
        if amount:
            parts.append(svg.rect(x, y, length, 24, f"bar {kind}", f"{amount} {verdict.value}"))
        if length > 18:
            parts.append(svg.label(str(amount), x + length / 2, y + 17, f"on-{kind}", "middle"))
        x += length
    return parts


def _legend(x: float) -> list[str]:
    parts = []
    for verdict, kind in VERDICT_KINDS.items():
        parts += [svg.rect(x, 6, 12, 12, kind), svg.label(verdict.value, x + 18, 16, "note")]
        x += 34 + svg.measured(verdict.value)
    return parts


def drawn_grid(
    columns: Sequence[str], rows: Sequence[Sequence[Sequence[Item]]], width: float
) -> tuple[list[str], float]:
    """A row of cells for each priority, each naming the recommendations in it; and the height."""
    left, top, height = 64.0, 24.0, 42.0
    cell = (width - left) / len(columns)
    short = [name if width >= _WIDE else name.replace(" sure", "") for name in columns]
    parts = [svg.label(name, left + cell * (i + 0.5), 14, "note", "middle") for i, name in enumerate(short)]
    for row, (level, found) in enumerate(zip(PRIORITIES, rows, strict=True)):
        y = top + row * height
        parts.append(svg.label(level.value.capitalize(), 0, y + height / 2 + 4))
        for column, items in enumerate(found):
            parts += _cell(items, level.value, (left + cell * column, y, cell - 4, height - 4))
    return parts, top + len(rows) * height


def _cell(items: Sequence[Item], level: str, box: tuple[float, float, float, float]) -> list[str]:
    x, y, width, height = box
    if not items:
        return [svg.rect(x, y, width, height, "cell empty")]
    refs = spans([item.ref for item in items])
    shown = refs if svg.measured(refs) < width - 12 else count(len(items), "item")
    hint = "; ".join(f"{item.ref} {headline(item.recommendation.action)}" for item in items)
    name = svg.label(shown, x + width / 2, y + height / 2 + 4, f"on-{level}", "middle")
    return [svg.rect(x, y, width, height, f"cell {level}", hint), name]
