"""Longest paths: known answers, and equality with all paths tried one by one."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given

from core.forecast_graphs import Graph, all_paths, graphs
from stretto.core.forecast.levels import (
    bottom_levels,
    critical_path,
    slack,
    span,
    tails,
    top_levels,
    work,
)
from stretto.core.forecast.order import inverse, topological_order
from stretto.errors import DefinitionError

# 0 (2) ──> 1 (3) ──> 3 (1)
#   └─────> 2 (5) ─────^          4 (4), alone
DIAMOND = [[], [0], [0], [1, 2], []]
LENGTHS = [2.0, 3.0, 5.0, 1.0, 4.0]


def test_diamond() -> None:
    """The priorities, starts, slack, path, span and work of a diamond and a loner."""
    outs = inverse(DIAMOND)
    assert bottom_levels(outs, LENGTHS) == [8, 4, 6, 1, 4]
    assert tails(outs, LENGTHS) == [6, 1, 1, 0, 0]
    assert top_levels(DIAMOND, LENGTHS) == [0, 2, 2, 7, 0]
    assert slack(DIAMOND, outs, LENGTHS) == [0, 2, 0, 0, 4]
    assert critical_path(DIAMOND, LENGTHS) == [0, 2, 3]
    assert span(DIAMOND, LENGTHS) == 8
    assert work(LENGTHS) == 15


def test_grown_steps_feed_an_anchor_with_a_smaller_index() -> None:
    """A consumer may have a smaller index than what it waits for.

    0 (1) ──> 3 (4) ──> 4 (2) ──> 1 (anchor, its own attempt over: 0) ──> 2 (1)
    """
    deps, weights = [[], [4], [1], [0], [3]], [1.0, 0.0, 1.0, 4.0, 2.0]
    assert bottom_levels(inverse(deps), weights) == [8, 1, 1, 7, 3]
    assert top_levels(deps, weights) == [0, 7, 7, 1, 5]
    assert critical_path(deps, weights) == [0, 3, 4, 1, 2]


def test_equal_paths_give_the_smallest_index() -> None:
    """Among equally long paths the choice is fixed, so that pictures and plans do not flicker."""
    assert critical_path([[], [], [0, 1]], [1.0, 1.0, 1.0]) == [0, 2]
    assert critical_path([[], []], [1.0, 1.0]) == [0]


def test_steps_of_no_length_are_on_the_path() -> None:
    """An inline step of no measurable length belongs to the path it lies on."""
    assert critical_path([[], [0], [1]], [0.0, 1.0, 0.0]) == [0, 1, 2]


def test_no_steps() -> None:
    """A run without steps takes no time and has an empty path."""
    assert (bottom_levels([], []), top_levels([], []), critical_path([], [])) == ([], [], [])
    assert (span([], []), work([]), slack([], [], [])) == (0, 0, [])


def test_rounding_is_not_slack() -> None:
    """Sums of decimal seconds differ by the order of adding; the only path there is has no slack at all."""
    weights = [0.1, 0.2, 0.3, 0.7, 0.9, 0.1]
    deps = [[], [0], [1], [2], [3], [4]]
    heads, bottoms = top_levels(deps, weights), bottom_levels(inverse(deps), weights)
    assert len({head + bottom for head, bottom in zip(heads, bottoms, strict=True)}) > 1
    assert slack(deps, inverse(deps), weights) == [0.0] * 6


def test_a_circle_is_an_error_in_either_direction() -> None:
    """Priorities and earliest starts of a circle do not exist: its steps are named."""
    circle, names = [[1], [2], [0]], ["a", "b", "c"]
    for levels in (bottom_levels, top_levels, tails):
        with pytest.raises(DefinitionError, match="'a', 'b', 'c'"):
            levels(circle, [1.0] * 3, names=names)


@given(graphs(shuffled=True))
def test_levels_are_the_longest_of_all_paths(graph: Graph) -> None:
    """Each level is the longest way to or from the step among all paths, with or without a known order."""
    deps, weights = graph
    outs, paths = inverse(deps), list(all_paths(deps))

    def length(path: tuple[int, ...]) -> float:
        return sum(weights[step] for step in path)

    for step in range(len(deps)):
        places = [(path, path.index(step)) for path in paths if step in path]
        assert top_levels(deps, weights)[step] == max(length(path[:at]) for path, at in places)
        assert bottom_levels(outs, weights)[step] == max(length(path[at:]) for path, at in places)
        assert tails(outs, weights)[step] == max(length(path[at + 1 :]) for path, at in places)
    order = topological_order(outs)
    assert bottom_levels(outs, weights, order=order) == bottom_levels(outs, weights)
    assert top_levels(deps, weights, order=order[::-1]) == top_levels(deps, weights)
    assert span(deps, weights) == max(length(path) for path in paths)


@given(graphs(shuffled=True))
def test_slack_is_zero_exactly_on_longest_paths(graph: Graph) -> None:
    """A step has no slack if and only if it lies on a longest path; the critical path is one of those."""
    deps, weights = graph
    paths = list(all_paths(deps))
    longest = max(sum(weights[step] for step in path) for path in paths)
    critical = [path for path in paths if sum(weights[step] for step in path) == longest]
    zero = {step for step, late in enumerate(slack(deps, inverse(deps), weights)) if late == 0}
    assert zero == {step for path in critical for step in path}
    assert tuple(critical_path(deps, weights)) in critical


@given(graphs(shuffled=True))
def test_using_up_slack_does_not_move_the_end(graph: Graph) -> None:
    """A step may grow by its slack for free, and not by a second more."""
    deps, weights = graph
    end = span(deps, weights)
    for step, late in enumerate(slack(deps, inverse(deps), weights)):
        longer = [*weights[:step], weights[step] + late, *weights[step + 1 :]]
        assert span(deps, longer) == end
        longer[step] += 1
        assert span(deps, longer) == end + 1


@pytest.mark.slow
def test_a_hundred_thousand_steps_in_one_pass() -> None:
    """Large graphs cost well under a microsecond a step; the limit leaves room for a busy machine."""
    size, dice = 100_000, random.Random(7)
    deps = [[] if step < 1000 else [step - 1000, dice.randrange(step)] for step in range(size)]
    outs, weights = inverse(deps), [dice.random() for _ in range(size)]
    began = time.perf_counter()
    bottoms = bottom_levels(outs, weights)
    assert time.perf_counter() - began < 0.8
    assert max(bottoms) == pytest.approx(span(deps, weights))


def test_work_is_rounded_once() -> None:
    """Ten tenths of a second are a second, whatever the order of adding."""
    assert work([0.1] * 10) == 1.0
