"""Makespan under a cap against what no schedule can beat, and against FIFO. Virtual time, exact estimates."""

from __future__ import annotations

from itertools import count
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from bench.shapes import SHAPES, Dag
from bench.table import Row, Table
from stretto.core.forecast.bounds import lower_bound
from stretto.core.forecast.order import inverse
from stretto.core.graph import Graph, StepSpec
from stretto.core.journal.facts import Created, RunOptions
from stretto.core.schedule import Scheduler
from stretto.core.schedule.ready import ReadyQueue
from stretto.runtime.simulate import Simulated, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MEAN", "PERMITS", "WORST", "Case", "InArrivalOrder", "cases", "created_of", "measure", "run_of"]

PERMITS = (2, 4, 8, 16)
MEAN = 1.05
WORST = 1.45


class Case(NamedTuple):
    """One shape at one number of permits; seconds."""

    shape: str
    permits: int
    bound: float
    makespan: float
    fifo: float

    @property
    def ratio(self) -> float:
        """Makespan over the lower bound."""
        return self.makespan / self.bound

    @property
    def fifo_ratio(self) -> float:
        """FIFO's makespan over the lower bound."""
        return self.fifo / self.bound


class _Arrivals(ReadyQueue):
    """First come, first served: the same queue under another key."""

    __slots__ = ("_arrivals",)

    def __init__(self, created: Created) -> None:
        super().__init__(created.graph, created.estimates, is_sequential=False)
        self._arrivals = count()

    def _key(self, index: int) -> tuple[int, ...]:
        return (next(self._arrivals), index)


class InArrivalOrder(Scheduler):
    """The engine's scheduler with its ready queue in arrival order."""

    __slots__ = ()

    def __init__(self, created: Created) -> None:
        super().__init__(created)
        self.queue = _Arrivals(created)


def created_of(dag: Dag, permits: int) -> Created:
    """A run of a shape: every step has an id of its own, and its true length as its estimate."""
    graph = Graph()
    estimates: dict[str, float] = {}
    for index, deps in enumerate(dag.deps):
        name = f"s{index}"
        graph.add(StepSpec(id=name), name, (), None, tuple(deps))
        estimates[name] = dag.seconds[index]
    return Created("shape", graph, RunOptions(permits=permits), estimates, {})


def run_of(dag: Dag, permits: int, scheduler: type[Scheduler] = Scheduler) -> Simulated:
    """Simulate a shape under a cap."""
    created = created_of(dag, permits)
    return simulate(created, lambda path, _: created.estimates[path], scheduler=scheduler)


def cases() -> Iterator[Case]:
    """Every shape at every number of permits."""
    for name, make in SHAPES.items():
        dag = make()
        for permits in PERMITS:
            bound = lower_bound(dag.deps, inverse(dag.deps), dag.seconds, permits)
            found, fifo = run_of(dag, permits), run_of(dag, permits, InArrivalOrder)
            yield Case(name, permits, bound, found.makespan, fifo.makespan)


def measure() -> Table:
    """The table: a line a shape, then the mean and the worst of all."""
    found = list(cases())
    table = Table(
        "Makespan / lower bound under a cap (virtual clock, exact estimates; FIFO in brackets)",
        ("shape", *(f"{permits} permits" for permits in PERMITS)),
    )
    for name in SHAPES:
        of_shape = [case for case in found if case.shape == name]
        cells = [f"{case.ratio:.3f} ({case.fifo_ratio:.3f})" for case in of_shape]
        data = {f"permits_{case.permits}": case.ratio for case in of_shape}
        table.rows.append(Row((name, *cells), data))
    mean, fifo = fmean(case.ratio for case in found), fmean(case.fifo_ratio for case in found)
    worst = max(case.ratio for case in found)
    table.rows += [
        Row(("mean of all", f"{mean:.3f}"), {"mean": mean}, f"≤ {MEAN}", mean <= MEAN),
        Row(("worst of all", f"{worst:.3f}"), {"worst": worst}, f"≤ {WORST}", worst <= WORST),
        Row(("mean of FIFO", f"{fifo:.3f}"), {"fifo_mean": fifo}, "> the mean of all", fifo > mean),
    ]
    return table
