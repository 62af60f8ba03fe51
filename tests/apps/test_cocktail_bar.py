"""The drinks database: complete, plausible, without duplicates, right about the classics; and its loader."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stretto.errors import DefinitionError
from stretto_apps.cocktail.bar import ROLES, Drink, load_bar, plain, read_bar
from stretto_apps.cocktail.ranking import swaps_for

if TYPE_CHECKING:
    from collections.abc import Callable

BAR = load_bar()
DRINKS = sorted(BAR.drinks.values(), key=lambda drink: drink.id)
DATA = Path(__file__).parents[2] / "src" / "stretto_apps" / "cocktail" / "data"
LEAST_AND_MOST = {  # of one part, by unit
    "ml": (2.5, 200), "dash": (1, 1), "dashes": (2, 4), "drop": (1, 1), "drops": (2, 8), "barspoon": (1, 1),
    "barspoons": (2, 3), "tsp": (1, 4), "pinch": (1, 1), "cube": (1, 1), "leaves": (2, 15), "slices": (2, 6),
    "piece": (1, 1), "pieces": (2, 10),
}  # fmt: skip


def milliliters(drink: Drink) -> float:
    """What is poured, of all that is measured in ml."""
    return sum(part.amount for part in drink.parts if part.unit == "ml" and part.role != "rinse")


def test_there_are_enough_drinks() -> None:
    """At least 100 cocktails and 40 mocktails."""
    kinds = Counter(drink.kind for drink in DRINKS)
    assert kinds["cocktail"] >= 100
    assert kinds["mocktail"] >= 40


def test_the_files_of_mocktails_hold_mocktails_and_the_others_none() -> None:
    """A drink's kind follows from what is in it, and it lies in the file of its kind."""
    in_file = set((DATA / "drinks" / "mocktails.toml").read_text(encoding="utf-8").split("\n"))
    for drink in DRINKS:
        assert (f'["{drink.name}"]' in in_file) == (drink.kind == "mocktail"), drink.name


def test_every_drink_can_be_made_from_some_cabinet() -> None:
    """From its own ingredients, without a swap; and from nothing less unless a swap stands in."""
    for drink in DRINKS:
        own = frozenset(name for name in drink.ingredients if not BAR.bottles[name].is_at_hand)
        assert swaps_for(BAR, drink, own) == ()
        for name in own:
            swaps = swaps_for(BAR, drink, own - {name})
            assert swaps is None or [swap.ingredient for swap in swaps] == [name]


def test_every_ingredient_is_in_the_catalog_and_every_bottle_is_used() -> None:
    """The catalog holds what the drinks need and nothing else."""
    assert {name for drink in DRINKS for name in drink.ingredients} == set(BAR.bottles)


def test_no_two_drinks_are_the_same() -> None:
    """Neither by name nor by what is in them, how they are made and garnished (an onion makes the Gibson)."""
    names = Counter(plain(drink.name) for drink in DRINKS)
    contents = Counter((frozenset(drink.parts), drink.method, drink.garnish) for drink in DRINKS)
    assert [name for name, count in names.items() if count > 1] == []
    assert [parts for parts, count in contents.items() if count > 1] == []


def test_no_drink_lists_an_ingredient_twice() -> None:
    """One part an ingredient."""
    assert [drink.name for drink in DRINKS if len(drink.ingredients) != len(drink.parts)] == []


@pytest.mark.parametrize("drink", DRINKS, ids=lambda drink: drink.id)
def test_quantities_are_plausible(drink: Drink) -> None:
    """Each part is of a size one pours, and the whole fills its glass and does not overflow it."""
    for part in drink.parts:
        least, most = LEAST_AND_MOST[part.unit]
        assert least <= part.amount <= most, part
        assert part.role in ("", *ROLES)
    total = milliliters(drink)
    assert (40 if drink.ice != "none" else 60) <= total <= 330
    if drink.glass in ("cocktail glass", "coupe"):
        assert total <= 160
    if drink.glass == "shot glass":
        assert total <= 60


def test_a_cocktail_has_a_sensible_strength() -> None:
    """Spirits, liqueurs and wine make between 10 and 250 ml, and a mocktail has none."""
    for drink in DRINKS:
        strong = sum(
            p.amount for p in drink.parts if p.unit == "ml" and BAR.bottles[p.ingredient].has_alcohol
        )
        assert (10 <= strong <= 250) if drink.kind == "cocktail" else strong == 0, drink.name


def test_names_and_aliases_mean_one_thing() -> None:
    """No alias is another bottle's name or alias, with accents or without."""
    found = Counter(
        spelling
        for bottle in BAR.bottles.values()
        for spelling in {plain(bottle.name), *(plain(alias) for alias in bottle.aliases)}
    )
    assert [name for name, count in found.items() if count > 1] == []


# After the recent lists of the International Bartenders Association, whose editions differ: so that no figure
# changes by accident, each is written down here once more.
CLASSICS = {
    "Negroni": "30 gin, 30 campari, 30 sweet vermouth",
    "Dry Martini": "60 gin, 10 dry vermouth",
    "Daiquiri": "60 white rum, 20 lime juice, 2 barspoons sugar",
    "Margarita": "50 tequila, 20 triple sec, 15 lime juice, 1 pinch salt",
    "Manhattan": "50 rye whiskey, 20 sweet vermouth, 1 dash angostura bitters",
    "Boulevardier": "45 bourbon, 30 campari, 30 sweet vermouth",
    "Sidecar": "50 cognac, 20 triple sec, 20 lemon juice",
    "White Lady": "40 gin, 30 triple sec, 20 lemon juice",
    "Aviation": "45 gin, 15 maraschino liqueur, 15 lemon juice, 5 crème de violette",
    "Cosmopolitan": "40 citrus vodka, 15 triple sec, 15 lime juice, 30 cranberry juice",
    "Corpse Reviver No. 2": "30 gin, 30 triple sec, 30 lillet blanc, 30 lemon juice, 1 dash absinthe",
    "Last Word": "22.5 gin, 22.5 green chartreuse, 22.5 maraschino liqueur, 22.5 lime juice",
    "Paper Plane": "30 bourbon, 30 amaro nonino, 30 aperol, 30 lemon juice",
    "Black Russian": "50 vodka, 20 coffee liqueur",
    "French 75": "30 gin, 15 lemon juice, 15 sugar syrup, 60 champagne",
    "Moscow Mule": "45 vodka, 10 lime juice, 120 ginger beer",
    "Pisco Sour": "60 pisco, 30 lemon juice, 20 sugar syrup, 20 egg white, 3 drops angostura bitters",
    "Angel Face": "30 gin, 30 apricot liqueur, 30 calvados",
    "Cuba Libre": "50 white rum, 10 lime juice, 120 cola",
    "Rusty Nail": "45 scotch, 25 drambuie",
}


@pytest.mark.parametrize("name", CLASSICS)
def test_classics_keep_their_quantities(name: str) -> None:
    """Twenty drinks whose quantities are written down twice, here and in the data."""
    (drink,) = (each for each in DRINKS if each.name == name)
    units = {part.ingredient: "" if part.unit == "ml" else f"{part.unit} " for part in drink.parts}
    found = ", ".join(f"{part.amount:g} {units[part.ingredient]}{part.ingredient}" for part in drink.parts)
    assert found == CLASSICS[name]


# -------------------------------------------------------------------- the loader


def damaged(tmp_path: Path, file: str, change: Callable[[str], str]) -> Path:
    """A copy of the data with one file changed."""
    place = tmp_path / "data"
    shutil.copytree(DATA, place, ignore=shutil.ignore_patterns("__pycache__"))
    before = (place / file).read_text(encoding="utf-8")
    after = change(before)
    assert before != after
    (place / file).write_text(after, encoding="utf-8")
    return place


GIN = "drinks/gin.toml"


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (GIN, "30 ml gin, 30 ml campari", "30 ml gin, 30 ml camparo", "Negroni: 'camparo' is not in the catalog"),
        (GIN, "30 ml gin, 30 ml campari", "gin, 30 ml campari", "Negroni: 'gin' is no part; write it like"),
        (GIN, "30 ml gin, 30 ml campari", "30 cups gin, 30 ml campari", "Negroni: '30 cups gin' is no part"),
        (GIN, 'method = "stir"', 'method = "throw"', "Negroni: method 'throw' is unknown; known: blend"),
        (GIN, 'ice = "cubes"', 'ice = "snow"', "Negroni: ice 'snow' is unknown"),
        (GIN, 'skill = "beginner"', 'skill = "wizard"', "Negroni: skill 'wizard' is unknown"),
        (GIN, 'flavors = "bitter, ', 'flavors = "loud, ', "Negroni: its flavors must be of bitter"),
        (GIN, 'glass = "rocks glass"\n', "", "Negroni: it lacks glass"),
        (GIN, "garnish =", "garnich =", "Negroni: it has unknown keys: garnich"),
        (GIN, '["Gibson"]', '["dry martini"]', "dry-martini: it is there twice"),
        (GIN, '["Gibson"]', "[Gibson", "it is not TOML"),
        (GIN, '["Negroni"]', 'x = 1\n["Negroni"]', "x: it must be a table"),
        ("catalog.toml", "[spirit]", "[spirits]", "spirits: there is no such kind; known: bitters"),
        ("catalog.toml", "price = [18, 40]", "price = [40, 18]", "gin: its price must be"),
        ("catalog.toml", "price = [18, 40]", "cost = [18, 40]", "gin: it has an unknown key"),
        ("catalog.toml", 'aliases = ["old tom"]', 'aliases = "old tom"', "old tom gin: its aliases must be a list"),
        ("catalog.toml", "pisco = {", "gin = 3\npisco = {", "it is not TOML"),
        ("catalog.toml", "pisco = { price = [25, 40] }", "pisco = 3", "pisco: it must be a table"),
        ("substitutes.toml", '[["rye whiskey", ', '[["rye", ', "bourbon: 'rye' is not in the catalog"),
        ("substitutes.toml", '[["rye whiskey", ', '[["bourbon", ', "bourbon: it stands in for itself"),
        ("substitutes.toml", ', "drier and spicier"]]', "]]", "bourbon: each must be [name, what changes]"),
        ("substitutes.toml", "[[\"raspberry syrup\"", '[["campari"', "'campari' has alcohol, and 'grenadine' has none"),
    ],
)  # fmt: skip
def test_wrong_data_is_refused_with_its_place(
    tmp_path: Path, file: str, old: str, new: str, told: str
) -> None:
    """The error names the file, the entry and what is wrong with it."""
    with pytest.raises(DefinitionError) as caught:
        read_bar(damaged(tmp_path, file, lambda text: text.replace(old, new, 1)))
    assert told in str(caught.value)
    assert str(caught.value).startswith((f"{Path(file).name}: ", "drinks: "))


def test_undamaged_data_is_read_alike_from_any_folder(tmp_path: Path) -> None:
    """The loader depends on the folder it is given alone."""
    shutil.copytree(DATA, tmp_path / "data", ignore=shutil.ignore_patterns("__pycache__"))
    assert read_bar(tmp_path / "data") == BAR


def test_plain_names() -> None:
    """Case, accents, blanks and kinds of apostrophes do not count."""
    assert plain("  Crème de  CASSIS ") == "creme de cassis"
    assert plain("Peychaud’s") == "peychaud's"
