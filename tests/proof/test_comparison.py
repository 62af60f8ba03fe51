"""Both ways run in turns and compared; lengths are of a virtual clock."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest

from stretto import step, workflow
from stretto.proof import Mode, compare
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto import RunResult, Workflow
    from stretto.proof import Pair

COUNTER = itertools.count()


@step
async def waits(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@step
async def counts(x: object) -> int:
    return next(COUNTER)


@step(optional=True, default=None)
async def lost(x: object) -> int | None:
    raise KeyError("gone")


@step
async def broken(x: object) -> int:
    raise ValueError("broken")


@workflow
def pair() -> list[float]:
    return [waits(3.0), waits.named("other")(1.0)]


@workflow
def restless() -> list[object]:
    return [waits(1.0), counts.after(waits.named("before")(1.0))(0)]


@workflow
def partial() -> object:
    return [waits(1.0), lost(0)]


@workflow
def failing() -> object:
    return [waits(1.0), broken(0)]


@workflow
def instant() -> int:
    return 1


def both(flow: Workflow[..., object], made: list[Mode] | None = None) -> Callable[[Mode], RunResult[object]]:
    """Runs `flow` in a mode; `made` takes down in which."""

    def run(mode: Mode) -> RunResult[object]:
        if made is not None:
            made.append(mode)
        return run_virtual(flow.with_options(sequential=mode.is_sequential).aresult())

    return run


def test_figures_of_equal_runs() -> None:
    """Makespans, bound and speedup are those of the runs; the values are equal."""
    found = compare(both(pair), repeats=2)
    assert found.is_equal
    assert found.one_by_one is not None
    assert found.dataflow is not None
    assert found.lower_bound is not None
    assert found.speedup is not None
    assert found.bound_efficiency is not None
    assert found.one_by_one.median == pytest.approx(4.0)
    assert found.dataflow.median == pytest.approx(3.0)
    assert found.lower_bound.median == pytest.approx(3.0)
    assert found.speedup.median == pytest.approx(4 / 3)
    assert found.bound_efficiency.median == pytest.approx(1.0)
    assert found.speedup.count == 2


def test_runs_are_made_in_turns_and_warmups_are_not_counted() -> None:
    """A warm-up is a pair like any other, but no figure comes from it; each repeat is told as it ends."""
    made: list[Mode] = []
    told: list[int] = []

    def hear(number: int, found: Pair) -> None:
        told.append(number)
        assert len(made) == 2 * (number + 1)

    found = compare(both(pair, made), repeats=2, warmup=1, told=hear)
    one, data = Mode.ONE_BY_ONE, Mode.DATAFLOW
    assert made == [one, data, data, one, one, data]
    assert told == [1, 2]
    assert (len(found.pairs), found.warmups) == (2, 1)
    assert [each.first for each in found.pairs] == [data, one]


def test_values_that_differ() -> None:
    """Each repeat's difference is kept with the first step that differs, and that one by one differs from itself."""
    found = compare(both(restless), repeats=2)
    assert not found.is_equal
    assert [number for number, _ in found.differences] == [1, 2]
    difference = found.differences[0][1]
    assert difference.where.startswith("[1]: ")
    assert difference.step == "counts"
    assert "the first step that differs: counts" in str(difference)
    assert found.unsteady is not None
    assert found.unsteady.step == "counts"


def test_equal_runs_are_steady() -> None:
    """Nothing is said of a workflow whose one-by-one runs agree."""
    assert compare(both(pair), repeats=3).unsteady is None


def test_a_failed_run_ends_the_measuring() -> None:
    """No run follows it, no speedup is left, and it is there to be told of."""
    made: list[Mode] = []
    found = compare(both(failing, made), repeats=3)
    assert made == [Mode.ONE_BY_ONE]
    assert found.failed is not None
    assert found.failed.status == "failed"
    assert found.failed_in is Mode.ONE_BY_ONE
    assert (found.speedup, found.is_equal, found.pairs) == (None, False, [])


def test_a_run_that_fails_later_takes_the_speedup_with_it() -> None:
    """Repeats that were completed stay as they are, but nothing is claimed from them."""
    runs = iter([pair, pair, failing])
    found = compare(lambda mode: both(next(runs))(mode), repeats=2)
    assert len(found.pairs) == 1
    assert found.failed_in is Mode.DATAFLOW
    assert (found.speedup, found.is_equal) == (None, False)
    assert found.one_by_one is not None


def test_a_failing_warmup_counts_as_a_failed_run() -> None:
    """What cannot be run once is not measured."""
    found = compare(both(failing), repeats=1, warmup=1)
    assert found.failed is not None
    assert not found.is_equal


def test_partial_runs_are_compared() -> None:
    """A run that lost optional work has its value; what was lost is kept with the sample."""
    found = compare(both(partial), repeats=1)
    assert found.is_equal
    assert found.pairs[0].dataflow.status == "partial"
    assert found.pairs[0].dataflow.warnings == ("lost: KeyError: 'gone'",)


def test_runs_that_take_no_time_have_no_speedup() -> None:
    """Nothing is divided by nothing."""
    found = compare(both(instant), repeats=1)
    assert found.is_equal
    assert found.speedup is None
    assert found.bound_efficiency is None


def test_fewer_than_one_repeat_is_an_error() -> None:
    """Equality of no runs would be an empty claim."""
    with pytest.raises(ValueError, match="measure at least once"):
        compare(both(pair), repeats=0)
