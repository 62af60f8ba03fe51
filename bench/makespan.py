"""Makespan of sleeping workflows beside the same graphs written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import shapes, sleeping
from bench.pairs import REPEATS, paired
from bench.table import Row, Sample, Table
from stretto.core.forecast.levels import span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.shapes import Dag

__all__ = ["measure", "scaled"]

MOST = 1.005
CRITICAL_PATH = 1.0

_Case = tuple[str, "Callable[[], Awaitable[object]]", "Callable[[], Awaitable[object]]", object]


def scaled(dag: Dag, critical_path: float) -> Dag:
    """The same shape with lengths that make its longest path `critical_path` seconds."""
    factor = critical_path / span(dag.deps, dag.seconds)
    return dag._replace(seconds=[seconds * factor for seconds in dag.seconds])


def _of(name: str, dag: Dag) -> _Case:
    scaled_dag = scaled(dag, CRITICAL_PATH)

    async def ours() -> object:
        return (await sleeping.sleeping.arun(scaled_dag.deps, scaled_dag.seconds)).value

    return name, ours, lambda: sleeping.by_hand(scaled_dag), sleeping.value_of(scaled_dag)


def _maps() -> _Case:
    lengths = scaled(shapes.map_over_map(), CRITICAL_PATH).seconds
    items = [list(pair) for pair in zip(lengths[1:61], lengths[61:121], strict=True)]

    async def ours() -> object:
        return (await sleeping.map_over_map.arun(items)).value

    return "map over map", ours, lambda: sleeping.map_over_map_by_hand(items), [a + b for a, b in items]


def measure(repeats: int = REPEATS) -> Table:
    """The table: seconds, and the median of the paired ratios."""
    table = Table("Makespan, s (median [quartiles])", ("shape", "stretto", "control", "ratio (paired)"))
    cases = [
        _of("uneven chains", shapes.uneven_chains()),
        _of("random, heavy-tailed", shapes.heavy_tailed()),
        _maps(),
        _of("assessment 1→11→1→2→3→1", shapes.assessment()),
    ]
    for name, ours, by_hand, wanted in cases:
        found = paired(ours, by_hand, wanted, name, repeats)
        samples = [Sample.of(side) for side in found]
        ratio = Sample.of([mine / other for mine, other in zip(*found, strict=True)])
        data = {"s": samples[0].median, "control_s": samples[1].median, "ratio": ratio.median}
        cells = (name, samples[0].text(4), samples[1].text(4), ratio.text(4))
        table.rows.append(Row(cells, data, f"≤ {MOST}", ratio.median <= MOST))
    return table
