"""The value that stands where an optional step's result would have been."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

__all__ = ["MISSING_REASONS", "Missing", "MissingReason"]

MissingReason = Literal["failed", "timed_out", "skipped", "cancelled"]

MISSING_REASONS: Final[tuple[MissingReason, ...]] = get_args(MissingReason)


@dataclass(frozen=True, slots=True)
class Missing:
    """What a consumer gets from an optional step that did not succeed. It is false in a boolean context.

    `step` is the path of that step, `reason` how it ended, `detail` the text of its error, if it had one.
    Raises `ValueError` for any other reason.
    """

    step: str
    reason: MissingReason
    detail: str = ""

    def __post_init__(self) -> None:
        if self.reason not in MISSING_REASONS:
            raise ValueError(f"a result is missing because of one of {MISSING_REASONS}, not {self.reason!r}")

    def __bool__(self) -> bool:
        return False
