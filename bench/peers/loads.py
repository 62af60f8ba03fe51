"""The graphs that every system runs, and what must come out of them.

Every step computes its value from its number and its inputs, so a value tells which values it was made of. A run
returns the values of the steps that nobody needs; everything else in the graph went into those.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, NamedTuple

from bench import crowd, shapes
from bench.makespan import scaled
from bench.shapes import Dag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "CROWD",
    "MAKESPAN",
    "OVERHEAD",
    "Load",
    "layers",
    "levels",
    "uneven_steps",
    "value_of",
    "work",
]

MODULUS = 1_000_003
OVERHEAD, MAKESPAN, CROWD = "overhead", "makespan", "crowd"


async def work(seconds: float, number: int, *inputs: int) -> int:
    """What every step of every system does: sleeps if it is told to, then mixes its number with its inputs."""
    if seconds:
        await asyncio.sleep(seconds)
    return (7919 * number + 31 * sum(inputs) + 1) % MODULUS


def _ends(dag: Dag) -> list[int]:
    """The steps that nobody needs, in order."""
    needed = {before for deps in dag.deps for before in deps}
    return [number for number in range(len(dag.deps)) if number not in needed]


def value_of(dag: Dag, ends: Sequence[int]) -> list[int]:
    """What a run must return."""
    values: list[int] = []
    for number, needed in enumerate(dag.deps):
        values.append((7919 * number + 31 * sum(values[before] for before in needed) + 1) % MODULUS)
    return [values[end] for end in ends]


class Load(NamedTuple):
    """A graph with what is measured on it (OVERHEAD, MAKESPAN or CROWD). A map is one step over so many items."""

    name: str
    kind: str
    dag: Dag
    ends: list[int]
    wanted: list[int]
    runs: int = 1
    is_map: bool = False

    @property
    def steps(self) -> int:
        """How many steps a run has."""
        return len(self.dag.deps)

    @property
    def sleeps(self) -> bool:
        """Whether any step takes time."""
        return any(self.dag.seconds)


def _load(name: str, kind: str, dag: Dag, runs: int = 1, is_map: bool = False) -> Load:
    ends = _ends(dag)
    return Load(name, kind, dag, ends, value_of(dag, ends), runs, is_map)


def _at_once(deps: list[list[int]]) -> Dag:
    return Dag(deps, [0.0] * len(deps))


def layers(count: int, width: int) -> Dag:
    """Layers in which each step needs the one above it and that one's neighbor, around the corner for the last."""
    deps: list[list[int]] = [[] for _ in range(width)]
    for start in range(0, (count - 1) * width, width):
        deps += [sorted({start + at, start + (at + 1) % width}) for at in range(width)]
    return _at_once(deps)


def levels(dag: Dag) -> list[list[int]]:
    """The steps in rows: each as high as the steps it needs allow."""
    height: list[int] = []
    rows: list[list[int]] = []
    for number, needed in enumerate(dag.deps):
        height.append(max((height[before] + 1 for before in needed), default=0))
        if height[-1] == len(rows):
            rows.append([])
        rows[height[-1]].append(number)
    return rows


def uneven_steps(chains: int = 10, length: int = 10, seed: int = 14) -> Dag:
    """Chains of equally many steps whose lengths are log-normal, median 1 s, as a model's answers take."""
    dice = random.Random(seed)
    deps: list[list[int]] = [[] for _ in range(chains)]
    deps += [[number] for number in range(chains * (length - 1))]
    return Dag(deps, [min(dice.lognormvariate(0.0, 1.0), 12.0) for _ in deps])


def _loads(
    wide: int, small: tuple[int, int], large: tuple[int, int], runs: int, seconds: float
) -> list[Load]:
    """The loads in one size; `seconds` is the critical path of the sleeping ones."""
    independent = _at_once([[] for _ in range(wide)])
    return [
        _load(f"fan-out {wide}", OVERHEAD, independent),
        _load(f"map {wide}", OVERHEAD, independent, is_map=True),
        _load(f"chain {wide}", OVERHEAD, layers(wide, 1)),
        _load(f"layers {small[0]} × {small[1]}", OVERHEAD, layers(*small)),
        _load(f"layers {large[0]} × {large[1]}", OVERHEAD, layers(*large)),
        _load("10 chains of uneven steps", MAKESPAN, scaled(uneven_steps(), seconds)),
        _load("10 chains of 2 to 14 steps", MAKESPAN, scaled(shapes.uneven_chains(10), seconds)),
        _load("160 random sleeps", MAKESPAN, scaled(shapes.heavy_tailed(), seconds)),
        _load(
            f"{runs} runs of {len(crowd.DAG.deps)} sleeps", CROWD, scaled(crowd.DAG, 3 * seconds), runs=runs
        ),
    ]


def _durable(wide: int, rows: tuple[int, int]) -> list[Load]:
    """Where nothing takes time but writing it down."""
    independent = _at_once([[] for _ in range(wide)])
    return [
        _load(f"fan-out {wide}", OVERHEAD, independent),
        _load(f"map {wide}", OVERHEAD, independent, is_map=True),
        _load(f"chain {wide}", OVERHEAD, layers(wide, 1)),
        _load(f"layers {rows[0]} × {rows[1]}", OVERHEAD, layers(*rows)),
    ]


SIZES: dict[str, Callable[[], list[Load]]] = {
    # Up to 10 000 steps, a critical path of 1 s, runs of 3 s.
    "full": lambda: _loads(1000, (20, 50), (100, 100), crowd.RUNS, 1.0),
    # The same graphs for a test: only their values mean anything.
    "tiny": lambda: _loads(6, (3, 4), (4, 5), 3, 0.02),
    # What is written to a disk at every step, and the same for a test.
    "durable": lambda: _durable(200, (10, 20)),
    "tiny durable": lambda: _durable(4, (2, 3)),
}
