"""PostgreSQL whose connections are lost: cut in mid-commit, ended by restarts, crossed by others' locks."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from runtime.postgres_proxy import Cut, Proxy
from runtime.postgres_server import Server, schema_url, server, started
from runtime.store_helpers import Listener, append_all, begin, digest_of, new_run
from stretto.errors import RunOwnedError, StoreError
from stretto.ports import Entry, RowChange
from stretto.runtime.stores.postgres import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from signal import Signals

__all__ = ["server"]

_MARK = b"cut the connection here"


@pytest.fixture
def schema(server: Server) -> Iterator[str]:
    """A schema of the test's own, dropped behind it."""
    yield "lost"
    server.ask("DROP SCHEMA IF EXISTS lost CASCADE")


@pytest.fixture
def store(server: Server, schema: str) -> Iterator[PostgresStore]:
    """An empty store."""
    made = PostgresStore(schema_url(server, schema))
    yield made
    made.close()


@pytest.fixture
def proxy(server: Server, schema: str) -> Iterator[Proxy]:
    """A way to the same place that can be cut."""
    made = Proxy(server, _MARK)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize("cut", list(Cut))
@pytest.mark.parametrize("with_blob", [False, True])
def test_cut_in_mid_commit(proxy: Proxy, server: Server, schema: str, cut: Cut, with_blob: bool) -> None:
    """Whether the answer, the statement or both were lost: each entry is there once, in order."""
    store = PostgresStore(f"{proxy.url}&schema={schema}")
    epoch = begin(store)
    blobs = {digest_of(b"blob"): b"blob"} if with_blob else {}
    append_all(store, "r1", epoch, Entry(b"before"))
    proxy.cuts = [cut] * 3
    for n in range(5):
        append_all(store, "r1", epoch, Entry(_MARK + b" %d" % n, None, blobs))
    assert proxy.cuts == []
    assert store.entries("r1") == [b"before", *(_MARK + b" %d" % n for n in range(5))]
    assert server.ask(f"SELECT entries FROM {schema}.runs") == [(6,)]
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("cut", list(Cut))
def test_cut_while_sending_a_letter(proxy: Proxy, schema: str, cut: Cut) -> None:
    """It arrives once."""
    store = PostgresStore(f"{proxy.url}&schema={schema}")
    store.create(new_run())
    proxy.mark = b"COMMIT"
    proxy.cuts = [cut]
    number = store.send("r1", "event", b"{}", 1.0)
    assert [mail.number for mail in store.letters()] == [number]
    assert proxy.cuts == []
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("mark", [b"AND owner IS NULL", b"COMMIT"])
@pytest.mark.parametrize("cut", list(Cut))
def test_cut_while_acquiring(proxy: Proxy, server: Server, schema: str, cut: Cut, mark: bytes) -> None:
    """The run is this process's, which does not take itself for another owner, and its epoch is the latest: whether
    nobody had it, or somebody who is gone."""
    store = PostgresStore(f"{proxy.url}&schema={schema}")
    store.create(new_run())
    if mark == b"COMMIT":
        server.ask(f"UPDATE {schema}.runs SET owner = 'gone', epoch = 1")
    proxy.mark = mark
    proxy.cuts = [cut]
    epoch = store.acquire("r1")
    assert proxy.cuts == []
    assert store.run("r1").epoch == epoch
    append_all(store, "r1", epoch, Entry(b"mine"))
    with pytest.raises(RunOwnedError):
        store.acquire("r1")
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("cut", list(Cut))
def test_cut_while_creating(proxy: Proxy, schema: str, cut: Cut) -> None:
    """The run is there, and its id is not taken by itself."""
    store = PostgresStore(f"{proxy.url}&schema={schema}")
    proxy.cuts = [cut]
    row = store.create(new_run(options=_MARK.decode()))
    assert store.runs() == [row]
    assert proxy.cuts == []
    store.close()


@pytest.mark.slow
def test_fenced_after_an_answer_was_lost(proxy: Proxy, server: Server, schema: str) -> None:
    """What was committed before a take-over is told as committed, what came later as fenced."""
    store = PostgresStore(f"{proxy.url}&schema={schema}")
    epoch = begin(store)
    listener = Listener()
    proxy.cuts = [Cut.AFTER]
    append_all(store, "r1", epoch, Entry(_MARK))
    server.ask(f"UPDATE {schema}.runs SET epoch = epoch + 1")
    store.append("r1", epoch, Entry(b"late"), listener)
    listener.wait_error("r1")
    assert store.entries("r1") == [_MARK]
    store.close()


@pytest.mark.slow
def test_a_server_that_stays_away(schema: str) -> None:
    """When patience is over each waiter is told, and what is asked later fails, too; closing does not hang."""
    own = started()
    try:
        store = PostgresStore(schema_url(own, schema), patience=0.3)
        epoch = begin(store)
        own.stop()
        listener = Listener()
        store.append("r1", epoch, Entry(b"x"), listener)
        assert "Look whether the server runs" in str(listener.wait_error("r1"))
        with pytest.raises(StoreError, match="Look whether the server runs"):
            store.run("r1")
        with pytest.raises(StoreError):
            store.release("r1", epoch)
        own.start()
        assert store.entries("r1") == []
        assert store.acquire("r1") == epoch + 1
        own.stop()
        with pytest.raises(StoreError):
            store.close()
        store.close()
    finally:
        own.remove()


@pytest.mark.heavy
@pytest.mark.parametrize("how", ["SIGQUIT", "SIGINT"])
def test_restarted_under_appends(how: str, schema: str) -> None:
    """Eight runs write while the server restarts four times, by crash or by order: nothing twice, nothing lost."""
    from signal import Signals

    own = started()
    try:
        _write_through_restarts(own, schema, Signals[how])
    finally:
        own.remove()


def _write_through_restarts(own: Server, schema: str, how: Signals) -> None:
    store = PostgresStore(schema_url(own, schema))
    epochs = {f"r{n}": begin(store, f"r{n}") for n in range(8)}
    is_over = threading.Event()

    def restart() -> None:
        for _ in range(4):
            time.sleep(0.3)
            own.restart(how)
        is_over.set()

    restarter = threading.Thread(target=restart)
    restarter.start()
    written = 0
    while not is_over.is_set():
        listener = Listener()
        for run_id, epoch in epochs.items():
            store.append(run_id, epoch, Entry(b"%d" % written, RowChange(done=written)), listener)
        listener.wait(8)
        assert listener.errors == []
        written += 1
    restarter.join()
    for run_id in epochs:
        assert store.entries(run_id) == [b"%d" % n for n in range(written)]
    assert written > 8
    store.close()


@pytest.mark.slow
def test_connections_ended_by_an_administrator(server: Server, store: PostgresStore) -> None:
    """Idle and busy connections that the server ends are made anew, unseen."""
    epoch = begin(store)
    append_all(store, "r1", epoch, Entry(b"one"))
    server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stretto'")
    assert store.entries("r1") == [b"one"]
    append_all(store, "r1", epoch, Entry(b"two"))
    assert store.entries("r1") == [b"one", b"two"]


@pytest.mark.slow
def test_a_watch_survives(server: Server, store: PostgresStore) -> None:
    """A watch whose connection was ended wakes, as news may have been missed, and hears the next."""
    store.create(new_run())
    woken = threading.Semaphore(0)
    end = store.watch(woken.release)
    assert woken.acquire(timeout=10)
    server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    assert woken.acquire(timeout=10)
    until = time.monotonic() + 10
    while not server.ask("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle'"):
        assert time.monotonic() < until
    while woken.acquire(blocking=False):
        pass
    store.send("r1", "event", b"{}", 1.0)
    assert woken.acquire(timeout=10)
    end()


@pytest.mark.slow
def test_deadlocks_pass(server: Server, store: PostgresStore, schema: str) -> None:
    """A batch that meets another's locks crosswise, and is the one to yield, is written after all."""
    epochs = {run_id: begin(store, run_id) for run_id in ("r1", "r2")}
    listener = Listener()
    busy, gate = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        busy.set()
        gate.wait(10)

    store.append("r1", epochs["r1"], Entry(b"first"), hold)
    assert busy.wait(10)
    for run_id, epoch in epochs.items():
        store.append(run_id, epoch, Entry(b"x"), listener)
    lock = f"SELECT 1 FROM {schema}.runs WHERE run_id = %s FOR UPDATE".encode()
    with psycopg.connect(server.url) as foreign:
        foreign.execute(lock, ("r2",))
        gate.set()
        while not server.ask("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            assert listener.committed == []
        foreign.execute(lock, ("r1",))
        assert store.entries("r2") == []
    assert sorted(listener.wait(2)) == ["r1", "r2"]
    assert store.entries("r2") == [b"x"]
