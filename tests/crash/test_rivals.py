"""Whoever wants a run at the same moment: one gets it, the others are told who."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from crash.killing import ROOT
from runtime.postgres_server import Server, schema_url, server
from stretto.ports import NewRun
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["server"]

RIVALS = 16
ROUNDS = 1000 // 2
"""For each kind of store."""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store with the run that all of them want."""
    if request.param == "sqlite":
        place = f"sqlite:///{tmp_path}/runs.db"
    else:
        found: Server = request.getfixturevalue("server")
        place = schema_url(found, "rivals")
    store = open_store(place)
    store.create(NewRun("r", "wanted", 1.0))
    store.close()
    return place


def _rival(url: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("STRETTO_")}
    env["PYTHONPATH"] = str(ROOT / "src")
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests/crash/rival.py"), url, "r"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    )


def _tell(rival: subprocess.Popen[str], line: str) -> None:
    assert rival.stdin is not None
    rival.stdin.write(line + "\n")
    rival.stdin.flush()


def _answer(rival: subprocess.Popen[str]) -> str:
    assert rival.stdout is not None
    return rival.stdout.readline().strip()


@pytest.mark.heavy
def test_one_of_sixteen_becomes_the_owner(url: str) -> None:
    """Round after round: one owner with an epoch of its own, fifteen refusals, which name the owner's process."""
    with ExitStack() as stack:
        rivals = [stack.enter_context(_rival(url)) for _ in range(RIVALS)]
        assert [_answer(rival) for rival in rivals] == ["ready"] * RIVALS
        pids = {str(rival.pid) for rival in rivals}
        last = 0
        named = 0
        for _ in range(ROUNDS):
            for rival in rivals:
                _tell(rival, "take")
            answers = [_answer(rival) for rival in rivals]
            winners = [number for number, answer in enumerate(answers) if answer.startswith("owner ")]
            assert len(winners) == 1, answers
            epoch = int(answers[winners[0]].split()[1])
            assert epoch == last + 1
            last = epoch
            said = [
                re.search(r"at work in process (\w+)", each) for each in answers if each.startswith("refused")
            ]
            assert len(said) == RIVALS - 1
            named += sum(each is not None and each[1] in pids for each in said)
            _tell(rivals[winners[0]], f"give {epoch}")
            assert _answer(rivals[winners[0]]) == "given"
        for rival in rivals:
            assert rival.stdin is not None
            rival.stdin.close()
    # in the instant between taking and noting it, nobody can be named
    assert named > ROUNDS * (RIVALS - 1) * 0.9
    print(f"{ROUNDS} rounds of {RIVALS}: {named} of {ROUNDS * (RIVALS - 1)} refusals named the owner")
