"""Waking whoever may have letters or orphans: by the database's notifications, and now and then without any."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from stretto.runtime.stores.postgres_link import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.runtime.stores.postgres_link import Connection, Place

__all__ = ["Watch"]

_log = logging.getLogger(__name__)
_SLOWEST: Final = 5.0
_RETRY: Final = 0.5


class Watch:
    """Calls `wake` on a thread of its own: when there is news, when a connection was made (news may have been
    missed), and every half `lease`, 5 seconds at most, as a lease that runs out is no news."""

    def __init__(self, where: Place, lease: float, wake: Callable[[], None]) -> None:
        self._where = where
        self._pause = min(lease / 2, _SLOWEST)
        self._wake = wake
        self._is_ending = False
        self._bell, self._rope = socket.socketpair()
        self._thread = threading.Thread(target=self._work, name="stretto-postgres-watch", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Wake nobody any more. May be called twice, and from `wake`."""
        self._is_ending = True
        try:
            self._rope.send(b"!")
        except OSError:  # it has ended already
            return
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _work(self) -> None:
        try:
            while not self._is_ending:
                try:
                    self._listen()
                except psycopg.Error:
                    self._sleep(_RETRY)
        finally:
            self._bell.close()
            self._rope.close()

    def _listen(self) -> None:
        """Wake until the end, or until the connection is lost (psycopg.Error)."""
        with connect(self._where) as connection:
            connection.add_notify_handler(_ignore)  # without one they are kept
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._where.channel)))
            while not self._is_ending:
                self._call()
                self._await_news(connection)

    def _call(self) -> None:
        try:
            self._wake()
        except Exception:  # noqa: BLE001 - the next news may find it well
            _log.exception("what watches the PostgreSQL store has failed")

    def _await_news(self, connection: Connection) -> None:
        """Until there is news or the pause is over; then the server must answer, too."""
        if not self._sleep(self._pause, connection.fileno()):
            connection.execute("SELECT 1")
        connection.pgconn.consume_input()
        while connection.pgconn.notifies():
            pass

    def _sleep(self, seconds: float, *others: int) -> bool:
        """Whether one of `others` can be read, or the watch has ended, before that many seconds are over."""
        with selectors.DefaultSelector() as selector:
            for each in (self._bell.fileno(), *others):
                selector.register(each, selectors.EVENT_READ)
            return bool(selector.select(seconds))


def _ignore(_: psycopg.Notify) -> None:
    """That there was one is all that counts."""
