"""Where the parts of a value are, and how a place reads: ``.rows[3]["price"]``."""

from __future__ import annotations

import json
from typing import Final, NamedTuple, cast

from stretto.core.values.shapes import shape_of

__all__ = ["Part", "join_places", "parts_of", "show", "show_key"]

_LONGEST: Final = 12
_WIDTH: Final = 80


class Part(NamedTuple):
    """A part of a container. `is_hashed`: it is a dict's key or a set's member, which must be immutable."""

    place: str
    value: object
    is_hashed: bool = False


def parts_of(value: object) -> list[Part]:
    """The parts of a container in the order in which they are walked; empty for what has none.

    Keys that are not text come before the values, since they can be wrong themselves. Raises `Unfit` for a
    value of a class that does not tell all its parts.
    """
    kind = type(value)
    if kind is list or kind is tuple:
        return [Part(f"[{index}]", part) for index, part in enumerate(cast("list[object]", value))]
    if kind is set or kind is frozenset:
        return [Part(f"{{{type(part).__name__}}}", part, True) for part in cast("set[object]", value)]
    if kind is dict:
        return _entries(cast("dict[object, object]", value))
    shape = shape_of(kind)
    if shape is None:
        return []
    state = shape.state(value)
    groups = (state.fields, state.extra or {}, state.private or {})
    return [Part(f".{name}", part) for group in groups for name, part in group.items()]


def join_places(places: list[str]) -> str:
    """One text for a path of places; the middle of a very long one is left out."""
    if len(places) <= _LONGEST:
        return "".join(places)
    half = _LONGEST // 2
    return f"{''.join(places[:half])}…{''.join(places[-half:])}"


def _entries(entries: dict[object, object]) -> list[Part]:
    keys = [Part(f"<key {show_key(key)}>", key, True) for key in entries if type(key) is not str]
    return keys + [Part(f"[{show_key(key)}]", part) for key, part in entries.items()]


def show(value: object) -> str:
    """The value's `repr` for a reader's eyes, cut to 80 characters; its type where that does not work."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a stranger's code; and integers of over 4300 digits have no `repr`
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def show_key(key: object) -> str:
    """A dict's key as it reads in a place."""
    return json.dumps(key, ensure_ascii=False) if type(key) is str else show(key)
