"""``stretto ls``: which runs are told, and how."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest

from service.waiting_flows import WAITING, id_in, left_waiting, until_there
from stretto.errors import StoreError
from stretto.ports import Entry, NewRun, RowChange
from stretto.runtime.stores.memory import MemoryStore
from stretto.service.cli.ls import runs_of, short_id
from stretto.service.cli.shown import ago, length, looked_at, shortened
from stretto.service.cli.stored import settings_with
from stretto.service.query import parse_query

if TYPE_CHECKING:
    from service.conftest import Cli


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(WAITING)
    return cli


def ids(said: str) -> list[str]:
    """The first column, without its head."""
    return [line.split()[0] for line in said.splitlines()[1:]]


def test_nothing_yet(cli: Cli) -> None:
    """Without a store there are no runs, and looking makes none."""
    for arguments in (("ls",), ("ls", "--store", "sqlite:///gone.db")):
        done = cli.run(*arguments)
        assert (done.code, done.out) == (0, "No runs here yet. Begin one: stretto run TARGET\n")
    assert list(cli.folder.iterdir()) == []
    assert cli.run("ls", "--json").out == ""


def test_the_newest_first(flows: Cli) -> None:
    """A line each: a beginning of the id, the workflow, how it stands, steps, age, length."""
    done = id_in(flows.run("run", "flows.py:done").err)
    failed = id_in(flows.run("run", "flows.py:spills").err)
    waits = left_waiting(flows)
    said = flows.run("ls").out
    assert ids(said) == [waits[:6], failed[:6], done[:6]]
    rows = [re.split(r"  +", line) for line in said.splitlines()]
    assert rows[0] == ["id", "workflow", "status", "steps", "started", "took"]
    assert [row[1:4] for row in rows[1:]] == [
        ["order", "waiting", "1/3"],
        ["spills", "failed", "2/2"],
        ["done", "succeeded", "2/2"],
    ]
    assert all(row[4].endswith(" ago") and re.fullmatch(r"\d.*(ms|s)", row[5]) for row in rows[1:])
    assert max(map(len, said.splitlines())) <= 80


def test_queries(flows: Cli) -> None:
    """Only runs that every word means are listed; where none is, that is said."""
    done = id_in(flows.run("run", "flows.py:done").err)
    waits = left_waiting(flows)
    assert ids(flows.run("ls", "status:waiting").out) == [waits[:6]]
    assert ids(flows.run("ls", "don", "started:<1h").out) == [done[:6]]
    assert ids(flows.run("ls", f"id:{done[:8]}").out) == [done[:6]]
    assert flows.run("ls", "workflow:none").out == "No run fits that.\n"
    wrong = flows.run("ls", "color:red")
    assert (wrong.code, wrong.out) == (2, "")
    assert "Nothing is looked for by 'color'" in wrong.err


def test_a_limit(flows: Cli) -> None:
    """The newest so many; that there are more is said."""
    flows.run("run", "flows.py:done")
    newest = id_in(flows.run("run", "flows.py:done").err)
    said = flows.run("ls", "--limit", "1").out
    assert ids(said)[0] == newest[:6]
    assert said.splitlines()[2:] == ["  … and older ones: --limit 5"]
    assert "older" not in flows.run("ls", "--limit", "2").out


def test_as_data(flows: Cli) -> None:
    """One object a line: the row, and the seconds it took."""
    run_id = id_in(flows.run("run", "flows.py:done").err)
    (line,) = flows.run("ls", "--json").out.splitlines()
    found = json.loads(line)
    assert (found["run_id"], found["status"], found["done"], found["steps"]) == (run_id, "succeeded", 2, 2)
    assert found["took"] == found["ended_at"] - found["started_at"]
    assert "options" not in found


@pytest.mark.slow
def test_a_run_at_work(flows: Cli) -> None:
    """What is done is counted now; with -v the process that has it is named."""
    with flows.start("run", "flows.py:lasting") as running:
        until_there(flows.folder / "begun.txt")
        plain, named = flows.run("ls").out, flows.run("ls", "-v").out
        (flows.folder / "go.txt").touch()
        running.communicate(timeout=20)
    assert " running " in plain
    assert " 1/2 " in plain
    assert "owner" not in plain
    assert f"  {running.pid}@" in named


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_may_only_be_read(flows: Cli) -> None:
    """It is read all the same."""
    run_id = id_in(flows.run("run", "flows.py:done", "--store", "there/runs.db").err)
    (flows.folder / "there").chmod(0o555)
    assert ids(flows.run("ls", "--store", "there/runs.db").out) == [run_id[:6]]


def test_a_store_that_is_not_to_be_written_to(flows: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may only read opens it so: nothing can be written by it."""
    run_id = id_in(flows.run("run", "flows.py:done").err)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with looked_at(settings_with(None)) as store:
        assert store is not None
        assert [row.run_id for row in store.runs()] == [run_id]
        with pytest.raises(StoreError):
            store.create(NewRun("abc", "one", 1.0))


def test_memory(cli: Cli) -> None:
    """Nothing lies there for another process to find: refused."""
    assert cli.run("ls", "--store", "memory").code == 3


def test_ids_that_begin_alike() -> None:
    """As much of an id is shown as no other run has."""
    store = MemoryStore()
    for run_id in ("aaaaaaaa1111", "aaaaaaab1111", "bbbbbbbbbbbb"):
        store.create(NewRun(run_id, "one", 1.0))
    assert short_id(store, "aaaaaaaa1111") == "aaaaaaaa"
    assert short_id(store, "bbbbbbbbbbbb") == "bbbbbb"


def test_a_limit_counts_what_fits() -> None:
    """Older runs are found behind newer ones that do not fit."""
    store = MemoryStore()
    for number in range(4):
        store.create(NewRun(f"run{number}", "even" if number % 2 == 0 else "odd", float(number)))
    found = runs_of(store, parse_query(["workflow:even"]), 10.0, 2)
    assert [row.run_id for row in found] == ["run2", "run0"]
    assert [row.run_id for row in runs_of(store, parse_query(["id:run"]), 10.0, 1)] == ["run3"]


def test_statuses_are_those_of_the_index() -> None:
    """What a decision changed is what is looked for."""
    store = MemoryStore()
    store.create(NewRun("run", "one", 1.0))
    epoch = store.acquire("run")
    store.append("run", epoch, Entry(b"{}", RowChange(status="failed")), lambda *_: None)
    assert runs_of(store, parse_query(["status:queued"]), 10.0) == []
    assert len(runs_of(store, parse_query(["status:failed"]), 10.0)) == 1


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 s ago"), (59, "59 s ago"), (61, "1 min ago"), (7300, "2 h ago"), (90_000, "1 d ago")],
)
def test_ages(seconds: float, said: str) -> None:
    """In one unit, never ahead of now."""
    assert ago(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (0.0123, "12 ms"),
        (0.9999, "1 s"),
        (1.234, "1.23 s"),
        (61, "1 min 01 s"),
        (3_660, "1 h 01 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_lengths(seconds: float | None, said: str) -> None:
    """To three digits below a minute, in two units above."""
    assert length(seconds) == said


def test_shortened() -> None:
    """One line, at most so wide."""
    assert shortened("a\n b", 9) == "a b"
    assert shortened("abcdef", 4) == "abc…"
