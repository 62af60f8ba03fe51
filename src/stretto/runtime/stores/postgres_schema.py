"""The tables in PostgreSQL, and how those of older versions become today's.

Migrations only go forward; each is one transaction, which notes the new version, too. They are made under an
advisory lock: of two processes that open a fresh place at once, one waits and then finds it done.

An owner is a process, not a run: its lease is one row, however many runs it has, so a heartbeat is one small
write and does not meet the rows that appends change. A run names its owner; whether that one lives, its lease
says, by the database's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, LiteralString

import psycopg
from psycopg import sql

from stretto.errors import StoreVersionError
from stretto.runtime.points import point
from stretto.runtime.stores.postgres_link import connect, place, put_in_words

if TYPE_CHECKING:
    from stretto.runtime.stores.postgres_link import Connection, Place

__all__ = ["MIGRATIONS", "is_made", "prepare"]

_FIRST: Final = """
CREATE TABLE owners (
    id text PRIMARY KEY,
    name text NOT NULL,
    lease_until timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE runs (
    run_id text COLLATE "C" PRIMARY KEY,
    workflow text NOT NULL,
    created_at float8 NOT NULL,
    target text,
    key text UNIQUE,
    parent text,
    options text NOT NULL,
    status text NOT NULL,
    cause text NOT NULL DEFAULT '',
    started_at float8,
    ended_at float8,
    epoch bigint NOT NULL DEFAULT 0,
    owner text,
    steps bigint NOT NULL DEFAULT 0,
    done bigint NOT NULL DEFAULT 0,
    entries bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX runs_by_age ON runs (created_at DESC, run_id DESC);
CREATE INDEX runs_alive ON runs (created_at, run_id)
    WHERE status NOT IN ('succeeded', 'partial', 'failed', 'cancelled', 'quarantined');
CREATE INDEX runs_ended ON runs (ended_at)
    WHERE status IN ('succeeded', 'partial', 'failed', 'cancelled');

CREATE TABLE entries (
    run_id text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    epoch bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE blobs (digest text COLLATE "C" PRIMARY KEY, size bigint NOT NULL, body bytea NOT NULL);
ALTER TABLE blobs ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE blob_refs (
    digest text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (digest, run_id)
);
CREATE INDEX blob_refs_by_run ON blob_refs (run_id);

CREATE TABLE letters (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token text NOT NULL UNIQUE,
    run_id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    body bytea NOT NULL,
    sent_at float8 NOT NULL,
    outcome text NOT NULL DEFAULT ''
);
CREATE INDEX letters_open ON letters (number) WHERE outcome = '';
CREATE INDEX letters_by_run ON letters (run_id);

CREATE TABLE waits (
    run_id text COLLATE "C" NOT NULL,
    path text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    text text NOT NULL,
    asked_at float8 NOT NULL,
    until float8,
    PRIMARY KEY (run_id, path)
);
CREATE INDEX waits_by_age ON waits (asked_at, run_id, path);
"""

MIGRATIONS: tuple[LiteralString, ...] = (_FIRST,)
"""What makes version N out of version N - 1. Never changed once released: append."""


def prepare(where: Place) -> None:
    """Bring a place to today's version. Raises StoreVersionError for a newer one, StoreError."""
    try:
        with connect(where) as connection:
            while _is_behind(_version(connection, where), where):
                _migrate(connection, where)
    except psycopg.Error as error:
        raise put_in_words(error, where) from error


def is_made(url: str) -> bool:
    """Whether there is a store at a ``postgresql://`` URL; none is made. Raises StoreError."""
    where = place(url)
    try:
        with connect(where) as connection:
            return _version(connection, where) > 0
    except psycopg.Error as error:
        raise put_in_words(error, where) from error


def _is_behind(version: int, where: Place) -> bool:
    if version <= len(MIGRATIONS):
        return version < len(MIGRATIONS)
    raise StoreVersionError(
        f"PostgreSQL at {where.url}: schema {where.schema!r} has version {version}, this Stretto knows up to "
        f"{len(MIGRATIONS)}. Use the newer Stretto, or another schema with ?schema=."
    )


def _version(connection: Connection, where: Place) -> int:
    there = connection.execute("SELECT to_regclass(%s)", (f'"{where.schema}".version',)).fetchone()
    if there == (None,):
        return 0
    found = connection.execute("SELECT coalesce(max(number), 0) FROM version").fetchone()
    return int(str(found[0])) if found else 0


def _migrate(connection: Connection, where: Place) -> None:
    """One version further, unless another process was quicker."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (where.channel,))
        if not _has_schema(connection, where):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(where.schema)))
        connection.execute("CREATE TABLE IF NOT EXISTS version (number int PRIMARY KEY)")
        version = _version(connection, where)
        if not _is_behind(version, where):
            return
        connection.execute(MIGRATIONS[version])
        connection.execute("INSERT INTO version (number) VALUES (%s)", (version + 1,))
        point("postgres.in_migration")


def _has_schema(connection: Connection, where: Place) -> bool:
    """Whether it is there: a user without the right to create one may use one that was made for it."""
    found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (where.schema,))
    return found.fetchone() is not None
