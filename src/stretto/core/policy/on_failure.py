"""What a run does when required work has finally failed."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["OnFailure"]


class OnFailure(StrEnum):
    """`DRAIN`: nothing new starts, running attempts finish and are kept. `FAIL_FAST`: running ones are
    cancelled. `CONTINUE`: what does not need the failed step still runs."""

    DRAIN = "drain"
    FAIL_FAST = "fail_fast"
    CONTINUE = "continue"
