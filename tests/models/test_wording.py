"""`models/wording.py`: numbers, units, lists, labels and sentences."""

from __future__ import annotations

import pytest

from stretto.models.wording import Lexicon, count_word, is_plural, join, label_of, number, quantity, sentence


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1200, "1,200"), (-4, "-4"), (2.0, "2"), (99.95, "99.95"), (31.254, "31.25"),
        (123.46, "123.5"), (8234.56, "8,234.6"), (12345.6, "12,346"), (1000.04, "1,000"),
        (0.0416, "0.0416"), (0.00041, "0.00041"), (1.5e-9, "1.5e-09"), (2.5e15, "2.5e+15"),
    ],
)  # fmt: skip
def test_a_number_shows_the_decimals_that_tell_something(value: float, text: str) -> None:
    """Thousands are separated; the bigger the number, the fewer the decimals."""
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "label", "text"),
    [
        (4200, "USD/month", "", "$4,200 a month"),
        (4200.4, "$", "", "$4,200"),
        (12.5, "usd per hour", "", "$12.50 an hour"),
        (-0.0416, "USD/GB", "", "-$0.0416 per GB"),
        (99.9, "percent", "", "99.9%"),
        (42, "%", "", "42%"),
        (2.5, "x", "", "2.5×"),
        (3, "count", "", "3"),
        (12, "engineers", "", "12 engineers"),
        (1, "hours a day", "", "1 hour a day"),
        (5400, "GB", "egress GB", "5,400"),
        (1200, "requests/s", "requests per second", "1,200"),
        (5400, "GB/month", "egress GB", "5,400 GB/month"),
        (2019, "", "founding year", "2019"),
        (2019, "", "tickets", "2,019"),
        ("eu-west-1", "", "", "eu-west-1"),
        (True, "", "", "yes"),
        (False, "", "", "no"),
    ],
)
def test_a_quantity_reads_like_its_unit(value: object, unit: str, label: str, text: str) -> None:
    """Money, percents, factors, counts and years each have their own form."""
    assert quantity(value, unit, label) == text


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b, and c"),
        (["a, b", "c"], "a, b; and c"), (["$1,200", "b"], "$1,200 and b"),
    ],
)  # fmt: skip
def test_lists_are_joined_with_the_serial_comma(items: list[str], text: str) -> None:
    """Items that hold a comma of their own are parted by semicolons."""
    assert join(items) == text


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("monthly_budget", "monthly budget"),
        ("apiSlo", "API SLO"),
        ("gpu_hours", "GPU hours"),
        ("mlops", "MLOps"),
    ],
)
def test_field_names_become_words(key: str, label: str) -> None:
    """Underscores and humps become blanks, acronyms capitals."""
    assert label_of(key) == label


def test_plural_labels_are_told_by_their_head_noun() -> None:
    """Only the head noun decides, and words like access or AWS are singular."""
    assert [is_plural(text) for text in ("gaps in the design", "requests per second", "open tickets")] == [
        True
    ] * 3
    assert [is_plural(text) for text in ("cost of servers", "access", "AWS", "analysis", "status")] == [
        False
    ] * 5


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("all is well", "All is well."), ("eu-west-1 is full", "eu-west-1 is full."), ("Done!", "Done!"),
        ("two parts:", "Two parts."), ("  ", ""), ("gRPC is on", "gRPC is on."),
    ],
)  # fmt: skip
def test_sentences_begin_big_and_end_with_a_stop(text: str, made: str) -> None:
    """Only ordinary words get a capital."""
    assert sentence(text) == made


def test_a_phrase_moved_into_a_sentence_keeps_the_capitals_of_names() -> None:
    """Names are known from the data: capitals inside a text, and values under name keys."""
    lexicon = Lexicon.of({"company": "Acme Foods", "notes": ["Ask Mira about it. Then go."]})
    inner = [
        lexicon.inner(text)
        for text in ("Acme grows.", "Mira knows", "Then go.", "AWS bill", "A plan", "Kafka lags")
    ]
    assert inner == ["Acme grows", "Mira knows", "then go", "AWS bill", "a plan", "Kafka lags"]


def test_counts_are_words_up_to_twenty() -> None:
    """Above twenty there is no word."""
    assert [count_word(n) for n in (0, 3, 20, 21)] == ["no", "three", "twenty", ""]
