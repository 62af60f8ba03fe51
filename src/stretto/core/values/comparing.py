"""Whether two values are the same, and where the first difference is."""

from __future__ import annotations

from typing import Final, cast

from stretto.core.values.faults import type_name
from stretto.core.values.hashing import canonical
from stretto.core.values.places import parts_of, show, show_key
from stretto.core.values.shapes import shape_of

__all__ = ["equal", "first_difference"]


def equal(a: object, b: object) -> bool:
    """Whether both have the same canonical text: exact types, any order of dicts, NaN equal to NaN.

    Raises `ValueEncodingError` for values that have none.
    """
    return canonical(a) == canonical(b)


def first_difference(a: object, b: object) -> str | None:
    """The first place where two values differ, and how: ``.steps[3].title: 'a' != 'b'``. `None` when equal.

    Raises `ValueEncodingError` for values that have no canonical text.
    """
    if equal(a, b):
        return None
    place = ""
    while (apart := _first_apart(a, b)) is not None:
        part, a, b = apart
        place += part
        if a is _NOTHING or b is _NOTHING:
            side, only = ("right", b) if a is _NOTHING else ("left", a)
            return _at(place, f"only on the {side}: {show(only)}")
    return _at(place, _contrast(a, b))


_NOTHING: Final = object()
"""Stands for a part that one side does not have."""


def _at(place: str, text: str) -> str:
    return f"{place}: {text}" if place else text


def _first_apart(a: object, b: object) -> tuple[str, object, object] | None:
    """The first part in which two unequal values differ; `None` where they differ as a whole."""
    if type(a) is not type(b):
        return None
    lefts, rights = _aligned(a), _aligned(b)
    for key, (place, left) in lefts.items():
        _, right = rights.get(key, ("", _NOTHING))
        if right is _NOTHING or not equal(left, right):
            return place, left, right
    for key, (place, right) in rights.items():
        if key not in lefts:
            return place, _NOTHING, right
    return None


def _aligned(value: object) -> dict[str, tuple[str, object]]:
    """The parts of a value as (place, part), by what makes two parts of two values the same part."""
    kind = type(value)
    if kind is dict:
        entries = cast("dict[object, object]", value)
        return {canonical(key): (f"[{show_key(key)}]", part) for key, part in entries.items()}
    if kind is set or kind is frozenset:
        return {canonical(member): ("", member) for member in cast("set[object]", value)}
    parts = {part.place: (part.place, part.value) for part in parts_of(value)}
    shape = shape_of(kind)
    fields_set = None if shape is None else shape.state(value).fields_set
    if fields_set is not None:
        parts[".model_fields_set"] = (".model_fields_set", fields_set)
    return parts


def _contrast(a: object, b: object) -> str:
    if type(a) is type(b):
        return f"{show(a)} != {show(b)}"
    return f"{type_name(type(a))} {show(a)} != {type_name(type(b))} {show(b)}"
