"""Owners of random workflows, of every construct, are killed at random instants: the runs end as if nobody had been."""

from __future__ import annotations

import itertools
import json
import os
import random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from crash.killing import Ended, drive, settled
from crash.worlds_driving import drawn, tempo
from property.worlds_reference import Reference
from runtime.postgres_server import schema_url, server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["server"]

KILLS = int(os.environ.get("CRASH_KILLS", "120"))
SEED = int(os.environ.get("STRETTO_SEED", "0")) or random.SystemRandom().randrange(1 << 30)
MOST = 4
"""Kills of one run: five at one step would put it into quarantine."""


@pytest.fixture(params=["sqlite", "postgres"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives the URL of an empty store, each time another one."""
    numbers = itertools.count(1)
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path}/runs-{next(numbers)}.db"
    running = request.getfixturevalue("server")
    # shorter than a child takes to load
    return lambda: f"{schema_url(running, f'worlds_{next(numbers)}')}&lease=0.3"


@pytest.mark.heavy
def test_owners_of_random_workflows_killed_at_random_instants(
    fresh: Callable[[], str], tmp_path: Path
) -> None:
    """Status and value are those of an undisturbed run and of plain recursion; what had settled never begins again,
    and no attempt begins twice."""
    dice = random.Random(SEED)
    kills = runs = 0
    while kills < KILLS / 2:
        runs += 1
        trial = _Trial(dice.randrange(1 << 30), fresh, tmp_path / str(runs))
        try:
            kills += trial.kills(dice)
        except BaseException as error:
            error.add_note(f"seed {SEED}, run {runs}: {trial.again}")
            raise
    print(f"seed {SEED}: {kills} kills in {runs} random workflows")


class _Trial:
    """One random workflow, run undisturbed and disturbed."""

    def __init__(self, number: int, fresh: Callable[[], str], folder: Path) -> None:
        self._number = number
        self._fresh = fresh
        self._folder = folder
        self._scene = drawn(number)
        self._reference = Reference(self._scene.world)
        self._pace, self._seconds = tempo(self._scene)
        self.again = (
            f"FLOW_SIDE=side FLOW_PACE={self._pace:.4f} python tests/crash/worlds_child.py {number} STORE RUN"
        )

    def kills(self, dice: random.Random) -> int:
        """How many it took. Raises AssertionError at the first difference."""
        whole = _Told.of(self._drive("whole", self._fresh()))
        self._check(whole)
        url, kills = self._fresh(), 0
        over, begun = frozenset[str](), set[str]()
        for number in range(MOST + 1):
            kill = {} if number == MOST else self._some_instant(dice, url)
            ended = self._drive("killed", url, **kill)
            assert not over & ended.started, "what had settled began again"
            assert not begun & {*ended.attempts}, "an attempt began twice"
            assert len({*ended.attempts}) == len(ended.attempts), "an attempt began twice"
            begun.update(ended.attempts)
            if not ended.was_killed:
                break
            kills += 1
            over = settled(url, "r")
        self._check(_Told.of(ended), whole)
        read = self._drive("killed", url)
        assert (read.value, read.attempts) == (ended.value, ()), "it is another when it is read again"
        return kills

    def _some_instant(self, dice: random.Random, url: str) -> dict[str, Any]:
        """Half of them at a commit, where a millisecond makes the difference."""
        if dice.random() < 0.5:
            return {"kill_after": dice.uniform(0.0, self._seconds + 0.15)}
        kind = "sqlite" if url.startswith("sqlite") else "postgres"
        passing = dice.randint(1, self._scene.size)
        return {"kill_at": f"{kind}.{dice.choice(('before', 'after'))}_commit:{passing}"}

    def _drive(self, name: str, url: str, **kill: Any) -> Ended:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        program = "worlds_child.py"
        return drive(str(self._number), url, "r", folder, program=program, pace=self._pace, **kill)

    def _check(self, told: _Told, whole: _Told | None = None) -> None:
        reference = self._reference
        assert told.status == reference.status
        assert told.value == reference.value
        assert bool(told.failed) == reference.is_lost
        firm = self._firm(told)
        assert all(reference.states.get(path) == "failed" for path in firm), firm
        # Where failures stop what is around them, it depends on the instant which of them come to pass.
        if whole is not None and self._scene.world.on_failure == "continue":
            assert firm == self._firm(whole)

    def _firm(self, told: _Told) -> frozenset[str]:
        """What failed, whatever the order of events."""
        return frozenset(path for path in told.failed if not path.startswith(tuple(self._reference.vague)))


class _Told(NamedTuple):
    """What a child told of a run that has ended."""

    status: str
    value: object
    failed: frozenset[str]

    @classmethod
    def of(cls, ended: Ended) -> _Told:
        told = json.loads(ended.value)
        return cls(told["status"], told["value"], frozenset(told["failed"]))
