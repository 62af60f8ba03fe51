"""What every store promises about runs, waits and letters; see `store_conformance`."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

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
from stretto.errors import NotFoundError, RunOwnedError, StoreDamagedError, StrettoError
from stretto.ports import Collected, Entry, Mail, NewRun, OpenWait, RowChange, RunRow

if TYPE_CHECKING:
    from stretto.ports import Store


class IndexConformance:
    """Which runs there are."""

    def test_a_new_run(self, store: Store, other: Store) -> None:
        """All that is known of it is kept; it is queued, and nobody's."""
        new = NewRun("r1", "assess", 100.5, "flows:assess", "order 7", "r0", '{"x": 1}')
        row = RunRow(*new, "queued", "", None, None, 0, None, 0, 0)
        assert store.create(new) == row
        assert store.run("r1") == row
        assert other.run("r1") == row

    def test_an_id_is_used_once(self, store: Store) -> None:
        """A second run of that id is refused and changes nothing."""
        row = store.create(new_run())
        with pytest.raises(StrettoError, match="'r1'"):
            store.create(new_run(workflow="else"))
        assert store.run("r1") == row

    def test_a_key_gives_the_first_run(self, store: Store, other: Store) -> None:
        """Whatever else is asked for, a known key answers with its run as it stands."""
        epoch = begin(store, "r1", key="k")
        append_all(store, "r1", epoch, Entry(b"{}", RowChange(status="running")))
        again = other.create(new_run("r2", key="k", workflow="else"))
        assert (again.run_id, again.status, again.workflow) == ("r1", "running", "assess")
        with pytest.raises(NotFoundError):
            store.run("r2")

    def test_the_same_key_and_id(self, store: Store) -> None:
        """A submit that is simply repeated is no clash of ids."""
        first = store.create(new_run("r1", key="k"))
        assert store.create(new_run("r1", key="k")) == first

    def test_a_key_raced_for(self, store: Store, other: Store) -> None:
        """Eight threads submit one key at once: one run."""
        got = races(8, lambda n: (store, other)[n % 2].create(new_run(f"r{n}", key="k")))
        ids = {row.run_id for row in got if isinstance(row, RunRow)}
        assert len(got) == sum(isinstance(row, RunRow) for row in got)
        assert len(ids) == 1
        assert [row.run_id for row in store.runs()] == list(ids)

    def test_an_unknown_run(self, store: Store) -> None:
        """It is named."""
        with pytest.raises(NotFoundError, match="run 'r1'"):
            store.run("r1")

    def test_a_change_sets_what_it_names(self, store: Store, other: Store) -> None:
        """None leaves a column as it is; zero and an empty text are values."""
        epoch = begin(store)
        first = RowChange("failed", "error", started_at=101.0, ended_at=109.0, steps=5, done=3)
        append_all(store, "r1", epoch, Entry(b"1", first), Entry(b"2", RowChange()), Entry(b"3"))
        row = other.run("r1")
        assert row[7:11] == ("failed", "error", 101.0, 109.0)
        assert row[13:] == (5, 3)
        append_all(store, "r1", epoch, Entry(b"4", RowChange(status="running", cause="", done=0)))
        assert other.run("r1")[7:11] == ("running", "", 101.0, 109.0)
        assert other.run("r1")[13:] == (5, 0)

    def test_the_last_change_stands(self, store: Store) -> None:
        """Changes of many decisions at once are applied in order."""
        epoch = begin(store)
        entries = [Entry(b"%d" % n, RowChange(done=n, steps=100 if n == 0 else None)) for n in range(50)]
        append_all(store, "r1", epoch, *entries)
        assert store.run("r1")[13:] == (100, 49)

    def test_runs_newest_first(self, store: Store) -> None:
        """By their instant of creation, whatever their ids."""
        for run_id, at in (("b", 2.0), ("c", 1.0), ("a", 3.0)):
            store.create(new_run(run_id, created_at=at))
        assert [row.run_id for row in store.runs()] == ["a", "b", "c"]
        assert [row.run_id for row in store.runs(limit=2)] == ["a", "b"]
        assert store.runs(limit=0) == []

    def test_runs_by_prefix(self, store: Store) -> None:
        """A prefix is plain text: case counts, and no letter of it stands for others."""
        for n, run_id in enumerate(("ab1", "ab2", "aB3", "a_1", "a%1", "a*1", "b")):
            store.create(new_run(run_id, created_at=float(n)))
        assert [row.run_id for row in store.runs(prefix="ab")] == ["ab2", "ab1"]
        assert [row.run_id for row in store.runs(prefix="a_")] == ["a_1"]
        assert [row.run_id for row in store.runs(prefix="a%")] == ["a%1"]
        assert [row.run_id for row in store.runs(prefix="a*")] == ["a*1"]
        assert [row.run_id for row in store.runs(prefix="ab1")] == ["ab1"]
        assert store.runs(prefix="x") == []

    def test_runs_by_everything_else(self, store: Store) -> None:
        """Status, workflow and instant narrow the list, together."""
        for n, (status, workflow) in enumerate(
            (("running", "a"), ("failed", "a"), ("succeeded", "b"), ("failed", "b"))
        ):
            epoch = begin(store, f"r{n}", created_at=float(n), workflow=workflow)
            append_all(store, f"r{n}", epoch, Entry(b"{}", RowChange(status=status)))

        def ids(**query: object) -> list[str]:
            return [row.run_id for row in store.runs(**query)]  # type: ignore[arg-type]

        assert ids(statuses=("failed",)) == ["r3", "r1"]
        assert ids(statuses=["failed", "running"]) == ["r3", "r1", "r0"]
        assert ids(statuses=()) == ["r3", "r2", "r1", "r0"]
        assert ids(workflow="a") == ["r1", "r0"]
        assert ids(since=2.0) == ["r3", "r2"]
        assert ids(prefix="r", statuses=("failed",), workflow="b", since=1.0, limit=5) == ["r3"]

    def test_orphans(self, store: Store, other: Store) -> None:
        """Queued, running or waiting, and nobody's: the oldest first. Not those ended or in quarantine."""
        states = ("waiting", "running", "succeeded", "partial", "failed", "cancelled", "quarantined")
        for n, status in enumerate(states):
            epoch = begin(store, status, created_at=50.0 - n)
            append_all(store, status, epoch, Entry(b"{}", RowChange(status=status)))
        store.create(new_run("queued", created_at=60.0))
        assert [row.run_id for row in other.orphans()] == ["queued"]
        for status in states:
            store.release(status, 1)
        orphans = other.orphans()
        assert [row.run_id for row in orphans] == ["running", "waiting", "queued"]
        assert {row.owner for row in orphans} == {None}
        store.acquire("running")
        assert [row.run_id for row in other.orphans()] == ["waiting", "queued"]

    def test_set_status(self, store: Store, other: Store) -> None:
        """A run that nobody owns is put in quarantine, and out of it."""
        store.create(new_run())
        store.set_status("r1", "quarantined")
        assert (other.run("r1").status, other.orphans()) == ("quarantined", [])
        store.set_status("r1", "running")
        assert [row.run_id for row in other.orphans()] == ["r1"]
        assert store.acquire("r1") == 1

    def test_a_status_that_ends_a_run(self, store: Store, other: Store) -> None:
        """Its waits are closed, and it has ended now: it is collected like any other."""
        epoch = begin(store)
        wait = OpenWait("r1", "ask", "approval", "Is it right?", 5.0, None)
        append_all(store, "r1", epoch, Entry(b"1", RowChange(status="waiting", opened=(wait,))))
        store.release("r1", epoch)
        before = time.time()
        store.set_status("r1", "cancelled")
        row = other.run("r1")
        assert (row.status, other.waits()) == ("cancelled", [])
        assert row.ended_at is not None
        assert before - 2 <= row.ended_at <= time.time() + 2
        assert store.collect(time.time() + 3).runs == 1

    def test_set_status_of_an_owned_run(self, store: Store, other: Store) -> None:
        """An owner is not overruled, neither by others nor by its own process."""
        begin(store)
        for view in (store, other):
            with pytest.raises(RunOwnedError):
                view.set_status("r1", "quarantined")
        assert store.run("r1").status == "queued"

    def test_set_status_of_nothing(self, store: Store) -> None:
        """An unknown run has no status."""
        with pytest.raises(NotFoundError, match="'r1'"):
            store.set_status("r1", "failed")

    def test_waits_open_and_close(self, store: Store, other: Store) -> None:
        """They come and go with decisions; the oldest is first, of one run or of all."""
        first, second = begin(store, "r1"), begin(store, "r2")
        late = OpenWait("r1", "ask", "approval", "Is it right?", 5.0, 9.5)
        early = OpenWait("r1", "nap", "sleep", "", 3.0, 8.0)
        middle = OpenWait("r2", "ask", "event", "paid", 4.0, None)
        append_all(store, "r1", first, Entry(b"1", RowChange(opened=(late, early))))
        append_all(store, "r2", second, Entry(b"1", RowChange(opened=(middle,))))
        assert other.waits() == [early, middle, late]
        assert other.waits("r1") == [early, late]
        append_all(store, "r1", first, Entry(b"2", RowChange(closed=("ask", "never opened"))))
        assert other.waits() == [early, middle]
        assert other.waits("r3") == []

    def test_a_wait_opened_again(self, store: Store) -> None:
        """The same path may wait a second time, also in one batch with the end of the first."""
        epoch = begin(store)
        one = OpenWait("r1", "ask", "approval", "one", 1.0, None)
        two = OpenWait("r1", "ask", "approval", "two", 2.0, None)
        append_all(
            store,
            "r1",
            epoch,
            Entry(b"1", RowChange(opened=(one,))),
            Entry(b"2", RowChange(closed=("ask",))),
            Entry(b"3", RowChange(opened=(two,))),
        )
        assert store.waits() == [two]
        append_all(store, "r1", epoch, Entry(b"4", RowChange(opened=(one,))))
        assert store.waits() == [one]

    def test_collect(self, store: Store, other: Store) -> None:
        """Runs that ended before the instant go, with entries, letters and waits; later and live ones stay."""
        end_run(store, "old", 10.0)
        end_run(store, "new", 30.0)
        epoch = begin(store, "live")
        append_all(store, "live", epoch, Entry(b"{}", RowChange(status="running")))
        letter = store.send("old", "cancel", b"{}", 5.0)
        assert other.collect(20.0) == Collected(1, 0, 0)
        assert {row.run_id for row in other.runs()} == {"new", "live"}
        assert other.letters() == []
        for gone in (lambda: store.entries("old"), lambda: store.letter(letter), lambda: store.run("old")):
            with pytest.raises(NotFoundError):
                gone()
        assert store.entries("new") == [b"{}"]

    def test_a_collected_id_begins_anew(self, store: Store) -> None:
        """Nothing of the old run shows in a new one of the same id."""
        epoch = begin(store, "r1", key="k")
        wait = OpenWait("r1", "p", "event", "e", 1.0, None)
        append_all(
            store, "r1", epoch, Entry(b"old", RowChange(status="failed", ended_at=1.0, opened=(wait,)))
        )
        store.release("r1", epoch)
        assert store.collect(2.0).runs == 1
        epoch = begin(store, "r1", key="k")
        append_all(store, "r1", epoch, Entry(b"new"))
        assert (store.entries("r1"), store.waits(), epoch) == ([b"new"], [], 1)

    def test_collect_keeps_blobs_in_use(self, store: Store) -> None:
        """A blob goes with the last run that needs it, and its bytes are counted."""
        shared, alone = b"s" * 1000, b"a" * 500
        end_run(store, "r1", 1.0, {digest_of(shared): shared, digest_of(alone): alone})
        end_run(store, "r2", 5.0, {digest_of(shared): shared})
        assert store.collect(2.0) == Collected(1, 1, 500)
        assert store.blob(digest_of(shared)) == shared
        with pytest.raises(StoreDamagedError):
            store.blob(digest_of(alone))
        assert store.collect(6.0) == Collected(1, 1, 1000)

    def test_collect_keeps_forks(self, store: Store) -> None:
        """A run whose parent is gone stays whole."""
        body = b"of both"
        end_run(store, "r1", 1.0, {digest_of(body): body})
        epoch = begin(store, "r2", parent="r1")
        append_all(store, "r2", epoch, Entry(b"copied", None, {digest_of(body): body}))
        assert store.collect(9.0) == Collected(1, 0, 0)
        assert (store.run("r2").parent, store.entries("r2")) == ("r1", [b"copied"])
        assert store.blob(digest_of(body)) == body

    def test_collect_in_batches(self, store: Store) -> None:
        """No more than `batch` at a time, and in the end nothing."""
        for n in range(5):
            end_run(store, f"r{n}", float(n))
        assert [store.collect(9.0, 2).runs for _ in range(4)] == [2, 2, 1, 0]

    def test_collect_leaves_the_owned(self, store: Store, other: Store) -> None:
        """A run that has ended but whose owner still holds it is left for later."""
        epoch = begin(store)
        append_all(store, "r1", epoch, Entry(b"{}", RowChange(status="failed", ended_at=1.0)))
        assert other.collect(9.0).runs == 0
        store.release("r1", epoch)
        assert other.collect(9.0).runs == 1


class MailConformance:
    """Letters, and who is woken by them."""

    def test_a_letter(self, store: Store, other: Store) -> None:
        """It is kept as sent, with a number of its own."""
        store.create(new_run())
        number = other.send("r1", "answer", b'{"ok": true}', 7.5)
        mail = Mail(number, "r1", "answer", b'{"ok": true}', 7.5, "")
        assert store.letter(number) == mail
        assert store.letters() == [mail]

    def test_letters_in_order(self, store: Store) -> None:
        """Numbers grow, from above 0; `after` leaves out the lower ones."""
        store.create(new_run("r1"))
        store.create(new_run("r2"))
        numbers = [store.send(("r1", "r2")[n % 2], "event", b"{}", float(9 - n)) for n in range(4)]
        assert numbers == sorted(set(numbers))
        assert numbers[0] > 0
        assert [mail.number for mail in store.letters()] == numbers
        assert [mail.number for mail in store.letters(numbers[1])] == numbers[2:]

    def test_nobody_to_write_to(self, store: Store) -> None:
        """A letter to an unknown run, and one of an unknown number, are not there."""
        with pytest.raises(NotFoundError, match="'r1'"):
            store.send("r1", "cancel", b"{}", 1.0)
        with pytest.raises(NotFoundError, match="letter '99'"):
            store.letter(99)

    def test_settled_once(self, store: Store, other: Store) -> None:
        """The first outcome stands; the letter is no longer open."""
        store.create(new_run())
        number = store.send("r1", "answer", b"{}", 1.0)
        other.settle(number, "too late")
        store.settle(number, "something else")
        store.settle(number + 1, "nobody's")
        assert store.letter(number).outcome == "too late"
        assert store.letters() == []

    def test_taken_with_a_decision(self, store: Store, other: Store) -> None:
        """A decision and the outcome of its letters are one."""
        epoch = begin(store)
        first = other.send("r1", "answer", b"{}", 1.0)
        second = other.send("r1", "answer", b"{}", 2.0)
        append_all(store, "r1", epoch, Entry(b"{}", None, {}, ((first, "applied"),)))
        assert other.letter(first).outcome == "applied"
        assert [mail.number for mail in other.letters()] == [second]

    def test_taken_by_a_fenced_owner(self, store: Store) -> None:
        """A letter stays open if the decision that dealt with it is not written."""
        old = begin(store)
        store.release("r1", old)
        store.acquire("r1")
        number = store.send("r1", "answer", b"{}", 1.0)
        listener = Listener()
        store.append("r1", old, Entry(b"{}", None, {}, ((number, "applied"),)), listener)
        listener.wait_error("r1")
        assert [mail.number for mail in store.letters()] == [number]

    def test_taken_keeps_an_outcome(self, store: Store) -> None:
        """A letter that has an outcome keeps it, also from a decision."""
        epoch = begin(store)
        number = store.send("r1", "answer", b"{}", 1.0)
        store.settle(number, "first")
        append_all(store, "r1", epoch, Entry(b"{}", None, {}, ((number, "second"),)))
        assert store.letter(number).outcome == "first"

    def test_letters_raced_for(self, store: Store, other: Store) -> None:
        """Letters sent at once all arrive, each with its number; settling one at once leaves one outcome."""
        store.create(new_run())
        got = races(8, lambda n: (store, other)[n % 2].send("r1", "event", b"%d" % n, 1.0))
        assert {mail.body for mail in store.letters()} == {b"%d" % n for n in range(8)}
        assert sorted(str(each) for each in got) == sorted(str(mail.number) for mail in store.letters())

    @pytest.mark.slow
    def test_a_watch_wakes(self, store: Store, other: Store) -> None:
        """A letter from this process or another wakes; after its end a watch is silent."""
        store.create(new_run())
        woken = threading.Event()
        end = store.watch(woken.set)
        for sender in (store, other):
            woken.clear()
            sender.send("r1", "event", b"{}", 1.0)
            assert woken.wait(PATIENCE)
        end()
        end()
        woken.clear()
        store.send("r1", "event", b"{}", 1.0)
        assert not woken.wait(0.4)
