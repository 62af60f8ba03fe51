"""A process that freezes in the middle of what it tells PostgreSQL – stopped, or cut off by a network that says
nothing – holds nobody up longer than its lease."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.postgres_server import Server, server
from runtime.store_helpers import Listener, append_all, digest_of, new_run
from stretto.errors import FencedError, RunOwnedError
from stretto.ports import Entry, RowChange
from stretto.runtime.stores.postgres import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["server"]

LEASE = 1.0
_MARK = b"here-it-freezes"


class Ice:
    """Forwards everything until a client sends `mark`; from then on, and until it thaws, nothing of any client."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.mark = b""
        self.frozen = threading.Event()
        self._flows = threading.Event()
        self._flows.set()
        self._home = Path(tempfile.mkdtemp(prefix="px", dir="/tmp"))
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
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(str(self._server.socket))
            for ends in ((client, upstream, True), (upstream, client, False)):
                self._threads.append(threading.Thread(target=self._pump, args=ends))
                self._threads[-1].start()

    def _pump(self, source: socket.socket, target: socket.socket, is_upward: bool) -> None:
        with source, suppress(OSError):  # both ends are over with either
            while data := source.recv(1 << 16):
                if is_upward and self.mark and self.mark in data:
                    self._flows.clear()
                    self.frozen.set()
                self._flows.wait(60)
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def thaw(self) -> None:
        """Let everything through, what was held back first."""
        self.mark = b""
        self._flows.set()

    def close(self) -> None:
        """Take no more connections, and end with those there are, which their clients have closed."""
        self.thaw()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10.0)
        shutil.rmtree(self._home)


@pytest.fixture
def ice(server: Server) -> Iterator[Ice]:
    """A way to the server that can freeze."""
    made = Ice(server)
    yield made
    made.close()


@pytest.fixture
def opened(server: Server, ice: Ice) -> Iterator[tuple[PostgresStore, PostgresStore]]:
    """Two owners, the first behind the ice, and the runs r1 and r2."""
    server.ask("DROP SCHEMA IF EXISTS frozen CASCADE")
    tail = f"&schema=frozen&lease={LEASE}"
    frozen, other = PostgresStore(ice.url + tail), PostgresStore(server.url + tail)
    for run_id in ("r1", "r2"):
        other.create(new_run(run_id))
    yield frozen, other
    ice.thaw()
    frozen.close()
    other.close()


def _within(seconds: float, call: Callable[[], object]) -> object:
    """What a call gives that must not take longer than that; a run's living owner is waited for meanwhile."""
    found: list[object] = []

    def ask() -> None:
        until = time.monotonic() + seconds
        while not found and time.monotonic() < until:
            try:
                found.append(call())
            except RunOwnedError:
                time.sleep(0.01)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    assert found, f"nothing within {seconds} seconds"
    return found[0]


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 100_000, 3_000_000])
def test_frozen_while_it_writes(opened: tuple[PostgresStore, PostgresStore], ice: Ice, size: int) -> None:
    """Its run is taken over all the same, and what it was writing is not written when it thaws."""
    frozen, other = opened
    epoch = frozen.acquire("r1")
    append_all(frozen, "r1", epoch, Entry(b"before"))
    listener = Listener()
    ice.mark = _MARK
    body = _MARK + b"." * size
    entry = (
        Entry(b"with-blob", RowChange(status="running"), {digest_of(body): body}) if size else Entry(_MARK)
    )
    frozen.append("r1", epoch, entry, listener)
    assert ice.frozen.wait(10)
    taken = _within(2 * LEASE, lambda: other.acquire("r1"))
    assert taken == epoch + 1
    append_all(other, "r1", epoch + 1, Entry(b"later", None, {digest_of(body): body}))
    ice.thaw()
    assert isinstance(listener.wait_error("r1"), FencedError)
    assert other.entries("r1") == [b"before", b"later"]


@pytest.mark.slow
def test_frozen_while_it_takes_a_run(opened: tuple[PostgresStore, PostgresStore], ice: Ice) -> None:
    """Somebody else takes it meanwhile."""
    frozen, other = opened
    frozen.acquire("r2")
    ice.mark = b"epoch = epoch + 1"
    refused: list[BaseException] = []
    thread = threading.Thread(target=_refused, args=(lambda: frozen.acquire("r1"), refused))
    thread.start()
    assert ice.frozen.wait(10)
    assert _within(2 * LEASE, lambda: other.acquire("r1")) == 1
    ice.thaw()
    thread.join(20)
    assert [type(each) for each in refused] == [RunOwnedError]


@pytest.mark.slow
def test_frozen_while_it_sends_a_letter(opened: tuple[PostgresStore, PostgresStore], ice: Ice) -> None:
    """Others' letters arrive, and its own does when it thaws, once."""
    frozen, other = opened
    ice.mark = b"INSERT INTO letters"
    thread = threading.Thread(target=frozen.send, args=("r1", "event", b"late", 1.0))
    thread.start()
    assert ice.frozen.wait(10)
    _within(2 * LEASE, lambda: other.send("r1", "event", b"first", 1.0))
    ice.thaw()
    thread.join(20)
    assert [mail.body for mail in other.letters()] == [b"first", b"late"]


def _refused(call: Callable[[], object], refused: list[BaseException]) -> None:
    try:
        call()
    except RunOwnedError as error:
        refused.append(error)
