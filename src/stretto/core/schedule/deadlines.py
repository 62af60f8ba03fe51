"""Instants the scheduler has to look at again, earliest first."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final

__all__ = ["Deadlines", "Due"]

Due = tuple[float, int, int, int]
"""(instant, kind, step or group, attempt). At one instant, lower kinds come first."""

GRACE_OVER: Final = 1
RETRY_DUE: Final = 2
WAIT_DUE: Final = 3
ATTEMPT_TIMEOUT: Final = 4
STEP_WITHIN: Final = 5
OPTIONAL_CUT: Final = 6
GROUP_WITHIN: Final = 7
RUN_WITHIN: Final = 8


class Deadlines:
    """A heap of instants. Entries are never removed early: whoever reads one checks that it still applies."""

    __slots__ = ("_armed", "_heap")

    def __init__(self) -> None:
        self._heap: list[Due] = []
        self._armed = float("inf")

    def add(self, instant: float, kind: int, step: int, attempt: int = 0) -> None:
        """Look at `step` again at `instant`."""
        heappush(self._heap, (instant, kind, step, attempt))

    def due(self, now: float) -> list[Due]:
        """Take out everything whose instant has come, in order."""
        heap = self._heap
        found: list[Due] = []
        while heap and heap[0][0] <= now:
            found.append(heappop(heap))
        if now >= self._armed:
            self._armed = float("inf")
        return found

    def rearm(self) -> None:
        """Nobody will ring for what was given before: the process that was to has gone."""
        self._armed = float("inf")

    def to_arm(self) -> float | None:
        """The next instant to be woken at, if it is earlier than the one last given."""
        if self._heap and self._heap[0][0] < self._armed:
            self._armed = self._heap[0][0]
            return self._armed
        return None
