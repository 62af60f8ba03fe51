"""The hash of a step's inputs is that of their canonical text, whichever way the text was made."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.core.graph import Source, fill
from stretto.core.values import digest
from stretto.runtime.engine.hashes import InputHashes

if TYPE_CHECKING:
    from stretto.core.graph import Graph
    from stretto.runtime.engine.inputs import Values

RESULTS: list[object] = [7, "text", None, [1, 2], {"a": 1}, "ä", 2**60, 1.5]


class _Results:
    """The results behind sources; counts how often each was looked at."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def of(self, source: Source) -> object:
        self.asked.append(source._index)
        value = RESULTS[source._index]
        return value[0] if source._projection else value  # type: ignore[index]  # only lists are looked into


def _hashes(
    args: tuple[object, ...], kwargs: dict[str, object] | None = None
) -> tuple[InputHashes, _Results]:
    results = _Results()
    graph = SimpleNamespace(args=[args], kwargs=[kwargs])
    return InputHashes(cast("Graph", graph), cast("Values", results), hides_secrets=False), results


def _plainly(args: tuple[object, ...], kwargs: dict[str, object] | None) -> str:
    """The rule itself: `digest` of the filled templates, a hash for each result that is no atom."""

    def stand_in(source: Source) -> object:
        value = _Results().of(source)
        return ("sha256", digest(value)) if isinstance(value, (list, dict)) else value

    return digest((fill(args, stand_in), fill(kwargs, stand_in)))


_atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.dates(),
    st.sampled_from([Decimal("1.0"), 2**53, -(2**53), 2**53 - 1, "\0", '"\\\n', "\ud800", -0.0, math.nan]),
    st.builds(Source, st.integers(0, len(RESULTS) - 1), st.just(())),
    st.just(Source(3, (("item", 0),))),
)
_keys = st.text(max_size=3) | st.sampled_from(["$", "b", "a", "é", "\0", '"', "aa"])
_templates = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(_keys | st.integers(), inner, max_size=3),
    ),
    max_leaves=8,
)


@pytest.mark.slow
@given(st.lists(_templates, max_size=3), st.none() | st.dictionaries(_keys, _templates, max_size=2))
def test_it_is_the_digest_of_the_filled_inputs(args: list[object], kwargs: dict[str, object] | None) -> None:
    """For every template, whatever short way its parts go."""
    assert _hashes(tuple(args), kwargs)[0].of(0) == _plainly(tuple(args), kwargs)


def test_a_known_answer() -> None:
    """Journals of older versions hold these: they must never change."""
    hashes, _ = _hashes((1, "a", None, Source(3, ())), {"on": date(2025, 3, 1)})
    assert hashes.of(0) == "c2052667aae7c82fe86b0c73e2a6cc8adef9d107cb7e8235797b294a4d585da0"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1,), (1.0,)),
        ((1,), (True,)),
        ((1,), ("1",)),
        ((0.0,), (-0.0,)),
        (((1,),), ([1],)),
        (([1, 2],), ([1], 2)),
        ((None,), ("null",)),
        ((), (None,)),
        ((2**53 - 1,), (2**53,)),
        (('","',), ("", "")),
    ],
)
def test_what_can_be_told_apart_has_another_hash(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    """Types count, and where a text ends."""
    assert _hashes(one)[0].of(0) != _hashes(other)[0].of(0)


def test_a_result_is_looked_at_once() -> None:
    """However many places take it; a part of it is another matter."""
    hashes, results = _hashes(
        (Source(3, ()), [Source(3, ())], {"a": Source(3, ())}, Source(3, (("item", 0),)))
    )
    hashes.of(0)
    hashes.of(0)
    assert results.asked == [3, 3]
