"""A kill at every named point: around each kind of append, before each command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from crash import points_flows as flows
from crash.killing import ROOT
from crash.points_driving import Place, Trials, forks
from runtime.postgres_server import server
from stretto.core.journal import facts as kinds

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["server"]

COMMANDS = {
    "limited": ("start", "acquire", "release", "finish"),
    "timed": ("start", "wake", "stop", "finish"),
    "struck": ("start", "wake", "stop", "finish"),
}
EVERY_KIND = frozenset(
    value
    for name, value in vars(kinds).items()
    if name.isupper() and type(value) is int and name not in ("RUN", "FIRST_CONSEQUENCE")
)
AROUND = ("before_commit", "after_commit")
ROUNDS = 8
"""How often workflows are driven at most whose entries hold a kind that was in none which was struck: how many entries
share a commit, and so which one the last passing is, differs a little each time."""


DRIVEN = {
    *(f"engine.before_{kind}" for kinds_of in COMMANDS.values() for kind in kinds_of),
    *(f"{store}.{point}" for store in ("sqlite", "postgres") for point in AROUND),
    *(f"{store}.after_acquire" for store in ("sqlite", "postgres")),  # test_sigkill.py
    *(f"{store}.in_migration" for store in ("sqlite", "postgres")),  # test_points_migration.py
    *(f"{store}.in_collect" for store in ("sqlite", "postgres")),  # test_points_gc.py
}


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Both kinds of stores that outlive a process."""
    running = request.getfixturevalue("server") if request.param == "postgres" else None
    return Place(request.param, tmp_path, running)


def test_no_point_is_left_out() -> None:
    """What the runtime calls a point is driven here or in the file that is named above."""
    named = re.compile(r'"((?:engine|sqlite|postgres)\.(?:before|after|in)_[a-z]+)"')
    sources = (ROOT / "src/stretto/runtime").rglob("*.py")
    assert {name for source in sources for name in named.findall(source.read_text())} == DRIVEN


@pytest.mark.heavy
@pytest.mark.parametrize("flow", COMMANDS)
def test_killed_before_every_command(place: Place, flow: str) -> None:
    """Whoever goes on gives them again: the end is the same, and nothing that was committed begins again."""
    trials = Trials(place.folder, place.url(flow), flow)
    passings = {kind: trials.killed_at(f"engine.before_{kind}") for kind in COMMANDS[flow]}
    assert all(passings.values()), passings
    print(f"{place.kind}, {flow}: killed before {passings}")


@pytest.mark.heavy
def test_killed_around_every_kind_of_append(place: Place) -> None:
    """Before and behind the commits of entries that hold, taken together, every kind of fact there is."""
    url = place.url("appends")
    several = [Trials(place.folder, url, flow.name) for flow in flows.FLOWS]
    several.append(Trials(place.folder, url, "asking", prefix="lost", first_kill="engine.before_start:1"))
    several.append(forks(place.folder, url, "grown"))
    left = {(point, kind) for point in AROUND for kind in EVERY_KIND}
    kills, apt = 0, several
    for _ in range(ROUNDS):
        kills += sum(each.killed_at(f"{place.kind}.{point}") for each in apt for point in AROUND)
        left = left.difference(*(each.struck for each in apt))
        apt = [each for each in several if any(kind in each.seen for _, kind in left)]
        if not apt:
            break
    assert not left
    print(f"{place.kind}: {kills} kills around appends of {len(EVERY_KIND)} kinds of facts")
