"""Processes that drive one run after the other, each killed, until the run has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stretto.core.journal import facts as kinds
from stretto.core.journal.reading import FactReader
from stretto.errors import NotFoundError
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
PACE = 0.02
LONGEST = 60.0
"""Seconds that a child may take; it takes less than two."""


class Ended(NamedTuple):
    """How a child ended: by SIGKILL, or with a value in canonical text. `started` are the paths of the steps that
    began in it."""

    was_killed: bool
    value: str
    started: frozenset[str]


def drive(
    flow: str, url: str, run_id: str, folder: Path, *, kill_after: float | None = None, kill_at: str = ""
) -> Ended:
    """One child. `kill_after` is in seconds from the moment at which it has loaded, `kill_at` names a point."""
    side = folder / "side"
    side.unlink(missing_ok=True)
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tests/crash/child.py"), flow, url, run_id],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(side, kill_at),
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        if kill_after is not None:
            try:
                child.wait(kill_after)
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
        out, err = child.communicate(timeout=LONGEST)
    started = (
        frozenset(line.split()[0] for line in side.read_text().splitlines()) if side.exists() else frozenset()
    )
    if child.returncode == -signal.SIGKILL:
        return Ended(True, "", started)
    assert child.returncode == 0, err
    return Ended(False, out.strip().removeprefix("value "), started)


def _environment(side: Path, kill_at: str) -> Mapping[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("STRETTO_")}
    env |= {
        "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests"))),
        "PYTHONWARNINGS": "ignore",
    }
    env |= {"FLOW_PACE": str(PACE), "FLOW_SIDE": str(side)}
    return env | ({"STRETTO_KILL_AT": kill_at} if kill_at else {})


def committed(url: str, run_id: str) -> frozenset[str]:
    """The steps whose success a run's journal holds."""
    store = open_store(url)
    try:
        bodies = store.entries(run_id)
    except NotFoundError:
        return frozenset()
    finally:
        store.close()
    reader = FactReader(is_opaque=True)
    facts = [fact for body in bodies for fact in reader.read(body)]
    if not facts:
        return frozenset()
    graph = facts[0][4].graph  # type: ignore[attr-defined]  # the first fact's data is Created
    for kind, index, _, _, data in facts:
        if kind == kinds.ATTEMPT_GREW:
            graph.grow(index, data)
    return frozenset(graph.path(fact[1]) for fact in facts if fact[0] == kinds.ATTEMPT_SUCCEEDED)
