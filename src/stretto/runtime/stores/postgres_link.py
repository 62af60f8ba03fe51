"""Connections to a PostgreSQL server: where it is, how one is made, kept, lost and found again.

A connection that breaks is made anew for as long as somebody's patience lasts, with growing pauses between
the attempts. What is done again must be harmless when the first time did succeed: that is its author's part.
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import conninfo, errors

from stretto.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Connection", "Patience", "Place", "Pool", "connect", "is_lost", "place", "put_in_words"]

Connection = psycopg.Connection[tuple[object, ...]]
T = TypeVar("T")

_DEFAULTS: Final = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",  # milliseconds; a host that vanished is noticed, an answer is not hurried
    "application_name": "stretto",
    "client_encoding": "utf8",
}
_SECRET: Final = frozenset({"password", "sslpassword"})
_PASSING: Final = ("08", "25P03", "25P04", "57P01", "57P02", "57P03", "57P05", "53300", "40001", "40P01")
"""SQLSTATEs of what passes by itself: lost or refused connections, a server that stops or starts, deadlocks, and
transactions that this process was too slow for."""
_PAUSES: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_LAST_PATIENCE: Final = 3.0
_SETTINGS: Final = """
SELECT set_config('search_path', %s, false), set_config('synchronous_commit', CASE
    WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on'
    ELSE current_setting('synchronous_commit') END, false),
    set_config('idle_in_transaction_session_timeout', %s, false)
"""
_LONGEST_HOLD: Final = 10.0
"""Seconds after which the server ends a transaction whose process says nothing: what it holds, others may need."""

_LONGEST_LEASE: Final = 3600.0


class Place(NamedTuple):
    """Where a store lies: `info` is libpq's, `url` is without passwords, `schema` the PostgreSQL schema; `lease` is in
    seconds."""

    info: str
    url: str
    schema: str
    lease: float

    @property
    def channel(self) -> str:
        """The name under which news of this place is notified."""
        return f"stretto_{self.schema}"


def place(url: str) -> Place:
    """Read ``postgresql://…``; ``?schema=`` says in which schema the tables lie (`stretto` if not given), ``?lease=``
    how many seconds a dead owner's runs stay its own (15).

    Raises StoreError for what libpq does not understand.
    """
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    schema = dict(query).get("schema", "stretto")
    shown = _shown(parts.netloc, urlunsplit(parts._replace(netloc="", query="")), query)
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,39}", schema):
        raise StoreError(
            f"{shown}: {schema!r} is no name for a schema; give ?schema= small letters, digits and _, 40 at most."
        )
    lease = _lease(shown, dict(query).get("lease", "15"))
    kept = urlencode([pair for pair in query if pair[0] not in ("schema", "lease")])
    try:
        given = conninfo.conninfo_to_dict(urlunsplit(parts._replace(query=kept)))
    except psycopg.ProgrammingError as error:
        raise StoreError(
            f"{shown} is not a PostgreSQL URL ({_first_line(error)}); write postgresql://user@host:5432/database."
        ) from None
    return Place(conninfo.make_conninfo("", **{**_DEFAULTS, **given}), shown, schema, lease)


def _lease(shown: str, text: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", text) and 0.1 <= float(text) <= _LONGEST_LEASE:
        return float(text)
    raise StoreError(f"{shown}: a lease of {text!r}; give ?lease= seconds, 0.1 to {_LONGEST_LEASE:g}.")


def _shown(netloc: str, rest: str, query: list[tuple[str, str]]) -> str:
    who, at, where = netloc.rpartition("@")
    public = urlencode([pair for pair in query if pair[0] not in _SECRET], safe="/")
    scheme, _, path = rest.partition(":")
    return (
        f"{scheme}://{who.partition(':')[0]}{at}{where}{path.removeprefix('//')}{'?' * bool(public)}{public}"
    )


def connect(where: Place) -> Connection:
    """A new connection that commits each statement and sees only the store's schema. Raises psycopg.Error."""
    made: Connection = psycopg.connect(where.info, autocommit=True)
    try:
        hold = min(where.lease, _LONGEST_HOLD)
        made.execute(_SETTINGS, (where.schema, f"{hold * 1000:.0f}ms"))
    except BaseException:
        made.close()
        raise
    return made


def is_lost(error: BaseException) -> bool:
    """Whether the connection, or the moment, was bad rather than what was asked for."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
    return error.sqlstate.startswith(_PASSING)


def put_in_words(error: BaseException, where: Place) -> StoreError:
    """What went wrong, where, and how to mend it."""
    if isinstance(error, StoreError):
        return error
    reason = _first_line(error)
    return StoreError(f"PostgreSQL at {where.url}: {reason}. {_advice(error, reason)}")


def _first_line(error: BaseException) -> str:
    """The first line that says something; a failed connection's comes last, behind each attempt's address."""
    text = str(error).strip().splitlines() or [type(error).__name__]
    return text[0].strip().rstrip(".")


_ROOM: Final = "Make room on the server, then resume the run: what was committed is there."
_ADVICE: Final = (
    (r"could not (extend|write)|space left|quota", _ROOM),
    (
        r"too many (clients|connections)|connection slots",
        "Let the server take more connections (max_connections, or the user's or database's CONNECTION LIMIT).",
    ),
    (r"connection .*permission denied", "Give the user the right: GRANT CONNECT ON DATABASE … TO …."),
    (
        "permission denied for database",
        "Give the user the right: GRANT CREATE ON DATABASE … TO …, or name a schema it owns with ?schema=.",
    ),
    (
        "permission denied for schema",
        "Give the user the rights: GRANT USAGE, CREATE ON SCHEMA … TO …, or name one it owns with ?schema=.",
    ),
    (
        "permission denied",
        "Give the user the rights: GRANT ALL ON ALL TABLES IN SCHEMA … TO …, or name a schema it owns with ?schema=.",
    ),
    ("pg_hba", "Let it in there, or correct host, user and database in the URL."),
    (
        "database.* does not exist",
        "Create it (createdb), or correct the name at the end of the URL.",
    ),
    (
        "authentication|password|role",
        "Correct user and password in the URL, or set PGPASSWORD or a ~/.pgpass file.",
    ),
)
"""How to mend what a message tells, the first that fits: what fails before there is a session has no SQLSTATE."""


def _advice(error: BaseException, reason: str) -> str:
    if isinstance(error, (errors.DiskFull, errors.OutOfMemory)):
        return _ROOM
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return "The server takes no writes: name the primary in the URL, not a standby."
    found = next((advice for words, advice in _ADVICE if re.search(words, reason)), None)
    if found is not None:
        return found
    if is_lost(error):
        return "Look whether the server runs and whether host and port in the URL are right."
    return "Nothing of it was written; the server's log says more."


class Patience:
    """For how long, in seconds, lost connections are tried again; once `ending` is set, not much longer."""

    def __init__(self, seconds: float, ending: threading.Event) -> None:
        self._seconds = seconds
        self._ending = ending

    def pauses(self) -> Iterator[float]:
        """The pauses to make, until patience is over; each is made before the next is given."""
        begun = time.monotonic()
        attempt = 0
        while True:
            left = self._seconds - (time.monotonic() - begun)
            if self._ending.is_set():
                left = min(left, _LAST_PATIENCE - (time.monotonic() - begun))
            if left <= 0:
                return
            pause = min(_PAUSES[min(attempt, len(_PAUSES) - 1)], left)
            attempt += 1
            time.sleep(pause)
            yield pause

    def keep(self, call: Callable[[], T], where: Place) -> T:
        """Call until it does not fail for want of a connection. Raises StoreError."""
        pauses = self.pauses()
        while True:
            try:
                return call()
            except psycopg.Error as error:
                if not is_lost(error) or next(pauses, None) is None:
                    raise put_in_words(error, where) from error


class Pool:
    """Up to `size` connections, each used by one thread at a time, made when they are first needed."""

    def __init__(self, where: Place, size: int, patience: Patience) -> None:
        self._where = where
        self._patience = patience
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._free = threading.Semaphore(size)
        self._is_closed = False

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work`, which may be done twice where a connection is lost in the middle. Raises StoreError."""
        return self._patience.keep(lambda: self._once(work), self._where)

    def _once(self, work: Callable[[Connection], T]) -> T:
        with self._free, self._lent() as connection:
            return work(connection)

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        connection = self._taken() or connect(self._where)
        try:
            yield connection
        except BaseException as error:
            if is_lost(error):
                self._drop_idle()  # they were made to the same server, and would each fail in turn
            raise
        finally:
            self._give_back(connection)

    def _taken(self) -> Connection | None:
        with self._lock:
            if self._is_closed:
                raise StoreError(f"The store {self._where.url} is closed; open it again.")
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: Connection) -> None:
        is_clean = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with self._lock:
            if is_clean and not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()

    def _drop_idle(self) -> None:
        with self._lock:
            dropped, self._idle = self._idle, []
        for connection in dropped:
            connection.close()

    def close(self) -> None:
        """Close what is idle now and what is given back later."""
        with self._lock:
            self._is_closed = True
        self._drop_idle()
