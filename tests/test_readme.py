"""The README's commands and code blocks are run as a reader would run them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stretto.service.settings import load_settings

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.removeprefix("$ ").partition(" #")[0].strip()
    for kind, block in BLOCKS
    if kind == "console"
    for line in block.splitlines()
]


def blocks(kind: str) -> list[str]:
    """The README's code blocks of one language."""
    return [block for found, block in BLOCKS if found == kind]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reader's folder: the README's file under its own name, and the examples."""
    for block in blocks("python"):
        name = block.splitlines()[0].removeprefix("# ")
        (tmp_path / name).write_text(block, encoding="utf-8")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """One command in the reader's folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("STRETTO_")}
    env["PYTHONPATH"] = str(ROOT / "src")
    return subprocess.run(
        words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_only_languages_that_are_tested_stand_in_the_readme() -> None:
    """A block in another language would be a block nobody runs."""
    assert {kind for kind, _ in BLOCKS} == {"console", "python", "toml"}


@pytest.mark.slow
def test_the_python_block_is_a_program_that_runs(folder: Path) -> None:
    """The example prints its value and that the work took less time than its parts."""
    done = run([sys.executable, "menu.py"], folder)
    assert done.returncode == 0, done.stderr
    assert "{'recipe': 'gin cocktail for a beginner', 'advice': 'buy vermouth'}" in done.stdout
    assert "0.9 s of work in 0.5 s" in done.stdout


@pytest.mark.slow
def test_the_durable_program_runs_once(folder: Path) -> None:
    """Started again with the same key it prints the first run's result: the key in it names that run."""
    first, second = (run([sys.executable, "orders.py"], folder) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert re.fullmatch(r"charged 77 with key [0-9a-f]{8}\n", first.stdout)
    assert second.stdout == first.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("stretto ")])
def test_each_stretto_command_works(command: str, folder: Path) -> None:
    """Every `stretto …` line of the README ends with exit code 0 and says something."""
    program = "import sys; from stretto.service.cli.main import run; sys.exit(run(sys.argv[1:]))"
    if command == "stretto explain":  # speaks of the run before it
        before = next(each for each in COMMANDS if each.startswith("stretto run menu.py"))
        run([sys.executable, "-c", program, *shlex.split(before)[1:]], folder)
    done = run([sys.executable, "-c", program, *shlex.split(command)[1:]], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def test_each_make_command_is_a_target() -> None:
    """Every `make …` line of the README names a target of the Makefile; CI runs demo and test themselves."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {command.split()[1] for command in COMMANDS if command.startswith("make ")}
    assert {"demo", "test"} <= named <= targets


def test_no_command_goes_unread() -> None:
    """Each console line is a command that one of these tests looks at."""
    assert [command for command in COMMANDS if not command.startswith(("make ", "stretto "))] == []


def test_the_settings_block_is_a_settings_file(tmp_path: Path) -> None:
    """The README's stretto.toml is accepted whole."""
    for block in blocks("toml"):
        tomllib.loads(block)
        (tmp_path / "stretto.toml").write_text(block, encoding="utf-8")
        assert load_settings({}, tmp_path) is not None


def test_links_lead_to_files() -> None:
    """Each relative link of the README and the documents leads somewhere."""
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"
