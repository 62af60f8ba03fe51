"""A file that is full, locked, read-only, damaged or not ours: an error with words, and never wrong data."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.store_helpers import Listener, append_all, begin, digest_of
from runtime.store_programs import killed, line_of, run_program, running_program
from stretto.errors import StoreDamagedError, StoreError, StoreVersionError, StrettoError
from stretto.ports import Entry, NewRun, RowChange
from stretto.runtime.points import point
from stretto.runtime.stores import sqlite_batch, sqlite_schema
from stretto.runtime.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """A new store that waits 50 ms for others."""
    store = SqliteStore(path, busy_timeout=0.05)
    yield store
    store.close()


def limit_pages(store: SqliteStore, pages: int | None) -> None:
    """Let the file grow by so many pages, and then be full; None: as large as it likes."""

    def limit(connection: sqlite3.Connection) -> None:
        now = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {2**30 if pages is None else now + pages}")

    store._writing().call(limit)


def test_a_full_disk(store: SqliteStore) -> None:
    """What did not fit is not there at all; its run stays failed until another owner tries, others go on."""
    epoch, fine = begin(store, "r1"), begin(store, "r2")
    append_all(store, "r1", epoch, Entry(b"before"))
    limit_pages(store, 3)
    listener = Listener()
    large = bytes(100_000)
    store.append("r1", epoch, Entry(b"x", RowChange(status="running"), {digest_of(large): large}), listener)
    error = listener.wait_error("r1")
    assert isinstance(error, StoreError)
    assert f"{store.path} is full" in str(error)
    assert "Make room" in str(error)
    append_all(store, "r2", fine, Entry(b"small"))
    store.append("r1", epoch, Entry(b"small"), listener)
    store.release("r1", epoch)
    assert [run_id for run_id, _ in listener.errors] == ["r1", "r1"]
    assert listener.errors[1][1] is error
    assert (store.entries("r1"), store.run("r1").status, listener.committed) == ([b"before"], "queued", [])
    limit_pages(store, None)
    append_all(store, "r1", store.acquire("r1"), Entry(b"after", None, {digest_of(large): large}))
    assert (store.entries("r1"), store.blob(digest_of(large))) == ([b"before", b"after"], large)


def test_a_full_disk_and_a_caller(store: SqliteStore) -> None:
    """Who waits for an answer gets the same error."""
    store.create(NewRun("r1", "w", 1.0))
    limit_pages(store, 0)
    with pytest.raises(StoreError, match="is full"):
        store.send("r1", "event", bytes(100_000), 1.0)
    assert store.letters() == []


def test_locked_for_too_long(store: SqliteStore) -> None:
    """Another process's open transaction fails appends and calls after the timeout; then all goes on."""
    epoch = begin(store)
    blocker = sqlite3.connect(store.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    listener = Listener()
    store.append("r1", epoch, Entry(b"x"), listener)
    assert "has been locked by another process" in str(listener.wait_error("r1"))
    with pytest.raises(StoreError, match="locked by another process"):
        store.create(NewRun("r2", "w", 1.0))
    assert store.entries("r1") == []
    blocker.execute("ROLLBACK")
    blocker.close()
    store.release("r1", epoch)
    append_all(store, "r1", store.acquire("r1"), Entry(b"y"))
    assert store.entries("r1") == [b"y"]


def test_a_refused_acquire_leaves_no_lock(store: SqliteStore) -> None:
    """An owner whose epoch could not be written is none."""
    store.create(NewRun("r1", "w", 1.0))
    blocker = sqlite3.connect(store.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        store.acquire("r1")
    blocker.close()
    assert [row.run_id for row in store.orphans()] == ["r1"]
    assert store.acquire("r1") == 1


@pytest.mark.parametrize(
    "error", [MemoryError("no room"), SystemExit("stop"), sqlite3.OperationalError("odd")]
)
def test_whatever_happens_to_the_writer(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Everybody who waits is told, and the writer goes on."""
    epoch, other = begin(store, "r1"), begin(store, "r2")

    def broken(batch: object, appends: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(sqlite_batch.Batch, "write", broken)
        listener = Listener()
        store.append("r1", epoch, Entry(b"x"), listener)
        told = listener.wait_error("r1")
    assert isinstance(told, StoreError)
    assert str(error) in str(told)
    append_all(store, "r2", other, Entry(b"fine"))
    assert store.entries("r1") == []


def test_appending_while_it_closes(path: Path) -> None:
    """Every append is committed, or told, or refused: none is forgotten."""
    store = SqliteStore(path)
    epoch = begin(store)
    heard: list[str] = []
    refused: list[StoreError] = []
    half = threading.Event()

    def told(run_ids: Sequence[str], error: BaseException | None) -> None:
        heard.extend(run_ids if error is None else ["failed"])

    def write() -> None:
        for n in range(2000):
            try:
                store.append("r1", epoch, Entry(b"x"), told)
            except StoreError as error:
                refused.append(error)
            if n == 1000:
                half.set()

    thread = threading.Thread(target=write)
    thread.start()
    half.wait(10.0)
    store.close()
    thread.join(10.0)
    assert len(heard) + len(refused) == 2000
    again = SqliteStore(path)
    assert len(again.entries("r1")) == heard.count("r1")
    again.close()


class LateQueue:
    """A queue into which an append falls just behind the end."""

    def __init__(self, queue: object, close: Callable[[], None]) -> None:
        self._queue = queue
        self._close = close

    def put(self, item: object) -> None:
        if item is not None:
            self._close()
        self._queue.put(item)

    def __getattr__(self, name: str) -> object:
        return getattr(self._queue, name)


def test_an_append_behind_the_end(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was let in before the store closed, and came after its last batch, is told so."""
    epoch = begin(store)
    writer = store._writing()
    monkeypatch.setattr(writer, "_queue", LateQueue(writer._queue, store.close))
    listener = Listener()
    store.append("r1", epoch, Entry(b"x"), listener)
    assert [(run_id, str(error)) for run_id, error in listener.errors] == [
        ("r1", f"The store {store.path} is closed; open it again.")
    ]


# ---------------------------------------------------------------- files


def filled(path: Path) -> None:
    """A store of 60 runs, closed."""
    store = SqliteStore(path)
    for n in range(60):
        append_all(store, f"r{n}", begin(store, f"r{n}"), Entry(os.urandom(2000)))
    store.close()


@pytest.mark.parametrize("left", [100, 5000, 40_960])
def test_a_truncated_file(path: Path, left: int) -> None:
    """It is refused, whatever is left of it, and stays as it is."""
    filled(path)
    os.truncate(path, left)
    with pytest.raises(StoreDamagedError, match=r"runs\.db"):
        SqliteStore(path)
    assert path.stat().st_size == left


def test_a_file_truncated_to_nothing(path: Path) -> None:
    """Where its log shows that there were runs it does not pass for a new one."""
    with running_program("store = SqliteStore(path)\nsay(1)\nsys.stdin.readline()", path) as process:
        line_of(process)
        killed(process)
    os.truncate(path, 0)
    with pytest.raises(StoreDamagedError, match="is empty, but its log"):
        SqliteStore(path)


def test_no_database(path: Path) -> None:
    """A file that is something else is named and left alone."""
    path.write_text("dear diary " * 1000)
    with pytest.raises(StoreDamagedError, match=r"runs\.db is no database"):
        SqliteStore(path)
    assert path.read_text() == "dear diary " * 1000


def test_a_database_of_another_program(path: Path) -> None:
    """It gets no tables of ours."""
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE pets (name)")
    theirs.close()
    with pytest.raises(StoreError, match="of another program"):
        SqliteStore(path)
    theirs = sqlite3.connect(path)
    assert theirs.execute("SELECT name FROM sqlite_master").fetchall() == [("pets",)]
    assert theirs.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    theirs.close()


def set_version(path: Path, version: int) -> None:
    """Make the file one of another Stretto."""
    SqliteStore(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


@pytest.mark.parametrize("readonly", [False, True])
def test_a_newer_version(path: Path, readonly: bool) -> None:
    """Both versions are named, and what to do."""
    set_version(path, 99)
    with pytest.raises(StoreVersionError, match=r"schema 99, .* up to 1\. Upgrade Stretto"):
        SqliteStore(path, readonly=readonly)


def test_an_older_version_read_only(path: Path) -> None:
    """A reader brings nothing up to date, and says who does."""
    set_version(path, 0)
    with pytest.raises(StoreVersionError, match=r"schema 0, of an older Stretto; this one reads 1"):
        SqliteStore(path, readonly=True)


def test_a_migration_that_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves nothing behind; the next one does it whole."""
    broken = (*sqlite_schema.MIGRATIONS[0], "CREATE TABLE runs (again)")
    with monkeypatch.context() as patched:
        patched.setattr(sqlite_schema, "MIGRATIONS", (broken,))
        with pytest.raises(StoreError, match="already exists"):
            SqliteStore(path)
    store = SqliteStore(path)
    assert begin(store) == 1
    store.close()


def test_a_step_forward(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of an earlier version keeps its runs and gets what is new."""
    old = SqliteStore(path)
    begin(old)
    old.close()
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", (*sqlite_schema.MIGRATIONS, ("CREATE TABLE more (x)",)))
    monkeypatch.setattr(sqlite_schema, "VERSION", 2)
    new = SqliteStore(path)
    assert new.run("r1").epoch == 1
    new.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT * FROM more").fetchall() == []
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    connection.close()


def test_reading_what_is_not_there(path: Path) -> None:
    """A reader makes no file."""
    with pytest.raises(StoreError, match="There is no store"):
        SqliteStore(path, readonly=True)
    assert not path.exists()


def test_a_directory(tmp_path: Path) -> None:
    """What cannot be a file is said."""
    with pytest.raises(StoreError, match="could not be opened"):
        SqliteStore(tmp_path)


# ---------------------------------------------------------------- another user


@pytest.fixture
def shared() -> Iterator[Path]:
    """A store of 60 runs in a directory that others may look at; its user alone may write."""
    directory = Path(tempfile.mkdtemp(prefix="stretto-"))
    directory.chmod(0o755)
    filled(directory / "runs.db")
    yield directory / "runs.db"
    directory.chmod(0o755)
    shutil.rmtree(directory)


def as_a_stranger(text: str, path: Path) -> str:
    """What a program says that may not write to the file: root would be allowed everything, and becomes nobody."""
    ended = run_program(BECOME_NOBODY + text, path)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


BECOME_NOBODY = """
if os.geteuid() == 0:
    import pwd
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
"""

TRY = """
try:
    SqliteStore(path, busy_timeout=0.1)
except StrettoError as error:
    say(f"{type(error).__name__}: {error}")
"""


@pytest.mark.parametrize("directory", [0o555, 0o777])
def test_a_read_only_file(shared: Path, directory: int) -> None:
    """Whoever may only read is refused with words, and nothing is changed."""
    shared.chmod(0o444)
    shared.parent.chmod(directory)
    before = shared.read_bytes()
    said = as_a_stranger(TRY, shared)
    assert said.startswith("StoreError: ")
    assert f"{shared} cannot be written" in said
    assert "Allow writing" in said
    assert shared.read_bytes() == before


def test_listing_a_read_only_file(shared: Path) -> None:
    """Opened for reading it shows all, with no log and none to be made; owners as they are written, where this
    user may not look at the locks."""
    shared.chmod(0o444)
    Path(f"{shared}-locks").chmod(0)
    shared.parent.chmod(0o555)
    listing = """
store = SqliteStore(path, readonly=True)
say(f"{len(store.runs())} {len(store.entries('r7')[0])} {store.orphans()} {store.run('r7').owner.partition('@')[0]}")
"""
    assert as_a_stranger(listing, shared) == f"60 2000 [] {os.getpid()}\n"


def test_a_file_that_may_not_be_read(shared: Path) -> None:
    """Its owner's privacy is a refusal, too."""
    shared.chmod(0o000)
    said = as_a_stranger(TRY, shared)
    assert said.startswith("StoreError: ")
    assert str(shared) in said


def test_a_directory_that_may_not_be_written(shared: Path) -> None:
    """A new file in it is refused with words."""
    shared.parent.chmod(0o555)
    said = as_a_stranger(TRY, shared.with_name("new.db"))
    assert said.startswith("StoreError: ")
    assert "new.db" in said


def test_points_do_nothing_by_themselves() -> None:
    """Without the variable a named point is passed."""
    point("sqlite.before_commit")


def test_errors_of_ours_stay_themselves(store: SqliteStore) -> None:
    """What is no trouble of the file is not turned into one."""
    store.create(NewRun("r1", "w", 1.0))
    with pytest.raises(StrettoError, match="There is a run 'r1' already") as taken:
        store.create(NewRun("r1", "w", 1.0))
    assert not isinstance(taken.value, StoreError)
