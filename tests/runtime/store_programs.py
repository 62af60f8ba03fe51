"""Python programs of a few lines in processes of their own, for tests that kill them or run them as somebody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(__file__).resolve().parents[2] / "src"

_HEAD = """
import os, sys, threading, urllib.parse
from stretto.errors import StrettoError
from stretto.ports import Entry, NewRun, RowChange
from stretto.runtime.stores.sqlite import SqliteStore

def append(store, run_id, epoch, *entries):
    done = threading.Semaphore(0)
    for entry in entries:
        store.append(run_id, epoch, entry, lambda run_ids, error: [done.release() for _ in run_ids])
    for _ in entries:
        assert done.acquire(timeout=10)

def say(text):
    print(text, flush=True)

path = sys.argv[1]
"""


def _environment(kill_at: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("STRETTO_")}
    kill = {"STRETTO_KILL_AT": kill_at} if kill_at else {}
    return {**plain, "PYTHONPATH": str(SOURCES), "PYTHONDONTWRITEBYTECODE": "1", **kill}


def run_program(text: str, path: Path, *, kill_at: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program to its end; `path` is in its variable of that name, `kill_at` a named point to die at."""
    return subprocess.run(
        [sys.executable, "-c", _HEAD + text, str(path)],
        env=_environment(kill_at),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd="/",
    )


@contextmanager
def running_program(text: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A program at work; killed at the end of the block, if it still lives."""
    command = [sys.executable, "-c", _HEAD + text, str(path)]
    with subprocess.Popen(
        command, env=_environment(""), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line it says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def killed(process: subprocess.Popen[str]) -> None:
    """Kill it, and wait until it is gone."""
    process.send_signal(signal.SIGKILL)
    process.wait(10)
