"""Maps: anchors, children, item-to-item wiring."""

from __future__ import annotations

from core.schedule_cases import Case, add_group, add_map, drawn
from stretto.core.journal import facts as kinds


def _maps(depth: int = 1) -> Case:
    graph = drawn("xs")
    for number in range(depth):
        add_map(graph, f"m{number}", number)
    case = Case(graph)
    case.begin()
    case.post(case.done("xs", [0, 1, 2]))
    return case


def test_an_empty_list_succeeds_at_once() -> None:
    """A map over nothing is done when it grows."""
    case = _maps()
    case.post(case.grew("m0", 0))
    assert case.state("m0") == "SUCCEEDED"
    assert case.end() == kinds.RUN_SUCCEEDED


def test_an_anchor_settles_with_its_last_child() -> None:
    """The map has its list when every child has its value."""
    case = _maps()
    case.post(case.grew("m0", 3))
    case.post(case.done("m0[2]"), case.done("m0[0]"))
    assert case.state("m0") == "WAITING"
    case.post(case.done("m0[1]"))
    assert case.state("m0") == "SUCCEEDED"


def test_a_map_over_a_map_is_wired_item_to_item() -> None:
    """The second map's item starts when its own item of the first is there, with no barrier between."""
    case = _maps(2)
    case.post(case.grew("m0", 3))
    case.post(case.grew("m1", 3))
    case.post(case.done("m0[1]"))
    assert case.started[-1] == "m1[1]#1"
    assert case.state("m0") == "WAITING"


def test_a_map_over_a_map_grows_when_the_first_has_grown() -> None:
    """The second anchor starts to grow with the first one's growth, not with its end."""
    case = _maps(2)
    assert "m1#1" not in case.started
    case.post(case.grew("m0", 3))
    assert "m1#1" in case.started
    assert case.states()["m0"] == "WAITING"


def test_a_plain_consumer_waits_for_the_whole_list() -> None:
    """A step that takes the map's list starts when the last child is there."""
    graph = drawn("xs")
    anchor = add_map(graph, "m0", 0)
    graph.add(drawn("sum").specs[0], "sum", (), None, (anchor,))
    case = Case(graph)
    case.begin()
    case.post(case.done("xs", [0, 1]))
    case.post(case.grew("m0", 2))
    case.post(case.done("m0[0]"))
    assert "sum#1" not in case.started
    case.post(case.done("m0[1]"))
    assert case.started[-1] == "sum#1"


def test_a_child_that_needs_a_lost_child_is_blocked_as_it_grows() -> None:
    """In a group, a second map that grows after the first lost an item skips that item."""
    graph = drawn("xs")
    maps = [add_map(graph, "m0", 0), add_map(graph, "m1", 1)]
    add_group(graph, "g", *maps)
    case = Case(graph)
    case.begin()
    case.post(case.done("xs", [0, 1]))
    case.post(case.grew("m0", 2))
    case.post(case.done("m0[1]"), case.failed("m0[0]"))
    case.post(case.grew("m1", 2))
    assert case.state("m1[0]") == "SKIPPED"
    assert case.state("m1[1]") in ("SKIPPED", "RUNNING")


def test_five_thousand_maps_in_a_row() -> None:
    """Depth costs no stack: a chain of 5 000 maps grows and settles item by item."""
    depth = 5_000
    case = _maps(depth)
    handle = case.scheduler.handle
    for number in range(depth):
        handle(case.grew(f"m{number}", 1))
    for number in range(depth):
        handle(case.done(f"m{number}[0]"))
    assert case.end() == kinds.RUN_SUCCEEDED
