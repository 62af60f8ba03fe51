"""Isolation: what a step returned, apart from whoever returned it.

`snapshot` runs on every result, so it does one dictionary look-up a value and no more: the words for what
is wrong are found by a second, slow walk (`faults.py`). Prior art for "immutable things are shared":
`copy.deepcopy`, which is several times slower since it keeps a memo. Without the memo, one list that occurs
twice in a value becomes two equal lists; that is what a journal would give back, and a consumer must not
see the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, time
from operator import is_
from typing import TYPE_CHECKING, Any, Final

from stretto.core.values.atoms import (
    ATOMS,
    CACHE_LIMIT,
    DEPTH_LIMIT,
    Unfit,
    is_atom_class,
    is_enum_class,
    is_member,
)
from stretto.core.values.clocks import plain_datetime, plain_time
from stretto.core.values.faults import first_fault
from stretto.core.values.immutable import is_immutable
from stretto.core.values.places import texts_of
from stretto.core.values.secret import meet
from stretto.core.values.shapes import Shape, State, shape_of

if TYPE_CHECKING:
    from enum import Enum

__all__ = ["copy_for_consumer", "snapshot"]

_Copier = Callable[[Any, int], object]
"""(value of the copier's own type, how many containers deep it lies) -> copy"""


def snapshot(value: object) -> object:
    """An equal value which shares nothing mutable with `value`; the very same object where it is deeply
    immutable.

    Exact types only. Lists, dicts, sets, bytearrays and values of non-frozen classes are rebuilt; tuples,
    frozensets and values of frozen classes only where a part was. A frozen class is taken at its word: what
    writes past it (`object.__setattr__`) is seen by everyone. Zones of pydantic become `datetime.timezone`.
    A class's home does not matter here, so `__main__` is fine; `encode` asks for one.

    Raises `ValueEncodingError`, with the place, for whatever would not come back equal from a journal:
    unknown types, subclasses of built-in ones, mutable dict keys and set members, cycles, more than
    `DEPTH_LIMIT` levels.
    """
    if type(value) in ATOMS:
        return value
    try:
        return _COPY[type(value)](value, 0)
    except (Unfit, RecursionError):
        raise first_fault(value) from None


def copy_for_consumer(value: object) -> object:
    """A snapshot's copy for one consumer: the same object where it is deeply immutable. Errors as in
    `snapshot`.
    """
    if type(value) in ATOMS:
        return value
    return snapshot(value)


def _copy_list(items: list[object], depth: int) -> object:
    if depth >= DEPTH_LIMIT:
        raise Unfit
    if ATOMS.issuperset(map(type, items)):
        return items.copy()
    depth += 1
    return [item if type(item) in ATOMS else _COPY[type(item)](item, depth) for item in items]


def _copy_dict(entries: dict[object, object], depth: int) -> object:
    if depth >= DEPTH_LIMIT:
        raise Unfit
    if not ATOMS.issuperset(map(type, entries)):
        entries = dict(zip(_hashed(entries, depth), entries.values(), strict=True))
    if ATOMS.issuperset(map(type, entries.values())):
        return entries.copy()
    depth += 1
    return {
        key: part if type(part) in ATOMS else _COPY[type(part)](part, depth) for key, part in entries.items()
    }


def _copy_tuple(items: tuple[object, ...], depth: int) -> object:
    copied = _parts(items, depth)
    return items if all(map(is_, items, copied)) else tuple(copied)


def _copy_set(members: set[object], depth: int) -> object:
    return set(_hashed(members, depth))


def _copy_frozenset(members: frozenset[object], depth: int) -> object:
    copied = _hashed(members, depth)
    return members if all(map(is_, members, copied)) else frozenset(copied)


def _copy_bytearray(value: bytearray, _depth: int) -> object:
    return bytearray(value)


def _copy_datetime(value: datetime, _depth: int) -> object:
    return plain_datetime(value)


def _copy_time(value: time, _depth: int) -> object:
    return plain_time(value)


def _same_member(value: Enum, _depth: int) -> object:
    if is_member(value):
        return value
    raise Unfit


def _same(value: object, _depth: int) -> object:
    return value


def _refuse(_value: object, _depth: int) -> object:
    raise Unfit


def _parts(items: Collection[object], depth: int) -> Collection[object]:
    """The items copied; the very same collection where all are atoms."""
    if depth >= DEPTH_LIMIT:
        raise Unfit
    if ATOMS.issuperset(map(type, items)):
        return items
    depth += 1
    return [item if type(item) in ATOMS else _COPY[type(item)](item, depth) for item in items]


def _attributes(entries: dict[str, object], depth: int) -> dict[str, object]:
    """The parts of an instance copied; the very same dict where all are immutable."""
    if ATOMS.issuperset(map(type, entries.values())):
        return entries
    copied = _parts(entries.values(), depth)
    return entries if all(map(is_, entries.values(), copied)) else dict(zip(entries, copied, strict=True))


def _hashed(members: Collection[object], depth: int) -> Collection[object]:
    """Keys or set members. Mutable ones are refused: neither identity nor changed content would survive."""
    copied = _parts(members, depth)
    if copied is members or all(map(is_immutable, copied)):
        return copied
    raise Unfit


def _copier_of(shape: Shape) -> _Copier:
    return _meeting(shape, _plain_copier(shape)) if shape.secrets else _plain_copier(shape)


def _meeting(shape: Shape, copier: _Copier) -> _Copier:
    """Every value of a run comes by here before anything is said of it."""

    def copy(value: object, depth: int) -> object:
        copied = copier(value, depth)
        fields = shape.state(copied).fields
        for name in shape.secrets:
            for text in texts_of(fields[name]):
                meet(text)
        return copied

    return copy


def _plain_copier(shape: Shape) -> _Copier:
    def copy(value: object, depth: int) -> object:
        if depth >= DEPTH_LIMIT:
            raise Unfit
        state = shape.state(value)
        fields = _attributes(state.fields, depth)
        if shape.frozen and fields is state.fields and state.extra is None:
            return value
        extra = None if state.extra is None else _attributes(state.extra, depth)
        private = None if state.private is None else _attributes(state.private, depth)
        return shape.build(State(fields, state.fields_set, extra, private))

    return copy


_BUILT_IN: Final[dict[type, _Copier]] = {
    list: _copy_list,
    dict: _copy_dict,
    tuple: _copy_tuple,
    set: _copy_set,
    frozenset: _copy_frozenset,
    bytearray: _copy_bytearray,
    datetime: _copy_datetime,
    time: _copy_time,
    **dict.fromkeys(ATOMS, _same),
}


class _Copiers(dict[type, _Copier]):
    """Copiers by exact type. Classes are learned on first sight; all are forgotten when there are too
    many.
    """

    def __missing__(self, cls: type) -> _Copier:
        if len(self) >= CACHE_LIMIT:
            self.clear()
            self.update(_BUILT_IN)
        copier = self[cls] = _learn(cls)
        return copier


def _learn(cls: type) -> _Copier:
    if is_atom_class(cls):
        if len(ATOMS) < CACHE_LIMIT:
            ATOMS.add(cls)
        return _same
    if is_enum_class(cls):
        return _same_member
    shape = shape_of(cls)
    return _refuse if shape is None else _copier_of(shape)


_COPY: Final = _Copiers(_BUILT_IN)
