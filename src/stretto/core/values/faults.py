"""The second look at a value that was refused: what is wrong with it, where, and how to mend it.

It walks with its own stack, so that neither depth nor a cycle can exhaust Python's, and in the order of the
fast walks, so that it names what they met first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from enum import Enum
from typing import Final

from stretto.core.values.atoms import ATOMS, DEPTH_LIMIT, Unfit, is_atom_class, is_enum_class, is_member
from stretto.core.values.clocks import plain_datetime, plain_time
from stretto.core.values.immutable import fixed_parts
from stretto.core.values.places import Part, join_places, parts_of
from stretto.core.values.shapes import shape_of
from stretto.errors import ValueEncodingError

__all__ = ["ClassCheck", "first_fault", "type_name"]

ClassCheck = Callable[[type], object]
"""Raises `Unfit` for a class that cannot be named where the value is going."""

_CONTAINERS: Final[frozenset[type]] = frozenset({list, tuple, dict, set, frozenset})
_BUILT_IN: Final[frozenset[type]] = frozenset({*_CONTAINERS, *ATOMS, bytearray, datetime, time})
_CONVERTIBLE: Final[tuple[type, ...]] = (
    *(dict, list, tuple, set, frozenset),
    *(str, bytes, bytearray, int, float, complex),
)

_MENDS: Final = {
    "coroutine": "await it inside the step",
    "generator": "return list(...) of it",
    "async_generator": "collect it into a list inside the step",
    "range": "return list(...) of it",
    "map": "return list(...) of it",
    "filter": "return list(...) of it",
    "zip": "return list(...) of it",
    "dict_keys": "return list(...) of it",
    "dict_values": "return list(...) of it",
    "dict_items": "return list(...) of it",
    "deque": "return list(...) of it",
    "memoryview": "return bytes(...) of it",
    "mappingproxy": "return dict(...) of it",
    "ndarray": "return its .tolist()",
    "Fraction": "return its (numerator, denominator)",
    "function": "return what it computes, or its name",
    "type": "return its name",
}


@dataclass(slots=True)
class _Level:
    """A container on the way from the top to where the walk is."""

    value: object
    place: str
    is_hashed: bool
    rest: Iterator[Part]


def first_fault(value: object, check: ClassCheck | None = None) -> ValueEncodingError:
    """The error for the first part of `value` that would not come back equal.

    With `check`, a class that it refuses is a fault as well.
    """
    levels: list[_Level] = []
    waiting: Iterator[Part] = iter([Part("", value)])
    while True:
        part = next(waiting, None)
        if part is not None:
            opened = _open(part, levels, check)
            if isinstance(opened, str):
                places = [*(level.place for level in levels), part.place]
                return _error(opened, places, part.value)
            levels.append(opened)
        elif levels:
            levels.pop()
        if not levels:
            return _error("no room is left on the call stack: return it from a less deep call", [], value)
        waiting = levels[-1].rest


def type_name(cls: type) -> str:
    """A class as errors name it: built-in ones bare, others with their module."""
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _error(problem: str, places: list[str], value: object) -> ValueEncodingError:
    return ValueEncodingError(problem, where=join_places(places), type_name=type_name(type(value)))


def _open(part: Part, levels: list[_Level], check: ClassCheck | None) -> _Level | str:
    """The part with its own parts still to look at, or what is wrong with it."""
    is_hashed = part.is_hashed or (bool(levels) and levels[-1].is_hashed)
    try:
        _check_itself(part.value, check)
        _check_position(part, levels, is_hashed)
        return _Level(part.value, part.place, is_hashed, iter(parts_of(part.value)))
    except Unfit as unfit:
        return unfit.problem


def _check_itself(value: object, check: ClassCheck | None) -> None:
    cls = type(value)
    if isinstance(value, Enum) and not (is_enum_class(cls) and is_member(value)):
        raise Unfit("it is no declared member of its enum: declare it, or return its value")
    if cls is datetime and isinstance(value, datetime):
        plain_datetime(value)
    elif cls is time and isinstance(value, time):
        plain_time(value)
    elif cls not in _BUILT_IN and not is_atom_class(cls) and not is_enum_class(cls) and shape_of(cls) is None:
        raise Unfit(_unknown(cls))
    if check is not None and (isinstance(value, Enum) or shape_of(cls) is not None):
        check(cls)


def _check_position(part: Part, levels: list[_Level], is_hashed: bool) -> None:
    """Refuse what is wrong only because of where it is."""
    if is_hashed and fixed_parts(part.value) is None:
        raise Unfit("a dict key or set member must be immutable: use a tuple or a frozen class")
    if type(part.value) not in _CONTAINERS and shape_of(type(part.value)) is None:
        return
    if any(level.value is part.value for level in levels):
        raise Unfit("it contains itself: refer to other parts by an id, not by the object")
    if len(levels) >= DEPTH_LIMIT:
        raise Unfit(
            f"containers nest more than {DEPTH_LIMIT} levels deep: keep deep structures in a flat list"
        )


def _unknown(cls: type) -> str:
    for base in _CONVERTIBLE:
        if issubclass(cls, base):
            name = base.__name__
            return f"a subclass of {name} would come back as a plain {name}: convert it with {name}(...)"
    mend = _MENDS.get(cls.__name__, "return plain data, a dataclass or a pydantic model")
    return f"it cannot be written down and read back as an equal value: {mend}"
