"""`step.map(xs, **fixed)`: which lists it takes, what it wires, and what it refuses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import load_body, refusal
from stretto import step, workflow

if TYPE_CHECKING:
    from pathlib import Path

FORMS = {
    "list": ("[1, 2]", [1, 2]),
    "tuple": ("(1, 2)", [1, 2]),
    "range": ("range(3)", [0, 1, 2]),
    "generator": ("(i * i for i in range(3))", [0, 1, 4]),
    "set": ("sorted({2, 1})", [1, 2]),
    "dict items": ("{'a': 1}.items()", [("a", 1)]),
    "of Refs": ("[load(5), 6]", [5, 6]),
    "of lists with Refs": ("[[load(5)], {'a': x}]", [[5], {"a": 1}]),
    "Ref": ("load([1, 2])", [1, 2]),
    "Ref to a tuple": ("load((1, 2))", [1, 2]),
    "projected Ref": ("load({'rows': [1, 2]})['rows']", [1, 2]),
    "map": ("load.map([1, 2])", [1, 2]),
    "item of a map": ("load.map([[1, 2], [3]])[0]", [1, 2]),
    "map of a Ref": ("load.map(load.named('first')([1, 2]))", [1, 2]),
    "empty list": ("[]", []),
    "empty generator": ("(i for i in [])", []),
    "empty Ref": ("load([])", []),
    "empty map": ("load.map([])", []),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_map_takes_any_list_and_keeps_its_order(name: str, tmp_path: Path) -> None:
    """What is known at trace and what is known later give the same list."""
    items, value = FORMS[name]
    module, _ = load_body(tmp_path, f"return use.map({items})")
    result = module.flow.run()
    assert result.value == value
    assert [path for path in result.steps if path.startswith("use[")] == [
        f"use[{number}]" for number in range(len(value))
    ]


@pytest.mark.parametrize(
    "items", ["{'a': 1}", "'text'", "b'bytes'", "{1, 2}", "frozenset()", "3", "None", "object()"]
)
def test_what_is_no_list_is_refused(items: str, tmp_path: Path) -> None:
    """A text's letters and a dict's keys are never what was meant; a set has no order to keep."""
    error = refusal(tmp_path, f"return use.map({items})")
    assert "it takes a list of items or a Ref to one" in error.what
    assert "Wrap a single value in a list" in (error.mend or "")


def test_a_ref_to_something_else_than_a_list_fails_the_map(tmp_path: Path) -> None:
    """Only the run knows the type: the step is named, and what it got."""
    module, _ = load_body(tmp_path, "return use.map(load({'a': 1}))")
    result = asyncio.run(module.flow.aresult())
    assert result.status == "failed"
    assert [failure.path for failure in result.failures] == ["use"]
    assert "needs a list, but 'load' returned dict" in str(result.failures[0])


def test_fixed_arguments_go_to_every_item(tmp_path: Path) -> None:
    """Plain values, Refs and lists with Refs alike."""
    module, _ = load_body(
        tmp_path, "one = load(7)\nreturn join.map([1, 2], a=one, b=[one, x], c='plain')  # here"
    )
    assert module.flow.run().value == [[1, 7, [7, 1], "plain"], [2, 7, [7, 1], "plain"]]


def test_a_map_over_a_map_is_wired_item_to_item(tmp_path: Path) -> None:
    """Item 2 of the second map names item 2 of the first, not its list."""
    module, _ = load_body(tmp_path, "return use.map(load.map([5, 6, 7]))")
    graph = module.flow.trace().graph
    for number in range(3):
        mapped, source = graph.index_of(f"use[{number}]"), graph.index_of(f"load[{number}]")
        assert mapped is not None
        assert tuple(graph.deps[mapped]) == (source,)


def test_the_second_map_of_a_slow_item_does_not_hold_back_the_others() -> None:
    """Items wait for each other crosswise, so a barrier between the maps would never end."""
    first_through = asyncio.Event()

    @step
    async def fetch(number: int) -> int:
        if number == 1:
            await first_through.wait()
        return number

    @step
    async def score(number: int) -> int:
        if number == 0:
            first_through.set()
        return number * 10

    @workflow(within=5)
    def flow() -> list[int]:
        return score.map(fetch.map([0, 1]))

    assert flow.run().value == [0, 10]


def test_a_map_of_a_map_that_grows_later_is_wired_item_to_item(tmp_path: Path) -> None:
    """The second anchor waits for the first to grow, not to finish."""
    module, _ = load_body(tmp_path, "return use.map(load.map(join(1, 2)))")
    result = module.flow.run()
    assert result.value == [1, 2]
    assert list(result.steps) == ["join", "load", "load[0]", "load[1]", "use", "use[0]", "use[1]"]


def test_the_result_of_a_map_is_a_list_for_its_consumer(tmp_path: Path) -> None:
    """Passed whole, indexed, and inside other values."""
    module, _ = load_body(
        tmp_path, "many = load.map([5, 6])\nreturn [join(many, many[1], {'a': many})]  # here"
    )
    assert module.flow.run().value == [[[5, 6], 6, {"a": [5, 6]}]]


def test_each_item_gets_its_own_copy_of_a_fixed_value(tmp_path: Path) -> None:
    """One item that changes what it was given changes it for nobody else."""
    before = "@step(inline=True)\ndef spoil(item, values):\n    values.append(item)\n    return values"
    module, _ = load_body(tmp_path, "shared = [0]\nreturn spoil.map([1, 2], values=shared)  # here", before)
    assert module.flow.run().value == [[0, 1], [0, 2]]


def test_items_are_taken_when_the_body_runs(tmp_path: Path) -> None:
    """What the body does to its list afterwards changes nothing."""
    module, _ = load_body(tmp_path, "xs = [[1]]\nmany = use.map(xs)\nxs[0].append(2)\nreturn many  # here")
    assert module.flow.run().value == [[1]]


def test_a_map_of_optional_steps_with_a_default_fills_the_gaps(tmp_path: Path) -> None:
    """Each lost item has the default in its place."""
    before = """
    @step(inline=True, optional=True, default=0)
    def spare(item):
        return 10 // item
    """
    module, _ = load_body(tmp_path, "return spare.map([5, 0, load(0), 2])", before)
    result = module.flow.run()
    assert result.value == [2, 0, 0, 5]
    assert result.status == "partial"


def test_an_argument_that_cannot_be_journaled_is_refused_item_by_item(tmp_path: Path) -> None:
    """The parameter is named, and the line."""
    error = refusal(tmp_path, "return use.map([1, object()])")
    assert "argument 'value'" in error.what
    assert "cannot be journaled" in error.what
