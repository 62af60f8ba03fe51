"""Longest paths: priorities before a run, critical path and slack.

Nothing here assumes that consumers have larger indices than what they wait for: a grown step feeds its
anchor, whose index is smaller. Where indices do run that way, the common case, one pass over them is enough.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING

from stretto.core.forecast.order import topological_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["bottom_levels", "critical_path", "slack", "span", "tails", "top_levels", "work"]

# Two sums of at most n rounded terms, added up in different orders, differ by at most this × n × their value.
_ROUNDING = 2.0**-52


def bottom_levels(
    outs: Sequence[Sequence[int]],
    weights: Sequence[float],
    *,
    order: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
) -> list[float]:
    """Longest remaining path of each step in seconds, its own weight included: its priority.

    `order`, if known, is any topological order (what a step waits for comes first); one that does not hold is
    not used. Raises `DefinitionError` naming (by `names`) the steps of a circle.
    """
    indices = range(len(outs))
    return _longest(outs, weights, reversed(order if order is not None else indices), names)[1]


def tails(
    outs: Sequence[Sequence[int]],
    weights: Sequence[float],
    *,
    order: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
) -> list[float]:
    """Longest path that follows each step in seconds, without the step; otherwise as `bottom_levels`."""
    indices = range(len(outs))
    return _longest(outs, weights, reversed(order if order is not None else indices), names)[0]


def top_levels(
    deps: Sequence[Sequence[int]],
    weights: Sequence[float],
    *,
    order: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
) -> list[float]:
    """Earliest start of each step in seconds after the run's start; otherwise as `bottom_levels`."""
    return _longest(deps, weights, order if order is not None else range(len(deps)), names)[0]


def work(weights: Sequence[float]) -> float:
    """T1 in seconds: all steps one after another."""
    return fsum(weights)


def span(deps: Sequence[Sequence[int]], weights: Sequence[float]) -> float:
    """Tinf in seconds: the longest path, which no number of permits can shorten. 0 without steps."""
    heads = top_levels(deps, weights)
    return max((head + weight for head, weight in zip(heads, weights, strict=True)), default=0.0)


def critical_path(deps: Sequence[Sequence[int]], weights: Sequence[float]) -> list[int]:
    """One longest path, from a first step to a last one; the smallest index among equals, from the end."""
    if not deps:
        return []
    heads = top_levels(deps, weights)
    ends = [head + weight for head, weight in zip(heads, weights, strict=True)]
    needed = {other for before in deps for other in before}
    path = [max((step for step in range(len(ends)) if step not in needed), key=ends.__getitem__)]
    while before := deps[path[-1]]:
        path.append(min(before, key=lambda step: (-ends[step], step)))
    path.reverse()
    return path


def slack(
    deps: Sequence[Sequence[int]], outs: Sequence[Sequence[int]], weights: Sequence[float]
) -> list[float]:
    """By how many seconds each step may be late without moving the end (permits aside).

    Exactly 0.0 on every step of every longest path: differences that rounding alone can make count as none.
    """
    through = [
        head + bottom
        for head, bottom in zip(top_levels(deps, weights), bottom_levels(outs, weights), strict=True)
    ]
    longest = max(through, default=0.0)
    negligible = _ROUNDING * len(through) * longest
    return [0.0 if longest - length <= negligible else longest - length for length in through]


def _longest(
    nexts: Sequence[Sequence[int]],
    weights: Sequence[float],
    backwards: Iterable[int],
    names: Sequence[str] | None,
) -> tuple[list[float], list[float]]:
    """Longest way along `nexts` without and with each step; `backwards` gives a step after its `nexts`."""
    found = _one_pass(nexts, weights, backwards)
    if found is None:
        found = _one_pass(nexts, weights, reversed(topological_order(nexts, names)))
    assert found is not None  # noqa: S101 -- a topological order resolves every step
    return found


def _one_pass(
    nexts: Sequence[Sequence[int]], weights: Sequence[float], backwards: Iterable[int]
) -> tuple[list[float], list[float]] | None:
    """None when some step comes before one of its `nexts`."""
    beyond = [0.0] * len(nexts)
    reach = [-1.0] * len(nexts)  # negative: not known yet
    for step in backwards:
        longest = 0.0
        for other in nexts[step]:
            length = reach[other]
            if length > longest:
                longest = length
            elif length < 0.0:
                return None
        beyond[step] = longest
        reach[step] = longest + weights[step]
    return beyond, reach
