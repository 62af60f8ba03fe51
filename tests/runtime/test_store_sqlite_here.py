"""A commit on the caller's own thread: where it is quicker than handing it over, and nothing else changes."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from stretto.errors import FencedError
from stretto.ports import Entry, NewRun, RowChange
from stretto.runtime.stores import sqlite_writer
from stretto.runtime.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Listener:
    """Collects what a writer says."""

    def __init__(self) -> None:
        self.said: list[tuple[list[str], BaseException | None]] = []
        self.was_told = threading.Event()

    def __call__(self, run_ids: Sequence[str], error: BaseException | None) -> None:
        self.said.append((list(run_ids), error))
        self.was_told.set()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(str(tmp_path / "runs.db"), busy_timeout=0.2)
    opened.create(NewRun("a", "flow", 1.0))
    yield opened
    opened.close()


def test_it_is_committed_when_it_returns_and_nobody_is_told(store: SqliteStore) -> None:
    """Another connection sees entry and row at once; one commit more."""
    epoch, listener, before = store.acquire("a"), Listener(), store.commits
    change = RowChange(status="running", started_at=2.0)
    assert store.append("a", epoch, Entry(b"one", change), listener, may_wait=True)
    assert store.commits == before + 1
    assert store.entries("a") == [b"one"]
    assert store.run("a").status == "running"
    assert listener.said == []


def test_both_ways_keep_one_order(store: SqliteStore) -> None:
    """Entries of the thread and of the caller follow one another, each seen by the other."""
    epoch, bodies = store.acquire("a"), [str(number).encode() for number in range(600)]
    ways = set()
    for number, body in enumerate(bodies):
        listener = Listener()
        may_wait = number % 3 != 0
        is_done = store.append("a", epoch, Entry(body), listener, may_wait=may_wait)
        ways.add((may_wait, is_done))
        if not is_done:
            assert listener.was_told.wait(5)
            assert listener.said == [(["a"], None)]
    assert store.entries("a") == bodies
    # of 256 that may wait, one goes to the thread, whose commits move the log into the file
    assert ways == {(False, False), (True, True), (True, False)}


def test_a_fenced_owner_is_told_by_the_thread(store: SqliteStore) -> None:
    """Nothing is written here; the words come from where they always come from."""
    old = store.acquire("a")
    store.release("a", old)
    new, listener = store.acquire("a"), Listener()
    assert not store.append("a", old, Entry(b"old"), listener, may_wait=True)
    assert listener.was_told.wait(5)
    assert isinstance(listener.said[0][1], FencedError)
    assert store.append("a", new, Entry(b"new"), Listener(), may_wait=True)
    assert store.entries("a") == [b"new"]


def test_an_owner_fenced_between_two_lone_entries(store: SqliteStore) -> None:
    """The single statement asks for the epoch, too, whoever raised it."""
    epoch, listener = store.acquire("a"), Listener()
    for body in (b"one", b"two"):
        assert store.append("a", epoch, Entry(body), Listener(), may_wait=True)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("UPDATE runs SET epoch = epoch + 1 WHERE run_id = 'a'")
    other.close()
    assert not store.append("a", epoch, Entry(b"three"), listener, may_wait=True)
    assert listener.was_told.wait(5)
    assert isinstance(listener.said[0][1], FencedError)
    assert store.entries("a") == [b"one", b"two"]


def test_runs_in_turns(store: SqliteStore) -> None:
    """Each keeps its own order; what stands beside an entry is written with it, then lone ones go on."""
    store.create(NewRun("b", "w", 1.0))
    epochs = {run_id: store.acquire(run_id) for run_id in ("a", "b")}
    for number in range(6):
        for run_id, epoch in epochs.items():
            change = RowChange(done=number) if number == 3 else None
            assert store.append(run_id, epoch, Entry(b"%d" % number, change), Listener(), may_wait=True)
    for run_id in epochs:
        assert store.entries(run_id) == [b"%d" % number for number in range(6)]
        assert store.run(run_id).done == 3


def test_it_waits_for_nobody(store: SqliteStore) -> None:
    """Where another connection is writing, the thread waits for its turn, and not the caller."""
    epoch, listener = store.acquire("a"), Listener()
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert not store.append("a", epoch, Entry(b"one"), listener, may_wait=True)
    other.execute("COMMIT")
    other.close()
    assert listener.was_told.wait(5)
    assert listener.said == [(["a"], None)]
    assert store.append("a", epoch, Entry(b"two"), Listener(), may_wait=True)
    assert store.entries("a") == [b"one", b"two"]


def test_a_slow_disk_keeps_commits_off_the_callers_thread(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop is never held up for longer than is usual for a quick commit."""
    epoch, listener = store.acquire("a"), Listener()
    monkeypatch.setattr(sqlite_writer, "_QUICK", 0.0)
    assert not store.append("a", epoch, Entry(b"one"), listener, may_wait=True)
    assert listener.was_told.wait(5)


def test_what_cannot_be_written_fails_by_the_thread(store: SqliteStore) -> None:
    """A lone surrogate in a status, which no database takes: rolled back here, told there, and poisoned."""
    epoch, listener = store.acquire("a"), Listener()
    bad = Entry(b"bad", RowChange(status="\ud800"))
    assert not store.append("a", epoch, bad, listener, may_wait=True)
    assert listener.was_told.wait(5)
    assert listener.said[0][1] is not None
    later = Listener()
    assert not store.append("a", epoch, Entry(b"later"), later, may_wait=True)
    assert later.was_told.wait(5)
    assert later.said[0][1] is not None
    assert store.entries("a") == []
