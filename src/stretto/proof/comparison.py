"""One by one against dataflow: really run, in turns, with equal values, or nothing is claimed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stretto.core.journal.view import RunStatus
from stretto.proof.difference import Difference, difference_between
from stretto.proof.modes import Mode, interleaved
from stretto.proof.spread import Spread, spread_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.api.result import RunResult

__all__ = ["Comparison", "Pair", "Sample", "compare"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One run's figures, in seconds."""

    makespan: float
    lower_bound: float
    bound_efficiency: float | None
    status: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """One repeat: the two runs made next to each other, and where their values differ."""

    first: Mode
    """Which of the two was run first."""
    one_by_one: Sample
    dataflow: Sample
    difference: Difference | None

    @property
    def speedup(self) -> float | None:
        """How many times shorter the dataflow run was; None where it took no time."""
        return self.one_by_one.makespan / self.dataflow.makespan if self.dataflow.makespan > 0 else None


@dataclass(slots=True)
class Comparison:
    """All repeats. `failed` is the run that ended without its value: measuring stopped there, and there is no
    speedup then.
    """

    warmups: int
    pairs: list[Pair] = field(default_factory=list)
    failed: RunResult[object] | None = None
    failed_in: Mode | None = None
    unsteady: Difference | None = None
    """Where two of the one-by-one runs differ: then some step is not deterministic, whatever the order."""

    @property
    def differences(self) -> list[tuple[int, Difference]]:
        """The repeats, from 1, whose two values differ."""
        return [
            (number, pair.difference)
            for number, pair in enumerate(self.pairs, 1)
            if pair.difference is not None
        ]

    @property
    def is_equal(self) -> bool:
        """Whether every repeat was completed and gave equal values."""
        return self.failed is None and bool(self.pairs) and not self.differences

    @property
    def one_by_one(self) -> Spread | None:
        """Makespans one by one."""
        return _spread([pair.one_by_one.makespan for pair in self.pairs])

    @property
    def dataflow(self) -> Spread | None:
        """Makespans as dataflow."""
        return _spread([pair.dataflow.makespan for pair in self.pairs])

    @property
    def lower_bound(self) -> Spread | None:
        """Of the dataflow runs' own attempts."""
        return _spread([pair.dataflow.lower_bound for pair in self.pairs])

    @property
    def bound_efficiency(self) -> Spread | None:
        """Of the dataflow runs."""
        return _spread([pair.dataflow.bound_efficiency for pair in self.pairs])

    @property
    def speedup(self) -> Spread | None:
        """Of each pair; None when a run failed or took no time."""
        return None if self.failed is not None else _spread([pair.speedup for pair in self.pairs])


def compare(
    run: Callable[[Mode], RunResult[object]],
    *,
    repeats: int,
    warmup: int = 0,
    told: Callable[[int, Pair], None] = lambda *_: None,
) -> Comparison:
    """Run both ways in turns, `warmup` times unmeasured and `repeats` times measured, and compare the values.

    `told` hears of each repeat, from 1, as it ends. The first run without a value ends the measuring. Raises
    ValueError for fewer than one repeat.
    """
    if repeats < 1:
        raise ValueError(f"repeats={repeats}: measure at least once.")
    comparison = Comparison(warmup)
    reference: RunResult[object] | None = None
    for number, order in enumerate(interleaved(warmup + repeats), 1 - warmup):
        results = _both(run, order, comparison)
        if results is None:
            break
        if number < 1:
            continue
        one_by_one, dataflow = results[Mode.ONE_BY_ONE], results[Mode.DATAFLOW]
        pair = Pair(
            order[0], _sample(one_by_one), _sample(dataflow), difference_between(one_by_one, dataflow)
        )
        comparison.pairs.append(pair)
        reference = reference or one_by_one
        if comparison.unsteady is None and reference is not one_by_one:
            comparison.unsteady = difference_between(reference, one_by_one)
        told(number, pair)
    return comparison


def _both(
    run: Callable[[Mode], RunResult[object]], order: tuple[Mode, Mode], comparison: Comparison
) -> dict[Mode, RunResult[object]] | None:
    results: dict[Mode, RunResult[object]] = {}
    for mode in order:
        result = results[mode] = run(mode)
        if result.status not in (RunStatus.SUCCEEDED, RunStatus.PARTIAL):
            comparison.failed, comparison.failed_in = result, mode
            return None
    return results


def _sample(result: RunResult[object]) -> Sample:
    timing = result.timing
    return Sample(
        timing.makespan, timing.lower_bound, timing.bound_efficiency, str(result.status), result.warnings
    )


def _spread(values: list[float] | list[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    return spread_of(known) if known and len(known) == len(values) else None
