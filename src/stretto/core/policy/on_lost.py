"""What follows when a process dies while an attempt is under way in it."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["OnLost"]


class OnLost(StrEnum):
    """`RETRY`: another attempt at once. `ASK`: a person says what follows, since nobody knows how far the lost
    attempt has come. `FAIL`: the step has failed. None of them counts as an attempt of the retry rule."""

    RETRY = "retry"
    ASK = "ask"
    FAIL = "fail"
