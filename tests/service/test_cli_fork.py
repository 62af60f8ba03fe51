"""`stretto fork`: what a stored run has done is run again from a step on, or with other inputs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from service.conftest import Cli

FLOW = """
    from stretto import step, workflow

    @step
    async def pick(base: str) -> str:
        print("picking")
        return base.upper()

    @step
    async def mix(base: str, size: int) -> str:
        print("mixing")
        return base * size

    @workflow
    def drink(base: str = "gin", size: int = 2) -> str:
        return mix(pick(base), size)
"""


@pytest.fixture
def kept(cli: Cli) -> str:
    """The id of a run of the workflow."""
    cli.write("flow.py", FLOW)
    done = cli.run("run", "flow.py", "--json")
    assert done.code == 0, done.err
    return str(json.loads(done.out.splitlines()[0])["run"])


def _printed(text: str) -> list[str]:
    return [line for line in text.split() if line in ("picking", "mixing")]


def test_a_fork_from_a_step_runs_it_and_what_it_feeds(cli: Cli, kept: str) -> None:
    """The old run's results are taken; the new run has an id and a parent of its own."""
    done = cli.run("fork", kept[:6], "--from", "mix", "--json")
    assert done.code == 0, done.err
    events = [json.loads(line) for line in done.out.splitlines()]
    assert events[0]["run"] != kept
    succeeded = {each["step"]: each["data"] for each in events if each["type"] == "step.succeeded"}
    assert succeeded["pick"]["reused"] is True
    assert "reused" not in succeeded["mix"]
    assert events[-1]["data"]["value"] == "GINGIN"


def test_a_fork_with_another_input(cli: Cli, kept: str) -> None:
    """Read by the parameter's type, as by run -i; only what it reaches runs again."""
    done = cli.run("fork", kept, "--set", "size=3")
    assert done.code == 0, done.err
    assert "GINGINGIN" in done.out
    assert "picking" not in done.out + done.err
    assert "mixing" in done.out + done.err


def test_a_dry_run_only_says(cli: Cli, kept: str) -> None:
    """What is taken over, what runs again, about how long; nothing is run or written."""
    done = cli.run("fork", kept, "--from", "mix", "--dry-run")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == f"a fork of run {kept} (drink) would"
    assert lines[1] == "  take over   1 step: pick"
    assert lines[2] == "  run again   1 step: mix"
    assert lines[3].startswith("  take about  0.0 s, an estimate")
    assert "mixing" not in done.out + done.err
    told = json.loads(cli.run("fork", kept, "--from", "mix", "--dry-run", "--json").out)
    assert (told["reused"], told["again"]) == (["pick"], ["mix"])


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "A fork needs to differ from its original: give --from STEP, --set NAME=VALUE, or both."),
        (["--from", "mixx"], 4, "There is no step 'mixx'. Known: mix, pick."),
        (["--set", "size=many"], 2, "--set size=many"),
        (["--set", "sise=3"], 2, "has no input 'sise'. Did you mean 'size'?"),
        (["--set", "size"], 2, "--set size: an input is written key=value, e.g. --set limit=3."),
    ],
)
def test_what_is_refused(cli: Cli, kept: str, arguments: list[str], code: int, says: str) -> None:
    """With words, and before anything runs."""
    done = cli.run("fork", kept, *arguments)
    assert done.code == code
    assert says in done.err


def test_a_run_nobody_knows(cli: Cli, kept: str) -> None:
    """It is told with those that are near."""
    done = cli.run("fork", "zzzz", "--from", "mix")
    assert done.code == 4
    assert kept in done.err
