"""``stretto logs``: what steps said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from service.waiting_flows import WAITING, id_in, left_waiting, until_there
from stretto.service.records import record_files

if TYPE_CHECKING:
    from service.conftest import Cli

MORE = """
from stretto import current


@step
async def chats(n: int) -> int:
    current().progress(1, 4, "stirring")
    current().progress(2)
    current().logger.warning("too warm")
    await asyncio.sleep(0.001)  # what is said in a run's last instant may not be heard
    return n


@workflow
def chatty(n: int = 1) -> int:
    return chats.named("late")(chats.named("early")(n))


@step
async def chats_and_lasts() -> None:
    current().progress(1, 2, "half")
    Path("begun.txt").touch()
    while not Path("go.txt").exists():
        await asyncio.sleep(0.01)
    current().progress(2, 2, "whole")
    await asyncio.sleep(0.001)


@workflow
def long() -> None:
    return chats_and_lasts()
"""


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(WAITING + MORE)
    return cli


def said(out: str) -> list[str]:
    """Lines without their times."""
    return [line.partition("  ")[2] for line in out.splitlines()]


EARLY = ["early  1 of 4: stirring", "early  2", "early  warning: too warm"]
LATE = [line.replace("early", "late") for line in EARLY]


def test_everything_that_was_said(flows: Cli) -> None:
    """Progress and logs of all steps, in order, each with its time of day."""
    flows.run("run", "flows.py:chatty")
    done = flows.run("logs", "latest")
    assert (done.code, said(done.out), done.err) == (0, [*EARLY, *LATE], "")
    assert done.out[2] == done.out[5] == ":"


def test_one_step(flows: Cli) -> None:
    """Only what that one said; a step that is not there is refused."""
    run_id = id_in(flows.run("run", "flows.py:chatty").err)
    assert said(flows.run("logs", run_id[:6], "--step", "late").out) == LATE
    wrong = flows.run("logs", run_id, "--step", "lat")
    assert wrong.code == 4
    assert "Known: early, late" in wrong.err


def test_as_data(flows: Cli) -> None:
    """The lines of the record, as they are."""
    flows.run("run", "flows.py:chatty")
    lines = [json.loads(line) for line in flows.run("logs", "latest", "--json").out.splitlines()]
    assert [line["type"] for line in lines[:3]] == ["step.progress", "step.progress", "log"]
    assert lines[0]["data"]["note"] == "stirring"


def test_a_run_that_said_nothing(flows: Cli) -> None:
    """That is told, on stderr."""
    run_id = left_waiting(flows)
    done = flows.run("logs", run_id)
    assert (done.code, done.out, done.err) == (0, "", f"No step of run {run_id} has said anything.\n")
    one = flows.run("logs", run_id, "--step", "design")
    assert one.err == f"design of run {run_id} has not said anything.\n"


def test_a_run_without_a_record(flows: Cli) -> None:
    """The journal has nothing of it: that is said, with where to look instead."""
    run_id = id_in(flows.run("run", "flows.py:chatty", "--no-record").err)
    done = flows.run("logs", run_id)
    assert (done.code, done.out) == (0, "")
    assert f"Nothing was recorded of run {run_id}" in done.err
    assert f"stretto show {run_id}" in done.err


def test_a_run_in_memory(flows: Cli) -> None:
    """Its record is all that there is of it, and enough."""
    flows.run("run", "flows.py:chatty", "--store", "memory")
    (file,) = record_files()
    assert said(flows.run("logs", file.stem[:6], "--follow").out) == [*EARLY, *LATE]
    assert flows.run("logs", "zzz").code == 4


def test_a_line_that_was_cut(flows: Cli) -> None:
    """What was not written to its end is left out."""
    flows.run("run", "flows.py:chatty")
    (file,) = record_files()
    lines = file.read_text().splitlines()
    kept = next(number for number, line in enumerate(lines) if '"log"' in line)
    file.write_text("\n".join(lines[:kept]) + "\n" + lines[kept][:30])
    assert said(flows.run("logs", "latest").out) == EARLY[:2]


@pytest.mark.slow
def test_following(flows: Cli) -> None:
    """What is said later is told as it comes, until the run ends."""
    with flows.start("run", "flows.py:long") as running:
        assert running.stderr is not None
        run_id = id_in(running.stderr.readline())
        until_there(flows.folder / "begun.txt")
        with flows.start("logs", run_id, "--follow") as following:
            assert following.stdout is not None
            assert following.stdout.readline().endswith("chats_and_lasts  1 of 2: half\n")
            (flows.folder / "go.txt").touch()
            rest = following.communicate(timeout=20)[0]
        running.communicate(timeout=20)
    assert following.returncode == 0
    assert said(rest) == ["chats_and_lasts  2 of 2: whole"]
