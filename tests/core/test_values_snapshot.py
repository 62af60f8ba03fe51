"""Isolation of values, and every reason to refuse one."""

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
import fractions
import io
import typing
from datetime import datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import PurePosixPath
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from core.values_samples import (
    Access,
    Color,
    Frozen,
    Guarded,
    Kind,
    Level,
    Names,
    Note,
    Open,
    Pin,
    Point,
    Recipe,
    Secretive,
    Slotted,
    Strict,
    WithCache,
)
from stretto.core.values import (
    DEPTH_LIMIT,
    copy_for_consumer,
    encode,
    equal,
    is_immutable,
    snapshot,
)
from stretto.core.values.atoms import ATOMS, CACHE_LIMIT
from stretto.core.values.snapshot import _COPY
from stretto.errors import ValueEncodingError

IMMUTABLE = [
    None,
    True,
    7,
    1.5,
    2j,
    "text",
    b"data",
    datetime(2026, 1, 2, tzinfo=timezone.utc),  # noqa: UP017 - the plain class is meant
    datetime(2026, 1, 2, tzinfo=ZoneInfo("Europe/Berlin")),
    datetime(2026, 1, 2).date(),  # noqa: DTZ001 - naive values are values too
    datetime(2026, 1, 2),  # noqa: DTZ001  # without a zone on purpose
    time(1, 2),
    time(1, 2, tzinfo=timezone(timedelta(hours=1))),
    timedelta(3),
    Decimal("1.50"),
    UUID(int=5),
    PurePosixPath("a/b"),
    Color.RED,
    Level.HIGH,
    Kind.WEB,
    Access.READ | Access.RUN,
    (),
    (1, ("a", Color.RED)),
    frozenset({1, ("a",)}),
    Point(1, 2),
    Pin((1, 2)),
    Slotted(Pin("x"), frozenset({2})),
    Frozen(name="a", parts=(Pin("x"), Frozen(name="b"))),
]


def mutable_values() -> list[object]:
    return [
        [1, [2]],
        {"a": {"b": [1]}},
        {1, 2},
        bytearray(b"x"),
        ([1],),
        Point([1], 2),
        Pin([1]),
        Slotted({"k": [1]}),
        Note("t", ["x"]),
        Recipe(name="r", steps=[[1]]),
        Frozen(name="f", parts=[1]),
        Open(name="o", more=[1]),
        Secretive(name="s"),
        Names([[1]]),
        WithCache(3),
    ]


@pytest.mark.parametrize("value", IMMUTABLE, ids=repr)
def test_deeply_immutable_values_are_shared(value: object) -> None:
    """Immutable means the very same object for everybody: no copy, no cost."""
    assert snapshot(value) is value
    assert copy_for_consumer(value) is value
    assert is_immutable(value)


@pytest.mark.parametrize("value", mutable_values(), ids=repr)
def test_mutable_values_are_rebuilt_equal(value: object) -> None:
    """A copy is another object of the same exact type and contents."""
    taken = snapshot(value)
    assert taken is not value
    assert type(taken) is type(value)
    assert equal(taken, value)
    assert not is_immutable(value)


def scribble(value: object) -> None:
    """Change everything in reach that can be changed."""
    match value:
        case list():
            for each in value:
                scribble(each)
            value.append("scribbled")
        case dict():
            for each in value.values():
                scribble(each)
            value["scribbled"] = 1
        case set():
            value.add("scribbled")
        case bytearray():
            value.extend(b"scribbled")
        case tuple():
            for each in value:
                scribble(each)
        case _:
            scribble_on_instance(value)


def scribble_on_instance(value: object) -> None:
    parts = [getattr(value, name) for name in vars(type(value)).get("__slots__", ())]
    own = getattr(value, "__dict__", {})
    extra = getattr(value, "__pydantic_extra__", None)
    private = getattr(value, "__pydantic_private__", None)
    for each in (*parts, *own.values(), *(extra or {}).values(), *(private or {}).values()):
        scribble(each)
    for holder in (extra, private):
        if holder is not None:
            holder["scribbled"] = 1
    if isinstance(value, Note | WithCache):
        value.__dict__[next(iter(own))] = "scribbled"
    if isinstance(value, Recipe | Names):
        value.__pydantic_fields_set__.add("scribbled")


@pytest.mark.parametrize("position", range(len(mutable_values())))
def test_what_the_producer_does_later_is_not_seen(position: int) -> None:
    """A step may keep and change what it returned."""
    value, reference = mutable_values()[position], mutable_values()[position]
    taken = snapshot(value)
    scribble(value)
    assert equal(taken, reference)


@pytest.mark.parametrize("position", range(len(mutable_values())))
def test_one_consumer_never_alters_what_a_sibling_sees(position: int) -> None:
    """Each consumer's copy is its own, and so is the kept original."""
    taken = snapshot(mutable_values()[position])
    mine, sibling = copy_for_consumer(taken), copy_for_consumer(taken)
    scribble(mine)
    assert equal(sibling, mutable_values()[position])
    assert equal(taken, mutable_values()[position])


def test_scribbling_is_noticed() -> None:
    """The two tests above would see a shared part: scribbling changes every sample."""
    for value, reference in zip(mutable_values(), mutable_values(), strict=True):
        scribble(value)
        assert repr(value) != repr(reference) or value.__pydantic_private__ != reference.__pydantic_private__


def test_only_what_changed_is_rebuilt() -> None:
    """An immutable part of a mutable value stays the same object."""
    part = Pin((1, 2))
    taken = snapshot([part, [part]])
    assert taken[0] is part
    assert taken[1][0] is part


def test_one_list_twice_becomes_two_equal_lists() -> None:
    """Aliases are not kept: a journal would not keep them either."""
    shared = [1]
    first, second = snapshot([shared, shared])
    assert first == second == [1]
    assert first is not second


def test_neither_constructor_nor_post_init_runs_again() -> None:
    """A value is rebuilt from its fields, whatever today's rules say."""
    value = Guarded(1)
    value.amount = 13
    taken = snapshot(value)
    assert (taken.amount, taken.doubled) == (13, 2)


def test_validators_do_not_run_again() -> None:
    """A model is rebuilt from its field state."""
    assert snapshot(Strict(text="hey")).text == "hey!"


def test_fields_set_are_kept() -> None:
    """`model_dump(exclude_unset=True)` gives the same before and after."""
    taken = snapshot(Recipe(name="a", rating=None))
    assert taken.model_fields_set == {"name", "rating"}
    assert taken.model_dump(exclude_unset=True) == {"name": "a", "rating": None}


def test_private_and_extra_are_kept() -> None:
    """They are state of the model like its fields."""
    secretive = Secretive(name="s")
    secretive._seen.append([1])
    assert snapshot(secretive)._seen == [[1]]
    assert snapshot(Open(name="o", more=[1])).more == [1]


def test_a_cached_property_is_forgotten() -> None:
    """It is computed from the fields whenever it is asked for."""
    value = WithCache(3)
    assert value.square == 9
    taken = snapshot(value)
    assert vars(taken) == {"base": 3}
    assert taken.square == 9


def test_dicts_keep_their_order() -> None:
    """Order is part of what a consumer sees."""
    assert list(snapshot({"b": [1], "a": [2], 3: [3]})) == ["b", "a", 3]


class When(BaseModel):
    at: datetime


def test_zones_of_pydantic_become_plain() -> None:
    """A consumer sees the same zone class whether or not the run was interrupted."""
    taken = snapshot(When(at="2026-01-02T03:04:05+01:00"))
    assert type(taken.at.tzinfo) is timezone
    assert taken.at.utcoffset() == timedelta(hours=1)
    assert snapshot((taken.at,))[0] is taken.at


def test_zones_of_pydantic_in_frozen_values_and_keys_too() -> None:
    """Sharing a frozen value does not excuse it."""
    at = When(at="2026-01-02T03:04:05Z").at
    value = {at: Pin(at), "set": frozenset({at})}
    taken = snapshot(value)
    assert type(next(iter(taken)).tzinfo) is timezone
    assert type(taken[at].place.tzinfo) is timezone
    assert encode(taken["set"]) == encode(value["set"])


def test_classes_of_scripts_and_functions_are_fine_in_memory() -> None:
    """`python flow.py` defines its classes in `__main__`; isolation needs no name for them."""
    local = dataclasses.make_dataclass("Local", ["items"])
    local.__module__ = "__main__"
    assert snapshot(local([1])).items == [1]


def test_the_caches_of_classes_are_bounded() -> None:
    """A program which makes classes without end does not fill the memory."""
    for number in range(CACHE_LIMIT + 10):
        _COPY[type(f"C{number}", (), {})]
    assert len(_COPY) <= CACHE_LIMIT
    assert len(ATOMS) <= CACHE_LIMIT
    assert snapshot([[1]]) == [[1]]


# ---- refused -------------------------------------------------------------------------------------


class OwnDict(dict):
    pass


class OwnStr(str):
    __slots__ = ()


class OwnInt(int):
    pass


class OwnPoint(Point):
    pass


class Zone(tzinfo):
    def utcoffset(self, when: datetime | None) -> timedelta:
        return timedelta(0)


class Loose(enum.Enum):
    ONLY = 1

    @classmethod
    def _missing_(cls, value: object) -> Loose:
        stray = object.__new__(cls)
        stray._value_, stray._name_ = value, str(value)
        return stray


@dataclasses.dataclass
class Mixed(dict):
    field: int = 0


@dataclasses.dataclass
class Computed:
    size: int

    def _get(self) -> int:
        return 1

    def _set(self, value: int) -> None:
        pass

    size = property(_get, _set)  # noqa: PIE794 - that is what is wrong with this class


@dataclasses.dataclass(eq=False)
class ByIdentity:
    size: int = 0


@dataclasses.dataclass
class LateField:
    late: int = dataclasses.field(init=False)


class Base:
    __slots__ = ("hidden",)


@dataclasses.dataclass(slots=True)
class OnBase(Base):
    shown: int = 0


def with_attribute(value: object, name: str, part: object) -> object:
    object.__setattr__(value, name, part)
    return value


def secretive(seen: object) -> Secretive:
    value = Secretive(name="s")
    value._seen.append(seen)
    return value


def in_itself() -> list[object]:
    value: list[object] = [1]
    value.append({"back": (value,)})
    return value


def nested(levels: int, wrap: type = list) -> object:
    value: object = wrap()
    for _ in range(levels - 1):
        value = wrap([value])
    return value


async def unawaited() -> None:
    pass


COROUTINE = unawaited()
COROUTINE.close()

REFUSED = [
    (OwnDict(a=1), "", "OwnDict", r"convert it with dict\(\.\.\.\)"),
    ([OwnStr("x")], "[0]", "OwnStr", r"convert it with str\(\.\.\.\)"),
    ({"n": OwnInt(1)}, '["n"]', "OwnInt", r"convert it with int\(\.\.\.\)"),
    (collections.OrderedDict(a=1), "", "collections.OrderedDict", r"convert it with dict\(\.\.\.\)"),
    (collections.deque([1]), "", "collections.deque", r"return list\(\.\.\.\) of it"),
    ((1, range(3)), "[1]", "range", r"return list\(\.\.\.\) of it"),
    (COROUTINE, "", "coroutine", "await it inside the step"),
    (fractions.Fraction(1, 2), "", "fractions.Fraction", "numerator"),
    (len, "", "builtin_function_or_method", "return plain data, a dataclass or a pydantic model"),
    (object(), "", "object", "return plain data, a dataclass or a pydantic model"),
    (int, "", "type", "return its name"),
    ({"a": [Note("t", object())]}, '["a"][0].tags', "object", "plain data"),
    (Recipe(name="r", steps=[1, object()]), ".steps[1]", "object", "plain data"),
    (Open(name="o", more=object()), ".more", "object", "plain data"),
    (secretive(object()), "._seen[0]", "object", "plain data"),
    (Point(1, object()), ".y", "object", "plain data"),
    ({(1, object()): 1}, "<key (1, ", "object", "plain data"),
    ({object()}, "{object}", "object", "plain data"),
    ({ByIdentity(): 1}, "<key ", "ByIdentity", "must be immutable"),
    ({(1, ByIdentity())}, "{tuple}[1]", "ByIdentity", "must be immutable"),
    (frozenset({ByIdentity()}), "{ByIdentity}", "ByIdentity", "must be immutable"),
    (datetime(2026, 1, 1, tzinfo=Zone()), "", "datetime.datetime", r"use datetime\.timezone or zoneinfo"),
    ([time(1, tzinfo=Zone())], "[0]", "datetime.time", r"use datetime\.timezone or zoneinfo"),
    (Loose("stray"), "", "Loose", "no declared member"),
    (Mixed(1), "", "Mixed", "convert it with dict|extends a built-in"),
    (Computed(1), "", "Computed", "its field size is a property"),
    (LateField(), "", "LateField", "field late was never given a value"),
    (Recipe.model_construct(), "", "Recipe", "field name was never given a value"),
    (with_attribute(Note("t"), "stray", 1), "", "Note", "attribute stray is no field"),
    (with_attribute(Recipe(name="r"), "stray", 1), "", "Recipe", "attribute stray is no field"),
    (with_attribute(OwnPoint(1, 2), "stray", 1), "", "OwnPoint", "attribute stray is no field"),
    (with_attribute(OnBase(1), "hidden", 1), "", "OnBase", "attribute hidden is no field"),
    (in_itself(), '[1]["back"][0]', "list", "contains itself"),
    (nested(DEPTH_LIMIT + 1), "…", "list", f"more than {DEPTH_LIMIT} levels"),
    (nested(10_000, tuple), "…", "tuple", f"more than {DEPTH_LIMIT} levels"),
    (nested(10_000, frozenset), "…", "frozenset", f"more than {DEPTH_LIMIT} levels"),
]


@pytest.mark.parametrize(
    ("value", "where", "name", "words"), REFUSED, ids=[f"{row[2]}-{i}" for i, row in enumerate(REFUSED)]
)
@pytest.mark.parametrize("door", [snapshot, copy_for_consumer, encode])
def test_what_would_not_come_back_equal_is_refused(
    door: typing.Callable[[object], object], value: object, where: str, name: str, words: str
) -> None:
    """The error names the place and the type, and says how to mend it; every door says the same."""
    with pytest.raises(ValueEncodingError, match=words) as caught:
        door(value)
    assert where in caught.value.where
    assert bool(where) == bool(caught.value.where)
    assert caught.value.type_name.endswith(name)
    assert not is_immutable(value)


def test_a_zone_without_a_key_is_refused() -> None:
    """A zone read from a file has rules that no name leads back to."""
    zone = ZoneInfo.from_file(_tzdata())
    with pytest.raises(ValueEncodingError, match="no key"):
        snapshot(datetime(2026, 1, 1, tzinfo=zone))


def _tzdata() -> typing.BinaryIO:
    """The smallest zone file: version 1, one type, UTC (RFC 8536)."""
    header = b"TZif" + b"\0" * 16 + b"".join(n.to_bytes(4, "big") for n in (0, 0, 0, 0, 1, 4))
    return io.BytesIO(header + b"\0\0\0\0\0\0" + b"UTC\0")


def test_the_limit_of_depth_is_met_exactly() -> None:
    """As deep as the limit is fine, and still fits the stack when written down."""
    deep = nested(DEPTH_LIMIT)
    assert equal(snapshot(deep), deep)
    assert encode(deep) == "[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT


def test_a_full_stack_is_no_recursion_error() -> None:
    """Called from deep inside the caller's own recursion, the error is still ours."""

    def deeper(left: int) -> object:
        return deeper(left - 1) if left else snapshot(value)

    value = nested(DEPTH_LIMIT)
    assert equal(deeper(10), value)
    with pytest.raises(ValueEncodingError, match="call stack"):
        deeper(_room_left() - 60)


def _room_left() -> int:
    """How many more plain calls fit on the stack."""

    def count(depth: int) -> int:
        try:
            return count(depth + 1)
        except RecursionError:
            return depth

    return count(0)


def test_snapshot_agrees_with_deepcopy() -> None:
    """An independent copier gives the same for what both can copy."""
    value = {"rows": [{"id": i, "tags": ["a", {"b": (1, [2])}]} for i in range(3)], "s": {1, 2}}
    assert snapshot(value) == copy.deepcopy(value)
