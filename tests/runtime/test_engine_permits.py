"""Named permits between runs: who is told of a grant."""

from __future__ import annotations

from core.schedule_cases import drawn
from stretto.ports import RunInfo
from stretto.runtime.engine.permits import Permits


class Run:
    """A run that remembers its grants."""

    def __init__(self, run_id: str) -> None:
        self.info = RunInfo(run_id, "flow", drawn())
        self.told: list[int] = []

    def granted(self, index: int) -> None:
        self.told.append(index)


def test_a_free_permit_is_told_at_once() -> None:
    """The run hears of its grant from within `acquire`."""
    permits, run = Permits({"a": 1}), Run("r")
    permits.acquire(run, 3, 1, ("a",), 0.0)
    assert run.told == [3]


def test_a_release_tells_the_next_run() -> None:
    """What one run gives back another one gets."""
    permits, first, second = Permits({"a": 1}), Run("1"), Run("2")
    permits.acquire(first, 0, 1, ("a",), 0.0)
    permits.acquire(second, 5, 1, ("a",), 0.0)
    assert second.told == []
    permits.release(first, 0, 1)
    assert second.told == [5]


def test_a_grant_for_a_run_that_is_over_goes_on() -> None:
    """Nobody is left to use it: it passes to the next, through any number of such waiting steps."""
    permits, holder, gone, next_one = Permits({"a": 1}), Run("h"), Run("g"), Run("n")
    permits.acquire(holder, 0, 1, ("a",), 0.0)
    for step in range(3_000):
        permits.acquire(gone, step, 1, ("a",), 0.0)
    permits.acquire(next_one, 7, 1, ("a",), 0.0)
    permits.forget(gone)
    permits.release(holder, 0, 1)
    assert gone.told == []
    assert next_one.told == [7]
    permits.release(next_one, 7, 1)
    assert permits.pools.free("a") == 1


def test_a_broken_run_keeps_only_what_still_runs() -> None:
    """Permits of attempts that never started, or have ended unheard, come back; running ones stay out."""
    permits, run = Permits({"a": 2}), Run("r")
    for step in range(4):
        permits.acquire(run, step, 1, ("a",), 0.0)
    permits.break_off(run, {(1, 1)})
    assert permits.pools.free("a") == 1
    assert permits.pools.waiting() == 0
    permits.release(run, 1, 1)
    assert permits.pools.free("a") == 2
