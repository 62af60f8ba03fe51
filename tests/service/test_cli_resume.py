"""``stretto run`` with a journal, and ``stretto resume``."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from service.waiting_flows import WAITING, id_in, last_line, left_waiting, until_there
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from service.conftest import Cli


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(WAITING)
    return cli


def test_a_run_is_journaled(flows: Cli) -> None:
    """Its id is told on stderr at once; the store in the state folder has it, with where its code is."""
    done = flows.run("run", "flows.py:done")
    assert done.code == 0
    store = open_store(str(flows.folder / ".stretto" / "stretto.db"))
    row = store.run(id_in(done.err))
    store.close()
    assert (row.status, row.target) == ("succeeded", f"{flows.folder / 'flows.py'}:done")


def test_a_run_in_memory(flows: Cli) -> None:
    """Nothing is told of an id that nobody could use, and nothing is kept."""
    done = flows.run("run", "flows.py:done", "--store", "memory", "--no-record")
    assert (done.code, done.err) == (0, "")
    assert not (flows.folder / ".stretto").exists()


@pytest.mark.slow
def test_a_run_in_memory_that_waits(flows: Cli) -> None:
    """It is not left, since nobody would find it again; it is said that nobody can answer."""
    with flows.start("run", "flows.py:order", "--store", "memory") as child:
        said = child.stderr.readline()  # type: ignore[union-attr]  # a pipe
        assert said.startswith("warning: the run waits, and in memory nobody can answer it")
        assert child.poll() is None
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=20)
    assert child.returncode == 130


def test_a_workflow_that_brings_its_own_store(flows: Cli) -> None:
    """Its store is used, unless one is set."""
    left_waiting(flows, "own")
    assert (flows.folder / "own.db").is_file()
    assert not (flows.folder / ".stretto" / "stretto.db").exists()
    left_waiting(flows, "own", "--store", "other.db")
    assert (flows.folder / "other.db").is_file()


def test_a_run_that_waits_is_left(flows: Cli) -> None:
    """12, with the question, the value asked about and the commands that answer."""
    left = flows.run("run", "flows.py:both")
    run_id = id_in(left.err)
    assert left.code == 12
    assert left.out.partition("\n\n")[2] == (
        f"run {run_id} waits, and needs no process meanwhile\n"
        "  ask: Which garnish?\n"
        f"      stretto respond {run_id} ask TEXT\n"
        f"      stretto reject {run_id} ask\n"
        "  approve: On the menu?\n"
        '    {"name": "House Negroni", "price": 14}\n'
        f"      stretto approve {run_id} approve\n"
        f"      stretto reject {run_id} approve\n"
    )


def test_a_run_that_waits_as_data(flows: Cli) -> None:
    """The result's line has the waits."""
    left = flows.run("run", "flows.py:paid", "--json")
    data = last_line(left)["data"]
    assert isinstance(data, dict)
    run_id = id_in(left.err)
    assert (left.code, data["status"], data["exit"]) == (12, "waiting", 12)
    assert [(each["path"], each["kind"]) for each in data["waits"]] == [("payment", "event")]
    assert data["waits"][0]["commands"] == [f"stretto send {run_id} payment --data JSON"]


def test_a_key_names_one_run(flows: Cli) -> None:
    """A second run of the same key is the first one: no step runs twice, and its record goes on without a warning."""
    first = flows.run("run", "flows.py:order", "--key", "table 7")
    again = flows.run("run", "flows.py:order", "--key", "table 7")
    assert (first.code, again.code) == (12, 12)
    assert again.err == first.err
    assert (flows.folder / "made.txt").read_text() == "design\n"


def test_a_key_needs_a_store(flows: Cli) -> None:
    """Nobody would ever find it again in memory."""
    refused = flows.run("run", "flows.py:order", "--key", "k", "--store", "memory")
    assert refused.code == 3
    assert refused.err.startswith("error: --key k: runs in memory are never found again")


def test_code_without_a_source(flows: Cli) -> None:
    """It cannot be journaled; the error names the way out, which works."""
    flows.write(
        "typed.py",
        """
        from stretto import step, workflow
        names = {"step": step, "workflow": workflow}
        exec("@step\\nasync def one(x: int = 1) -> int:\\n    return x\\n"
             "@workflow\\ndef typed() -> int:\\n    return one()\\n", names)
        typed = names["typed"]
        """,
    )
    refused = flows.run("run", "typed.py")
    assert refused.code == 3
    assert "Step 'one' has no source" in refused.err
    assert "--store memory" in refused.err
    assert flows.run("run", "typed.py", "--store", "memory").code == 0


def test_a_value_that_cannot_be_journaled(flows: Cli) -> None:
    """Its step fails, and the way out is named."""
    flows.write(
        "local.py",
        """
        from dataclasses import dataclass
        from stretto import step, workflow

        @step
        async def one() -> object:
            @dataclass
            class Local:
                x: int
            return Local(1)

        @workflow
        def local() -> object:
            return one()
        """,
    )
    failed = flows.run("run", "local.py")
    assert failed.code == 10
    assert "inside a function" in failed.err
    assert failed.err.endswith("runs with --store memory, and ends with its process\n")
    assert flows.run("run", "local.py", "--store", "memory").code == 0
    assert "--store memory" not in flows.run("run", "flows.py:spills").err


# -------------------------------------------------------------------- resume


def test_an_ended_run_gives_what_it_had(flows: Cli) -> None:
    """Nothing runs again; the value is shown, or written, and the exit code is the run's."""
    run_id = id_in(flows.run("run", "flows.py:done").err)
    again = flows.run("resume", run_id[:6], "-o", "value.txt")
    assert (again.code, again.err) == (0, f"run {run_id} has ended already: succeeded\n")
    assert (flows.folder / "value.txt").read_text() == "House Negroni at 14 with ice\n"
    assert (flows.folder / "made.txt").read_text() == "design\n"
    failed = id_in(flows.run("run", "flows.py:spills").err)
    assert flows.run("resume", failed).code == 10


def test_a_waiting_run_waits_on(flows: Cli) -> None:
    """Taken up without an answer it is left again, and what it waits for is said again."""
    run_id = left_waiting(flows)
    again = flows.run("resume", run_id)
    assert again.code == 12
    assert f"stretto approve {run_id} approve" in again.out
    assert (flows.folder / "made.txt").read_text() == "design\n"


def test_a_run_from_another_folder(flows: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code is found where it was; a target that is given replaces it."""
    run_id = left_waiting(flows)
    (elsewhere := flows.folder / "elsewhere").mkdir()
    monkeypatch.setenv("STRETTO_STORE", str(flows.folder / ".stretto" / "stretto.db"))
    monkeypatch.chdir(elsewhere)
    assert flows.run("resume", run_id).code == 12
    (flows.folder / "flows.py").rename(elsewhere / "moved.py")
    gone = flows.run("resume", run_id)
    assert gone.code == 4
    assert f"It was there when run {run_id} began. Put it back, or say where it is now: --target." in gone.err
    (elsewhere / "moved.py").rename(elsewhere / "flows.py")
    assert flows.run("resume", run_id, "--target", "flows.py:order").code == 12
    assert flows.run("resume", run_id, "--target", "flows.py:nothing").code == 4


def test_a_module_is_found_where_the_run_began(flows: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder in which it began is on the path again."""
    flows.write("package_of_flows/__init__.py", "")
    flows.write("package_of_flows/menu.py", WAITING)
    begun = flows.spawn("run", "package_of_flows.menu:order")
    assert begun.code == 12
    (elsewhere := flows.folder / "elsewhere").mkdir()
    monkeypatch.chdir(elsewhere)
    store = str(flows.folder / ".stretto" / "stretto.db")
    assert flows.run("resume", id_in(begun.err), "--store", store).code == 12


def test_code_that_nothing_names(flows: Cli) -> None:
    """A workflow made inside a function can be gone on with by those who say where it is."""
    run_id = left_waiting(flows, "hidden")
    refused = flows.run("resume", run_id)
    assert refused.code == 3
    assert "--target FILE.py:NAME" in refused.err
    assert flows.run("resume", run_id, "--target", "flows.py:hidden").code == 12


def test_changed_code(flows: Cli) -> None:
    """3, with what has changed; --adopt goes on with today's code in a new run, and the old one is over."""
    run_id = left_waiting(flows)
    (flows.folder / "flows.py").write_text(WAITING.replace("House", "Hut"))
    changed = flows.run("resume", run_id)
    assert changed.code == 3
    assert "step design" in changed.err
    adopted = flows.run("resume", run_id, "--adopt")
    assert adopted.code == 12
    other = id_in(adopted.err)
    assert f"run {other} has taken the place of {run_id}" in adopted.err
    assert '{"name": "Hut Negroni", "price": 14}' in adopted.out
    (flows.folder / "flows.py").write_text(WAITING)
    old = flows.run("resume", run_id)
    assert old.code == 130
    assert old.err.endswith(
        f"run {run_id} was marked as cancelled by a person or an adoption; nothing goes on with it\n"
    )


def test_an_ended_run_whose_code_has_changed(flows: Cli) -> None:
    """Nothing runs with the new code: it gives what it had."""
    run_id = id_in(flows.run("run", "flows.py:done").err)
    (flows.folder / "flows.py").write_text(WAITING.replace("House", "Hut"))
    again = flows.run("resume", run_id)
    assert again.code == 0
    assert again.out.endswith("value\nHouse Negroni at 14 with ice\n")


def test_a_run_that_was_adopted_is_not_offered_again(flows: Cli) -> None:
    """With today's code its journal cannot be followed, and nothing is to be adopted any more."""
    run_id = left_waiting(flows)
    (flows.folder / "flows.py").write_text(WAITING.replace("House", "Hut"))
    assert flows.run("resume", run_id, "--adopt").code == 12
    changed = flows.run("resume", run_id)
    assert changed.code == 3
    assert "--adopt" not in changed.err
    assert f"`stretto show {run_id}`" in changed.err
    assert run_id not in flows.run("inbox").out


def test_which_run(flows: Cli) -> None:
    """None where none was ever kept, which makes none; unknown ids are told with near ones, ambiguous ones listed."""
    nowhere = flows.run("resume", "abc")
    assert nowhere.code == 4
    assert "No run was kept here." in nowhere.err
    assert not (flows.folder / ".stretto").exists()
    ids = [left_waiting(flows), left_waiting(flows)]
    assert flows.run("resume", "latest").err == f"run {ids[1]}\n"
    several = flows.run("resume", "")
    assert several.code == 2
    assert all(f"\n  {each}  order, waiting" in several.err for each in ids)
    near = flows.run("resume", f"{ids[0]}x")
    assert near.code == 4
    assert ids[0] in near.err


def test_a_store_that_keeps_nothing(flows: Cli) -> None:
    """Runs in memory are not to be found."""
    refused = flows.run("resume", "abc", "--store", "memory")
    assert refused.code == 3
    assert refused.err.startswith("error: Runs in memory end with their process")


def test_an_output_that_cannot_be_written(flows: Cli) -> None:
    """It is told before anything runs."""
    run_id = left_waiting(flows)
    assert flows.run("resume", run_id, "-o", "nowhere/value.txt").code == 2


@pytest.mark.slow
def test_a_killed_run_goes_on(flows: Cli) -> None:
    """Its finished steps are kept, what was under way runs again; the record has both processes' events, once each."""
    with flows.start("run", "flows.py:lasting") as child:
        until_there(flows.folder / "begun.txt")
        child.send_signal(signal.SIGKILL)
        _, err = child.communicate(timeout=20)
    run_id = id_in(err)
    record = flows.folder / ".stretto" / "runs" / f"{run_id}.ndjson"
    with record.open("a") as file:
        file.write('{"cut')
    (flows.folder / "go.txt").touch()
    done = flows.run("resume", run_id)
    assert done.code == 0
    assert done.out.endswith("value\nHouse Negroni\n")
    assert (flows.folder / "made.txt").read_text() == "design\n"
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    numbers = [line["seq"] for line in lines if line["seq"] is not None]
    assert numbers == sorted(set(numbers))
    assert lines[-1]["type"] == "run.succeeded"
    assert flows.run("explain", run_id).code == 0


@pytest.mark.slow
def test_a_run_at_work_elsewhere(flows: Cli) -> None:
    """It is not taken away: its process is named."""
    with flows.start("run", "flows.py:lasting") as child:
        until_there(flows.folder / "begun.txt")
        run_id = flows.run("resume", "latest").err
        assert f"is at work in process {child.pid}" in run_id
        (flows.folder / "go.txt").touch()
        assert child.wait(timeout=20) == 0
