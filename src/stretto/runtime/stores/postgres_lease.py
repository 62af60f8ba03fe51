"""The lease that says this process lives: one row, extended by a thread of its own, by the database's clock.

A lease that has run out fences nobody: its owner goes on, and lives again with its next heartbeat, unless
somebody has taken a run over meanwhile. That is decided by the run's epoch alone.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from typing import TYPE_CHECKING, Final

import psycopg

from stretto.runtime.stores.postgres_link import connect

if TYPE_CHECKING:
    from stretto.runtime.stores.postgres_link import Connection, Place

__all__ = ["Lease"]

_BEAT: Final = """
INSERT INTO owners (id, name, lease_until) VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s))
ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until
"""
_LATE: Final = "UPDATE runs SET owner = NULL WHERE run_id = %s AND epoch = %s AND owner = %s"


class Lease:
    """`seconds` long, extended every third of that from the first need on until it is closed."""

    def __init__(self, where: Place, seconds: float) -> None:
        self.id = uuid.uuid4().hex
        self.name = f"{os.getpid()}@{socket.gethostname()}"
        self.seconds = seconds
        self._where = where
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._beaten_at = -float("inf")
        self._to_release: list[tuple[str, int]] = []

    @property
    def is_taken(self) -> bool:
        """Whether there was ever a need of it."""
        return self._beaten_at > -float("inf")

    def ensure(self, connection: Connection) -> None:
        """Have a lease that holds for a while, extended by itself from now on. Raises psycopg.Error."""
        if time.monotonic() - self._beaten_at > self.seconds / 2:
            self._beat(connection)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="stretto-postgres-lease", daemon=True)
                self._thread.start()

    def _beat(self, connection: Connection) -> None:
        begun = time.monotonic()
        connection.execute(_BEAT, (self.id, self.name, self.seconds))
        self._beaten_at = begun

    def release_later(self, run_id: str, epoch: int) -> None:
        """Give a run up with a later heartbeat, as the database cannot be reached now."""
        self._to_release.append((run_id, epoch))

    def _work(self) -> None:
        """Beat for ever; a lost connection is made anew with the next beat, which then comes sooner."""
        connection: Connection | None = None
        pause = self.seconds / 3
        while not self._ending.wait(pause):
            try:
                connection = connection or connect(self._where)
                self._beat(connection)
                self._release(connection)
                pause = self.seconds / 3
            except psycopg.Error:
                pause = min(self.seconds / 10, 1.0)
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _release(self, connection: Connection) -> None:
        while self._to_release:
            run_id, epoch = self._to_release[0]
            connection.execute(_LATE, (run_id, epoch, self.id))
            self._to_release.pop(0)

    def close(self) -> None:
        """Extend it no more. The row itself goes with `GIVEN_UP`."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()


GIVEN_UP: Final = """
WITH gone AS (DELETE FROM owners WHERE id = %s RETURNING 1) SELECT pg_notify(%s, '') FROM gone
"""
"""Ends a lease, and with it the ownership of all its runs."""
