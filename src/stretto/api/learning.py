"""What runs teach about the next: how long steps take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.forecast.estimates import REMEMBERED
from stretto.core.journal import facts as kinds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto.core.forecast.estimates import Estimates
    from stretto.core.graph import Graph
    from stretto.core.journal.facts import Fact

__all__ = ["learn"]


def learn(estimates: Estimates, graph: Graph, facts: Sequence[Fact]) -> None:
    """Durations of attempts that succeeded, by step id, for the priorities of the next run."""
    specs = graph.specs
    ended: dict[tuple[int, int], float] = {}
    lengths: dict[str, list[float]] = {}
    taken: dict[str, int] = {}
    for kind, index, attempt, at, _ in reversed(facts):
        if kind == kinds.ATTEMPT_SUCCEEDED:
            known = taken.get(specs[index].id, 0)
            if known < REMEMBERED:
                taken[specs[index].id] = known + 1
                ended[index, attempt] = at
        elif kind == kinds.STEP_STARTED and (index, attempt) in ended:
            lengths.setdefault(specs[index].id, []).append(ended.pop((index, attempt)) - at)
        elif kind == kinds.STEP_COMPLETED and attempt:
            ended[index, 1] = at  # an anchor: from its first round to its end
    for step_id, latest in lengths.items():
        for seconds in reversed(latest):
            estimates.learn(step_id, seconds)
