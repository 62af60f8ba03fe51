"""`reads=` and `writes=`: who waits for whom in one body, as edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import load_body
from stretto.authoring.order import Order

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = """
from stretto import choose, expand, repeat

@step(inline=True, reads="db")
def look(x=None):
    return x

@step(inline=True, writes="db")
def put(x=None):
    return x

@step(inline=True, reads="db", writes=("db", "log"))
def change(x=None):
    return x

@step(inline=True)
def done(x):
    return True

@workflow
def inner():
    return put(1)

@workflow(writes="db")
def declared(x):
    return put(x)
"""


def edges(folder: Path, body: str) -> dict[str, list[str]]:
    """What each step of the body waits for, by path."""
    module, _ = load_body(folder, body, BEFORE)
    graph = module.flow.trace().graph
    return {graph.path(index): [graph.path(dep) for dep in graph.deps[index]] for index in range(len(graph))}


def named(step: str, *names: str) -> str:
    """Calls of a step under names."""
    return "\n".join(f"{name} = {step}.named('{name}')()" for name in names)


def body(*lines: str) -> str:
    """Lines of a body."""
    return "\n".join([*lines, "return None  # here"])


def test_a_writer_waits_for_what_was_before_it() -> None:
    """The readers since the last writer, and that writer."""
    order = Order()
    assert order.before(0, (), ("db",)) == set()
    assert order.before(1, ("db",), ()) == {0}
    assert order.before(2, ("db",), ()) == {0}
    assert order.before(3, (), ("db",)) == {0, 1, 2}
    assert order.before(4, ("db",), ()) == {3}
    assert order.before(5, (), ("db",)) == {3, 4}


def test_names_are_apart() -> None:
    """Who touches other things is waited for by nobody here."""
    order = Order()
    order.before(0, (), ("a",))
    assert order.before(1, ("b",), ("c",)) == set()
    assert order.before(2, ("a", "b"), ("c",)) == {0, 1}


def test_who_reads_what_it_writes_is_a_writer() -> None:
    """It does not wait for itself, and others wait for it once."""
    order = Order()
    assert order.before(0, ("db",), ("db",)) == set()
    assert order.before(1, ("db",), ("db",)) == {0}
    assert order.touched == (("db",), ("db",))


def test_branches_order_nothing_between_them() -> None:
    """Of two branches one runs: the second waits for nothing of the first, and all is remembered."""
    first = Order()
    first.before(0, ("a",), ("b",))
    second = Order(first)
    assert second.before(1, ("b",), ("a",)) == set()
    assert second.touched == (("a", "b"), ("b", "a"))


def test_steps_keep_the_authors_order(tmp_path: Path) -> None:
    """Readers run side by side between writers."""
    found = edges(
        tmp_path,
        body(
            named("look", "a"),
            named("put", "b"),
            named("look", "c", "d"),
            named("change", "e"),
            named("put", "f"),
        ),
    )
    assert found == {"a": [], "b": ["a"], "c": ["b"], "d": ["b"], "e": ["b", "c", "d"], "f": ["e"]}


def test_data_and_order_are_one_edge(tmp_path: Path) -> None:
    """A step that takes what it would have waited for anyway waits once."""
    assert edges(tmp_path, body("a = put(1)", "b = look(a)"))["look"] == ["put"]


def test_mapped_writers_go_item_by_item(tmp_path: Path) -> None:
    """Each waits for the one before; what follows waits for the whole map."""
    found = edges(tmp_path, body("a = look()", "b = put.map([1, 2, 3])", "c = look.named('c')()"))
    assert found["put[0]"] == ["look"]
    assert found["put[1]"] == ["look", "put[0]"]
    assert found["put[2]"] == ["look", "put[1]"]
    assert found["c"] == ["put"]


def test_mapped_readers_go_side_by_side(tmp_path: Path) -> None:
    """They wait for the writer, not for each other; the next writer waits for all."""
    found = edges(tmp_path, body("a = put()", "b = look.map([1, 2])", "c = put.named('c')()"))
    assert found["look[0]"] == found["look[1]"] == ["put"]
    assert found["c"] == ["put", "look"]


def test_a_map_that_grows_later_waits_as_a_whole(tmp_path: Path) -> None:
    """Its uses come to be behind what it waited for."""
    found = edges(tmp_path, body("a = put()", "b = look.map(load([1]))"))
    assert found["look"] == ["put", "load"]


def test_a_map_over_nothing_keeps_its_place(tmp_path: Path) -> None:
    """Without any use of its own to wait, the list waits: who follows it is behind the writer still."""
    found = edges(tmp_path, body("a = put()", "b = put.named('none').map([])", "c = look()"))
    assert found["none"] == ["put"]
    assert found["look"] == ["none"]


@pytest.mark.parametrize(
    ("anchor", "path"),
    [
        ("choose(1, {1: lambda: put(), 2: lambda: 3})", "choose"),
        ("repeat(put, 1, until=done, max_rounds=2, name='loop')", "loop"),
        ("inner()", "inner"),
        ("declared(load(1))", "declared"),
        ("expand([], {'put': put})", "plan"),
        ("choose(1, {1: lambda: repeat(put, 1, until=done, max_rounds=2)})", "choose"),
    ],
)
def test_an_anchor_stands_for_all_that_its_body_touches(anchor: str, path: str, tmp_path: Path) -> None:
    """It waits like a writer, and readers behind it wait for it, whichever branch or round will write."""
    found = edges(tmp_path, body("a = look.named('a')()", f"b = {anchor}", "c = look.named('c')()"))
    assert "a" in found[path]
    assert found["c"] == [path]


def test_what_a_workflow_touches_orders_only_its_neighbors(tmp_path: Path) -> None:
    """A workflow that touches nothing waits for nothing."""
    before = "@workflow\ndef other():\n    return load(1)"
    module, _ = load_body(tmp_path, "a = put()\nb = other()\nreturn None  # here", f"{BEFORE}\n{before}")
    graph = module.flow.trace().graph
    index = graph.index_of("other/load")
    assert index is not None
    assert graph.deps[index] == ()
