"""Graphs and runs for the forecast's tests: random ones, a greedy run, and the best run by brute force."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from stretto.core.forecast.legs import Measured

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

Graph = tuple[list[list[int]], list[float]]


@st.composite
def graphs(draw: st.DrawFn, most: int = 8, shortest: int = 0, shuffled: bool = False) -> Graph:
    """Dependencies and whole-second weights; `shuffled` gives consumers smaller indices too."""
    size = draw(st.integers(1, most))
    weights = draw(st.lists(st.integers(shortest, 5), min_size=size, max_size=size))
    rows = [draw(st.sets(st.integers(0, step - 1), max_size=3)) if step else set() for step in range(size)]
    place = draw(st.permutations(range(size))) if shuffled else list(range(size))
    deps: list[list[int]] = [[] for _ in range(size)]
    for step, row in enumerate(rows):
        deps[place[step]] = sorted(place[other] for other in row)
    return deps, [float(weight) for weight in weights]


def all_paths(deps: Sequence[Sequence[int]]) -> Iterator[tuple[int, ...]]:
    """Every path from a first step to a last one, by plain recursion."""

    def back(path: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if not deps[path[0]]:
            yield path
        for before in deps[path[0]]:
            yield from back((before, *path))

    needed = {other for row in deps for other in row}
    for step in range(len(deps)):
        if step not in needed:
            yield from back((step,))


def best_makespan(
    deps: Sequence[Sequence[int]], weights: Sequence[float], permits: int, permitless: Collection[int] = ()
) -> float:
    """The shortest makespan there is: steps as early as possible, in every order that dependencies allow."""
    orders = (
        order
        for order in permutations(range(len(deps)))
        if all(order.index(other) < order.index(step) for step in order for other in deps[step])
    )
    return min(_makespan(order, deps, weights, permits, permitless) for order in orders)


def _makespan(
    order: Sequence[int],
    deps: Sequence[Sequence[int]],
    weights: Sequence[float],
    permits: int,
    permitless: Collection[int],
) -> float:
    held = [0] * (int(sum(weights)) + 1)
    ends = dict.fromkeys(range(len(deps)), 0)
    for step in order:
        start, length = max((ends[other] for other in deps[step]), default=0), int(weights[step])
        if step not in permitless:
            while any(count >= permits for count in held[start : start + length]):
                start += 1
            for second in range(start, start + length):
                held[second] += 1
        ends[step] = start + length
    return float(max(ends.values()))


def greedy_run(
    deps: Sequence[Sequence[int]], weights: Sequence[float], permits: int | None, began_at: float = 0.0
) -> Measured:
    """A run on virtual time that never leaves a permit idle while a step is ready; smaller index first."""
    size = len(deps)
    ready: list[float | None] = [None] * size
    started: list[float | None] = [None] * size
    ended: list[float | None] = [None] * size
    now = began_at
    while None in ended:
        for step in range(size):
            end, start = ended[step], started[step]
            if end is None and start is not None and start + weights[step] <= now:
                ended[step] = now
        for step in range(size):
            if ready[step] is None and all(ended[other] is not None for other in deps[step]):
                ready[step] = now
        running = [step for step in range(size) if started[step] is not None and ended[step] is None]
        waiting = [step for step in range(size) if ready[step] is not None and started[step] is None]
        for step in waiting[: None if permits is None else permits - len(running)]:
            started[step] = now
            running.append(step)
        upcoming = [(started[step] or 0.0) + weights[step] for step in running]
        now = min(upcoming, default=now)
    return measured(deps, ready, started, ended, began_at=began_at, permits=permits)


def measured(
    deps: Sequence[Sequence[int]],
    ready_at: Sequence[float | None],
    started_at: Sequence[float | None],
    ended_at: Sequence[float | None],
    **rest: object,
) -> Measured:
    """Columns whose paths are the letters a, b, c, …"""
    paths = [chr(ord("a") + step) for step in range(len(deps))]
    options: dict[str, object] = {"began_at": 0.0, **rest}
    return Measured(paths, deps, ready_at, started_at, ended_at, **options)  # type: ignore[arg-type]
