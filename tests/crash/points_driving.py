"""Runs whose owner is killed at one point, and then end; and what was being appended when it was killed."""

from __future__ import annotations

import itertools
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from crash.killing import Ended, committed, drive
from runtime.postgres_server import Server, schema_url
from stretto.errors import NotFoundError
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Place", "Trials", "driven_until_unpassed", "forks", "length_of"]

LEASE = 0.3
SIDE_BY_SIDE = 4
_numbers = itertools.count(1)


class Place(NamedTuple):
    """Where stores of a kind are, and a directory for what is written beside them."""

    kind: str
    folder: Path
    server: Server | None

    def url(self, name: str) -> str:
        """The store of that name; none but this test's."""
        if self.server is None:
            return f"sqlite:///{self.folder}/{name}.db"
        return f"{schema_url(self.server, f'points_{name}')}&lease={LEASE}"

    def ask(self, name: str, selected: str) -> object:
        """What SELECT says to a store past it: one value; {} stands before the names of tables."""
        if self.server is not None:
            return self.server.ask("SELECT " + selected.format(f"points_{name}."))[0][0]
        with closing(sqlite3.connect(self.folder / f"{name}.db")) as connection:
            found: tuple[object, ...] = connection.execute("SELECT " + selected.format("")).fetchone()
        return found[0]


def driven_until_unpassed(trial: Callable[[int], bool]) -> int:
    """Try the first, the second … passing of a point, some side by side, until one was not reached; gives how many
    were. `trial` says whether its passing was."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for first in itertools.count(1, SIDE_BY_SIDE):
            reached = list(pool.map(trial, range(first, first + SIDE_BY_SIDE)))
            if not all(reached):
                break
    return first - 1 + sum(reached)


def length_of(url: str, run_id: str) -> int:
    """How many entries a run has."""
    store = open_store(url)
    try:
        return len(store.entries(run_id))
    except NotFoundError:
        return 0
    finally:
        store.close()


class Trials:
    """Many runs of one workflow in one store.

    `struck` are the kinds of facts in entries at which an owner was killed: (point without its store, kind); `seen`
    those in any entry of an owner that was killed. With `first_kill`, that owner is the second one of its run.
    """

    def __init__(
        self, folder: Path, url: str, flow: str, *, prefix: str = "run", first_kill: str = ""
    ) -> None:
        self._folder = folder
        self._url = url
        self._flow = flow
        self._prefix = f"{prefix}-{flow}"
        self._first_kill = first_kill
        self.struck: set[tuple[str, int]] = set()
        self.seen: set[int] = set()
        self.whole = self._drive(f"{self._prefix}-whole")

    def killed_at(self, point: str) -> int:
        """How many passings of a point there are; its owner killed at each, the run ends as if nobody had been."""
        return driven_until_unpassed(lambda number: self._trial(f"{point}:{number}"))

    def _trial(self, kill_at: str) -> bool:
        run_id = f"{self._prefix}-{next(_numbers)}"
        owners = [self._drive(run_id, self._first_kill)] if self._first_kill else []
        assert all(each.was_killed for each in owners)
        before = length_of(self._url, run_id)
        owners.append(self._drive(run_id, kill_at))
        was_killed = owners[-1].was_killed
        if was_killed:
            self._note_struck(kill_at, run_id, before)
            done = committed(self._url, run_id)
            owners.append(self._drive(run_id))
            assert not done & owners[-1].started, f"{run_id}, {kill_at}: begun again"
        self._check(owners, f"{run_id}, {kill_at}")
        return was_killed

    def _check(self, owners: list[Ended], here: str) -> None:
        begun = [attempt for each in owners for attempt in each.attempts]
        assert len(begun) == len(set(begun)), f"{here}: an attempt began twice"
        assert all(each.started <= self.whole.started for each in owners), here
        assert owners[-1].value == self.whole.value, here

    def _drive(self, run_id: str, kill_at: str = "") -> Ended:
        self._side(run_id).unlink(missing_ok=True)
        folder = self._side(run_id).parent
        return drive(self._flow, self._url, run_id, folder, kill_at=kill_at, program="points_child.py")

    def _side(self, run_id: str) -> Path:
        """What the last owner of a run has said about its entries."""
        folder = self._folder / run_id
        folder.mkdir(exist_ok=True)
        return folder / "side.entries"

    def _note_struck(self, kill_at: str, run_id: str, before: int) -> None:
        """Before a commit it is the first entry that was handed to the store and is not in it; after one it is what
        lies there without the run's having heard of it."""
        where = kill_at.partition(".")[2].partition(":")[0]
        side = self._side(run_id)
        lines = side.read_text().splitlines() if side.exists() else []
        entries = [json.loads(line) for line in lines if line != "told"]
        self.seen.update(*entries)
        there = length_of(self._url, run_id) - before
        heard = len(lines) - len(entries)
        at = {"before_commit": entries[there : there + 1], "after_commit": entries[heard:there]}
        self.struck |= {(where, kind) for kinds in at.get(where, ()) for kind in kinds}


def forks(folder: Path, url: str, flow: str) -> Trials:
    """Runs that take what an undisturbed run of the workflow has done."""
    assert drive(flow, url, "whole", folder, program="points_child.py").value
    return Trials(folder, url, flow, prefix="fork")
