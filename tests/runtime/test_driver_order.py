"""`reads=` and `writes=` on virtual time: who runs beside whom, and who never does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from stretto import choose, expand, group, repeat, step, workflow
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from stretto import RunResult, Workflow


@step(reads="db")
async def look(value: object = None, seconds: float = 1.0) -> object:
    await asyncio.sleep(seconds)
    return value


@step(writes="db")
async def put(value: object = None, seconds: float = 1.0) -> object:
    await asyncio.sleep(seconds)
    return value


@step(writes="db")
async def fails(value: object = None) -> object:
    await asyncio.sleep(1)
    raise ValueError("disk full")


@step
async def free(value: object = None, seconds: float = 1.0) -> object:
    await asyncio.sleep(seconds)
    return value


@step(inline=True)
def always(value: object) -> bool:
    return True


@workflow
def inner(value: object) -> object:
    free.named("beside")()
    return put(value)


@workflow(writes="db")
def declared(value: object) -> object:
    return put(value)


@workflow(reads="db")
def half_declared(value: object) -> object:
    return put(value)


def outcome(flow: Workflow[..., Any]) -> RunResult[Any]:
    """The result, whatever its status, of a run on virtual time."""
    return run_virtual(flow.aresult())


def starts(result: RunResult[Any], *paths: str) -> list[float | None]:
    """When steps started."""
    return [result.steps[path].started_at for path in paths]


def test_readers_run_side_by_side_and_writers_alone() -> None:
    """In the order of the body; what touches nothing waits for none of it."""

    @workflow
    def flow() -> None:
        look.named("a")()
        look.named("b")(seconds=3.0)
        put.named("c")()
        look.named("d")()
        look.named("e")()
        put.named("f")()
        free()

    result = outcome(flow)
    assert starts(result, "a", "b", "c", "d", "e", "f", "free") == [0.0, 0.0, 3.0, 4.0, 4.0, 5.0, 0.0]


def test_mapped_writers_go_in_item_order() -> None:
    """One after another, whichever item exists first; a list that comes later is written in its order, too."""

    @workflow
    def flow() -> None:
        put.named("known").map([free(1, 5.0), 2, 3])
        put.named("later").map(free.named("list")([4, 5]))
        look()

    result = outcome(flow)
    assert starts(result, "known[0]", "known[1]", "known[2]") == [5.0, 6.0, 7.0]
    assert starts(result, "later[0]", "later[1]", "look") == [8.0, 9.0, 10.0]


def test_mapped_readers_run_side_by_side() -> None:
    """They wait for the writer before them, and the next writer for all of them."""

    @workflow
    def flow() -> None:
        put.named("first")()
        look.map([1, 2, 3])
        put.named("last")()

    result = outcome(flow)
    assert starts(result, "look[0]", "look[1]", "look[2]", "last") == [1.0, 1.0, 1.0, 2.0]


ANCHORS = {
    "choose": (lambda: choose("x", {"x": lambda: put(1), "y": lambda: 2}), "choose/x/put"),
    "repeat": (lambda: repeat(put, 1, until=always, max_rounds=2, name="loop"), "loop#1/put"),
    "nested": (lambda: inner(1), "inner/put"),
    "nested, given a Ref": (lambda: declared(free(1, 0.5)), "declared/put"),
    "expand": (
        lambda: expand([{"key": "a", "capability": "put", "inputs": {"value": 1}}], {"put": put}),
        "plan#1/a",
    ),
    "a map of workflows": (lambda: declared.map([1]), "declared[0]/put"),
}


@pytest.mark.parametrize("name", ANCHORS)
def test_what_grows_keeps_the_order_of_what_it_touches(name: str) -> None:
    """A construct waits where its steps would, and what comes behind it waits for them."""
    construct, path = ANCHORS[name]

    @workflow
    def flow() -> None:
        look.named("before")(seconds=2.0)
        construct()
        look.named("after")()

    result = outcome(flow)
    assert result.status == "succeeded"
    assert starts(result, "before", path, "after") == [0.0, 2.0, 3.0]


def test_a_branch_that_writes_nothing_frees_the_way() -> None:
    """The choice stands for what any branch may touch until it has chosen."""

    @workflow
    def flow() -> None:
        choose("y", {"x": lambda: put(1), "y": lambda: 2})
        look()

    assert starts(outcome(flow), "look") == [0.0]


@pytest.mark.parametrize("wrong", [inner, half_declared])
def test_what_was_not_declared_is_refused_when_it_comes_to_light(wrong: Workflow[[object], object]) -> None:
    """A workflow given Refs must say what it writes: others may have been ordered wrongly by then."""

    @workflow
    def flow() -> object:
        return wrong(free(1))

    result = outcome(flow)
    (failure,) = result.failures
    assert failure.path == wrong.name
    assert "has steps that read or write 'db', which was not known before its inputs were" in str(failure)
    assert "@workflow(reads=(…), writes=(…))" in str(failure)
    assert list(result.steps) == ["free", wrong.name]


def test_declared_to_write_may_read() -> None:
    """A writer is ordered at least as strictly as a reader."""

    @workflow(writes="db")
    def reading(value: object) -> object:
        return look(value)

    @workflow
    def flow() -> object:
        return reading(free(1))

    assert outcome(flow).status == "succeeded"


def test_a_lost_writer_blocks_who_comes_behind_it() -> None:
    """Order is a dependency: what stands behind a lost step does not run as if it had."""

    @workflow(on_failure="continue")
    def flow() -> None:
        fails()
        look()
        free(seconds=3.0)

    result = outcome(flow)
    assert [failure.path for failure in result.failures] == ["fails"]
    assert {path: str(each.state) for path, each in result.steps.items()} == {
        "fails": "failed",
        "look": "skipped",
        "free": "succeeded",
    }


def test_a_lost_optional_writer_blocks_nobody() -> None:
    """The run can do without it: those behind it go on when it has settled."""

    @workflow
    def flow() -> None:
        with group("g"):
            fails()
        look()

    result = outcome(flow)
    assert result.status == "partial"
    assert starts(result, "look") == [1.0]


@pytest.mark.parametrize("is_sequential", [False, True])
def test_one_by_one_the_order_is_the_same(is_sequential: bool) -> None:
    """A sequential run writes the same things in the same order."""
    written: list[object] = []

    @step(writes="log")
    async def log(value: object, seconds: float) -> None:
        await asyncio.sleep(seconds)
        written.append(value)

    @workflow
    def flow() -> None:
        log.named("a")("a", 3.0)
        log.map(["b", "c"], seconds=2.0)
        log.named("d")("d", 1.0)

    outcome(flow.with_options(sequential=is_sequential))
    assert written == ["a", "b", "c", "d"]
