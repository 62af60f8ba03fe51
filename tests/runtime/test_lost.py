"""What was under way when a process died: run again, asked about, failed, or put in quarantine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from stretto import Engine, Retry, current, step, workflow
from stretto.errors import InputError, QuarantinedError, RunOwnedError
from stretto.runtime.engine.lost import MOST_LOST
from stretto.runtime.stores.memory import MemoryStore
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from stretto import RunResult

SEEN: list[tuple[str, int, str]] = []
PATIENCE = 10.0


async def _work(name: str) -> str:
    now = current()
    SEEN.append((now.path, now.attempt, now.idempotency_key))
    await asyncio.sleep(PATIENCE)
    return name


@step(retry=Retry(attempts=2))
async def read(name: str) -> str:
    return await _work(name)


@step(writes="ledger")
async def pay(name: str) -> str:
    return await _work(name)


@step(on_lost="fail")
async def shoot(name: str) -> str:
    return await _work(name)


@workflow
def reading() -> str:
    return read("a")


@workflow
def paying() -> str:
    return pay("a")


@workflow
def shooting() -> str:
    return shoot("a")


def _lose(store: MemoryStore, flow: object, *, is_new: bool = False, **how: object) -> None:
    """Drive the run into its step, and let the process be gone."""

    async def dying() -> None:
        ready = flow.with_options(engine=Engine(store=store), run_id="r")  # type: ignore[attr-defined]  # a workflow
        running = asyncio.ensure_future(ready.aresult() if is_new else ready.aresume("r", **how))
        await asyncio.sleep(PATIENCE / 2)
        if not running.done():
            store.lose_owner("r")
            running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if isinstance(running.exception() if not running.cancelled() else None, QuarantinedError):
            raise running.exception()  # type: ignore[misc]  # it is one

    run_virtual(dying())


def _resumed(store: MemoryStore, flow: object, **how: object) -> RunResult:
    return run_virtual(flow.with_options(engine=Engine(store=store)).aresume("r", **how))  # type: ignore[attr-defined]  # a workflow


def test_a_lost_attempt_runs_again_with_the_same_key_and_burns_no_retry() -> None:
    """Attempts are numbered on; the idempotency key stays; two more failures would still be allowed."""
    SEEN.clear()
    store = MemoryStore()
    _lose(store, reading, is_new=True)
    _lose(store, reading)
    _lose(store, reading)
    assert _resumed(store, reading).value == "a"
    assert [(path, attempt) for path, attempt, _ in SEEN] == [("read", each) for each in (1, 2, 3, 4)]
    assert len({key for _, _, key in SEEN}) == 1


def test_a_step_that_writes_is_asked_about() -> None:
    """It may have done it: a person says whether it runs again."""
    SEEN.clear()
    store = MemoryStore()
    _lose(store, paying, is_new=True)
    ready = paying.with_options(engine=Engine(store=store), leaves_waiting=True)
    left = run_virtual(ready.aresume("r"))
    assert (left.status, left.waits) == ("waiting", ("pay",))
    [wait] = store.waits("r")
    assert (wait.kind, wait.path) == ("lost", "pay")
    assert "attempt 1 of 'pay' was running, which writes ledger" in wait.text
    assert len(SEEN) == 1
    store.send("r", "answer", b'{"path": "pay", "verdict": "respond", "value": "paid by hand"}', 0.0)
    assert _resumed(store, paying).value == "paid by hand"
    assert len(SEEN) == 1


@pytest.mark.parametrize(
    ("verdict", "status", "count"), [("approve", "succeeded", 2), ("reject", "failed", 1)]
)
def test_the_answer_decides(verdict: str, status: str, count: int) -> None:
    """Approve runs it again, reject lets it fail."""
    SEEN.clear()
    store = MemoryStore()
    _lose(store, paying, is_new=True)
    store.send("r", "answer", b'{"path": "pay", "verdict": "%s"}' % verdict.encode(), 0.0)
    result = _resumed(store, paying)
    assert result.status == status
    assert len(SEEN) == count


def test_a_step_may_say_that_it_fails() -> None:
    """With words; nothing is run."""
    SEEN.clear()
    store = MemoryStore()
    _lose(store, shooting, is_new=True)
    result = _resumed(store, shooting)
    assert result.status == "failed"
    assert "its process died while attempt 1 was running" in str(result.to_error())
    assert len(SEEN) == 1


def test_a_run_that_kills_its_process_again_and_again_is_put_in_quarantine() -> None:
    """After five deaths under one step nobody tries by himself; a person may."""
    SEEN.clear()
    store = MemoryStore()
    _lose(store, reading, is_new=True)
    for _ in range(MOST_LOST - 1):
        _lose(store, reading)
    with pytest.raises(QuarantinedError, match=r"its process died 5 times while 'read' was running"):
        _resumed(store, reading)
    assert store.run("r").status == "quarantined"
    assert store.run("r").owner is None
    assert store.orphans() == []
    assert len(SEEN) == MOST_LOST
    assert _resumed(store, reading, release=True).value == "a"
    assert store.run("r").status == "succeeded"


def test_a_run_has_one_owner() -> None:
    """Whoever comes second is told who has it."""
    store = MemoryStore()

    async def twice() -> None:
        engine = Engine(store=store)
        first = asyncio.ensure_future(reading.with_options(engine=engine, run_id="r").aresult())
        await asyncio.sleep(1)
        with pytest.raises(RunOwnedError, match="Run r is at work in process"):
            await reading.with_options(engine=Engine(store=store)).aresume("r")
        assert (await first).value == "a"

    run_virtual(twice())


def test_one_key_is_one_run() -> None:
    """The second start gives the first one's run: while it is at work, and when it has ended."""
    SEEN.clear()
    store = MemoryStore()

    async def twice() -> None:
        ready = reading.with_options(engine=Engine(store=store), key="order 77")
        first, second = await asyncio.gather(ready.aresult(), ready.aresult())
        third = await ready.aresult()
        assert first.run_id == second.run_id == third.run_id
        assert first.value == second.value == third.value == "a"

    run_virtual(twice())
    assert len(SEEN) == 1
    assert len(store.runs()) == 1


def test_a_key_of_another_run_is_refused() -> None:
    """Of another workflow, or with other inputs: neither may get its result."""
    store = MemoryStore()
    engine = Engine(store=store)

    @workflow
    def named(name: str) -> str:
        return read(name)

    run_virtual(named.with_options(engine=engine, key="order 79", run_id="r").arun("a"))
    with pytest.raises(InputError, match="Key 'order 79' is that of run r with other inputs"):
        run_virtual(named.with_options(engine=engine, key="order 79").arun("b"))
    with pytest.raises(InputError, match="is that of run r of workflow 'named'"):
        run_virtual(reading.with_options(engine=engine, key="order 79").arun())
    assert len(store.runs()) == 1


def test_a_key_whose_process_died_is_gone_on_with() -> None:
    """Starting again with the same key is all a caller need do."""
    SEEN.clear()
    store = MemoryStore()
    _lose(store, reading.with_options(key="order 78"), is_new=True)
    again = run_virtual(reading.with_options(engine=Engine(store=store), key="order 78").aresult())
    assert (again.run_id, again.value) == ("r", "a")
