"""Workflows in which every kind of command is given and every kind of fact is noted, for dying in.

Deadlines in them are met by what never ends, and by nothing else: how long a process was dead changes no value.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from runtime.crashing_flows import PACE, began, fetch, glue, note, numbers, plan_of, rest
from stretto import (
    PermanentError,
    Retry,
    approve,
    current,
    expand,
    from_engine,
    group,
    sleep,
    step,
    wait_for,
    workflow,
)

if TYPE_CHECKING:
    from stretto.ports import Store

__all__ = ["FLOWS", "GRACE", "LIMITS", "UNHEARD"]

LIMITS = {"desk": 1}
GRACE = 5 * PACE
ENDLESS = 1e9
UNHEARD = "silence"
"""An event that never comes."""


@step(limit="desk")
async def at_desk(number: int) -> int:
    began()
    await rest(0.5)
    return number + 1


@step(retry=Retry(attempts=3, first_wait=0.5 * PACE, jitter=False))
async def unsteady(number: int) -> int:
    began()
    await rest(0.25)
    if current().attempt < 2:
        raise ConnectionError("once more")
    return number + 1


@step(timeout=10 * PACE, retry=Retry(attempts=3, first_wait=0.5 * PACE, jitter=False))
async def hanging(number: int) -> int:
    began()
    if current().attempt < 2:
        await rest(ENDLESS)
    return number + 1


@step
async def endless(*before: object) -> int:
    began()
    await rest(ENDLESS)
    return 0


@step
async def stubborn(*before: object) -> int:
    """Goes on for three times the grace when it is told to stop."""
    began()
    with suppress(asyncio.CancelledError):
        await rest(ENDLESS)
    clock = asyncio.get_running_loop().time
    until = clock() + 3 * GRACE
    while clock() < until:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(until - clock())
    return 0


@step
async def breaking(*before: object) -> int:
    began()
    await rest(2)
    raise PermanentError("never")


@step(inline=True)
def wrong(found: list[int]) -> int:
    raise PermanentError("never")


@step(optional=True, default=0)
async def dispensable(number: int) -> int:
    began()
    raise PermanentError("never")


@step(writes="there", on_lost="ask")
async def writing(number: int) -> int:
    began()
    await rest(0.5)
    return number + 1


@step
async def cancelling(*, is_now: bool, control: Store = from_engine()) -> int:
    """Asks for the end of the run that it is in."""
    began()
    body = json.dumps({"why": "enough", "now": is_now}).encode()
    control.send(current().run_id, "cancel", body, time.time())
    await rest(ENDLESS)
    return 0


@workflow
def limited(start: int = 1) -> str:
    """Permits."""
    return glue([at_desk.named(f"d{number}")(start) for number in range(3)])


@workflow
def timed(start: int = 1) -> str:
    """Retries, a timeout, a pause: the clock."""
    pause = sleep(2 * PACE)
    return glue([unsteady(start), hanging(start), fetch.after(pause)(1)])


@workflow
def struck(start: int = 1) -> str:
    """A deadline cuts a group, then a failure cancels what runs, which does not heed it."""
    first = note(start)
    with group("bounded", within=6 * PACE) as bounded:
        endless(first)
    return glue([stubborn.after(bounded)(1), breaking.after(bounded)(1)])


@workflow
def asking(start: int = 1) -> str:
    """People, an event, an instant; and a step about which a person is asked where it was lost."""
    kept = approve(writing(start), "Good?")
    heard = wait_for("word", after=kept, deadline=60.0)
    late = wait_for(UNHEARD, after=heard, deadline=2 * PACE, default="none")
    return glue([kept, heard, late])


@workflow
def grown(start: int = 1) -> str:
    """A plan, a default, a group that opens: one after the other, so that each time there are as many entries."""
    with group("some", min_success=1) as some:
        first = note(start)
        dispensable(start)
    made = expand(plan_of.after(some)(1), {"fetch": fetch})
    return glue([first, made, fetch.named("last").after(made)(1)])


@workflow
def drained(count: int = 2) -> str:
    """A step fails: what would begin at the same time as it does not grow any more, and what needs it is skipped."""
    found = numbers(count)
    return glue([note(wrong(found)), fetch.map(found)])


@workflow
def cancelled(start: int = 1) -> str:
    """Cancelled from outside."""
    return glue([cancelling(is_now=False), endless(start)])


@workflow
def cut(start: int = 1) -> str:
    """Cancelled from outside without grace."""
    return glue([cancelling(is_now=True), endless(start)])


FLOWS = (
    limited,
    timed,
    struck.with_options(on_failure="fail_fast"),
    asking,
    grown,
    drained,
    cancelled,
    cut,
)
