"""Owners are killed at random instants and at every named point: the run ends as if nobody had been."""

from __future__ import annotations

import os
import random
import shutil
from typing import TYPE_CHECKING

import pytest

from crash.killing import committed, drive
from runtime import crashing_flows as flows

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("CRASH_KILLS", "120"))
SEED = int(os.environ.get("STRETTO_SEED", "0")) or random.SystemRandom().randrange(1 << 30)
NAMES = [flow.name for flow in flows.FLOWS]
MOST = 4
"""Kills of one run: five at one step would put it into quarantine."""


@pytest.mark.heavy
def test_owners_killed_at_random_instants(tmp_path: Path) -> None:
    """Every construct: the value is that of an undisturbed run, and what was committed never begins again."""
    dice = random.Random(SEED)
    whole = {name: drive(name, f"sqlite:///{tmp_path}/{name}.db", "r", tmp_path).value for name in NAMES}
    kills = runs = 0
    while kills < KILLS:
        name, runs = dice.choice(NAMES), runs + 1
        folder = tmp_path / f"run-{runs}"
        folder.mkdir()
        url, done = f"sqlite:///{folder}/runs.db", frozenset[str]()
        for number in range(MOST + 1):
            kill_after = None if number == MOST else dice.uniform(0.0, 0.25)
            ended = drive(name, url, "r", folder, kill_after=kill_after)
            assert not done & ended.started, f"seed {SEED}, run {runs} of {name}: begun again"
            if not ended.was_killed:
                break
            kills += 1
            done = committed(url, "r")
        assert ended.value == whole[name], f"seed {SEED}, run {runs} of {name}"
        shutil.rmtree(folder)
    print(f"seed {SEED}: {kills} kills in {runs} runs")


@pytest.mark.heavy
@pytest.mark.parametrize("point", ["before_commit", "after_commit", "after_acquire"])
@pytest.mark.parametrize("name", ["chain", "risky", "nesting"])
def test_owners_killed_at_every_passing_of_a_point(name: str, point: str, tmp_path: Path) -> None:
    """The first, the second … passing, until one is never reached: no instant between a decision and its commit, or
    behind it, is special."""
    whole = drive(name, f"sqlite:///{tmp_path}/whole.db", "r", tmp_path).value
    number = 0
    while True:
        number += 1
        folder = tmp_path / f"{number}"
        folder.mkdir()
        url = f"sqlite:///{folder}/runs.db"
        first = drive(name, url, "r", folder, kill_at=f"sqlite.{point}:{number}")
        if not first.was_killed:
            assert first.value == whole
            break
        done = committed(url, "r")
        second = drive(name, url, "r", folder)
        assert second.value == whole, f"{name}, {point}:{number}"
        assert not done & second.started
        shutil.rmtree(folder)
    assert number > 1
    print(f"{name}: killed at {number - 1} passings of {point}")
