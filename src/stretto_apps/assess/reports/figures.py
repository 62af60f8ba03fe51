"""The figures of the reports, drawn here as SVG.

Each is drawn twice, for a page and for a phone, since letters must not shrink with the picture; and told a
third time as lines of text for the Markdown. Lengths are proportional to the data and start at 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto_apps.assess.reports import svg
from stretto_apps.assess.reports.bars import Bar, BarLayout, drawn_bars, text_bars
from stretto_apps.assess.reports.cells import VERDICT_KINDS, drawn_grid, drawn_stacks
from stretto_apps.assess.reports.courses import Course, cumulated, drawn_courses
from stretto_apps.assess.reports.markdown import Md
from stretto_apps.assess.reports.wording import (
    FRAMEWORK_NAMES,
    PRIORITIES,
    count,
    finite,
    headline,
    money,
    percent,
    short_money,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stretto_apps.assess.reports.case import Case, Item
    from stretto_apps.assess.types import Framework, Priority, RuleVerdict

WIDE, NARROW = 680.0, 340.0
_CONFIDENCES = (("under 60% sure", 0.0, 0.6), ("60–80% sure", 0.6, 0.8), ("80% sure or more", 0.8, 2.0))

Drawing = tuple[list[str], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `wide` and `narrow` are SVG, `text` says the same in lines."""

    name: str
    title: str
    description: str
    text: str
    wide: str
    narrow: str

    @property
    def fence(self) -> Md:
        """Its place in the Markdown: readable as text there, replaced by the picture in the page."""
        return Md(f"```figure {self.name}\n{self.title}\n\n{self.text}\n```")


def _figure(name: str, title: str, description: str, text: str, draw: Callable[[float], Drawing]) -> Figure:
    pictures = []
    for size, width in (("wide", WIDE), ("narrow", NARROW)):
        parts, height = draw(width)
        pictures.append(svg.frame(f"{name}-{size}", title, description, (width, height), parts))
    return Figure(name, title, description, text, *pictures)


def bar_figure(name: str, title: str, description: str, bars: Sequence[Bar], layout: BarLayout) -> Figure:
    """Horizontal bars as a figure: pictures in both widths, and text."""
    return _figure(
        name, title, description, text_bars(bars, layout), lambda width: drawn_bars(bars, layout, width)
    )


def savings(case: Case, limit: int = 12) -> Figure:
    """What each recommendation takes off the monthly bill, largest first; those beyond `limit` are summed."""
    ranked = sorted((item for item in case.items if item.net > 0), key=lambda item: -finite(item.net))
    bars = [_saving_bar(item) for item in ranked[:limit]]
    rest = ranked[limit:]
    if rest:
        total = sum(finite(item.net) for item in rest)
        bars.append(Bar(f"{len(rest)} smaller ones together", total, f"{short_money(total)} a month", "idle"))
    described = f"{count(len(ranked), 'recommendation')} lower the monthly bill."
    if ranked:
        described += (
            f" The largest, {headline(ranked[0].recommendation.action)}, saves {money(ranked[0].net)}."
        )
    return bar_figure(
        "savings",
        "Monthly saving by recommendation",
        described,
        bars,
        BarLayout(empty="No recommendation lowers the monthly bill."),
    )


def _saving_bar(item: Item) -> Bar:
    label = f"{item.ref} {headline(item.recommendation.action)}"
    return Bar(label, finite(item.net), f"{short_money(item.net)} a month", "good")


def costs(case: Case) -> Figure:
    """The bill today and with the recommendations, against the budget."""
    cost = case.cost
    bars = [
        Bar("Today", finite(cost.current_monthly), f"{short_money(cost.current_monthly)} a month", "today"),
        Bar(
            "Optimized",
            finite(cost.optimized_monthly),
            f"{short_money(cost.optimized_monthly)} a month",
            "good",
        ),
    ]
    described = (
        f"Today {money(cost.current_monthly)} a month, with all recommendations "
        f"{money(cost.optimized_monthly)}, against a budget of {money(cost.budget)}."
    )
    layout = BarLayout(
        label_width=90, mark=finite(cost.budget), mark_note=f"Budget {short_money(cost.budget)}"
    )
    return bar_figure("costs", "Monthly cost against the budget", described, bars, layout)


def confidence(case: Case) -> Figure:
    """How sure each agent is and its part of the recommendations; missing agents have an empty row."""
    total = len(case.items)
    bars = [
        Bar(
            case.agent_name(report.agent),
            finite(report.confidence),
            f"{percent(report.confidence)} · {len(case.items_of(report.agent))} of {total}",
            "today",
        )
        for report in case.agents
    ]
    lost = case.synthesis.missing
    bars += [Bar(case.agent_name(agent.agent), 0.0, "no report", "absent") for agent in lost]
    described = (
        f"{count(len(case.agents), 'agent')} reported, {count(len(lost), 'agent')} did not. "
        f"Overall confidence {percent(case.synthesis.confidence)}."
    )
    return bar_figure(
        "confidence",
        "Confidence of each agent, and its share of the recommendations",
        described,
        bars,
        BarLayout(limit=1.0, label_width=200, empty="No agent reported."),
    )


def compliance(case: Case) -> Figure:
    """Every framework's rules: met, gap and not applicable, stacked."""
    rows = [(FRAMEWORK_NAMES[framework], _tally(case, framework)) for framework in case.frameworks]
    told = [f"{name}: {_verdicts(tally)}" for name, tally in rows]
    return _figure(
        "compliance",
        "Compliance rules by framework",
        f"Score: {case.compliance_score}. " + ". ".join(told),
        "\n".join(told) or "No framework was asked for.",
        lambda width: drawn_stacks(rows, width),
    )


def _tally(case: Case, framework: Framework) -> dict[RuleVerdict, int]:
    verdicts = [rule.verdict for rule in case.compliance.results if rule.framework is framework]
    return {verdict: verdicts.count(verdict) for verdict in VERDICT_KINDS}


def _verdicts(tally: Mapping[RuleVerdict, int]) -> str:
    met, gaps, idle = (tally[verdict] for verdict in VERDICT_KINDS)
    return f"{met} met, {count(gaps, 'gap')}, {idle} not applicable"


def heat(case: Case) -> Figure:
    """Recommendations by priority and confidence: what is urgent and sure is at the upper right."""
    names = [name for name, _, _ in _CONFIDENCES]
    cells = [[_items_in(case, level, low, high) for _, low, high in _CONFIDENCES] for level in PRIORITIES]
    told = [_told_row(level, names, row) for level, row in zip(PRIORITIES, cells, strict=True)]
    return _figure(
        "priorities",
        "Recommendations by priority and confidence",
        "; ".join(" ".join(row.split()) for row in told) + ".",
        "\n".join(told),
        lambda width: drawn_grid(names, cells, width),
    )


def _told_row(level: Priority, names: Sequence[str], row: Sequence[Sequence[Item]]) -> str:
    counts = ", ".join(f"{len(items)} {name}" for name, items in zip(names, row, strict=True))
    return f"{level.value + ':':<10}{counts}"


def _items_in(case: Case, level: Priority, low: float, high: float) -> list[Item]:
    """The recommendations of one priority whose confidence is at least `low` and below `high`."""
    return [
        item
        for item in case.items
        if item.recommendation.priority is level and low <= item.recommendation.confidence < high
    ]


def three_years(case: Case) -> Figure:
    """What has been spent by each month of three years, as today and with the recommendations."""
    cost = case.cost
    spent_today = cumulated(finite(cost.current_monthly), finite(cost.three_year_current))
    spent_optimized = cumulated(finite(cost.optimized_monthly), finite(cost.three_year_optimized))
    today, optimized = Course("As today", spent_today, "today"), Course("Optimized", spent_optimized, "good")
    years = [
        f"after year {year}: as today {short_money(today.spent[12 * year])}, "
        f"optimized {short_money(optimized.spent[12 * year])}"
        for year in (1, 2, 3)
    ]
    return _figure(
        "three-years",
        "Cumulated cost over three years",
        f"Over three years {money(cost.three_year_current)} as today, and "
        f"{money(cost.three_year_optimized)} with the recommendations.",
        "\n".join(years),
        lambda width: drawn_courses(today, optimized, width),
    )


def scorecard(case: Case) -> Figure:
    """The headline figures: the page sets these as a list of definitions, which fits every width."""
    pairs = [
        ("Cost today", f"{short_money(case.cost.current_monthly)} a month"),
        ("Optimized", f"{short_money(case.cost.optimized_monthly)} a month"),
        ("Saving" if case.saving >= 0 else "Added cost", f"{short_money(abs(case.saving))} a month"),
        ("Budget used", percent(case.cost.budget_used)),
        ("Compliance", case.compliance_score),
        ("Confidence", percent(case.synthesis.confidence)),
    ]
    cards = "".join(svg.tag("div", svg.tag("dt", name), svg.tag("dd", value)) for name, value in pairs)
    text = "\n".join(f"{name:<12} {value}" for name, value in pairs)
    described = "; ".join(f"{name.lower()} {value}" for name, value in pairs)
    return Figure("scorecard", "At a glance", described, text, svg.tag("dl", cards, class_="scorecard"), "")
