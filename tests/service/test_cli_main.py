"""The program as a whole: help, version, list, usage errors, unexpected errors, and what `--help` loads."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

import stretto
from service.conftest import SOURCE
from stretto.errors import (
    ConfigError,
    DefinitionError,
    DuplicatePathError,
    InputError,
    NotFoundError,
    ProviderError,
    RefError,
    TargetError,
)
from stretto.service import targets
from stretto.service.cli import listing
from stretto.service.cli.exits import Exit, exit_of_error

if TYPE_CHECKING:
    from service.conftest import Cli


def test_version(cli: Cli) -> None:
    """One line with the package's version."""
    assert cli.run("--version") == (0, f"stretto {stretto.__version__}\n", "")


def test_help_names_the_commands(cli: Cli) -> None:
    """Every command has a line that fits."""
    done = cli.run("--help")
    assert done.code == 0
    for command in ("run", "plan", "demo", "list"):
        assert f"\n  {command} " in done.out
    assert "..." not in done.out.partition("Commands:")[2]
    assert "--change-reply" not in cli.run("demo", "--help").out


def test_no_command_is_a_usage_error(cli: Cli) -> None:
    """The help is what was missing."""
    done = cli.run()
    assert done.code == 2
    assert "Usage: stretto" in done.out + done.err


@pytest.mark.parametrize("arguments", [("rnu",), ("--no-such",), ("list", "extra")])
def test_usage_errors(cli: Cli, arguments: tuple[str, ...]) -> None:
    """One line in the style of all errors, and where to read more: 2."""
    done = cli.run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert done.err.rstrip().endswith("--help")


def test_help_loads_little() -> None:
    """Neither pydantic nor rich, asyncio or yaml are loaded to print the help."""
    code = (
        "import sys; from stretto.service.cli.main import run; run(['--help']); "
        "print([name for name in ('pydantic', 'rich', 'asyncio', 'yaml', 'httpx2') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCE), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), Exit.USAGE),
        (ConfigError("x"), Exit.INVALID),
        (DefinitionError("x"), Exit.INVALID),
        (RefError("x"), Exit.INVALID),
        (DuplicatePathError("x"), Exit.INVALID),
        (TargetError("x"), Exit.INVALID),
        (NotFoundError("x", "y"), Exit.NOT_FOUND),
        (ProviderError("x"), Exit.UNEXPECTED),
        (ValueError("x"), Exit.UNEXPECTED),
    ],
)
def test_exit_codes_of_errors(error: Exception, code: Exit) -> None:
    """The table in one place."""
    assert exit_of_error(error) is code


def test_an_unexpected_error(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it is unexpected and how to see the traceback; 1."""

    def fail(*, is_json: bool) -> Exit:
        raise LookupError("nobody foresaw this")

    monkeypatch.setattr(listing, "list_workflows", fail)
    done = cli.run("list")
    assert done.code == 1
    assert (
        done.err
        == "error: unexpected LookupError: nobody foresaw this\n  For the traceback: stretto -v list\n"
    )
    told = cli.run("list", "-v").err
    assert told.startswith("Traceback (most recent call last)")
    assert "For the traceback" not in told


def test_interrupted_before_anything_runs(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a command gets ready: 130, no traceback."""

    def interrupt(*, is_json: bool) -> Exit:
        raise KeyboardInterrupt

    monkeypatch.setattr(listing, "list_workflows", interrupt)
    done = cli.run("list")
    assert (done.code, done.out) == (130, "")
    assert "Traceback" not in done.err


# -------------------------------------------------------------------- list


def test_list_names_workflows_and_inputs(cli: Cli) -> None:
    """Name, first line, and each input with its type and default."""
    out = cli.run("list").out
    assert "assess  Assesses a company's infrastructure." in out
    assert "    -i request: AssessmentRequest | str  (required)" in out
    assert "    -i min_agents: int  (default 8)" in out


def test_list_as_data(cli: Cli) -> None:
    """One line of JSON a workflow."""
    entries = [json.loads(line) for line in cli.run("list", "--json").out.splitlines()]
    (assess,) = [entry for entry in entries if entry["name"] == "assess"]
    assert assess["value"] == "stretto_apps.assess:assess"
    assert assess["parameters"][0] == {
        "name": "request",
        "type": "AssessmentRequest | str",
        "required": True,
        "default": None,
    }


def test_a_broken_entry_is_listed_with_its_error(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """One package that cannot be loaded does not hide the others."""
    points = [
        EntryPoint("broken", "no_such_module_at_all:x", targets.GROUP),
        EntryPoint("assess", "stretto_apps.assess:assess", targets.GROUP),
    ]
    monkeypatch.setattr(targets, "entry_points", lambda group: points)
    done = cli.run("list")
    assert done.code == 0
    assert "broken  " in done.out
    assert "No module named 'no_such_module_at_all'" in done.out
    assert "assess  Assesses" in done.out


def test_nothing_installed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what else can be run; as data there is nothing."""
    monkeypatch.setattr(targets, "entry_points", lambda group: [])
    assert "stretto run file.py" in cli.run("list").out
    assert cli.run("list", "--json").out == ""
    assert "name a file: stretto run file.py" in cli.run("run", "anything").err
