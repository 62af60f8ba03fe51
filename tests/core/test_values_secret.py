"""Secrets: which fields are, what is written of them, and what texts say."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NamedTuple

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from stretto import Secret
from stretto.core.values import (
    canonical,
    classes_in,
    decode,
    digest,
    encode,
    equal,
    first_difference,
    is_immutable,
    snapshot,
)
from stretto.core.values.places import holds_redacted, passes_secret
from stretto.core.values.secret import HIDDEN, MASK, REDACTED, has_hidden, is_marked, loads_hidden, mask

if TYPE_CHECKING:
    from collections import OrderedDict as Unresolved


class Login(BaseModel):
    """A model with each kind of secret."""

    user: str
    token: SecretStr
    raw: SecretBytes = SecretBytes(b"raw-bytes-1")
    pin: Annotated[str, Secret()] | None = None


@dataclass(frozen=True)
class Card:
    """A dataclass whose secret has parts."""

    holder: str
    numbers: Annotated[list[str], Secret()]


@dataclass
class Half:
    """Not all of its hints resolve at run time."""

    code: Annotated[str, Secret()]
    other: Unresolved | None = None


class Pair(NamedTuple):
    """A named tuple with a secret."""

    name: str
    word: Annotated[str, Secret()]


VALUES = [
    Login(user="u", token=SecretStr("token-1234"), pin="pin-1234"),
    Card("h", ["number-1234"]),
    Half("code-1234"),
    Pair("n", "word-1234"),
    SecretStr("alone-1234"),
    {"in": [Card("h", ["number-1234"])]},
]
CLASSES = {
    name: cls for hint in (Login, Card, Half, Pair, SecretStr) for name, cls in classes_in(hint).items()
}


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_secret_is_written_only_where_it_is_kept(value: object) -> None:
    """Kept, the value comes back equal; otherwise no part of the secret is in the text."""
    assert decode(encode(value, keeps_secrets=True), CLASSES) == value
    text = encode(value)
    assert "1234" not in text
    assert "raw-bytes" not in text
    assert HIDDEN in text
    assert holds_redacted(decode(text, CLASSES))


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_lost_its_secret_is_written_as_it_was_read(value: object) -> None:
    """A journal that is read and written again does not change."""
    text = encode(value)
    again = decode(text, CLASSES)
    assert encode(again) == encode(again, keeps_secrets=True) == text
    assert encode(snapshot(again)) == text


def test_values_without_secrets_have_no_mark() -> None:
    """Nothing changes for them."""
    value = {"a": (1, "b")}
    assert encode(value) == encode(value, keeps_secrets=True)
    assert HIDDEN not in encode(value)


def test_a_text_that_looks_like_the_mark() -> None:
    """Quotes within texts are escaped, and a dict with the tag has a form of its own."""
    for value in (HIDDEN, {"$": "secret"}, [HIDDEN]):
        assert decode(encode(value)) == value
        assert HIDDEN not in encode(value)


def test_secrets_count_in_hashes_unless_they_are_hidden() -> None:
    """Two logins with other tokens are two values; where hashes are read by others, they are one."""
    one, other = SecretStr("token-aaaa"), SecretStr("token-bbbb")
    assert not equal(one, other)
    assert digest(one) != digest(other)
    assert digest(one, hides_secrets=True) == digest(other, hides_secrets=True)
    assert canonical(one, hides_secrets=True) == HIDDEN


def test_a_secret_that_cannot_be_written_is_refused_everywhere() -> None:
    """Hidden or not: a run must not depend on where its journal lies."""
    with pytest.raises(Exception, match="cannot be written down"):
        encode(Card("h", [object()]), {Card: "c"})  # type: ignore[list-item]  # what a careless step returns


def test_a_difference_does_not_show_a_secret() -> None:
    """What was met is masked in what is said about it."""
    one, other = snapshot(Pair("n", "word-one-1")), snapshot(Pair("n", "word-two-2"))
    assert first_difference(one, other) == f".word: '{MASK}' != '{MASK}'"


def test_which_hints_are_marked() -> None:
    """The hint itself, a part of it, or its text where it cannot be resolved; no class of that name."""
    assert is_marked(Annotated[str, Secret()])
    assert is_marked(Annotated[str, Secret])
    assert is_marked(Annotated[str, Secret()] | None)
    assert is_marked("Annotated[str, Secret()]")
    assert not is_marked("pydantic.Secret[int]")
    assert not is_marked(str)


def test_projections_through_a_secret() -> None:
    """A part taken out of a secret field is secret; its neighbour is not."""
    value = {"card": Card("h", ["number-1234"])}
    assert passes_secret(value, [("item", "card"), ("attr", "numbers"), ("item", 0)])
    assert not passes_secret(value, [("item", "card"), ("attr", "holder")])


Token = Annotated[str, Secret()]


@dataclass
class Aliased:
    """Its hints are texts, and the mark stands behind a name."""

    token: Token
    tokens: list[Token]
    code: Unresolved | None = None


class AliasedModel(BaseModel):
    """The same for pydantic."""

    token: Token | None
    tokens: list[Token]


@pytest.mark.parametrize("cls", [Aliased, AliasedModel])
def test_a_mark_behind_a_name(cls: type) -> None:
    """What a hint means counts, not how it is written; one that does not resolve hides no other."""
    text = encode(cls(token="token-5678", tokens=["token-5678"]))
    assert "5678" not in text


@pytest.mark.parametrize("secret", ["line one\nline two", 'it\'s "quoted"', "back\\slash", "naïve-sécret"])
def test_other_ways_to_write_a_secret(secret: str) -> None:
    """As Python, JSON and a shell would write it."""
    snapshot(SecretStr(secret))
    for text in (
        repr(secret),
        str(KeyError(secret)),
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
    ):
        assert MASK in mask(text)
        assert secret[:8] not in mask(text)
    assert MASK in mask(shlex.quote(f"x={secret}"))
    snapshot(SecretBytes(b"\xff\x00binary"))
    assert mask(repr(b"\xff\x00binary")) == f"b'{MASK}'"


def test_texts_are_masked_by_what_was_met() -> None:
    """The longest first; what is too short to be told from a word stays."""
    snapshot([SecretStr("ab-secret"), SecretStr("ab-secret-long"), SecretStr("xyz")])
    assert mask("ab-secret-long, ab-secret, xyz") == f"{MASK}, {MASK}, xyz"
    snapshot(SecretBytes(b"met-in-bytes"))
    assert mask("met-in-bytes") == MASK


def test_reading_a_kept_secret_is_meeting_it() -> None:
    """Another process that goes on with a run masks what it has only read."""
    decode('{"$":"secret","v":"only-read-once"}')
    assert mask("it was only-read-once") == f"it was {MASK}"


def test_forms_for_readers() -> None:
    """A reader that shows what it reads is not given secrets, and can tell that there were some."""
    kept = encode(VALUES[0], keeps_secrets=True)
    assert "1234" in kept
    assert "1234" not in str(loads_hidden(kept))
    assert has_hidden(loads_hidden(kept))
    assert not has_hidden({"a": [1, {"$": "tuple", "v": []}]})


def test_the_stand_in() -> None:
    """It shows nothing, never changes and passes like any value."""
    assert repr(REDACTED) == MASK
    assert is_immutable(REDACTED)
    assert snapshot(REDACTED) is REDACTED
    assert encode(REDACTED) == HIDDEN
