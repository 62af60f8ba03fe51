"""Stored runs read without their code."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from stretto import Engine, PermanentError, approve, group, step, workflow
from stretto.api.past import past_of
from stretto.errors import NotFoundError
from stretto.ports import NewRun
from stretto.runtime.stores.memory import MemoryStore
from stretto.service.runs import Journal, StoredRun, read_run, step_in
from stretto.testing import run_virtual


@dataclass
class Drink:
    """A value with a class."""

    name: str
    price: int


@step
async def design(wish: str) -> Drink:
    """A drink."""
    return Drink(wish, 14)


@step
async def sizes(count: int) -> list[int]:
    """As many numbers."""
    return list(range(count))


@step
async def doubled(number: int, by: int = 2) -> int:
    """More."""
    return number * by


@step
async def told(name: str, numbers: list[int]) -> dict[str, object]:
    """All of it."""
    return {"name": name, "numbers": numbers}


@step(optional=True, default="none")
async def lost(name: str) -> str:
    """Always fails."""
    raise ValueError(name)


@step
async def long(name: str) -> str:
    """A value too large for its journal."""
    return name * 200_000


@workflow
def whole(wish: str = "Negroni", count: int = 3) -> dict[str, object]:
    """A map, a field of a step's value, a constant."""
    return told(design(wish).name, doubled.map(sizes(count), by=3))


@workflow
def asks(wish: str = "Negroni") -> Drink:
    """Waits for a person."""
    return approve(design(wish), "On the menu?")


@workflow
def loses(wish: str = "Negroni") -> list[str]:
    """An optional step fails."""
    return [lost(wish), long("x")]


def ran(flow: object, **inputs: object) -> tuple[MemoryStore, StoredRun]:
    """A run of a workflow in a store of its own, as it is read there."""
    store = MemoryStore()
    chosen = flow.with_options(engine=Engine(store=store), leaves_waiting=True)  # type: ignore[attr-defined]
    asyncio.run(chosen.aresult(**inputs))
    (row,) = store.runs()
    return store, read_run(store, row)


def test_values_are_plain() -> None:
    """What the run and its steps were given and gave is JSON without classes, through fields, maps and constants."""
    _, stored = ran(whole, count=2)
    index = stored.graph.index_of
    assert stored.inputs() == {"wish": "Negroni", "count": 2}
    assert stored.value() == {"name": "Negroni", "numbers": [0, 3]}
    assert stored.result_of(step_in(stored.graph, "design")) == {"name": "Negroni", "price": 14}
    assert stored.args_of(step_in(stored.graph, "told"))[0] == "Negroni"
    assert stored.result_of(step_in(stored.graph, "doubled")) == [0, 3]
    grown = step_in(stored.graph, "doubled[1]")
    assert (stored.args_of(grown), stored.kwargs_of(grown)) == ([1], {"by": 3})
    assert index("doubled[2]") is None


def test_author_order() -> None:
    """Steps stand as their author wrote them, those that have grown under their anchor."""
    _, stored = ran(whole, count=2)
    assert [stored.graph.path(each) for each in stored.order] == [
        "design",
        "sizes",
        "doubled",
        "doubled[0]",
        "doubled[1]",
        "told",
    ]


def test_what_is_not_there_yet() -> None:
    """A step that waits has inputs and no result; a run that waits has no value."""
    _, stored = ran(asks)
    waiting = step_in(stored.graph, "approve")
    assert stored.args_of(waiting) == [{"name": "Negroni", "price": 14}, "On the menu?"]
    with pytest.raises(LookupError, match="approve has handed on nothing"):
        stored.result_of(waiting)
    assert (stored.has_value, stored.value()) == (False, None)


def test_defaults_and_large_values() -> None:
    """A lost step hands on its default; a value that lies apart is fetched."""
    _, stored = ran(loses)
    assert stored.result_of(step_in(stored.graph, "lost")) == "none"
    assert stored.result_of(step_in(stored.graph, "long")) == "x" * 200_000


def test_a_run_that_has_not_begun() -> None:
    """It has no journal; the error says how it begins."""
    store = MemoryStore()
    row = store.create(NewRun("aaa", "whole", 1.0))
    with pytest.raises(NotFoundError, match="stretto resume aaa"):
        read_run(store, row)


def test_a_step_that_is_not_there() -> None:
    """The error names those that are."""
    _, stored = ran(asks)
    with pytest.raises(NotFoundError) as caught:
        step_in(stored.graph, "aprove")
    assert "approve, design" in str(caught.value)


def test_a_journal_is_read_in_parts() -> None:
    """Decision by decision gives what reading it at once gives."""
    store, stored = ran(whole, count=3)
    journal = Journal()
    bodies = store.entries(stored.row.run_id)
    for number, body in enumerate(bodies, 1):
        journal.take([body])
        assert journal.count == number
    assert [fact[:4] for fact in journal.facts] == [fact[:4] for fact in stored.facts]
    assert journal.created is not None
    assert len(journal.created.graph) == len(stored.graph)


@step
async def pair() -> list[int]:
    """Two numbers, after a while."""
    await asyncio.sleep(1)
    return [1, 2]


@step
async def breaks() -> int:
    """Fails in the same instant."""
    await asyncio.sleep(1)
    raise PermanentError("no")


@workflow
def inner() -> list[object]:
    """Lost before its map could grow."""
    return [doubled.map(pair()), breaks()]


@workflow
def outer() -> object:
    """Goes on without it."""
    with group("some"):
        inner()
    return doubled.named("last").map(doubled.named("first").map(pair.named("other")()))


def test_growth_that_came_too_late_is_nobodys() -> None:
    """A map that was to grow in the instant in which it was lost has no steps: those behind it keep their results."""
    store = MemoryStore()
    result = run_virtual(outer.with_options(engine=Engine(store=store), run_id="r").arun())
    assert result.value == [4, 8]
    run = read_run(store, store.run("r"))
    states = {run.graph.path(index): run.view.step(index).state for index in run.order}
    assert states == {path: step.state for path, step in result.steps.items()}
    assert "inner/doubled[0]" not in states
    past = past_of("r", store.entries("r"))
    assert {path: past.results[path].form for path in ("first[1]", "last[0]", "last[1]")} == {
        "first[1]": 4,
        "last[0]": 4,
        "last[1]": 8,
    }
