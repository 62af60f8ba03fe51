"""The two ways to run, in turns."""

from __future__ import annotations

from stretto.proof import Mode, interleaved

A, B = Mode.ONE_BY_ONE, Mode.DATAFLOW


def test_the_order_is_turned_round_from_repeat_to_repeat() -> None:
    """A B, B A, A B: neither way is always the first."""
    assert list(interleaved(3)) == [(A, B), (B, A), (A, B)]
    assert list(interleaved(0)) == []


def test_only_one_by_one_is_sequential() -> None:
    """The mode says how the engine is to run it."""
    assert (A.is_sequential, B.is_sequential) == (True, False)
