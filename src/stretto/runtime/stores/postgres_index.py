"""What PostgreSQL is asked about runs, waits, letters and blobs: each function one question on a connection.

Each may be asked twice, as its first answer may be lost with its connection.
"""

# ruff: noqa: S608  # statements are put together from the constants below

from __future__ import annotations

from typing import TYPE_CHECKING, Final, LiteralString, NamedTuple

from psycopg.rows import args_row, class_row

from stretto.errors import NotFoundError, RunOwnedError, StrettoError
from stretto.ports import ENDED, Collected, Mail, NewRun, OpenWait, RunRow
from stretto.runtime.points import point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto.runtime.stores.postgres_link import Connection

__all__ = [
    "Acquired",
    "acquire",
    "collect",
    "create",
    "entries",
    "letter",
    "letters",
    "orphans",
    "run",
    "runs",
    "send",
    "set_status",
    "settle",
    "waits",
]

_ROW: Final = """
SELECT r.run_id, r.workflow, r.created_at, r.target, r.key, r.parent, r.options, r.status, r.cause, r.started_at,
    r.ended_at, r.epoch, o.name AS owner, r.steps, r.done
FROM runs r LEFT JOIN owners o ON o.id = r.owner AND o.lease_until > clock_timestamp()
"""
_LIVING_OWNER: Final = """
SELECT o.name FROM runs r JOIN owners o ON o.id = r.owner
WHERE r.run_id = %s AND o.id <> %s AND o.lease_until > clock_timestamp()
"""
_ORPHANS: Final = (
    _ROW
    + """
WHERE r.status NOT IN ('succeeded', 'partial', 'failed', 'cancelled', 'quarantined') AND o.id IS NULL
ORDER BY r.created_at, r.run_id
"""
)
_MAIL: Final = "SELECT number, run_id, kind, body, sent_at, outcome FROM letters"
_CREATE: Final = """
WITH made AS (
    INSERT INTO runs (run_id, workflow, created_at, target, key, parent, options, status)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 'queued') ON CONFLICT DO NOTHING RETURNING 1
) SELECT pg_notify(%s, '') FROM made
"""

# ------------------------------------------------------------------ runs


def create(connection: Connection, new: NewRun, channel: str) -> RunRow:
    """Note a new run, or give the one of its key. Raises StrettoError if the id is another run's."""
    if new.key is not None and (known := _one(connection, "WHERE r.key = %s", new.key)):
        return known
    made = connection.execute(_CREATE, (*new, channel)).fetchone()
    if made is not None:
        return RunRow(*new, "queued", "", None, None, 0, None, 0, 0)
    if new.key is not None and (known := _one(connection, "WHERE r.key = %s", new.key)):
        return known
    found = run(connection, new.run_id)
    if not _is_same(found, new):
        raise StrettoError(f"Run {new.run_id!r} exists already; give each run an id of its own.")
    return found


def _is_same(row: RunRow, new: NewRun) -> bool:
    """Whether `row` is what an attempt to note `new` has left whose answer was lost."""
    return row.epoch == 0 and row.status == "queued" and row[:7] == NewRun(*new)


def run(connection: Connection, run_id: str) -> RunRow:
    """Raises NotFoundError."""
    found = _one(connection, "WHERE r.run_id = %s", run_id)
    if found is None:
        raise NotFoundError("run", run_id)
    return found


def _one(connection: Connection, condition: LiteralString, value: str) -> RunRow | None:
    with connection.cursor(row_factory=class_row(RunRow)) as cursor:
        return cursor.execute(_ROW + condition, (value,)).fetchone()


class Query(NamedTuple):
    """Which runs."""

    prefix: str
    statuses: Sequence[str]
    workflow: str | None
    since: float | None
    limit: int | None


def runs(connection: Connection, query: Query) -> list[RunRow]:
    """The newest first."""
    conditions: list[LiteralString] = ["true"]
    values: list[object] = []
    for text, value, is_wanted in (
        ("r.run_id ^@ %s", query.prefix, query.prefix != ""),
        ("r.status = ANY(%s)", list(query.statuses), bool(query.statuses)),
        ("r.workflow = %s", query.workflow, query.workflow is not None),
        ("r.created_at >= %s", query.since, query.since is not None),
    ):
        if is_wanted:
            conditions.append(text)
            values.append(value)
    asked = _ROW + "WHERE " + " AND ".join(conditions) + " ORDER BY r.created_at DESC, r.run_id DESC LIMIT %s"
    with connection.cursor(row_factory=class_row(RunRow)) as cursor:
        return cursor.execute(asked, (*values, query.limit)).fetchall()


def orphans(connection: Connection) -> list[RunRow]:
    """Runs that somebody ought to take over."""
    with connection.cursor(row_factory=class_row(RunRow)) as cursor:
        return cursor.execute(_ORPHANS).fetchall()


class Acquired(NamedTuple):
    """An ownership: its number, and how many entries the journal has."""

    epoch: int
    end: int


def acquire(connection: Connection, run_id: str, owner: str, mine: int | None, name: str) -> Acquired:
    """Become the owner. `mine` is the epoch in which `owner` has it already, if it does.

    The row is locked before anything is asked: what is asked then is seen as the last owner has left it. A run that
    nobody has is taken with one question.
    """
    free = _taken(connection, f"{_TAKE} AND owner IS NULL RETURNING epoch, entries", owner, run_id)
    if free is not None:
        return free
    with connection.transaction():
        row = connection.execute(
            "SELECT epoch, owner FROM runs WHERE run_id = %s FOR UPDATE", (run_id,)
        ).fetchone()
        if row is None:
            raise NotFoundError("run", run_id)
        if mine is not None and row == (mine, owner):
            raise RunOwnedError(run_id, name)
        other = connection.execute(_LIVING_OWNER, (run_id, owner)).fetchone()
        if other is not None:
            raise RunOwnedError(run_id, str(other[0]))
        taken = _taken(connection, f"{_TAKE} RETURNING epoch, entries", owner, run_id)
    if taken is None:
        raise NotFoundError("run", run_id)
    return taken


_TAKE: Final = "UPDATE runs SET epoch = epoch + 1, owner = %s WHERE run_id = %s"


def _taken(connection: Connection, asked: LiteralString, owner: str, run_id: str) -> Acquired | None:
    with connection.cursor(row_factory=args_row(Acquired)) as cursor:
        return cursor.execute(asked, (owner, run_id)).fetchone()


_END_NOW: Final = (
    "UPDATE runs SET ended_at = COALESCE(ended_at, extract(epoch FROM clock_timestamp())) WHERE run_id = %s"
)


def set_status(connection: Connection, run_id: str, status: str, channel: str) -> None:
    """Where nobody owns the run. Raises RunOwnedError, NotFoundError."""
    with connection.transaction():
        row = connection.execute("SELECT 1 FROM runs WHERE run_id = %s FOR UPDATE", (run_id,)).fetchone()
        if row is None:
            raise NotFoundError("run", run_id)
        other = connection.execute(_LIVING_OWNER, (run_id, "")).fetchone()
        if other is not None:
            raise RunOwnedError(run_id, str(other[0]))
        connection.execute("UPDATE runs SET status = %s WHERE run_id = %s", (status, run_id))
        if status in ENDED:
            connection.execute("DELETE FROM waits WHERE run_id = %s", (run_id,))
            connection.execute(_END_NOW, (run_id,))
        connection.execute("SELECT pg_notify(%s, '')", (channel,))


def entries(connection: Connection, run_id: str, after: int) -> list[bytes]:
    """Bodies in order. Raises NotFoundError."""
    found = connection.execute(
        "SELECT body FROM entries WHERE run_id = %s AND seq > %s ORDER BY seq", (run_id, after), binary=True
    )
    bodies = [row[0] for row in found if isinstance(row[0], bytes)]
    if not bodies:
        run(connection, run_id)
    return bodies


def waits(connection: Connection, run_id: str | None) -> list[OpenWait]:
    """The oldest first."""
    with connection.cursor(row_factory=class_row(OpenWait)) as cursor:
        return cursor.execute(
            "SELECT run_id, path, kind, text, asked_at, until FROM waits "
            "WHERE %s::text IS NULL OR run_id = %s ORDER BY asked_at, run_id, path",
            (run_id, run_id),
        ).fetchall()


# ------------------------------------------------------------------ letters


def send(connection: Connection, mail: tuple[str, str, str, bytes, float], channel: str) -> int:
    """Leave a letter (token, run, kind, body, instant); the same token again leaves none. Raises NotFoundError.

    Numbers are given under a lock that is held until the commit: who has seen one has seen all below it.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (channel,))
        known = connection.execute("SELECT number FROM letters WHERE token = %s", (mail[0],)).fetchone()
        found = (
            known
            or connection.execute(
                "INSERT INTO letters (token, run_id, kind, body, sent_at) SELECT %s, run_id, %s, %s, %s FROM runs "
                "WHERE run_id = %s FOR KEY SHARE RETURNING number",
                (mail[0], *mail[2:], mail[1]),
            ).fetchone()
        )
        connection.execute("SELECT pg_notify(%s, '')", (channel,))
    if found is None:
        raise NotFoundError("run", mail[1])
    return int(str(found[0]))


def letters(connection: Connection, after: int) -> list[Mail]:
    """Those that nobody has dealt with."""
    with connection.cursor(row_factory=class_row(Mail)) as cursor:
        return cursor.execute(
            _MAIL + " WHERE outcome = '' AND number > %s ORDER BY number", (after,)
        ).fetchall()


def letter(connection: Connection, number: int) -> Mail:
    """Raises NotFoundError."""
    with connection.cursor(row_factory=class_row(Mail)) as cursor:
        found = cursor.execute(_MAIL + " WHERE number = %s", (number,)).fetchone()
    if found is None:
        raise NotFoundError("letter", str(number))
    return found


def settle(connection: Connection, number: int, outcome: str) -> None:
    """Give a letter its outcome, unless it has one."""
    connection.execute(
        "UPDATE letters SET outcome = %s WHERE number = %s AND outcome = ''", (outcome, number)
    )


# ------------------------------------------------------------------ blobs


def blob(connection: Connection, digest: str) -> bytes | None:
    """A blob's bytes, unchecked."""
    row = connection.execute("SELECT body FROM blobs WHERE digest = %s", (digest,), binary=True).fetchone()
    return row[0] if row and isinstance(row[0], bytes) else None


_NOBODYS: Final = """
AND NOT EXISTS (SELECT FROM owners o WHERE o.id = r.owner AND o.lease_until > clock_timestamp())
"""
_ENDED: Final = (
    """
SELECT r.run_id FROM runs r WHERE r.status IN ('succeeded', 'partial', 'failed', 'cancelled') AND r.ended_at < %s
"""
    + _NOBODYS
    + "ORDER BY r.ended_at LIMIT %s FOR UPDATE OF r SKIP LOCKED"
)
_STILL: Final = "SELECT r.run_id FROM runs r WHERE r.run_id = ANY(%s)" + _NOBODYS
_OF_RUNS: Final = (
    "DELETE FROM entries WHERE run_id = ANY(%s)",
    "DELETE FROM waits WHERE run_id = ANY(%s)",
    "DELETE FROM letters WHERE run_id = ANY(%s)",
    "DELETE FROM blob_refs WHERE run_id = ANY(%s)",
    "DELETE FROM runs WHERE run_id = ANY(%s)",
)
_UNNEEDED: Final = """
SELECT digest FROM blobs b WHERE NOT EXISTS (SELECT FROM blob_refs r WHERE r.digest = b.digest)
ORDER BY digest LIMIT 1000 FOR UPDATE OF b SKIP LOCKED
"""
_SWEPT: Final = """
WITH gone AS (
    DELETE FROM blobs b WHERE digest = ANY(%s)
        AND NOT EXISTS (SELECT FROM blob_refs r WHERE r.digest = b.digest) RETURNING size
) SELECT count(*), coalesce(sum(size), 0) FROM gone
"""
_LONG_DEAD: Final = "DELETE FROM owners WHERE lease_until < clock_timestamp() - interval '1 day'"


def collect(connection: Connection, before: float, batch: int) -> Collected:
    """Delete runs that have ended and that nobody owns, and blobs without a run.

    What is to go is locked, then asked about again: an acquire, or an append that refers to a blob, has either
    committed and is seen, or waits for the lock, finds no run, or writes the blob anew.
    """
    with connection.transaction():
        found = [row[0] for row in connection.execute(_ENDED, (before, batch))]
        ended = [str(row[0]) for row in connection.execute(_STILL, (found,))]
        for statement in _OF_RUNS if ended else ():
            connection.execute(statement, (ended,))
        unneeded = [str(row[0]) for row in connection.execute(_UNNEEDED)]
        point("postgres.in_collect")
        row = connection.execute(_SWEPT, (unneeded,)).fetchone()
        connection.execute(_LONG_DEAD)
    swept, size = (int(str(each)) for each in row or (0, 0))
    return Collected(len(ended), swept, size)
