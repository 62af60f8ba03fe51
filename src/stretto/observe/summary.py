"""The summary at a run's end: three labelled figures, where the time went, what was lost.

Nothing is claimed that was not measured: a figure that is no measurement says so, and a run that did not
bring its value shows no speedup.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stretto.core.forecast.hops import Hop
    from stretto.core.forecast.timing import Timing

__all__ = ["Spending", "Summary", "summary_lines"]

_SHOWN_HOPS = 12
_WAITED = {"permit": "a permit", "backoff": "its next attempt", "start": "the start"}


class Spending(NamedTuple):
    """What the run's calls to models took; `cost` in US dollars, None when a price is unknown."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None


class Summary(NamedTuple):
    """What the last lines are made of. `one_by_one` is measured seconds, None where nobody measured them.

    `lost` says which optional work was lost, `ignored` which attempts did not end when they were told to.
    """

    status: str
    timing: Timing
    has_value: bool
    spending: Spending
    one_by_one: float | None = None
    lost: Sequence[str] = ()
    ignored: Sequence[str] = ()


def summary_lines(summary: Summary) -> list[str]:
    """The lines, none longer than 80 columns but for what lost steps themselves say."""
    return [
        f"{summary.status} in {_seconds(summary.timing.makespan, _digits(summary.timing))}",
        "",
        *_figures(summary),
        *_path(summary.timing),
        *_spending(summary.spending),
        *_losses(summary),
    ]


def _figures(summary: Summary) -> Iterator[str]:
    timing, digits = summary.timing, _digits(summary.timing)
    if summary.one_by_one is not None:
        yield _figure("one by one", summary.one_by_one, digits, "measured")
    else:
        yield _figure("one by one", timing.work, digits, "estimate: all attempts' times added up")
    yield _figure("lower bound", timing.lower_bound, digits, "no schedule of these attempts ends earlier")
    yield _figure("actual", timing.makespan, digits, _compared(summary))
    if timing.waiting_for_people:
        yield _figure("people", timing.waiting_for_people, digits, "of it, spent waiting for people alone")


def _compared(summary: Summary) -> str:
    timing = summary.timing
    words = []
    if timing.bound_efficiency is not None:
        words.append(f"bound efficiency {timing.bound_efficiency:.1%}")
    before = timing.work if summary.one_by_one is None else summary.one_by_one
    if summary.has_value and timing.makespan > 0:
        kind = " (estimate)" if summary.one_by_one is None else ""
        words.append(f"speedup {before / timing.makespan:.1f}x{kind}")
    return ", ".join(words)


def _figure(name: str, seconds: float, digits: int, note: str) -> str:
    return f"  {name:<12}{_seconds(seconds, digits):>10}   {note}".rstrip()


def _path(timing: Timing) -> Iterator[str]:
    hops = timing.critical_path
    if not hops:
        return
    yield ""
    yield "where the time went (the critical path)"
    shown = hops if len(hops) <= _SHOWN_HOPS else _longest(hops)
    width = min(30, max(len(hop.step) for hop in shown))
    before: dict[int, str] = {id(hop): previous.step for previous, hop in itertools.pairwise(hops)}
    for hop in shown:
        yield _hop(hop, before.get(id(hop)), width, _digits(timing))
    if len(shown) < len(hops):
        left = len(hops) - len(shown)
        yield f"  … and {left} shorter {'one' if left == 1 else 'ones'} between them"


def _longest(hops: Sequence[Hop]) -> list[Hop]:
    kept = sorted(range(len(hops)), key=lambda number: -hops[number].share)[:_SHOWN_HOPS]
    return [hops[number] for number in sorted(kept)]


def _hop(hop: Hop, before: str | None, width: int, digits: int) -> str:
    name = hop.step if len(hop.step) <= width else f"…{hop.step[1 - width :]}"
    length = _seconds(hop.ended_at - hop.started_at, digits)
    line = f"  {name:<{width}}{length:>10}{hop.share:>6.0%}   {_reason(hop, before, digits)}".rstrip()
    return line if len(line) <= 80 else f"{line[:79]}…"


def _reason(hop: Hop, before: str | None, digits: int) -> str:
    if hop.waited_for == "dependency":
        reason = f"after {before}" if before else ""
    elif hop.waited_for == "start":
        reason = "at the start" if hop.waited < 0.001 else "after the start"
    else:
        reason = f"waited for {_WAITED[hop.waited_for]}"
    return f"{reason} (+{_seconds(hop.waited, digits)})" if hop.waited >= 0.001 else reason


def _spending(spending: Spending) -> Iterator[str]:
    if not spending.calls:
        return
    cost = "cost unknown" if spending.cost is None else f"${spending.cost:.4f}"
    yield ""
    yield (
        f"models: {spending.calls} calls, {spending.input_tokens:,} tokens in, "
        f"{spending.output_tokens:,} out, {cost}"
    )


def _losses(summary: Summary) -> Iterator[str]:
    for title, texts in (("optional work lost", summary.lost), ("did not stop", summary.ignored)):
        if texts:
            yield ""
            yield title
            yield from (f"  {text}" for text in texts)


def _digits(timing: Timing) -> int:
    return 3 if timing.makespan < 1 else 2


def _seconds(seconds: float, digits: int) -> str:
    return f"{seconds:.{digits}f} s"
