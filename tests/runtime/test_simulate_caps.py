"""Under a cap the scheduler comes near what no schedule can beat: thirteen shapes, virtual time."""

from __future__ import annotations

from statistics import fmean

import pytest
from bench.caps import MEAN, PERMITS, WORST, Case, InArrivalOrder, cases, created_of, run_of
from bench.shapes import SHAPES, Dag

from stretto import step, workflow
from stretto.core.forecast.bounds import lower_bound
from stretto.core.forecast.order import inverse
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Created, RunOptions
from stretto.runtime.simulate import simulate


@pytest.fixture(scope="module")
def measured() -> list[Case]:
    """Every shape at every cap."""
    return list(cases())


def test_at_least_ten_shapes_at_four_caps_are_measured(measured: list[Case]) -> None:
    """The figures below are about what they say they are about."""
    assert len({case.shape for case in measured}) >= 10
    assert {case.permits for case in measured} == set(PERMITS) == {2, 4, 8, 16}
    assert len(measured) == len(SHAPES) * len(PERMITS)


def test_the_mean_is_within_five_percent_of_the_bound(measured: list[Case]) -> None:
    """On average at most 1.05 times the lower bound."""
    assert fmean(case.ratio for case in measured) <= MEAN == 1.05


def test_the_worst_is_within_reach_of_the_bound(measured: list[Case]) -> None:
    """Nowhere more than 1.45 times the lower bound, and nowhere less than the bound itself."""
    assert max(case.ratio for case in measured) <= WORST == 1.45
    assert min(case.ratio for case in measured) >= 1.0 - 1e-12


def test_longest_path_first_beats_first_come_first_served(measured: list[Case]) -> None:
    """Better than FIFO on the mean."""
    assert fmean(case.ratio for case in measured) < fmean(case.fifo_ratio for case in measured)


@pytest.mark.parametrize("scheduler", [None, InArrivalOrder], ids=["longest path", "arrival"])
def test_no_permit_is_idle_while_a_step_is_ready(scheduler: type[InArrivalOrder] | None) -> None:
    """Graham's bound for any schedule that never idles: at most span + (work - span) / permits."""
    for make in SHAPES.values():
        dag = make()
        for permits in PERMITS:
            found = run_of(dag, permits, scheduler) if scheduler else run_of(dag, permits)
            work, span = sum(dag.seconds), lower_bound(dag.deps, inverse(dag.deps), dag.seconds, None)
            assert found.makespan <= span + (work - span) / permits + 1e-9


def test_the_cap_is_never_passed() -> None:
    """At no instant do more attempts run than there are permits, and at some instant all permits are out."""
    created = created_of(SHAPES["heavy-tailed random"](), 4)
    found = simulate(created, lambda path, _: created.estimates[path])
    running, most = 0, 0
    for kind, *_ in found.facts:
        running += (kind == kinds.STEP_STARTED) - (kind == kinds.ATTEMPT_SUCCEEDED)
        most = max(most, running)
    assert most == 4


def test_arrival_order_is_arrival_order() -> None:
    """The rival is what its name says: of two ready steps the earlier goes first, however short its path."""
    dag = Dag([[], [], [1]], [1.0, 1.0, 5.0])
    assert run_of(dag, 1, InArrivalOrder).started == ("s0", "s1", "s2")
    assert run_of(dag, 1).started == ("s1", "s2", "s0")


@step
async def listing() -> list[int]:
    return []


@step
async def first(item: int) -> int:
    return item


@step
async def second(item: int) -> int:
    return item


@step
async def last(items: list[int]) -> int:
    return len(items)


@workflow
def grown() -> int:
    return last(second.map(first.map(listing())))


@pytest.mark.parametrize("permits", PERMITS)
def test_grown_steps_are_ranked_like_traced_ones(permits: int) -> None:
    """A map over a map that grows while it runs takes as long as the same graph known from the start."""
    seconds = {"listing": 0.5, "first": 1.0, "second": 2.5, "last": 0.5}
    created = Created("grown", grown.trace().graph, RunOptions(permits=permits), seconds, {})
    found = simulate(created, lambda path, _: seconds[path.partition("[")[0]], sizes={"first": 37})
    deps = [[], *([0] for _ in range(37)), *([1 + item] for item in range(37)), list(range(38, 75))]
    known = Dag(deps, [0.5, *[1.0] * 37, *[2.5] * 37, 0.5])
    assert len(found.graph) == len(deps) + 2  # and the two anchors
    assert found.makespan == run_of(known, permits).makespan
