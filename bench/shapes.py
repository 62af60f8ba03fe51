"""Shapes of workflows: who waits for whom, and how long each step takes. Seeded: equal on every machine.

Steps are dense indices and wait for smaller ones only.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SHAPES", "Dag", "assessment", "heavy_tailed", "uneven_chains"]


class Dag(NamedTuple):
    """`deps[i]` are the steps that step i waits for, `seconds[i]` is its length."""

    deps: list[list[int]]
    seconds: list[float]


class _Draft:
    """A graph in the making."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.deps: list[list[int]] = []
        self.seconds: list[float] = []

    def add(self, deps: list[int], seconds: float | None = None) -> int:
        """One more step; without a length it gets one between 0.5 and 1.5 s."""
        self.deps.append(sorted(deps))
        self.seconds.append(self.dice.uniform(0.5, 1.5) if seconds is None else seconds)
        return len(self.deps) - 1

    def heavy(self) -> float:
        """Log-normal, like a model's answer: median 1 s, one in twenty takes more than 5 s."""
        return min(self.dice.lognormvariate(0.0, 1.0), 12.0)

    def dag(self) -> Dag:
        return Dag(self.deps, self.seconds)


def fan_out() -> Dag:
    """One step, then 120 that need it."""
    draft = _Draft(1)
    head = draft.add([])
    for _ in range(120):
        draft.add([head])
    return draft.dag()


def fork_join() -> Dag:
    """Six blocks one after another: fork into 12 to 40, join."""
    draft = _Draft(2)
    last = draft.add([])
    for width in (12, 40, 24, 16, 36, 20):
        last = draft.add([draft.add([last]) for _ in range(width)])
    return draft.dag()


def in_tree() -> Dag:
    """128 leaves merged two by two."""
    draft = _Draft(3)
    row = [draft.add([]) for _ in range(128)]
    while len(row) > 1:
        row = [draft.add(row[at : at + 2]) for at in range(0, len(row), 2)]
    return draft.dag()


def out_tree() -> Dag:
    """One step that splits in two until there are 128."""
    draft = _Draft(4)
    row = [draft.add([])]
    while len(row) < 128:
        row = [draft.add([parent]) for parent in row for _ in range(2)]
    return draft.dag()


def uneven_chains(chains: int = 24, seed: int = 5) -> Dag:
    """Independent chains of 2 to 14 steps, joined at the end."""
    draft = _Draft(seed)
    ends = []
    for _ in range(chains):
        last = draft.add([])
        for _ in range(draft.dice.randint(1, 13)):
            last = draft.add([last])
        ends.append(last)
    draft.add(ends)
    return draft.dag()


def layered_random() -> Dag:
    """Twelve layers of 16, each step with one to three steps of the layer before."""
    draft = _Draft(6)
    row = [draft.add([]) for _ in range(16)]
    for _ in range(11):
        row = [draft.add(draft.dice.sample(row, draft.dice.randint(1, 3))) for _ in range(16)]
    return draft.dag()


def series_parallel() -> Dag:
    """Blocks that are a series or a fork of smaller blocks, five deep."""
    draft = _Draft(7)

    def block(start: int, depth: int) -> int:
        if not depth:
            return draft.add([start])
        if draft.dice.random() < 0.4:
            for _ in range(2):
                start = block(start, depth - 1)
            return start
        return draft.add([block(start, depth - 1) for _ in range(draft.dice.randint(2, 4))])

    block(draft.add([]), 5)
    return draft.dag()


def diamond_mesh() -> Dag:
    """Rows of 1, 2, … 12, … 2, 1 steps, each with its neighbors of the row before."""
    draft = _Draft(8)
    row: list[int] = []
    for width in (*range(1, 13), *range(11, 0, -1)):
        previous = row
        row = []
        for at in range(width):
            # In growing rows the outer steps have one neighbor above, in shrinking ones all have two.
            first = at - 1 if width > len(previous) else at
            row.append(draft.add([previous[p] for p in (first, first + 1) if 0 <= p < len(previous)]))
    return draft.dag()


def wavefront() -> Dag:
    """A 14 by 14 table: every cell needs its left and its upper neighbor."""
    draft = _Draft(9)
    size = 14
    for row in range(size):
        for column in range(size):
            here = row * size + column
            draft.add(([here - size] if row else []) + ([here - 1] if column else []))
    return draft.dag()


def cholesky() -> Dag:
    """Tiled Cholesky factorisation of 9 by 9 tiles: its four kernels with lengths 1, 3, 3 and 6."""
    draft = _Draft(10)
    written: dict[tuple[int, int], int] = {}

    def kernel(seconds: float, tile: tuple[int, int], *reads: tuple[int, int]) -> None:
        written[tile] = draft.add(sorted({written[t] for t in (tile, *reads) if t in written}), seconds)

    for k in range(9):
        kernel(1.0, (k, k))
        for i in range(k + 1, 9):
            kernel(3.0, (i, k), (k, k))
        for i in range(k + 1, 9):
            kernel(3.0, (i, i), (i, k))
            for j in range(k + 1, i):
                kernel(6.0, (i, j), (i, k), (j, k))
    return draft.dag()


def heavy_tailed(steps: int = 160, seed: int = 11) -> Dag:
    """Up to three random predecessors among the 30 steps before; log-normal lengths."""
    draft = _Draft(seed)
    for here in range(steps):
        known = range(max(0, here - 30), here)
        draft.add(draft.dice.sample(known, min(len(known), draft.dice.randint(0, 3))), draft.heavy())
    return draft.dag()


def assessment(seed: int = 12) -> Dag:
    """1 → 11 → 1 → 2 → 3 → 1: validate, eleven agents, synthesis, compliance and cost, reports, the end."""
    draft = _Draft(seed)
    last = draft.add([], 0.2)
    last = draft.add([draft.add([last], draft.heavy()) for _ in range(11)])
    checks = [draft.add([last], draft.heavy()) for _ in range(2)]
    draft.add([draft.add(checks) for _ in range(3)], 0.1)
    return draft.dag()


def map_over_map() -> Dag:
    """A list's step, then 60 items through two maps; each second step needs its own first only."""
    draft = _Draft(13)
    listing = draft.add([])
    firsts = [draft.add([listing], draft.heavy()) for _ in range(60)]
    draft.add([draft.add([first], draft.heavy()) for first in firsts])
    return draft.dag()


SHAPES: dict[str, Callable[[], Dag]] = {
    "fan-out": fan_out,
    "fork-join": fork_join,
    "in-tree": in_tree,
    "out-tree": out_tree,
    "uneven chains": uneven_chains,
    "layered random": layered_random,
    "series-parallel": series_parallel,
    "diamond mesh": diamond_mesh,
    "wavefront": wavefront,
    "cholesky": cholesky,
    "heavy-tailed random": heavy_tailed,
    "assessment": assessment,
    "map over map": map_over_map,
}
