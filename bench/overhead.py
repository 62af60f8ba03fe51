"""What a step costs when it does nothing: through `.arun` of the public API, tracing included."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from bench.pairs import REPEATS, paired
from bench.table import Row, Sample, Table
from stretto import step, workflow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["LOADS", "Load", "measure"]

MICROSECONDS = 15.0
TIMES_CONTROL = 4.0


@step
async def plus_one(x: int) -> int:
    """The least a step can do and still be checked."""
    return x + 1


async def add_one(x: int) -> int:
    """The same for the control."""
    return x + 1


@workflow
def fan_out(width: int) -> list[int]:
    """Independent steps, each named."""
    return [plus_one.named(f"s{number}")(number) for number in range(width)]


@workflow
def mapped(width: int) -> list[int]:
    """The same as one map."""
    return plus_one.map(list(range(width)))


@workflow
def chains(count: int, length: int) -> list[int]:
    """Independent chains."""
    ends = []
    for chain in range(count):
        last = chain
        for hop in range(length):
            last = plus_one.named(f"s{chain}.{hop}")(last)
        ends.append(last)
    return ends


async def fan_out_by_hand(width: int) -> list[int]:
    """A gather."""
    return list(await asyncio.gather(*(add_one(number) for number in range(width))))


async def chains_by_hand(count: int, length: int) -> list[int]:
    """A coroutine a chain and, as in the engine, a task a step: steps can be cancelled one by one."""

    async def chain(start: int) -> int:
        last = start
        for _ in range(length):
            last = await asyncio.create_task(add_one(last))
        return last

    return list(await asyncio.gather(*(chain(start) for start in range(count))))


class Load(NamedTuple):
    """One pattern: both ways to run it, what they must return, and how many steps that is."""

    name: str
    steps: int
    ours: Callable[[], Awaitable[object]]
    control: Callable[[], Awaitable[object]]
    wanted: object


async def _value(run: Awaitable[object]) -> object:
    return (await run).value  # type: ignore[attr-defined]  # a RunResult


def _wide(name: str, flow: object, width: int) -> Load:
    return Load(
        name,
        width,
        lambda: _value(flow.arun(width)),  # type: ignore[attr-defined]  # a Workflow
        lambda: fan_out_by_hand(width),
        [number + 1 for number in range(width)],
    )


def _chains(name: str, count: int, length: int) -> Load:
    return Load(
        name,
        count * length,
        lambda: _value(chains.arun(count, length)),
        lambda: chains_by_hand(count, length),
        [start + length for start in range(count)],
    )


LOADS = (
    _wide("fan-out 1 000", fan_out, 1000),
    _wide("map 1 000", mapped, 1000),
    _chains("chain 1 000", 1, 1000),
    _chains("20 × 50", 20, 50),
    _chains("100 × 100", 100, 100),
)


def measure(repeats: int = REPEATS) -> Table:
    """The table: µs a step, beside the control."""
    table = Table("Overhead, µs a step (median [quartiles])", ("pattern", "stretto", "control", "×"))
    for load in LOADS:
        found = paired(load.ours, load.control, load.wanted, load.name, repeats)
        ours, control = (Sample.of([seconds / load.steps * 1e6 for seconds in side]) for side in found)
        times = ours.median / control.median
        data = {"us": ours.median, "low": ours.low, "high": ours.high, "control_us": control.median}
        is_met = ours.median <= MICROSECONDS and times <= TIMES_CONTROL
        cells = (load.name, ours.text(), control.text(), f"{times:.2f}")
        table.rows.append(Row(cells, data, f"≤ {MICROSECONDS:g} µs, ≤ {TIMES_CONTROL:g} ×", is_met))
    return table
