"""The two commands say in one line what a bare machine lacks."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def made(target: str, folder: Path, *words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run make on a copy of the Makefile, in an empty folder."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    make = shutil.which("make")
    assert make is not None
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "VENV", "MAKEFLAGS")}
    env["PATH"] = path or os.environ["PATH"]
    return subprocess.run(
        [make, "--no-print-directory", target, *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def script(path: Path, body: str) -> Path:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize("target", ["demo", "test"])
def test_a_python_without_venv_is_told_in_one_line(target: str, tmp_path: Path) -> None:
    """Where python3-venv is missing, make names it and stops before it has made anything."""
    python = script(
        tmp_path / "python-without-venv",
        f'case "$*" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"',
    )
    done = made(target, tmp_path, f"PYTHON={python}")
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode != 0
    assert lines == [
        "stretto: the venv module is missing; on Debian and Ubuntu: apt-get install python3-venv"
    ]
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("target", ["demo", "test"])
def test_a_machine_without_a_new_enough_python_is_told_in_one_line(target: str, tmp_path: Path) -> None:
    """Where every Python is too old, make says which is needed and how to name one."""
    bins = tmp_path / "bin"
    bins.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        script(bins / name, "exit 1")
    tools = [shutil.which(name) for name in ("sh", "grep", "sed", "touch", "echo")]
    for tool in filter(None, tools):
        (bins / Path(tool).name).symlink_to(tool)
    done = made(target, tmp_path, path=str(bins))
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode != 0
    assert len(lines) == 1
    assert lines[0].startswith("stretto: Python 3.11 or newer is missing")
