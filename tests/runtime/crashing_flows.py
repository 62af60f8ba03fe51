"""Workflows of every construct, for dying in. Every step notes that it began in `STARTS`.

In a process of its own, FLOW_SIDE names a file that is told the same, and FLOW_PACE is by how much a second there is
shorter.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

from stretto import (
    PermanentError,
    PlanStep,
    Retry,
    choose,
    current,
    expand,
    group,
    repeat,
    sleep,
    step,
    workflow,
)

STARTS: list[str] = []
PACE = float(os.environ.get("FLOW_PACE", "1"))
SIDE = os.environ.get("FLOW_SIDE", "")


def began() -> None:
    """A step says that it has begun, where it outlives the process."""
    STARTS.append(current().path)
    if SIDE:
        told = os.open(SIDE, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(told, f"{current().path} {current().attempt}\n".encode())
        os.close(told)


async def rest(seconds: float) -> None:
    await asyncio.sleep(seconds * PACE)


@dataclass(frozen=True)
class Note:
    text: str
    size: int


@step
async def fetch(number: int) -> int:
    began()
    await rest(number)
    return number * 10


@step
async def note(number: int, *more: object) -> Note:
    began()
    await rest(1)
    return Note(f"n{number}", len(more))


@step(retry=Retry(attempts=3, first_wait=0.5 * PACE))
async def flaky(number: int) -> int:
    began()
    await rest(0.25)
    if current().attempt < 2:
        raise ConnectionError("once more")
    return number + 1


@step
async def numbers(count: int) -> list[int]:
    began()
    return list(range(1, count + 1))


@step
def add(*parts: int) -> int:
    began()
    return sum(parts)


@step(inline=True)
def glue(parts: list[object]) -> str:
    return " ".join(map(str, parts))


@step(optional=True, default="nothing")
async def failing() -> str:
    began()
    await rest(0.5)
    raise PermanentError("never")


@step
async def kind_of(number: int) -> str:
    began()
    return "even" if number % 20 == 0 else "odd"


@step
async def grow(state: dict[str, int]) -> dict[str, int]:
    began()
    await rest(0.5)
    return {"rounds": state["rounds"] + 1}


@step
async def is_done(state: dict[str, int]) -> bool:
    began()
    return state["rounds"] >= 3


@step
async def plan_of(count: int) -> list[PlanStep]:
    began()
    return [
        PlanStep("first", "fetch", {"number": count}),
        PlanStep("second", "fetch", {"number": {"$ref": "first"}}),
    ]


@workflow
def chain(start: int = 1) -> Note:
    return note(fetch(fetch.named("again")(start)))


@workflow
def wide(count: int = 3) -> str:
    found = numbers(count)
    tens = fetch.map(found)
    notes = note.map(tens)
    return glue([add(*[fetch.named(f"more-{number}")(number) for number in range(3)]), notes, flaky(count)])


@workflow
def risky(start: int = 2) -> str:
    with group("some", min_success=1) as some:
        first = note(start)
        second = failing()
    return glue([first, second, fetch.after(some)(1)])


@workflow
def branching(start: int = 2) -> object:
    tens = fetch(start)
    return glue(
        [
            choose(kind_of(tens), {"even": lambda: note(tens), "odd": lambda: flaky(tens)}),
            repeat(lambda state: grow(state), {"rounds": 0}, until=is_done, max_rounds=5),
        ]
    )


@workflow
def inner(number: int) -> Note:
    return note(fetch(number), flaky(number))


@workflow
def nesting(start: int = 1) -> str:
    plain = inner(start)
    later = inner.named("later")(fetch.named("seed")(0))
    return glue([plain, later, expand(plan_of(1), {"fetch": fetch})])


@workflow
def sleeping(start: int = 1) -> str:
    pause = sleep(3 * PACE)
    return glue([fetch(start), fetch.named("after").after(pause)(1)])


FLOWS = (chain, wide, risky, branching, nesting, sleeping)
