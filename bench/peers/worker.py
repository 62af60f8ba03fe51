"""One system in a process of its own: what another imports, collects or leaves running is not at its expense.

`python -m bench.peers.worker MODULE:CLASS SIZE` reads the number of a load per line from stdin, runs it once and
answers with a line of JSON: ``{"seconds": …, "built": …}``, for a crowd ``{"seconds": p99, "alone": …, "built": …}``,
or ``{"cannot": …}``, ``{"wrong": …}``, ``{"network": …}``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from functools import cache, partial
from statistics import quantiles
from typing import TYPE_CHECKING, TextIO

from bench.pairs import WrongValueError, expect, seconds_of
from bench.peers.loads import CROWD, SIZES
from bench.peers.quiet import no_network, silence
from bench.peers.systems import CannotError, system_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from bench.peers.loads import Load
    from bench.peers.systems import System

__all__ = ["answer", "serve"]


def p99(start: Callable[[], Awaitable[object]], load: Load, what: str) -> float:
    """The 99th percentile, in seconds, of so many runs started at once. Raises WrongValueError."""

    async def timed() -> float:
        began = time.perf_counter()
        value = await start()
        seconds = time.perf_counter() - began
        expect(value, load.wanted, what)
        return seconds

    async def crowd() -> list[float]:
        return await asyncio.gather(*(timed() for _ in range(load.runs)))

    gc.collect()
    return quantiles(asyncio.run(crowd()), n=100, method="inclusive")[98]


def _measured(start: Callable[[], Awaitable[object]], load: Load, what: str) -> dict[str, float]:
    seconds = seconds_of(start, load.wanted, what)
    if load.kind != CROWD:
        return {"seconds": seconds}
    return {"seconds": p99(start, load, what), "alone": seconds}


def answer(load: Load, name: str, build: Callable[[], Callable[[], Awaitable[object]]]) -> dict[str, object]:
    """One turn of a load: its seconds, or what is wrong with it."""
    try:
        began = time.perf_counter()
        start = build()
        built = time.perf_counter() - began
        return {**_measured(start, load, f"{load.name}, {name}"), "built": built}
    except CannotError as error:
        return {"cannot": str(error)}
    except WrongValueError as error:
        return {"wrong": str(error)}


def serve(
    system: System, loads: Sequence[Load], asked: Iterable[str], answers: TextIO, network: Sequence[str] = ()
) -> None:
    """Answer until nothing more is asked. What is built for a load is kept; `network` is what was wanted from it."""

    @cache
    def built(index: int) -> Callable[[], Awaitable[object]]:
        return system.build(loads[index])

    for line in asked:
        index = int(line)
        found = answer(loads[index], system.name, partial(built, index))
        if network:
            found = {"network": f"{system.name} wanted the network: {', '.join(network)}"}
        print(json.dumps(found), file=answers, flush=True)


def main() -> None:
    """Serve on stdin and stdout; what the system itself prints goes to stderr."""
    place, size = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    silence()
    with no_network() as network:
        serve(system_at(place), SIZES[size](), sys.stdin, answers, network)


if __name__ == "__main__":
    main()
