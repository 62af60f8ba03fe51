"""The figures of a finished run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.forecast_graphs import Graph, graphs, greedy_run, measured
from stretto.core.forecast.hops import actual_path
from stretto.core.forecast.levels import span, work
from stretto.core.forecast.timing import timing


def test_the_figures_of_a_capped_run() -> None:
    """Seconds    0  1  2  3  4  5  6  7  8      two permits

    a             ===
    b [a]            ======                      work 1 + 2 + 2 + 2 + 1 = 8, span 4,
    c [a]            ======                      bound 1 + 6/2 + 1 = 5, makespan 1 + 2 + 2 + 1 = 6
    d [a]            ·     ======
    e [b, c, d]                  ===
    """
    run = measured(
        [[], [0], [0], [0], [1, 2, 3]], [0, 1, 1, 1, 5], [0, 1, 1, 3, 5], [1, 3, 3, 5, 6], permits=2
    )
    found = timing(run)
    assert (found.work, found.span, found.lower_bound, found.makespan) == (8, 4, 5, 6)
    assert found.bound_efficiency == 5 / 6
    assert found.critical_path == actual_path(run)
    assert [hop.waited_for for hop in found.critical_path] == ["start", "dependency", "permit", "dependency"]
    assert found.waiting_for_people == 0


def test_a_run_of_no_length_has_no_efficiency() -> None:
    """No ratio is made up for a run that took no time."""
    found = timing(measured([], [], [], [], began_at=3.0))
    assert (found.work, found.span, found.lower_bound, found.makespan) == (0, 0, 0, 0)
    assert found.bound_efficiency is None
    assert found.critical_path == ()


def test_backoff_is_neither_work_nor_bound() -> None:
    """Only running time counts: with two of four seconds lost to backoff, half the bound is reached."""
    found = timing(measured([[]], [0], [0], [4], attempts={0: [(0, 1), (3, 4)]}))
    assert (found.work, found.span, found.makespan, found.bound_efficiency) == (2, 2, 4, 0.5)


def test_a_step_that_grew_others_counts_its_own_time_only() -> None:
    """The time of grown steps is not counted twice, and their anchor holds no permit meanwhile.

    a: 0-2, grows b: 2-5 and c: 5-8 on one permit, settles at 8
    """
    run = measured([[1, 2], [], []], [0, 2, 2], [0, 2, 5], [8, 5, 8], permits=1, grown_at={0: 2})
    found = timing(run)
    assert (found.work, found.span, found.lower_bound, found.makespan) == (8, 5, 8, 8)
    assert [hop.waited_for for hop in found.critical_path] == ["start", "dependency", "permit"]


def test_late_members_of_a_cut_group_do_not_raise_the_bound() -> None:
    """The bound uses only dependencies that the run bears out, so it cannot exceed what was measured."""
    found = timing(measured([[], [0], [1]], [0, 5, 5], [0, 5, 5], [9, 5, 8]))
    assert (found.span, found.lower_bound, found.makespan) == (9, 9, 9)


def test_steps_that_never_ran_or_are_not_over_count_nothing() -> None:
    """Skipped steps have no length, and a running one is not yet measured."""
    found = timing(measured([[], [0], []], [0, None, 0], [0, None, 1], [2, 2, None], permits=1))
    assert (found.work, found.lower_bound, found.makespan) == (2, 2, 2)


def test_the_makespan_reaches_to_the_last_settlement() -> None:
    """A step cut during its backoff ends the run when it settles, not when its attempt ended."""
    found = timing(measured([[]], [0], [0], [5], attempts={0: [(0, 1)]}))
    assert (found.work, found.makespan) == (1, 5)


def test_only_time_spent_waiting_for_nobody_but_people_is_theirs() -> None:
    """Seconds   0  1  2  3  4  5  6  7  8

    a            ======
    p               ------------            approvals, overlapping each other
    q                     ------------
    b                        ===            from 2 to 4 and from 5 to 7 only people could move the run
    c [p, q]                          ===
    """
    run = measured(
        [[], [], [], [], [1, 2]], [0, 1, 3, 4, 7], [0, 1, 3, 4, 7], [2, 5, 7, 5, 8], permits=1, people={1, 2}
    )
    found = timing(run)
    assert found.waiting_for_people == 4
    assert (found.work, found.lower_bound, found.makespan) == (12, 5, 8)


@given(graphs(), st.sampled_from([1, 2, 3, None]))
def test_no_run_beats_its_bound(graph: Graph, permits: int | None) -> None:
    """Work and span are those of the graph, and a greedy run takes its bound once to twice."""
    deps, weights = graph
    found = timing(greedy_run(deps, weights, permits))
    assert (found.work, found.span) == (work(weights), span(deps, weights))
    assert found.lower_bound <= found.makespan + 1e-9
    assert found.makespan <= 2 * found.lower_bound + 1e-9
    assert permits is not None or found.makespan == found.span
    assert (found.bound_efficiency is None) == (found.makespan == 0)
