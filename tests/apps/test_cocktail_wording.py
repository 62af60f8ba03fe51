"""What is taken of a model's answer: words, and only quantities it was given."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from stretto.errors import UnreadableAnswerError
from stretto.models import OfflineModel, Reply
from stretto_apps.cocktail.wording import RecipeWords, choose, write_advice, write_steps

if TYPE_CHECKING:
    from pydantic import BaseModel

    from stretto.models import Prompt

DATA = {
    "headline": "x",
    "ingredients": ["45 ml gin", "2 dashes orange bitters", "22.5 ml lime juice"],
    "steps": ["Stir."],
}


class Saying(OfflineModel):
    """Answers with these fields, whatever it is asked."""

    def __init__(self, **fields: object) -> None:
        self.fields = fields

    async def ask(self, prompt: Prompt, answer: type[BaseModel]) -> Reply[BaseModel]:
        """The fields as an answer."""
        return Reply(answer.model_validate(self.fields), "", "said", None)  # type: ignore[arg-type]


def written(*steps: str, summary: str = "Good.") -> RecipeWords:
    """What is taken of these steps."""
    return asyncio.run(write_steps(Saying(summary=summary, steps=list(steps)), "t", DATA))[0]


@pytest.mark.parametrize(
    "step",
    [
        "Pour 45 ml gin.",
        "Add 45ml of gin.",
        "Two dashes, or 2 dashes, or 2 dash.",
        "Shake 12 seconds.",
        "22,5 ml lime.",
    ],
)
def test_given_quantities_and_times_are_taken(step: str) -> None:
    """However they are written."""
    assert written(step).steps == [step]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("Pour 50 ml gin.", "50 ml"),
        ("Pour 1.5 oz gin.", "1.5 oz"),
        ("Pour 45 ml gin and 3 dashes bitters.", "3 dash"),
        ("Add ½ oz lime.", "½ oz"),
        ("Add 4.5 cl gin.", "4.5 cl"),
    ],
)
def test_other_quantities_fail_the_attempt(step: str, told: str) -> None:
    """In steps or summary; the error names them."""
    with pytest.raises(UnreadableAnswerError, match=f"said wrote of {told}, which the recipe does not have"):
        written(step)
    with pytest.raises(UnreadableAnswerError):
        written("Stir.", summary=step)


@pytest.mark.parametrize("steps", [[], [" "], ["x"] * 13])
def test_a_recipe_has_steps(steps: list[str]) -> None:
    """None, a blank one and too many are no recipe."""
    with pytest.raises(ValidationError):
        written(*steps)


def test_a_choice_is_of_the_list() -> None:
    """In any case of letters; what is not on it fails the attempt and is told."""
    names = ["Negroni", "Daiquiri"]
    taken, model = asyncio.run(choose(Saying(drink="negroni", summary="Yes."), "t", {}, names))
    assert (taken.drink, taken.summary, model) == ("Negroni", "Yes.", "said")
    with pytest.raises(
        UnreadableAnswerError, match="said chose 'Gibson', which is not on the short list: Negroni, D"
    ):
        asyncio.run(choose(Saying(drink="Gibson", summary="Yes."), "t", {}, names))


def test_advice_is_words_and_a_name() -> None:
    """Both come back."""
    assert asyncio.run(write_advice(Saying(summary=" Buy rum. "), "t", {})) == ("Buy rum.", "said")
