"""`service/cli/letters.py`: what becomes of letters, also where two processes want the same run."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from service.waiting_flows import WAITING, left_waiting
from stretto.errors import RunOwnedError
from stretto.ports import NewRun
from stretto.runtime.stores import open_store
from stretto.runtime.stores.memory import MemoryStore
from stretto.service.cli import cancelling, letters
from stretto.service.cli.letters import login_name, outcome_of

if TYPE_CHECKING:
    from types import ModuleType

    import pytest

    from service.conftest import Cli


def test_the_outcome_of_a_letter() -> None:
    """Empty until somebody has dealt with it."""
    store = MemoryStore()
    store.create(NewRun("r", "w", 1.0))
    number = store.send("r", "event", b"{}", 2.0)
    assert outcome_of(store, number, 0.0) == ""
    store.settle(number, "refused: no")
    assert outcome_of(store, number, 0.0) == "refused: no"


def test_who_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The login name; nobody where the system knows none."""
    monkeypatch.setenv("LOGNAME", "ada")
    assert login_name() == "ada"

    def unknown() -> str:
        raise KeyError("uid 4711")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert login_name() == ""


def taken_by_another(cli: Cli, monkeypatch: pytest.MonkeyPatch, room: ModuleType) -> str:
    """A run that waits, and that somebody takes up between a command's look and its attempt to own it."""
    (cli.folder / "flows.py").write_text(WAITING)
    run_id = left_waiting(cli)

    def taken(*_: object) -> None:
        raise RunOwnedError(run_id, "1@elsewhere")

    monkeypatch.setattr(room, "go_on", taken)
    monkeypatch.setattr(letters, "PATIENCE", 0.0)
    return run_id


def test_an_answer_goes_to_whoever_was_quicker(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The letter lies there for them, and is said to be on its way."""
    run_id = taken_by_another(cli, monkeypatch, letters)
    done = cli.run("approve", run_id)
    assert (done.code, done.out.startswith(f"on its way: run {run_id}")) == (0, True)
    store = open_store(str(cli.folder / ".stretto" / "stretto.db"))
    assert [mail.kind for mail in store.letters()] == ["answer"]
    store.close()


def test_a_cancel_goes_to_whoever_was_quicker(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is carried to the run as it is by then, here left again: the run ends as cancelled."""
    run_id = taken_by_another(cli, monkeypatch, cancelling)
    done = cli.run("cancel", run_id, "--why", "closing time")
    assert done.code == 130
    assert "the run was cancelled: closing time" in done.err
