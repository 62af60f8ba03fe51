"""The two ways to run a workflow that are compared, and in what order."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Mode", "interleaved"]


class Mode(StrEnum):
    """One step at a time in author order, or each step as soon as its inputs exist."""

    ONE_BY_ONE = "one by one"
    DATAFLOW = "as dataflow"

    @property
    def is_sequential(self) -> bool:
        """Whether one step runs at a time."""
        return self is Mode.ONE_BY_ONE


def interleaved(repeats: int) -> Iterator[tuple[Mode, Mode]]:
    """The order within each repeat, turned round from one to the next (A B, B A, A B, …).

    What drifts evenly while a measurement lasts (a machine that warms up, a provider that gets slower) then
    falls on both alike.
    """
    for number in range(repeats):
        if number % 2:
            yield Mode.DATAFLOW, Mode.ONE_BY_ONE
        else:
            yield Mode.ONE_BY_ONE, Mode.DATAFLOW
