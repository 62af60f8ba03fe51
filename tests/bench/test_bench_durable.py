"""The durable benches: values are right on both sides, commits are counted, and lines say what they missed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest
from bench.pairs import WrongValueError
from bench.peers.loads import SIZES
from bench.peers.measuring import Worker
from bench.peers.stretto_side import DurableStretto
from bench.peers.systems import DURABLE, OURS, Entry, installed
from bench.places import no_server, postgres, sqlite
from bench.shapes import Dag

from bench import crowd, durable, recovering
from stretto import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.peers.loads import Load
    from bench.places import Place

TINY = SIZES["tiny durable"]()


@pytest.fixture
def place() -> Iterator[Place]:
    """A file of its own."""
    with sqlite() as made:
        yield made


@pytest.mark.parametrize("number", [0, 1])
def test_both_sides_of_a_burst_give_the_wanted_value(place: Place, number: int) -> None:
    """The engine with a store and the control."""
    burst = durable.bursts(5, (2, 3))[number]

    async def both() -> tuple[object, object]:
        return await burst.ours(Engine(store=place.store)), await burst.control()

    assert asyncio.run(both()) == (burst.wanted, burst.wanted)
    assert burst.wanted == [[1, 2, 3, 4, 5], [3, 4]][number]
    assert burst.steps == [5, 6][number]


@pytest.mark.slow
def test_a_burst_is_a_line_with_its_target(place: Place) -> None:
    """A target that nothing meets is missed, one that everything meets is not."""
    burst = durable.bursts(5, (2, 3))[0]
    assert durable.burst_row(place._replace(burst=0.0), burst, 2).verdict == "MISSED"
    row = durable.burst_row(place._replace(burst=1e9), burst, 2)
    assert row.verdict == "ok"
    assert row.data["us"] > 0
    assert "by hand" in row.cells[2]


def test_a_chain_commits_once_a_hop(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither less nor more, and what the run itself commits does not count."""
    monkeypatch.setattr(durable, "CHAIN", 5)
    row = durable.hop_commits(place)
    assert row.data["commits"] == 1
    assert row.verdict == "ok"


class _Twice:
    """A store that counts every commit as two."""

    def __init__(self, place: Place) -> None:
        self._counting = place.counting

    @property
    def commits(self) -> int:
        return 2 * self._counting.commits


def test_a_second_commit_a_hop_is_missed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is not content with any number."""
    monkeypatch.setattr(durable, "CHAIN", 5)
    row = durable.hop_commits(place._replace(counting=_Twice(place)))
    assert row.data["commits"] == 2
    assert row.verdict == "MISSED"


def test_a_hop_stands_beside_a_bare_commit(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """10 ms for a run and 1 ms for a hop: the hop alone counts, and the first round does not."""
    monkeypatch.setattr(durable, "CHAIN", 5)
    slow = iter([100.0, 1.0, *[0.015, 0.035] * 4])
    monkeypatch.setattr(durable, "chain_seconds", lambda engine, length: next(slow))
    calls = []

    def bare(times: int) -> list[float]:
        calls.append(times)
        return [0.0008] * times

    row = durable.hop_seconds(place._replace(bare=bare, hop=1.26), 2)
    assert calls == [5, 5, 5]
    assert row.data == pytest.approx({"us": 1000, "bare_us": 800, "ratio": 1.25, "enough_us": 200 / 0.26})
    assert row.verdict == "ok"
    slow = iter([0.015, 0.035] * 3)
    missed = durable.hop_seconds(place._replace(bare=bare, hop=1.24), 2)
    assert (missed.verdict, missed.cells[-1]) == ("MISSED", "× 1.25; met by commits of 833 µs")


def test_a_chain_takes_its_time(place: Place) -> None:
    """It is really run, and a wrong length would be noticed."""
    assert 0 < durable.chain_seconds(Engine(store=place.store), 3) < 10


def test_staggered_steps_are_counted_by_the_step(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's own commits are among them: with few steps they are too many, with some more they are not."""
    monkeypatch.setattr(durable, "SPREAD", 0.0)
    monkeypatch.setattr(durable, "STAGGERED", 2)
    assert durable.staggered(place).verdict == "MISSED"
    monkeypatch.setattr(durable, "STAGGERED", 30)
    assert durable.staggered(place).verdict == "ok"


@pytest.mark.slow
def test_a_makespan_is_beside_the_control_of_its_turn(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a graph that does not sleep, the engine is slower than the control, and the line says so."""
    dag = Dag([[], [0]], [0.0, 0.0])
    row = durable.makespan(place, "two", dag, 2)
    assert row.data["ratio"] > 1
    assert row.verdict == "MISSED"
    monkeypatch.setattr(durable, "OVER_CONTROL", 1e9)
    assert durable.makespan(place, "two", dag, 2).verdict == "ok"


def test_a_wrong_value_stops_the_counting(place: Place) -> None:
    """Commits count only with their value."""

    async def wrong(_: Engine) -> object:
        return 2

    with pytest.raises(WrongValueError, match="a load returned 2; it should be 1"):
        durable.commits_of(place, wrong, 1, "a load")


def test_bare_commits_are_real(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many rows as were asked for, each committed by itself; a second call goes on in the same file."""
    statements: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: object, **more: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **more)  # type: ignore[call-overload]
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    assert len(place.bare(7)) == 7
    assert min(place.bare(2)) > 0
    inserted = [each for each in statements if each.startswith("INSERT INTO bare")]
    assert len(inserted) == 9
    after = statements[statements.index(inserted[0]) :]
    assert after[:4] == [inserted[0], "COMMIT", "BEGIN IMMEDIATE", inserted[1]]
    assert "PRAGMA synchronous = FULL" in statements


def test_a_slower_disk_is_slower_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's commits and the bare ones wait equally, and nothing waits afterwards."""
    monkeypatch.setattr(durable, "CHAIN", 3)
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    with sqlite(0.004) as place:
        before = place.counting.commits
        durable.commits_of(place, lambda engine: durable.bursts(1)[0].ours(engine), [1], "one step")
        assert waited == [0.004] * (place.counting.commits - before)
        waited.clear()
        place.bare(3)
        assert waited == [0.004] * 3
        assert place.name == "SQLite, commits 4 ms slower"
    waited.clear()
    with sqlite() as place:
        durable.commits_of(place, lambda engine: durable.bursts(1)[0].ours(engine), [1], "one step")
        place.bare(1)
    assert waited == []


def test_a_crowd_is_judged_by_its_slowest(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its p99 over one alone; every value is checked."""
    dag = Dag([[], [0]], [0.0, 0.0])
    monkeypatch.setattr(crowd, "DAG", dag)
    monkeypatch.setattr(crowd, "VALUE", [0, 1])
    monkeypatch.setattr(crowd, "RUNS", 3)
    monkeypatch.setattr(durable, "OVER_ALONE", 1e9)
    row = durable.crowd_row(place, 1)
    assert row.verdict == "ok"
    assert row.data["ratio"] == row.data["p99_s"] / row.data["alone_s"]
    monkeypatch.setattr(durable, "OVER_ALONE", 0.0)
    assert durable.crowd_row(place, 1).verdict == "MISSED"
    monkeypatch.setattr(crowd, "VALUE", [0, 2])
    with pytest.raises(WrongValueError, match="a concurrent durable run"):
        durable.crowd_row(place, 1)


def test_postgres_is_left_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is said."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "psycopg" else object())
    assert "psycopg not installed" in str(no_server())


@pytest.mark.heavy
def test_postgres_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """One commit a hop there, too, and bare commits that wait as they were told."""
    missing = no_server()
    if missing:
        pytest.skip(missing)
    monkeypatch.setattr(durable, "CHAIN", 5)
    with postgres(0.02) as place:
        assert durable.hop_commits(place).data["commits"] == 1
        assert len(place.bare(3)) == 3
        assert min(place.bare(3)) > 0.02
        assert place.name == "PostgreSQL, commits 20 ms slower"


# -------------------------------------------------------------------- after a crash, and idle


@pytest.mark.slow
def test_a_run_goes_on_where_its_process_died() -> None:
    """In real processes: the last step starts once, after the call, and the value is right."""
    assert 0 < recovering.resumed(200) < 30


def test_resuming_is_judged_by_the_worst() -> None:
    """A median within the target does not make up for one that was late."""
    assert recovering.resumed_row([0.2, 0.3, 1.0]).verdict == "ok"
    assert recovering.resumed_row([0.2, 0.3, 1.1]).verdict == "MISSED"


def test_idle_lines_are_below_their_target() -> None:
    """Fewer than five a second: five are too many."""
    assert [row.verdict for row in recovering.idle_rows((4.9, 5.0))] == ["ok", "MISSED"]


def test_queries_are_counted_without_what_begins_and_ends_transactions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only what was asked while it was watched counts."""
    monkeypatch.setattr(recovering, "REST", 0.0)
    monkeypatch.setattr(recovering, "WATCHED", 0.05)
    statements = ["SELECT before"]

    async def counted() -> float:
        asyncio.get_running_loop().call_later(
            0.02, statements.extend, ["BEGIN", "SELECT 1", "PRAGMA data_version", "ROLLBACK"]
        )
        return await recovering.queries_a_second(statements)

    assert 1 < asyncio.run(counted()) <= 2 / 0.05


# -------------------------------------------------------------------- peers


@pytest.mark.parametrize("load", TINY, ids=lambda load: load.name)
def test_durable_stretto_gives_the_wanted_values(load: Load) -> None:
    """On every load, and again on another loop; its runs lie in the file."""
    system = DurableStretto()
    start = system.build(load)

    async def run() -> object:
        return await start()

    assert [asyncio.run(run()) for _ in range(2)] == [load.wanted] * 2
    rows = system.engine.runs.store.runs()
    assert [row.status for row in rows] == ["succeeded"] * 2
    system.close()


def test_our_entry_is_always_called_the_same() -> None:
    """The table looks for it by name."""
    assert DURABLE.ours.name == OURS.name == DurableStretto.name


@pytest.mark.heavy
@pytest.mark.parametrize("entry", DURABLE.peers, ids=lambda entry: entry.name)
def test_every_installed_durable_peer_gives_the_wanted_values(entry: Entry) -> None:
    """On every load, in its own process, with the network shut."""
    if not installed([entry])[0]:
        declared = os.environ.get("CI") == "true" and "bench" in os.environ.get("STRETTO_EXTRAS", "").split()
        (pytest.fail if declared else pytest.skip)(f"{entry.package} is not installed")
    with Worker(entry, "tiny durable") as worker:
        for index in range(len(TINY)):
            assert worker.turn(index)["seconds"] > 0


def test_the_lines_go_into_the_json_copy(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line's name says the place."""
    monkeypatch.setattr(durable, "quick", lambda place, repeats: [durable.hop_commits(place)])
    monkeypatch.setattr(durable, "patient", lambda place, repeats: [])
    monkeypatch.setattr(durable, "CHAIN", 3)
    (row,) = durable.measured(place)
    assert row.cells[0] == "SQLite: chain of 3, commits a hop"
    assert json.loads(json.dumps(row.data))["commits"] == 1
