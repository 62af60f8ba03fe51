"""A bartender: what can be made from the bottles you own, one recipe written out, and which bottle to buy next.

`cocktail` is the workflow; `cocktail_chained` is the same with the advice needlessly behind the recipe;
`load_bar` gives the drinks database. Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stretto_apps.cocktail.bar import Bar, load_bar
    from stretto_apps.cocktail.types import Advice, Menu, Recipe
    from stretto_apps.cocktail.workflow import cocktail, cocktail_chained

__all__ = ["Advice", "Bar", "Menu", "Recipe", "cocktail", "cocktail_chained", "load_bar"]

_HOMES = {
    "Advice": "types",
    "Bar": "bar",
    "Menu": "types",
    "Recipe": "types",
    "cocktail": "workflow",
    "cocktail_chained": "workflow",
    "load_bar": "bar",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
