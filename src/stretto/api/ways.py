"""`Ways`: how a run is watched and left."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stretto.ports import Observer
    from stretto.runtime.engine.driver import RunDriver

__all__ = ["Ways"]


class Ways(NamedTuple):
    """How one run is watched and left, whatever it runs."""

    observers: Sequence[Observer] = ()
    started: Callable[[RunDriver], None] | None = None
    leaves_waiting: bool = False
