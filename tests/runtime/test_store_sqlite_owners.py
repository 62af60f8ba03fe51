"""Who owns a run in a file: processes that live, die, fork, and open the same file twice."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from runtime.store_helpers import Listener, append_all, begin
from runtime.store_programs import killed, line_of, run_program, running_program
from stretto.errors import FencedError, RunOwnedError
from stretto.ports import Entry, NewRun
from stretto.runtime.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWNER = """
store = SqliteStore(path)
epoch = store.acquire("r1")
append(store, "r1", epoch, Entry(b"mine", RowChange(status="running")))
say(epoch)
sys.stdin.readline()
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A store with one run, r1."""
    store = SqliteStore(tmp_path / "runs.db")
    store.create(NewRun("r1", "w", 1.0))
    yield store
    store.close()


def test_a_killed_owner(store: SqliteStore) -> None:
    """While it lives its pid is named; as soon as it is dead the run is an orphan, and the next one's."""
    with running_program(OWNER, store.path) as process:
        assert line_of(process) == "1"
        owner = f"{process.pid}@{os.uname().nodename}"
        with pytest.raises(RunOwnedError, match=f"process {process.pid} on "):
            store.acquire("r1")
        assert (store.run("r1").owner, store.orphans()) == (owner, [])
        killed(process)
        assert [(row.run_id, row.owner) for row in store.orphans()] == [("r1", None)]
        assert store.acquire("r1") == 2
        assert store.entries("r1") == [b"mine"]


def test_a_child_of_the_owner(store: SqliteStore) -> None:
    """A forked child holds nothing of its parent's: when the parent dies the run is free, and the child's copy of
    the store says why it does not work."""
    forking = """
import warnings
warnings.simplefilter("ignore")
store = SqliteStore(path)
store.acquire("r1")
if os.fork() == 0:
    try:
        store.runs()
    except StrettoError as error:
        say(error)
os.read(0, 1)  # both live until they are killed, or the test ends
os._exit(0)
"""
    with running_program(forking, store.path) as process:
        assert "was opened before this process was forked" in line_of(process)
        with pytest.raises(RunOwnedError):
            store.acquire("r1")
        killed(process)
        assert store.acquire("r1") == 2


def test_a_second_opener_drops_nothing(store: SqliteStore) -> None:
    """That another store on the same file in this process is closed costs the first one none of its runs."""
    store.acquire("r1")
    second = SqliteStore(store.path)
    second.runs()
    second.close()
    tried = run_program(
        """
try:
    SqliteStore(path).acquire("r1")
except StrettoError as error:
    say(type(error).__name__ + " " + error.owner)
""",
        store.path,
    )
    assert tried.stdout.strip() == f"RunOwnedError {os.getpid()}@{os.uname().nodename}"


def test_a_removed_lock_file(store: SqliteStore) -> None:
    """Should somebody remove it there may be two owners: then the older one writes nothing any more."""
    old = store.acquire("r1")
    locks = store.path.with_name("runs.db-locks")
    locks.unlink()
    taken = run_program('say(SqliteStore(path).acquire("r1"))', store.path)
    assert taken.stdout.strip() == str(old + 1)
    listener = Listener()
    store.append("r1", old, Entry(b"late"), listener)
    assert isinstance(listener.wait_error("r1"), FencedError)
    assert store.entries("r1") == []


WRITE = """
store = SqliteStore(path)
store.create(NewRun("r1", "w", 1.0))
epoch = store.acquire("r1")
append(store, "r1", epoch, Entry(b"1", RowChange(status="failed", ended_at=2.0), {"h": b"x"}))
append(store, "r1", epoch, Entry(b"2"))
store.release("r1", epoch)
store.collect(9.0)
say("end")
"""


@pytest.mark.parametrize(
    ("kill_at", "epoch", "bodies"),
    [
        ("sqlite.before_commit:2", 0, []),
        ("sqlite.after_commit:2", 1, []),
        ("sqlite.after_acquire", 1, []),
        ("sqlite.before_commit:3", 1, []),
        ("sqlite.after_commit:3", 1, [b"1"]),
        ("sqlite.before_commit:4", 1, [b"1"]),
        ("sqlite.after_commit:4", 1, [b"1", b"2"]),
        ("sqlite.in_collect", 1, [b"1", b"2"]),
    ],
)
def test_killed_at(tmp_path: Path, kill_at: str, epoch: int, bodies: list[bytes]) -> None:
    """What was committed is there, nothing else is, and the run can be gone on with."""
    path = tmp_path / "runs.db"
    assert run_program(WRITE, path, kill_at=kill_at).returncode == -signal.SIGKILL
    store = SqliteStore(path)
    row = store.run("r1")
    assert (row.epoch, row.owner, store.entries("r1")) == (epoch, None, bodies)
    assert row.status == ("failed" if bodies else "queued")
    append_all(store, "r1", store.acquire("r1"), Entry(b"next"))
    assert store.entries("r1") == [*bodies, b"next"]
    store.close()


def test_killed_in_a_migration(tmp_path: Path) -> None:
    """The next one to open the file does it again, whole."""
    path = tmp_path / "runs.db"
    assert run_program(WRITE, path, kill_at="sqlite.in_migration").returncode == -signal.SIGKILL
    store = SqliteStore(path)
    assert begin(store) == 1
    store.close()


def test_killed_after_a_collection(tmp_path: Path) -> None:
    """Once it is committed the run is gone."""
    path = tmp_path / "runs.db"
    assert run_program(WRITE, path, kill_at="sqlite.after_commit:5").returncode == -signal.SIGKILL
    store = SqliteStore(path)
    assert store.runs() == []
    store.close()


def test_without_the_word(tmp_path: Path) -> None:
    """A point that is never passed, or passed too seldom, kills nobody."""
    path = tmp_path / "runs.db"
    assert run_program(WRITE, path, kill_at="sqlite.after_commit:99").stdout == "end\n"
