"""What a model is asked, and what of its answers is taken: words, never quantities, bottles or drinks of its own.

An answer that cannot be read, names a drink that is not on the short list or a quantity nobody gave it raises
`UnreadableAnswerError`: a failed attempt. Nothing here invents something in its place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, StringConstraints

from stretto.errors import UnreadableAnswerError
from stretto.models import Prompt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stretto.models import Model

__all__ = ["AdviceWords", "Choice", "RecipeWords", "choose", "write_advice", "write_steps"]

SYSTEM = (
    "You are a bartender who writes for guests at home. Use the ingredients and quantities of the data as they "
    "stand, add none and leave none out. Write plain English, without headings."
)
_QUANTITY = re.compile(
    r"(\d+(?:[.,/]\d+)?|[½¼¾⅓⅔])\s*-?(ml|cl|oz|ounce|dash|drop|barspoon|tsp|teaspoon|tbsp|tablespoon|cup|part)(?:e?s)?\b",
    re.IGNORECASE,
)

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1200)]


class Choice(BaseModel):
    """Which drink, by its name on the short list, and why."""

    drink: Words
    summary: Words


class RecipeWords(BaseModel):
    """A line or two on the drink, and how to make it."""

    summary: Words
    steps: list[Words] = Field(min_length=1, max_length=12)


class AdviceWords(BaseModel):
    """Why this bottle."""

    summary: Words


async def choose(
    model: Model, task: str, data: Mapping[str, object], names: Iterable[str]
) -> tuple[Choice, str]:
    """One of `names` with the reason, and the model's name. Raises what `Model.ask` raises."""
    reply = await model.ask(Prompt(task=task, data=dict(data), system=SYSTEM), Choice)
    listed = {name.casefold(): name for name in names}
    name = listed.get(reply.value.drink.casefold())
    if name is None:
        raise UnreadableAnswerError(
            f"{reply.model} chose {reply.value.drink!r}, which is not on the short list: {', '.join(listed.values())}."
        )
    return Choice(drink=name, summary=reply.value.summary), reply.model


async def write_steps(model: Model, task: str, data: Mapping[str, object]) -> tuple[RecipeWords, str]:
    """The recipe in words, and the model's name. Raises what `Model.ask` raises."""
    reply = await model.ask(Prompt(task=task, data=dict(data), system=SYSTEM), RecipeWords)
    given = _quantities(str(data))
    invented = _quantities(" ".join((reply.value.summary, *reply.value.steps))) - given
    if invented:
        named = ", ".join(f"{amount} {unit}" for amount, unit in sorted(invented))
        raise UnreadableAnswerError(f"{reply.model} wrote of {named}, which the recipe does not have.")
    return reply.value, reply.model


async def write_advice(model: Model, task: str, data: Mapping[str, object]) -> tuple[str, str]:
    """The advice in words, and the model's name. Raises what `Model.ask` raises."""
    reply = await model.ask(Prompt(task=task, data=dict(data), system=SYSTEM), AdviceWords)
    return reply.value.summary, reply.model


def _quantities(text: str) -> set[tuple[str, str]]:
    return {(amount.replace(",", "."), unit.lower()) for amount, unit in _QUANTITY.findall(text)}
