"""The lower bound: never above the best schedule there is, never below span and work/permits."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.forecast_graphs import Graph, best_makespan, graphs
from stretto.core.forecast.bounds import lower_bound
from stretto.core.forecast.levels import span, tails, top_levels, work
from stretto.core.forecast.order import inverse
from stretto.errors import ConfigError, DefinitionError

#        ┌─> 1 (3) ─┐
# 0 (2) ─┼─> 2 (3) ─┼─> 5 (2)
#        ├─> 3 (3) ─┤
#        └─> 4 (3) ─┘
FORK = [[], [0], [0], [0], [0], [1, 2, 3, 4]]
LENGTHS = [2.0, 3.0, 3.0, 3.0, 3.0, 2.0]


def bound(deps: list[list[int]], weights: list[float], permits: int | None) -> float:
    """`lower_bound` with the outs made here."""
    return lower_bound(deps, inverse(deps), weights, permits)


@pytest.mark.parametrize(
    ("permits", "seconds"), [(1, 16), (2, 2 + 12 / 2 + 2), (3, 2 + 12 / 3 + 2), (4, 7), (None, 7)]
)
def test_fork_and_join(permits: int | None, seconds: float) -> None:
    """The window between the fork and the join says more than span (7) and work/permits (8 on two)."""
    assert bound(FORK, LENGTHS, permits) == seconds


def test_span_is_not_lost_on_a_chain() -> None:
    """On a chain no window holds more than one step at a time, and the bound is the whole chain."""
    assert bound([[], [0], [1]], [3.0, 4.0, 5.0], 2) == 12


def test_steps_without_permits_only_take_time() -> None:
    """Durable waits and inline steps lengthen paths but fill no window.

    0 (10, a wait)      1 (4)  2 (4)  3 (4), on one permit
    """
    deps: list[list[int]] = [[], [], [], []]
    weights = [10.0, 4.0, 4.0, 4.0]
    assert lower_bound(deps, deps, weights, 1, held=[0.0, 4.0, 4.0, 4.0]) == 12
    assert lower_bound(deps, deps, weights, 2, held=[0.0, 4.0, 4.0, 4.0]) == 10
    assert lower_bound(deps, deps, weights, 1) == 22


def test_no_steps_take_no_time() -> None:
    """The bound of nothing is 0 under any cap."""
    assert bound([], [], 3) == 0
    assert bound([], [], None) == 0


@pytest.mark.parametrize("permits", [0, -1])
def test_less_than_one_permit_is_refused(permits: int) -> None:
    """Without a permit no schedule exists, so no bound does."""
    with pytest.raises(ConfigError, match="at least 1 permit"):
        bound([[]], [1.0], permits)


def test_a_circle_is_refused() -> None:
    """Steps in a circle have no schedule."""
    with pytest.raises(DefinitionError):
        bound([[1], [0]], [1.0, 1.0], 2)


@settings(max_examples=60)
@given(graphs(most=5), st.integers(1, 3), st.sets(st.integers(0, 4)))
def test_no_schedule_beats_the_bound(graph: Graph, permits: int, permitless: set[int]) -> None:
    """The best of all schedules, found by trying every order, is never shorter than the bound."""
    deps, weights = graph
    held = [0.0 if step in permitless else weight for step, weight in enumerate(weights)]
    found = lower_bound(deps, inverse(deps), weights, permits, held=held)
    assert found <= best_makespan(deps, weights, permits, permitless) + 1e-9


@given(graphs(most=10, shuffled=True), st.sampled_from([1, 2, 4, 8]))
def test_the_bound_is_the_formula(graph: Graph, permits: int) -> None:
    """It equals the maximum over every pair of thresholds, tried one by one, and holds its special cases."""
    deps, weights = graph
    heads, after = top_levels(deps, weights), tails(inverse(deps), weights)
    windows = (
        (h, t, [w for head, tail, w in zip(heads, after, weights, strict=True) if head >= h and tail >= t])
        for h in heads
        for t in after
    )
    tried = max(h + sum(inside) / permits + t for h, t, inside in windows if inside)
    found = bound(deps, weights, permits)
    assert found == pytest.approx(max(tried, span(deps, weights)), abs=1e-9)
    assert found >= max(span(deps, weights), work(weights) / permits) - 1e-9


@given(graphs())
def test_more_permits_never_raise_the_bound(graph: Graph) -> None:
    """A larger cap bounds less; without a cap the span is left, and one permit means one by one."""
    deps, weights = graph
    bounds = [bound(deps, weights, permits) for permits in (1, 2, 3, 100, None)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] == work(weights)
    assert bounds[-1] == span(deps, weights)


@pytest.mark.slow
def test_a_hundred_thousand_steps() -> None:
    """The exact bound of a large graph, all heads and tails different, costs microseconds a step.

    50 000 chains of two steps on four permits: nothing but the whole work can bind.
    """
    size, dice = 100_000, random.Random(3)
    deps = [[step - 1] if step % 2 else [] for step in range(size)]
    weights = [dice.expovariate(1.0) for _ in range(size)]
    began = time.perf_counter()
    assert bound(deps, weights, 4) == pytest.approx(work(weights) / 4)
    assert time.perf_counter() - began < 4
