"""``stretto`` as a program of its own: signals, a clean stdout, a reader that leaves, a real terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from service.conftest import SOURCE
from service.service_targets import FLOWS

if TYPE_CHECKING:
    from service.conftest import Cli

pytestmark = pytest.mark.slow

RUN_LINE = r"run \w+\n"
"""What a run that is journaled says on stderr."""


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(FLOWS)
    return cli


def read_until(stream: object, wanted: str) -> str:
    """Lines until one contains `wanted`."""
    said = ""
    for line in stream:  # type: ignore[attr-defined]  # a pipe
        said += line
        if wanted in line:
            return said
    raise AssertionError(f"{wanted!r} never came: {said}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_cancels(flows: Cli, number: signal.Signals) -> None:
    """It says so, running steps end, what is finished is told; 130."""
    with flows.start("run", "flows.py:endless") as child:
        read_until(child.stdout, "started    forever")
        child.send_signal(number)
        out, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert f"{number.name}: cancelling, and waiting for running steps to end; once more ends at once" in err
    assert f"error: the run was cancelled: interrupted by {number.name}" in err
    assert "1 of 2 steps had finished: first" in err
    assert "cancelled  forever" in out
    assert "speedup" not in out
    assert "Traceback" not in err


def test_the_second_signal_ends_at_once(flows: Cli) -> None:
    """A step that ignores its end does not hold the program: 130, without the grace."""
    with flows.start("run", "flows.py:mule") as child:
        read_until(child.stdout, "started    stubborn")
        child.send_signal(signal.SIGINT)
        read_until(child.stderr, "not me")
        begun = time.monotonic()
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=20)
    assert child.returncode == 130
    assert time.monotonic() - begun < 2  # the grace is 5 s


def test_a_step_that_ignores_its_end_is_abandoned(flows: Cli) -> None:
    """One signal is enough: after the grace of the settings the run ends without it."""
    flows.write("stretto.toml", "grace = 0.1\n")
    with flows.start("run", "flows.py:mule") as child:
        read_until(child.stdout, "started    stubborn")
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "1 of 2 steps had finished: first" in err


def test_a_call_on_a_thread_does_not_hold_the_program(flows: Cli) -> None:
    """What a step handed to a thread of its own is left behind when the run has ended."""
    with flows.start("run", "flows.py:asleep") as child:
        read_until(child.stdout, "started    hands_over")
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "1 of 2 steps had finished: first" in err


def test_an_interrupted_run_ends_its_json(flows: Cli) -> None:
    """stdout stays whole: the last line is the result of the cancelled run."""
    with flows.start("run", "flows.py:endless", "--json") as child:
        read_until(child.stdout, '"step": "forever"')
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=20)
    last = json.loads(out.splitlines()[-1])
    assert (last["type"], last["data"]["status"], last["data"]["exit"]) == ("result", "cancelled", 130)


def test_what_steps_print_never_corrupts_json(flows: Cli) -> None:
    """Lines become `log` events; what is written past Python goes to stderr; the result is last."""
    done = flows.spawn("run", "flows.py:loud", "--json")
    assert done.code == 0
    events = [json.loads(line) for line in done.out.splitlines()]
    logs = [(event["step"], event["data"]["text"]) for event in events if event["type"] == "log"]
    assert sorted(logs) == [
        ("noisy", "from a step 1"),
        ("noisy", "never ended"),
        ("threaded", "from a thread"),
    ]
    assert [e["data"]["note"] for e in events if e["type"] == "step.progress"] == ["half"]
    assert events[-1]["type"] == "result"
    assert "past Python" in done.err
    assert "from a child" in done.err


def test_a_module_that_prints_when_it_is_loaded(flows: Cli) -> None:
    """Its words are words, also where the run never starts."""
    flows.write("loud.py", 'print("hello from the module")\n' + FLOWS)
    done = flows.spawn("run", "loud.py:good", "-i", "x=1", "--json")
    assert all(json.loads(line) for line in done.out.splitlines())
    assert "hello from the module" in done.err
    plan = flows.spawn("plan", "loud.py:good", "--json")
    assert json.loads(plan.out)["workflow"] == "good"


def test_a_reader_that_leaves(flows: Cli) -> None:
    """``stretto run … --json | head -1`` is no failure of the run."""
    reading, writing = os.pipe()
    with flows.start("run", "flows.py:grows", "-i", "n=300", "--json", stdout=writing) as child:
        os.close(writing)
        with os.fdopen(reading) as stream:
            assert json.loads(stream.readline())["type"] == "run.created"
        _, err = child.communicate(timeout=20)
    assert child.returncode == 0
    assert re.fullmatch(RUN_LINE, err)


def test_a_reader_of_words_that_leaves(flows: Cli) -> None:
    """``stretto run … | head -1`` is no failure of the run either, and nobody sees a traceback."""
    reading, writing = os.pipe()
    with flows.start("run", "flows.py:grows", "-i", "n=300", stdout=writing) as child:
        os.close(writing)
        with os.fdopen(reading) as stream:
            assert "started" in stream.readline()
        _, err = child.communicate(timeout=20)
    assert child.returncode == 0
    assert re.fullmatch(RUN_LINE, err)


@pytest.mark.parametrize("closed", [1, 2])
def test_a_stream_that_was_closed_before(flows: Cli, closed: int) -> None:
    """Whoever starts the program with a closed stream hears nothing on it; the run is what it is."""
    program = [sys.executable, "-c", "from stretto.service.cli.main import main; main()"]
    command = shlex.join([*program, "run", "flows.py:grows"]) + f" {closed}>&-"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=flows.folder, env=env, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0
    assert re.fullmatch(RUN_LINE if closed == 1 else "", done.stderr)
    assert ("succeeded" in done.stdout) == (closed == 2)


# -------------------------------------------------------------------- a terminal


def on_terminal(flows: Cli, *arguments: str, **env: str) -> tuple[int, str]:
    """A command on a terminal of 80 columns: its exit code, and all that was written."""
    ours, theirs = pty.openpty()
    os.environ.update({"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **env})
    with flows.start(*arguments, stdout=theirs, stderr=theirs, stdin=theirs) as child:
        os.close(theirs)
        said = _drain(ours)
        child.wait(20)
    os.close(ours)
    return child.returncode, said


def _drain(terminal: int) -> str:
    said = b""
    while select.select([terminal], [], [], 20)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the other side has closed
            break
        if not piece:
            break
        said += piece
    return said.decode()


@pytest.fixture
def terminal_env(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `on_terminal` sets is undone."""
    for name in ("TERM", "COLUMNS", "LINES", "NO_COLOR"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.delenv("NO_COLOR")


@pytest.mark.usefixtures("terminal_env")
def test_a_picture_on_a_terminal(flows: Cli) -> None:
    """A live block with bars and the path; the cursor comes back; no line is wider than 80 columns."""
    code, said = on_terminal(flows, "run", "flows.py:good", "-i", "x=1")
    assert code == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said).replace("\r", "\n")
    assert "good  2 of 2 steps" in plain
    assert re.search(r"◆ ✓ first +0\.00 s +━", plain)
    assert "started    first" not in plain
    assert max(map(len, plain.split("\n"))) <= 80
    assert said.rindex("\x1b[?25h") > said.rindex("\x1b[?25l")


@pytest.mark.usefixtures("terminal_env")
def test_prints_stand_above_the_picture(flows: Cli) -> None:
    """What steps print stays in the scrollback, whole."""
    _, said = on_terminal(flows, "run", "flows.py:loud")
    assert "from a thread" in said
    assert "from a step 1" in said


@pytest.mark.usefixtures("terminal_env")
def test_a_dumb_terminal_gets_lines(flows: Cli) -> None:
    """Without a cursor that moves there is no picture."""
    _, said = on_terminal(flows, "run", "flows.py:good", "-i", "x=1", TERM="dumb")
    assert "started    first" in said
    assert "\x1b[" not in said


def test_a_file_gets_lines_without_color(flows: Cli) -> None:
    """Redirected output holds no escape sequences."""
    with (
        (flows.folder / "out.txt").open("w") as out,
        flows.start("run", "flows.py:good", "-i", "x=1", stdout=out) as child,
    ):
        child.communicate(timeout=20)
    text = (flows.folder / "out.txt").read_text()
    assert "succeeded  second" in text
    assert "\x1b" not in text


def test_an_encoding_that_knows_no_arrows(flows: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream of another encoding loses a character, not the run."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = flows.spawn("plan", "flows.py:good")
    assert (done.code, done.err) == (0, "")
    assert "first ? second" in done.out
