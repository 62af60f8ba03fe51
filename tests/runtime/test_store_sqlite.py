"""The store in a file: that it keeps every promise, and how it writes."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.store_conformance import Listener, StoreConformance, append_all, begin, digest_of, races
from stretto.errors import StoreError
from stretto.ports import Entry, NewRun, RowChange
from stretto.runtime.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A file that is not there yet, in a directory that is not there yet."""
    return tmp_path / "state" / "runs.db"


@pytest.fixture
def store(place: Path) -> Iterator[SqliteStore]:
    """A new store."""
    store = SqliteStore(place)
    yield store
    store.close()


@pytest.fixture
def other(store: SqliteStore, place: Path) -> Iterator[SqliteStore]:
    """A second one on the same file."""
    other = SqliteStore(place)
    yield other
    other.close()


class TestSqliteStore(StoreConformance):
    """It keeps every promise of a store."""


def test_a_lone_append_is_one_commit(store: SqliteStore) -> None:
    """Entry, row, blob and letter of a decision are one transaction."""
    epoch = begin(store)
    letter = store.send("r1", "answer", b"{}", 1.0)
    before = store.commits
    entry = Entry(b"{}", RowChange(status="running"), {digest_of(b"x"): b"x"}, ((letter, "applied"),))
    append_all(store, "r1", epoch, entry)
    assert store.commits == before + 1


def test_what_waits_shares_a_commit(store: SqliteStore) -> None:
    """While a batch is written the next one gathers, and `told` hears of it in one call."""
    epochs = {run_id: begin(store, run_id) for run_id in ("r1", "r2")}
    listener = Listener()
    gate, reached = threading.Event(), threading.Event()

    def hold(run_ids: object, error: object) -> None:
        reached.set()
        gate.wait(10.0)

    store.append("r1", epochs["r1"], Entry(b"first"), hold)
    reached.wait(10.0)
    before = store.commits
    for n in range(300):
        run_id = ("r1", "r2")[n % 2]
        store.append(run_id, epochs[run_id], Entry(b"%d" % n, RowChange(done=n)), listener)
    gate.set()
    assert listener.wait(300) == ["r1", "r2"] * 150
    assert (store.commits, listener.calls) == (before + 1, 1)
    assert (store.run("r1").done, store.run("r2").done) == (298, 299)


def test_a_listener_that_fails(store: SqliteStore, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its runs; the writer goes on with the others."""
    epoch = begin(store)
    begin(store, "r2")

    def broken(run_ids: object, error: object) -> None:
        raise SystemExit("loop is closed")

    store.append("r1", epoch, Entry(b"1"), broken)
    append_all(store, "r2", 1, Entry(b"2"))
    assert store.entries("r1") == [b"1"]
    assert "its runs r1 will not go on" in caplog.text


def test_one_value_does_not_sink_the_others(store: SqliteStore) -> None:
    """Where a text cannot be written only its own run fails, and stays failed until it is released."""
    epochs = {run_id: begin(store, run_id) for run_id in ("r1", "r2")}
    good, bad = Listener(), Listener()
    gate, reached = threading.Event(), threading.Event()

    def hold(run_ids: object, error: object) -> None:
        reached.set()
        gate.wait(10.0)

    store.append("r2", epochs["r2"], Entry(b"0"), hold)
    reached.wait(10.0)
    store.append("r2", epochs["r2"], Entry(b"1"), good)
    store.append("r1", epochs["r1"], Entry(b"1", RowChange(cause="\ud800")), bad)
    store.append("r1", epochs["r1"], Entry(b"2"), bad)
    store.append("r2", epochs["r2"], Entry(b"2"), good)
    gate.set()
    assert good.wait(2) == ["r2", "r2"]
    assert isinstance(bad.wait_error("r1"), StoreError)
    store.release("r1", epochs["r1"])
    assert [run_id for run_id, _ in bad.errors] == ["r1", "r1"]
    assert (store.entries("r1"), store.entries("r2")) == ([], [b"0", b"1", b"2"])
    assert store.entries("r2", 2) == [b"2"]
    append_all(store, "r1", store.acquire("r1"), Entry(b"again"))
    assert store.entries("r1") == [b"again"]


def test_a_long_log(store: SqliteStore, other: SqliteStore, place: Path) -> None:
    """After some commits the log is grown once; what was and is written stays readable, also by others."""
    epoch = begin(store)
    for n in range(70):
        append_all(store, "r1", epoch, Entry(b"%d" % n))
    assert place.with_name("runs.db-wal").stat().st_size > 4_000_000
    append_all(other, "r2", begin(other, "r2"), Entry(b"other"))
    assert store.entries("r1") == [b"%d" % n for n in range(70)]
    store.close()
    other.close()
    with_new = SqliteStore(place)
    assert (with_new.entries("r1"), with_new.entries("r2")) == ([b"%d" % n for n in range(70)], [b"other"])
    with_new.close()


def test_the_files_are_private(store: SqliteStore, place: Path) -> None:
    """What a run has said is for its user alone."""
    begin(store)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in place.parent.iterdir()}
    assert modes == dict.fromkeys(("runs.db", "runs.db-wal", "runs.db-shm", "runs.db-locks"), 0o600)


def test_one_file_is_left(store: SqliteStore, place: Path) -> None:
    """After closing the log is in the file, which may be copied as it is."""
    append_all(store, "r1", begin(store), Entry(b"{}"))
    assert store.entries("r1") == [b"{}"]
    store.close()
    assert {each.name for each in place.parent.iterdir()} == {"runs.db", "runs.db-locks"}


def test_the_url(store: SqliteStore, place: Path) -> None:
    """It says where the file is."""
    assert store.url == f"sqlite:///{place}"


def test_everything_is_there_after_opening_again(store: SqliteStore, place: Path) -> None:
    """Rows, entries, letters, waits and blobs outlive the process."""
    epoch = begin(store, "r1", key="k")
    append_all(
        store, "r1", epoch, Entry(b"{}", RowChange(status="running", steps=3), {digest_of(b"x"): b"x"})
    )
    number = store.send("r1", "event", b"[]", 2.0)
    store.close()
    again = SqliteStore(place)
    assert (again.run("r1").status, again.run("r1").steps, again.run("r1").owner) == ("running", 3, None)
    assert (again.entries("r1"), again.blob(digest_of(b"x"))) == ([b"{}"], b"x")
    assert again.letter(number).body == b"[]"
    assert again.create(NewRun("r2", "w", 1.0, key="k")).run_id == "r1"
    assert again.acquire("r1") == epoch + 1
    again.close()


def test_a_fresh_file_opened_by_many(place: Path) -> None:
    """Eight who open a file that is not there all get a store, and see each other's runs."""
    stores = [each for each in races(8, lambda _: SqliteStore(place)) if isinstance(each, SqliteStore)]
    assert len(stores) == 8
    for n, each in enumerate(stores):
        each.create(NewRun(f"r{n}", "w", float(n)))
    assert all(len(each.runs()) == 8 for each in stores)
    for each in stores:
        each.close()


@pytest.mark.slow
def test_a_large_blob(store: SqliteStore) -> None:
    """100 MB come back."""
    body = os.urandom(1_000_000) * 100
    append_all(store, "r1", begin(store), Entry(b"{}", None, {digest_of(body): body}))
    assert store.blob(digest_of(body)) == body


def test_reading_only(store: SqliteStore, place: Path) -> None:
    """A store opened so shows everything and changes nothing."""
    append_all(store, "r1", begin(store), Entry(b"{}"))
    reader = SqliteStore(place, readonly=True)
    assert (reader.run("r1").owner, reader.entries("r1")) == (store.run("r1").owner, [b"{}"])
    for use in (lambda: reader.create(NewRun("r2", "w", 1.0)), lambda: reader.acquire("r1")):
        with pytest.raises(StoreError, match="for reading only"):
            use()
    with pytest.raises(StoreError, match="for reading only"):
        reader.append("r1", 1, Entry(b"x"), Listener())
    reader.close()


@pytest.mark.slow
def test_an_idle_watch_asks_little(store: SqliteStore) -> None:
    """Fewer than five questions a second; and it wakes within two seconds though nothing was written."""
    from stretto.runtime.stores.sqlite_watch import Watch

    asked: list[str] = []
    connection = sqlite3.connect(store.path, check_same_thread=False)
    connection.set_trace_callback(asked.append)
    woken = threading.Event()
    watch = Watch(connection)
    watch.add(woken.set)
    assert woken.wait(3.0)
    watch.end()
    assert 1 <= len(asked) < 12


def test_all_watches_share_one_look(store: SqliteStore) -> None:
    """Whoever comes and goes: each is woken as long as it watches, and one connection asks for all."""
    before = _descriptors()
    woken = [threading.Event() for _ in range(20)]
    ends = [store.watch(event.set) for event in woken]
    assert _descriptors() - before < 10
    store.create(NewRun("r1", "w", 0.0))
    store.send("r1", "cancel", b"{}", 1.0)
    assert all(event.wait(3.0) for event in woken)
    for end in ends[1:]:
        end()
        end()
    for event in woken:
        event.clear()
    store.send("r1", "cancel", b"{}", 2.0)
    assert woken[0].wait(3.0)
    assert not any(event.is_set() for event in woken[1:])
    ends[0]()
    again = threading.Event()
    end = store.watch(again.set)
    store.send("r1", "cancel", b"{}", 3.0)
    assert again.wait(3.0)
    end()


@pytest.mark.slow
def test_many_owned_runs_cost_one_descriptor(store: SqliteStore) -> None:
    """A thousand owned runs are one open file more than none."""
    store.create(NewRun("first", "w", 0.0))
    store.acquire("first")
    before = _descriptors()
    for n in range(1000):
        store.create(NewRun(f"r{n}", "w", 1.0))
        store.acquire(f"r{n}")
    assert _descriptors() <= before


def _descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))
