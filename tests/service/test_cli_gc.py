"""``stretto gc``: what is deleted, and what stays."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from service.waiting_flows import WAITING, id_in, left_waiting
from stretto.ports import Collected, Entry, NewRun, RowChange
from stretto.runtime.stores.memory import MemoryStore
from stretto.service.cli.gc import _collect, _size
from stretto.service.records import record_files

if TYPE_CHECKING:
    from service.conftest import Cli


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(WAITING)
    return cli


def aged() -> None:
    """Let all records seem to be from the day before yesterday."""
    at = time.time() - 2 * 86_400
    for file in record_files():
        os.utime(file, (at, at))


def known(flows: Cli) -> list[str]:
    """The ids that the store has."""
    return [json.loads(line)["run_id"] for line in flows.run("ls", "--json").out.splitlines()]


def test_what_ended_before_goes(flows: Cli) -> None:
    """With its record; what waits stays, however old it is."""
    flows.run("run", "flows.py:done")
    flows.run("run", "flows.py:spills")
    waits = left_waiting(flows)
    aged()
    done = flows.run("gc", "--older-than", "0s")
    assert (done.code, done.out, done.err) == (
        0,
        "deleted 2 runs, 0 large values (0 bytes) and 2 records\n",
        "",
    )
    assert known(flows) == [waits]
    assert [file.stem for file in record_files()] == [waits]


def test_what_is_younger_stays(flows: Cli) -> None:
    """Runs and records."""
    run_id = id_in(flows.run("run", "flows.py:done").err)
    assert flows.run("gc", "--older-than", "1h").out.startswith("deleted 0 runs, ")
    assert known(flows) == [run_id]
    assert len(record_files()) == 1


def test_only_saying_it(flows: Cli) -> None:
    """--dry-run deletes nothing."""
    run_id = id_in(flows.run("run", "flows.py:done").err)
    aged()
    done = flows.run("gc", "--older-than", "0s", "--dry-run")
    assert done.out == "would delete 1 run and 1 record\n"
    assert known(flows) == [run_id]
    assert len(record_files()) == 1


def test_as_data(flows: Cli) -> None:
    """One object."""
    flows.run("run", "flows.py:done")
    dry = json.loads(flows.run("gc", "--older-than", "0s", "--dry-run", "--json").out)
    assert dry == {"runs": 1, "records": 1, "dry_run": True}
    wet = json.loads(flows.run("gc", "--older-than", "0s", "--json").out)
    assert wet == {"runs": 1, "records": 1, "dry_run": False, "blobs": 0, "bytes": 0}


def test_records_without_a_store(flows: Cli) -> None:
    """Those of runs in memory go too; no store is made for that."""
    flows.run("run", "flows.py:done", "--store", "memory")
    aged()
    assert flows.run("gc", "--older-than", "1d").out.endswith("and 1 record\n")
    assert record_files() == []
    assert not (flows.folder / ".stretto" / "stretto.db").exists()


@pytest.mark.parametrize("age", ["30", "soon", "-1d"])
def test_no_age(cli: Cli, age: str) -> None:
    """What is no length of time is refused before anything is looked at; so is leaving it out."""
    done = cli.run("gc", f"--older-than={age}")
    assert done.code == 2
    assert "For example: 30d" in done.err
    assert cli.run("gc").code == 2


def test_many_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """They go in batches, each of which is told; blobs are counted once."""
    store = MemoryStore()
    for number in range(250):
        run_id = f"run{number:03}"
        store.create(NewRun(run_id, "one", 1.0))
        epoch = store.acquire(run_id)
        blobs = {"0" * 64: b"shared"} if number % 2 else {}
        change = RowChange(status="succeeded", ended_at=2.0)
        store.append(run_id, epoch, Entry(b"{}", change, blobs), lambda *_: None)
        store.release(run_id, epoch)
    assert _collect(store, 3.0) == Collected(250, 1, 6)
    assert capsys.readouterr().err == "100 runs deleted so far\n200 runs deleted so far\n"
    assert store.runs() == []


@pytest.mark.parametrize(("count", "said"), [(0, "0 bytes"), (2048, "2 KiB"), (3 << 20, "3 MiB")])
def test_sizes(count: int, said: str) -> None:
    """In the unit that fits."""
    assert _size(count) == said
