"""Orders: names people use for bottles, and what is said about wrong ones."""

from __future__ import annotations

import pytest

from stretto.errors import PermanentError
from stretto_apps.cocktail.bar import load_bar
from stretto_apps.cocktail.order import MOOD_LENGTH, read_order, suggestions

BAR = load_bar()


def taken(*cabinet: str) -> tuple[str, ...]:
    """The cabinet in the catalog's names."""
    return read_order(BAR, list(cabinet), "cocktail", "beginner", "fast", "").cabinet


def refused(**wrong: object) -> str:
    """What is said about an order that is wrong in these fields."""
    order = {
        "cabinet": ["gin"],
        "drink_type": "cocktail",
        "skill_level": "beginner",
        "mode": "fast",
        "mood": "",
    }
    with pytest.raises(PermanentError) as caught:
        read_order(BAR, **{**order, **wrong})  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Gin", "gin"),
        (" CAMPARI ", "campari"),
        ("Cointreau", "triple sec"),
        ("creme de cassis", "crème de cassis"),
        ("Kahlua", "coffee liqueur"),
        ("Peychaud’s", "peychaud's bitters"),
        ("coca-cola", "cola"),
    ],
)
def test_bottles_are_known_by_many_names(said: str, name: str) -> None:
    """Case, accents and brands do not matter."""
    assert taken(said) == (name,)


def test_a_bottle_named_twice_is_one_bottle() -> None:
    """The order stays as it was given."""
    assert taken("gin", "Cointreau", "triple sec", "Gin") == ("gin", "triple sec")


@pytest.mark.parametrize(
    ("said", "near"),
    [
        ("ginn", {"gin"}),
        ("campary", {"campari"}),
        ("vermouth", {"sweet vermouth", "dry vermouth"}),
        ("rum", {"white rum", "aged rum", "dark rum", "overproof rum", "rhum agricole"}),
        ("whiskey", {"bourbon", "rye whiskey", "irish whiskey"}),
    ],
)
def test_an_unknown_bottle_is_answered_with_near_ones(said: str, near: set[str]) -> None:
    """What was mistyped, or is a kind of bottle and not a bottle, leads to names that exist."""
    assert near <= set(suggestions(BAR, said))
    assert f"there is no bottle {said!r}. Did you mean '" in refused(cabinet=["gin", said])


def test_what_is_like_nothing_is_told_to_be_left_out() -> None:
    """There is no suggestion where none helps."""
    assert suggestions(BAR, "zzzz") == []
    assert "cabinet: 'zzzz' is in no drink of the database. Leave it out." in refused(cabinet=["zzzz"])
    assert "cabinet: '' is in no drink" in refused(cabinet=[""])


@pytest.mark.parametrize("wrong", ["gin", {"gin": 1}, None])
def test_a_cabinet_is_a_list(wrong: object) -> None:
    """A lone text is not taken for a list of letters."""
    assert "cabinet: give a list of bottles" in refused(cabinet=wrong)


@pytest.mark.parametrize("field", ["drink_type", "skill_level", "mode"])
def test_choices_are_listed(field: str) -> None:
    """The error names the field, the wrong word and the right ones."""
    text = refused(**{field: "odd"})
    assert f"{field}: 'odd' is unknown. Use one of " in text


def test_a_mood_is_short() -> None:
    """A novel is no mood."""
    assert f"mood: {MOOD_LENGTH + 1} characters are too many" in refused(mood="x" * (MOOD_LENGTH + 1))


def test_everything_wrong_is_told_at_once() -> None:
    """One line a problem."""
    text = refused(cabinet=["ginn", "zzzz"], mode="slow", skill_level="god")
    assert text.count("\n  - ") == 4
