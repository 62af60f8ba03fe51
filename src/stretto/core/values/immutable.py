"""Which values can be shared among consumers as they are."""

from __future__ import annotations

from datetime import datetime, time
from enum import Enum
from typing import Final

from stretto.core.values.atoms import ATOMS, DEPTH_LIMIT, Unfit, is_atom_class, is_enum_class, is_member
from stretto.core.values.clocks import plain_datetime, plain_time
from stretto.core.values.shapes import shape_of

__all__ = ["fixed_parts", "is_immutable"]

_MUTABLE: Final[frozenset[type]] = frozenset({list, dict, set, bytearray})


def is_immutable(value: object) -> bool:
    """Whether nobody who holds `value` can change it: a snapshot of it can be shared.

    `False` also for whatever `snapshot` refuses. It walks with its own stack and never raises.
    """
    if type(value) in ATOMS:
        return True
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        part, depth = waiting.pop()
        if type(part) in ATOMS:
            continue
        inside = fixed_parts(part) if depth < DEPTH_LIMIT else None
        if inside is None:
            return False
        waiting.extend((each, depth + 1) for each in inside)
    return True


def fixed_parts(value: object) -> tuple[object, ...] | None:
    """The parts on which the immutability of `value` rests; `None` where it is mutable in itself or
    refused.
    """
    kind = type(value)
    if kind in ATOMS:
        return ()
    if kind in _MUTABLE:
        return None
    if isinstance(value, tuple | frozenset) and kind in (tuple, frozenset):
        return tuple(value)
    try:
        shape = shape_of(kind)
        if shape is None:
            return () if _is_fixed_leaf(value) else None
        state = shape.state(value)
    except Unfit:
        return None
    return tuple(state.fields.values()) if shape.frozen and state.extra is None else None


def _is_fixed_leaf(value: object) -> bool:
    """Judge a value without parts that is not in `ATOMS`. Raises `Unfit` for a zone that cannot be
    written.
    """
    if type(value) is datetime:
        plain_datetime(value)
        return True
    if type(value) is time:
        plain_time(value)
        return True
    if isinstance(value, Enum):
        return is_enum_class(type(value)) and is_member(value)
    return is_atom_class(type(value))
