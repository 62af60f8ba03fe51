"""The store in memory."""

from __future__ import annotations

import pytest

from runtime.store_conformance import Listener, LonelyConformance, append_all, begin
from stretto.errors import FencedError
from stretto.ports import Entry, RowChange
from stretto.runtime.stores.memory import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    """A new store."""
    return MemoryStore()


@pytest.fixture
def other(store: MemoryStore) -> MemoryStore:
    """The same: nobody else can see it."""
    return store


class TestMemoryStore(LonelyConformance):
    """It keeps every promise of a store."""


def test_a_lost_owner_leaves_an_orphan(store: MemoryStore) -> None:
    """What it had committed stays, nothing more of it is written, and another may acquire the run."""
    epoch = begin(store)
    append_all(store, "r1", epoch, Entry(b"kept", RowChange(status="running")))
    store.lose_owner("r1")
    assert [row.run_id for row in store.orphans()] == ["r1"]
    listener = Listener()
    store.append("r1", epoch, Entry(b"from the dead"), listener)
    assert isinstance(listener.wait_error("r1"), FencedError)
    assert store.acquire("r1") == epoch + 1
    assert store.entries("r1") == [b"kept"]


def test_a_watch_hears_of_a_lost_owner(store: MemoryStore) -> None:
    """An orphan wakes at once."""
    begin(store)
    heard: list[str] = []
    store.watch(lambda: heard.append("woken"))
    store.lose_owner("r1")
    assert heard == ["woken"]


def test_told_may_use_the_store(store: MemoryStore) -> None:
    """`told` is never called under the store's lock: another thread may be waited for in it."""
    from concurrent.futures import ThreadPoolExecutor

    epoch = begin(store)
    seen: list[list[bytes]] = []
    with ThreadPoolExecutor(1) as pool:
        store.append(
            "r1",
            epoch,
            Entry(b"x"),
            lambda run_ids, error: seen.append(pool.submit(store.entries, "r1").result(5.0)),
        )
    assert seen == [[b"x"]]
