"""What is declared once about a step and shared by all its uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Literal, NamedTuple

from stretto.core.policy.on_lost import OnLost
from stretto.core.policy.retry import NO_RETRY, Retry

__all__ = ["ANCHORS", "Role", "StepSpec", "WaitRule", "Where"]


class Where(IntEnum):
    """Where an attempt runs."""

    LOOP = 1  # a coroutine on the event loop: can be cancelled
    THREAD = 2  # a blocking function: cannot be cancelled, keeps its permits until it ends
    INLINE = 3  # synchronous glue, run by the driver itself: no permit, no time
    PROCESS = 4  # a blocking function in a worker process of its own: can be killed


class Role(IntEnum):
    """What a node of the graph is."""

    STEP = 1  # runs a function
    MAP = 2  # an anchor: grows one child an item, its value is their list
    GATE = 3  # a group's gate: judged by its members, runs nothing
    CHOOSE = 4  # an anchor: grows the branch that its selector names
    REPEAT = 5  # an anchor: grows one round after the other
    GROW = 6  # an anchor: code makes its fragment (a nested workflow, a plan)
    WAIT = 7  # runs nothing: waits for a person, an event or an instant


ANCHORS: Final = frozenset((Role.MAP, Role.CHOOSE, Role.REPEAT, Role.GROW))


# Lanes: which permits a step needs. Plain integers: an enum's member costs 45 ns each time it is named.
PLAIN: Final = 0  # one of the run's own
LIMITED: Final = 1  # named ones as well
FREE: Final = 2  # none: inline glue, growing an anchor, waiting
NO_START: Final = 3  # none, and it starts nothing: a gate


class WaitRule(NamedTuple):
    """What is fixed about a durable wait. `deadline` is in seconds, None for never.

    Its arguments are what is known when it begins: (value, question) of an approval, or (question,) where only a
    text is wanted; (name,) of an event; (seconds,) of a sleep. `on_deadline` says what
    follows when nobody has answered: it fails, the value asked about is approved or rejected, or the keyword
    argument ``default`` is handed on.
    """

    kind: Literal["approval", "event", "sleep"]
    deadline: float | None = None
    on_deadline: Literal["fail", "approve", "reject", "default"] = "fail"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepSpec:
    """A step's declared id and rules. Lengths are seconds, `memory` is bytes; None means unlimited.

    `reads` and `writes` name what the step orders itself by against others of the run, in author order.
    `wait` is there for Role.WAIT alone; `on_lost` says what follows when a process dies with an attempt.
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
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    memory: int | None = None
    wait: WaitRule | None = None
    on_lost: OnLost = OnLost.RETRY
    is_timed: bool = field(init=False)
    is_anchor: bool = field(init=False)
    lane: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_timed", self.timeout is not None or self.within is not None)
        object.__setattr__(self, "is_anchor", self.role in ANCHORS)
        object.__setattr__(self, "lane", self._lane())

    def _lane(self) -> int:
        if self.role is Role.GATE:
            return NO_START
        if self.is_anchor or self.role is Role.WAIT or self.where is Where.INLINE:
            return FREE
        return LIMITED if self.limits else PLAIN
