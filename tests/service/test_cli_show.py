"""``stretto show``: a run and its steps, without their code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from service.waiting_flows import WAITING, id_in, left_waiting
from stretto.ports import NewRun
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from service.conftest import Cli

MORE = """

@step
async def counted(n: int) -> list[int]:
    return list(range(n))


@step
async def picky(n: int) -> int:
    if n == 1:
        raise ValueError("no ones")
    return n


@workflow
def picks(n: int = 3) -> list[int]:
    return picky.map(counted(n))


@step
async def wordy(wish: str) -> list[str]:
    return [wish * 30] * 100


@workflow
def words(wish: str = "Negroni") -> list[str]:
    return wordy(wish)
"""


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(WAITING + MORE)
    return cli


def test_a_run_that_is_over(flows: Cli) -> None:
    """Its code is gone; how it stands, its inputs, its steps and its value are shown all the same."""
    run_id = id_in(flows.run("run", "flows.py:done", "-i", "wish=Spritz").err)
    (flows.folder / "flows.py").unlink()
    done = flows.run("show", run_id[:5])
    lines = done.out.splitlines()
    assert done.code == 0
    assert lines[0] == f"done  run {run_id}"
    assert lines[1].startswith("succeeded in ")
    assert lines[1].endswith("s, 2 of 2 steps done")
    assert lines[4:6] == ["inputs", '  wish = "Spritz"']
    assert [line.split()[:3] for line in lines[7:10]] == [
        ["step", "state", "tries"],
        ["design", "succeeded", "1"],
        ["serve", "succeeded", "1"],
    ]
    assert lines[-2:] == ["value", "House Spritz at 14 with ice"]


def test_a_run_that_waits(flows: Cli) -> None:
    """What it waits for, and the commands that answer."""
    run_id = left_waiting(flows)
    said = flows.run("show", "latest").out
    assert "\nwaiting for " in said
    assert "waits: On the menu?" in said
    assert f"      stretto approve {run_id} approve\n" in said
    assert "\nvalue\n" not in said


def test_who_answered(flows: Cli) -> None:
    """An answer stands with its step."""
    run_id = left_waiting(flows)
    flows.run("approve", run_id, "--by", "ann", "--note", "good")
    assert "approve by ann: good" in flows.run("show", run_id).out


def test_a_failed_run(flows: Cli) -> None:
    """Why each step failed stands in its line; steps that have grown stand under their anchor."""
    flows.run("run", "flows.py:picks")
    lines = flows.run("show", "latest").out.splitlines()
    assert lines[1].startswith("failed in ")
    assert [line.split()[0] for line in lines[8:]] == ["counted", "picky", "picky[0]", "picky[1]", "picky[2]"]
    assert lines[11].endswith("ValueError: no ones")


def test_long_values(flows: Cli) -> None:
    """No line is wider than a terminal, no value longer than forty lines; what is left out is said."""
    flows.run("run", "flows.py:words")
    lines = flows.run("show", "latest").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "… 62 more lines; all of them: --json"


def test_one_step(flows: Cli) -> None:
    """Its story, its inputs and its value."""
    flows.run("run", "flows.py:done")
    said = flows.run("show", "latest", "serve").out
    assert said.startswith("serve  succeeded\n")
    assert "attempt 1 succeeded" in said
    assert '  1: {"name": "House Negroni", "price": 14}\n  2: "ice"\n' in said
    assert said.endswith("value\nHouse Negroni at 14 with ice\n")


def test_a_step_that_has_not_begun(flows: Cli) -> None:
    """Nothing has happened, and its inputs are not there."""
    left_waiting(flows)
    said = flows.run("show", "latest", "serve").out
    assert "what happened\n  nothing yet\n" in said
    assert said.endswith("inputs\n  not there yet\n")


def test_as_data(flows: Cli) -> None:
    """A run and a step, each as one object."""
    run_id = left_waiting(flows)
    run = json.loads(flows.run("show", run_id, "--json").out)
    assert (run["run_id"], run["status"], run["value"]) == (run_id, "waiting", None)
    assert [(each["path"], each["state"]) for each in run["steps"]] == [
        ("design", "succeeded"),
        ("approve", "waiting"),
        ("serve", "pending"),
    ]
    assert [each["path"] for each in run["waits"]] == ["approve"]
    step = json.loads(flows.run("show", run_id, "design", "--json").out)
    assert (step["has_value"], step["value"]) == (True, {"name": "House Negroni", "price": 14})
    assert step["inputs"] == {"args": ["Negroni"], "kwargs": {}}
    later = json.loads(flows.run("show", run_id, "serve", "--json").out)
    assert (later["has_value"], later["inputs"], later["story"]) == (False, None, [])


def test_what_is_not_there(flows: Cli) -> None:
    """No store, no such run, no such step: 4, with what there is."""
    assert flows.run("show", "latest").code == 4
    run_id = left_waiting(flows)
    missing = flows.run("show", "zzz")
    assert missing.code == 4
    assert run_id in missing.err
    step = flows.run("show", run_id, "desing")
    assert step.code == 4
    assert "Did you mean 'design'?" in step.err


def test_several_runs_begin_alike(cli: Cli) -> None:
    """They are listed; more of the id is wanted."""
    store = open_store("runs.db")
    for run_id in ("abc1", "abc2"):
        store.create(NewRun(run_id, "one", 1.0))
    store.close()
    done = cli.run("show", "abc", "--store", "runs.db")
    assert done.code == 2
    assert "abc1  one, queued" in done.err
    assert "abc2  one, queued" in done.err


def test_a_run_that_has_not_begun(cli: Cli) -> None:
    """It has no steps yet; the command that begins it is named."""
    store = open_store("runs.db")
    store.create(NewRun("abc1", "one", 1.0))
    store.close()
    done = cli.run("show", "abc1", "--store", "runs.db")
    assert (done.code, done.out) == (
        0,
        "one  run abc1\nqueued, and has not begun: stretto resume abc1\n",
    )
    assert json.loads(cli.run("show", "abc1", "--store", "runs.db", "--json").out)["status"] == "queued"
