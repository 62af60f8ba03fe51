"""A dead owner's run is taken over in time, and an owner that comes back from the dead writes nothing more."""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from crash.killing import PACE, ROOT
from crash.owners import FAN, VALUE, shared
from runtime.postgres_server import Server, schema_url, server
from stretto import Engine
from stretto.core.journal import facts as kinds
from stretto.core.journal.reading import FactReader
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stretto.ports import Store

__all__ = ["server"]

LEASE = 1.0
KILLS, STOPS = 12, 6
LATEST = 20
"""Entries after which a run is struck at the latest; it writes 25."""


class Place(NamedTuple):
    """A store that two processes share, and where they say which steps they began."""

    url: str
    store: Store
    folder: Path

    def began(self, who: str) -> list[str]:
        """The steps that have begun in a process, in order."""
        side = self.folder / who
        lines = side.read_text().splitlines() if side.exists() else []
        return [line.removeprefix("began ") for line in lines if line.startswith("began ")]


@pytest.fixture
def place(server: Server, tmp_path: Path) -> Iterator[Place]:
    """An empty one, on PostgreSQL."""
    server.ask("DROP SCHEMA IF EXISTS takeover CASCADE")
    url = f"{schema_url(server, 'takeover')}&lease={LEASE}"
    store = open_store(url)
    yield Place(url, store, tmp_path)
    store.close()


class Child:
    """A process that is spoken to in lines."""

    def __init__(self, place: Place, who: str, *arguments: str) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("STRETTO_")}
        env["PYTHONPATH"] = os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests")))
        env |= {"FLOW_PACE": str(PACE), "FLOW_SIDE": str(place.folder / who)}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/crash/owners.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        assert self.line() == "ready"

    def line(self) -> str:
        """The next line it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self) -> str:
        """Send it on, and give what it says to that."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.line()

    def send(self, what: signal.Signals) -> None:
        """A signal."""
        self.process.send_signal(what)

    def end(self) -> None:
        """End it, in whatever state it is."""
        self.process.kill()
        self.process.communicate(timeout=20)


@contextmanager
def _child(place: Place, who: str, *arguments: str) -> Iterator[Child]:
    child = Child(place, who, *arguments)
    try:
        yield child
    finally:
        child.end()


def _until(place: Place, run_id: str, *, epoch: int = 0, entries: int = 0, status: str = "") -> None:
    """Wait until a run has come so far."""
    until = time.monotonic() + 20
    while True:
        row = place.store.run(run_id)
        if row.epoch >= epoch and status in ("", row.status) and len(place.store.entries(run_id)) >= entries:
            return
        assert time.monotonic() < until, row
        time.sleep(0.002)


def _begun(place: Place, run_id: str) -> None:
    """Wait until a run's owner has it."""
    until = time.monotonic() + 20
    while not place.store.runs(prefix=run_id) or place.store.run(run_id).epoch == 0:
        assert time.monotonic() < until
        time.sleep(0.002)


def _paths(bodies: list[bytes], kind: int) -> set[str]:
    """The steps of which a part of a journal has a fact of a kind."""
    reader = FactReader(is_opaque=True)
    facts = [fact for body in bodies for fact in reader.read(body)]
    graph = facts[0][4].graph  # type: ignore[attr-defined]  # the first fact's data is Created
    return {graph.path(fact[1]) for fact in facts if fact[0] == kind}


def _of_first_owner(server: Server, place: Place, run_id: str) -> list[bytes]:
    """What the first owner has written, which nobody has written over."""
    rows = server.ask(f"SELECT epoch FROM takeover.entries WHERE run_id = '{run_id}' ORDER BY seq")
    epochs = [row[0] for row in rows]
    assert epochs == sorted(epochs, key=lambda each: int(str(each)))
    assert set(epochs) == {1, 2}
    return place.store.entries(run_id)[: epochs.count(1)]


def _all_there(server: Server) -> list[object]:
    """All that the tables hold about runs."""
    return [
        server.ask(f"SELECT * FROM takeover.{table} ORDER BY 1, 2")
        for table in ("runs", "entries", "waits", "letters", "blobs", "blob_refs")
    ]


def _check_end(server: Server, place: Place, run_id: str, keeper: str) -> set[str]:
    """The run has its value, and nothing that the first owner committed was done again; gives what that one had
    begun."""
    flow = shared.with_options(engine=Engine(store=place.store))
    assert flow.resume(run_id).value == VALUE
    bodies = _of_first_owner(server, place, run_id)
    again = set(place.began(keeper)) & _paths(bodies, kinds.ATTEMPT_SUCCEEDED)
    assert again == set()
    assert len(place.began(keeper)) == len(set(place.began(keeper)))
    return _paths(bodies, kinds.STEP_STARTED)


@pytest.mark.heavy
def test_a_killed_owner_is_replaced_within_twice_its_lease(server: Server, place: Place) -> None:
    """From SIGKILL to the next owner's epoch, at whatever moment of the lease it comes."""
    dice = random.Random(20261121)
    took: list[float] = []
    for number in range(KILLS):
        run_id, keeper = f"killed-{number}", f"keeper-{number}"
        with (
            _child(place, keeper, "keep", place.url) as other,
            _child(place, "owner", "own", place.url, run_id) as owner,
        ):
            _begun(place, run_id)
            assert other.tell() == "keeping"
            _until(place, run_id, entries=dice.randrange(2, LATEST))
            before = time.monotonic()
            owner.send(signal.SIGKILL)
            _until(place, run_id, epoch=2)
            took.append(time.monotonic() - before)
            _until(place, run_id, status="succeeded")
            assert other.tell() == "left"
        _check_end(server, place, run_id, keeper)
    print(
        f"{KILLS} kills, lease {LEASE} s: taken over after {statistics.median(took):.2f} s (median), "
        f"{min(took):.2f} to {max(took):.2f} s"
    )
    assert max(took) < 2 * LEASE


@pytest.mark.heavy
def test_a_stopped_owner_writes_nothing_more(server: Server, place: Place) -> None:
    """Stopped at any instant until another has ended its run, it goes on with nothing but what was under way in it,
    changes no row, and is told that it was taken over."""
    dice = random.Random(20261122)
    woken = 0
    for number in range(STOPS):
        run_id, who, keeper = f"stopped-{number}", f"owner-{number}", f"keeper-{number}"
        with (
            _child(place, keeper, "keep", place.url) as other,
            _child(place, who, "own", place.url, run_id) as owner,
        ):
            _until_stopped(place, owner, run_id, dice)
            before = len(place.began(who))
            assert other.tell() == "keeping"
            _until(place, run_id, status="succeeded")
            assert other.tell() == "left"
            there = _all_there(server)
            owner.send(signal.SIGCONT)
            said = owner.process.communicate(timeout=20)[0]
        assert said.startswith(f"FencedError Run {run_id} was taken over by another process"), said
        assert _all_there(server) == there
        known = _check_end(server, place, run_id, keeper)
        began = place.began(who)
        assert set(began) <= known
        assert len(began) - before <= FAN
        woken += len(began) - before
    print(f"{STOPS} stops: {woken} steps that were decided before it began after the owner came back")


def _until_stopped(place: Place, owner: Child, run_id: str, dice: random.Random) -> None:
    """Stop an owner somewhere between two entries of its journal."""
    _begun(place, run_id)
    _until(place, run_id, entries=dice.randrange(2, LATEST))
    time.sleep(dice.uniform(0, 3 * PACE))
    owner.send(signal.SIGSTOP)
    _, status = os.waitpid(owner.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
