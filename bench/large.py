"""A hundred thousand steps under a cap: time and memory a step, each time in a fresh process.

`python -m bench.large stretto|control [STEPS]` measures one run and prints ``seconds bytes`` a step.
"""

from __future__ import annotations

import asyncio
import gc
import random
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from resource import getpagesize
from typing import Any

from bench.pairs import expect
from bench.table import Row, Sample, Table
from stretto import step, workflow

__all__ = ["layers", "measure", "run_by_hand", "value_of"]

STEPS = 100_000
WIDTH = 1000
PERMITS = 500
REPEATS = 11
MICROSECONDS = 20.0
BYTES = 1024.0
MODULUS = 1_000_003


@cache
def layers(steps: int) -> list[tuple[int, ...]]:
    """Who waits for whom: one to three random steps of the layer before; the first layer waits for nobody.

    Drawn once, so that neither side's time has the dice in it.
    """
    dice = random.Random(31)
    rows: list[tuple[int, ...]] = [()] * min(steps, WIDTH)
    for start in range(0, steps - WIDTH, WIDTH):
        before = range(start, start + WIDTH)
        width = min(WIDTH, steps - WIDTH - start)
        rows += [tuple(dice.sample(before, dice.randint(1, 3))) for _ in range(width)]
    return rows


@step
async def mix(number: int, *inputs: int) -> int:
    """A value that depends on every step above it."""
    return (number + 31 * sum(inputs)) % MODULUS


async def mix_by_hand(number: int, *inputs: int) -> int:
    """The same for the control."""
    return (number + 31 * sum(inputs)) % MODULUS


@workflow(max_concurrency=PERMITS)
def layered(steps: int) -> list[int]:
    """The result is the last layer; its graph is that of `layers`."""
    refs: list[Any] = []
    for number, needed in enumerate(layers(steps)):
        refs.append(mix.named(f"s{number}")(number, *[refs[index] for index in needed]))
    return refs[-WIDTH:]


async def run_by_hand(steps: int) -> list[int]:
    """A task a step that awaits what it needs, then a semaphore's permit."""
    permits = asyncio.Semaphore(PERMITS)
    tasks: list[asyncio.Task[int]] = []

    async def one(number: int, needed: tuple[int, ...]) -> int:
        inputs = [await tasks[index] for index in needed]
        async with permits:
            return await mix_by_hand(number, *inputs)

    for number, needed in enumerate(layers(steps)):
        tasks.append(asyncio.create_task(one(number, needed)))
    return list(await asyncio.gather(*tasks[-WIDTH:]))


def value_of(steps: int) -> list[int]:
    """What both must return."""
    values: list[int] = []
    for number, needed in enumerate(layers(steps)):
        values.append((number + 31 * sum(values[index] for index in needed)) % MODULUS)
    return values[-WIDTH:]


def _resident() -> int:
    """Bytes of this process in memory. Linux: the second number of /proc/self/statm is in pages."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()


async def _measured(side: str, steps: int) -> tuple[float, int]:
    """(seconds, bytes more in memory while the result is held)."""
    layers(steps)
    before = _resident()
    began = time.perf_counter()
    result: Any = await (layered.arun(steps) if side == "stretto" else run_by_hand(steps))
    seconds = time.perf_counter() - began
    grown = _resident() - before
    expect(result.value if side == "stretto" else result, value_of(steps), f"{side}, {steps} steps")
    return seconds, grown


def _one_run(side: str, steps: int) -> None:
    asyncio.run(_measured(side, WIDTH))  # imports and caches are not what a step costs
    seconds, grown = asyncio.run(_measured(side, steps))
    print(seconds / steps, grown / steps)


def _in_fresh_process(side: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "bench.large", side, str(STEPS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, grown = map(float, done.stdout.split())
    return seconds * 1e6, grown


def measure(repeats: int = REPEATS) -> Table:
    """The table: µs and bytes a step, beside the control."""
    found: dict[str, list[tuple[float, float]]] = {"stretto": [], "control": []}
    for _ in range(repeats):
        for side, values in found.items():
            values.append(_in_fresh_process(side))
    title = f"{STEPS} steps in layers of {WIDTH} under {PERMITS} permits, a step (median [quartiles])"
    table = Table(title, ("", "µs", "bytes"))
    for side, values in found.items():
        times, sizes = (Sample.of(column) for column in zip(*values, strict=True))
        is_ours = side == "stretto"
        table.rows.append(
            Row(
                (side, times.text(), sizes.text(0)),
                {"us": times.median, "bytes": sizes.median},
                f"≤ {MICROSECONDS:g} µs, ≤ {BYTES:g} bytes" if is_ours else "",
                times.median <= MICROSECONDS and sizes.median <= BYTES if is_ours else None,
            )
        )
    return table


if __name__ == "__main__":
    _one_run(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else STEPS)
