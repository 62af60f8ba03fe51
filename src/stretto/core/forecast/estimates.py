"""Lengths of steps learned from earlier runs. They order what competes and are never shown as measured."""

from __future__ import annotations

from collections import deque
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["REMEMBERED", "Estimates"]

REMEMBERED = 20
_UNKNOWN_WEIGHT = 1.0
_UNKNOWN_RESERVE = 0.0


class Estimates:
    """Median length, in seconds, of the last 20 finishes of each step id.

    A median because one timeout or cold start must not turn the priorities round. `known`, kept from an
    earlier run, counts as one finish of each of its steps.
    """

    __slots__ = ("_medians", "_recent", "_stale")

    def __init__(self, known: Mapping[str, float] | None = None) -> None:
        self._recent: dict[str, deque[float]] = {}
        self._medians: dict[str, float] = {}
        self._stale: set[str] = set()
        for step_id, seconds in (known or {}).items():
            self.learn(step_id, seconds)

    @property
    def known(self) -> Mapping[str, float]:
        """What is known now, read-only, and unmoved by what is learned later: the estimates of one run."""
        for step_id in tuple(self._stale):
            self._refresh(step_id)
        return MappingProxyType(self._medians.copy())

    def learn(self, step_id: str, seconds: float) -> None:
        """Remember one finish, unless its length cannot be one (negative, not finite: a clock was set)."""
        if not isfinite(seconds) or seconds < 0.0:
            return
        recent = self._recent.get(step_id)
        if recent is None:
            recent = self._recent[step_id] = deque(maxlen=REMEMBERED)
        recent.append(seconds)
        self._stale.add(step_id)

    def weight(self, step_id: str) -> float:
        """Seconds to expect, for priorities; 1.0 for a step never seen, so that unknown graphs count hops."""
        return self._median(step_id, _UNKNOWN_WEIGHT)

    def reserve(self, step_id: str) -> float:
        """Seconds to keep free before a deadline; 0.0 for a step never seen: nothing is cut on a guess."""
        return self._median(step_id, _UNKNOWN_RESERVE)

    def _median(self, step_id: str, unknown: float) -> float:
        if step_id in self._stale:
            self._refresh(step_id)
        return self._medians.get(step_id, unknown)

    def _refresh(self, step_id: str) -> None:
        ordered = sorted(self._recent[step_id])
        middle = len(ordered) // 2
        lower = ordered[middle] if len(ordered) % 2 else ordered[middle - 1]
        # Half the difference is added, so that two lengths near the largest float cannot overflow.
        self._medians[step_id] = lower + (ordered[middle] - lower) / 2
        self._stale.discard(step_id)
