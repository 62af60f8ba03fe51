"""Stands between a client and a PostgreSQL server, and cuts the connection in the middle of a commit."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.postgres_server import Server

__all__ = ["Cut", "Proxy"]


class Cut(Enum):
    """When a connection is cut that carries the mark."""

    BEFORE = "nothing reaches the server"
    AT_ONCE = "the server has it, and may not have begun"
    AFTER = "the server has answered, the client does not hear it"


class Proxy:
    """Forwards everything until a client sends `mark`; `cuts` are used up one by one, then it only forwards."""

    def __init__(self, server: Server, mark: bytes) -> None:
        self._server = server
        self.mark = mark
        self.cuts: list[Cut] = []
        self.connections = 0
        self._home = Path(tempfile.mkdtemp(prefix="px", dir="/tmp"))
        self._home.chmod(0o755)
        self.url = server.url.replace(str(server.socket.parent), str(self._home))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._home / server.socket.name))
        self._listener.listen(64)
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(client,)))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(str(self._server.socket))
            hold = threading.Event()
            back = threading.Thread(target=_pump, args=(upstream, client, hold))
            back.start()
            try:
                while data := client.recv(1 << 16):
                    if self.mark in data and self.cuts:
                        self._cut(self.cuts.pop(0), data, upstream, hold, back)
                        break
                    upstream.sendall(data)
            except OSError:
                pass
            _shut(upstream)
            _shut(client)
            back.join()

    def _cut(
        self, cut: Cut, data: bytes, upstream: socket.socket, hold: threading.Event, back: threading.Thread
    ) -> None:
        """`hold` keeps answers from the client; one that has come shows that the statement is done."""
        hold.set()
        if cut is not Cut.BEFORE:
            upstream.sendall(data)
        if cut is Cut.AFTER:
            back.join(10.0)

    def close(self) -> None:
        """Take no more connections, and end with those there are, which their clients have closed."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10.0)
        shutil.rmtree(self._home)


def _pump(upstream: socket.socket, client: socket.socket, hold: threading.Event) -> None:
    """Bring answers back until there are none, or the first that is held."""
    try:
        while data := upstream.recv(1 << 16):
            if hold.is_set():
                return
            client.sendall(data)
    except OSError:
        return
    _shut(client)


def _shut(either: socket.socket) -> None:
    try:
        either.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
