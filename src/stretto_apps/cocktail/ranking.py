"""What can be made from a cabinet, best first, and which bottle would unlock the most.

The rules, so that they can be argued with:

* What lies in the kitchen (fruit, sugar, eggs, coffee) counts as at hand; everything else must be owned.
* A missing ingredient may be replaced by one of its stand-ins that is at hand. A stand-in serves once in a drink,
  and never where the drink has it already.
* Drinks within the guest's skill come first. Among them: the better fit to the mood, then fewer swaps, then more
  of the guest's own bottles, then the name.
* A bottle's worth is the number of drinks that can be made with it and not without, swaps allowed. Ties go to the
  bottle that more of the drinks out of reach list, then to the cheaper one, then to the name.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from stretto_apps.cocktail.bar import SKILLS
from stretto_apps.cocktail.moods import wanted_flavors
from stretto_apps.cocktail.types import Candidate, Swap, Unlock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Set

    from stretto_apps.cocktail.bar import Bar, Drink
    from stretto_apps.cocktail.types import Order

__all__ = ["candidates", "drinks_of", "nearest", "next_bottles", "swaps_for"]


def candidates(bar: Bar, order: Order) -> list[Candidate]:
    """Every drink of the order's type that can be made, best first."""
    wanted = wanted_flavors(order.mood)
    owned = frozenset(order.cabinet)
    found = (_candidate(bar, drink, owned, order, wanted) for drink in drinks_of(bar, order.drink_type))
    return sorted((each for each in found if each is not None), key=_merit)


def drinks_of(bar: Bar, drink_type: str) -> list[Drink]:
    """The drinks of one type, or all of them for ``both``."""
    return [drink for drink in bar.drinks.values() if drink_type in (drink.kind, "both")]


def swaps_for(bar: Bar, drink: Drink, owned: Set[str]) -> tuple[Swap, ...] | None:
    """The swaps that make the drink possible, () where none is needed; None where it cannot be made."""
    return _filled(bar, drink, _missing(bar, drink, owned), owned, frozenset())


def next_bottles(bar: Bar, cabinet: Iterable[str], drink_type: str) -> list[Unlock]:
    """Every bottle that some drink out of reach could use, the most useful first."""
    owned = frozenset(cabinet)
    unlocked: dict[str, list[str]] = defaultdict(list)
    wanted: dict[str, int] = defaultdict(int)
    for drink in drinks_of(bar, drink_type):
        if swaps_for(bar, drink, owned) is not None:
            continue
        for name in _missing(bar, drink, owned):
            wanted[name] += 1
        for name in _helpful(bar, drink, owned):
            if swaps_for(bar, drink, owned | {name}) is not None:
                unlocked[name].append(drink.id)
    names = wanted.keys() | unlocked.keys()
    found = [Unlock(bottle=name, drinks=tuple(unlocked[name]), wanted=wanted[name]) for name in names]
    return sorted(
        found, key=lambda each: (-len(each.drinks), -each.wanted, _price(bar, each.bottle), each.bottle)
    )


def nearest(bar: Bar, order: Order, limit: int = 3) -> list[tuple[Drink, tuple[str, ...]]]:
    """The drinks out of reach that lack the fewest ingredients, with what they lack."""
    owned = frozenset(order.cabinet)
    lacking = [(drink, _missing(bar, drink, owned)) for drink in drinks_of(bar, order.drink_type)]
    return sorted(lacking, key=lambda pair: (len(pair[1]), len(pair[0].parts), pair[0].name))[:limit]


# -------------------------------------------------------------------- parts


def _candidate(bar: Bar, drink: Drink, owned: Set[str], order: Order, wanted: Set[str]) -> Candidate | None:
    swaps = swaps_for(bar, drink, owned)
    if swaps is None:
        return None
    used = {*drink.ingredients, *(swap.stand_in for swap in swaps)} & owned
    return Candidate.model_validate(
        {
            "drink": drink.id,
            "name": drink.name,
            "flavors": drink.flavors,
            "skill": drink.skill,
            "swaps": swaps,
            "own_bottles": sum(not bar.bottles[name].is_at_hand for name in used),
            "mood_fit": len(wanted & set(drink.flavors)),
            "is_above_skill": SKILLS.index(drink.skill) > SKILLS.index(order.skill_level),
        }
    )


def _merit(found: Candidate) -> tuple[bool, int, int, int, str]:
    return found.is_above_skill, -found.mood_fit, len(found.swaps), -found.own_bottles, found.name


def _missing(bar: Bar, drink: Drink, owned: Set[str]) -> tuple[str, ...]:
    return tuple(name for name in drink.ingredients if not _is_there(bar, name, owned))


def _is_there(bar: Bar, name: str, owned: Set[str]) -> bool:
    return name in owned or bar.bottles[name].is_at_hand


def _filled(
    bar: Bar, drink: Drink, missing: tuple[str, ...], owned: Set[str], taken: frozenset[str]
) -> tuple[Swap, ...] | None:
    """Swaps for all that is missing, the first in order of preference that leaves none out."""
    if not missing:
        return ()
    first, *rest = missing
    for other in bar.stand_ins.get(first, ()):
        if other.name in taken or other.name in drink.ingredients or not _is_there(bar, other.name, owned):
            continue
        others = _filled(bar, drink, tuple(rest), owned, taken | {other.name})
        if others is not None:
            return (Swap(ingredient=first, stand_in=other.name, change=other.change), *others)
    return None


def _helpful(bar: Bar, drink: Drink, owned: Set[str]) -> Iterator[str]:
    """Bottles that could fill a gap of the drink, each once."""
    found: set[str] = set()
    for name in _missing(bar, drink, owned):
        found.update((name, *(other.name for other in bar.stand_ins.get(name, ()))))
    yield from (name for name in found if not _is_there(bar, name, owned))


def _price(bar: Bar, name: str) -> int:
    price = bar.bottles[name].price
    return price[0] if price else 0
