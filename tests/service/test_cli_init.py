"""``stretto init``: the starter is written once, runs as it is, and is code to be proud of."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stretto.core.graph import Role, Where
from stretto.service.cli.init import _TAKEN, init_starter
from stretto.service.cli.main import app
from stretto.service.cli.starter import FLOW, SETTINGS
from stretto.service.settings import known_keys, load_settings
from stretto.service.targets import load_target
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from service.conftest import Cli

ROOT = Path(__file__).resolve().parents[2]
LATENCIES = [float(found) for found in re.findall(r"asyncio\.sleep\((.*?)\)", FLOW)]


def test_two_files_and_what_to_type_next(cli: Cli) -> None:
    """The folder one is in gets the file and the settings; the next commands are the program's own."""
    done = cli.run("init")
    assert (done.code, done.err) == (0, "")
    assert sorted(path.name for path in cli.folder.iterdir()) == ["flow.py", "stretto.toml"]
    assert "\n  stretto run flow.py  " in done.out
    assert "cd " not in done.out
    known = {command.name for command in app.registered_commands}
    assert set(re.findall(r"^  stretto (\w+)", done.out, re.MULTILINE)) <= known


@pytest.mark.parametrize(
    ("where", "file", "change"),
    [
        ("new/place", "new/place/flow.py", "\n  cd new/place\n"),
        ("my flow.py", "my flow.py", "stretto run 'my flow.py'"),
        ("deep er/menu.py", "deep er/menu.py", "cd 'deep er'\n  stretto plan menu.py"),
        (".", "flow.py", "\nnext:\n  stretto plan flow.py"),
    ],
)
def test_a_folder_or_a_file(cli: Cli, where: str, file: str, change: str) -> None:
    """A folder is made; a name that ends in .py is the file's; the commands are ready to be copied."""
    done = cli.run("init", where)
    assert done.code == 0
    assert (cli.folder / file).read_text() == FLOW.replace("NAME", "digest")
    assert (cli.folder / file).with_name("stretto.toml").read_text() == SETTINGS
    assert change in re.sub("  +#", "#", done.out)


def test_each_next_command_is_one_that_works(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line that is printed ends with 0 when it is typed."""
    monkeypatch.setattr("asyncio.sleep", _at_once)
    cli.run("init")
    commands = re.findall(r"^  stretto (.*?)  +#", cli.run("init", "other").out, re.MULTILINE)
    assert len(commands) >= 3
    for command in commands:
        done = cli.run(*shlex.split(command))
        assert done.code == 0, done.err


def test_no_command_is_named_that_is_not_there(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what the program has is printed."""
    init_starter(Path(), "digest", {"run"})
    assert re.findall(r"^  stretto (\w+)", capsys.readouterr().out, re.MULTILINE) == ["run", "run"]


async def _at_once(seconds: float) -> None:
    """A sleep that takes no time."""


def test_nothing_is_overwritten(cli: Cli) -> None:
    """A file that is there stays as it is; the error says what to type instead, and that works."""
    cli.write("flow.py", "mine")
    done = cli.run("init")
    assert (done.code, done.out) == (2, "")
    assert "flow.py is there already, and nothing is overwritten" in done.err
    assert [path.name for path in cli.folder.iterdir()] == ["flow.py"]
    assert (cli.folder / "flow.py").read_text() == "mine"
    instead = re.search(r"`stretto (init \S+)`", done.err)
    assert instead is not None
    assert cli.run(*instead[1].split()).code == 0
    assert (cli.folder / "flow_2.py").is_file()


def test_a_link_is_not_written_through(cli: Cli) -> None:
    """Even one that leads nowhere counts as there."""
    (cli.folder / "flow.py").symlink_to("elsewhere.py")
    assert cli.run("init").code == 2
    assert not (cli.folder / "elsewhere.py").exists()


def test_settings_that_are_there_are_kept(cli: Cli) -> None:
    """A project's settings stay; the starter is written beside them, and the line says so."""
    cli.write("stretto.toml", "grace = 2\n")
    done = cli.run("init")
    assert done.code == 0
    assert "kept  stretto.toml" in done.out
    assert (cli.folder / "stretto.toml").read_text() == "grace = 2\n"


@pytest.mark.parametrize("name", ["weekly-report", "class", "3d", "", "bind", "text", "asyncio", "a b"])
def test_names_that_cannot_be(cli: Cli, name: str) -> None:
    """The workflow's name is a Python function's, and none the starter uses."""
    done = cli.run("init", "--name", name)
    assert (done.code, list(cli.folder.iterdir())) == (2, [])
    assert "such as --name weekly_report" in done.err


def test_every_name_of_the_starter_is_taken() -> None:
    """A workflow called like something in its file would break it."""
    used = {node.id for node in ast.walk(ast.parse(FLOW)) if isinstance(node, ast.Name)}
    defined = {node.name for node in ast.walk(ast.parse(FLOW)) if isinstance(node, ast.AsyncFunctionDef)}
    arguments = {node.arg for node in ast.walk(ast.parse(FLOW)) if isinstance(node, ast.arg)}
    assert (used | defined) - {"NAME"} <= _TAKEN | {"number", "range", "len", "count", "source", "float"}
    assert {"topic", "reader", "sources"} <= arguments & _TAKEN


def test_a_file_where_a_folder_should_be(cli: Cli) -> None:
    """It is said what stands in the way."""
    cli.write("notes.txt", "x")
    assert (
        "notes.txt is a file. Name a folder, or a file that ends in .py." in cli.run("init", "notes.txt").err
    )
    assert "notes.txt/below cannot be made" in cli.run("init", "notes.txt/below").err


def test_a_folder_that_cannot_be_written(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is the system's, the advice ours."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    done = cli.run("init")
    assert done.code == 2
    assert "flow.py cannot be written: Permission denied. Name another folder." in done.err


class TestTheStarter:
    @pytest.mark.slow
    def test_it_runs_without_a_key(self, cli: Cli) -> None:
        """As a program of its own, in real time, faster than its latencies added up."""
        cli.run("init", "--name", "tea")
        done = cli.spawn("run", "flow.py", "--json")
        assert done.code == 0, done.err
        result = json.loads(done.out.splitlines()[-1])["data"]
        assert (result["workflow"], result["status"]) == ("tea", "succeeded")
        assert result["value"]["text"] == "what a beginner wants to know, from 4 notes"
        assert result["timing"]["work"] / result["timing"]["makespan"] > 2

    def test_what_is_gained_is_plain_to_see(self, cli: Cli) -> None:
        """One by one takes all latencies, four sources each; as dataflow less than a third of that."""
        cli.run("init")
        flow = load_target("flow.py")
        quick = run_virtual(flow.arun())
        slow = run_virtual(flow.with_options(sequential=True).arun())
        assert quick.value == slow.value
        assert slow.timing.makespan == pytest.approx(sum(LATENCIES) + 3 * 0.3)
        assert quick.timing.makespan == pytest.approx(0.8)

    def test_it_shows_what_there_is(self, cli: Cli) -> None:
        """A dependency, a parallel branch, a map, an optional step with a default, glue, a retry, a deadline."""
        cli.run("init")
        flow = load_target("flow.py")
        graph = flow.trace().graph
        paths = {graph.path(index): index for index in range(len(graph))}
        assert graph.deps[paths["write_digest"]] == (paths["read_source"], paths["describe_reader"])
        assert graph.deps[paths["describe_reader"]] == ()
        assert graph.specs[paths["read_source"]].role is Role.MAP
        assert graph.maps[paths["read_source"]].target.retry.attempts == 3
        assert graph.defaults[paths["draw_cover"]] == "no picture"
        assert graph.specs[paths["bind"]].where is Where.INLINE
        assert flow.within == 60

    def test_latencies_are_called_simulated(self) -> None:
        """No reader takes a sleep for work: each says what it stands for, and so does the head."""
        sleeps = [line for line in FLOW.splitlines() if "asyncio.sleep" in line]
        assert len(sleeps) == len(LATENCIES) == 5
        assert all("# simulated: " in line for line in sleeps)
        assert "are simulated" in (ast.get_docstring(ast.parse(FLOW)) or "")

    def test_plan_needs_no_inputs(self, cli: Cli) -> None:
        """`plan` says what it can before anything runs."""
        cli.run("init")
        done = cli.run("plan", "flow.py")
        assert done.code == 0
        assert "find_sources → read_source[?] → write_digest" in done.out

    @pytest.mark.slow
    def test_the_linter_has_nothing_to_say(self, cli: Cli) -> None:
        """By the rules of this house and by the formatter's own defaults."""
        cli.run("init")
        rules = ["--config", str(ROOT / "pyproject.toml")]
        for words in (
            ["check", "--no-cache", *rules],
            ["check", "--no-cache", "--isolated"],
            ["format", "--isolated", "--check"],
        ):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *words, "flow.py"], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.slow
    def test_the_type_checker_has_nothing_to_say(self, cli: Cli) -> None:
        """Strictly, as a user's own file outside this project."""
        cli.run("init")
        words = [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--cache-dir",
            str(cli.folder / "cache"),
            "flow.py",
        ]
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, env={"MYPYPATH": str(ROOT / "src")}
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def test_the_settings_change_nothing_as_they_are(self, cli: Cli) -> None:
        """All of it is commented out."""
        cli.run("init")
        assert load_settings({}, cli.folder) == load_settings({}, ROOT / "tests")

    def test_the_settings_hold_once_uncommented(self, cli: Cli) -> None:
        """Each line that looks like a setting is one, and every table is there."""
        cli.run("init")
        file = cli.folder / "stretto.toml"
        file.write_text(re.sub(r"^# (?=\w+ = |\[)", "", SETTINGS, flags=re.MULTILINE))
        found = load_settings({}, cli.folder).places
        assert {key.partition(".")[0] for key in found} >= {"max_concurrency", "limits", "model", "resources"}
        assert {key for key in found if not key.startswith(("limits.", "resources."))} <= set(known_keys())
