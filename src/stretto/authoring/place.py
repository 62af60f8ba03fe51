"""Where in the author's code something was written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import CodeType, FrameType

__all__ = ["caller_place", "function_place"]

_ROOT: Final = __file__.rpartition("authoring")[0]


def caller_place() -> str | None:
    """``file.py:12`` of the nearest frame outside this package."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_ROOT):
        frame = frame.f_back
    return None if frame is None else f"{_short(frame.f_code.co_filename)}:{frame.f_lineno}"


def function_place(code: CodeType, line: int | None = None) -> str:
    """``file.py:12`` of a function, or of a line in it."""
    return f"{_short(code.co_filename)}:{line or code.co_firstlineno}"


def _short(path: str) -> str:
    return path.rpartition("/")[2]
