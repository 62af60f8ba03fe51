"""What every store promises, as tests: a store's own module inherits `StoreConformance` and gives two fixtures.

`store` is a fresh, empty store; `other` another view of the same place, as a second process has it. A store that
nobody else can see gives the same object twice and inherits `LonelyConformance`.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

import pytest

from runtime.store_conformance_rows import IndexConformance, MailConformance
from runtime.store_helpers import (
    PATIENCE,
    Listener,
    append_all,
    begin,
    digest_of,
    end_run,
    new_run,
    races,
)
from stretto.errors import (
    FencedError,
    NotFoundError,
    RunOwnedError,
    StoreDamagedError,
    StoreError,
    StrettoError,
)
from stretto.ports import Entry, OpenWait, RowChange

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stretto.ports import Store

__all__ = [
    "PATIENCE",
    "Listener",
    "LonelyConformance",
    "StoreConformance",
    "append_all",
    "begin",
    "digest_of",
    "end_run",
    "new_run",
    "races",
]


class JournalConformance:
    """Entries, owners and epochs."""

    def test_entries_come_back_in_order(self, store: Store, other: Store) -> None:
        """Bodies are read as they were appended, byte for byte, by anybody."""
        epoch = begin(store)
        bodies = [b"", b"first", bytes(range(256)), "ü – \ud7ff".encode()]
        append_all(store, "r1", epoch, *(Entry(body) for body in bodies))
        assert store.entries("r1") == bodies
        assert other.entries("r1") == bodies

    def test_entries_after_some(self, store: Store) -> None:
        """`after` leaves out that many; past the end nothing is left."""
        epoch = begin(store)
        append_all(store, "r1", epoch, *(Entry(b"%d" % n) for n in range(5)))
        assert store.entries("r1", 3) == [b"3", b"4"]
        assert store.entries("r1", 5) == []
        assert store.entries("r1", 99) == []

    def test_a_run_without_entries(self, store: Store) -> None:
        """It has none; an unknown run is an error."""
        store.create(new_run())
        assert store.entries("r1") == []
        with pytest.raises(NotFoundError, match="'r2'"):
            store.entries("r2")

    def test_told_once_for_each_append(self, store: Store) -> None:
        """However appends share commits, each of them is counted, and those of a run stay in order."""
        epoch = begin(store)
        listener = Listener()
        for n in range(500):
            store.append("r1", epoch, Entry(b"%d" % n), listener)
        assert listener.wait(500) == ["r1"] * 500
        assert store.entries("r1") == [b"%d" % n for n in range(500)]
        assert listener.errors == []

    def test_what_was_told_is_committed(self, store: Store, other: Store) -> None:
        """When `told` is called another process sees the entry."""
        epoch = begin(store)
        seen: list[int] = []
        done = threading.Event()

        def told(run_ids: Sequence[str], error: BaseException | None) -> None:
            seen.append(len(other.entries("r1")))
            done.set()

        store.append("r1", epoch, Entry(b"x"), told)
        assert done.wait(PATIENCE)
        assert seen == [1]

    def test_runs_share_the_store(self, store: Store) -> None:
        """Appends of several runs, mixed, each end up in their own journal."""
        epochs = {f"r{n}": begin(store, f"r{n}") for n in range(8)}
        listener = Listener()
        for n, (run_id, epoch) in itertools.product(range(20), epochs.items()):
            store.append(run_id, epoch, Entry(b"%s %d" % (run_id.encode(), n)), listener)
        assert sorted(listener.wait(160)) == sorted(list(epochs) * 20)
        for run_id in epochs:
            assert store.entries(run_id) == [b"%s %d" % (run_id.encode(), n) for n in range(20)]

    def test_each_listener_hears_of_its_own(self, store: Store) -> None:
        """Two event loops with one store are told apart."""
        first, second = begin(store, "r1"), begin(store, "r2")
        one, two = Listener(), Listener()
        for n in range(50):
            store.append("r1", first, Entry(b"%d" % n), one)
            store.append("r2", second, Entry(b"%d" % n), two)
        assert one.wait(50) == ["r1"] * 50
        assert two.wait(50) == ["r2"] * 50

    def test_appends_from_many_threads(self, store: Store) -> None:
        """Each thread's run keeps its order, and nothing is lost."""
        epochs = [begin(store, f"r{n}") for n in range(8)]
        listener = Listener()

        def write(n: int) -> None:
            for k in range(50):
                store.append(f"r{n}", epochs[n], Entry(b"%d" % k), listener)

        races(8, write)
        listener.wait(400)
        assert all(store.entries(f"r{n}") == [b"%d" % k for k in range(50)] for n in range(8))

    def test_epochs_count_owners(self, store: Store, other: Store) -> None:
        """A run starts at epoch 0; each owner's is one above the last."""
        assert store.create(new_run()).epoch == 0
        assert store.acquire("r1") == 1
        store.release("r1", 1)
        assert other.acquire("r1") == 2
        assert store.run("r1").epoch == 2

    def test_one_owner_at_a_time(self, store: Store, other: Store) -> None:
        """While one lives another is refused, with its name; after release it is not."""
        epoch = begin(store)
        owner = store.run("r1").owner
        assert owner is not None
        for view in (store, other):
            with pytest.raises(RunOwnedError) as refused:
                view.acquire("r1")
            assert (refused.value.run_id, refused.value.owner) == ("r1", owner)
            assert view.run("r1").owner == owner
        store.release("r1", epoch)
        assert other.run("r1").owner is None
        assert other.acquire("r1") == epoch + 1

    def test_a_refused_acquire_changes_nothing(self, store: Store, other: Store) -> None:
        """The owner goes on with its epoch."""
        epoch = begin(store)
        with pytest.raises(RunOwnedError):
            other.acquire("r1")
        append_all(store, "r1", epoch, Entry(b"still mine"))
        assert store.run("r1").epoch == epoch

    def test_acquire_of_nothing(self, store: Store) -> None:
        """An unknown run has no owner."""
        with pytest.raises(NotFoundError, match="'r1'"):
            store.acquire("r1")

    def test_release_commits_first(self, store: Store, other: Store) -> None:
        """Whoever acquires after a release sees all appends made before it."""
        epoch = begin(store)
        listener = Listener()
        for n in range(100):
            store.append("r1", epoch, Entry(b"%d" % n), listener)
        store.release("r1", epoch)
        assert len(other.entries("r1")) == 100
        assert listener.wait(100) == ["r1"] * 100

    def test_a_late_release_does_nothing(self, store: Store, other: Store) -> None:
        """An old owner cannot give up what a new one holds."""
        old = begin(store)
        store.release("r1", old)
        new = store.acquire("r1")
        store.release("r1", old)
        with pytest.raises(RunOwnedError):
            other.acquire("r1")
        append_all(store, "r1", new, Entry(b"mine"))

    def test_owners_take_turns(self, store: Store, other: Store) -> None:
        """Whoever goes on with a run appends behind what others have appended since."""
        store.create(new_run())
        for turn, view in enumerate((store, other, store, other)):
            epoch = view.acquire("r1")
            for half in (b"a", b"b"):
                append_all(view, "r1", epoch, Entry(b"%d %s" % (turn, half)))
            view.release("r1", epoch)
        expected = [b"%d %s" % (turn, half) for turn in range(4) for half in (b"a", b"b")]
        assert store.entries("r1") == expected
        assert other.entries("r1", 3) == expected[3:]

    def test_release_twice(self, store: Store, other: Store) -> None:
        """A second release of the same epoch, or of an unknown run, harms nobody."""
        epoch = begin(store)
        store.release("r1", epoch)
        store.release("r1", epoch)
        store.release("r9", 1)
        assert other.acquire("r1") == epoch + 1

    def test_an_old_epoch_is_fenced(self, store: Store) -> None:
        """Once a higher epoch exists, nothing of a lower one is written."""
        old = begin(store)
        store.release("r1", old)
        new = store.acquire("r1")
        listener = Listener()
        change = RowChange(status="failed", opened=(OpenWait("r1", "p", "event", "e", 1.0, None),))
        body = b"fenced"
        store.append("r1", old, Entry(body, change, {digest_of(body): body}), listener)
        error = listener.wait_error("r1")
        assert isinstance(error, FencedError)
        assert (error.run_id, error.epoch) == ("r1", old)
        append_all(store, "r1", new, Entry(b"new"))
        assert store.entries("r1") == [b"new"]
        assert (store.run("r1").status, store.waits("r1")) == ("queued", [])
        with pytest.raises(StoreDamagedError):
            store.blob(digest_of(body))

    def test_a_fenced_run_does_not_hold_up_others(self, store: Store) -> None:
        """Other runs' appends around it are committed."""
        old, fine = begin(store, "r1"), begin(store, "r2")
        store.release("r1", old)
        store.acquire("r1")
        listener = Listener()
        for n in range(10):
            store.append("r2", fine, Entry(b"%d" % n), listener)
            store.append("r1", old, Entry(b"late"), listener)
        assert listener.wait(10) == ["r2"] * 10
        assert isinstance(listener.wait_error("r1"), FencedError)
        assert (len(store.entries("r2")), store.entries("r1")) == (10, [])

    def test_an_append_to_nothing_is_told(self, store: Store) -> None:
        """A run that is not there takes no entries."""
        listener = Listener()
        store.append("r1", 1, Entry(b"x"), listener)
        assert isinstance(listener.wait_error("r1"), StrettoError)
        assert listener.committed == []

    def test_one_of_many_takers_wins(self, store: Store, other: Store) -> None:
        """Eight threads acquire at once, through two views, again and again: one gets the run each time."""
        store.create(new_run())
        for turn in range(1, 11):
            got = races(8, lambda n: (store, other)[n % 2].acquire("r1"))
            winners = [n for n, each in enumerate(got) if isinstance(each, int)]
            assert [got[n] for n in winners] == [turn]
            assert sum(isinstance(each, RunOwnedError) for each in got) == 7
            (store, other)[winners[0] % 2].release("r1", turn)

    def test_closing_twice(self, store: Store) -> None:
        """The second time nothing happens."""
        store.close()
        store.close()

    def test_nothing_works_after_closing(self, store: Store) -> None:
        """Each use says that the store is closed."""
        epoch = begin(store)
        store.close()
        uses: list[Callable[[], object]] = [
            lambda: store.append("r1", epoch, Entry(b"x"), Listener()),
            lambda: store.create(new_run("r2")),
            lambda: store.acquire("r1"),
            lambda: store.entries("r1"),
            store.runs,
            lambda: store.send("r1", "event", b"{}", 1.0),
        ]
        for use in uses:
            with pytest.raises(StoreError, match="closed"):
                use()


class BlobConformance:
    """Large values by their hash."""

    def test_blobs_come_back(self, store: Store, other: Store) -> None:
        """A blob is there as soon as its entry is, for anybody, at any size."""
        epoch = begin(store)
        bodies = [b"", b"small", bytes(range(256)) * 8192]
        append_all(store, "r1", epoch, Entry(b"{}", None, {digest_of(body): body for body in bodies}))
        for body in bodies:
            assert store.blob(digest_of(body)) == body
            assert other.blob(digest_of(body)) == body

    def test_two_runs_share_a_blob(self, store: Store) -> None:
        """The same value from two runs, or twice from one, is one blob."""
        body = b"shared" * 1000
        for run_id in ("r1", "r2"):
            entry = Entry(b"{}", None, {digest_of(body): body})
            append_all(store, run_id, begin(store, run_id), entry, entry)
        assert store.blob(digest_of(body)) == body

    def test_a_missing_blob(self, store: Store) -> None:
        """A hash that nothing has is damage, and named."""
        with pytest.raises(StoreDamagedError, match=digest_of(b"never")):
            store.blob(digest_of(b"never"))

    def test_a_blob_that_is_not_its_hash(self, store: Store) -> None:
        """Wrong content is never handed out."""
        name = digest_of(b"right")
        append_all(store, "r1", begin(store), Entry(b"{}", None, {name: b"wrong"}))
        with pytest.raises(StoreDamagedError, match=name):
            store.blob(name)


class LonelyConformance(JournalConformance, BlobConformance, IndexConformance, MailConformance):
    """All that a store promises within its process."""


class StoreConformance(LonelyConformance):
    """All that a store promises, also between processes."""

    def test_close_gives_up_what_is_owned(self, store: Store, other: Store) -> None:
        """What was appended is committed, and another process may take over."""
        epoch = begin(store)
        store.append("r1", epoch, Entry(b"last"), Listener())
        store.close()
        assert other.entries("r1") == [b"last"]
        assert other.acquire("r1") == epoch + 1
