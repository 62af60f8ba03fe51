"""From what was measured to the table: figures, verdicts, and notes on what is in a figure and what is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from bench.peers.loads import CROWD, MAKESPAN, OVERHEAD
from bench.peers.systems import CONTROL, OURS
from bench.table import Row, Sample, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Cannot", "PeersTable", "Result", "table_of"]

TIMES_LESS = 2.0
OVER_CONTROL = 1.005
OVER_ALONE = 1.1

UNITS = {OVERHEAD: "µs a step", MAKESPAN: "makespan / control", CROWD: "p99 / one alone"}
TARGETS = {
    OVERHEAD: f"best peer ≥ {TIMES_LESS:g} × Stretto, above asyncio",
    MAKESPAN: f"Stretto ≤ {OVER_CONTROL:g}",
    CROWD: f"Stretto ≤ {OVER_ALONE:g}",
}
DIGITS = {OVERHEAD: 1, MAKESPAN: 3, CROWD: 3}


class Cannot(NamedTuple):
    """A system that has no figure on a load, and why."""

    reason: str


class Result(NamedTuple):
    """One load on every system: repeats of its figure (see `UNITS`), seconds of a run (p99 of a crowd's), and seconds
    of what was built ahead."""

    load: str
    kind: str
    figures: Mapping[str, Sample | Cannot]
    seconds: Mapping[str, float]
    built: Mapping[str, float]


@dataclass
class PeersTable(Table):
    """The table with its notes."""

    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The table as it is printed, the notes below it."""
        return "\n".join([super().text(), *(f"  - {note}" for note in self.notes)])

    def plain(self) -> dict[str, object]:
        """The table for JSON, with its notes."""
        return {**super().plain(), "notes": self.notes}


def table_of(results: Sequence[Result], systems: Sequence[str], notes: Sequence[str] = ()) -> PeersTable:
    """A line a load, a column a system, then how the best peer compares: whole figures, and what each takes above
    asyncio by hand, which is what overhead means (docs/design.md, Numbers)."""
    columns = ("load", *systems, "best peer / Stretto", "above asyncio")
    rows = [_row(result, systems) for result in results]
    told = [*notes, *_ahead(results), *_reasons(results)]
    return PeersTable("Beside other engines (median [quartiles])", columns, rows, told)


def _row(result: Result, systems: Sequence[str]) -> Row:
    best = None if result.kind == CROWD else _best_peer(result)  # each is compared with itself alone there
    times = None if best is None else best / _median(result, OURS.name)
    above = None if best is None or result.kind != OVERHEAD else _above(result, best)
    cells = [_cell(result, name) for name in systems]
    compared = ["–" if each is None else f"{each:.2f}" for each in (times, above)]
    name = f"{result.load}, {UNITS[result.kind]}"
    is_met = _is_met(result, times if above is None else above)
    target = "" if is_met is None else TARGETS[result.kind]
    data = _data(result, times) | ({} if above is None else {"above asyncio": above})
    return Row((name, *cells, *compared), data, target, is_met)


def _above(result: Result, best: float) -> float | None:
    """How many times Stretto's overhead above hand-written asyncio the best peer's is; None without that control."""
    control = result.figures.get(CONTROL.name)
    if not isinstance(control, Sample):
        return None
    ours = _median(result, OURS.name) - control.median
    return (best - control.median) / ours if ours > 0 else float("inf")


def _cell(result: Result, system: str) -> str:
    """The figure; beside a ratio, the seconds it stands for."""
    figure = result.figures[system]
    if isinstance(figure, Cannot):
        return "–"
    text = figure.text(DIGITS[result.kind])
    return text if result.kind == OVERHEAD else f"{text}, {result.seconds[system]:.2f} s"


def _median(result: Result, system: str) -> float:
    figure = result.figures[system]
    if isinstance(figure, Cannot):
        raise TypeError(f"{system} has no figure on {result.load}: {figure.reason}")
    return figure.median


def _best_peer(result: Result) -> float | None:
    """The smallest median among the peers; None without a peer's figure."""
    peers = [name for name in result.figures if name not in (CONTROL.name, OURS.name)]
    medians = [
        figure.median for name in peers if not isinstance(figure := result.figures[name], Cannot)
    ]  # fmt: skip
    return min(medians, default=None)


def _is_met(result: Result, times: float | None) -> bool | None:
    """A comparison without a peer is met by nobody and missed by nobody."""
    if result.kind == OVERHEAD:
        return None if times is None else times >= TIMES_LESS
    return _median(result, OURS.name) <= (OVER_CONTROL if result.kind == MAKESPAN else OVER_ALONE)


def _data(result: Result, times: float | None) -> dict[str, float]:
    """Every figure by its system's name."""
    data: dict[str, float] = {}
    for system, figure in result.figures.items():
        if isinstance(figure, Sample):
            data |= {system: figure.median, f"{system}, low": figure.low, f"{system}, high": figure.high}
            data |= {f"{system}, s": result.seconds[system], f"{system}, built s": result.built[system]}
    return data if times is None else {**data, "best peer / Stretto": times}


def _ahead(results: Sequence[Result]) -> list[str]:
    """What building takes that is in no figure, by the first load; less than a millisecond is not worth a word."""
    for result in results[:1]:
        named = [
            f"{name} {seconds * 1000:.0f} ms" for name, seconds in result.built.items() if seconds >= 0.001
        ]
        if named:
            return [f"Built ahead, once, in no figure ({result.load}): {', '.join(named)}."]
    return []


def _reasons(results: Sequence[Result]) -> list[str]:
    return [
        f"{system} has no figure on {result.load}: {figure.reason}"
        for result in results
        for system, figure in result.figures.items()
        if isinstance(figure, Cannot)
    ]
