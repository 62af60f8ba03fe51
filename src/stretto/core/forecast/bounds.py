"""What no schedule can beat: a lower bound on the makespan under a number of permits."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from stretto.core.forecast.levels import tails, top_levels
from stretto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["lower_bound"]


def lower_bound(
    deps: Sequence[Sequence[int]],
    outs: Sequence[Sequence[int]],
    weights: Sequence[float],
    permits: int | None,
    *,
    held: Sequence[float] | None = None,
) -> float:
    """LB in seconds: no schedule of these steps on `permits` permits ends earlier.

    LB = max(span, max over h, t of h + held(S)/permits + t), where S, not empty, are the steps whose head
    (earliest start) is ≥ h and whose tail (longest path after the step) is ≥ t. Why it holds: in a schedule
    that ends at M, no step of S starts before h and each ends by M - t, so what S holds of permits lies
    within M - t - h seconds and cannot exceed permits × (M - t - h). h = t = 0 gives work/permits. The span
    is taken separately, because a lone step of weight w counts w/permits inside the window but takes w.

    `held` is how long each step holds a permit (default: its weight; 0 for inline steps and durable waits).
    For several pools, take the largest bound over each pool's `held` and size. `permits=None` gives the span.
    Exact, O(n log n). Raises `ConfigError` for fewer than one permit and `DefinitionError` for a circle.

    Sources: the window argument is Fernandez and Bussell, "Bounds on the number of processors and time for
    multiprocessor optimal schedules", IEEE Trans. Computers C-22 (1973), who also count the parts of steps
    that reach into a window; min head + work/m + min tail over sets of jobs is Carlier, "Scheduling jobs
    with release dates and tails on identical machines to minimize makespan", EJOR 29 (1987).
    """
    if permits is not None and permits < 1:
        raise ConfigError(
            f"A run needs at least 1 permit, not {permits}. Give a larger cap, or None for no cap."
        )
    heads = top_levels(deps, weights)
    after = tails(outs, weights)
    longest = max((h + w + t for h, w, t in zip(heads, weights, after, strict=True)), default=0.0)
    if permits is None:
        return longest
    shares = [seconds / permits for seconds in (weights if held is None else held)]
    return max(longest, _fullest_window(heads, after, shares))


def _fullest_window(heads: Sequence[float], after: Sequence[float], shares: Sequence[float]) -> float:
    """The largest h + sum of shares (head ≥ h, tail ≥ t) + t.

    Steps enter in order of falling head. A tree over the ranks of tails keeps, for each range of ranks, the
    sum of its shares and the best `t + shares of tail ≥ t` within it: entering one step costs O(log n).
    Only tails of steps that have entered are candidates: a window around no step bounds nothing.
    """
    ranks = {tail: rank for rank, tail in enumerate(sorted(set(after)))}
    leaves = 1 << max(len(ranks) - 1, 0).bit_length()
    sums = [0.0] * (2 * leaves)
    best = [-inf] * (2 * leaves)
    fullest = 0.0
    for step in sorted(range(len(heads)), key=heads.__getitem__, reverse=True):
        node = leaves + ranks[after[step]]
        sums[node] += shares[step]
        best[node] = after[step] + sums[node]
        while node > 1:
            left, right = node & ~1, node | 1
            node >>= 1
            above = sums[right]
            sums[node] = sums[left] + above
            below = best[left] + above
            best[node] = below if below > best[right] else best[right]
        fullest = max(fullest, heads[step] + best[1])
    return fullest
