"""What is written to disk, to the letter, and what reading refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import PosixPath, PurePosixPath, PureWindowsPath
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from core.values_samples import (
    CLASSES,
    NAMES,
    Access,
    Color,
    Frozen,
    Guarded,
    Kind,
    Names,
    Note,
    Open,
    Pin,
    Point,
    Recipe,
    Secretive,
    Strict,
)
from stretto.core.values import Missing, canonical, decode, decode_json, encode, encode_json
from stretto.errors import ValueEncodingError

KNOWN: list[tuple[object, str]] = [
    (None, "null"),
    (True, "true"),
    (1, "1"),
    (1.0, "1.0"),
    (-0.0, "-0.0"),
    (1e300, "1e+300"),
    ("é\n", '"é\\n"'),
    ([1, ["a"]], '[1,["a"]]'),
    ({"b": 1, "a": 2}, '{"b":1,"a":2}'),
    (2**53 - 1, "9007199254740991"),
    (2**53, '{"$":"int","v":"0x20000000000000"}'),
    (-(2**64), '{"$":"int","v":"-0x10000000000000000"}'),
    (float("nan"), '{"$":"float","v":"nan"}'),
    (float("-inf"), '{"$":"float","v":"-inf"}'),
    (complex(1, float("inf")), '{"$":"complex","v":[1.0,{"$":"float","v":"inf"}]}'),
    ("a\0", '{"$":"str","v":"YQA="}'),
    ("\ud83d\ude00", '{"$":"str","v":"7aC97biA"}'),
    (b"\xff\x00", '{"$":"bytes","v":"/wA="}'),
    (bytearray(b"x"), '{"$":"bytearray","v":"eA=="}'),
    ((1, (2,)), '{"$":"tuple","v":[1,{"$":"tuple","v":[2]}]}'),
    ({10, 9, 1}, '{"$":"set","v":[1,10,9]}'),
    (frozenset({"b", "a"}), '{"$":"frozenset","v":["a","b"]}'),
    ({1: "a", "1": "b"}, '{"$":"dict","v":[[1,"a"],["1","b"]]}'),
    ({"$": 1}, '{"$":"dict","v":[["$",1]]}'),
    ({(1, None): 1}, '{"$":"dict","v":[[{"$":"tuple","v":[1,null]},1]]}'),
    ({"\0": 1}, '{"$":"dict","v":[[{"$":"str","v":"AA=="},1]]}'),
    (date(2026, 1, 2), '{"$":"date","v":"2026-01-02"}'),
    (datetime(2026, 1, 2, 3, 4, 5, 6), '{"$":"datetime","v":"2026-01-02T03:04:05.000006"}'),  # noqa: DTZ001  # without a zone on purpose
    (datetime(2026, 1, 2, tzinfo=UTC), '{"$":"datetime","v":"2026-01-02T00:00:00+00:00"}'),
    (
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1), "CET")),
        '{"$":"datetime","v":"2026-01-02T00:00:00+01:00","name":"CET"}',
    ),
    (
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(microseconds=-7))),
        '{"$":"datetime","v":"2026-01-02T00:00:00","offset":-7}',
    ),
    (
        datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        '{"$":"datetime","v":"2026-10-25T02:30:00","zone":"Europe/Berlin","fold":1}',
    ),
    (time(1, 2, tzinfo=UTC), '{"$":"time","v":"01:02:00+00:00"}'),
    (timedelta(-1, 2, 3), '{"$":"timedelta","v":[-1,2,3]}'),
    (Decimal("1.50"), '{"$":"decimal","v":"1.50"}'),
    (Decimal("sNaN12"), '{"$":"decimal","v":"sNaN12"}'),
    (UUID(int=1), '{"$":"uuid","v":"00000000-0000-0000-0000-000000000001"}'),
    (PurePosixPath("a/é"), '{"$":"path","kind":"PurePosixPath","v":"a/é"}'),
    (PosixPath("/tmp/x"), '{"$":"path","kind":"PosixPath","v":"/tmp/x"}'),
    (PureWindowsPath("c:/x"), '{"$":"path","kind":"PureWindowsPath","v":"c:\\\\x"}'),
    (Missing("a[1]", "skipped"), '{"$":"missing","step":"a[1]","reason":"skipped","detail":""}'),
    (Color.SCARLET, '{"$":"enum","class":"samples:Color","name":"RED"}'),
    (Kind.WEB, '{"$":"enum","class":"samples:Kind","name":"WEB"}'),
    (Access.READ | Access.RUN, '{"$":"flag","class":"samples:Access","v":5}'),
    (Point(1, [2]), '{"$":"namedtuple","class":"samples:Point","v":{"x":1,"y":[2]}}'),
    (Note("t", [1]), '{"$":"dataclass","class":"samples:Note","v":{"title":"t","tags":[1]}}'),
    (Guarded(2), '{"$":"dataclass","class":"samples:Guarded","v":{"amount":2,"doubled":4}}'),
    (
        Recipe(rating=1, name="r"),
        '{"$":"model","class":"samples:Recipe","v":{"name":"r","steps":[],"rating":1},"set":["name","rating"]}',
    ),
    (
        Open(name="o", **{"$": 1}),
        (
            '{"$":"model","class":"samples:Open","v":{"name":"o"},"set":["$","name"],'
            '"extra":{"$":"dict","v":[["$",1]]}}'
        ),
    ),
    (
        Secretive(name="s"),
        '{"$":"model","class":"samples:Secretive","v":{"name":"s"},"set":["name"],"private":{"_seen":[]}}',
    ),
    (Names([1]), '{"$":"model","class":"samples:Names","v":{"root":[1]},"set":["root"]}'),
]


@pytest.mark.parametrize(("value", "text"), KNOWN, ids=[text for _, text in KNOWN])
def test_values_are_written_to_the_letter(value: object, text: str) -> None:
    """These texts are on disks: they never change."""
    assert encode(value, NAMES) == text


@pytest.mark.parametrize(("value", "text"), KNOWN, ids=[text for _, text in KNOWN])
def test_texts_on_disk_are_read_as_the_same_value(value: object, text: str) -> None:
    """Type, contents and state come back."""
    back = decode(text, CLASSES)
    assert type(back) is type(value)
    assert repr(back) == repr(value) or isinstance(value, set | frozenset)  # whose order is nobody's
    assert canonical(back) == canonical(value)
    assert vars(back) == vars(value) if isinstance(value, Guarded | Note) else True


@pytest.mark.parametrize(("value", "text"), KNOWN, ids=[text for _, text in KNOWN])
def test_the_json_form_is_the_text_parsed(value: object, text: str) -> None:
    """A larger document can hold an encoded value."""
    assert encode_json(value, NAMES) == json.loads(text)
    assert canonical(decode_json(json.loads(text), CLASSES)) == canonical(value)


def test_all_state_of_a_model_comes_back() -> None:
    """Fields set, extra and private, and validators stay silent."""
    secretive = Secretive(name="s")
    secretive._seen.append((1,))
    assert decode(encode(secretive, NAMES), CLASSES)._seen == [(1,)]
    opened = decode(encode(Open(name="o", more=(1,)), NAMES), CLASSES)
    assert opened == Open(name="o", more=(1,))
    assert opened.model_fields_set == {"name", "more"}
    assert decode(encode(Strict(text="a"), NAMES), CLASSES).text == "a!"
    assert decode(encode(Recipe(name="r"), NAMES), CLASSES).model_dump(exclude_unset=True) == {"name": "r"}


def test_a_model_that_came_back_still_works() -> None:
    """It validates, copies and dumps as one made by its constructor."""
    back = decode(encode(Frozen(name="f", parts=(1,)), NAMES), CLASSES)
    assert back == Frozen(name="f", parts=(1,))
    assert hash(back) == hash(Frozen(name="f", parts=(1,)))
    with pytest.raises(ValueError, match="frozen"):
        back.name = "g"


def test_dicts_keep_their_order_in_both_forms() -> None:
    """Order is part of what a consumer sees."""
    assert list(decode(encode({"b": 1, "a": 2}))) == ["b", "a"]
    assert list(decode(encode({2: 1, 1: 2, "x": 3}))) == [2, 1, "x"]


def test_text_is_safe_for_databases() -> None:
    """Neither NUL nor lone surrogates are in the text, wherever they were in the value."""
    text = encode({"\ud800": "\0", "k": ["\udfff", Missing("\0", "failed", "\ud800")]})
    text.encode("utf-8")
    assert "\\u0000" not in text
    assert "\\ud8" not in text
    assert "\0" not in text


def test_sets_do_not_depend_on_hash_seeds() -> None:
    """Two processes write one set in one way."""
    script = "from stretto.core.values import encode; print(encode({'a', 'b', 'c', 'd', ('e',)}))"
    texts = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_a_module_class_is_named_by_module_and_qualname() -> None:
    """Without other names given, a class is known by where it is defined."""
    assert json.loads(encode(Pin(1)))["class"] == f"{Pin.__module__}:Pin"


def homeless(module: str, qualname: str) -> object:
    cls = type(Pin)("Lost", (Pin,), {"__module__": module, "__qualname__": qualname})
    return cls(1)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (homeless("__main__", "Lost"), "Lost is defined in the script itself .* move it to a module"),
        (homeless("__mp_main__", "Lost"), "Lost is defined in the script itself"),
        (homeless("flow", "make.<locals>.Lost"), "inside a function.* move it to the top of a module"),
    ],
)
def test_classes_that_no_other_process_finds_need_a_name(value: object, words: str) -> None:
    """`__main__` is another module in the next process; the caller may know a better name."""
    with pytest.raises(ValueEncodingError, match=words) as caught:
        encode([value])
    assert caught.value.where == "[0]"
    text = encode([value], {type(value): "flow.py:Lost"})
    assert decode(text, {"flow.py:Lost": type(value)}) == [value]


def test_an_enum_of_a_script_needs_a_name_too() -> None:
    """Enums are classes like others."""
    member = Enum("Lost", {"A": 1}, module="__main__").A
    with pytest.raises(ValueEncodingError, match="defined in the script itself"):
        encode({"k": member})


def test_decoding_imports_nothing() -> None:
    """A name in a text cannot make the program load code."""
    text = '{"$":"dataclass","class":"this:Secret","v":{}}'
    with pytest.raises(ValueEncodingError, match="none of those this workflow is known to use"):
        decode(text)
    assert "this" not in sys.modules


REFUSED: list[tuple[str, str, str]] = [
    ("", "", "this is no encoded value"),
    ("{", "", "this is no encoded value"),
    ("NaN", "", "NaN is not JSON"),
    ("[" * 100_000, "", "nests too deep"),
    ('[{"$":"later"}]', "[0]", "a newer Stretto"),
    ('{"$":["list"]}', "", "a newer Stretto"),
    ('{"a":{"$":"tuple"}}', '["a"]', "damaged .*KeyError"),
    ('{"$":"tuple","v":{}}', "", "damaged .*expected list, got dict"),
    ('{"$":"set","v":[[]]}', "", "damaged .*unhashable"),
    ('{"$":"dict","v":[[1]]}', "", "damaged .*not enough values"),
    ('{"$":"dict","v":[[[],1]]}', "", "damaged .*unhashable"),
    ('{"$":"bytes","v":"*"}', "", "damaged"),
    ('{"$":"str","v":"/w=="}', "", "damaged .*UnicodeDecodeError"),
    ('{"$":"int","v":"x"}', "", "damaged .*invalid literal"),
    ('{"$":"float","v":"x"}', "", "damaged .*could not convert"),
    ('{"$":"complex","v":[1.0]}', "", "damaged .*not enough values"),
    ('{"$":"datetime","v":"yesterday"}', "", "damaged .*isoformat"),
    ('{"$":"datetime","v":"2026-01-02","zone":"No/Where"}', "", "damaged .*No/Where"),
    ('{"$":"datetime","v":"2026-01-02","zone":"../../etc/passwd"}', "", "damaged"),
    ('{"$":"datetime","v":"2026-01-02","fold":"1"}', "", "damaged .*expected int"),
    ('{"$":"time","v":"25:00"}', "", "damaged"),
    ('{"$":"date","v":"2026-13-01"}', "", "damaged"),
    ('{"$":"timedelta","v":[1,2]}', "", "damaged"),
    ('{"$":"timedelta","v":[999999999999,0,0]}', "", "damaged .*OverflowError"),
    ('{"$":"decimal","v":"x"}', "", "damaged .*InvalidOperation"),
    ('{"$":"uuid","v":"x"}', "", "damaged .*badly formed"),
    ('{"$":"path","kind":"decimal","v":"1"}', "", "damaged .*no kind of path"),
    ('{"$":"path","kind":"os.system Path","v":"1"}', "", "damaged .*KeyError"),
    ('{"$":"missing","step":"a","reason":"bored","detail":""}', "", "damaged .*bored"),
    ('{"$":"enum","class":"samples:Color","name":"BLUE"}', "", "no member BLUE any more: put it back"),
    ('{"$":"enum","class":"samples:Note","name":"RED"}', "", "no member RED any more"),
    ('{"$":"flag","class":"samples:Access","v":64}', "", "no flags 64 any more"),
    ('{"$":"flag","class":"samples:Note","v":1}', "", "no flags 1 any more"),
    ('{"$":"enum","class":"other:Color","name":"RED"}', "", "name it in the type hints of a step"),
    ('{"$":"model","class":"samples:Note","v":{}}', "", "its class is no model any more"),
    ('{"$":"dataclass","class":"samples:Color","v":{}}', "", "its class is no dataclass any more"),
    (
        '{"$":"dataclass","class":"samples:Note","v":{"title":1,"old":1}}',
        "",
        r"has changed \(old is gone, tags is new\): put it back as it was, or run the step again",
    ),
    ('{"$":"namedtuple","class":"samples:Point","v":{"x":1}}', "", "y is new"),
    ('{"$":"model","class":"samples:Recipe","v":{"name":"r"},"set":[]}', "", "rating is new, steps is new"),
    ('{"$":"model","class":"samples:Frozen","v":[],"set":[]}', "", "damaged .*expected dict"),
    (
        '{"k":[{"$":"dataclass","class":"samples:Note","v":{"title":[0,{"$":"x"}],"tags":0}}]}',
        '["k"][0].title[1]',
        "a newer Stretto",
    ),
]


@pytest.mark.parametrize(("text", "where", "words"), REFUSED, ids=[text[:60] for text, _, _ in REFUSED])
def test_what_cannot_be_read_is_refused_with_its_place(text: str, where: str, words: str) -> None:
    """No other exception leaves `decode`, whatever the text."""
    with pytest.raises(ValueEncodingError, match=words) as caught:
        decode(text, CLASSES)
    assert caught.value.where == where


@pytest.mark.parametrize("name", ["samples:Color", "samples:Note", "samples:Recipe"])
def test_only_given_classes_are_built(name: str) -> None:
    """Another workflow's classes are not this one's."""
    value = {"Color": Color.RED, "Note": Note(1), "Recipe": Recipe(name="r")}[name.removeprefix("samples:")]
    text = encode(value, NAMES)
    with pytest.raises(ValueEncodingError, match="none of those") as caught:
        decode(text, {key: cls for key, cls in CLASSES.items() if key != name})
    assert caught.value.type_name == name
