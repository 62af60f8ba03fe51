"""Owners are killed at random instants and at every named point: the run ends as if nobody had been."""

from __future__ import annotations

import itertools
import os
import random
from typing import TYPE_CHECKING

import pytest

from crash.killing import committed, drive
from runtime import crashing_flows as flows
from runtime.postgres_server import Server, schema_url, server

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["server"]

KILLS = int(os.environ.get("CRASH_KILLS", "120"))
SEED = int(os.environ.get("STRETTO_SEED", "0")) or random.SystemRandom().randrange(1 << 30)
NAMES = [flow.name for flow in flows.FLOWS]
MOST = 4
"""Kills of one run: five at one step would put it into quarantine."""


_numbers = itertools.count(1)


class Place:
    """Where runs are kept: a fresh file or a fresh schema."""

    def __init__(self, kind: str, folder: Path, server: Server | None) -> None:
        self.kind = kind
        self._folder = folder
        self._server = server

    def fresh(self) -> str:
        """The URL of an empty store."""
        number = next(_numbers)
        if self._server is None:
            return f"sqlite:///{self._folder}/runs-{number}.db"
        # shorter than a child takes to load
        return f"{schema_url(self._server, f'crash_{number}')}&lease=0.3"


@pytest.fixture(params=["sqlite", "postgres"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Both kinds of stores that outlive a process."""
    server = request.getfixturevalue("server") if request.param == "postgres" else None
    return Place(request.param, tmp_path, server)


@pytest.mark.heavy
def test_owners_killed_at_random_instants(stores: Place, tmp_path: Path) -> None:
    """Every construct: the value is that of an undisturbed run, and what was committed never begins again."""
    dice = random.Random(SEED)
    whole = {name: drive(name, stores.fresh(), "r", tmp_path).value for name in NAMES}
    kills = runs = 0
    while kills < KILLS / 2:
        name, runs = dice.choice(NAMES), runs + 1
        url, done = stores.fresh(), frozenset[str]()
        for number in range(MOST + 1):
            kill_after = None if number == MOST else dice.uniform(0.0, 0.3)
            ended = drive(name, url, "r", tmp_path, kill_after=kill_after)
            assert not done & ended.started, f"seed {SEED}, run {runs} of {name}: begun again"
            if not ended.was_killed:
                break
            kills += 1
            done = committed(url, "r")
        assert ended.value == whole[name], f"seed {SEED}, run {runs} of {name}"
    print(f"{stores.kind}, seed {SEED}: {kills} kills in {runs} runs")


@pytest.mark.heavy
@pytest.mark.parametrize("point", ["before_commit", "after_commit", "after_acquire"])
@pytest.mark.parametrize("name", ["chain", "risky", "nesting"])
def test_owners_killed_at_every_passing_of_a_point(
    stores: Place, name: str, point: str, tmp_path: Path
) -> None:
    """The first, the second … passing, until one is never reached: no instant between a decision and its commit, or
    behind it, is special."""
    whole = drive(name, stores.fresh(), "r", tmp_path).value
    number = 0
    while True:
        number += 1
        url = stores.fresh()
        first = drive(name, url, "r", tmp_path, kill_at=f"{stores.kind}.{point}:{number}")
        if not first.was_killed:
            assert first.value == whole
            break
        done = committed(url, "r")
        second = drive(name, url, "r", tmp_path)
        assert second.value == whole, f"{name}, {point}:{number}"
        assert not done & second.started
    assert number > 1
    print(f"{stores.kind}, {name}: killed at {number - 1} passings of {point}")
