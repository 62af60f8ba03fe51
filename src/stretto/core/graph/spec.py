"""What is declared once about a step and shared by all its uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from stretto.core.policy.retry import NO_RETRY, Retry

__all__ = ["Role", "StepSpec", "Where"]


class Where(IntEnum):
    """Where an attempt runs."""

    LOOP = 1  # a coroutine on the event loop: can be cancelled
    THREAD = 2  # a blocking function: cannot be cancelled, keeps its permits until it ends
    INLINE = 3  # synchronous glue, run by the driver itself: no permit, no time


class Role(IntEnum):
    """What a node of the graph is."""

    STEP = 1  # runs a function
    MAP = 2  # an anchor: grows one child an item, its value is their list
    GATE = 3  # a group's gate: judged by its members, runs nothing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepSpec:
    """A step's declared id and rules. Lengths are seconds; None means unlimited.

    Compared by identity: two specs of one id in one graph are two declarations.
    """

    id: str
    role: Role = Role.STEP
    where: Where = Where.LOOP
    timeout: float | None = None
    within: float | None = None
    retry: Retry = NO_RETRY
    optional: bool = False
    has_default: bool = False
    limits: tuple[str, ...] = ()
    is_timed: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_timed", self.timeout is not None or self.within is not None)
