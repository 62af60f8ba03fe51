"""Five hundred runs at once: how much later does the slowest of a hundred end than one alone?"""

from __future__ import annotations

import asyncio
import time
from statistics import median, quantiles
from typing import TYPE_CHECKING

from bench import shapes, sleeping
from bench.makespan import scaled
from bench.pairs import expect
from bench.table import Row, Table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["DAG", "RUNS", "STEPS", "VALUE", "measure", "p99"]

RUNS = 500
STEPS = 18
CRITICAL_PATH = 3.0
MOST = 1.1
REPEATS = 3

DAG = scaled(shapes.heavy_tailed(STEPS, seed=21), CRITICAL_PATH)
VALUE = sleeping.value_of(DAG)


async def _ours() -> object:
    return (await sleeping.sleeping.arun(DAG.deps, DAG.seconds)).value


async def _by_hand() -> object:
    return await sleeping.by_hand(DAG)


async def _timed(start: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    value = await start()
    seconds = time.perf_counter() - began
    expect(value, VALUE, "a concurrent run")
    return seconds


def _seconds(start: Callable[[], Awaitable[object]], runs: int) -> list[float]:
    async def all_of_them() -> list[float]:
        return await asyncio.gather(*(_timed(start) for _ in range(runs)))

    return asyncio.run(all_of_them())


def p99(seconds: list[float]) -> float:
    """The 99th percentile."""
    return quantiles(seconds, n=100, method="inclusive")[98]


def measure(repeats: int = REPEATS) -> Table:
    """The table: seconds of one alone and the 99th percentile of 500; medians of the repeats."""
    found: dict[str, tuple[list[float], list[float]]] = {"stretto": ([], []), "control": ([], [])}
    for _ in range(repeats):
        for name, start in (("stretto", _ours), ("control", _by_hand)):
            found[name][0].append(_seconds(start, 1)[0])
            found[name][1].append(p99(_seconds(start, RUNS)))
    title = f"{RUNS} runs at once of {STEPS} sleeps, critical path {CRITICAL_PATH:g} s"
    table = Table(title, ("", "one alone, s", "p99, s", "p99 / alone"))
    for name, (alone, crowd) in found.items():
        ratio = median(crowd) / median(alone)
        cells = (name, f"{median(alone):.3f}", f"{median(crowd):.3f}", f"{ratio:.3f}")
        data = {"alone_s": median(alone), "p99_s": median(crowd), "ratio": ratio}
        goal = (f"≤ {MOST}", ratio <= MOST) if name == "stretto" else ()
        table.rows.append(Row(cells, data, *goal))
    return table
