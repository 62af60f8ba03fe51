"""A bench's figures on disk, dated, never over earlier ones."""

from __future__ import annotations

import itertools
import json
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stretto.errors import InputError
from stretto.service.cli.bench_report import as_data
from stretto.service.state import made_folder, state_folder

if TYPE_CHECKING:
    from pathlib import Path

    from stretto.service.cli.bench_report import Bench

__all__ = ["save", "saving_folder"]

_FOLDER = "bench"


def saving_folder() -> Path:
    """Where figures are kept. Raises `InputError` before anything runs whose figures could not be."""
    try:
        folder = made_folder(_FOLDER)
        is_writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as trouble:
        raise InputError(f"--save: {trouble}. Set STRETTO_HOME to a folder that can be written.") from None
    if not is_writable:
        place = state_folder() / _FOLDER
        raise InputError(f"--save: {place} cannot be written. Set STRETTO_HOME to a folder that can.")
    return folder


def save(folder: Path, bench: Bench) -> Path:
    """Write the figures into a new file and give its path. Raises `InputError` where that fails."""
    now = datetime.now(UTC)
    name = re.sub(r"[^\w.-]", "_", bench.workflow)
    text = json.dumps(
        {"at": now.isoformat(timespec="seconds"), **as_data(bench)}, indent=2, ensure_ascii=False
    )
    try:
        return _written(folder, f"{name}-{now:%Y-%m-%dT%H-%M-%SZ}", text + "\n")
    except OSError as trouble:
        raise InputError(
            f"--save: the figures cannot be written: {trouble}. Make room in {folder}."
        ) from None


def _written(folder: Path, stem: str, text: str) -> Path:
    for number in itertools.count(1):
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}.json"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path
    raise AssertionError  # the count has no end
