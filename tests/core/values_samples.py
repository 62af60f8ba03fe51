"""Classes and hypothesis strategies that the tests of values share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum, auto
from functools import cached_property
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel, field_validator

from stretto.core.values import Missing


class Color(Enum):
    RED = "red"
    GREEN = "green"
    SCARLET = "red"  # noqa: PIE796 - an alias is meant


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Kind(StrEnum):
    WEB = "web"


class Access(Flag):
    READ = auto()
    WRITE = auto()
    RUN = auto()


class Point(NamedTuple):
    x: Any
    y: Any = 0


@dataclass
class Note:
    title: Any
    tags: Any = field(default_factory=list)


@dataclass(frozen=True)
class Pin:
    place: Any
    label: Any = ""


@dataclass(frozen=True, slots=True)
class Slotted:
    left: Any
    right: Any = None


@dataclass
class Guarded:
    """Neither its constructor nor its `__post_init__` may run again."""

    amount: int
    doubled: int = field(init=False)

    def __post_init__(self) -> None:
        if self.amount == 13:
            raise AssertionError("ran again")
        self.doubled = self.amount * 2


@dataclass
class WithCache:
    base: int

    @cached_property
    def square(self) -> int:
        return self.base**2


class Recipe(BaseModel):
    name: str
    steps: list[Any] = Field(default_factory=list)
    rating: Any = None


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: str
    parts: Any = ()


class Open(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    name: str


class Secretive(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: str
    _seen: list[Any] = PrivateAttr(default_factory=list)


class Strict(BaseModel):
    """Its validator changes what it is given, so running it again would show."""

    text: str

    @field_validator("text")
    @classmethod
    def _shout(cls, text: str) -> str:
        return text + "!"


class Names(RootModel[list[Any]]):
    pass


CLASSES: dict[str, type] = {
    f"samples:{cls.__name__}": cls
    for cls in (
        *(Color, Level, Kind, Access, Point, Note, Pin, Slotted, Guarded, WithCache),
        *(Recipe, Frozen, Open, Secretive, Strict, Names),
    )
}
NAMES: dict[type, str] = {cls: name for name, cls in CLASSES.items()}

ZONES = st.sampled_from(
    [
        None,
        UTC,
        timezone(timedelta(hours=5, minutes=30)),
        timezone(timedelta(seconds=-1, microseconds=7)),
        timezone(timedelta(hours=1), "CET"),
        ZoneInfo("Europe/Berlin"),
        ZoneInfo("UTC"),
    ]
)
TEXTS = st.text(st.characters(codec=None) | st.sampled_from("$\0\ud83d\ude00é😀"), max_size=6)
DATETIMES = st.builds(
    lambda naive, zone, fold: naive.replace(tzinfo=zone, fold=fold),
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),  # noqa: DTZ001 - zones are added
    ZONES,
    st.integers(0, 1),
)
TIMES = st.builds(
    lambda naive, zone, fold: naive.replace(tzinfo=zone, fold=fold), st.times(), ZONES, st.integers(0, 1)
)
MISSING = st.builds(Missing, TEXTS, st.sampled_from(["failed", "timed_out", "skipped", "cancelled"]), TEXTS)
ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(2**53 - 2, 2**53 + 2),
    st.floats(),
    st.complex_numbers(),
    TEXTS,
    st.binary(max_size=6),
    DATETIMES,
    TIMES,
    st.dates(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids().map(lambda each: UUID(int=each.int)),
    TEXTS.map(lambda text: PurePosixPath(text.replace("\0", ""))),
    st.sampled_from([PureWindowsPath("c:/x"), Decimal("-0"), Decimal("NaN"), -0.0, 10**50, -(2**200)]),
    st.sampled_from([*Color, *Level, *Kind, Access(0), Access.READ, Access.READ | Access.RUN]),
    MISSING,
)


def _short(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """The same strategy under a short name: hypothesis warns of names that nested ones build up."""
    return st.deferred(lambda: inner)


def _fixed_from(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(
        st.lists(inner, max_size=3).map(tuple),
        st.frozensets(inner, max_size=3),
        st.builds(Point, inner, inner),
        st.builds(Pin, inner, TEXTS),
        st.builds(Slotted, inner, inner),
    )


FIXED = st.recursive(ATOMS, lambda inner: _fixed_from(_short(inner)), max_leaves=5)
"""Hashable values."""


def _value_from(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(TEXTS, inner, max_size=4),
        st.dictionaries(FIXED, inner, max_size=3),
        st.sets(FIXED, max_size=3),
        st.binary(max_size=4).map(bytearray),
        st.builds(Note, inner, st.lists(inner, max_size=2)),
        st.builds(Pin, inner),
        st.builds(Point, inner, inner),
        st.builds(Recipe, name=st.just("r"), steps=st.lists(inner, max_size=2), rating=inner),
        st.builds(Frozen, name=st.just("f"), parts=inner),
        st.dictionaries(st.sampled_from(["$", "more", "é"]), inner).map(
            lambda extra: Open.model_validate({"name": "o", **extra})
        ),
        st.lists(inner, max_size=2).map(Names),
    )


VALUES = st.recursive(_short(FIXED), lambda inner: _value_from(_short(inner)), max_leaves=8)
