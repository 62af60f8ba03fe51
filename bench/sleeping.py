"""Workflows of sleeping steps, and the same graphs by hand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from stretto import step, workflow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.shapes import Dag

__all__ = ["by_hand", "map_over_map", "map_over_map_by_hand", "sleeping", "value_of"]

LISTING = 0.05
"""Seconds that finding out what to map over takes."""


@step
async def nap(seconds: float, number: int, *inputs: int) -> int:
    """Sleeps, then adds its own number to its inputs: every value tells what it was made of."""
    await asyncio.sleep(seconds)
    return number + sum(inputs)


@workflow
def sleeping(deps: list[list[int]], seconds: list[float]) -> list[int]:
    """A graph of naps; the result is every step's value."""
    refs: list[Any] = []
    for number, needed in enumerate(deps):
        inputs = [refs[index] for index in needed]
        refs.append(nap.named(f"s{number}")(seconds[number], number, *inputs))
    return refs


async def by_hand(dag: Dag) -> list[int]:
    """The same graph as tasks that await each other."""
    tasks: list[asyncio.Task[int]] = []

    async def one(number: int, needed: Sequence[int]) -> int:
        inputs = [await tasks[index] for index in needed]
        return await nap_by_hand(dag.seconds[number], number, *inputs)

    tasks.extend(asyncio.create_task(one(number, needed)) for number, needed in enumerate(dag.deps))
    return list(await asyncio.gather(*tasks))


async def nap_by_hand(seconds: float, number: int, *inputs: int) -> int:
    """What a nap does."""
    await asyncio.sleep(seconds)
    return number + sum(inputs)


def value_of(dag: Dag) -> list[int]:
    """What both must return."""
    values: list[int] = []
    for number, needed in enumerate(dag.deps):
        values.append(number + sum(values[index] for index in needed))
    return values


@step
async def listing(items: list[list[float]]) -> list[list[float]]:
    """Finds out what there is to map over."""
    await asyncio.sleep(LISTING)
    return items


@step
async def first(item: list[float]) -> list[float]:
    """Sleeps for the item's first length."""
    await asyncio.sleep(item[0])
    return item


@step
async def second(item: list[float]) -> float:
    """Sleeps for the item's second length."""
    await asyncio.sleep(item[1])
    return item[0] + item[1]


@workflow
def map_over_map(items: list[list[float]]) -> list[float]:
    """Two maps over a list that a step returns: each second step needs its own first only."""
    return second.map(first.map(listing(items)))


async def map_over_map_by_hand(items: list[list[float]]) -> list[float]:
    """A task an item, once the list is there."""

    async def one(item: list[float]) -> float:
        await asyncio.create_task(asyncio.sleep(item[0]))
        await asyncio.create_task(asyncio.sleep(item[1]))
        return item[0] + item[1]

    await asyncio.sleep(LISTING)
    return list(await asyncio.gather(*map(one, items)))
