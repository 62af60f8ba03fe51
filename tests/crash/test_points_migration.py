"""A kill in each step of a migration: the store is brought up to date by whoever opens it next, with all it holds."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import pytest

from crash.killing import committed, drive
from crash.points_driving import Place
from crash.points_later import LATER, later_versions
from runtime.postgres_server import server
from runtime.store_helpers import append_all, begin, digest_of
from stretto.ports import Entry, OpenWait, RowChange
from stretto.runtime.stores import open_store
from stretto.runtime.stores.sqlite_schema import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from crash.killing import Ended
    from stretto.ports import RunRow

__all__ = ["server"]

FLOW, HALFWAY = "timed", "engine.before_start:5"
BLOB = b"x" * 70_000


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Both kinds of stores that outlive a process."""
    running = request.getfixturevalue("server") if request.param == "postgres" else None
    return Place(request.param, tmp_path, running)


class Kept(NamedTuple):
    """All that a store says."""

    rows: list[RunRow]
    entries: list[list[bytes]]
    waits: list[OpenWait]
    letters: list[tuple[int, str, bytes]]
    blob: bytes


def _kept(url: str) -> Kept:
    store = open_store(url)
    rows = [row._replace(owner=None) for row in store.runs()]  # a dead one's lease may end meanwhile
    kept = Kept(
        rows,
        [store.entries(row.run_id) for row in rows],
        store.waits(),
        [(mail.number, mail.run_id, mail.body) for mail in store.letters()],
        store.blob(digest_of(BLOB)),
    )
    store.close()
    return kept


def _fill(url: str, folder: Path) -> None:
    """Make an old store: a run that has ended, one whose owner is dead, one that waits and has a letter."""
    assert _driven(url, folder, "ended").value
    assert _driven(url, folder, "half", kill_at=HALFWAY).was_killed
    store = open_store(url)
    epoch = begin(store, "asks")
    change = RowChange(status="waiting", opened=(OpenWait("asks", "sign", "approval", "Good?", 5.0, None),))
    append_all(store, "asks", epoch, Entry(b"{}", change, {digest_of(BLOB): BLOB}))
    store.release("asks", epoch)
    store.send("asks", "answer", b"{}", 6.0)
    store.close()


def _driven(
    url: str, folder: Path, run_id: str, *, kill_at: str = "", program: str = "points_child.py"
) -> Ended:
    return drive(FLOW, url, run_id, folder, kill_at=kill_at, program=program)


def _schema(place: Place, name: str) -> int:
    """The version of the schema that a store has."""
    if place.server is None:
        return int(str(place.ask(name, "user_version FROM pragma_user_version")))
    if place.ask(name, "to_regclass('{}version')") is None:
        return 0
    return int(str(place.ask(name, "max(number) FROM {}version")))


@pytest.mark.heavy
def test_killed_in_every_step_of_a_migration(place: Place) -> None:
    """An old store has taken the steps before it whole, and nothing of this one; the next to open it takes the rest,
    every row is as it was, and a run that was under way there ends with its value."""
    whole = _driven(place.url("plain"), place.folder, "r").value
    for number in itertools.count(1):
        name = f"old{number}"
        url = place.url(name)
        _fill(url, place.folder)
        before, done = _kept(url), committed(url, "half")
        kill_at = f"{place.kind}.in_migration:{number}"
        ended = _driven(url, place.folder, "half", kill_at=kill_at, program="points_later.py")
        if ended.was_killed:
            assert _schema(place, name) == VERSION + number - 1
            with later_versions():
                assert _kept(url) == before
            ended = _driven(url, place.folder, "half", program="points_later.py")
            assert not done & ended.started
        assert ended.value == whole
        assert _schema(place, name) == VERSION + LATER
        assert place.ask(name, "count(*) FROM {}runs WHERE color = 'green'") == len(before.rows)
        if number > LATER:
            break


@pytest.mark.heavy
def test_killed_in_every_step_of_making_a_store(place: Place) -> None:
    """What is there is empty, and whoever comes next makes the rest of it."""
    whole = _driven(place.url("plain"), place.folder, "r").value
    for number in itertools.count(1):
        name = f"fresh{number}"
        url = place.url(name)
        kill_at = f"{place.kind}.in_migration:{number}"
        ended = _driven(url, place.folder, "r", kill_at=kill_at, program="points_later.py")
        if not ended.was_killed:
            break
        assert ended.attempts == ()
        assert _schema(place, name) == number - 1
        assert _driven(url, place.folder, "r", program="points_later.py").value == whole
        assert _schema(place, name) == VERSION + LATER
    assert number == VERSION + LATER + 1
