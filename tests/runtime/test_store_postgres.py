"""The store in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from runtime.postgres_server import Server, schema_url, server
from runtime.store_conformance import StoreConformance
from stretto.runtime.stores.postgres import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["server"]

_TABLES = "owners, runs, entries, blobs, blob_refs, letters, waits"


@pytest.fixture(scope="module")
def url(server: Server) -> str:
    """The place of this module's tests."""
    return schema_url(server, "conformance")


@pytest.fixture
def opened(server: Server, url: str) -> Iterator[Callable[[], PostgresStore]]:
    """Opens stores on one empty place, and closes them."""
    PostgresStore(url).close()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("SET search_path TO conformance")
        connection.execute(f"TRUNCATE {_TABLES}".encode())
    made: list[PostgresStore] = []

    def make() -> PostgresStore:
        made.append(PostgresStore(url))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def store(opened: Callable[[], PostgresStore]) -> PostgresStore:
    """An empty store."""
    return opened()


@pytest.fixture
def other(opened: Callable[[], PostgresStore]) -> PostgresStore:
    """Another process's view of it: it shares nothing with the first but the database."""
    return opened()


class TestPostgresStore(StoreConformance):
    """It keeps every promise of a store."""
