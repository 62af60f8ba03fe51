"""A topological order of dense steps, or the circle that forbids one."""

from __future__ import annotations

import pytest
from hypothesis import given

from core.forecast_graphs import Graph, graphs
from stretto.core.forecast.order import inverse, topological_order
from stretto.errors import DefinitionError


@given(graphs(shuffled=True))
def test_every_step_comes_before_its_consumers(graph: Graph) -> None:
    """An order holds each step once, and after all that it waits for, whatever the indices are."""
    deps, _ = graph
    order = topological_order(inverse(deps))
    assert sorted(order) == list(range(len(deps)))
    place = {step: index for index, step in enumerate(order)}
    assert all(place[other] < place[step] for step, row in enumerate(deps) for other in row)


@given(graphs(shuffled=True))
def test_inverse_of_the_inverse_is_the_graph(graph: Graph) -> None:
    """Turning edges round twice gives them back."""
    deps, _ = graph
    assert inverse(inverse(deps)) == deps


def test_a_dependency_named_twice_counts_once() -> None:
    """A step that uses one result in two places becomes ready when that one result is there."""
    assert topological_order([[1, 1], []]) == [0, 1]


def test_a_circle_is_named_without_its_neighbors() -> None:
    """The error names the members of the circle, not what leads to it or away from it.

    root -> plan -> write -> review -> send
              ^________________|
    """
    names = ["send", "root", "plan", "write", "review"]
    with pytest.raises(DefinitionError) as caught:
        topological_order([[], [2], [3], [4], [2, 0]], names)
    assert caught.value.mend is not None
    assert "'plan', 'write', 'review'." in str(caught.value)
    assert "root" not in str(caught.value)
    assert "send" not in str(caught.value)


def test_a_step_that_waits_for_itself_is_named() -> None:
    """A circle of one has its own sentence; without names, indices are shown."""
    with pytest.raises(DefinitionError, match="Step 1 waits for itself"):
        topological_order([[1], [1]])
