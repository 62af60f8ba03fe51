"""A batch of appends as one statement.

A lone append then costs one round trip and one commit, and so do a thousand. And as the server has all of a statement
before it locks anything, no process that freezes in the middle of one holds rows that others need. The statement
begins with the runs' rows: only those that still have the writer's epoch, and as many entries as the writer thinks,
are changed, and everything else hangs on what was changed. Written twice, a batch changes nothing the second time.
"""

# ruff: noqa: S608  # statements are put together from the constants below

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from stretto.runtime.points import point

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg import Cursor

    from stretto.ports import Entry, OpenWait, RowChange
    from stretto.runtime.stores.postgres_link import Connection

__all__ = ["Part", "write"]

_COLUMNS: Final = ("status", "cause", "started_at", "ended_at", "steps", "done")
_RUNS: Final = """
WITH change AS (
    SELECT * FROM json_to_recordset(%s::json) AS c (
        n int, run_id text, epoch bigint, base bigint, first bigint, count bigint, status text, cause text,
        started_at float8, ended_at float8, steps bigint, done bigint)
), held AS (
    UPDATE runs r SET entries = r.entries + c.count, status = coalesce(c.status, r.status),
        cause = coalesce(c.cause, r.cause), started_at = coalesce(c.started_at, r.started_at),
        ended_at = coalesce(c.ended_at, r.ended_at), steps = coalesce(c.steps, r.steps),
        done = coalesce(c.done, r.done)
    FROM change c WHERE r.run_id = c.run_id AND r.epoch = c.epoch AND r.entries = c.base
    RETURNING c.n, r.run_id, r.epoch, c.base, c.first
), body AS (
    INSERT INTO entries (run_id, seq, epoch, body)
    SELECT h.run_id, h.base + b.nth - h.first, h.epoch, b.body
    FROM unnest(%s::int[], %b::bytea[]) WITH ORDINALITY AS b (n, body, nth) JOIN held h USING (n)
)"""

# The commonest batch of all, a chain's hop, at half the cost of the general statement.
_LONE: Final = """
WITH held AS (
    UPDATE runs SET entries = entries + 1, status = coalesce(%s, status), cause = coalesce(%s, cause),
        started_at = coalesce(%s, started_at), ended_at = coalesce(%s, ended_at), steps = coalesce(%s, steps),
        done = coalesce(%s, done)
    WHERE run_id = %s AND epoch = %s AND entries = %s RETURNING run_id, entries, epoch
)
INSERT INTO entries (run_id, seq, epoch, body) SELECT run_id, entries, epoch, %b FROM held RETURNING 0
"""

_PLAIN: Final = _RUNS + " SELECT n FROM held"

_EXTRAS: Final = (
    _RUNS
    + """, opened AS (
    INSERT INTO waits (run_id, path, kind, text, asked_at, until)
    SELECT h.run_id, w.path, w.kind, w.text, w.asked_at, w.until
    FROM json_to_recordset(%s::json) AS w (
        n int, path text, kind text, text text, asked_at float8, until float8) JOIN held h USING (n)
    ON CONFLICT (run_id, path) DO UPDATE SET kind = excluded.kind, text = excluded.text,
        asked_at = excluded.asked_at, until = excluded.until
), closed AS (
    DELETE FROM waits w USING held h, json_to_recordset(%s::json) AS c (n int, path text)
    WHERE c.n = h.n AND w.run_id = h.run_id AND w.path = c.path
), taken AS (
    UPDATE letters l SET outcome = t.outcome
    FROM held h, json_to_recordset(%s::json) AS t (n int, number bigint, outcome text)
    WHERE t.n = h.n AND l.number = t.number AND l.run_id = h.run_id AND l.outcome = ''
), referred AS (
    INSERT INTO blob_refs (digest, run_id)
    SELECT b.digest, h.run_id FROM json_to_recordset(%s::json) AS b (n int, digest text) JOIN held h USING (n)
    ON CONFLICT DO NOTHING
)"""
)
_FULL: Final = _EXTRAS + " SELECT n FROM held"

# Bodies lie in the order of their names, so that two writers with the same ones do not wait for each other
# crosswise. The update takes no new value: it holds the row, so that no collection deletes it before this commit.
_BLOBS: Final = """, stored AS (
    INSERT INTO blobs (digest, size, body)
    SELECT v.digest, v.size, v.body FROM (VALUES {}) AS v (digest, size, body)
    WHERE v.digest = ANY (ARRAY(
        SELECT b.digest FROM json_to_recordset(%s::json) AS b (n int, digest text) JOIN held h USING (n)))
    ON CONFLICT (digest) DO UPDATE SET size = excluded.size
) SELECT n FROM held"""
_BODY: Final = "(%s::text, %s::bigint, %b::bytea)"


class Part:
    """What one run appends in a batch: entries behind its first `base` ones, written as owner number `epoch`."""

    __slots__ = ("base", "blobs", "bodies", "change", "closed", "epoch", "opened", "run_id", "taken")

    def __init__(self, run_id: str, epoch: int, base: int) -> None:
        self.run_id = run_id
        self.epoch = epoch
        self.base = base
        self.bodies: list[bytes] = []
        self.change: dict[str, object] = {}
        self.opened: dict[str, OpenWait] = {}
        self.closed: set[str] = set()
        self.blobs: dict[str, bytes] = {}
        self.taken: dict[int, str] = {}

    @property
    def end(self) -> int:
        """The number of the last entry."""
        return self.base + len(self.bodies)

    def add(self, entry: Entry) -> None:
        """One entry more. Later changes go before earlier ones."""
        self.bodies.append(entry.body)
        if entry.change is not None:
            self._change(entry.change)
        if entry.blobs:
            self.blobs.update(entry.blobs)
        for number, outcome in entry.taken:
            self.taken.setdefault(number, outcome)

    def _change(self, change: RowChange) -> None:
        for name in _COLUMNS:
            value = getattr(change, name)
            if value is not None:
                self.change[name] = value
        for path in change.closed:
            self.opened.pop(path, None)
            self.closed.add(path)
        for wait in change.opened:
            self.closed.discard(wait.path)
            self.opened[wait.path] = wait

    @property
    def is_plain(self) -> bool:
        """Whether it is entries and the run's row alone."""
        return not (self.opened or self.closed or self.blobs or self.taken)


def write(connection: Connection, parts: list[Part]) -> set[int]:
    """Commit a batch; gives the places of the parts that were written. Raises psycopg.Error, with nothing written
    unless the connection was lost."""
    point("postgres.before_commit")
    written = _write(connection, parts)
    point("postgres.after_commit")
    return written


def _write(connection: Connection, parts: list[Part]) -> set[int]:
    if any(part.blobs for part in parts):
        found = _write_with_blobs(connection, parts)
    elif not all(part.is_plain for part in parts):
        found = connection.execute(_FULL, (*_entries(parts), *_extras(parts)), prepare=True)
    elif len(parts) == len(parts[0].bodies) == 1:
        found = connection.execute(_LONE, _lone(parts[0]), prepare=True)
    else:
        found = connection.execute(_PLAIN, _entries(parts), prepare=True)
    return {int(str(row[0])) for row in found}


def _write_with_blobs(connection: Connection, parts: list[Part]) -> Cursor[tuple[object, ...]]:
    blobs = sorted({digest: body for part in parts for digest, body in part.blobs.items()}.items())
    asked = _EXTRAS + _BLOBS.format(", ".join([_BODY] * len(blobs)))
    extras = _extras(parts)
    bodies = (value for digest, body in blobs for value in (digest, len(body), body))
    values = (*_entries(parts), *extras, *bodies, extras[-1])
    return connection.execute(asked.encode(), values, prepare=len(blobs) == 1)


def _lone(part: Part) -> tuple[object, ...]:
    changes = (part.change.get(name) for name in _COLUMNS)
    return (*changes, part.run_id, part.epoch, part.base, part.bodies[0])


def _entries(parts: list[Part]) -> tuple[object, ...]:
    """The rows' changes, and every body with the number of its part."""
    changes: list[dict[str, object]] = []
    numbers: list[str] = []
    bodies: list[bytes] = []
    for n, part in enumerate(parts):
        count = len(part.bodies)
        changes.append(
            {"n": n, "run_id": part.run_id, "epoch": part.epoch, "base": part.base, "first": len(bodies)}
            | {"count": count}
            | part.change
        )
        numbers += [str(n)] * count
        bodies += part.bodies
    return json.dumps(changes), "{" + ",".join(numbers) + "}", bodies


def _extras(parts: list[Part]) -> tuple[str, ...]:
    each = list(enumerate(parts))
    return (
        _json({"n": n, **wait._asdict()} for n, part in each for wait in part.opened.values()),
        _json({"n": n, "path": path} for n, part in each for path in part.closed),
        _json({"n": n, "number": k, "outcome": text} for n, part in each for k, text in part.taken.items()),
        _json({"n": n, "digest": digest} for n, part in each for digest in part.blobs),
    )


def _json(rows: Iterable[dict[str, object]]) -> str:
    return json.dumps(list(rows))
