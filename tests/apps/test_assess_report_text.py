"""How the reports write numbers, and how Markdown is kept from what data may say."""

from __future__ import annotations

import math

import pytest

from apps.assess_cases import (
    LISTED,
    Page,
    built,
    case,
    recommendation,
)
from stretto_apps.assess.reports.markdown import escaped, prose, slug, table
from stretto_apps.assess.reports.svg import ticks
from stretto_apps.assess.reports.wording import (
    clean,
    money,
    number,
    percent,
    provenance,
    quantity,
    short_money,
    spans,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "$0"),
        (0.0000166667, "$0.00001667"),
        (0.096, "$0.096"),
        (12.5, "$12.50"),
        (99.999, "$100.00"),
        (1234.5, "$1,234"),
        (-420, "−$420"),
        (1e18, "$1.00e+18"),
        (math.nan, "n/a"),
    ],
)
def test_money_keeps_the_digits_that_matter(value: float, text: str) -> None:
    """Prices under a dollar keep four digits, bills lose their cents."""
    assert money(value) == text


def test_numbers_read_well() -> None:
    """Quantities, percentages and short money, at their edges."""
    assert [short_money(x) for x in (9_999, 48_230, 1.25e6, 3e12)] == ["$9,999", "$48.2K", "$1.25M", "$3T"]
    assert [percent(x) for x in (0, 0.004, 0.55, 0.998, 1, 1.5)] == [
        "0%",
        "under 1%",
        "55%",
        "99%",
        "100%",
        "150%",
    ]
    assert [number(x) for x in (0, 0.25, 12.345, 12345.6, -3, math.inf)] == [
        "0",
        "0.25",
        "12.35",
        "12,346",
        "−3",
        "n/a",
    ]
    assert quantity(0.48, "USD/hour") == "$0.48 an hour"
    assert quantity(0.12, "USD per GB-month") == "$0.12 per GB-month"
    assert [quantity(1, "rules"), quantity(1, "GB-months"), quantity(1, "ms")] == [
        "1 rule",
        "1 GB-month",
        "1 ms",
    ]
    assert spans(["R7", "R1", "R2", "R3"]) == "R1–R3, R7"
    assert [quantity(99.95, "percent"), quantity(3, "count"), quantity(2, "GB")] == ["99.95%", "3", "2 GB"]
    assert provenance(LISTED) == "AWS list, eu-central-1, as of 2025-06-01"


def test_ticks_are_round_and_reach_the_limit() -> None:
    """An axis ends at or just above the largest value, in round steps."""
    assert ticks(1000) == [0, 250, 500, 750, 1000]
    assert ticks(0) == [0, 1]
    for limit in (3e-7, 1.01, 7.7, 123_456, 8.9e12):
        marks = ticks(limit)
        assert limit * 0.999 <= marks[-1] <= limit * 2
        assert 3 <= len(marks) <= 7


@pytest.mark.parametrize(
    "text", ["a | b", "<b>", "# h", "- x", "1. x", "> q", "_u_", "*s*", "[l](#x)", "`c`", "&lt;", "a\nb"]
)
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    """Whatever a value holds, the page shows just its characters, on one line."""
    subject = case(recommendation("x", reason=text))
    page = Page(built("technical", subject).html)
    assert f"Reason: {' '.join(text.split())}" in page.text
    assert "\n" not in escaped(text)


def test_prose_keeps_lists_and_loses_headings() -> None:
    """A model's list stays a list; its headings, quotes and fences become plain lines."""
    assert prose("- a\n- b\n\n1. c") == "- a\n- b\n\n1. c"
    assert prose("# Title") == "\\# Title"
    assert prose("- ## Title") == "- \\## Title"
    assert prose("> quoted\n---") == "\\> quoted\n\\---"
    assert prose("```figure costs") == "\\`\\`\\`figure costs"
    assert prose(" \n ") == "The model gave no words for this report."


def test_a_table_keeps_its_columns() -> None:
    """Pipes in cells are escaped, empty cells are filled, numbers are set to the right."""
    assert table(("A", "B>"), [("x|y", "")]) == "| A | B |\n| --- | ---: |\n| x\\|y | – |"


def test_anchors_are_as_code_hosts_make_them() -> None:
    """Lower case, punctuation dropped, spaces as hyphens."""
    assert slug("R1: Move PostgreSQL 11 (now)") == "r1-move-postgresql-11-now"


def test_text_that_no_page_can_hold_is_replaced() -> None:
    """Control characters and lone surrogates become the replacement character."""
    assert clean("a\x00b\ud800c") == "a\ufffdb\ufffdc"
    assert "a\ufffdb" in built("technical", case(company="a\x00b")).html
