"""How many runs of an engine are at work at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from stretto import Engine, step, workflow
from stretto.errors import ConfigError, RecoveryError, StrettoError
from stretto.runtime.stores.memory import MemoryStore

_deepest: list[int] = []
_under_way: list[int] = []
_begun: list[int] = []
_gates: list[asyncio.Event] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    for each in (_deepest, _under_way, _begun, _gates):
        each.clear()


@step
async def visit(number: int) -> int:
    _begun.append(number)
    _under_way.append(number)
    _deepest.append(len(_under_way))
    for _ in range(5):
        await asyncio.sleep(0)
    _under_way.remove(number)
    return number


@step
async def hold(number: int) -> int:
    _begun.append(number)
    await _gates[0].wait()
    return number


@workflow
def left(number: int) -> int:
    return visit(number)


@workflow
def right(number: int) -> int:
    return visit(number)


@workflow
def held(number: int) -> int:
    return hold(number)


@workflow(max_runs=1)
def narrow(number: int) -> int:
    return hold(number)


async def _settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


@pytest.mark.parametrize("store", [None, MemoryStore])
def test_runs_of_all_workflows_share_the_places(store: type[MemoryStore] | None) -> None:
    """With max_runs=2, six runs of two workflows are never more than two deep, and begin in order."""
    engine = Engine(max_runs=2, store=None if store is None else store())

    async def everything() -> list[int]:
        flows = [each.with_options(engine=engine) for each in (left, right)]
        return [r.value for r in await asyncio.gather(*(flows[n % 2].arun(n) for n in range(6)))]

    assert asyncio.run(everything()) == [0, 1, 2, 3, 4, 5]
    assert max(_deepest) == 2
    assert _begun == [0, 1, 2, 3, 4, 5]


def test_a_full_workflow_holds_up_nobody_else() -> None:
    """Runs that wait for a place of their workflow take none of the engine's."""
    engine = Engine(max_runs=2)

    async def everything() -> int:
        _gates.append(asyncio.Event())
        flow = narrow.with_options(engine=engine)
        waiting = [asyncio.ensure_future(flow.arun(n)) for n in range(3)]
        await _settle()
        value = (await left.with_options(engine=engine).arun(7)).value
        _gates[0].set()
        await asyncio.gather(*waiting)
        return value

    assert asyncio.run(everything()) == 7


def test_a_stored_run_is_queued_until_its_turn() -> None:
    """Its row says so, nobody owns it, and it runs when a place is free."""
    store = MemoryStore()
    flow = held.with_options(engine=Engine(max_runs=1, store=store))

    async def everything() -> tuple[str, str | None]:
        _gates.append(asyncio.Event())
        first = asyncio.ensure_future(flow.with_options(run_id="a").arun(1))
        second = asyncio.ensure_future(flow.with_options(run_id="b").arun(2))
        await _settle()
        row = store.run("b")
        _gates[0].set()
        await asyncio.gather(first, second)
        return row.status, row.owner

    assert asyncio.run(everything()) == ("queued", None)
    assert store.run("b").status == "succeeded"


def test_a_cancelled_waiter_leaves_the_queue() -> None:
    """Its run is cancelled in the store without having begun; the one behind it gets the place."""
    store = MemoryStore()
    flow = held.with_options(engine=Engine(max_runs=1, store=store))

    async def everything() -> None:
        _gates.append(asyncio.Event())
        tasks = [asyncio.ensure_future(flow.with_options(run_id=f"r{n}").arun(n)) for n in range(3)]
        await _settle()
        tasks[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[1]
        _gates[0].set()
        await asyncio.gather(tasks[0], tasks[2])

    asyncio.run(everything())
    assert _begun == [0, 2]
    assert [store.run(f"r{n}").status for n in range(3)] == ["succeeded", "cancelled", "succeeded"]
    with pytest.raises(RecoveryError, match="cancelled before it began"):
        flow.resume("r1")


def test_a_run_cancelled_in_the_queue_by_others_never_begins() -> None:
    """Who waited for it is told."""
    store = MemoryStore()
    flow = held.with_options(engine=Engine(max_runs=1, store=store))

    async def everything() -> None:
        _gates.append(asyncio.Event())
        first = asyncio.ensure_future(flow.arun(1))
        second = asyncio.ensure_future(flow.with_options(run_id="b").arun(2))
        await _settle()
        store.set_status("b", "cancelled")
        _gates[0].set()
        await first
        with pytest.raises(RecoveryError, match="cancelled before it began"):
            await second

    asyncio.run(everything())
    assert _begun == [1]


def test_a_queued_run_of_the_same_key_runs_once() -> None:
    """Both submitters get its result."""
    store = MemoryStore()
    flow = held.with_options(engine=Engine(max_runs=1, store=store))

    async def everything() -> list[int]:
        _gates.append(asyncio.Event())
        first = asyncio.ensure_future(flow.arun(1))
        twice = [asyncio.ensure_future(flow.with_options(key="k").arun(2)) for _ in range(2)]
        await _settle()
        _gates[0].set()
        return [each.value for each in await asyncio.gather(first, *twice)]

    assert asyncio.run(everything()) == [1, 2, 2]
    assert _begun == [1, 2]


def test_a_resumed_run_that_leaves_the_queue_stays_queued() -> None:
    """Whoever took up another's queued run and gives up leaves it for the next."""
    store = MemoryStore()
    alone = held.with_options(engine=Engine(max_runs=1, store=store))
    other = held.with_options(engine=Engine(max_runs=1, store=store))

    async def everything() -> str:
        _gates.append(asyncio.Event())
        tasks = [asyncio.ensure_future(alone.with_options(run_id=run_id).arun(1)) for run_id in "ab"]
        blocking = asyncio.ensure_future(other.arun(3))
        await _settle()
        taker = asyncio.ensure_future(other.aresume("b"))
        await _settle()
        taker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taker
        status = store.run("b").status
        _gates[0].set()
        await asyncio.gather(*tasks, blocking)
        return status

    assert asyncio.run(everything()) == "queued"
    assert store.run("b").status == "succeeded"


def test_a_second_loop_is_refused() -> None:
    """Places belong to one loop: on two loops at once the limit would hold twice."""
    flow = held.with_options(engine=Engine(max_runs=3))
    refused: list[BaseException] = []

    def elsewhere() -> None:
        try:
            flow.run(2)
        except StrettoError as error:
            refused.append(error)

    async def here() -> None:
        _gates.append(asyncio.Event())
        first = asyncio.ensure_future(flow.arun(1))
        await _settle()
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        _gates[0].set()
        await first

    asyncio.run(here())
    assert "another event loop" in str(refused[0])


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "3"])
def test_a_count_that_is_none_is_refused(wrong: object) -> None:
    """max_runs takes a whole number from 1."""
    with pytest.raises(ConfigError, match="max_runs"):
        Engine(max_runs=wrong)  # type: ignore[arg-type]  # wrong on purpose
