"""Where the command line keeps what outlives a command: ``.stretto/`` here, or ``STRETTO_HOME``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["made_folder", "made_store_file", "state_folder", "store_file"]

_PRIVATE = 0o700
_STORE = "stretto.db"


def state_folder(env: Mapping[str, str] | None = None, start: Path | None = None) -> Path:
    """``STRETTO_HOME`` where it is set and not empty, else ``.stretto`` in `start` (default: the working
    directory). It need not exist.
    """
    home = (os.environ if env is None else env).get("STRETTO_HOME", "").strip()
    if home:
        return Path(home).expanduser()
    return (Path.cwd() if start is None else start) / ".stretto"


def made_folder(name: str, state: Path | None = None) -> Path:
    """The folder `name` in the state folder, made if need be, which git ignores by itself.

    Only its owner may look into it: values of runs lie there. Raises OSError where it cannot be made.
    """
    folder = (state_folder() if state is None else state) / name
    if not folder.is_dir():
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    _kept_from_git(folder)
    return folder


def store_file(state: Path | None = None) -> Path:
    """The file in the state folder that runs are journaled in, whether it exists or not."""
    return (state_folder() if state is None else state) / _STORE


def made_store_file(state: Path | None = None) -> Path:
    """The same, in a folder that exists.

    A folder made for it is for its owner's eyes, and git ignores it. One that was there stays as it is. Raises
    OSError where it cannot be made.
    """
    file = store_file(state)
    if not file.parent.is_dir():
        file.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        _kept_from_git(file.parent)
    return file


def _kept_from_git(folder: Path) -> None:
    ignored = folder / ".gitignore"
    if not ignored.exists():
        ignored.write_text("*\n", encoding="utf-8")
