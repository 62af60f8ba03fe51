"""What flows between the steps: the order, the pick, the recipe, the advice, and the menu they end in."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Advice",
    "Candidate",
    "DrinkType",
    "Measure",
    "Menu",
    "Mode",
    "Order",
    "Pick",
    "Recipe",
    "Skill",
    "Swap",
    "Unlock",
]

DrinkType = Literal["cocktail", "mocktail", "both"]
Mode = Literal["fast", "full"]
Skill = Literal["beginner", "intermediate", "expert"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Order(_Frozen):
    """What a guest asks for, with every bottle under its name in the catalog."""

    cabinet: tuple[str, ...]
    drink_type: DrinkType
    skill_level: Skill
    mood: str = ""


class Swap(_Frozen):
    """One ingredient that is not there, and what stands in for it."""

    ingredient: str
    stand_in: str
    change: str = Field(description="what is different then")


class Candidate(_Frozen):
    """A drink that can be made, and what speaks for it."""

    drink: str = Field(description="the drink's id in the database")
    name: str
    flavors: tuple[str, ...]
    skill: Skill
    swaps: tuple[Swap, ...] = ()
    own_bottles: int = Field(description="how many of the guest's bottles it uses")
    mood_fit: int = Field(description="how many of its flavors the mood asks for")
    is_above_skill: bool = False


class Pick(_Frozen):
    """The drink chosen, why, and what else was on the short list."""

    choice: Candidate
    why: str
    shortlist: tuple[Candidate, ...]
    possible: int = Field(description="how many drinks can be made in all")
    model: str


class Measure(_Frozen):
    """One line of a recipe's ingredients."""

    amount: str = Field(description="e.g. 45 ml; empty for what is counted by itself")
    ingredient: str
    note: str = ""

    def __str__(self) -> str:
        line = f"{self.amount} {self.ingredient}"
        return f"{line} ({self.note})" if self.note else line


class Recipe(_Frozen):
    """A recipe for one glass. Quantities are the database's; a model words `summary` and `steps`."""

    drink: str
    name: str
    summary: str
    ingredients: tuple[Measure, ...]
    steps: tuple[str, ...]
    method: str
    glass: str
    garnish: str
    flavors: tuple[str, ...]
    skill: Skill
    model: str


class Unlock(_Frozen):
    """What one more bottle would bring."""

    bottle: str
    drinks: tuple[str, ...] = Field(description="ids of the drinks that can be made with it and not without")
    wanted: int = Field(description="how many drinks that cannot be made today list it")


class Advice(_Frozen):
    """The next bottle to buy; `bottle` is None where none would bring anything."""

    bottle: str | None
    price: str = ""
    unlocks: tuple[str, ...] = Field(default=(), description="names of the drinks it unlocks")
    summary: str
    ranking: tuple[Unlock, ...] = ()
    model: str


class Menu(_Frozen):
    """The workflow's value. `card` is the whole of it as lines for people; `advice` may be absent."""

    card: tuple[str, ...]
    recipe: Recipe
    advice: Advice | None = None
    alternatives: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    model: str

    def __str__(self) -> str:
        return "\n".join(self.card)
