"""What can be made, in which order, and which bottle unlocks most: against counting by hand."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stretto_apps.cocktail.bar import Bar, Bottle, Drink, Part, StandIn, load_bar
from stretto_apps.cocktail.moods import wanted_flavors
from stretto_apps.cocktail.ranking import candidates, drinks_of, next_bottles, swaps_for
from stretto_apps.cocktail.types import Order

if TYPE_CHECKING:
    from collections.abc import Iterable

BAR = load_bar()
BOTTLES = sorted(name for name, bottle in BAR.bottles.items() if not bottle.is_at_hand)
KITCHEN = frozenset(BAR.bottles) - frozenset(BOTTLES)


def order(*cabinet: str, **more: str) -> Order:
    """An order in its canonical form."""
    return Order.model_validate(
        {"cabinet": cabinet, "drink_type": "cocktail", "skill_level": "expert", **more}
    )


def is_possible(drink: Drink, owned: frozenset[str]) -> bool:
    """By trying every way to fill every gap."""
    there = owned | KITCHEN
    gaps = [name for name in drink.ingredients if name not in there]
    ways = [
        [
            other.name
            for other in BAR.stand_ins.get(gap, ())
            if other.name in there and other.name not in drink.ingredients
        ]
        for gap in gaps
    ]
    return any(len(set(way)) == len(way) for way in product(*ways))


CABINETS = st.frozensets(st.sampled_from(BOTTLES), max_size=14)
TYPES = st.sampled_from(["cocktail", "mocktail", "both"])


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(CABINETS, TYPES)
def test_the_ranking_of_bottles_is_what_brute_force_counts(cabinet: frozenset[str], kind: str) -> None:
    """Every bottle of the catalog bought once: the drinks gained, and the drinks out of reach that list it."""
    drinks = drinks_of(BAR, kind)
    before = {drink.id for drink in drinks if is_possible(drink, cabinet)}
    expected: dict[str, tuple[tuple[str, ...], int]] = {}
    for bottle in BOTTLES:
        if bottle not in cabinet:
            after = [d.id for d in drinks if d.id not in before and is_possible(d, cabinet | {bottle})]
            wanting = sum(bottle in drink.ingredients for drink in drinks if drink.id not in before)
            if after or wanting:
                expected[bottle] = (tuple(after), wanting)
    found = next_bottles(BAR, cabinet, kind)
    assert {each.bottle: (each.drinks, each.wanted) for each in found} == expected
    merits = [(-len(each.drinks), -each.wanted) for each in found]
    assert merits == sorted(merits)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(CABINETS, TYPES)
def test_what_can_be_made_is_what_brute_force_finds(cabinet: frozenset[str], kind: str) -> None:
    """The same drinks, each with swaps that fill exactly its gaps, from what is there, none of them twice."""
    found = candidates(BAR, order(*sorted(cabinet), drink_type=kind))
    assert {each.drink for each in found} == {d.id for d in drinks_of(BAR, kind) if is_possible(d, cabinet)}
    for each in found:
        drink, there = BAR.drinks[each.drink], cabinet | KITCHEN
        assert [swap.ingredient for swap in each.swaps] == [n for n in drink.ingredients if n not in there]
        used = [swap.stand_in for swap in each.swaps]
        assert len(set(used)) == len(used)
        assert there >= set(used)
        assert not set(used) & set(drink.ingredients)


@given(CABINETS, st.sampled_from(BOTTLES))
@settings(max_examples=40, deadline=None)
def test_one_more_bottle_never_costs_a_drink(cabinet: frozenset[str], bottle: str) -> None:
    """What could be made can still be made."""
    for drink in list(BAR.drinks.values())[::5]:
        if swaps_for(BAR, drink, cabinet) is not None:
            assert swaps_for(BAR, drink, cabinet | {bottle}) is not None


def test_the_best_drink_uses_most_of_the_cabinet() -> None:
    """Three bottles, three uses: the Negroni, before what two or one of them make."""
    first, *rest = candidates(BAR, order("gin", "campari", "sweet vermouth"))
    assert first.name == "Negroni"
    assert first.own_bottles == 3
    assert all(each.own_bottles < 3 for each in rest)


def test_the_mood_goes_before_the_cabinet_and_skill_before_both() -> None:
    """A mood's flavors outweigh bottles used; what is too hard for the guest comes last all the same."""
    cabinet = ("scotch", "islay scotch", "drambuie", "gin")
    smoky = candidates(BAR, order(*cabinet, mood="by the campfire"))
    assert smoky[0].name == "Penicillin"
    easy = candidates(BAR, order(*cabinet, mood="by the campfire", skill_level="beginner"))
    assert {each.name: each.is_above_skill for each in easy}["Penicillin"]
    assert not easy[0].is_above_skill
    assert [each.is_above_skill for each in easy] == sorted(each.is_above_skill for each in easy)


def test_the_mood_goes_before_bottles_used() -> None:
    """Of one cabinet: without a mood the drink that uses all of it, with one the drink that fits."""
    cabinet = ("gin", "campari", "sweet vermouth")
    assert candidates(BAR, order(*cabinet))[0].own_bottles == 3
    fresh = candidates(BAR, order(*cabinet, mood="something minty"))[0]
    assert (fresh.name, fresh.own_bottles, fresh.mood_fit) == ("Southside", 1, 1)


def test_a_drink_without_swaps_goes_before_one_with() -> None:
    """Even before one that uses more of the cabinet: the guest has what the first needs."""
    found = {
        each.name: each for each in candidates(BAR, order("bourbon", "sweet vermouth", "angostura bitters"))
    }
    assert found["Manhattan"].own_bottles > found["Old Fashioned"].own_bottles
    assert [swap.stand_in for swap in found["Manhattan"].swaps] == ["bourbon"]
    assert list(found).index("Old Fashioned") < list(found).index("Manhattan")


@pytest.mark.parametrize(
    ("mood", "some", "none"),
    [
        ("a hot afternoon", {"refreshing", "sparkling"}, {"warming"}),
        ("Cozy winter night", {"warming", "creamy"}, {"tropical"}),
        ("celebrating her birthday", {"sparkling", "floral"}, {"warming"}),
        ("something bitter", {"bitter"}, {"sweet"}),
        ("crème brûlée for dessert", {"sweet"}, {"bitter"}),
        ("adventurous", {"smoky"}, {"floral"}),
        ("", set(), {"bitter", "sweet"}),
        ("qwertz", set(), {"bitter", "sweet"}),
    ],
)
def test_moods(mood: str, some: set[str], none: set[str]) -> None:
    """Words ask for flavors; words nobody knows ask for none."""
    found = wanted_flavors(mood)
    assert found >= some
    assert not found & none


# -------------------------------------------------------------------- swaps, on a bar made for it


def small(parts: Iterable[str], stand_ins: dict[str, tuple[str, ...]]) -> tuple[Bar, Drink]:
    """One drink of these ingredients, with these stand-ins."""
    names = {*parts, *stand_ins, *(name for others in stand_ins.values() for name in others)}
    bottles = {name: Bottle(name, name, "spirit", (1, 2), ()) for name in names}
    made = tuple(Part(30.0, "ml", name) for name in parts)
    drink = Drink("x", "X", "cocktail", made, "stir", "coupe", "up", "", ("dry",), "beginner")
    rules = {name: tuple(StandIn(other, "other") for other in others) for name, others in stand_ins.items()}
    return Bar(bottles, {"x": drink}, rules), drink


@pytest.mark.parametrize(
    ("rules", "owned", "expected"),
    [
        ({}, {"a", "b"}, []),
        ({}, {"a"}, None),
        ({"b": ("c", "d")}, {"a", "c", "d"}, ["c"]),  # the first that is there
        ({"b": ("c", "d")}, {"a", "d"}, ["d"]),
        ({"b": ("a",)}, {"a"}, None),  # the drink has it already
        ({"a": ("c",), "b": ("c",)}, {"c"}, None),  # one bottle fills one gap
        (
            {"a": ("c", "d"), "b": ("c",)},
            {"c", "d"},
            ["d", "c"],
        ),  # the preferred one would leave the other out
    ],
)
def test_swaps(rules: dict[str, tuple[str, ...]], owned: set[str], expected: list[str] | None) -> None:
    """A stand-in serves once, never doubles an ingredient, and the choice leaves no gap that could be filled."""
    bar, drink = small(["a", "b"], rules)
    found = swaps_for(bar, drink, frozenset(owned))
    assert (None if found is None else [swap.stand_in for swap in found]) == expected
