"""Processes that share runs: ``owners.py own STORE RUN`` begins one and drives it, ``owners.py keep STORE`` keeps what
others have left: from one line of its input to the next, again and again.

FLOW_SIDE names a file that is told which steps begin there, and which have done their work.
"""

from __future__ import annotations

import asyncio
import os
import sys

from runtime.crashing_flows import rest
from stretto import Engine, current, step, workflow
from stretto.core.values import canonical
from stretto.errors import StrettoError

LINKS, FAN = 20, 4


def note(what: str) -> None:
    """Say something where it outlives the process."""
    told = os.open(os.environ["FLOW_SIDE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(told, f"{what} {current().path}\n".encode())
    os.close(told)


@step
async def link(number: int) -> int:
    note("began")
    await rest(3)
    note("did")
    return number + 1


@step(inline=True)
def total(*numbers: int) -> int:
    return sum(numbers)


@workflow
def shared(start: int = 0) -> int:
    """Two fans with a chain between them: 29 steps, up to four at once."""
    seed = total.named("seed")(*[link.named(f"early{n}")(start) for n in range(FAN)])
    made = seed
    for n in range(LINKS):
        made = link.named(f"l{n}")(made)
    return total(*[link.named(f"late{n}")(made) for n in range(FAN)])


VALUE = FAN * (FAN + LINKS + 1)
"""What `shared` gives."""


def say(what: str) -> None:
    """One line."""
    print(what, flush=True)


def own(url: str, run_id: str) -> None:
    """Drive a new run, and say how that ended."""
    flow = shared.with_options(engine=Engine(store=url), run_id=run_id)
    say("ready")
    try:
        say(f"value {canonical(flow.run().value)}")
    except StrettoError as error:
        say(f"{type(error).__name__} {error}")


async def keep(url: str) -> None:
    """Take up what is left, from one line to the next."""
    engine = Engine(store=url)
    say("ready")
    while await asyncio.to_thread(sys.stdin.readline):
        async with engine.keep([shared]):
            say("keeping")
            await asyncio.to_thread(sys.stdin.readline)
        say("left")


if __name__ == "__main__":
    if sys.argv[1] == "own":
        own(*sys.argv[2:])
    else:
        asyncio.run(keep(*sys.argv[2:]))
