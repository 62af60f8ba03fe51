"""``stretto inbox``, ``approve``, ``reject``, ``respond`` and ``send``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from service.waiting_flows import WAITING, id_in, last_line, left_waiting, until_there
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from service.conftest import Cli


@pytest.fixture
def flows(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A folder with `flows.py`, and a user."""
    monkeypatch.setenv("LOGNAME", "ada")
    (cli.folder / "flows.py").write_text(WAITING)
    return cli


# -------------------------------------------------------------------- inbox


def test_an_empty_inbox(flows: Cli) -> None:
    """Looking makes no store; a run that asked and has ended is not in it."""
    assert flows.run("inbox").out == "Nothing waits here.\n"
    assert not (flows.folder / ".stretto").exists()
    run_id = left_waiting(flows)
    assert flows.run("approve", run_id).code == 0
    assert flows.run("inbox").out == "Nothing waits here.\n"
    assert flows.run("inbox", "--json").out == ""


def test_what_is_asked(flows: Cli) -> None:
    """Every open wait of every run, the oldest first, with the value asked about and the commands."""
    first, second = left_waiting(flows), left_waiting(flows, "paid")
    said = re.sub(r", for \d+ \w+", "", flows.run("inbox").out)
    assert said == (
        f"run {first}\n"
        "  approve: On the menu?\n"
        '    {"name": "House Negroni", "price": 14}\n'
        f"      stretto approve {first} approve\n"
        f"      stretto reject {first} approve\n"
        f"run {second}\n"
        "  payment: waits for the event 'payment'\n"
        f"      stretto send {second} payment --data JSON\n"
    )


def test_the_inbox_as_data(flows: Cli) -> None:
    """A line a wait."""
    run_id = left_waiting(flows, "both")
    lines = [json.loads(line) for line in flows.run("inbox", "--json").out.splitlines()]
    assert {(line["run_id"], line["path"], line["kind"]) for line in lines} == {
        (run_id, "ask", "question"),
        (run_id, "approve", "approval"),
    }
    assert next(line["value"] for line in lines if line["kind"] == "approval") == {
        "name": "House Negroni",
        "price": 14,
    }


# -------------------------------------------------------------------- answers to runs that nobody has


def test_approving_goes_on(flows: Cli) -> None:
    """The run goes on here to its end; who said so is in its journal; nothing has run twice."""
    run_id = left_waiting(flows)
    done = flows.run("approve", run_id, "--note", "fine", "--json")
    assert done.code == 0
    events = [json.loads(line) for line in done.out.splitlines()]
    answer = next(event["data"] for event in events if event["type"] == "approval.answered")
    assert (answer["verdict"], answer["by"], answer["note"]) == ("approve", "ada", "fine")
    assert last_line(done)["data"]["value"] == "House Negroni at 14 with ice"  # type: ignore[index]  # JSON
    assert (flows.folder / "made.txt").read_text() == "design\n"


def test_an_edit_takes_the_values_place(flows: Cli) -> None:
    """As an object of the class that was asked about."""
    run_id = left_waiting(flows)
    done = flows.run("approve", run_id, "approve", "--edit", '{"name": "Fizz", "price": 9}', "--by", "bob")
    assert done.code == 0
    assert done.out.endswith("value\nFizz at 9 with ice\n")


@pytest.mark.parametrize("more", [[], ["--no-resume"]])
def test_an_edit_that_does_not_fit(flows: Cli, more: list[str]) -> None:
    """Refused with words, at once or by whoever goes on; the question stays open."""
    run_id = left_waiting(flows)
    refused = flows.run("approve", run_id, "--edit", '{"price": 9}', *more)
    if more:
        assert refused.code == 0
        flows.run("resume", run_id)
    else:
        assert refused.code == 1
        assert f"error: run {run_id} refused: the edit does not fit Drink" in refused.err
    assert flows.run("approve", run_id).code == 0


def test_rejecting(flows: Cli) -> None:
    """The run has failed by it: 14."""
    run_id = left_waiting(flows)
    done = flows.run("reject", run_id, "--note", "too dear")
    assert done.code == 14
    assert "rejected by ada: too dear" in done.err


@pytest.mark.parametrize(
    ("answer", "text"), [(["respond"], ["an olive"]), (["approve", "--value", "an olive"], [])]
)
def test_responding_and_waiting_again(flows: Cli, answer: list[str], text: list[str]) -> None:
    """One of two questions answered: 12, with what is left; the path is needed while both are open."""
    run_id = left_waiting(flows, "both")
    unclear = flows.run("approve", run_id)
    assert unclear.code == 2
    assert (
        "asks 2 questions; name the path of one:\n  ask: Which garnish?\n  approve: On the menu?\n"
        in unclear.err
    )
    half = flows.run(*answer, run_id, "ask", *text)
    assert half.code == 12
    assert "Which garnish?" not in half.out
    done = flows.run("approve", run_id)
    assert (done.code, done.out.endswith("House Negroni at 14 with an olive\n")) == (0, True)


def test_an_event(flows: Cli) -> None:
    """It comes with data; one that nobody waits for is kept, and the run is left again."""
    run_id = left_waiting(flows, "paid")
    assert flows.run("send", run_id, "other").code == 12
    done = flows.run("send", run_id, "payment", "--data", '{"cash": 5}')
    assert done.code == 0
    assert "with {'cash': 5}" in done.out


def test_an_answer_left_for_others(flows: Cli) -> None:
    """Nothing runs; whoever goes on with the run takes it."""
    run_id = left_waiting(flows)
    left = flows.run("approve", run_id, "--no-resume")
    assert (left.code, left.out) == (0, f"left for run {run_id}; `stretto resume {run_id}` takes it up\n")
    assert flows.run("resume", run_id).code == 0


@pytest.mark.parametrize(
    ("name", "arguments", "code", "says"),
    [
        (
            "order",
            ["approve", "ID", "elsewhere"],
            4,
            "There is no open question in run ID at 'elsewhere'. Known: approve.",
        ),
        ("paid", ["approve", "ID"], 4, "It waits for the event 'payment': stretto send ID payment"),
        ("both", ["approve", "ID", "ask"], 2, "'ask' asks for a text: stretto respond ID ask TEXT."),
        ("both", ["approve", "ID", "ask", "--edit", "1"], 2, "'ask' asks for a text"),
        (
            "order",
            ["respond", "ID", "yes"],
            2,
            "'approve' asks for approval of a value: stretto approve ID approve",
        ),
        ("both", ["approve", "ID", "ask", "--edit", "1", "--value", "x"], 2, "give one of them"),
        ("order", ["approve", "ID", "--edit", "{"], 2, "--edit {: it is not JSON: "),
        ("paid", ["send", "ID", "payment", "--data", "cash"], 2, "--data cash: it is not JSON: "),
        ("order", ["respond", "ID", "approve", "many", "words"], 2, "put quotes around the text"),
        ("done", ["approve", "ID"], 2, "Run ID has ended (succeeded): it takes nothing more."),
        ("order", ["approve", "none"], 4, "There is no run 'none'."),
    ],
)
def test_what_cannot_be_said(flows: Cli, name: str, arguments: list[str], code: int, says: str) -> None:
    """Each with what to do instead; no letter is left."""
    run_id = id_in(flows.run("run", f"flows.py:{name}").err)
    refused = flows.run(*[run_id if each == "ID" else each for each in arguments])
    assert refused.code == code
    assert says.replace("ID", run_id) in refused.err
    assert letters(flows) == []


def letters(flows: Cli) -> list[str]:
    """The kinds of all letters that nobody has dealt with."""
    store = open_store(str(flows.folder / ".stretto" / "stretto.db"))
    found = [mail.kind for mail in store.letters()]
    store.close()
    return found


def test_code_that_is_gone(flows: Cli) -> None:
    """Nothing is sent, and --no-resume is named; it leaves the letter."""
    run_id = left_waiting(flows)
    (other := flows.folder / "other").mkdir()
    (flows.folder / "flows.py").rename(other / "flows.py")
    gone = flows.run("approve", run_id)
    assert gone.code == 4
    assert "With --no-resume" in gone.err
    assert letters(flows) == []
    assert flows.run("approve", run_id, "--no-resume").code == 0
    assert letters(flows) == ["answer"]
    assert flows.run("resume", run_id, "--target", "other/flows.py:order").code == 0


def test_changed_code_takes_no_answer(flows: Cli) -> None:
    """The error is the resume's, and the answer does not lie in wait for later."""
    run_id = left_waiting(flows)
    (flows.folder / "flows.py").write_text(WAITING.replace("House", "Hut"))
    changed = flows.run("approve", run_id)
    assert changed.code == 3
    assert letters(flows) == []


# -------------------------------------------------------------------- answers to runs at work elsewhere


@pytest.mark.slow
def test_a_run_at_work_elsewhere_takes_answers(flows: Cli) -> None:
    """Its process applies them and goes on; what became of them is told here."""
    with flows.start("run", "flows.py:order", "--wait") as child:
        run_id = id_in(child.stderr.readline())  # type: ignore[union-attr]  # a pipe
        for line in child.stdout:  # type: ignore[union-attr]  # a pipe
            if "started    approve" in line:
                break
        wrong = flows.run("approve", run_id, "--edit", "5")
        assert (wrong.code, "refused: the edit does not fit Drink" in wrong.err) == (1, True)
        right = flows.run("approve", run_id)
        assert right.code == 0
        assert right.out.startswith(
            f"approved: approve, in run {run_id}, which is at work in process {child.pid}@"
        )
        out, _ = child.communicate(timeout=20)
    assert child.returncode == 0
    assert out.endswith("value\nHouse Negroni at 14 with ice\n")


@pytest.mark.slow
def test_an_event_that_comes_early(flows: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it yet: it is said to be on its way."""
    monkeypatch.setattr("stretto.service.cli.letters.PATIENCE", 0.2)
    with flows.start("run", "flows.py:lasting_then_asks") as child:
        until_there(flows.folder / "begun.txt")
        run_id = id_in(child.stderr.readline())  # type: ignore[union-attr]  # a pipe
        early = flows.run("send", run_id, "payment")
        assert early.code == 0
        assert early.out.startswith(f"on its way: run {run_id} is at work (")
        (flows.folder / "go.txt").touch()
        child.communicate(timeout=20)
    assert child.returncode == 12


# -------------------------------------------------------------------- what a Tab offers


def offered(flows: Cli, line: str) -> list[str]:
    """The words that may follow."""
    return [
        each.partition("\t")[0] for each in flows.run("completion", "zsh", "--line", line).out.splitlines()
    ]


def test_a_tab_knows_runs_and_what_they_wait_for(flows: Cli) -> None:
    """Runs that wait for an answer, their questions, their events; any run for resume. A Tab makes no store."""
    assert offered(flows, "stretto resume ") == []
    assert not (flows.folder / ".stretto").exists()
    both, paid = left_waiting(flows, "both"), left_waiting(flows, "paid")
    done = id_in(flows.run("run", "flows.py:done").err)
    assert set(offered(flows, "stretto resume ")) == {both, paid, done}
    assert offered(flows, f"stretto resume {done[:5]}") == [done]
    assert set(offered(flows, "stretto cancel ")) == {both, paid}
    assert offered(flows, f"stretto approve {both[:5]}") == [both]
    assert set(offered(flows, f"stretto approve {both} ")) == {"approve", "ask"}
    assert offered(flows, f"stretto approve {both} as") == ["ask"]
    assert offered(flows, f"stretto send {paid} ") == ["payment"]
