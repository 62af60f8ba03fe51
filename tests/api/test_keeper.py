"""A keeper takes up what others have left, and leaves what only a person can decide."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from runtime import crashing_flows as flows
from runtime.crashing import Died, DyingStore
from stretto import Engine, step, workflow
from stretto.errors import ConfigError, StoreError
from stretto.ports import NewRun
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from stretto.runtime.stores.memory import MemoryStore


def _died(store: DyingStore, run_id: str, flow: object = flows.chain, at: int = 3) -> None:
    store.dies_at, store.appends = at, 0
    with pytest.raises(Died):
        run_virtual(flow.with_options(engine=Engine(store=store), run_id=run_id).aresult())  # type: ignore[attr-defined]  # a workflow
    store.dies_at = 0
    store.lose_owner(run_id)


async def _kept(store: MemoryStore, *workflows: object, seconds: float = 60) -> None:
    async with Engine(store=store).keep(workflows):  # type: ignore[arg-type]  # workflows
        await asyncio.sleep(seconds)


def test_runs_whose_owner_has_died_are_taken_up() -> None:
    """Each once, those of other workflows not at all."""
    store = DyingStore()
    _died(store, "a")
    _died(store, "b")
    _died(store, "c", flows.sleeping)
    run_virtual(_kept(store, flows.chain))
    assert [store.run(each).status for each in "abc"] == ["succeeded", "succeeded", "running"]
    assert store.run("a").epoch == 2


def test_what_was_submitted_and_never_began_begins() -> None:
    """The queue outlives the process that stood in it."""
    store = DyingStore()
    _died(store, "a", at=1)
    assert store.run("a").status == "queued"
    run_virtual(_kept(store, flows.chain))
    assert store.run("a").status == "succeeded"


def test_an_owner_that_dies_while_we_watch_is_replaced() -> None:
    """The store wakes the keeper."""
    store = DyingStore()

    async def whole() -> None:
        async with Engine(store=store).keep([flows.sleeping]):
            running = asyncio.ensure_future(
                flows.sleeping.with_options(engine=Engine(store=store), run_id="a").aresult()
            )
            await asyncio.sleep(1.5)
            store.lose_owner("a")
            await asyncio.sleep(20)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    run_virtual(whole())
    assert store.run("a").status == "succeeded"


def test_what_cannot_be_gone_on_with_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Changed code is for a person to decide about; the keeper goes on with the others."""
    store = DyingStore()

    @step(version="2")
    async def fetch(number: int) -> int:
        return number

    @workflow(name="chain")
    def changed(start: int = 1) -> object:
        return flows.note(fetch(fetch.named("again")(start)))

    _died(store, "a", at=3)
    _died(store, "b", flows.sleeping)
    with caplog.at_level(logging.WARNING, "stretto.engine"):
        run_virtual(_kept(store, changed, flows.sleeping))
    told = [record.message for record in caplog.records if "is left for a person" in record.message]
    assert len(told) == 1
    assert "run a is left for a person" in told[0]
    assert "again" in told[0]
    assert store.run("b").status == "succeeded"


def test_an_engine_without_a_store_keeps_nothing() -> None:
    """It says what to give it."""
    with pytest.raises(ConfigError, match="This engine has no store"):
        Engine().keep([flows.chain])


def test_a_fresh_run_is_left_to_its_submitter() -> None:
    """Between submitting a run and owning it lies a moment; only what stays there longer is taken up."""
    store = DyingStore()
    seen: list[str] = []

    async def whole() -> None:
        now = Engine(store=store).now()()
        store.create(NewRun(*store.run("like")[:7])._replace(run_id="a", created_at=now))
        async with Engine(store=store).keep([flows.chain]):
            await asyncio.sleep(4)
            seen.append(store.run("a").status)
            await asyncio.sleep(30)
            seen.append(store.run("a").status)

    _died(store, "like", at=1)
    run_virtual(whole())
    assert seen == ["queued", "succeeded"]


def test_a_store_that_fails_for_a_while_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    """What only the store could not give is no reason to leave a run for a person."""

    class Faltering(DyingStore):
        fails = 2

        def entries(self, run_id: str, after: int = 0) -> list[bytes]:
            if self.fails:
                self.fails -= 1
                raise StoreError("The disk is full.")
            return super().entries(run_id, after)

    store = Faltering()
    _died(store, "a")
    with caplog.at_level(logging.WARNING, "stretto.engine"):
        run_virtual(_kept(store, flows.chain))
    assert store.run("a").status == "succeeded"
    told = [
        record.message
        for record in caplog.records
        if "is tried again in 5 s: The disk is full." in record.message
    ]
    assert len(told) == 2


def test_whatever_a_body_raises_the_keeper_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """A workflow that cannot be traced any more is told once and left; others are taken up."""
    store = DyingStore()

    @workflow(name="chain")
    def broken(start: int = 1) -> object:
        raise KeyError(start)

    _died(store, "a")
    _died(store, "b", flows.sleeping)
    with caplog.at_level(logging.WARNING, "stretto.engine"):
        run_virtual(_kept(store, broken, flows.sleeping))
    told = [record.message for record in caplog.records if "is left for a person" in record.message]
    assert told == ["run a is left for a person: KeyError: 1"]
    assert store.run("b").status == "succeeded"


def test_who_submits_a_run_that_is_at_work_elsewhere_waits_for_it() -> None:
    """The same key is the same run, whoever drives it: no step begins twice, and both get its value."""
    store = DyingStore()
    flows.STARTS.clear()

    async def both() -> list[object]:
        first = flows.chain.with_options(engine=Engine(store=store), key="k").arun()
        second = flows.chain.with_options(engine=Engine(store=store), key="k").arun()
        one = asyncio.ensure_future(first)
        await asyncio.sleep(0.5)
        return [(await each).value for each in (asyncio.ensure_future(second), one)]

    one, other = run_virtual(both())
    assert one == other
    assert len(flows.STARTS) == len(set(flows.STARTS))


def test_who_waits_for_a_run_elsewhere_goes_on_with_it() -> None:
    """Its owner dies: whoever has submitted the same takes it over."""
    store = DyingStore()
    whole = run_virtual(flows.chain.arun()).value

    async def both() -> object:
        one = asyncio.ensure_future(flows.chain.with_options(engine=Engine(store=store), key="k").arun())
        await asyncio.sleep(0.5)
        two = asyncio.ensure_future(flows.chain.with_options(engine=Engine(store=store), key="k").arun())
        await asyncio.sleep(0.5)
        store.lose_owner(store.runs()[0].run_id)
        result = await two
        await asyncio.gather(one, return_exceptions=True)
        return result.value

    assert run_virtual(both()) == whole
