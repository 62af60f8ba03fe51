"""Which edges others imply: what waits for a step that itself waits for another need not point at both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.forecast.order import inverse, topological_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.report.parts import Part

__all__ = ["implied"]


def implied(parts: Mapping[int, Part]) -> set[tuple[int, int]]:
    """The (needed, needing) pairs that hold by other edges alone.

    A part begins when all it needs, and all that the part around it needs, is over; it is over when everything in
    it is. Leaving these edges out changes neither when something begins nor what depends on what. Raises
    `DefinitionError` for a circle.
    """
    place = {key: number for number, key in enumerate(parts)}
    begins, ends = _relation(parts, place)
    over = _masks(len(parts), begins, ends)
    found: set[tuple[int, int]] = set()
    for key, part in parts.items():
        others = over[place[part.scope]] if part.scope in place else 0
        for needed in part.needs:
            others |= over[len(parts) + place[needed]]
        found.update((needed, key) for needed in part.needs if others >> place[needed] & 1)
    return found


def _relation(parts: Mapping[int, Part], place: Mapping[int, int]) -> tuple[list[list[int]], list[list[int]]]:
    """What comes right before each part begins, and before it is over; node n + i is the end of part i."""
    count = len(parts)
    begins: list[list[int]] = []
    ends: list[list[int]] = [[number] for number in range(count)]
    for number, part in enumerate(parts.values()):
        begins.append([count + place[needed] for needed in part.needs])
        if part.scope in place:
            begins[number].append(place[part.scope])
            ends[place[part.scope]].append(count + number)
    return begins, ends


def _masks(count: int, begins: list[list[int]], ends: list[list[int]]) -> list[int]:
    """The parts that are over when each part begins, then when each is over, as bits."""
    before = [*begins, *ends]
    masks = [0] * (2 * count)
    for node in topological_order(inverse(before)):
        mask = 0
        for other in before[node]:
            mask |= masks[other] | (1 << other - count if other >= count else 0)
        masks[node] = mask
    return masks
