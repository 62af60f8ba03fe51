"""What an attempt gets, from the recorded values."""

from __future__ import annotations

import pytest

from core.schedule_cases import add_map, drawn
from stretto.core.graph import Graph, Source, StepSpec, map_fragment
from stretto.errors import PermanentError
from stretto.runtime.engine.inputs import Values, map_items

SPEC = StepSpec(id="w")


def _graph() -> tuple[Graph, list[object]]:
    graph = drawn("made")
    template: list[object] = [Source(0), {"k": Source(0)}]
    graph.add(SPEC, "use", (Source(0), 7, template), {"by": Source(0)}, (0,))
    return graph, [[1, 2], None]


def test_arguments_are_filled_in() -> None:
    """Sources become values, in place; plain arguments stay."""
    values = Values(*_graph())
    assert values.args(1) == [[1, 2], 7, [[1, 2], {"k": [1, 2]}]]
    assert values.kwargs(1) == {"by": [1, 2]}
    assert values.kwargs(0) is None


def test_every_place_has_its_own_copy() -> None:
    """What one attempt changes is seen nowhere else: not in the record, not by another attempt."""
    graph, recorded = _graph()
    values = Values(graph, recorded)
    first = values.args(1)
    assert isinstance(first[0], list)
    first[0].append(3)
    assert recorded[0] == [1, 2]
    assert values.args(1)[0] == [1, 2]


def test_immutable_values_are_shared() -> None:
    """Only shared mutable values are copied."""
    graph = drawn("made")
    graph.add(SPEC, "use", (Source(0),), None, (0,))
    recorded: list[object] = [("a", ("b",)), None]
    assert Values(graph, recorded).args(1)[0] is recorded[0]


def test_an_anchors_value_is_its_childrens_list() -> None:
    """In input order; a lost anchor's is its default."""
    graph = drawn("xs")
    anchor = add_map(graph, "m", 0)
    graph.grow(anchor, map_fragment(SPEC, [1, 2], None, ()))
    recorded: list[object] = [[1, 2], None, "a", "b"]
    assert Values(graph, recorded).result(anchor) == ["a", "b"]
    assert Values(graph, recorded).of(Source(anchor, (("item", 1),))) == "b"
    recorded[anchor] = "default"
    assert Values(graph, recorded).result(anchor) == "default"


def test_a_projection_that_fails_is_permanent() -> None:
    """The same result has the same fields tomorrow: another attempt cannot help."""
    graph, recorded = _graph()
    with pytest.raises(PermanentError, match=r"the result of 'made' has no \[9\]: IndexError"):
        Values(graph, recorded).of(Source(0, (("item", 9),)))


def test_the_items_of_a_map() -> None:
    """One source an item of the list; over another map one a child."""
    graph = drawn("xs")
    first = add_map(graph, "m", 0)
    second = add_map(graph, "n", first)
    values = Values(graph, [["a", "b"], None, None])
    items = map_items(graph, first, values)
    assert [(item._index, item._projection) for item in items] == [(0, (("item", 0),)), (0, (("item", 1),))]
    graph.grow(first, map_fragment(SPEC, list(items), None, ()))
    assert [item._index for item in map_items(graph, second, values)] == [3, 4]


@pytest.mark.parametrize("value", ["text", {"a": 1}, {1, 2}, 5, None])
def test_only_lists_are_mapped_over(value: object) -> None:
    """A string or a dict is a likely mistake, not a list of items."""
    graph = drawn("xs")
    anchor = add_map(graph, "m", 0)
    with pytest.raises(PermanentError, match=f"m.map needs a list, but 'xs' returned {type(value).__name__}"):
        map_items(graph, anchor, Values(graph, [value, None]))
