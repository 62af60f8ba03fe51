"""PostgreSQL goes away under many runs, again and again: all of them end, and nothing is done twice."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
import time
from collections import Counter

import pytest

from runtime.postgres_server import Server, schema_url, server
from stretto import Engine, current, step, workflow
from stretto.runtime.stores.postgres import PostgresStore

__all__ = ["server"]

RUNS, STEPS, LENGTH = 200, 12, 8.0
STARTS: Counter[tuple[str, str]] = Counter()


@step
async def link(number: int, seconds: float) -> int:
    STARTS[current().run_id, current().path] += 1
    await asyncio.sleep(seconds)
    return number + 1


@workflow
def chained(seed: int) -> int:
    dice = random.Random(seed)
    lengths = [dice.random() for _ in range(STEPS)]
    made = 0
    for number, length in enumerate(lengths):
        made = link.named(f"s{number}")(made, length * LENGTH / sum(lengths))
    return made


@pytest.mark.heavy
def test_runs_outlive_restarts_of_their_database(server: Server) -> None:
    """Stopped every two seconds, gracefully and at once; 200 runs side by side end with their values."""
    STARTS.clear()
    over = threading.Event()
    restarts: list[float] = []

    def restart() -> None:
        ways = (signal.SIGINT, signal.SIGQUIT)
        while not over.wait(2.0):
            began = time.monotonic()
            server.restart(ways[len(restarts) % 2])
            restarts.append(time.monotonic() - began)

    async def whole() -> list[object]:
        store = PostgresStore(schema_url(server, "restarts"))
        flow = chained.with_options(engine=Engine(store=store))
        try:
            results = await asyncio.gather(*(flow.aresult(seed) for seed in range(RUNS)))
        finally:
            over.set()
        statuses = {row.status for row in await asyncio.to_thread(store.runs)}
        assert statuses == {"succeeded"}
        await asyncio.to_thread(store.close)
        return [result.value for result in results]

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        values = asyncio.run(whole())
    finally:
        over.set()
        thread.join()
    assert values == [STEPS] * RUNS
    assert len(STARTS) == RUNS * STEPS
    assert set(STARTS.values()) == {1}
    assert len(restarts) >= 3
    print(f"{RUNS} runs of {STEPS} steps, {len(restarts)} restarts, every step once")
