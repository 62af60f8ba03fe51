"""``stretto watch``: a run that another process drives."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from service.waiting_flows import WAITING, id_in, left_waiting, until_there

if TYPE_CHECKING:
    import subprocess

    from service.conftest import Cli

MORE = """

@step
async def long(wish: str) -> list[str]:
    return [wish] * 20_000


@workflow
def longs(wish: str = "Negroni") -> list[str]:
    return long(wish)
"""


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(WAITING + MORE)
    return cli


def told_id(child: subprocess.Popen[str]) -> str:
    """The id that a run tells on stderr first."""
    assert child.stderr is not None
    return id_in(child.stderr.readline())


@pytest.mark.parametrize(("name", "code"), [("done", 0), ("spills", 10)])
def test_a_run_that_is_over(flows: Cli, name: str, code: int) -> None:
    """It is told from its beginning, and the exit code is that of how it ended."""
    run_id = id_in(flows.run("run", f"flows.py:{name}").err)
    seen = flows.run("watch", run_id)
    assert seen.code == code
    assert "succeeded  design" in seen.out
    status = "succeeded" if code == 0 else "failed"
    assert seen.out.endswith(f"run {run_id} has ended: {status}. Its value: stretto show {run_id}\n")


def test_a_run_that_waits(flows: Cli) -> None:
    """Watching ends there, with what is asked: nothing comes until somebody answers."""
    run_id = left_waiting(flows)
    seen = flows.run("watch", "latest")
    assert seen.code == 12
    assert seen.out.endswith(f"stretto approve {run_id} approve\n      stretto reject {run_id} approve\n")


def test_the_same_events(flows: Cli) -> None:
    """As lines of JSON it is what `stretto run --json` gave, values with their types included."""
    ran = flows.run("run", "flows.py:done", "--json")
    seen = flows.run("watch", "latest", "--json")
    events = [json.loads(line) for line in ran.out.splitlines()]
    assert [json.loads(line) for line in seen.out.splitlines()] == [
        event for event in events if event["seq"] is not None
    ]
    assert seen.code == 0


def test_large_values(flows: Cli) -> None:
    """One that lies apart from its journal stands in its event all the same."""
    flows.run("run", "flows.py:longs")
    seen = [json.loads(line) for line in flows.run("watch", "latest", "--json").out.splitlines()]
    (value,) = [event["data"]["value"] for event in seen if event["type"] == "step.succeeded"]
    assert value == ["Negroni"] * 20_000


def test_no_such_run(flows: Cli) -> None:
    """4."""
    assert flows.run("watch", "zzz").code == 4


@pytest.mark.slow
def test_a_run_at_work(flows: Cli) -> None:
    """It is followed to its end, whatever happens there."""
    with flows.start("run", "flows.py:lasting") as running:
        run_id = told_id(running)
        until_there(flows.folder / "begun.txt")
        with flows.start("watch", run_id) as watching:
            assert watching.stdout is not None
            begun = "".join(watching.stdout.readline() for _ in range(3))
            assert begun.endswith("started    lasts\n")
            (flows.folder / "go.txt").touch()
            rest, said = watching.communicate(timeout=20)
        running.communicate(timeout=20)
    assert (watching.returncode, said) == (0, "")
    assert "succeeded  lasts" in rest
    assert f"run {run_id} has ended: succeeded" in rest


@pytest.mark.slow
def test_a_watcher_that_leaves(flows: Cli) -> None:
    """Ctrl-C ends the watching only; 130."""
    with flows.start("run", "flows.py:lasting") as running:
        run_id = told_id(running)
        until_there(flows.folder / "begun.txt")
        with flows.start("watch", run_id) as watching:
            assert watching.stdout is not None
            for _ in range(3):
                watching.stdout.readline()
            watching.send_signal(signal.SIGINT)
            said = watching.communicate(timeout=20)[1]
        assert (watching.returncode, said) == (130, f"no longer watched; run {run_id} goes on\n")
        (flows.folder / "go.txt").touch()
        running.communicate(timeout=20)
    assert running.returncode == 0


@pytest.mark.slow
def test_a_run_whose_process_has_died(flows: Cli) -> None:
    """There is nothing to wait for: the command that goes on with it is named; 1."""
    with flows.start("run", "flows.py:lasting") as running:
        run_id = told_id(running)
        until_there(flows.folder / "begun.txt")
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=20)
    seen = flows.run("watch", run_id)
    assert seen.code == 1
    assert f"run {run_id} is running, and no process has it: stretto resume {run_id}" in seen.err
