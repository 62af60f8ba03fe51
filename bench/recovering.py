"""What lies in a store without running: taking up a long run after a crash, and many runs that wait.

Each is measured in processes of their own: `python -m bench.recovering die|resume|idle FILE COUNT`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.pairs import expect
from bench.table import Row
from stretto import Engine, step, wait_for, workflow
from stretto.runtime.stores import sqlite_schema
from stretto.runtime.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

__all__ = [
    "FINISHED",
    "WAITING",
    "idle_queries",
    "idle_rows",
    "queries_a_second",
    "resumed",
    "resumed_row",
    "rows",
]

FINISHED = 10_000
WAITING = 10_000
CHAINS = 100
SECONDS = 1.0
QUERIES = 5.0
WATCHED = 10.0
"""Seconds over which an idle engine's queries are counted."""
REST = 3.0
"""Seconds in which what the last of the runs set off comes to rest."""
REPEATS = 5
BRACKETS = ("BEGIN", "COMMIT", "ROLLBACK")

_at_the_end: list[Callable[[], None]] = []
"""What the last step does first."""


@step
async def plus_one(x: int) -> int:
    """One of the steps that are done when the process dies."""
    return x + 1


@step
async def last(*ends: int) -> int:
    """The step that a resumed run goes on with."""
    for act in _at_the_end:
        act()
    return sum(ends)


@workflow
def long(count: int, length: int) -> int:
    """Chains side by side, then one step that needs them all."""
    ends = []
    for chain in range(count):
        end = chain
        for hop in range(length):
            end = plus_one.named(f"s{chain}.{hop}")(end)
        ends.append(end)
    return last(*ends)


@workflow
def waiting() -> object:
    """Nothing but waiting."""
    return wait_for("a word")


# -------------------------------------------------------------------- in processes of their own


def _die(path: Path, steps: int) -> None:
    """Run until the last step begins; nothing is tidied up."""
    _at_the_end.append(lambda: os._exit(0))
    flow: Any = long.with_options(engine=Engine(store=f"sqlite:///{path}"), run_id="long")
    flow.run(CHAINS, steps // CHAINS)
    raise RuntimeError("the last step never began")


def _resume(path: Path, steps: int) -> None:
    """Print the seconds from the call to the last step's first line; opening the store is among them."""
    reached: list[float] = []
    _at_the_end.append(lambda: reached.append(time.perf_counter()))
    engine = Engine(store=f"sqlite:///{path}")
    began = time.perf_counter()
    result = long.with_options(engine=engine).resume("long")
    length = steps // CHAINS
    expect(result.value, sum(range(CHAINS)) + CHAINS * length, f"a resumed run of {steps} steps")
    expect(len(reached), 1, "starts of the last step")
    print(reached[0] - began)
    engine.runs.store.close()


def _idle(path: Path, runs: int) -> None:
    """Print the statements a second that SQLite runs while nothing happens, and leave without tidying up."""
    statements: list[str] = []
    plain = sqlite_schema.connect

    def traced(path: Path, mode: str, busy_timeout: float) -> sqlite3.Connection:
        connection = plain(path, mode, busy_timeout)
        connection.set_trace_callback(statements.append)
        return connection

    sqlite_schema.connect = traced
    asyncio.run(_quiet(path, runs, statements))


async def _quiet(path: Path, runs: int, statements: list[str]) -> None:
    engine = Engine(store=SqliteStore(path))
    tasks = [asyncio.create_task(waiting.with_options(engine=engine).arun()) for _ in range(runs)]
    while len(await asyncio.to_thread(engine.runs.store.waits)) < runs:
        await asyncio.sleep(0.25)
    alone = await queries_a_second(statements)
    async with engine.keep([waiting]):
        kept = await queries_a_second(statements)
        expect(
            sum(task.done() for task in tasks), 0, "the number of runs that ended though nobody spoke to them"
        )
        print(alone, kept, flush=True)
        os._exit(0)


async def queries_a_second(statements: list[str]) -> float:
    """How many are added while nothing happens.

    What begins and ends transactions asks for nothing, and does not count.
    """
    await asyncio.sleep(REST)
    before, began = len(statements), time.perf_counter()
    await asyncio.sleep(WATCHED)
    queries = [each for each in statements[before:] if not each.startswith(BRACKETS)]
    return len(queries) / (time.perf_counter() - began)


# -------------------------------------------------------------------- from outside


def _told(*command: str) -> str:
    told = subprocess.run(
        [sys.executable, "-m", "bench.recovering", *command], check=True, capture_output=True, text=True
    )
    return told.stdout


def resumed(steps: int = FINISHED) -> float:
    """Seconds until the next step of a run begins, whose process died after so many."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        path = str(Path(home) / "runs.db")
        _told("die", path, str(steps))
        return float(_told("resume", path, str(steps)))


def idle_queries(runs: int = WAITING) -> tuple[float, float]:
    """Queries a second of an engine with so many waiting runs: alone, and with a keeper."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        alone, kept = _told("idle", str(Path(home) / "runs.db"), str(runs)).split()
    return float(alone), float(kept)


def rows(repeats: int = REPEATS) -> list[Row]:
    """All lines of the table."""
    return [resumed_row([resumed() for _ in range(repeats)]), *idle_rows(idle_queries())]


def resumed_row(seconds: Sequence[float]) -> Row:
    """Judged by the worst."""
    worst, middle = max(seconds), median(seconds)
    cells = (f"SQLite: resuming after {FINISHED} steps, s to the next", f"{middle:.2f}", f"worst {worst:.2f}")
    return Row(cells, {"s": middle, "worst_s": worst}, f"≤ {SECONDS:g} s", worst <= SECONDS)


def idle_rows(found: tuple[float, float]) -> list[Row]:
    """Of `idle_queries`."""
    names = (f"SQLite: {WAITING} runs waiting, queries a second", "SQLite: the same with a keeper")
    return [
        Row((name, f"{each:.2f}"), {"queries": each}, f"< {QUERIES:g}", each < QUERIES)
        for name, each in zip(names, found, strict=True)
    ]


if __name__ == "__main__":
    act, file, count = sys.argv[1:]
    {"die": _die, "resume": _resume, "idle": _idle}[act](Path(file), int(count))
