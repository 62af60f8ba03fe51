"""Many chains that use one step, side by side: after every crash each gets its own results and nobody else's."""

from __future__ import annotations

import asyncio
import random

import pytest

from stretto import Engine, current, step, workflow
from stretto.runtime.stores.memory import MemoryStore
from stretto.testing import run_virtual

CHAINS, LENGTH, RUNS = 8, 5, 200

latency: random.Random = random.Random(0)


@step
async def link(chain: int, before: list[str]) -> list[str]:
    await asyncio.sleep(latency.uniform(0.1, 3.0))
    return [*before, f"{chain}:{current().path}"]


@workflow
def braid() -> list[list[str]]:
    ends = []
    for chain in range(CHAINS):
        made: list[str] = []
        for number in range(LENGTH):
            made = link.named(f"c{chain}-{number}")(chain, made)
        ends.append(made)
    return ends


EXPECTED = [[f"{chain}:c{chain}-{number}" for number in range(LENGTH)] for chain in range(CHAINS)]


@pytest.mark.slow
def test_no_result_goes_to_another_chain() -> None:
    """Two deaths a run, at random instants, and other latencies after each; 200 runs, no mix-up."""
    global latency  # what the step above sleeps by
    dice = random.Random(20261121)
    deaths = 0
    for number in range(RUNS):
        store = MemoryStore()
        for life in range(3):
            latency = random.Random(dice.random())
            after = dice.uniform(0.2, 6.0) if life < 2 else None
            result, has_died = run_virtual(_lived(store, after, is_new=life == 0))
            deaths += has_died
            if result is not None:
                break
        assert result == EXPECTED, f"run {number}"
    assert deaths > RUNS
    print(f"{RUNS} runs, {deaths} deaths, 0 mix-ups")


async def _lived(store: MemoryStore, after: float | None, *, is_new: bool) -> tuple[object, bool]:
    """One owner's life: until the end, or until it dies."""
    flow = braid.with_options(engine=Engine(store=store), run_id="r")
    running = asyncio.ensure_future(flow.aresult() if is_new else flow.aresume("r"))
    done, _ = await asyncio.wait([running], timeout=after)
    if done:
        return running.result().value, False
    store.lose_owner("r")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return None, True
