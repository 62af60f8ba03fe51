"""The bartender's work without scheduling: pick a drink, write its recipe, advise a bottle, put it on a card."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from stretto import Missing
from stretto.errors import PermanentError
from stretto_apps.cocktail.bar import load_bar
from stretto_apps.cocktail.ranking import candidates, nearest, next_bottles
from stretto_apps.cocktail.recipes import in_words, measures, steps
from stretto_apps.cocktail.types import Advice, Menu, Pick, Recipe
from stretto_apps.cocktail.wording import choose, write_advice, write_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stretto.models import Model
    from stretto_apps.cocktail.bar import Bar, Bottle
    from stretto_apps.cocktail.types import Candidate, Order, Unlock

__all__ = ["advise", "lost_advice", "pick", "serve", "think_again", "write"]

SHORTLIST = 5
RANKED = 5
NAMED = 4
WIDTH = 72  # so that a line fits a terminal even inside JSON


# -------------------------------------------------------------------- the drink


async def pick(order: Order, model: Model) -> Pick:
    """A drink from the head of the ranking, chosen by the model. `PermanentError` where nothing can be made."""
    bar = load_bar()
    found = candidates(bar, order)
    if not found:
        raise PermanentError(_nothing(bar, order))
    shortlist = tuple(found[:SHORTLIST])
    task = "Choose the drink of the short list that suits the guest best, and say why in two sentences."
    return await _chosen(order, shortlist, len(found), shortlist[0], task, model)


async def think_again(order: Order, first: Pick, model: Model) -> Pick:
    """The same question asked once more with the first answer in view: it may stay or change."""
    task = f"A colleague chose {first.choice.name}. Keep it or choose better, and say why in two sentences."
    return await _chosen(order, first.shortlist, first.possible, first.choice, task, model)


async def _chosen(
    order: Order, shortlist: tuple[Candidate, ...], possible: int, leading: Candidate, task: str, model: Model
) -> Pick:
    by_name = {each.name: each for each in shortlist}
    choice, name = await choose(model, task, _choice_data(order, shortlist, leading), by_name)
    return Pick(
        choice=by_name[choice.drink], why=choice.summary, shortlist=shortlist, possible=possible, model=name
    )


def _choice_data(order: Order, shortlist: Sequence[Candidate], leading: Candidate) -> dict[str, object]:
    mood = {"mood": order.mood} if order.mood else {}
    return {
        "headline": f"{leading.name} is {in_words(leading.flavors)}",
        "drink": leading.name,
        "facts": [_praise(leading), f"it suits {_a_skill(leading.skill)}"],
        "guest": {"skill": order.skill_level, **mood},
        "shortlist": [
            {"name": each.name, "flavors": list(each.flavors), "skill": each.skill, "praise": _praise(each)}
            for each in shortlist
        ],
    }


def _praise(found: Candidate) -> str:
    count = found.own_bottles
    uses = (
        f"it uses {count} bottle{'s' if count > 1 else ''} of the cabinet" if count else "it needs no bottle"
    )
    if not found.swaps:
        return f"{uses} and no substitute"
    swapped = in_words([f"{swap.stand_in} for {swap.ingredient}" for swap in found.swaps])
    return f"{uses}, with {swapped}"


def _nothing(bar: Bar, order: Order) -> str:
    kind = "drink" if order.drink_type == "both" else order.drink_type
    have = in_words([bar.label(name) for name in order.cabinet]) or "an empty cabinet"
    near = [
        f"{drink.name} (lacks {in_words([bar.label(n) for n in lacks])})"
        for drink, lacks in nearest(bar, order)
    ]
    return f"No {kind} can be made from {have}. Nearest: {', '.join(near)}. Add one of these to the cabinet."


# -------------------------------------------------------------------- the recipe


async def write(order: Order, picked: Pick, model: Model) -> Recipe:
    """The chosen drink's recipe: the database's quantities, the model's words."""
    bar = load_bar()
    choice = picked.choice
    drink = bar.drinks[choice.drink]
    amounts = measures(bar, drink, choice.swaps)
    data = {
        "headline": f"{drink.name} is {in_words(drink.flavors)}, and is served in {_a(drink.glass)}",
        "ingredients": [str(line) for line in amounts],
        "steps": list(steps(bar, drink, choice.swaps, order.skill_level)),
        "guest": order.skill_level,
    }
    reader = _a_skill(order.skill_level)
    task = f"Write the recipe of {drink.name}: a summary of one sentence, and the steps for {reader}."
    words, name = await write_steps(model, task, data)
    return Recipe(
        drink=drink.id,
        name=drink.name,
        summary=words.summary,
        ingredients=amounts,
        steps=tuple(words.steps),
        method=drink.method,
        glass=drink.glass,
        garnish=drink.garnish,
        flavors=drink.flavors,
        skill=choice.skill,
        model=name,
    )


# -------------------------------------------------------------------- the bottle


async def advise(cabinet: Sequence[str], drink_type: str, model: Model) -> Advice:
    """The next bottle to buy, by what it unlocks; the model only words it."""
    bar = load_bar()
    ranking = tuple(next_bottles(bar, cabinet, drink_type)[:RANKED])
    best = ranking[0] if ranking else None
    task = "Advise on the next bottle to buy, in one sentence."
    summary, name = await write_advice(model, task, _advice_data(bar, best))
    return Advice(
        bottle=bar.label(best.bottle) if best else None,
        price=_price(bar.bottles[best.bottle]) if best else "",
        unlocks=_named(bar, best) if best else (),
        summary=summary,
        ranking=ranking,
        model=name,
    )


def _advice_data(bar: Bar, best: Unlock | None) -> Mapping[str, object]:
    if best is None:
        return {"headline": "Every drink here can be made already: there is no bottle to buy"}
    label, names = bar.label(best.bottle), _named(bar, best)
    if not names:
        return {
            "headline": f"No single bottle unlocks a drink; {label} is in {best.wanted} that are out of reach"
        }
    count = f"{len(names)} more drink{'s' if len(names) > 1 else ''}"
    return {
        "headline": f"{label} unlocks {count}: {_first(names)}",
        "price": _price(bar.bottles[best.bottle]),
    }


def _named(bar: Bar, best: Unlock) -> tuple[str, ...]:
    return tuple(bar.drinks[each].name for each in best.drinks)


def _first(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return f"{', '.join(names[:NAMED])} and {more} more" if more > 0 else in_words(names)


def _price(bottle: Bottle) -> str:
    return f"about ${bottle.price[0]}–{bottle.price[1]}" if bottle.price else ""


# -------------------------------------------------------------------- the menu


def serve(picked: Pick, recipe: Recipe, advice: Advice | Missing | None) -> Menu:
    """All of it. Advice that was lost leaves a warning, advice nobody asked for leaves nothing."""
    kept = advice if isinstance(advice, Advice) else None
    warnings = (lost_advice(advice),) if isinstance(advice, Missing) else ()
    others = tuple(each.name for each in picked.shortlist if each.drink != recipe.drink)
    models = dict.fromkeys((picked.model, recipe.model, *((kept.model,) if kept else ())))
    model = ", ".join(models)
    return Menu(
        card=tuple(_card(picked, recipe, kept, others, warnings, model)),
        recipe=recipe,
        advice=kept,
        alternatives=others,
        warnings=warnings,
        model=model,
    )


def lost_advice(missing: Missing) -> str:
    """Why there is no advice, in one line."""
    why = {"timed_out": "it did not come in time"}.get(missing.reason, "its generation failed")
    return f"No bottle advice: {why}{f' ({missing.detail})' if missing.detail else ''}."


def _card(
    picked: Pick,
    recipe: Recipe,
    advice: Advice | None,
    others: Sequence[str],
    warnings: Sequence[str],
    model: str,
) -> Iterator[str]:
    yield f"{recipe.name.upper()} – {', '.join(recipe.flavors)}; {recipe.glass}"
    yield from wrap(picked.why, WIDTH)
    yield ""
    width = max(len(line.amount) for line in recipe.ingredients)
    for line in recipe.ingredients:
        note = f" ({line.note})" if line.note else ""
        yield from wrap(
            f"{line.amount:>{width}}  {line.ingredient}{note}", WIDTH, subsequent_indent=" " * (width + 4)
        )
    yield ""
    for number, text in enumerate(recipe.steps, 1):
        yield from wrap(f"{number}. {text}", WIDTH, subsequent_indent="   ")
    yield ""
    if advice is not None:
        yield from wrap(f"Next bottle: {advice.summary}", WIDTH)
    if others:
        yield from wrap(f"Also possible: {', '.join(others)} (of {picked.possible} in all)", WIDTH)
    for warning in warnings:
        yield from wrap(f"Warning: {warning}", WIDTH)
    yield f"model: {model}"


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _a_skill(skill: str) -> str:
    return f"{_a(skill)} guest" if skill == "intermediate" else _a(skill)
