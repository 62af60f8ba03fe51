"""Where in the author's code something was written."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import CodeType, FrameType

__all__ = ["caller_place", "function_place"]

_ROOT: Final = __file__.rpartition("authoring")[0]
_LIBRARY: Final = os.__file__.rpartition("os.py")[0]


def caller_place() -> str | None:
    """``file.py:12`` of the nearest frame outside this package and Python's own library.

    A call such as ``copy.deepcopy(ref)`` is told by the author's line, not by the one in `copy`.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _is_authors(frame.f_code.co_filename):
        frame = frame.f_back
    return None if frame is None else f"{_short(frame.f_code.co_filename)}:{frame.f_lineno}"


def function_place(code: CodeType, line: int | None = None) -> str:
    """``file.py:12`` of a function, or of a line in it."""
    return f"{_short(code.co_filename)}:{line or code.co_firstlineno}"


def _is_authors(path: str) -> bool:
    if path.startswith((_ROOT, "<frozen")):
        return False
    # Installed packages lie inside the library's folder where there is no virtual environment.
    return not path.startswith(_LIBRARY) or "site-packages" in path or "dist-packages" in path


def _short(path: str) -> str:
    return path.rpartition("/")[2]
