"""Gradual rollout."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto_apps.assess.rollout import STAGES, bucket, in_rollout, next_stage, runs_parallel

USERS = [f"user-{number}" for number in range(4_000)]


@given(st.text(alphabet="ab@.0"), st.integers(0, 100), st.integers(0, 100))
def test_who_is_in_stays_in(user: str, one: int, other: int) -> None:
    """A larger percentage only adds users."""
    low, high = sorted((one, other))
    assert in_rollout(user, high) or not in_rollout(user, low)


@pytest.mark.parametrize("percent", STAGES)
def test_the_share_is_met(percent: int) -> None:
    """Of many users about that percentage is in."""
    share = sum(in_rollout(user, percent) for user in USERS) / len(USERS)
    assert share == pytest.approx(percent / 100, abs=0.03)


def test_the_bucket_is_fixed() -> None:
    """A user's bucket never depends on the process: these are its values for good."""
    assert [bucket(user) for user in ("ada", "grace", "")] == [9, 77, 54]
    assert len({bucket(user) for user in USERS}) == 100


def test_nobody_and_everybody() -> None:
    """At 0 nobody is in, at 100 everybody; outside that it raises."""
    assert not any(in_rollout(user, 0) for user in USERS[:200])
    assert all(in_rollout(user, 100) for user in USERS[:200])
    with pytest.raises(ValueError, match="0 to 100"):
        in_rollout("a", 101)


def test_stages() -> None:
    """10 → 25 → 50 → 100, and there it stays."""
    assert [next_stage(percent) for percent in (0, 10, 25, 50, 100)] == [10, 25, 50, 100, 100]


def test_flag_and_rollout_together() -> None:
    """The flag off is off; without a rollout it is on; strangers wait for 100 percent."""
    inside = next(user for user in USERS if in_rollout(user, 10))
    outside = next(user for user in USERS if not in_rollout(user, 50))
    assert not runs_parallel(use_parallel=False, user_id=inside, rollout=100)
    assert runs_parallel(use_parallel=True, user_id=None, rollout=None)
    assert runs_parallel(use_parallel=True, user_id=inside, rollout=10)
    assert not runs_parallel(use_parallel=True, user_id=outside, rollout=50)
    assert not runs_parallel(use_parallel=True, user_id=None, rollout=50)
    assert runs_parallel(use_parallel=True, user_id=None, rollout=100)
