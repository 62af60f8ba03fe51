"""A collection is killed at each passing of its point: the next one ends it, and what is needed is never gone."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from crash.killing import drive
from crash.points_driving import Place
from runtime.postgres_server import server
from stretto import Engine, approve, step, workflow
from stretto.runtime.engine.durable import BLOB_FROM
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from stretto.ports import Store

__all__ = ["server"]

OLD, BATCH = 7, 2
PATIENCE = 10.0
"""Seconds that PostgreSQL has to see that a client is dead, and to give up what that one has locked."""
TABLES = ("runs", "entries", "blobs", "blob_refs", "letters", "waits")


def text(number: int) -> str:
    """A value that lies apart from its journal."""
    return f"{number:09}" * (BLOB_FROM // 8)


@step
async def paper(number: int) -> str:
    return text(number)


@workflow
def bulky(own: int, shared: int) -> list[str]:
    return [paper.named("own")(own), paper.named("shared")(shared)]


@workflow
def asks(shared: int) -> str:
    return approve(paper(shared), "Good?")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Both kinds of stores that outlive a process."""
    running = request.getfixturevalue("server") if request.param == "postgres" else None
    return Place(request.param, tmp_path, running)


def _shared_by(number: int) -> int:
    """Some old runs share a value with runs that stay, the others one among themselves."""
    return number % 2


def _filled(store: Store) -> float:
    """A run that waits, then runs that end, then one more; gives an instant before that last one. Each that ends has a
    letter that came too late."""
    engine = Engine(store=store)
    waiting = asks.with_options(engine=engine, run_id="asks", leaves_waiting=True)
    assert asyncio.run(waiting.aresult(0)).status == "waiting"
    flow = bulky.with_options(engine=engine)
    for number in range(OLD):
        flow.with_options(run_id=f"old{number}").run(100 + number, _shared_by(number))
    instant = time.time()
    flow.with_options(run_id="new").run(50, 0)
    for row in store.runs(statuses=["succeeded"]):
        store.send(row.run_id, "event", b"{}", instant)
    return instant


def _check_readable(store: Store) -> None:
    """Every run that is there gives its whole value."""
    flow = bulky.with_options(engine=Engine(store=store))
    for row in store.runs(statuses=["succeeded"]):
        own, shared = (50, 0) if row.run_id == "new" else _inputs_of(row.run_id)
        assert flow.resume(row.run_id).value == [text(own), text(shared)]


def _inputs_of(run_id: str) -> tuple[int, int]:
    number = int(run_id.removeprefix("old"))
    return 100 + number, _shared_by(number)


def _needed(store: Store) -> dict[str, int]:
    """How many rows of each table belong to runs that are there, by what their journals say."""
    rows = store.runs()
    journals = [store.entries(row.run_id) for row in rows]
    blobs = [set(re.findall(rb'"hash":"(\w{64})"', b"".join(bodies))) for bodies in journals]
    counts = (
        len(rows),
        sum(map(len, journals)),
        len(set().union(*blobs)),
        sum(map(len, blobs)),
        sum(row.status == "succeeded" for row in rows),
        sum(row.status == "waiting" for row in rows),
    )
    return dict(zip(TABLES, counts, strict=True))


def _there(place: Place, name: str) -> dict[str, int]:
    """How many rows there are in each table."""
    return {table: int(str(place.ask(name, f"count(*) FROM {{}}{table}"))) for table in TABLES}


def _collect_rest(place: Place, name: str, store: Store, before: float) -> None:
    """A second collection, again as long as rows may still be locked by the first."""
    until = time.monotonic() + PATIENCE
    while True:
        store.collect(before)
        is_done = {row.run_id for row in store.runs()} == {"asks", "new"}
        if is_done and _there(place, name) == _needed(store):
            return
        assert time.monotonic() < until, (_there(place, name), _needed(store))
        time.sleep(0.02)


def _check_approved(store: Store) -> None:
    """The run that waits goes on to its value when it is answered."""
    letter = {"path": "approve", "verdict": "approve", "by": "somebody"}
    store.send("asks", "answer", json.dumps(letter).encode(), time.time())
    assert asks.with_options(engine=Engine(store=store)).resume("asks").value == text(0)


@pytest.mark.heavy
def test_killed_at_every_passing(place: Place) -> None:
    """The batches before are gone whole, nothing of this one is; a second collection leaves what is needed, no row
    more, and all that stays can be read."""
    for number in itertools.count(1):
        name = f"gc{number}"
        with closing(open_store(place.url(name))) as store:
            before = _filled(store)
            full = _there(place, name)
            assert full == _needed(store)
        kill_at = f"{place.kind}.in_collect:{number}"
        ended = drive(
            str(BATCH), place.url(name), str(before), place.folder, kill_at=kill_at, program="points_gc.py"
        )
        with closing(open_store(place.url(name))) as store:
            gone = min(BATCH * (number - 1), OLD) if ended.was_killed else OLD
            assert len(store.runs()) == full["runs"] - gone
            assert _there(place, name) == _needed(store)
            _check_readable(store)
            _collect_rest(place, name, store, before)
            _check_readable(store)
            _check_approved(store)
        if not ended.was_killed:
            assert ended.value == str(OLD)
            break
    assert number == OLD // BATCH + 3  # the rest of a batch, then nothing more, then none is killed
