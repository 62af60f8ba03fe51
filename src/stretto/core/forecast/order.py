"""A topological order of dense steps, or the circle that forbids one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["inverse", "topological_order"]


def inverse(edges: Sequence[Sequence[int]]) -> list[list[int]]:
    """Turn `deps` into `outs`, or back; each row comes out in ascending order."""
    turned: list[list[int]] = [[] for _ in edges]
    for step, others in enumerate(edges):
        for other in others:
            turned[other].append(step)
    return turned


def topological_order(nexts: Sequence[Sequence[int]], names: Sequence[str] | None = None) -> list[int]:
    """Every step before all of its `nexts`; equal for equal graphs (Kahn 1962).

    Raises `DefinitionError` when steps wait for each other in a circle, naming its members by `names`
    (their indices without it).
    """
    waiting = [0] * len(nexts)
    for following in nexts:
        for other in following:
            waiting[other] += 1
    order = [step for step, count in enumerate(waiting) if not count]
    for step in order:  # grows while it is walked
        for other in nexts[step]:
            waiting[other] -= 1
            if not waiting[other]:
                order.append(other)
    if len(order) < len(nexts):
        raise _circle_error(_circle(nexts, waiting), names)
    return order


def _circle(nexts: Sequence[Sequence[int]], waiting: Sequence[int]) -> list[int]:
    """One circle among the steps that still wait.

    Each of those has a predecessor which still waits too, so walking backwards must come round.
    """
    before = {other: step for step, count in enumerate(waiting) if count for other in nexts[step]}
    trail: dict[int, None] = {}
    step = next(step for step, count in enumerate(waiting) if count)
    while step not in trail:
        trail[step] = None
        step = before[step]
    members = list(trail)
    return members[members.index(step) :]


def _circle_error(circle: Sequence[int], names: Sequence[str] | None) -> DefinitionError:
    members = ", ".join(repr(names[step]) if names else str(step) for step in sorted(circle))
    if len(circle) == 1:
        return DefinitionError(f"Step {members} waits for itself.", mend="Remove that dependency.")
    return DefinitionError(
        f"Steps wait for each other in a circle: {members}.",
        mend="Remove one of the dependencies (an input or an `after=`) between them.",
    )
