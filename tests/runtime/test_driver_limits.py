"""Named limits between the runs of one engine."""

from __future__ import annotations

import asyncio

import pytest

from stretto import Engine, Retry, TransientError, current, step, workflow
from stretto.errors import NotFoundError
from stretto.testing import Recorder, run_virtual


class Meter:
    """Counts who is inside, and remembers in which order they came."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.order: list[str] = []

    async def visit(self, name: str, seconds: float = 1) -> str:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.order.append(name)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.inside -= 1
        return name


def test_a_limit_holds_across_runs() -> None:
    """Two runs of one engine together never exceed the limit."""
    meter = Meter()

    @step(limit="api")
    async def call(name: str) -> str:
        return await meter.visit(name)

    @workflow
    def flow(prefix: str) -> object:
        return call.map([f"{prefix}{number}" for number in range(5)])

    async def run() -> float:
        guarded = flow.with_options(engine=Engine(limits={"api": 2}))
        await asyncio.gather(guarded.arun("a"), guarded.arun("b"))
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == pytest.approx(5.0)
    assert meter.most == 2


def test_runs_take_turns_at_a_limit() -> None:
    """A small run that comes later is not shut out by a big one."""
    meter = Meter()

    @step(limit="api")
    async def call(name: str) -> str:
        return await meter.visit(name)

    @workflow
    def flow(prefix: str, count: int) -> object:
        return call.map([f"{prefix}{number}" for number in range(count)])

    async def run() -> None:
        guarded = flow.with_options(engine=Engine(limits={"api": 1}))
        await asyncio.gather(guarded.arun("big", 20), guarded.arun("small", 2))

    run_virtual(run())
    assert max(meter.order.index(name) for name in ("small0", "small1")) <= 4


def test_no_permit_is_held_during_a_pause() -> None:
    """Between two attempts the permit is free for others."""
    meter = Meter()
    tries: list[int] = []

    @step(limit="api", retry=Retry(attempts=2, first_wait=10, jitter=False))
    async def flaky() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError

    @step(limit="api")
    async def other() -> str:
        return await meter.visit("other", 5)

    @workflow
    def flow() -> None:
        flaky()
        other()

    async def run() -> float:
        await flow.with_options(engine=Engine(limits={"api": 1})).arun()
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == pytest.approx(10.0)


def test_an_unknown_limit_stops_the_start() -> None:
    """Nothing has run when the error names the limit, the step and the known limits."""
    ran: list[int] = []

    @step
    async def first() -> None:
        ran.append(1)

    @step(limit="opneai")
    async def call() -> None: ...

    @workflow
    def flow() -> None:
        first()
        call()

    with pytest.raises(NotFoundError, match=r"no limit 'opneai'\. Known: openai\..*'call'"):
        run_virtual(flow.with_options(engine=Engine(limits={"openai": 1})).arun())
    assert ran == []


def test_a_limited_map_waits_item_by_item() -> None:
    """The children of a map compete for the limit one by one."""
    meter = Meter()

    @step(limit="api")
    async def call(number: int) -> str:
        return await meter.visit(str(number))

    @step
    async def items() -> list[int]:
        return list(range(6))

    @workflow
    def flow() -> object:
        return call.map(items())

    async def run() -> float:
        await flow.with_options(engine=Engine(limits={"api": 3})).arun()
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == pytest.approx(2.0)


def test_a_cancelled_run_gives_its_place_away() -> None:
    """What a cancelled run held or waited for is free for the next run at once."""

    @step(limit="api")
    async def call(number: int) -> int:
        await asyncio.sleep(1)
        return number

    @workflow
    def flow() -> object:
        return call.map([1, 2, 3])

    async def run() -> tuple[object, float]:
        guarded = flow.with_options(engine=Engine(limits={"api": 1}))
        first = asyncio.create_task(guarded.arun())
        second = asyncio.create_task(guarded.arun())
        await asyncio.sleep(0.5)
        first.cancel()
        result = await second
        return result.value, asyncio.get_running_loop().time()

    assert run_virtual(run()) == ([1, 2, 3], pytest.approx(3.5))


def test_several_limits_are_taken_together_or_not_at_all() -> None:
    """Steps that want the same two limits in different orders cannot lock each other out."""

    @step(limit=("a", "b"))
    async def one(number: int) -> int:
        await asyncio.sleep(1)
        return number

    @step(limit=("b", "a", "b"))
    async def two(number: int) -> int:
        await asyncio.sleep(1)
        return number

    @workflow
    def flow() -> object:
        return [one.map([1, 2]), two.map([3, 4])]

    result = run_virtual(flow.with_options(engine=Engine(limits={"a": 1, "b": 1})).arun())
    assert result.value == [[1, 2], [3, 4]]


def test_the_runs_cap_and_a_limit_together() -> None:
    """Steps that wait for a limit leave the run's other permits to steps that do not."""
    ended: list[float] = []

    @step(limit="api")
    async def call(number: int) -> None:
        await asyncio.sleep(10)

    @step
    async def plain(number: int) -> None:
        await asyncio.sleep(1)
        ended.append(asyncio.get_running_loop().time())

    @workflow(max_concurrency=2)
    def flow() -> object:
        return [call.map([1, 2, 3]), plain.map([1, 2, 3])]

    run_virtual(flow.with_options(engine=Engine(limits={"api": 1})).arun())
    assert ended == [1.0, 1.0, 2.0]


def test_an_engine_is_used_on_one_loop_after_another() -> None:
    """Limits, threads and estimates of an engine survive the end of a loop."""
    recorder = Recorder()

    @step(limit="api")
    def blocking(number: int) -> int:
        return number

    @step(limit="api")
    async def on_loop(number: int) -> int:
        return number

    @workflow
    def flow() -> object:
        return on_loop(blocking(4))

    engine = Engine(limits={"api": 1}, observers=[recorder])
    guarded = flow.with_options(engine=engine)
    assert [asyncio.run(guarded.arun()).value for _ in range(3)] == [4, 4, 4]
    assert guarded.run().value == 4
    assert set(engine.estimates.known) == {"blocking", "on_loop"}
    assert recorder.events[-1].type == "run.succeeded"


def test_one_by_one_a_limited_step_is_overtaken_by_nobody() -> None:
    """Neither while it asks for its named permit, nor while it waits for another attempt."""
    order: list[tuple[str, int]] = []

    @step(limit="n", retry=Retry(attempts=2, first_wait=5, jitter=False))
    async def limited(fails: bool) -> None:
        order.append((current().path, current().attempt))
        await asyncio.sleep(1)
        if fails and current().attempt == 1:
            raise TransientError("again")

    @step
    async def free() -> None:
        order.append((current().path, current().attempt))

    @workflow(engine=Engine(limits={"n": 1}))
    def flow() -> object:
        return [limited.map([True, False]), free()]

    run_virtual(flow.with_options(sequential=True).arun())
    assert order == [("limited[0]", 1), ("limited[0]", 2), ("limited[1]", 1), ("free", 1)]
