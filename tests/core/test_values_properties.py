"""What holds for every value: a journal's round trip and isolation, on values that hypothesis invents."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.values_samples import CLASSES, NAMES, TEXTS, VALUES
from stretto.core.values import (
    canonical,
    copy_for_consumer,
    decode,
    digest,
    encode,
    equal,
    first_difference,
    is_immutable,
    snapshot,
)
from stretto.errors import ValueEncodingError

SOME = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.mark.slow
@SOME
@given(VALUES)
def test_every_value_comes_back_equal(value: object) -> None:
    """Read and written again, a value gives the same text: order, types and state are all in it."""
    text = encode(value, NAMES)
    back = decode(text, CLASSES)
    assert type(back) is type(value)
    assert encode(back, NAMES) == text
    assert digest(back, NAMES) == digest(value, NAMES)
    assert first_difference(back, value) is None


@pytest.mark.slow
@SOME
@given(VALUES)
def test_every_text_fits_into_every_store(value: object) -> None:
    """One line of UTF-8 without NUL."""
    text = encode(value, NAMES)
    assert b"\0" not in text.encode()
    assert "\n" not in text


@pytest.mark.slow
@SOME
@given(VALUES)
def test_a_snapshot_is_the_same_object_or_an_equal_one(value: object) -> None:
    """The same object exactly where all is immutable; what it says is never altered."""
    taken = snapshot(value)
    assert encode(taken, NAMES) == encode(value, NAMES)
    assert (taken is value) == is_immutable(value)
    assert (copy_for_consumer(taken) is taken) == is_immutable(taken)


def mutable_ids(value: object) -> set[int]:
    """The mutable containers in reach, by identity."""
    found: set[int] = set()
    parts: list[object] = [value]
    while parts:
        part = parts.pop()
        own = getattr(part, "__dict__", {})
        if isinstance(part, list | dict | set | bytearray) or (own and not is_immutable(part)):
            found.add(id(part))
        if isinstance(part, dict):
            parts.extend(part.values())
        elif isinstance(part, list | tuple | set | frozenset):
            parts.extend(part)
        elif not isinstance(part, type) and hasattr(type(part), "__dataclass_fields__"):
            parts.extend(getattr(part, name) for name in type(part).__dataclass_fields__)
        elif hasattr(part, "__pydantic_fields_set__"):
            parts.extend([*own.values(), part.__pydantic_extra__, part.__pydantic_private__])
    return found


@pytest.mark.slow
@SOME
@given(VALUES)
def test_a_snapshot_shares_nothing_mutable(value: object) -> None:
    """No list, dict, set or open instance is reachable from both."""
    taken = snapshot(value)
    assert not mutable_ids(taken) & mutable_ids(value)


@pytest.mark.slow
@SOME
@given(st.dictionaries(TEXTS, VALUES, min_size=2, max_size=4))
def test_the_order_of_dicts_is_kept_but_not_hashed(value: dict[str, object]) -> None:
    """Two orders are two texts and one hash."""
    turned = dict(reversed(value.items()))
    assert equal(value, turned)
    assert canonical(value, NAMES) == canonical(turned, NAMES)
    assert encode(value, NAMES) != encode(turned, NAMES)


@pytest.mark.slow
@SOME
@given(VALUES, st.sampled_from([object(), range(2), sys]))
def test_no_stranger_hides_anywhere(value: object, stranger: object) -> None:
    """Beside and below any value, what cannot be written is found and its type named."""
    for mixed in ([value, stranger], {"a": (value, {"b": stranger})}):
        with pytest.raises(ValueEncodingError) as caught:
            snapshot(mixed)
        assert caught.value.type_name == type(stranger).__name__
        assert caught.value.where in ("[1]", '["a"][1]["b"]')


@SOME
@given(st.text(alphabet='[]{}",:$ v0aclset', max_size=30) | TEXTS)
def test_no_text_makes_decode_raise_anything_else(text: str) -> None:
    """Whatever lies on a disk, the error is ours."""
    try:
        decode(text, CLASSES)
    except ValueEncodingError:
        return
