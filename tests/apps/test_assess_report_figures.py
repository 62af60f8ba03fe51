"""The figures: true to the data, whole whatever the data."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from apps.assess_cases import (
    EVIL,
    FULL,
    agent,
    case,
    recommendation,
    rule,
)
from stretto_apps.assess.reports import figures
from stretto_apps.assess.reports.courses import cumulated
from stretto_apps.assess.reports.svg import wrapped
from stretto_apps.assess.types import (
    MissingAgent,
    Priority,
    RuleVerdict,
)

if TYPE_CHECKING:
    from stretto_apps.assess.reports.figures import Figure


def drawn(figure: Figure, kind: str, size: str = "wide") -> list[float]:
    """The lengths of a figure's bars of one kind."""
    root = ET.fromstring(getattr(figure, size))
    return [float(bar.get("width", "")) for bar in root.iter("rect") if bar.get("class") == f"bar {kind}"]


ALL_FIGURES = (
    figures.savings,
    figures.costs,
    figures.confidence,
    figures.compliance,
    figures.heat,
    figures.three_years,
)
LONG = "An action with a name so long that no figure has room for it " * 4
SHAPES = {
    "full": FULL,
    "empty": case(agents=(), lines=(), current=0.0, optimized=0.0),
    "one agent": case(recommendation(LONG), company=LONG),
    "eleven agents": case(
        *[recommendation(f"r{i}") for i in range(60)], agents=tuple(agent(f"a{i}") for i in range(11))
    ),
    "huge": case(recommendation("x", 1e15), current=1e300, optimized=3e299),
    "tiny": case(recommendation("x", 1e-12), current=1e-12, optimized=1e-13),
    "not finite": case(recommendation("x", math.nan), current=math.inf, optimized=math.nan),
    "dearer": case(recommendation("x", 0.0, monthly_cost=99.0), current=100.0, optimized=199.0),
    "evil": case(recommendation("x", action=EVIL + "\x00\ud800"), agents=(agent(title=EVIL),)),
}


@pytest.mark.parametrize("draw", ALL_FIGURES, ids=lambda draw: str(draw.__name__))
@pytest.mark.parametrize("shape", SHAPES)
def test_every_figure_is_well_formed_and_stays_in_its_frame(draw: object, shape: str) -> None:
    """Whatever the data, both pictures parse, name themselves, and draw nothing outside or backwards."""
    assert callable(draw)
    figure = draw(SHAPES[shape])
    for picture, wide in ((figure.wide, 680), (figure.narrow, 340)):
        root = ET.fromstring(picture)
        _, _, width, height = map(float, root.get("viewBox", "").split())
        assert width == wide
        assert root.findtext("title")
        assert root.findtext("desc")
        for box in root.iter("rect"):
            assert 0 <= float(box.get("width", "")) <= width - float(box.get("x", "")) + 0.02
            assert float(box.get("y", "")) + float(box.get("height", "")) <= height + 0.02
        assert "nan" not in picture.split("desc>")[-1]
        assert "inf" not in re.sub(r"<(title|desc|text|tspan)[^>]*>[^<]*", "", picture)
    assert "```" not in figure.text


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_bars_are_as_long_as_their_numbers(size: str) -> None:
    """Lengths are proportional to the data, from 0, in both widths."""
    subject = case(*[recommendation(f"r{i}", float(saving)) for i, saving in enumerate((4000, 1000, 500))])
    first, second, third = drawn(figures.savings(subject), "good", size)
    assert first / second == pytest.approx(4, rel=1e-3)
    assert first / third == pytest.approx(8, rel=1e-3)
    (today,), (optimized,) = (drawn(figures.costs(subject), kind, size) for kind in ("today", "good"))
    assert today / optimized == pytest.approx(10_000 / 6_000, rel=1e-3)


def test_the_budget_line_stands_at_the_budget() -> None:
    """The line's distance from the axis is to the bar's length as the budget is to the cost."""
    root = ET.fromstring(figures.costs(case()).wide)
    (bar,) = (box for box in root.iter("rect") if box.get("class") == "bar today")
    (mark,) = (stroke for stroke in root.iter("line") if stroke.get("class") == "mark")
    start = float(bar.get("x", ""))
    reach = (float(mark.get("x1", "")) - start) / float(bar.get("width", ""))
    assert reach == pytest.approx(12_000 / 10_000, rel=1e-3)


def test_verdicts_are_stacked_in_proportion() -> None:
    """Two met rules are twice as long as one gap, and start where the gap does not."""
    rules = (rule("a", RuleVerdict.MET), rule("b", RuleVerdict.MET), rule("c", RuleVerdict.GAP))
    figure = figures.compliance(case(rules=rules))
    assert drawn(figure, "met")[0] == pytest.approx(2 * drawn(figure, "gap")[0], rel=1e-3)
    assert figure.text == "GDPR: 2 met, 1 gap, 0 not applicable"


def test_confidence_is_drawn_against_certainty() -> None:
    """An agent twice as sure has a bar twice as long, and a missing one has none."""
    subject = case(
        recommendation(),
        agents=(agent("a", confidence=0.4), agent("b", confidence=0.8)),
        missing=(MissingAgent(agent="c", why="lost"),),
    )
    figure = figures.confidence(subject)
    short, long = drawn(figure, "today")
    assert long == pytest.approx(2 * short, rel=1e-3)
    assert "no report" in figure.wide
    assert "no report" in figure.text


def test_small_savings_are_summed_beyond_the_limit() -> None:
    """No saving is dropped from the figure: what has no row of its own is in the last one."""
    subject = case(*[recommendation(f"r{i}", 100.0) for i in range(15)])
    figure = figures.savings(subject, limit=10)
    assert len(drawn(figure, "good")) == 10
    assert drawn(figure, "idle")[0] == pytest.approx(5 * drawn(figure, "good")[0], rel=1e-3)


def test_the_heat_map_holds_every_recommendation_once() -> None:
    """Each is in the cell of its priority and confidence."""
    levels = [(level, sure) for level in Priority for sure in (0.0, 0.59, 0.6, 0.79, 0.8, 1.0)]
    found = [
        recommendation(f"r{i}", priority=level, confidence=sure) for i, (level, sure) in enumerate(levels)
    ]
    figure = figures.heat(case(*found))
    assert figure.text.splitlines()[0] == "critical: 2 under 60% sure, 2 60–80% sure, 2 80% sure or more"
    cells = [
        text.text for text in ET.fromstring(figure.wide).iter("text") if (text.text or "").startswith("R")
    ]
    assert cells == [f"R{first}–R{first + 1}" for first in range(1, 25, 2)]


@pytest.mark.parametrize(
    ("monthly", "total"), [(100.0, 3600.0), (100.0, 5000.0), (100.0, 2500.0), (0.0, 720.0), (1.0, 1e9)]
)
def test_the_three_year_course_meets_what_is_known(monthly: float, total: float) -> None:
    """It starts at 0, never falls, ends at the known total, and passes the first month where a rate can."""
    course = cumulated(monthly, total)
    assert course[0] == 0
    assert course[-1] == pytest.approx(total)
    assert len(course) == 37
    assert all(later >= earlier for earlier, later in pairwise(course))
    if total < 1e6 and monthly:
        assert course[1] == pytest.approx(monthly)
        assert course[36] - course[35] == pytest.approx(
            (course[35] - course[34]) ** 2 / (course[34] - course[33])
        )


def test_long_labels_are_cut_with_their_whole_text_at_hand() -> None:
    """What does not fit ends with an ellipsis and is whole in the title."""
    figure = figures.savings(case(recommendation("x", action=LONG)))
    texts = [text for text in ET.fromstring(figure.narrow).iter("text") if text.find("title") is not None]
    assert texts
    assert " ".join(LONG.split()) in str(texts[0].findtext("title"))
    assert wrapped("alpha beta gamma", 60, 2) == ["alpha", "beta ga…"]
