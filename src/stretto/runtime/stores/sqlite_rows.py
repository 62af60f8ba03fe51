"""Rows, waits and letters: how they are asked for, and how they are written one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stretto.errors import NotFoundError, RunOwnedError, StrettoError
from stretto.ports import ENDED, Collected, Mail, OpenWait, RunRow
from stretto.runtime.points import point

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from stretto.ports import NewRun

__all__ = [
    "begin_epoch",
    "collect",
    "create",
    "letter",
    "number_of",
    "open_letters",
    "open_waits",
    "orphans",
    "row_of",
    "rows",
    "send",
    "set_status",
    "settle",
]

_COLUMNS: Final = ", ".join(RunRow._fields)
_ALIVE: Final = "status IN ('queued', 'running', 'waiting')"  # word for word as in the index `runs_alive`
_LAST_LETTER: Final = "\U0010ffff"  # UTF-8 sorts as code points do
_MAIL: Final = (
    "SELECT number, run_id, kind, body, sent_at, outcome FROM letters JOIN runs ON runs.id = letters.run"
)

# ruff: noqa: S608  # statements are put together from the constants above and from holes


# -------------------------------------------------------------------- asking


def _row(found: tuple[object, ...], is_held: Callable[[int], bool]) -> RunRow:
    """From all columns, and the number behind them."""
    row = RunRow._make(found[:-1])
    number = found[-1]
    if row.owner is None or (isinstance(number, int) and is_held(number)):
        return row
    return row._replace(owner=None)


def number_of(connection: sqlite3.Connection, run_id: str) -> int:
    """A run's number, which is above 0. Raises NotFoundError."""
    found = connection.execute("SELECT id FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if found is None:
        raise NotFoundError("run", run_id)
    return int(found[0])


def row_of(connection: sqlite3.Connection, run_id: str, is_held: Callable[[int], bool]) -> RunRow:
    """One run. Raises NotFoundError."""
    found = connection.execute(f"SELECT {_COLUMNS}, id FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if found is None:
        raise NotFoundError("run", run_id)
    return _row(found, is_held)


def rows(
    connection: sqlite3.Connection,
    is_held: Callable[[int], bool],
    *,
    prefix: str,
    statuses: Sequence[str],
    workflow: str | None,
    since: float | None,
    limit: int | None,
) -> list[RunRow]:
    """The newest first, narrowed by whatever is given."""
    terms: list[str] = []
    values: list[object] = []
    if prefix:
        terms.append("run_id >= ? AND run_id < ?")
        values += (prefix, prefix + _LAST_LETTER)
    if statuses:
        terms.append(f"status IN ({','.join('?' * len(statuses))})")
        values += statuses
    if workflow is not None:
        terms.append("workflow = ?")
        values.append(workflow)
    if since is not None:
        terms.append("created_at >= ?")
        values.append(since)
    where = f"WHERE {' AND '.join(terms)}" if terms else ""
    found = connection.execute(
        f"SELECT {_COLUMNS}, id FROM runs {where} ORDER BY created_at DESC, id DESC LIMIT ?",
        (*values, -1 if limit is None else limit),
    )
    return [_row(each, is_held) for each in found.fetchall()]


def orphans(connection: sqlite3.Connection, is_held: Callable[[int], bool]) -> list[RunRow]:
    """Runs to be gone on with whose owner does not live, the oldest first."""
    found = connection.execute(
        f"SELECT {_COLUMNS}, id FROM runs WHERE {_ALIVE} ORDER BY created_at, id"
    ).fetchall()
    return [_row(each, is_held) for each in found if not is_held(each[-1])]


def open_waits(connection: sqlite3.Connection, run_id: str | None) -> list[OpenWait]:
    """What a run, or any run, waits for; the oldest first."""
    found = connection.execute(
        "SELECT run_id, path, kind, text, asked_at, until FROM waits JOIN runs ON runs.id = waits.run "
        "WHERE :run IS NULL OR run_id = :run ORDER BY asked_at, waits.run, path",
        {"run": run_id},
    )
    return [OpenWait._make(each) for each in found.fetchall()]


def open_letters(connection: sqlite3.Connection, after: int) -> list[Mail]:
    """Letters without an outcome, in order."""
    found = connection.execute(f"{_MAIL} WHERE outcome = '' AND number > ? ORDER BY number", (after,))
    return [Mail._make(each) for each in found.fetchall()]


def letter(connection: sqlite3.Connection, number: int) -> Mail:
    """One letter. Raises NotFoundError."""
    found = connection.execute(f"{_MAIL} WHERE number = ?", (number,)).fetchone()
    if found is None:
        raise NotFoundError("letter", str(number))
    return Mail._make(found)


# -------------------------------------------------------------------- writing: inside the writer's transaction


def create(connection: sqlite3.Connection, new: NewRun, is_held: Callable[[int], bool]) -> RunRow:
    """Note a new run, or give the one of its key. Raises StrettoError if the id is taken."""
    same = None
    if new.key is not None:
        same = connection.execute("SELECT run_id FROM runs WHERE key = ?", (new.key,)).fetchone()
    if same is not None:
        return row_of(connection, same[0], is_held)
    if connection.execute("SELECT 1 FROM runs WHERE run_id = ?", (new.run_id,)).fetchone() is not None:
        raise StrettoError(f"There is a run {new.run_id!r} already; give each run an id of its own.")
    holes = ", ".join("?" * len(new))
    connection.execute(f"INSERT INTO runs ({', '.join(new._fields)}) VALUES ({holes})", new)
    return row_of(connection, new.run_id, is_held)


def begin_epoch(connection: sqlite3.Connection, number: int, run_id: str, owner: str) -> int:
    """The epoch of a new owner, who has the run's lock. Raises NotFoundError if the run was collected."""
    found = connection.execute(
        "UPDATE runs SET epoch = epoch + 1, owner = ? WHERE id = ? RETURNING epoch", (owner, number)
    ).fetchall()  # all of it: a statement that is not at its end would keep the commit from happening
    if not found:
        raise NotFoundError("run", run_id)
    return int(found[0][0])


def set_status(
    connection: sqlite3.Connection, run_id: str, status: str, is_held: Callable[[int], bool]
) -> None:
    """Set the status of a run that nobody owns. Raises RunOwnedError, NotFoundError."""
    row = row_of(connection, run_id, is_held)
    if is_held(number_of(connection, run_id)):
        raise RunOwnedError(run_id, row.owner or "unknown")
    connection.execute("UPDATE runs SET status = ? WHERE run_id = ?", (status, run_id))
    if status in ENDED:
        connection.execute("DELETE FROM waits WHERE run = ?", (number_of(connection, run_id),))
        connection.execute(
            "UPDATE runs SET ended_at = COALESCE(ended_at, strftime('%s', 'now') + 0.0) WHERE run_id = ?",
            (run_id,),
        )


def send(connection: sqlite3.Connection, run_id: str, kind: str, body: bytes, at: float) -> int:
    """Leave a letter; gives its number. Raises NotFoundError."""
    values = (number_of(connection, run_id), kind, body, at)
    done = connection.execute("INSERT INTO letters (run, kind, body, sent_at) VALUES (?, ?, ?, ?)", values)
    return int(done.lastrowid or 0)


def settle(connection: sqlite3.Connection, number: int, outcome: str) -> None:
    """Say what became of a letter; one that has an outcome keeps it."""
    connection.execute("UPDATE letters SET outcome = ? WHERE number = ? AND outcome = ''", (outcome, number))


def collect(
    connection: sqlite3.Connection, before: float, batch: int, is_held: Callable[[int], bool]
) -> Collected:
    """Delete up to `batch` runs that ended before an instant, and blobs that no run needs any more."""
    ended = connection.execute(
        f"SELECT id FROM runs WHERE ended_at < ? AND NOT {_ALIVE} ORDER BY ended_at", (before,)
    ).fetchall()
    gone = [(number,) for (number,) in ended if not is_held(number)][:batch]
    used = {
        hash_ for run in gone for hash_ in connection.execute("SELECT hash FROM blob_refs WHERE run = ?", run)
    }
    for table in ("entries", "letters", "waits", "blob_refs"):
        connection.executemany(f"DELETE FROM {table} WHERE run = ?", gone)
    connection.executemany("DELETE FROM runs WHERE id = ?", gone)
    point("sqlite.in_collect")
    sizes = [size for hash_ in used for size in _drop_unused(connection, hash_)]
    return Collected(len(gone), len(sizes), sum(sizes))


def _drop_unused(connection: sqlite3.Connection, hash_: tuple[str]) -> list[int]:
    """The blob's size, if no run needed it any more."""
    dropped = connection.execute(
        "DELETE FROM blobs WHERE hash = :hash AND NOT EXISTS (SELECT 1 FROM blob_refs WHERE hash = :hash) "
        "RETURNING size",
        {"hash": hash_[0]},
    )
    return [int(size) for (size,) in dropped.fetchall()]
