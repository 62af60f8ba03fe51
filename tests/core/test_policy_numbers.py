"""Numbers as authors write them."""

from __future__ import annotations

import pytest

from stretto.core.policy.numbers import is_count, is_length


@pytest.mark.parametrize("value", [1, 0.5, float("inf")])
def test_lengths(value: float) -> None:
    """Seconds above 0."""
    assert is_length(value)


@pytest.mark.parametrize("value", [0, -1, float("nan"), True, "5", None, [1]])
def test_no_lengths(value: object) -> None:
    """Nothing else is a length, not even True."""
    assert not is_length(value)


@pytest.mark.parametrize(
    ("value", "least", "expected"), [(1, 1, True), (0, 1, False), (0, 0, True), (True, 1, False)]
)
def test_counts(value: object, least: int, expected: bool) -> None:
    """Whole numbers, from the least one on."""
    assert is_count(value, least=least) is expected


@pytest.mark.parametrize("value", [1.0, "1", None])
def test_no_counts(value: object) -> None:
    """A float is no count, even a whole one."""
    assert not is_count(value)
