"""Recipes in words from the database alone: nothing is left out, and the English is right."""

from __future__ import annotations

import re

import pytest

from stretto_apps.cocktail.bar import Drink, load_bar
from stretto_apps.cocktail.recipes import in_words, measures, steps
from stretto_apps.cocktail.types import Swap

BAR = load_bar()
DRINKS = sorted(BAR.drinks.values(), key=lambda drink: drink.id)


def text_of(drink: Drink, skill: str = "intermediate", *swaps: Swap) -> str:
    """The steps as one text."""
    return " ".join(steps(BAR, drink, swaps, skill))


@pytest.mark.parametrize("drink", DRINKS, ids=lambda drink: drink.id)
def test_every_ingredient_is_used_once_and_told(drink: Drink) -> None:
    """Each is named in the steps, no blank is left where none was, and every step ends in a full stop."""
    written = steps(BAR, drink, (), "beginner")
    text = " ".join(written)
    for measure in measures(BAR, drink, ()):
        assert measure.ingredient in text
    assert all(re.fullmatch(r"[A-Z].*\.", step) for step in written)
    assert not re.search(r"  | ,| \.|\band (?:with|into|hard|and)\b|\ba [aeio]", text), text
    assert 1 <= len(written) <= 8


@pytest.mark.parametrize("drink", DRINKS, ids=lambda drink: drink.id)
def test_it_ends_in_its_glass(drink: Drink) -> None:
    """The glass is named, and the garnish where there is one."""
    assert drink.glass in text_of(drink)
    assert f"Garnish: {drink.garnish}." in text_of(drink) or not drink.garnish


def named(name: str) -> Drink:
    """One drink."""
    return BAR.drinks[name]


IN_WORDS = {
    "negroni": """Stir gin, Campari and sweet vermouth with ice in a mixing glass for 30 seconds.
        Strain into a rocks glass filled with ice cubes. Garnish: orange slice.""",
    "sazerac": """Swirl the absinthe in a chilled rocks glass and pour off what does not cling.
        Press sugar cube and Peychaud's bitters gently together in a mixing glass.
        Add cognac, and stir with ice in a mixing glass for 30 seconds.
        Strain into the rocks glass. Garnish: lemon twist.""",
    "mojito": """Press lime juice, mint leaves and sugar gently together in a highball glass.
        Add ice cubes and white rum. Top up with soda water. Garnish: mint sprig and lime slice.""",
    "irish-coffee": """Warm a heatproof glass with hot water and empty it.
        Stir Irish whiskey, hot coffee and sugar in it. Lay the cream on top, slowly over the back of a spoon.""",
    "b-52": """Pour into a shot glass in this order, each slowly over the back of a spoon:
        coffee liqueur, Irish cream and orange curaçao.""",
    "tequila-sunrise": """Fill a highball glass with ice cubes, add tequila and orange juice and stir briefly.
        Let the grenadine run in slowly. Garnish: orange slice and cocktail cherry.""",
    "mint-julep": """Press mint leaves, sugar and water gently together in a julep cup. Fill up with crushed ice,
        add bourbon and twirl a long spoon until the glass frosts over. Garnish: mint sprig.""",
    "old-cuban": """Shake aged rum, lime juice, sugar syrup, Angostura bitters and mint leaves hard with ice for
        12 seconds. Strain through a fine sieve into a chilled coupe. Top up with champagne. Garnish: mint leaf.""",
    "salty-dog": """Moisten the rim of a highball glass and dip it in salt. Fill the highball glass with ice cubes,
        add vodka and grapefruit juice and stir briefly. Garnish: grapefruit slice.""",
    "golden-milk": """Heat milk, honey syrup, ground turmeric, ground cinnamon and black pepper gently in a small pan,
        without boiling, and pour into a mug. Garnish: grated nutmeg.""",
    "brazilian-lemonade": """Blend limes, condensed milk, sugar syrup and water with a cup of crushed ice until smooth.
        Pour over ice into a highball glass. Garnish: lime wheel.""",
    "champagne-cocktail": """Press sugar cube and Angostura bitters gently together in a flute. Add cognac.
        Top up with champagne. Garnish: orange twist and cocktail cherry.""",
}


@pytest.mark.parametrize("name", IN_WORDS)
def test_each_method_in_words(name: str) -> None:
    """One drink of each kind, word for word."""
    assert text_of(named(name)) == " ".join(IN_WORDS[name].split())


def test_a_beginner_is_told_what_to_look_for() -> None:
    """The steps are the same; a hint is added where the method has one."""
    plain, told = text_of(named("daiquiri")), text_of(named("daiquiri"), "beginner")
    assert "too cold to hold" in told
    assert plain == text_of(named("daiquiri"), "expert")
    assert len(told) > len(plain)


def test_a_stand_in_is_used_and_noted() -> None:
    """The steps name what is poured, and the list says for what it stands in."""
    swap = Swap(ingredient="triple sec", stand_in="orange curaçao", change="rounder")
    lines = [str(line) for line in measures(BAR, named("margarita"), [swap])]
    assert "20 ml orange curaçao (for triple sec: rounder)" in lines
    text = text_of(named("margarita"), "expert", swap)
    assert "orange curaçao" in text
    assert "triple sec" not in text


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("mojito", "10 mint leaves"),
        ("old-fashioned", "1 sugar cube"),
        ("old-fashioned", "3 dashes Angostura bitters"),
        ("brazilian-lemonade", "2 limes"),
        ("caipirinha", "8 lime wedges"),
        ("blueberry-smash", "10 blueberries"),
        ("strawberry-daiquiri-without-rum", "6 strawberries"),
        ("bramble", "12.5 ml sugar syrup"),
    ],
)
def test_amounts_as_one_writes_them(name: str, line: str) -> None:
    """Counted things come in the plural, and no number has a needless decimal."""
    assert line in [str(each) for each in measures(BAR, named(name), ())]


def test_lists_in_words() -> None:
    """None, one, two and three."""
    assert [in_words("abc"[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]
