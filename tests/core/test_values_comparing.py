"""One text for one value: hashes, equality and the place of a difference."""

from __future__ import annotations

import hashlib
from dataclasses import make_dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from core.values_samples import NAMES, Color, Note, Open, Pin, Point, Recipe, Secretive
from stretto.core.values import Missing, canonical, digest, equal, first_difference
from stretto.errors import ValueEncodingError


def secretive(seen: object) -> Secretive:
    value = Secretive(name="s")
    value._seen.append(seen)
    return value


def test_canonical_text_is_known_to_the_letter() -> None:
    """Hashes are kept in journals, so the text under them never changes."""
    value = {"b": {2: 1, 1: 2}, "a": [1, 1.0, True, -0.0, (Color.RED,)], "n": Note("t")}
    assert canonical(value, NAMES) == (
        '{"a":[1,1.0,true,-0.0,{"$":"tuple","v":[{"$":"enum","class":"samples:Color","name":"RED"}]}],'
        '"b":{"$":"dict","v":[[1,2],[2,1]]},'
        '"n":{"$":"dataclass","class":"samples:Note","v":{"tags":[],"title":"t"}}}'
    )


def test_the_digest_is_sha256_of_the_canonical_text() -> None:
    """Anyone can compute it again."""
    assert digest({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()
    assert digest("é") == hashlib.sha256('"é"'.encode()).hexdigest()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1: 1, (2,): 2}, {(2,): 2, 1: 1}),
        ({"$": 1, "a": {1: 2, 2: 1}}, {"a": {2: 1, 1: 2}, "$": 1}),
        ({1, 2, 3}, {3, 2, 1}),
        (float("nan"), float("inf") - float("inf")),
        (Recipe(name="a", rating=1), Recipe(rating=1, name="a")),
        ([[1]], [[1]]),
    ],
)
def test_equal_values_have_one_hash(a: object, b: object) -> None:
    """The order of dicts and sets, identity and NaN's oddity do not count."""
    assert equal(a, b)
    assert digest(a) == digest(b)
    assert first_difference(a, b) is None


DIFFERENT: list[tuple[object, object, str]] = [
    (1, 2, "1 != 2"),
    (1, 1.0, "int 1 != float 1.0"),
    (1, True, "int 1 != bool True"),
    (0.0, -0.0, "0.0 != -0.0"),
    ("a", "b", "'a' != 'b'"),
    ([1], (1,), "list [1] != tuple (1,)"),
    (b"a", bytearray(b"a"), "bytes b'a' != bytearray bytearray(b'a')"),
    (Decimal("1.0"), Decimal("1.00"), "Decimal('1.0') != Decimal('1.00')"),
    (
        datetime(2026, 1, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=1))),
        "datetime.datetime(2026, 1, 1, 1, 0, tzinfo=datetime.timezone.utc) != ",
    ),
    ({"steps": [1, {"t": "a"}]}, {"steps": [1, {"t": "b"}]}, "[\"steps\"][1][\"t\"]: 'a' != 'b'"),
    ([1], [1, 2], "[1]: only on the right: 2"),
    ([1, 2], [1], "[1]: only on the left: 2"),
    ({"a": 1}, {}, '["a"]: only on the left: 1'),
    ({}, {(1, 2): 1}, "[(1, 2)]: only on the right: 1"),
    ({1: "x"}, {True: "x"}, "[1]: only on the left: 'x'"),
    ({"s": {1, 2}}, {"s": {1, 3}}, '["s"]: only on the left: 2'),
    (frozenset(), frozenset({1}), "only on the right: 1"),
    (Note("t", [1, 2]), Note("t", [1, 3]), ".tags[1]: 2 != 3"),
    (Point(1, Pin("a")), Point(1, Pin("b")), ".y.place: 'a' != 'b'"),
    (Color.RED, Color.GREEN, "<Color.RED: 'red'> != <Color.GREEN: 'green'>"),
    (Recipe(name="a"), Recipe(name="b"), ".name: 'a' != 'b'"),
    (Recipe(name="a"), Recipe(name="a", rating=None), ".model_fields_set: only on the right: 'rating'"),
    (Open(name="a", more=1), Open(name="a", more=2), ".more: 1 != 2"),
    (Open(name="a", more=1), Open(name="a"), ".more: only on the left: 1"),
    (secretive(1), secretive(2), "._seen[0]: 1 != 2"),
    (Missing("a", "failed"), Missing("a", "skipped"), ".reason: 'failed' != 'skipped'"),
    ("x" * 200, "y", "'" + "x" * 78 + "… != 'y'"),
    (10**5000, 1, "<int> != 1"),
]


@pytest.mark.parametrize(("a", "b", "text"), DIFFERENT, ids=[text[:50] for _, _, text in DIFFERENT])
def test_the_first_difference_is_named(a: object, b: object, text: str) -> None:
    """Where it is and what is on either side; and such values have different hashes."""
    found = first_difference(a, b)
    assert found is not None
    assert found.startswith(text)
    assert not equal(a, b)
    assert digest(a) != digest(b)


def test_classes_of_scripts_can_be_compared() -> None:
    """`stretto demo` and `python flow.py` compare values of `__main__`."""
    scripted = make_dataclass("Local", ["x"])
    scripted.__module__ = "__main__"
    assert equal(scripted(1), scripted(1))
    assert first_difference(scripted(1), scripted(2)) == ".x: 1 != 2"


def test_a_script_and_its_file_give_one_hash() -> None:
    """The caller's name for a class replaces ``__main__`` in the hash."""
    script, module = make_dataclass("Local", ["x"]), make_dataclass("Local", ["x"])
    script.__module__ = "__main__"
    assert digest(script(1)) != digest(module(1))
    assert digest(script(1), {script: "flow.py:Local"}) == digest(module(1), {module: "flow.py:Local"})


def test_what_has_no_canonical_text_cannot_be_compared() -> None:
    """Better an error than an equality that was never looked at."""
    with pytest.raises(ValueEncodingError, match="plain data") as caught:
        equal([1], [object()])
    assert caught.value.where == "[0]"
