"""``stretto run`` in this process: what is said, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.conftest import SOURCE
from service.service_targets import FLOWS

if TYPE_CHECKING:
    from service.conftest import Cli, Outcome


@pytest.fixture
def flows(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A folder with `flows.py`; no run is kept."""
    monkeypatch.setenv("STRETTO_STORE", "memory")
    (cli.folder / "flows.py").write_text(FLOWS)
    return cli


def events(outcome: Outcome) -> list[dict[str, object]]:
    """stdout as lines of JSON."""
    return [json.loads(line) for line in outcome.out.splitlines()]


def test_a_run_that_succeeds(flows: Cli) -> None:
    """Lines while it runs, three labelled figures, the path, the value; nothing on stderr; 0."""
    done = flows.run("run", "flows.py:good", "-i", "x=20")
    assert (done.code, done.err) == (0, "")
    assert "started    first" in done.out
    assert "succeeded  second" in done.out
    assert "one by one" in done.out
    assert "estimate: all attempts' times added up" in done.out
    assert "lower bound" in done.out
    assert "speedup" in done.out
    assert "after first" in done.out
    assert done.out.endswith("\nvalue\n42\n")


def test_a_run_that_fails(flows: Cli) -> None:
    """What failed, what had finished, the command to go on; no speedup, no value, no traceback; 10."""
    done = flows.run("run", "flows.py:bad")
    assert done.code == 10
    assert done.err == (
        "error: boom: ValueError: no such drink: 1\n"
        "  2 of 3 steps had finished: first, before\n"
        "  With tracebacks: stretto -v run flows.py:bad\n"
    )
    assert "speedup" not in done.out
    assert "value" not in done.out


def test_all_failures_are_told(flows: Cli) -> None:
    """Two steps that fail at once both have their line."""
    done = flows.run("run", "flows.py:two_bad")
    assert done.err.count("error: ") == 2
    assert "error: again: ValueError" in done.err


@pytest.mark.parametrize("where", [("-v", "run"), ("run", "-v")])
def test_tracebacks_are_shown_when_asked_for(flows: Cli, where: tuple[str, str]) -> None:
    """``-v`` stands before or behind the command."""
    done = flows.run(*where, "flows.py:bad")
    assert 'raise ValueError(f"no such drink: {x}")' in done.err
    assert "Traceback" not in flows.run("run", "flows.py:bad").err


def test_a_partial_run(flows: Cli) -> None:
    """Lost optional work is named; there is a value; 11."""
    done = flows.run("run", "flows.py:partial", "--json")
    assert done.code == 11
    assert events(done)[-1]["data"]["status"] == "partial"  # type: ignore[index]
    plain = flows.run("run", "flows.py:partial")
    assert "optional work lost\n  lost: KeyError: 'gone'" in plain.out
    assert (plain.code, plain.err) == (11, "")


def test_a_run_past_its_deadline(flows: Cli) -> None:
    """The run's deadline cuts it: 13, and what was cut is named."""
    done = flows.run("run", "flows.py:endless", "--within", "0.05")
    assert done.code == 13
    assert done.err.startswith(
        "error: the run passed its deadline; cut: forever\n  1 of 2 steps had finished: first"
    )


def test_json_is_the_runs_events(flows: Cli) -> None:
    """The envelope on every line, the result last with value, figures and exit code."""
    done = flows.run("run", "flows.py:good", "-i", "x=1", "--json")
    found = events(done)
    assert [event["type"] for event in found if event["step"] == "first"] == [
        "step.started",
        "step.succeeded",
    ]
    assert found[0]["type"] == "run.created"
    assert found[-2]["type"] == "run.succeeded"
    assert len({event["run"] for event in found}) == 1
    last = found[-1]
    assert last["type"] == "result"
    data = last["data"]
    assert isinstance(data, dict)
    assert (data["status"], data["exit"], data["value"]) == ("succeeded", 0, 4)
    assert {"work", "span", "lower_bound", "makespan", "bound_efficiency"} <= set(data["timing"])
    assert [hop["step"] for hop in data["timing"]["critical_path"]] == ["first", "second"]


def test_json_of_a_failed_run(flows: Cli) -> None:
    """Failures are in the data; the words about them are on stderr; no value is invented."""
    done = flows.run("run", "flows.py:bad", "--json")
    data = events(done)[-1]["data"]
    assert isinstance(data, dict)
    assert (done.code, data["exit"], data["value"]) == (10, 10, None)
    assert data["failures"] == ["boom: ValueError: no such drink: 1"]
    assert "error: boom" in done.err


def test_sequential_goes_one_by_one(flows: Cli) -> None:
    """No step starts before the one in front has ended."""
    done = flows.run("run", "flows.py:grouped", "--sequential", "--json")
    order = [event["type"] for event in events(done) if str(event["type"]).startswith("step.s")]
    assert order == ["step.started", "step.succeeded"] * 2 + ["step.succeeded"]


def test_on_failure_is_passed_on(flows: Cli) -> None:
    """``fail_fast`` cancels what ``drain`` would have let finish."""
    (flows.folder / "mix.py").write_text(
        FLOWS + "\n@workflow\ndef mix():\n    return [forever(1), boom(2)]\n"
    )
    done = flows.run("run", "mix.py:mix", "--on-failure", "fail_fast", "--json")
    assert done.code == 10
    assert [e["type"] for e in events(done) if e["step"] == "forever"] == ["step.started", "step.cancelled"]


def test_settings_hold_for_a_run(flows: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cap in stretto.toml reaches the engine, a variable wins over it, and a flag over both."""
    flows.write("stretto.toml", "max_concurrency = 1\n")

    def waited(*flags: str) -> bool:
        found = events(flows.run("run", "flows.py:grouped", "--json", *flags))
        return any(event["type"] == "step.ready" for event in found)

    assert waited()
    assert not waited("--max-concurrency", "2")
    monkeypatch.setenv("STRETTO_MAX_CONCURRENCY", "2")
    assert not waited()
    assert waited("--max-concurrency", "1")


def test_a_model_is_there_once_it_is_chosen(flows: Cli) -> None:
    """A step that needs a model without a default gets the one that the settings name."""
    refused = flows.run("run", "flows.py:asks")
    assert refused.code == 3
    assert "needs the resource 'model'" in refused.err
    assert 'provider = "offline" in stretto.toml' in refused.err
    flows.write("stretto.toml", '[model]\nprovider = "offline"\n')
    assert flows.run("run", "flows.py:asks").out.endswith("value\nOfflineModel\n")


def test_the_value_can_be_written(flows: Cli) -> None:
    """``-o`` writes a text as it is and anything else as JSON, and nothing of it to the screen."""
    done = flows.run("run", "flows.py:grows", "-o", "value.json")
    assert json.loads((flows.folder / "value.json").read_text()) == [2, 4, 6]
    assert "\nvalue\n" not in done.out
    flows.run("run", "flows.py:text", "-o", "words.txt")
    assert (flows.folder / "words.txt").read_text() == "plain words\n"


def test_a_value_that_could_not_be_written_is_refused_before_the_run(flows: Cli) -> None:
    """Nobody waits for a run to learn that its value has no place."""
    done = flows.run("run", "flows.py:good", "-i", "x=1", "-o", "nowhere/value.json")
    assert (done.code, done.out) == (2, "")
    assert (
        done.err
        == "error: -o nowhere/value.json: there is no folder nowhere. Name a file in a folder that exists.\n"
    )
    assert "it is a folder" in flows.run("run", "flows.py:good", "-i", "x=1", "-o", ".").err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk to write to")
def test_a_value_that_could_not_be_written_after_all_is_shown(flows: Cli) -> None:
    """A disk that is full at the end of a run does not cost its result."""
    done = flows.run("run", "flows.py:grows", "-o", "/dev/full")
    assert done.code == 2
    assert "the value cannot be written" in done.err
    assert json.loads(done.out.rpartition("\nvalue\n")[2]) == [2, 4, 6]
    as_data = flows.run("run", "flows.py:grows", "-o", "/dev/full", "--json")
    assert events(as_data)[-1]["type"] == "result"


def test_a_text_that_is_no_utf8_is_written_escaped(flows: Cli) -> None:
    """A lone surrogate has no bytes: it costs its own character, not the file."""
    flows.write(
        "odd.py",
        FLOWS
        + """

@step
def odd() -> str:
    return "one \\udcff two"

@workflow
def oddly() -> str:
    return odd()
""",
    )
    done = flows.run("run", "odd.py:oddly", "-o", "value.txt")
    assert (done.code, done.err) == (0, "")
    assert (flows.folder / "value.txt").read_text() == "one \\udcff two\n"


def test_a_failed_run_writes_no_value(flows: Cli) -> None:
    """An earlier value is not touched by a run that has none."""
    flows.write("value.json", "kept")
    flows.run("run", "flows.py:bad", "-o", "value.json")
    assert (flows.folder / "value.json").read_text() == "kept"


def test_a_long_value_is_shortened_on_the_screen(flows: Cli) -> None:
    """Twenty lines of eighty columns, and where all of it can be had."""
    done = flows.run("run", "flows.py:grows", "-i", "n=40")
    shown = done.out[done.out.index("\nvalue\n") :].splitlines()
    assert len(shown) == 2 + 20 + 1
    assert shown[-1] == "… shortened; -o FILE writes all of it"


def test_a_run_without_a_value_to_show(flows: Cli) -> None:
    """None is not printed, and a workflow without steps is no trouble."""
    done = flows.run("run", "flows.py:nothing")
    assert (done.code, done.err) == (0, "")
    assert "value" not in done.out
    assert "speedup" not in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["flows.py"], 3, "flows.py holds 17 workflows. Name one: flows.py:good, "),
        (["flows.py:god"], 4, "Did you mean 'flows.py:good'?"),
        (["flws.py:good"], 4, "There is no file 'flws.py'. Known: flows.py.\n  Did you mean 'flows.py'?"),
        (["flows"], 4, "Did you mean the file flows.py?"),
        (["asess"], 4, "Did you mean 'assess'?"),
        (["no_such_module:x"], 4, "There is no module 'no_such_module'."),
        (["flows.py:first"], 3, "flows.py:first is a Step, not a workflow."),
        (["flows.py:good"], 2, "input 'x' (int) of workflow 'good' is missing."),
        (["flows.py:good", "-i", "x=a"], 2, "Input should be a valid integer"),
        (["flows.py:good", "-i", "y=1"], 2, "has no input 'y'"),
        (["flows.py:good", "--input", "none.yaml"], 2, "none.yaml: there is no such file."),
        (["flows.py:breaks", "-i", "x=0"], 3, "The body of workflow 'breaks' raised ZeroDivisionError"),
        (["flows.py:branches"], 3, "flows.py:"),
        (["flows.py:unlimited"], 4, "[limits] with nowhere = N in stretto.toml"),
        (["flows.py:unkept"], 10, "error: keeps: ValueEncodingError: step 'keeps':"),
        (["flows.py:nothing", "--store", "db:a"], 3, "--store: There is no store 'db:a'. Known: memory"),
        (["flows.py:good", "--max-concurrency", "0"], 2, "--max-concurrency"),
        (["flows.py:good", "--max-concurrency", "2", "--sequential"], 2, "one at a time already"),
        (["flows.py:good", "--within", "0"], 2, "give seconds above 0"),
        (["flows.py:good", "--on-failure", "panic"], 2, "'drain', 'fail_fast'"),
        (["flows.py:good", "--no-such-option"], 2, "--no-such-option"),
        ([], 2, "See: stretto run --help"),
    ],
)  # fmt: skip
def test_bad_input(flows: Cli, arguments: list[str], code: int, says: str) -> None:
    """One style: what is wrong, where, how to mend; the exit code of its kind; never a traceback."""
    done = flows.run("run", *arguments)
    assert done.code == code
    assert done.err.startswith("error: ")
    assert says in done.err
    assert "Traceback" not in done.err
    assert "value\n" not in done.out


def test_a_body_that_raises_has_its_line(flows: Cli) -> None:
    """The innermost line of the target's file."""
    line = FLOWS.splitlines().index("    return first(1 // x)") + 1
    assert f"error: flows.py:{line}: " in flows.run("run", "flows.py:breaks", "-i", "x=0").err
    assert "ZeroDivisionError" in flows.run("-v", "run", "flows.py:breaks", "-i", "x=0").err


def test_wrong_settings_stop_a_run(flows: Cli) -> None:
    """A misspelled key is told with its file: 3."""
    flows.write("stretto.toml", "max_concurency = 2\n")
    done = flows.run("run", "flows.py:good", "-i", "x=1")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("error: stretto.toml: there is no setting `max_concurency`. Did you mean")


def test_a_mistake_before_the_run_leaves_json_empty(flows: Cli) -> None:
    """stdout is data: where there is none, it stays empty."""
    done = flows.run("run", "flows.py:good", "--json")
    assert (done.code, done.out) == (2, "")


def test_the_ready_made_assessment(flows: Cli) -> None:
    """The installed workflow runs offline from a request's file; mistakes in it have a line."""
    request = str(SOURCE.parent / "examples" / "assess" / "health-startup.yaml")
    done = flows.run("run", "assess", "-i", f"request={request}", "-i", "output=reports", "--json")
    assert done.code == 0
    assert len(list((flows.folder / "reports").rglob("*.html"))) == 3
    flows.write("wrong.yaml", "company: X\nindustry: y\nscale: {employees: 0, engineers: 1, users: 1}\n")
    refused = flows.run("run", "assess", "-i", "request=wrong.yaml")
    assert refused.code == 2
    assert (
        "wrong.yaml:3:20: scale.employees: Input should be greater than or equal to 1, not 0" in refused.err
    )
    assert flows.run("run", "assess", "-i", "request=none.yaml").code == 2
