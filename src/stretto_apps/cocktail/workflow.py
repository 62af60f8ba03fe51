"""The bartender as a workflow: receive → analyze → the recipe ∥ advice on a bottle → merge.

Nothing here schedules. The advice reads the cabinet and the type of drink alone, so it starts beside the analysis.
A recipe that is lost cancels the advice, which nobody would read; advice that is lost costs the advice alone.
"""

from __future__ import annotations

from stretto import Missing, Retry, from_engine, step, workflow
from stretto.errors import TransientError
from stretto.models import Model, OfflineModel  # tools resolve the steps' annotations
from stretto_apps.cocktail.bar import load_bar
from stretto_apps.cocktail.bartender import advise, pick, serve, think_again, write
from stretto_apps.cocktail.crew import Crew
from stretto_apps.cocktail.order import read_order
from stretto_apps.cocktail.types import (  # noqa: TC001  # as above
    Advice,
    DrinkType,
    Menu,
    Mode,
    Order,
    Pick,
    Recipe,
    Skill,
)

__all__ = ["ADVICE_WITHIN", "RECIPE_WITHIN", "cocktail", "cocktail_chained"]

ANALYSIS_WITHIN = 30.0  # seconds, all attempts; so are the others
RECIPE_WITHIN = 30.0
ADVICE_WITHIN = 30.0
WITHIN = 120.0  # the whole run
TRIES = Retry(attempts=3, on=TransientError)
MODEL: Model = from_engine("model", default=OfflineModel)
EXAMPLE = {"cabinet": ["gin", "campari", "sweet vermouth"]}


@step(within=10)
def receive_input(cabinet: list[str], drink_type: str, skill_level: str, mode: str, mood: str) -> Order:
    """The order with every bottle under its proper name. Its failure ends the run."""
    return read_order(load_bar(), cabinet, drink_type, skill_level, mode, mood)


@step(within=ANALYSIS_WITHIN, retry=TRIES)
async def analyze(order: Order, model: Model = MODEL) -> Pick:
    """What can be made, ranked, and the drink the model picks from the head of it."""
    return await pick(order, model)


@step(within=ANALYSIS_WITHIN, retry=TRIES)
async def second_look(order: Order, first: Pick, model: Model = MODEL) -> Pick:
    """Full mode's second call: the pick questioned once more."""
    return await think_again(order, first, model)


@step(within=RECIPE_WITHIN, retry=TRIES)
async def write_recipe(order: Order, picked: Pick, model: Model = MODEL) -> Recipe:
    """The recipe in words."""
    return await write(order, picked, model)


@step(optional=True, within=ADVICE_WITHIN, retry=TRIES)
async def advise_bottle(cabinet: tuple[str, ...], drink_type: str, model: Model = MODEL) -> Advice:
    """The next bottle to buy."""
    return await advise(cabinet, drink_type, model)


@step(id="advise_bottle", optional=True, within=ADVICE_WITHIN, retry=TRIES)
async def advise_bottle_chained(
    cabinet: tuple[str, ...],
    drink_type: str,
    recipe: Recipe,  # noqa: ARG001  # the needless dependency is what this step is for
    model: Model = MODEL,
) -> Advice:
    """The next bottle to buy, told only after a recipe that it does not read."""
    return await advise(cabinet, drink_type, model)


@step(within=10)
def merge(picked: Pick, recipe: Recipe, advice: Advice | Missing | None) -> Menu:
    """The workflow's value. It holds no time, so that equal runs give equal values."""
    return serve(picked, recipe, advice)


@Crew.of
@workflow(within=WITHIN, on_failure="fail_fast", example=EXAMPLE)
def cocktail(
    cabinet: list[str],
    drink_type: DrinkType = "cocktail",
    skill_level: Skill = "beginner",
    mode: Mode = "fast",
    include_bottle_advice: bool = True,
    mood: str = "",
) -> Menu:
    """Picks a drink you can make, writes its recipe, and advises the next bottle to buy.

    `cabinet` lists the bottles you own; fruit, sugar, eggs and coffee count as at hand. `mode` is fast, or full for
    a second opinion on the pick. `mood` is a few words such as "hot afternoon". Without `include_bottle_advice`, or
    with the environment variable PARALLEL_CREWS=false, the steps run one by one.
    """
    order = receive_input(cabinet, drink_type, skill_level, mode, mood)
    picked = analyze(order)
    if mode == "full":
        picked = second_look(order, picked)
    recipe = write_recipe(order, picked)
    advice = advise_bottle(order.cabinet, order.drink_type) if include_bottle_advice else None
    return merge(picked, recipe, advice)


@Crew.of
@workflow(within=WITHIN, on_failure="fail_fast", example=EXAMPLE)
def cocktail_chained(
    cabinet: list[str],
    drink_type: DrinkType = "cocktail",
    skill_level: Skill = "beginner",
    mode: Mode = "fast",
    include_bottle_advice: bool = True,
    mood: str = "",
) -> Menu:
    """Like `cocktail`, with the advice behind the recipe, which it does not read: an edge to be found."""
    order = receive_input(cabinet, drink_type, skill_level, mode, mood)
    picked = analyze(order)
    if mode == "full":
        picked = second_look(order, picked)
    recipe = write_recipe(order, picked)
    advice = advise_bottle_chained(order.cabinet, order.drink_type, recipe) if include_bottle_advice else None
    return merge(picked, recipe, advice)
