"""Where durable runs are measured: a store, and what one bare commit costs in the same place."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol
from unittest.mock import patch

from stretto.runtime.points import point
from stretto.runtime.stores import sqlite_writer
from stretto.runtime.stores.sqlite import SqliteStore
from stretto.runtime.stores.sqlite_schema import grow_log, open_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from types import ModuleType

    from stretto.ports import Store

__all__ = ["BODY", "Counting", "Place", "no_server", "postgres", "sqlite"]

BODY = bytes(160)
"""The one row of a bare commit: as long as the entry of a hop."""


class Counting(Protocol):
    """A store that says how many times it has committed."""

    @property
    def commits(self) -> int:
        """Since it was opened."""


class Place(NamedTuple):
    """`store` is open, and `counting` the same; `bare` commits one row there so many times, and gives the seconds of
    each. `burst` (µs a step) and `hop` (times a bare commit) are the targets."""

    name: str
    store: Store
    counting: Counting
    bare: Callable[[int], list[float]]
    burst: float
    hop: float


@contextmanager
def sqlite(slower: float = 0.0) -> Iterator[Place]:
    """A file in a directory of its own: under TMPDIR, whose disk is measured with it.

    Each commit takes `slower` seconds more, the bare ones too: some virtual disks say that they have written what they
    have not, and then a commit takes less than what any engine does around it.
    """
    name = _name("SQLite", slower)
    with tempfile.TemporaryDirectory(prefix="bench-") as home, _slowed(slower):
        store = SqliteStore(Path(home) / "runs.db")
        try:
            yield Place(name, store, store, partial(_sqlite_commits, Path(home), slower), 30.0, 1.25)
        finally:
            store.close()


def _name(what: str, slower: float) -> str:
    return f"{what}, commits {slower * 1000:g} ms slower" if slower else what


def _slowed(slower: float) -> AbstractContextManager[object]:
    """The store's writer passes a named point before each commit: there it waits."""

    def slow(name: str) -> None:
        point(name)
        if name == "sqlite.before_commit":
            time.sleep(slower)

    return patch.object(sqlite_writer, "point", slow) if slower else nullcontext()


def _sqlite_commits(home: Path, slower: float, times: int) -> list[float]:
    """On a connection with the store's own settings, to a log that has its full length, as the store's has."""
    path = home / "bare.db"
    connection = open_writer(path, 5.0)
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS bare (number INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        grow_log(connection, path)

        def commit() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO bare (body) VALUES (?)", (BODY,))
            if slower:
                time.sleep(slower)
            connection.execute("COMMIT")

        return _each(commit, times)
    finally:
        connection.close()


def _each(call: Callable[[], None], times: int) -> list[float]:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return found


def no_server() -> str | None:
    """Why no PostgreSQL can be measured here, or None."""
    missing = [name for name in ("psycopg", "pytest") if importlib.util.find_spec(name) is None]
    if missing:
        return f"{' and '.join(missing)} not installed (`pip install 'stretto[postgres,dev]'`)"
    if os.name != "posix" or _servers().binaries() is None:
        return "there is no PostgreSQL server to start (`apt install postgresql`)"
    return None


@contextmanager
def postgres(slower: float = 0.0) -> Iterator[Place]:
    """A server of its own behind a private socket, with `fsync` on, ended at the end.

    Each commit waits `slower` seconds before it is written, the bare ones too; see `sqlite`.
    """
    from stretto.runtime.stores.postgres import PostgresStore

    servers = _servers()
    with ExitStack() as ends:
        server = servers.Server(servers.binaries())
        ends.callback(server.remove)
        server.start()
        server.ask(f"ALTER DATABASE postgres SET commit_delay = {slower * 1e6:.0f}")  # µs, of new sessions
        server.ask("ALTER DATABASE postgres SET commit_siblings = 0")  # even if nobody else is at work
        store = PostgresStore(f"{server.url}&schema=bench")
        ends.callback(store.close)
        name = _name("PostgreSQL", slower)
        yield Place(name, store, store, partial(_postgres_commits, server.url), 40.0, 1.3)


def _postgres_commits(url: str, times: int) -> list[float]:
    """One prepared statement that commits itself."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS bare (number bigserial PRIMARY KEY, body bytea NOT NULL)"
        )

        def commit() -> None:
            connection.execute("INSERT INTO bare (body) VALUES (%s)", (BODY,), prepare=True)

        return _each(commit, times)


def _servers() -> ModuleType:
    """`tests/runtime/postgres_server.py`: tests are no package, so it is loaded by its place."""
    path = Path(__file__).parents[1] / "tests" / "runtime" / "postgres_server.py"
    spec = importlib.util.spec_from_file_location("postgres_server", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
