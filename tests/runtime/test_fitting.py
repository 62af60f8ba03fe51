"""A person's edit becomes a value of the type that was asked about, or is refused with words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, SecretStr

from stretto.errors import InputError
from stretto.runtime.engine.fitting import fitted, fitted_result

if TYPE_CHECKING:
    from collections.abc import Callable


class Mood(Enum):
    GOOD = "good"


@dataclass
class Draft:
    text: str
    size: int = 0


class Order(BaseModel):
    amount: int


@pytest.mark.parametrize(
    ("plain", "original", "expected"),
    [
        ("b", "a", "b"),
        (True, False, True),
        (2, 1, 2),
        (2, 1.5, 2.0),
        (2.5, 1.5, 2.5),
        ([1, "x"], [], [1, "x"]),
        ({"a": 1}, {"b": 2}, {"a": 1}),
        ({"text": "b"}, Draft("a", 3), Draft("b")),
        ({"amount": 2}, Order(amount=1), Order(amount=2)),
        ([{"text": "b"}, {"text": "c"}], [Draft("a")], [Draft("b"), Draft("c")]),
        ({"x": {"amount": 2}}, {"y": Order(amount=1)}, {"x": Order(amount=2)}),
        ([1, 2], (0,), (1, 2)),
        ("good", Mood.GOOD, Mood.GOOD),
        ("2026-11-21", date(2026, 1, 1), date(2026, 11, 21)),
        ({"a": [{"text": "b"}]}, {"a": [Draft("a")]}, {"a": [Draft("b")]}),
        ([{"x": {"text": "b"}}, None], [{"x": Draft("a")}, None], [{"x": Draft("b")}, None]),
        ({"a": [1, 2], "b": {}}, {"a": [], "b": {"c": 1}}, {"a": [1, 2], "b": {}}),
        ("anything", None, "anything"),
    ],
)
def test_what_fits(plain: object, original: object, expected: object) -> None:
    """Plain JSON stays; classes are built and checked by their own fields."""
    found = fitted(plain, original)
    assert found == expected
    assert type(found) is type(expected)


def _to_text() -> str: ...
def _to_counts() -> dict[str, int]: ...
def _to_draft() -> Draft | None: ...
def _to_number() -> int: ...
def _unhinted(): ...  # type: ignore[no-untyped-def]  # that is the point


@pytest.mark.parametrize(
    ("said", "fn", "expected"),
    [
        ("{}", _to_text, "{}"),
        ('{"a": 5}', _to_counts, {"a": 5}),
        ({"a": 5}, _to_counts, {"a": 5}),
        ('{"text": "b"}', _to_draft, Draft("b")),
        ("7", _to_number, 7),
        ("anything", _unhinted, "anything"),
    ],
)
def test_what_a_person_says_a_result_is(said: object, fn: Callable[[], object], expected: object) -> None:
    """A text, or its JSON, by the step's own hint."""
    found = fitted_result(said, fn)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("said", "fn"), [("seven", _to_number), ('{"a": "x"}', _to_counts), ([1], _to_draft)]
)
def test_what_no_result_is(said: object, fn: Callable[[], object]) -> None:
    """The next step must not get it."""
    with pytest.raises(InputError, match="the answer does not fit it: "):
        fitted_result(said, fn)


@pytest.mark.parametrize(
    ("plain", "original", "says"),
    [
        (1, "a", "the value asked about is text; the edit is 1."),
        ("1", 1, "the value asked about is a whole number; the edit is '1'."),
        (1, True, "the value asked about is true or false; the edit is 1."),
        ("x", 1.5, "the value asked about is a number; the edit is 'x'."),
        ({"size": 1}, Draft("a"), r"the edit does not fit Draft\['text'\]: Field required."),
        ({"amount": "many"}, Order(amount=1), r"the edit does not fit Order\['amount'\]"),
        ([{"text": 1}], [Draft("a")], r"the edit does not fit list\[0\]\['text'\]"),
        ("awful", Mood.GOOD, "the edit does not fit Mood"),
        ({"a": [{"size": 1}]}, {"a": [Draft("a")]}, r"the edit does not fit dict\['a'\]\[0\]\['text'\]"),
        (3, [1], "the edit does not fit list"),
        (
            {"password": "•••"},
            {"password": SecretStr("shown to nobody")},
            "stands for a secret that was not shown",
        ),
    ],
)
def test_what_does_not_fit(plain: object, original: object, says: str) -> None:
    """The place and what is wrong there."""
    with pytest.raises(InputError, match=says):
        fitted(plain, original)
