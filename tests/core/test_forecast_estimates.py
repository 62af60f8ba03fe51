"""Lengths learned from earlier runs: robust, bounded, frozen for a run."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.core.forecast.estimates import Estimates


def learned(*lengths: float) -> Estimates:
    """Estimates that saw these lengths of the step `write`."""
    estimates = Estimates()
    for seconds in lengths:
        estimates.learn("write", seconds)
    return estimates


def test_an_unknown_step_weighs_one_and_reserves_nothing() -> None:
    """Without knowledge a graph counts hops, and no optional work is cut on a guess."""
    assert Estimates().weight("write") == 1.0
    assert Estimates().reserve("write") == 0.0


def test_a_known_step_weighs_and_reserves_its_median() -> None:
    """One timeout among ordinary finishes moves nothing; an even number gives the mean of the middle two."""
    assert learned(2.0, 300.0, 1.0).weight("write") == 2.0
    assert learned(2.0, 300.0, 1.0).reserve("write") == 2.0
    assert learned(1.0, 2.0, 4.0, 300.0).weight("write") == 3.0


def test_learning_after_reading_counts() -> None:
    """An estimate that was read before is not kept when more is learned."""
    estimates = learned(1.0)
    assert estimates.weight("write") == 1.0
    estimates.learn("write", 3.0)
    assert estimates.weight("write") == 2.0


def test_only_the_last_twenty_finishes_count() -> None:
    """A step that became slower is believed after a while: what is older is forgotten."""
    assert learned(*[1.0] * 100, *[5.0] * 9).weight("write") == 1.0
    assert learned(*[1.0] * 100, *[5.0] * 10).weight("write") == 3.0
    assert learned(*[1.0] * 100, *[5.0] * 11).weight("write") == 5.0


def test_known_is_a_frozen_copy() -> None:
    """What a run was given neither changes while others learn, nor can be changed by anybody."""
    estimates = learned(1.0)
    before = estimates.known
    estimates.learn("write", 9.0)
    estimates.learn("review", 4.0)
    assert dict(estimates.known) == {"write": 5.0, "review": 4.0}
    assert dict(before) == {"write": 1.0}
    with pytest.raises(TypeError):
        before["write"] = 2.0  # type: ignore[index]


def test_estimates_come_back_from_what_was_written_down() -> None:
    """A run recovered from its journal sees the weights that it was started with."""
    again = Estimates(learned(1.0, 2.0, 4.0).known)
    assert again.weight("write") == 2.0
    again.learn("write", 4.0)
    assert again.weight("write") == 3.0


@pytest.mark.parametrize("seconds", [-0.5, math.nan, math.inf, -math.inf])
def test_an_impossible_length_teaches_nothing(seconds: float) -> None:
    """A clock set back in the middle of a step does not spoil the estimates, nor stop a run."""
    estimates = learned(seconds)
    assert estimates.weight("write") == 1.0
    assert "write" not in estimates.known
    assert learned(2.0, seconds).weight("write") == 2.0


@given(st.lists(st.floats(0, 1e308), min_size=1, max_size=40))
def test_the_median_lies_in_the_middle(lengths: list[float]) -> None:
    """As many of the remembered lengths lie at or below the estimate as at or above it."""
    recent, median = lengths[-20:], learned(*lengths).weight("write")
    assert 2 * sum(seconds <= median for seconds in recent) >= len(recent)
    assert 2 * sum(seconds >= median for seconds in recent) >= len(recent)
