"""The journal comes first: commits that are late, writers that die."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from runtime.late_stores import DisorderlyStore, LateStore, RefusingStore, ThreadedStore
from stretto import Engine, step, workflow
from stretto.core.journal import facts as kinds
from stretto.errors import StrettoError
from stretto.testing import Recorder, run_virtual

if TYPE_CHECKING:
    from stretto.core.journal.facts import Fact
    from stretto.ports import RunInfo
    from stretto.runtime.engine.driver import RunDriver


@step
async def double(number: int) -> int:
    return number * 2


@step
def on_thread(number: int) -> int:
    return number + 1


@step(inline=True)
def glue(number: int) -> int:
    return number


@step
async def fail() -> None:
    raise ValueError("no")


@workflow
def chain(start: int) -> int:
    return glue(on_thread(double.named("again")(double(start))))


@workflow
def fan(width: int) -> list[int]:
    return double.map(list(range(width)))


def test_nothing_is_acted_on_before_its_commit() -> None:
    """Every attempt starts after the decision that starts it was committed, however late."""
    store = LateStore(delay=3.0)
    began: list[float] = []

    @step
    async def look(number: int) -> int:
        began.append(asyncio.get_running_loop().time())
        return number

    @workflow
    def flow() -> int:
        return look.named("second")(look(1))

    result = run_virtual(flow.with_options(engine=Engine(journals=store)).arun())
    assert result.value == 1
    assert began == [3.0, 6.0]


def test_the_result_waits_for_the_last_commit() -> None:
    """A run is over when its end is in the journal, not when it is decided."""
    store = LateStore(delay=1.0)

    async def run() -> tuple[float, list[Fact]]:
        result = await chain.with_options(engine=Engine(journals=store)).arun(1)
        assert result.value == 5
        return asyncio.get_running_loop().time(), store.committed

    ended, committed = run_virtual(run())
    assert ended == pytest.approx(5.0)
    assert committed[-1][0] == kinds.RUN_SUCCEEDED


def test_observers_wait_for_the_commit() -> None:
    """An observer is shown nothing that is not committed."""
    store = LateStore(delay=1.0)

    class Checking(Recorder):
        def on_facts(self, run: RunInfo, facts: list[Fact]) -> None:
            super().on_facts(run, facts)
            assert store.committed[-len(facts) :] == facts

    recorder = Checking()
    run_virtual(chain.with_options(engine=Engine(journals=store), observers=[recorder]).arun(1))
    assert recorder.facts == store.committed
    assert recorder.facts[-1][0] == kinds.RUN_SUCCEEDED


@pytest.mark.parametrize("width", [0, 1, 3000])
def test_late_commits_change_no_value(width: int) -> None:
    """With a store that commits later, a burst gives what it gives without."""
    engine = Engine(journals=LateStore())
    assert asyncio.run(fan.with_options(engine=engine).arun(width)).value == [n * 2 for n in range(width)]


def test_a_writer_thread() -> None:
    """Commits that come from a thread drive a run to its end."""
    store = ThreadedStore()
    try:
        assert asyncio.run(chain.with_options(engine=Engine(journals=store)).arun(10)).value == 41
    finally:
        store.stop()


def test_timers_that_come_between_the_end_and_its_commit_are_ignored() -> None:
    """A timeout that falls due while the end waits for its commit disturbs nobody."""

    @step(timeout=1.5)
    async def quick() -> int:
        return 1

    @workflow
    def flow() -> int:
        return quick()

    result = run_virtual(flow.with_options(engine=Engine(journals=LateStore(delay=1.0))).arun())
    assert result.value == 1


def test_a_cancel_while_commits_are_late() -> None:
    """Cancelled between a decision and its commit, a run ends cancelled, and nothing of it runs on."""
    running: list[str] = []

    @step
    async def slow() -> None:
        running.append("began")
        try:
            await asyncio.sleep(60)
        finally:
            running.append("ended")

    @workflow
    def flow() -> None:
        slow()

    async def run() -> str:
        engine = Engine(journals=LateStore(delay=1.0))
        task = asyncio.create_task(flow.with_options(engine=engine).aresult())
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return "over"

    assert run_virtual(run()) == "over"
    assert running in ([], ["began", "ended"])


@pytest.mark.parametrize("dies_at", [1, 2, 3, 4])
def test_a_dying_writer_fails_all_who_wait(dies_at: int) -> None:
    """When the writer thread dies, at whatever decision, every run ends with its error."""
    store = ThreadedStore(dies_at)
    engine = Engine(journals=store)

    async def run() -> list[object]:
        runs = [chain.with_options(engine=engine).arun(1), chain.with_options(engine=engine).arun(2)]
        return await asyncio.wait_for(asyncio.gather(*runs, return_exceptions=True), 5)

    assert [str(error) for error in asyncio.run(run())] == ["the disk is full"] * 2


@pytest.mark.parametrize("refuses_at", [1, 2, 3, 4])
def test_a_store_that_raises_ends_the_run(refuses_at: int) -> None:
    """What `append` raises is the run's error, at whatever decision."""
    with pytest.raises(OSError, match="the disk is full"):
        asyncio.run(chain.with_options(engine=Engine(journals=RefusingStore(refuses_at))).arun(1))


def test_a_broken_store_stops_what_runs() -> None:
    """Attempts of a run whose journal is gone are cancelled and awaited before the error is passed on."""
    seen: list[str] = []

    @step
    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.1)
            seen.append("cleaned up")
            raise

    @workflow
    def flow() -> None:
        slow()
        double(1)

    with pytest.raises(OSError, match="disk"):
        run_virtual(flow.with_options(engine=Engine(journals=RefusingStore(2))).arun())
    assert seen == ["cleaned up"]


def test_a_broken_run_gives_back_its_permits() -> None:
    """Named permits of a run that broke off, held or asked for, are free for the engine's other runs."""

    @step(limit="one")
    async def limited(number: int) -> int:
        await asyncio.sleep(1)
        return number

    @workflow
    def flow() -> list[int]:
        return limited.map([1, 2, 3])

    store = RefusingStore(4)
    engine = Engine(limits={"one": 1}, journals=store)

    async def run() -> list[int]:
        with pytest.raises(OSError, match="disk"):
            await flow.with_options(engine=engine).arun()
        return (await flow.with_options(engine=engine).arun()).value

    assert run_virtual(run()) == [1, 2, 3]


def test_a_store_out_of_order_is_found_out() -> None:
    """A store that claims a commit before an earlier one ends the run instead of mixing up its facts."""

    async def run() -> None:
        drivers: list[RunDriver] = []
        guarded = chain.with_options(engine=Engine(journals=DisorderlyStore(1.0)))
        task = asyncio.create_task(guarded.start({"start": 1}, started=drivers.append))
        await asyncio.sleep(0.5)
        drivers[0].cancel("while the first decision is not committed")
        await task

    with pytest.raises(StrettoError, match="before an earlier one"):
        run_virtual(run())


def test_a_run_id_is_used_once_at_a_time() -> None:
    """A second run under the id of one in progress is refused; afterwards the id is free."""

    @step
    async def slow() -> int:
        await asyncio.sleep(1)
        return 1

    @workflow
    def flow() -> int:
        return slow()

    async def run() -> int:
        named = flow.with_options(engine=Engine(), run_id="same")
        first = asyncio.create_task(named.arun())
        await asyncio.sleep(0)
        with pytest.raises(StrettoError, match="'same' is in progress already"):
            await named.arun()
        await first
        return (await named.arun()).value

    assert run_virtual(run()) == 1


def test_the_failure_is_in_the_journal_before_it_is_raised() -> None:
    """A failed run, too, waits for its commit."""
    store = LateStore(delay=1.0)

    @workflow
    def flow() -> None:
        fail()

    result = run_virtual(flow.with_options(engine=Engine(journals=store)).aresult())
    assert result.status == "failed"
    assert store.committed[-1][0] == kinds.RUN_FAILED
