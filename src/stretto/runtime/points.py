"""Named places at which a test can have this process killed."""

from __future__ import annotations

import os
import signal
from typing import Final

__all__ = ["ARMED", "point"]

_name, _, _nth = os.environ.get("STRETTO_KILL_AT", "").partition(":")
_left = int(_nth or 1) if _name else 0

ARMED: Final = bool(_name)
"""Whether there is a place at which this process is to be killed: what is passed very often asks this first."""


def point(name: str) -> None:
    """Kill this process by SIGKILL if the environment variable STRETTO_KILL_AT was `name`, or ``name:N`` and this
    is the N-th passing, when the module was imported; otherwise do nothing."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
