"""The measured critical path: which step, when, and what it waited for."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.forecast_graphs import Graph, graphs, greedy_run, measured
from stretto.core.forecast.hops import Hop, actual_path

if TYPE_CHECKING:
    from stretto.core.forecast.legs import Measured

Line = tuple[str, float, float, str, float]


def lines(run: Measured) -> list[Line]:
    """The path without shares."""
    return [(hop.step, hop.started_at, hop.ended_at, hop.waited_for, hop.waited) for hop in actual_path(run)]


def test_the_dependency_that_settled_last_comes_before() -> None:
    """Seconds    0  1  2  3  4  5  6

    a [start]     ·==                       c waits for b, which ended last; half a second was lost on the way
    b [start]     ·========
    c [a, b]                 ·=====         share of c: 2 of 6.5 s
    """
    run = measured([[], [], [0, 1]], [10, 10, 14], [10.5, 10.5, 14.5], [11.5, 14, 16.5], began_at=10.0)
    assert lines(run) == [("b", 10.5, 14, "start", 0.5), ("c", 14.5, 16.5, "dependency", 0.5)]
    assert [hop.share for hop in actual_path(run)] == [3.5 / 6.5, 2 / 6.5]


def test_a_step_that_queued_waited_for_the_permit() -> None:
    """Seconds   0  1  2  3  4  5      two permits

    a            ======
    b            =========
    c            ·     =======         ready at once, started when a gave its permit back
    """
    run = measured([[], [], []], [0, 0, 0], [0, 0, 2], [2, 3, 5], permits=2)
    assert lines(run) == [("a", 0, 2, "start", 0), ("c", 2, 5, "permit", 0)]


def test_no_cap_means_no_waiting_for_permits() -> None:
    """A step that merely started late, with permits for all, is not said to have queued."""
    columns = ([[], [0], [0]], [0, 2, 2], [0, 2, 2.75], [2, 2.5, 4])
    expected = [("a", 0, 2, "start", 0), ("c", 2.75, 4, "dependency", 0.75)]
    assert lines(measured(*columns)) == expected
    assert lines(measured(*columns, permits=3)) == expected


def test_who_queued_is_believed_where_it_was_written_down() -> None:
    """With the steps that queued at hand, nobody else is said to have waited for a permit."""
    columns = ([[], [], [], []], [0, 0, 0, 0], [0, 0, 2.0, 3.0], [2, 3, 5, 4])
    assert [hop[0] for hop in lines(measured(*columns, permits=2))] == ["a", "c"]
    assert [hop[0] for hop in lines(measured(*columns, permits=2, queued={2}))] == ["a", "c"]
    assert lines(measured(*columns, permits=2, queued={3})) == [("c", 2, 5, "start", 2)]


def test_steps_without_permits_neither_queue_nor_release() -> None:
    """Seconds   0  1  2  3  4      one permit

    a            =========
    b            ===                inline: gave nothing back to b
    c               ======          a person
    d            ·        ===
    """
    run = measured(
        [[], [], [], []], [0, 0, 0, 0], [0, 0, 1, 3], [3, 1, 3, 4], permits=1, permitless={1}, people={2}
    )
    assert lines(run) == [("a", 0, 3, "start", 0), ("d", 3, 4, "permit", 0)]
    waiting = measured([[], [], []], [0, 0, 0], [0, 3, 3], [3, 4, 5], permits=1, people={2})
    assert lines(waiting) == [("c", 3, 5, "start", 3)]


def test_only_holders_give_permits_back() -> None:
    """What ends between the release and a late start is not taken for the release.

    Seconds: a 0-2; b, inline, 0-2.5; c, a person, 0-2.75; d skipped at 2.9; e queued from 0, started at 3
    """
    run = measured(
        [[], [], [], [], []],
        [0, 0, 0, None, 0],
        [0, 0, 0, None, 3],
        [2, 2.5, 2.75, 2.9, 4],
        permits=1,
        permitless={1},
        people={2},
    )
    assert lines(run) == [("a", 0, 2, "start", 0), ("e", 3, 4, "permit", 1)]


def test_a_queued_step_of_no_length_is_a_bystander() -> None:
    """The permit of c came from b, which held it, and not from a, which started in the same instant.

    Seconds: a queued from 0, 2-2; b 0-2; c queued from 0, 2-3
    """
    run = measured([[], [], []], [0, 0, 0], [2, 0, 2], [2, 2, 3], permits=1)
    assert lines(run) == [("b", 0, 2, "start", 0), ("c", 2, 3, "permit", 0)]


def test_each_attempt_is_a_hop_and_backoff_is_waiting() -> None:
    """Seconds   0  1  2  3  4  5  6

    a            ===
    b            ·  ===......===        failed at 2, again from 4
    c                           ===
    """
    run = measured([[], [0], [1]], [0, 1, 5], [0, 1, 5], [1, 5, 6], attempts={1: [(1, 2), (4, 5)]})
    assert lines(run) == [
        ("a", 0, 1, "start", 0),
        ("b", 1, 2, "dependency", 0),
        ("b", 4, 5, "backoff", 2),
        ("c", 5, 6, "dependency", 0),
    ]
    assert sum(hop.share for hop in actual_path(run)) == pytest.approx(4 / 6)


def test_the_path_leads_through_grown_steps() -> None:
    """A step that grew others is on the path with its own attempt; its consumers waited for what it grew.

    a: 0-2, grows c: 2-3 and d [c]: 3-7, settles at 7;  b [a]: 7-8
    """
    run = measured([[2, 3], [0], [], [2]], [0, 7, 2, 3], [0, 7, 2, 3], [7, 8, 3, 7], grown_at={0: 2})
    assert lines(run) == [
        ("a", 0, 2, "start", 0),
        ("c", 2, 3, "dependency", 0),
        ("d", 3, 7, "dependency", 0),
        ("b", 7, 8, "dependency", 0),
    ]


def test_a_retried_step_that_grows_leads_on_from_its_last_attempt() -> None:
    """What a step grew waited for the attempt that returned it, not for the failed one."""
    attempts, grown = {0: [(0, 1), (3, 4)]}, {0: 4}
    run = measured([[2], [0], []], [0, 6, 4], [0, 6, 4], [6, 7, 6], attempts=attempts, grown_at=grown)
    assert [hop[:3] for hop in lines(run)] == [("a", 0, 1), ("a", 3, 4), ("c", 4, 6), ("b", 6, 7)]


def test_a_step_that_grows_again_looked_at_what_it_had_grown() -> None:
    """Seconds   0  1  2  3  4  5  6  7  8

    a            ==       ==       ==       grows b and c, looks at b and grows d, looks at d and is done
    b              =======
    c              ======================   of the first round still, waited for by nobody but a
    d                       =======
    e [a]                                ===
    """
    run = measured(
        [[1, 2, 3], [], [], [], [0]],
        [0, 0.5, 0.5, 3, 7],
        [0, 0.5, 0.5, 3, 7],
        [7, 2.5, 5.5, 6, 8],
        attempts={0: [(0, 0.5), (2.5, 3), (6, 7)]},
        grown_at={0: 0.5},
        turns={1: 0, 2: 0, 3: 1},
    )
    assert lines(run) == [
        ("a", 0, 0.5, "start", 0),
        ("b", 0.5, 2.5, "dependency", 0),
        ("a", 2.5, 3, "dependency", 0),
        ("d", 3, 6, "dependency", 0),
        ("a", 6, 7, "dependency", 0),
        ("e", 7, 8, "dependency", 0),
    ]


def test_a_step_that_grew_nothing_is_an_ordinary_hop() -> None:
    """A map over an empty list settles at once; its consumer waited for its attempt."""
    run = measured([[], [0]], [0, 2], [0, 2], [2, 3], grown_at={0: 2})
    assert [hop[0] for hop in lines(run)] == ["a", "b"]


def test_a_dependency_that_ended_later_held_nobody_back() -> None:
    """A gate judged at its deadline did not wait for the member that was still running.

    a: 0-1, b: 0-9 (late), gate c [a, b] judged at 5, d [c]: 5-12
    """
    run = measured([[], [], [0, 1], [2]], [0, 0, 5, 5], [0, 0, 5, 5], [1, 9, 5, 12])
    assert [hop[0] for hop in lines(run)] == ["a", "c", "d"]


def test_steps_that_never_ran_are_passed_through() -> None:
    """A skipped step is no hop, but what it waited for still is; the first hop waited for the run's start.

    a: 0-2, b [a]: skipped at 2, c [b]: 2-3, x: skipped at 0, e [x]: 0-1
    """
    skipped = measured([[], [0], [1]], [0, None, 2], [0, None, 2], [2, 2, 3])
    assert [hop[0] for hop in lines(skipped)] == ["a", "c"]
    assert lines(measured([[], [0]], [None, 0], [None, 0], [0, 1])) == [("b", 0, 1, "start", 0)]


def test_steps_that_are_not_over_are_no_hops() -> None:
    """While a run goes on, and after a cut, the path is that of what has ended."""
    run = measured([[], [], [0, 1]], [0, 0, None], [0, 0, None], [2, None, None])
    assert lines(run) == [("a", 0, 2, "start", 0)]
    cut = measured([[], [], [0, 1]], [0, 0, 5], [0, 0, 5], [None, 1, 6], grown_at={0: 2})
    assert [hop[0] for hop in lines(cut)] == ["b", "c"]
    growing = measured([[1], []], [0, 2], [0, 2], [None, 3], grown_at={0: 2})
    assert [hop[0] for hop in lines(growing)] == ["a", "b"]


def test_nothing_ran() -> None:
    """A run in which nothing ran has no path."""
    assert actual_path(measured([], [], [], [])) == ()
    assert actual_path(measured([[]], [None], [None], [3])) == ()


def test_a_last_step_of_no_length_is_on_the_path() -> None:
    """Of several steps ending in one instant the path ends with the consumer, whatever its index."""
    run = measured([[1], [2], []], [4, 4, 0], [4, 4, 0], [4, 4, 4])
    assert [hop[0] for hop in lines(run)] == ["c", "b", "a"]


def test_a_run_of_no_length_has_no_shares() -> None:
    """On virtual time a run may take no time; its hops then have no share of it."""
    run = measured([[], [0]], [0, 0], [0, 0], [0, 0])
    assert [(hop.step, hop.share) for hop in actual_path(run)] == [("a", 0), ("b", 0)]


def test_a_clock_that_was_set_back_gives_no_negative_lengths() -> None:
    """A step that seems to end before it started has no length, and waits are never negative."""
    (hop,) = actual_path(measured([[]], [5], [5], [3], began_at=6.0))
    assert hop == Hop("a", 5, 5, "start", 0.0, 0.0)
    (hop,) = actual_path(measured([[]], [0], [0], [4], attempts={0: [(0, 2), (1, 4)]}))
    assert hop == Hop("a", 1, 4, "start", 1.0, 0.75)


@given(graphs(), st.sampled_from([1, 2, 3, None]), st.sampled_from([0.0, 1_000_000.0]))
def test_the_path_of_a_greedy_run_explains_all_its_time(
    graph: Graph, permits: int | None, began: float
) -> None:
    """Where no permit idles while a step is ready, the path has no gap and its shares sum to 1."""
    run = greedy_run(*graph, permits, began_at=began)
    hops = actual_path(run)
    assert hops
    assert all(hop.waited == 0 for hop in hops)
    assert hops[0].started_at == began
    assert hops[0].waited_for == "start"
    makespan = max(end for end in run.ended_at if end is not None) - began
    assert sum(hop.share for hop in hops) == pytest.approx(1 if makespan else 0)
    for before, hop in pairwise(hops):
        depends = run.paths.index(before.step) in run.deps[run.paths.index(hop.step)]
        assert before.ended_at == hop.started_at
        assert depends == (hop.waited_for == "dependency")
        assert hop.waited_for == "dependency" or permits is not None
