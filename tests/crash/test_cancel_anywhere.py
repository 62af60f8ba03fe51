"""A run that is cancelled at any instant stops: within its grace, with nothing left behind, and nothing new."""

from __future__ import annotations

import asyncio
import random

import pytest

from runtime import crashing_flows as flows
from stretto import Engine, Retry, approve, current, step, workflow
from stretto.core.journal import facts as kinds
from stretto.core.journal.reading import FactReader
from stretto.runtime.stores.memory import MemoryStore
from stretto.testing import run_virtual

CANCELS, GRACE = 500, 2.0
STARTED: list[str] = []


@step
async def part(number: int) -> int:
    STARTED.append(current().path)
    await asyncio.sleep(number % 7 / 3)
    return number


@step(retry=Retry(attempts=9, first_wait=1.0))
async def failing(number: int) -> int:
    STARTED.append(current().path)
    await asyncio.sleep(0.3)
    raise ConnectionError("again")


@step
async def stubborn(number: int) -> int:
    STARTED.append(current().path)
    try:
        await asyncio.sleep(4)
    except asyncio.CancelledError:
        await asyncio.sleep(1)  # cleans up, well within the grace
        raise
    return number


@workflow
def fan() -> list[int]:
    return part.map([part.named(f"p{number}")(number) for number in range(40)])


@workflow
def backing_off() -> int:
    return failing(part(1))


@workflow
def waiting() -> object:
    return [approve(part(3), "Good?"), stubborn(1)]


FLOWS = (fan, backing_off, waiting, flows.wide, flows.branching, flows.nesting, flows.sleeping)


@pytest.mark.slow
def test_a_cancel_at_any_instant_ends_the_run() -> None:
    """Fan-outs, backoff, people, loops, plans: 500 instants."""
    dice = random.Random(20261121)
    cut = 0
    for number in range(CANCELS):
        flow, store, at = dice.choice(FLOWS), MemoryStore(), dice.uniform(0.0, 6.0)
        took, late, left = run_virtual(_cancelled(flow, store, at, is_by_letter=dice.random() < 0.5))
        case = f"cancel {number} of {flow.name} at {at}"
        assert took <= GRACE + 1, case
        assert late == [], case
        assert left == 0, case
        cut += store.run("r").status == "cancelled"
        _check_closed(store)
    assert cut > CANCELS * 0.6  # the others had ended
    print(f"{CANCELS} cancels, {cut} of runs that were still at work")


async def _cancelled(
    flow: object, store: MemoryStore, at: float, *, is_by_letter: bool
) -> tuple[float, list[str], int]:
    """(seconds it took to end, steps that began afterwards, tasks left)."""
    drivers: list[object] = []
    ready = flow.with_options(engine=Engine(store=store, grace=GRACE, seed=1), run_id="r")  # type: ignore[attr-defined]  # a workflow
    running = asyncio.ensure_future(ready.start({}, started=drivers.append))
    await asyncio.wait([running], timeout=at)
    STARTED.clear()
    flows.STARTS.clear()
    before = asyncio.get_running_loop().time()
    if is_by_letter and not running.done():
        store.send("r", "cancel", b'{"why": "enough"}', 0.0)
    elif drivers:
        drivers[0].cancel("enough")  # type: ignore[attr-defined]  # a driver
    await running
    took = asyncio.get_running_loop().time() - before
    late = [*STARTED, *flows.STARTS]
    await asyncio.sleep(30)  # what was left behind would show now
    late += [*STARTED, *flows.STARTS]
    return took, late, len(asyncio.all_tasks()) - 1


def _check_closed(store: MemoryStore) -> None:
    """The journal ends with the run, every step that began has ended, and nobody is asked any more."""
    reader = FactReader(is_opaque=True)
    facts = [fact for body in store.entries("r") for fact in reader.read(body)]
    assert facts[-1][0] in kinds.ENDS_OF_RUN
    assert store.waits("r") == []
