"""Reads what a guest asks for: bottles by any of their names, and choices that exist."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, get_args

from stretto.errors import PermanentError
from stretto_apps.cocktail.bar import plain
from stretto_apps.cocktail.types import DrinkType, Mode, Order, Skill

if TYPE_CHECKING:
    from stretto_apps.cocktail.bar import Bar

__all__ = ["MOOD_LENGTH", "read_order", "suggestions"]

MOOD_LENGTH = 300
_SHOWN = 6


def read_order(
    bar: Bar, cabinet: Sequence[str], drink_type: str, skill_level: str, mode: str, mood: str
) -> Order:
    """The order in its canonical form. `PermanentError` lists everything that is wrong with it."""
    names, unknown = _bottles(bar, cabinet)
    found = [
        *unknown,
        *_choice("drink_type", drink_type, get_args(DrinkType)),
        *_choice("skill_level", skill_level, get_args(Skill)),
        *_choice("mode", mode, get_args(Mode)),
        *_length("mood", mood),
    ]
    if found:
        listed = "\n".join(f"  - {problem}" for problem in found)
        raise PermanentError(f"The order cannot be taken:\n{listed}")
    return Order.model_validate(
        {"cabinet": names, "drink_type": drink_type, "skill_level": skill_level, "mood": mood.strip()}
    )


def suggestions(bar: Bar, text: str) -> list[str]:
    """The catalog's names nearest to one it does not have: those that hold its words, then those alike."""
    known = _known(bar)
    wanted = plain(text)
    holding = [name for name in known if wanted and set(wanted.split()) <= set(name.split())]
    alike = get_close_matches(wanted, known, n=_SHOWN, cutoff=0.6)
    return list(dict.fromkeys(known[name] for name in (*holding, *alike)))[:_SHOWN]


def _bottles(bar: Bar, cabinet: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    if isinstance(cabinet, str) or not isinstance(cabinet, Sequence):
        return (), [f"cabinet: give a list of bottles, e.g. ['gin', 'campari'], not {cabinet!r}."]
    known = _known(bar)
    names = [known.get(plain(str(text))) for text in cabinet]
    unknown = [_unknown(bar, str(text)) for text, name in zip(cabinet, names, strict=True) if name is None]
    return tuple(dict.fromkeys(name for name in names if name is not None)), unknown


def _unknown(bar: Bar, text: str) -> str:
    near = suggestions(bar, text)
    if not near:
        return f"cabinet: {text!r} is in no drink of the database. Leave it out."
    return f"cabinet: there is no bottle {text!r}. Did you mean {' or '.join(repr(name) for name in near)}?"


def _known(bar: Bar) -> dict[str, str]:
    """Every name and alias, as compared, with the catalog's name."""
    aliases = {plain(alias): bottle.name for bottle in bar.bottles.values() for alias in bottle.aliases}
    return aliases | {plain(name): name for name in bar.bottles}


def _choice(name: str, value: str, choices: Sequence[str]) -> list[str]:
    return [] if value in choices else [f"{name}: {value!r} is unknown. Use one of {', '.join(choices)}."]


def _length(name: str, text: str) -> list[str]:
    if len(text) <= MOOD_LENGTH:
        return []
    return [f"{name}: {len(text)} characters are too many. Say it in {MOOD_LENGTH}."]
