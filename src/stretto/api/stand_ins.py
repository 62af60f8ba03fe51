"""What runs in place of steps' own functions: the engine asks here when a run starts, tests decide."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.authoring.step import AnyStep

__all__ = ["StandIn", "StandIns", "stand_ins"]


class StandIn(NamedTuple):
    """`fn` gets the step's inputs. With `is_on_loop` it is a coroutine function and runs on the event loop,
    wherever the step's own would run. `resources` are the step's parameters of that kind which it takes.
    """

    fn: Callable[..., object]
    is_on_loop: bool = False
    resources: frozenset[str] = frozenset()


StandIns: TypeAlias = "Callable[[AnyStep], StandIn | None]"
"""What stands in for a step; None for its own function."""

stand_ins: ContextVar[StandIns | None] = ContextVar("stretto_stand_ins", default=None)
"""Read once a run, when it starts: what is set here by one test is not seen by another beside it."""
