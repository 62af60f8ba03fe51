"""How another process finds a workflow."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stretto.authoring.known import SCRIPT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["target_of"]


def target_of(fn: Callable[..., object], name: str) -> str | None:
    """``module:name``, or ``/path/flow.py:name`` for what was run as a script or loaded from a file; None where no
    other process can find it."""
    if "<locals>" in fn.__qualname__:
        return None
    module: str | None = fn.__module__
    if module is None:  # typed into something that has no name
        return None
    if module != "__main__" and not module.startswith(SCRIPT_PREFIX):
        return f"{module}:{name}"
    file = getattr(sys.modules.get(module), "__file__", None)
    return None if file is None else f"{Path(file).resolve()}:{name}"
