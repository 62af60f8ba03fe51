"""Five figures of a few measurements."""

from __future__ import annotations

import pytest

from stretto.proof import Spread, spread_of


def test_an_odd_number() -> None:
    """The middle value is the median and belongs to neither half."""
    assert spread_of([5.0, 1.0, 2.0, 9.0, 3.0]) == Spread(5, 3.0, 1.0, 9.0, 1.5, 7.0)


def test_an_even_number() -> None:
    """The median lies between the two in the middle."""
    assert spread_of([4.0, 1.0, 2.0, 3.0]) == Spread(4, 2.5, 1.0, 4.0, 1.5, 3.5)


def test_one_value_is_all_of_them() -> None:
    """A single measurement has no spread."""
    assert spread_of([2.0]) == Spread(1, 2.0, 2.0, 2.0, 2.0, 2.0)


def test_no_value_is_an_error() -> None:
    """Nothing measured gives no figure, not a zero."""
    with pytest.raises(ValueError, match="measure at least once"):
        spread_of([])
