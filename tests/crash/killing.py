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
from stretto.core.schedule.machine import Scheduler
from stretto.core.schedule.states import State
from stretto.errors import NotFoundError
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.core.journal.facts import Fact

ROOT = Path(__file__).resolve().parents[2]
PACE = 0.02
LONGEST = 60.0
"""Seconds that a child may take; it takes less than two."""


class Ended(NamedTuple):
    """How a child ended: by SIGKILL, or with a value in canonical text. `attempts` are those that began in it, each
    "PATH NUMBER", in that order."""

    was_killed: bool
    value: str
    attempts: tuple[str, ...]

    @property
    def started(self) -> frozenset[str]:
        """The paths of the steps that began in it."""
        return frozenset(attempt.rpartition(" ")[0] for attempt in self.attempts)


def drive(
    flow: str,
    url: str,
    run_id: str,
    folder: Path,
    *,
    kill_after: float | None = None,
    kill_at: str = "",
    program: str = "child.py",
    pace: float = PACE,
) -> Ended:
    """One child. `kill_after` is in seconds from the moment at which it has loaded, `kill_at` names a point; `program`
    lies beside this file, and `pace` is what a second takes in it."""
    side = folder / "side"
    side.unlink(missing_ok=True)
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tests/crash" / program), flow, url, run_id],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(side, kill_at, pace),
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        if kill_after is not None:
            try:
                child.wait(kill_after)
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
        try:
            out, err = child.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            child.kill()  # else leaving the block would wait for it
            raise
    attempts = tuple(side.read_text().splitlines()) if side.exists() else ()
    if child.returncode == -signal.SIGKILL:
        return Ended(True, "", attempts)
    assert child.returncode == 0, err
    return Ended(False, out.strip().removeprefix("value "), attempts)


def _environment(side: Path, kill_at: str, pace: float) -> Mapping[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("STRETTO_")}
    env |= {
        "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests"))),
        "PYTHONWARNINGS": "ignore",
    }
    env |= {"FLOW_PACE": str(pace), "FLOW_SIDE": str(side)}
    return env | ({"STRETTO_KILL_AT": kill_at} if kill_at else {})


def committed(url: str, run_id: str) -> frozenset[str]:
    """The steps whose success a run's journal holds."""
    facts = [fact for decision in _decisions(url, run_id) for fact in decision]
    if not facts:
        return frozenset()
    graph = facts[0][4].graph  # type: ignore[attr-defined]  # the first fact's data is Created
    for kind, index, _, _, data in facts:
        if kind == kinds.ATTEMPT_GREW:
            graph.grow(index, data)
    return frozenset(graph.path(fact[1]) for fact in facts if fact[0] == kinds.ATTEMPT_SUCCEEDED)


def settled(url: str, run_id: str) -> frozenset[str]:
    """The steps that have settled, well or not, where a run's journal ends."""
    decisions = _decisions(url, run_id)
    if not decisions:
        return frozenset()
    scheduler = Scheduler(decisions[0][0][4])  # type: ignore[arg-type]  # the first fact's data is Created
    for facts in decisions:
        scheduler.handle(*(fact for fact in facts if kinds.is_stimulus(fact)))
    graph = scheduler.graph
    return frozenset(
        graph.path(index) for index, state in enumerate(scheduler.states) if state >= State.SUCCEEDED
    )


def _decisions(url: str, run_id: str) -> list[list[Fact]]:
    store = open_store(url)
    try:
        bodies = store.entries(run_id)
    except NotFoundError:
        return []
    finally:
        store.close()
    reader = FactReader(is_opaque=True)
    return [reader.read(body) for body in bodies]
