"""What it costs that runs survive their process: every decision is committed before anything follows from it."""

from __future__ import annotations

import asyncio
import random
import sys
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from bench import crowd, overhead, shapes, sleeping
from bench.makespan import scaled
from bench.pairs import expect, paired, seconds_of
from bench.places import no_server, postgres, sqlite
from bench.table import Row, Sample, Table
from stretto import Engine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractContextManager

    from bench.places import Place
    from bench.shapes import Dag

__all__ = [
    "Burst",
    "burst_row",
    "bursts",
    "chain_seconds",
    "commits_of",
    "crowd_row",
    "hop_commits",
    "hop_seconds",
    "makespan",
    "measure",
    "measured",
    "patient",
    "quick",
    "staggered",
]

CHAIN = 200
STAGGERED = 200
SPREAD = 0.5
"""Seconds over which the ends of staggered steps lie."""
SLOWER = 0.002
"""Seconds that a commit to a disk takes which forgets nothing when the power fails."""
OVER_CONTROL = 1.02
OVER_ALONE = 1.15
REPEATS = 7
PATIENT = 3
"""Repeats of what takes seconds each time."""


class Burst(NamedTuple):
    """A load without waiting: its steps, the run on an engine, the same by hand, and what both must return."""

    name: str
    steps: int
    ours: Callable[[Engine], Awaitable[object]]
    control: Callable[[], Awaitable[object]]
    wanted: object


async def _value(run: Awaitable[object]) -> object:
    return (await run).value  # type: ignore[attr-defined]  # a RunResult


def bursts(width: int = 1000, chains: tuple[int, int] = (100, 100)) -> list[Burst]:
    """Independent steps, and chains side by side."""
    count, length = chains
    return [
        Burst(
            f"fan-out {width}",
            width,
            lambda engine: _value(overhead.fan_out.with_options(engine=engine).arun(width)),
            lambda: overhead.fan_out_by_hand(width),
            [number + 1 for number in range(width)],
        ),
        Burst(
            f"{count} × {length}",
            count * length,
            lambda engine: _chains(engine, count, length),
            lambda: overhead.chains_by_hand(count, length),
            [start + length for start in range(count)],
        ),
    ]


async def _chains(engine: Engine, count: int, length: int) -> object:
    return await _value(overhead.chains.with_options(engine=engine).arun(count, length))


async def _sleeping(engine: Engine, dag: Dag) -> object:
    return await _value(sleeping.sleeping.with_options(engine=engine).arun(dag.deps, dag.seconds))


# -------------------------------------------------------------------- bursts


def burst_row(place: Place, burst: Burst, repeats: int) -> Row:
    """Durable and by hand in turns, then in memory and by hand in turns."""
    durable, memory = Engine(store=place.store), Engine()
    ours, control = paired(lambda: burst.ours(durable), burst.control, burst.wanted, burst.name, repeats)
    light, _ = paired(lambda: burst.ours(memory), burst.control, burst.wanted, burst.name, repeats)
    us, light_us, control_us = (_micros(side, burst.steps) for side in (ours, light, control))
    data = {"us": us.median, "memory_us": light_us.median, "control_us": control_us.median}
    beside = f"in memory {light_us.median:.1f}, by hand {control_us.median:.1f}"
    cells = (f"{burst.name}, µs a step", us.text(), beside, f"+{us.median - light_us.median:.1f}")
    return Row(cells, data, f"≤ {place.burst:g} µs", us.median <= place.burst)


def _micros(seconds: Sequence[float], count: int) -> Sample:
    return Sample.of([each / count * 1e6 for each in seconds])


# -------------------------------------------------------------------- commits


def commits_of(place: Place, start: Callable[[Engine], Awaitable[object]], wanted: object, what: str) -> int:
    """How many times a run commits, from its making to its end."""
    engine = Engine(store=place.store)
    before = place.counting.commits
    seconds_of(lambda: start(engine), wanted, what)
    return place.counting.commits - before


def hop_commits(place: Place) -> Row:
    """Between a chain and one twice as long lie its hops alone: what a run's begin and end commit cancels out."""
    short, long = (
        commits_of(place, lambda engine, hops=hops: _chains(engine, 1, hops), [hops], f"a chain of {hops}")  # type: ignore[misc]  # a default binds it
        for hops in (CHAIN, 2 * CHAIN)
    )
    each = (long - short) / CHAIN
    cells = (f"chain of {CHAIN}, commits a hop", f"{each:g}", f"{short - CHAIN} more a run", "")
    return Row(cells, {"commits": each, "more": short - CHAIN}, "= 1", each == 1)


def hop_seconds(place: Place, repeats: int) -> Row:
    """What a hop adds to a chain, beside bare commits made right after it. What it takes above one does not depend on
    the disk: from commits of some length on, which is told where they are shorter, the target is met."""
    engine = Engine(store=place.store)
    hops, bare = [], []
    for number in range(repeats + 1):
        short, long = (chain_seconds(engine, length) for length in (CHAIN, 5 * CHAIN))
        single = median(place.bare(CHAIN))
        if number:
            hops.append((long - short) / (4 * CHAIN) * 1e6)
            bare.append(single * 1e6)
    ours, commit = Sample.of(hops), Sample.of(bare)
    ratio = median(mine / other for mine, other in zip(hops, bare, strict=True))
    enough = median(mine - other for mine, other in zip(hops, bare, strict=True)) / (place.hop - 1)
    data = {"us": ours.median, "bare_us": commit.median, "ratio": ratio, "enough_us": enough}
    said = f"× {ratio:.2f}" if ratio <= place.hop else f"× {ratio:.2f}; met by commits of {enough:.0f} µs"
    cells = (f"chain of {CHAIN}, µs a hop", ours.text(), f"a bare commit {commit.text()}", said)
    return Row(cells, data, f"≤ {place.hop} ×", ratio <= place.hop)


def chain_seconds(engine: Engine, length: int) -> float:
    """A chain of so many hops, with the begin and the end of its run."""
    return seconds_of(lambda: _chains(engine, 1, length), [length], f"a chain of {length}")


def staggered(place: Place) -> Row:
    """Steps that end one by one, at instants drawn once."""
    dice = random.Random(41)
    dag = shapes.Dag([[] for _ in range(STAGGERED)], [dice.uniform(0, SPREAD) for _ in range(STAGGERED)])
    commits = commits_of(
        place, lambda engine: _sleeping(engine, dag), sleeping.value_of(dag), "staggered sleeps"
    )
    each = commits / STAGGERED
    cells = (f"{STAGGERED} staggered steps, commits a step", f"{each:.3f}", "", "")
    return Row(cells, {"commits": each}, "≤ 1", each <= 1)


# -------------------------------------------------------------------- sleeping


def makespan(place: Place, name: str, dag: Dag, repeats: int) -> Row:
    """A sleeping graph beside the same by hand, in turns."""
    engine = Engine(store=place.store)
    found = paired(
        lambda: _sleeping(engine, dag),
        lambda: sleeping.by_hand(dag),
        sleeping.value_of(dag),
        name,
        repeats,
    )
    ours, control = map(Sample.of, found)
    ratio = median(mine / other for mine, other in zip(*found, strict=True))
    cells = (f"{name}, s", ours.text(4), f"by hand {control.text(4)}", f"× {ratio:.4f}")
    data = {"s": ours.median, "control_s": control.median, "ratio": ratio}
    return Row(cells, data, f"≤ {OVER_CONTROL} ×", ratio <= OVER_CONTROL)


def crowd_row(place: Place, repeats: int) -> Row:
    """The slowest of a hundred beside one alone, in turns."""
    engine = Engine(store=place.store)

    async def timed() -> float:
        began = asyncio.get_running_loop().time()
        value = await _sleeping(engine, crowd.DAG)
        seconds = asyncio.get_running_loop().time() - began
        expect(value, crowd.VALUE, "a concurrent durable run")
        return seconds

    async def together(runs: int) -> list[float]:
        return await asyncio.gather(*(timed() for _ in range(runs)))

    alone, many = [], []
    for _ in range(repeats):
        alone += asyncio.run(together(1))
        many.append(crowd.p99(asyncio.run(together(crowd.RUNS))))
    ratio = median(many) / median(alone)
    title = f"{crowd.RUNS} runs at once of {crowd.STEPS} sleeps, p99 s"
    cells = (title, f"{median(many):.3f}", f"one alone {median(alone):.3f}", f"× {ratio:.3f}")
    data = {"p99_s": median(many), "alone_s": median(alone), "ratio": ratio}
    return Row(cells, data, f"≤ {OVER_ALONE} ×", ratio <= OVER_ALONE)


# -------------------------------------------------------------------- all of it


def quick(place: Place, repeats: int) -> list[Row]:
    """What takes no time but its own."""
    rows = [burst_row(place, burst, repeats) for burst in bursts()]
    return [*rows, hop_commits(place), hop_seconds(place, repeats), staggered(place)]


def patient(place: Place, repeats: int) -> list[Row]:
    """What sleeps."""
    dags = {"uneven chains": shapes.uneven_chains(), "random, heavy-tailed": shapes.heavy_tailed()}
    dags["assessment"] = shapes.assessment()
    rows = [makespan(place, name, scaled(dag, 1.0), repeats) for name, dag in dags.items()]
    return [*rows, crowd_row(place, repeats)]


def measured(place: Place, repeats: int = REPEATS, fewer: int = PATIENT) -> list[Row]:
    """Every line of one place."""
    return _named(place, [*quick(place, repeats), *patient(place, fewer)])


def _named(place: Place, rows: Sequence[Row]) -> list[Row]:
    """The lines with the place in front."""
    return [row._replace(cells=(f"{place.name}: {row.cells[0]}", *row.cells[1:])) for row in rows]


def measure(repeats: int = REPEATS) -> Table:
    """The table: SQLite, what comes back after a crash, and PostgreSQL where a server can be started."""
    from bench import recovering

    table = Table("Durable runs (median [quartiles])", ("", "durable", "beside it", "ratio or more"))
    table.rows += _of(sqlite, repeats)
    table.rows += recovering.rows()
    missing = no_server()
    if missing:
        print(f"durable: PostgreSQL is left out: {missing}", file=sys.stderr)
    else:
        table.rows += _of(postgres, repeats)
    return table


def _of(open_place: Callable[[float], AbstractContextManager[Place]], repeats: int) -> list[Row]:
    """A place as it is, and its hops as on a disk that takes its time."""
    with open_place(0.0) as place:
        rows = measured(place, repeats)
    with open_place(SLOWER) as place:
        return [*rows, *_named(place, [hop_seconds(place, PATIENT)])]
