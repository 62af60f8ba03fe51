"""What a bench found: for people, and as data."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.proof import Comparison, Pair, Spread
    from stretto.service.cli.spending import Spent

__all__ = ["VERSION", "Bench", "as_data", "lines", "pair_as_data", "pair_line"]

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Bench:
    """A comparison and what was asked of it."""

    workflow: str
    comparison: Comparison
    spent: Spent
    repeats: int
    min_speedup: float | None = None

    @property
    def is_too_slow(self) -> bool:
        """Whether a speedup was asked for and not reached; one that could not be measured was not."""
        if self.min_speedup is None:
            return False
        speedup = self.comparison.speedup
        return speedup is None or speedup.median < self.min_speedup

    @property
    def holds(self) -> bool:
        """Whether every run brought its value, all are equal, and the speedup is the one asked for."""
        return self.comparison.is_equal and not self.is_too_slow


# -------------------------------------------------------------------- for people


def pair_line(number: int, repeats: int, pair: Pair) -> str:
    """One repeat, as it ends."""
    digits = _digits(pair.dataflow.makespan)
    said = "equal" if pair.difference is None else "DIFFERS"
    if "partial" in (pair.one_by_one.status, pair.dataflow.status):
        said += ", optional work was lost"
    one, other = f"{pair.one_by_one.makespan:.{digits}f} s", f"{pair.dataflow.makespan:.{digits}f} s"
    return f"repeat {number} of {repeats}: one by one {one}, dataflow {other}, {said}"


def lines(bench: Bench) -> Iterator[str]:
    """The figures, none of them longer than 80 columns."""
    comparison = bench.comparison
    if not comparison.pairs:
        yield "no repeat was completed"
        return
    yield ""
    yield from _figures(comparison)
    yield from _spent(bench.spent)
    yield ""
    yield _equality(comparison)


def _figures(comparison: Comparison) -> Iterator[str]:
    digits = _digits(comparison.dataflow.median if comparison.dataflow is not None else 0.0)
    count = len(comparison.pairs)
    for name, spread in (
        ("one by one", comparison.one_by_one),
        ("dataflow", comparison.dataflow),
        ("lower bound", comparison.lower_bound),
    ):
        if spread is not None:
            seconds = f"{spread.median:.{digits}f} s"
            yield f"  {name:<12}{seconds:>10}   {_spread(spread, digits, ' s')}, median of {count}"
    if comparison.bound_efficiency is not None:
        yield f"  {'efficiency':<12}{comparison.bound_efficiency.median:>10.1%}   of the lower bound"
    speedup = comparison.speedup
    if speedup is not None:
        yield f"  {'speedup':<12}{f'{speedup.median:.2f}x':>10}   {_spread(speedup, 2, 'x')}, each repeat by itself"
    elif comparison.failed is None:
        yield f"  {'speedup':<12}{'–':>10}   a run took no time"


def _spread(spread: Spread, digits: int, unit: str) -> str:
    return f"{spread.least:.{digits}f}–{spread.most:.{digits}f}{unit}"


def _spent(spent: Spent) -> Iterator[str]:
    yield ""
    if spent.models:
        yield f"models ({', '.join(sorted(spent.models))}), warm-up included:"
        yield f"  {spent.total}"
    elif spent.offline:
        yield f"no model was called: the offline one composed {spent.offline} answers"
    else:
        yield "no model was called"


def _equality(comparison: Comparison) -> str:
    count = len(comparison.pairs)
    if comparison.failed is not None:
        return f"stopped after {count} repeat{'' if count == 1 else 's'}: a run failed"
    if comparison.differences:
        return f"differs: in {len(comparison.differences)} of {count} repeats the two values are not equal"
    return f"equal: in {'each' if count > 1 else 'the one'} repeat both runs gave the same value"


def _digits(seconds: float) -> int:
    if seconds < 0.01:
        return 6
    return 3 if seconds < 1 else 2


# -------------------------------------------------------------------- for programs


def pair_as_data(number: int, pair: Pair) -> dict[str, object]:
    """One repeat. Lengths are seconds."""
    return {
        "repeat": number,
        "first": str(pair.first),
        "one_by_one": {**asdict(pair.one_by_one), "warnings": list(pair.one_by_one.warnings)},
        "dataflow": {**asdict(pair.dataflow), "warnings": list(pair.dataflow.warnings)},
        "speedup": pair.speedup,
        "is_equal": pair.difference is None,
        "difference": None if pair.difference is None else asdict(pair.difference),
    }


def as_data(bench: Bench) -> dict[str, object]:
    """All of it. A speedup is null where a run failed."""
    comparison, spent = bench.comparison, bench.spent
    failed = comparison.failed
    return {
        "v": VERSION,
        "workflow": bench.workflow,
        "repeats": bench.repeats,
        "warmup": comparison.warmups,
        "deadlines": "suspended",
        "pairs": [pair_as_data(number, pair) for number, pair in enumerate(comparison.pairs, 1)],
        "one_by_one": _as_data(comparison.one_by_one),
        "dataflow": _as_data(comparison.dataflow),
        "lower_bound": _as_data(comparison.lower_bound),
        "bound_efficiency": _as_data(comparison.bound_efficiency),
        "speedup": _as_data(comparison.speedup),
        "min_speedup": bench.min_speedup,
        "is_equal": comparison.is_equal,
        "holds": bench.holds,
        "failed": None if failed is None else {"in": str(comparison.failed_in), "status": str(failed.status)},
        "failures": [] if failed is None else [str(failure) for failure in failed.failures],
        "models": {"names": sorted(spent.models), **spent.total._asdict(), "offline_answers": spent.offline},
        "machine": _machine(),
    }


def _as_data(spread: Spread | None) -> dict[str, object] | None:
    return None if spread is None else asdict(spread)


def _machine() -> dict[str, object]:
    """What the figures depend on; nothing that names the machine."""
    from stretto import __version__

    return {
        "stretto": __version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
    }
