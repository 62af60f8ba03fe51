"""``stretto cancel``."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from service.waiting_flows import WAITING, id_in, left_waiting, until_there
from stretto.ports import NewRun
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from service.conftest import Cli


@pytest.fixture
def flows(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A folder with `flows.py`, and a user."""
    monkeypatch.setenv("LOGNAME", "ada")
    (cli.folder / "flows.py").write_text(WAITING)
    return cli


def status_of(flows: Cli, run_id: str) -> str:
    """A run's status in the store."""
    store = open_store(str(flows.folder / ".stretto" / "stretto.db"))
    status = store.run(run_id).status
    store.close()
    return status


def test_a_waiting_run(flows: Cli) -> None:
    """It is taken over to be cancelled: its journal says by whom, and its questions are closed."""
    run_id = left_waiting(flows)
    done = flows.run("cancel", run_id)
    assert (done.code, done.out.splitlines()[-1]) == (0, f"run {run_id} is cancelled")
    assert status_of(flows, run_id) == "cancelled"
    assert flows.run("inbox").out == "Nothing waits here.\n"
    again = flows.run("resume", run_id)
    assert again.code == 130
    assert "the run was cancelled: cancelled by ada" in again.err


def test_an_ended_run(flows: Cli) -> None:
    """It stays what it is."""
    run_id = id_in(flows.run("run", "flows.py:done").err)
    late = flows.run("cancel", run_id)
    assert late.code == 2
    assert late.err.startswith(f"error: Run {run_id} has ended (succeeded): it takes nothing more.")
    assert status_of(flows, run_id) == "succeeded"


@pytest.mark.parametrize("loss", ["gone", "changed"])
def test_a_run_whose_code_is_lost(flows: Cli, loss: str) -> None:
    """It cannot be taken over: it is marked, and the reason is told."""
    run_id = left_waiting(flows)
    if loss == "gone":
        (flows.folder / "flows.py").unlink()
    else:
        (flows.folder / "flows.py").write_text(WAITING.replace("House", "Hut"))
    done = flows.run("cancel", run_id)
    assert done.code == 0
    assert f"run {run_id} is marked as cancelled; its code cannot be gone on with: " in done.out
    assert status_of(flows, run_id) == "cancelled"
    assert flows.run("inbox").out == "Nothing waits here.\n"


def test_a_run_that_never_began(flows: Cli) -> None:
    """Nothing is taken over."""
    left_waiting(flows)
    store = open_store(str(flows.folder / ".stretto" / "stretto.db"))
    store.create(NewRun("queued-one", "order", 1.0))
    store.close()
    done = flows.run("cancel", "queued")
    assert (done.code, done.out) == (0, "run queued-one is marked as cancelled; it had not begun\n")


def test_no_such_run(flows: Cli) -> None:
    """4."""
    assert flows.run("cancel", "none").code == 4


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--now"]])
def test_a_run_at_work_elsewhere(flows: Cli, more: list[str]) -> None:
    """Its process cancels it, and says why."""
    with flows.start("run", "flows.py:lasting") as child:
        until_there(flows.folder / "begun.txt")
        run_id = id_in(child.stderr.readline())  # type: ignore[union-attr]  # a pipe
        done = flows.run("cancel", run_id, "--why", "closing time", *more)
        assert done.code == 0
        assert done.out.startswith(f"being cancelled: run {run_id}, which is at work in process {child.pid}@")
        _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "the run was cancelled: closing time" in err


@pytest.mark.slow
def test_a_run_whose_process_was_killed(flows: Cli) -> None:
    """No step of it runs again."""
    with flows.start("run", "flows.py:lasting") as child:
        until_there(flows.folder / "begun.txt")
        child.send_signal(signal.SIGKILL)
        _, err = child.communicate(timeout=20)
    (flows.folder / "begun.txt").unlink()
    assert flows.run("cancel", id_in(err)).code == 0
    assert status_of(flows, id_in(err)) == "cancelled"
    assert not (flows.folder / "begun.txt").exists()
