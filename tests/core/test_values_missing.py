"""`Missing`: what a consumer of an optional step sees."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from stretto.core.values import MISSING_REASONS, Missing, decode, encode, is_immutable, snapshot


def test_it_is_false() -> None:
    """`if advice:` must treat an absent result as nothing."""
    assert not Missing("advise", "failed")


@pytest.mark.parametrize("reason", MISSING_REASONS)
def test_each_reason_survives_a_round_trip(reason: str) -> None:
    """Why a result is missing is part of what a resumed consumer sees."""
    missing = Missing("advise[2]", reason, "no\0answer")
    assert decode(encode(missing)) == missing


def test_an_unknown_reason_is_refused() -> None:
    """The reasons are a closed list."""
    with pytest.raises(ValueError, match="not 'bored'"):
        Missing("advise", "bored")


def test_it_cannot_be_changed_and_is_shared() -> None:
    """One object serves every consumer."""
    missing = Missing("advise", "skipped")
    with pytest.raises(FrozenInstanceError):
        missing.step = "other"
    assert is_immutable(missing)
    assert snapshot(missing) is missing
