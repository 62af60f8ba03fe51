"""PostgreSQL that refuses, or holds what it should not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime.postgres_server import Server, schema_url, server
from runtime.store_helpers import Listener, append_all, begin, digest_of, new_run, races
from stretto.errors import (
    NotFoundError,
    StoreDamagedError,
    StoreError,
    StoreVersionError,
)
from stretto.ports import Entry, RowChange
from stretto.runtime.stores import postgres_schema
from stretto.runtime.stores.postgres import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["server"]


@pytest.fixture
def schema(server: Server) -> Iterator[str]:
    """A schema of the test's own, dropped behind it."""
    yield "trouble"
    server.ask("DROP SCHEMA IF EXISTS trouble CASCADE")


@pytest.fixture
def store(server: Server, schema: str) -> Iterator[PostgresStore]:
    """An empty store."""
    made = PostgresStore(schema_url(server, schema))
    yield made
    made.close()


# ------------------------------------------------------------------ opening


def test_no_server(tmp_path: object) -> None:
    """A server that is not there: which one, why, and what to look at; never the password."""
    with pytest.raises(StoreError, match="Look whether the server runs") as refused:
        PostgresStore("postgresql://me:s3cret@127.0.0.1:1/db?connect_timeout=2")
    assert "postgresql://me@127.0.0.1:1/db" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_no_such_database(server: Server) -> None:
    """Its name, and how to make it."""
    with pytest.raises(StoreError, match=r'database "nowhere" does not exist.*createdb'):
        PostgresStore(server.url.replace("/postgres?", "/nowhere?"))


def test_no_such_user(server: Server) -> None:
    """A user that may not log in is told to correct the URL."""
    with pytest.raises(StoreError, match=r"nobody_here.*Correct user and password"):
        PostgresStore(server.url.replace("stretto@", "nobody_here@"))


def test_no_rights(server: Server, schema: str) -> None:
    """A user that may not make a schema is told which right it needs."""
    server.ask("CREATE ROLE humble LOGIN")
    url = schema_url(server, schema).replace("stretto@", "humble@")
    with pytest.raises(StoreError, match=r"permission denied.*GRANT CREATE ON DATABASE"):
        PostgresStore(url)
    server.ask(f"CREATE SCHEMA {schema} AUTHORIZATION humble")
    PostgresStore(url).close()


@pytest.mark.parametrize("tail", ["schema=Tr%C3%A4ume", "schema=", "schema=a%22b"])
def test_no_name_for_a_schema(server: Server, tail: str) -> None:
    """Only plain names are schemas."""
    with pytest.raises(StoreError, match="no name for a schema"):
        PostgresStore(f"{server.url}&{tail}")


@pytest.mark.parametrize("text", ["soon", "0", "-1", "1e9", ""])
def test_a_lease_that_is_none(server: Server, text: str) -> None:
    """The URL says in seconds how long a dead owner is waited for."""
    with pytest.raises(StoreError, match=r"give \?lease= seconds, 0\.1 to 3600"):
        PostgresStore(f"{server.url}&lease={text}" if "?" in server.url else f"{server.url}?lease={text}")


def test_no_url() -> None:
    """What libpq does not understand is refused with an example."""
    with pytest.raises(StoreError, match="write postgresql://"):
        PostgresStore("postgresql://me@here/db?colour=blue")


def test_the_url_shows_no_password(server: Server, schema: str) -> None:
    """Neither before the host nor among the options."""
    url = schema_url(server, schema).replace("stretto@", "stretto:s3cret@") + "&password=s3cret"
    made = PostgresStore(url)
    made.close()
    assert made.url == schema_url(server, schema)


def test_a_newer_version(server: Server, store: PostgresStore, schema: str) -> None:
    """It is refused, naming both versions, and not changed."""
    server.ask(f"INSERT INTO {schema}.version VALUES (99)")
    with pytest.raises(StoreVersionError, match=r"version 99, this Stretto knows up to \d+"):
        PostgresStore(store.url)
    assert server.ask(f"SELECT max(number) FROM {schema}.version") == [(99,)]


@pytest.mark.slow
def test_opened_at_once(server: Server, schema: str) -> None:
    """Eight that find nothing: one makes the tables, all can use them."""
    url = schema_url(server, schema)
    opened = races(8, lambda n: PostgresStore(url))
    stores = [each for each in opened if isinstance(each, PostgresStore)]
    assert len(stores) == 8
    for n, each in enumerate(stores):
        each.create(new_run(f"r{n}"))
    assert len(stores[0].runs()) == 8
    for each in stores:
        each.close()
    latest = len(postgres_schema.MIGRATIONS)
    assert server.ask(f"SELECT number FROM {schema}.version") == [(n,) for n in range(1, latest + 1)]


def test_a_migration_that_fails(server: Server, schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves the version before it, whole, and says so; mended, it goes on from there."""
    url = schema_url(server, schema)
    good = postgres_schema.MIGRATIONS
    broken = (*good, "CREATE TABLE half (n int); SELECT 1 / 0")
    monkeypatch.setattr(postgres_schema, "MIGRATIONS", broken)
    with pytest.raises(StoreError, match="division by zero"):
        PostgresStore(url)
    assert server.ask(f"SELECT to_regclass('{schema}.half')") == [(None,)]
    monkeypatch.setattr(postgres_schema, "MIGRATIONS", (*good, "CREATE TABLE half (n int)"))
    PostgresStore(url).close()
    assert server.ask(f"SELECT max(number) FROM {schema}.version") == [(len(good) + 1,)]


# ------------------------------------------------------------------ contents that cannot be written


def test_one_refused_entry(store: PostgresStore) -> None:
    """What the database refuses ends its own run alone; the others of its batch are committed."""
    bad, good = begin(store, "bad"), begin(store, "good")
    listener = Listener()
    for n in range(20):
        store.append("good", good, Entry(b"%d" % n), listener)
        store.append("bad", bad, Entry(b"%d" % n, RowChange(cause="NUL \0" if n == 10 else None)), listener)
    store.append("good", good, Entry(b"last"), listener)
    error = listener.wait_error("bad")
    assert isinstance(error, StoreError)
    listener.wait(21 + len(store.entries("bad")))
    assert len(store.entries("good")) == 21
    assert len(store.entries("bad")) <= 10
    store.append("bad", bad, Entry(b"and more"), listener)
    store.release("bad", bad)
    assert len(store.entries("bad")) <= 10
    append_all(store, "bad", store.acquire("bad"), Entry(b"a new owner may"))


def test_entries_from_elsewhere(server: Server, store: PostgresStore, schema: str) -> None:
    """A journal that something else has written to is not gone on with."""
    epoch = begin(store)
    server.ask(f"UPDATE {schema}.runs SET entries = 7")
    listener = Listener()
    store.append("r1", epoch, Entry(b"x"), listener)
    assert isinstance(listener.wait_error("r1"), StoreDamagedError)
    assert store.entries("r1") == []


def test_a_run_deleted_under_its_owner(server: Server, store: PostgresStore, schema: str) -> None:
    """Its owner is told that it is gone."""
    epoch = begin(store)
    server.ask(f"DELETE FROM {schema}.runs")
    listener = Listener()
    store.append("r1", epoch, Entry(b"x"), listener)
    assert isinstance(listener.wait_error("r1"), NotFoundError)


@pytest.mark.slow
def test_a_large_blob(store: PostgresStore) -> None:
    """100 MB come back equal."""
    body = bytes(range(256)) * 390_625
    append_all(store, "r1", begin(store), Entry(b"{}", None, {digest_of(body): body}))
    assert store.blob(digest_of(body)) == body


def test_a_listener_that_fails(store: PostgresStore) -> None:
    """What `told` raises is nobody else's affair."""
    epoch = begin(store)

    def fail(*_: object) -> None:
        raise RuntimeError("the loop is closed")

    store.append("r1", epoch, Entry(b"one"), fail)
    append_all(store, "r1", epoch, Entry(b"two"))
    assert store.entries("r1") == [b"one", b"two"]


def test_a_writer_that_dies(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends the writer's thread, nobody waits in vain, then or later."""

    def break_down(*_: object) -> None:
        raise SystemExit

    epoch = begin(store)
    monkeypatch.setattr("stretto.runtime.stores.postgres_writer.write", break_down)
    listener = Listener()
    store.append("r1", epoch, Entry(b"x"), listener)
    assert isinstance(listener.wait_error("r1"), StoreError)
    with pytest.raises(StoreError):
        store.append("r1", epoch, Entry(b"y"), listener)
    with pytest.raises(StoreError):
        store.release("r1", epoch)
