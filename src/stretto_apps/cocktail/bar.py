"""The bar: drinks, what they are made of, and what may stand in for what; read from the TOML files in `data`.

A drink's `parts` are written as one says them, separated by commas: ``45 ml gin``, ``2 dashes orange bitters``,
``1 piece lime``. A first word says what is special about a part: ``muddle 8 leaves mint``, ``rinse 10 ml
absinthe``, ``rim 1 pinch salt``, ``top 60 ml soda water`` (poured last), ``float 15 ml red wine`` (laid on top),
``drizzle 15 ml grenadine`` (let in slowly).
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.resources.abc import Traversable

__all__ = ["Bar", "Bottle", "Drink", "Part", "StandIn", "load_bar", "plain", "read_bar"]

T = TypeVar("T")

ROLES = ("muddle", "rinse", "rim", "top", "float", "drizzle")
_UNITS_TEXT = "ml dash dashes drop drops barspoon barspoons tsp pinch cube leaves sprigs slices piece pieces"
UNITS = frozenset(_UNITS_TEXT.split())
METHODS = ("build", "stir", "shake", "dry shake", "swizzle", "blend", "layer", "warm")
ICE = ("up", "cubes", "crushed", "none")
SKILLS = ("beginner", "intermediate", "expert")
_FLAVORS_TEXT = """bitter chocolate citrus coffee creamy dry floral fruity herbal minty nutty refreshing rich savory
    smoky sour sparkling spicy strong sweet tropical warming"""
FLAVORS = frozenset(_FLAVORS_TEXT.split())
WITH_ALCOHOL = frozenset({"spirit", "wine", "liqueur", "bitters"})
KINDS = WITH_ALCOHOL | {"zero", "syrup", "mixer", "juice", "kitchen"}
KITCHEN = "kitchen"
_PART = re.compile(rf"(?:({'|'.join(ROLES)}) )?(\d+(?:\.\d+)?) (\w+) (.+)")


@dataclass(frozen=True, slots=True)
class Bottle:
    """Something drinks are made of. `price` is a rough range in US dollars, None for what is bought fresh."""

    name: str
    label: str
    kind: str
    price: tuple[int, int] | None
    aliases: tuple[str, ...]

    @property
    def has_alcohol(self) -> bool:
        """Whether a drink with it is no mocktail."""
        return self.kind in WITH_ALCOHOL

    @property
    def is_at_hand(self) -> bool:
        """Whether it counts as there without being owned: fruit, sugar, eggs, coffee and the like."""
        return self.kind == KITCHEN


@dataclass(frozen=True, slots=True)
class Part:
    """An amount of one ingredient. `role` is one of `ROLES`, or empty for what is simply poured in."""

    amount: float
    unit: str
    ingredient: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Drink:
    """One recipe, for one glass. `id` is its name in plain letters with hyphens."""

    id: str
    name: str
    kind: str
    parts: tuple[Part, ...]
    method: str
    glass: str
    ice: str
    garnish: str
    flavors: tuple[str, ...]
    skill: str

    @property
    def ingredients(self) -> tuple[str, ...]:
        """What it is made of, each once, in the order of the recipe."""
        return tuple(dict.fromkeys(part.ingredient for part in self.parts))


@dataclass(frozen=True, slots=True)
class StandIn:
    """Something that may take an ingredient's place, and what it changes."""

    name: str
    change: str


@dataclass(frozen=True, slots=True)
class Bar:
    """All there is to know, by id: `bottles` by name, `drinks` by id, `stand_ins` by what they replace."""

    bottles: Mapping[str, Bottle]
    drinks: Mapping[str, Drink]
    stand_ins: Mapping[str, tuple[StandIn, ...]]

    def label(self, name: str) -> str:
        """An ingredient as it is written in a recipe."""
        return self.bottles[name].label


@cache
def load_bar() -> Bar:
    """The bar that ships with the app, checked; read once."""
    return read_bar(files("stretto_apps.cocktail.data"))


def read_bar(folder: Traversable) -> Bar:
    """The bar in a folder. Raises `DefinitionError` that names the file and the entry that is wrong."""
    bottles = _unique("catalog.toml", _bottles(_toml(folder / "catalog.toml")))
    stand_ins = _unique("substitutes.toml", _stand_ins(_toml(folder / "substitutes.toml"), bottles))
    menus = sorted((entry for entry in (folder / "drinks").iterdir()), key=lambda entry: entry.name)
    drinks = _unique("drinks", (pair for menu in menus for pair in _drinks(menu, bottles)))
    return Bar(bottles, drinks, stand_ins)


def plain(text: str) -> str:
    """A name as it is compared: lower case, without accents, single blanks."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return " ".join("".join(each for each in letters if not unicodedata.combining(each)).split())


# -------------------------------------------------------------------- reading


def _toml(file: Traversable) -> Mapping[str, Mapping[str, object]]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as wrong:
        raise _wrong(file.name, "", f"it is not TOML: {wrong}") from None
    for name, entry in found.items():
        _require(isinstance(entry, dict), file.name, name, "it must be a table")
    return found


def _bottles(groups: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, Bottle]]:
    for kind, entries in groups.items():
        _require(kind in KINDS, "catalog.toml", kind, f"there is no such kind; known: {_listed(KINDS)}")
        for name, entry in entries.items():
            _require(isinstance(entry, dict), "catalog.toml", name, "it must be a table")
            yield name, _bottle(name, kind, entry if isinstance(entry, dict) else {})


def _bottle(name: str, kind: str, entry: Mapping[str, object]) -> Bottle:
    place = ("catalog.toml", name)
    _require(not entry.keys() - {"label", "price", "aliases"}, *place, "it has an unknown key")
    price, aliases = entry.get("price"), entry.get("aliases", [])
    is_priced = isinstance(price, list) and len(price) == 2 and 0 < price[0] <= price[1]
    _require(
        is_priced if kind != KITCHEN else price is None, *place, "its price must be [from, to], in dollars"
    )
    _require(isinstance(aliases, list), *place, "its aliases must be a list")
    return Bottle(
        name=name,
        label=str(entry.get("label", name)),
        kind=kind,
        price=(int(price[0]), int(price[1])) if isinstance(price, list) else None,
        aliases=tuple(str(alias) for alias in aliases) if isinstance(aliases, list) else (),
    )


def _stand_ins(
    groups: Mapping[str, Mapping[str, object]], bottles: Mapping[str, Bottle]
) -> Iterator[tuple[str, tuple[StandIn, ...]]]:
    for entries in groups.values():
        for name, rows in entries.items():
            yield (
                name,
                tuple(_stand_in(name, row, bottles) for row in (rows if isinstance(rows, list) else [rows])),
            )


def _stand_in(name: str, row: object, bottles: Mapping[str, Bottle]) -> StandIn:
    place = ("substitutes.toml", name)
    if not isinstance(row, list) or len(row) != 2:
        raise _wrong(*place, "each must be [name, what changes]")
    other, change = str(row[0]), str(row[1])
    for each in (name, other):
        _require(each in bottles, *place, f"{each!r} is not in the catalog")
    _require(name != other, *place, "it stands in for itself")
    is_sober = bottles[name].has_alcohol or not bottles[other].has_alcohol
    _require(is_sober, *place, f"{other!r} has alcohol, and {name!r} has none")
    return StandIn(other, change)


def _drinks(menu: Traversable, bottles: Mapping[str, Bottle]) -> Iterator[tuple[str, Drink]]:
    for name, entry in _toml(menu).items():
        drink = _drink(menu.name, name, entry, bottles)
        yield drink.id, drink


def _drink(file: str, name: str, entry: Mapping[str, object], bottles: Mapping[str, Bottle]) -> Drink:
    known = {"parts", "method", "glass", "ice", "garnish", "flavors", "skill"}
    missing = sorted(known - entry.keys() - {"garnish"})
    _require(not missing, file, name, f"it lacks {_listed(missing)}")
    _require(not entry.keys() - known, file, name, f"it has unknown keys: {_listed(entry.keys() - known)}")
    parts = tuple(_part(file, name, text) for text in str(entry["parts"]).split(", "))
    for part in parts:
        _require(part.ingredient in bottles, file, name, f"{part.ingredient!r} is not in the catalog")
    for key, choices in (("method", METHODS), ("ice", ICE), ("skill", SKILLS)):
        _require(
            entry[key] in choices, file, name, f"{key} {entry[key]!r} is unknown; known: {_listed(choices)}"
        )
    flavors = tuple(str(entry["flavors"]).split(", "))
    _require(FLAVORS.issuperset(flavors), file, name, f"its flavors must be of {_listed(FLAVORS)}")
    is_strong = any(bottles[part.ingredient].has_alcohol for part in parts)
    return Drink(
        id=re.sub(r"[^a-z0-9]+", "-", plain(name).replace("'", "")).strip("-"),
        name=name,
        kind="cocktail" if is_strong else "mocktail",
        parts=parts,
        method=str(entry["method"]),
        glass=str(entry["glass"]),
        ice=str(entry["ice"]),
        garnish=str(entry.get("garnish", "")),
        flavors=flavors,
        skill=str(entry["skill"]),
    )


def _part(file: str, drink: str, text: str) -> Part:
    found = _PART.fullmatch(text)
    if found is None or found[3] not in UNITS:
        raise _wrong(file, drink, f"{text!r} is no part; write it like '45 ml gin' or 'top 60 ml soda water'")
    return Part(float(found[2]), found[3], found[4], found[1] or "")


def _unique(file: str, pairs: Iterator[tuple[str, T]]) -> dict[str, T]:
    """The pairs as a dict. Raises `DefinitionError` for a key that comes twice."""
    listed = sorted(pairs, key=lambda pair: pair[0])
    for (first, _), (second, _) in pairwise(listed):
        _require(first != second, file, first, "it is there twice")
    return dict(listed)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _require(holds: object, file: str, entry: str, otherwise: str) -> None:
    if not holds:
        raise _wrong(file, entry, otherwise)


def _wrong(file: str, entry: str, what: str) -> DefinitionError:
    return DefinitionError(f"{entry}: {what}." if entry else f"{what}.", where=file, mend="Correct the data.")
