"""A recipe from the database as lines and steps: what a writer starts from, and what is used where none is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.cocktail.types import Measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from stretto_apps.cocktail.bar import Bar, Drink, Part
    from stretto_apps.cocktail.types import Swap

__all__ = ["in_words", "measures", "steps"]

_NOUNS = {"leaves": "leaves", "cube": "cube"}  # said after the ingredient: "8 mint leaves"
_ICE = {"cubes": "ice cubes", "crushed": "crushed ice"}
_HINTS = {
    "shake": "It is done when the shaker is almost too cold to hold.",
    "dry shake": "The first shake makes the foam, the second one chills.",
    "stir": "Stir calmly: the drink should stay clear.",
    "layer": "The heaviest goes first, so that nothing mixes.",
}
_WAYS = {  # method -> what is done with the ingredients, and how
    "shake": ("Shake", "hard with ice for 12 seconds"),
    "dry shake": ("Shake", "without ice for 15 seconds, then with ice for 12 more"),
    "stir": ("Stir", "with ice in a mixing glass for 30 seconds"),
    "blend": ("Blend", "with a cup of crushed ice until smooth"),
}
_MIXED_IN = {"shake": "shaker", "dry shake": "shaker", "stir": "mixing glass"}
_SERVED = _WAYS.keys()
_MUDDLE_HINT = "Press only: torn leaves and crushed peel turn bitter."


def measures(bar: Bar, drink: Drink, swaps: Iterable[Swap]) -> tuple[Measure, ...]:
    """The ingredients in the order of the recipe; a swap is named where it is made."""
    by_name = {swap.ingredient: swap for swap in swaps}
    return tuple(_measure(bar, part, by_name.get(part.ingredient)) for part in drink.parts)


def steps(bar: Bar, drink: Drink, swaps: Iterable[Swap], skill: str) -> tuple[str, ...]:
    """How to make it, in order. A beginner is told what to look for as well."""
    writer = _Writer(bar, drink, {swap.ingredient: swap for swap in swaps}, is_beginner=skill == "beginner")
    return tuple(writer.steps())


def in_words(items: Sequence[str]) -> str:
    """``a, b and c``."""
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def _measure(bar: Bar, part: Part, swap: Swap | None) -> Measure:
    amount, name = _said(bar, part, swap)
    note = f"for {bar.label(swap.ingredient)}: {swap.change}" if swap else ""
    return Measure(amount=amount, ingredient=name, note=note)


def _said(bar: Bar, part: Part, swap: Swap | None) -> tuple[str, str]:
    """Amount and name as a recipe has them: ("45 ml", "gin"), ("2 dashes", …), ("8", "mint leaves")."""
    label = bar.label(swap.stand_in if swap else part.ingredient)
    count = f"{part.amount:g}"
    if part.unit in ("piece", "pieces"):
        return count, _plural(label) if part.amount > 1 else label
    if part.unit in _NOUNS:
        return count, f"{label} {_NOUNS[part.unit]}"
    return f"{count} {part.unit}", label


def _plural(label: str) -> str:
    return f"{label[:-1]}ies" if label.endswith("y") else f"{label}s"


class _Writer:
    """Writes the steps of one drink; amounts stand in the list of ingredients alone."""

    def __init__(self, bar: Bar, drink: Drink, swaps: Mapping[str, Swap], *, is_beginner: bool) -> None:
        self.bar = bar
        self.drink = drink
        self.swaps = swaps
        self.is_beginner = is_beginner
        self.is_prepared = any(self._names(role) for role in ("rim", "rinse"))
        self.is_muddled = bool(self._names("muddle"))

    def steps(self) -> Iterator[str]:
        """Rim, rinse, muddle; mix and serve; top, drizzle, float; garnish."""
        yield from self._prepared()
        yield self._mixed()
        if self.drink.method in _SERVED:
            yield self._served()
        yield from self._finished()

    def _prepared(self) -> Iterator[str]:
        if rim := self._list("rim"):
            yield f"Moisten the rim of {_a(self.drink.glass)} and dip it in {rim}."
        if rinse := self._list("rinse"):
            yield f"Swirl the {rinse} in a chilled {self.drink.glass} and pour off what does not cling."
        if self.is_muddled:
            where = _MIXED_IN.get(self.drink.method, self.drink.glass)
            yield self._hinted(f"Press {self._list('muddle')} gently together in {_a(where)}.", _MUDDLE_HINT)
        if self.drink.method == "warm" and self._has_hot_part():
            yield f"Warm {_a(self.drink.glass)} with hot water and empty it."

    def _mixed(self) -> str:
        drink, what = self.drink, self._list("")
        if drink.method in _WAYS:
            verb, rest = _WAYS[drink.method]
            text = f"Add {what}, and {verb.lower()} {rest}." if self.is_muddled else f"{verb} {what} {rest}."
            return self._hinted(text, _HINTS.get(drink.method, ""))
        if drink.method == "layer":
            return self._hinted(
                f"Pour into {_a(drink.glass)} in this order, each slowly over the back of a spoon: {what}.",
                _HINTS["layer"],
            )
        if drink.method == "warm":
            return self._warmed(what)
        return self._built()

    def _warmed(self, what: str) -> str:
        if self._has_hot_part():
            return f"Stir {what} in it."
        return f"Heat {what} gently in a small pan, without boiling, and pour into {_a(self.drink.glass)}."

    def _built(self) -> str:
        """In the glass it is served in, where something may have been pressed already."""
        drink, ice, what = self.drink, _ICE.get(self.drink.ice), self._names("")
        if drink.method == "swizzle":
            filled = "Fill up" if self.is_muddled else f"Fill {_a(drink.glass)}"
            added = f"{filled} with crushed ice, add {in_words(what)}"
            return f"{added} and twirl a long spoon until the glass frosts over."
        if self.is_muddled:
            return f"Add {in_words([*([ice] if ice else []), *what])}."
        if ice is None:
            return f"Pour {in_words(what)} into {'a chilled' if drink.ice == 'up' else 'a'} {drink.glass}."
        glass = f"the {drink.glass}" if self.is_prepared else _a(drink.glass)
        return f"Fill {glass} with {ice}, add {in_words(what)} and stir briefly."

    def _served(self) -> str:
        drink, ice = self.drink, _ICE.get(self.drink.ice)
        glass = f"the {drink.glass}" if self.is_prepared else _a(drink.glass)
        if drink.method == "blend":
            return f"Pour {'over ice ' if ice else ''}into {glass}."
        sieve = " through a fine sieve" if self._has_bits() else ""
        if ice:
            return f"Strain{sieve} into {glass} filled with {ice}."
        return f"Strain{sieve} into {glass if self.is_prepared else f'a chilled {drink.glass}'}."

    def _finished(self) -> Iterator[str]:
        if top := self._list("top"):
            yield f"Top up with {top}."
        if slow := self._list("drizzle"):
            yield f"Let the {slow} run in slowly."
        if last := self._list("float"):
            is_poured = any(part.unit == "ml" for part in self.drink.parts if part.role == "float")
            yield f"Lay the {last} on top{', slowly over the back of a spoon' if is_poured else ''}."
        if self.drink.garnish:
            yield f"Garnish: {self.drink.garnish}."

    # ---------------------------------------------------------------- words

    def _names(self, role: str) -> list[str]:
        parts = [part for part in self.drink.parts if part.role == role]
        return [_said(self.bar, part, self.swaps.get(part.ingredient))[1] for part in parts]

    def _list(self, role: str) -> str:
        return in_words(self._names(role))

    def _has_bits(self) -> bool:
        return any(part.unit in ("leaves", "slices", "pieces") for part in self.drink.parts)

    def _has_hot_part(self) -> bool:
        return any(part.ingredient.startswith("hot ") for part in self.drink.parts)

    def _hinted(self, text: str, hint: str) -> str:
        return f"{text} {hint}" if self.is_beginner and hint else text


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
