"""`service/cli/candidates.py`: what files and packages offer, found without running anybody's file."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

from stretto.service import targets as installed_targets
from stretto.service.cli import candidates
from stretto.service.cli.candidates import inputs_of, targets

if TYPE_CHECKING:
    from service.conftest import Cli

MENU = '''
import stretto
from stretto import workflow

raise SystemExit("this file was run")

@workflow
def drinks(cabinet: list[str], /, mood: str = "calm", *, seats: int = 2, plain=None, note) -> str:
    """Drinks for tonight.

    More."""

@stretto.workflow(within=60)
def food(guests: int) -> str: ...

def helper(x): ...

@other
def no_flow(x): ...
'''
ONE = "from stretto import workflow\n@workflow\ndef only(x: int = 1) -> int: ...\n"


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine has installed is not the tests' business."""
    monkeypatch.setattr(installed_targets, "entry_points", lambda group: [])


def names(incomplete: str) -> list[str]:
    """What may be typed."""
    return [value for value, _ in targets(incomplete)]


def test_files_with_workflows_and_folders(cli: Cli) -> None:
    """A file with one workflow by its name, with several by theirs; files without, and hidden things, are left out."""
    cli.write("one.py", ONE)
    cli.write("menu.py", MENU)
    cli.write("plain.py", "x = 1")
    cli.write("notes.txt", "@workflow")
    cli.write("below/other.py", ONE)
    cli.write(".hidden/x.py", ONE)
    cli.write("__pycache__/x.py", ONE)
    assert names("") == ["below/", "menu.py:drinks", "menu.py:food", "one.py"]
    assert names("o") == ["one.py"]
    assert names("below/") == ["below/other.py"]
    assert names("./below/o") == ["./below/other.py"]
    assert names(str(cli.folder / "one")) == [str(cli.folder / "one.py")]
    assert names("nowhere/") == []
    assert names(".h") == [".hidden/"]


def test_workflows_of_a_file(cli: Cli) -> None:
    """Behind the colon each workflow with its first line; also of a module that lies here."""
    cli.write("menu.py", MENU)
    cli.write("pkg/__init__.py", ONE)
    cli.write("pkg/inner.py", ONE)
    assert targets("menu.py:") == [("menu.py:drinks", "Drinks for tonight."), ("menu.py:food", "workflow")]
    assert names("menu:") == ["menu:drinks", "menu:food"]
    assert names("pkg:") == ["pkg:only"]
    assert names("pkg.inner:on") == ["pkg.inner:only"]
    assert names("nowhere.py:") == names("nowhere:") == []


def test_inputs(cli: Cli) -> None:
    """Each parameter as ``key=`` with its type and default, in every kind that Python has."""
    cli.write("menu.py", MENU)
    cli.write("one.py", ONE)
    assert inputs_of("menu.py:drinks") == [
        ("cabinet=", "list[str]"),
        ("mood=", "str = 'calm'"),
        ("seats=", "int = 2"),
        ("plain=", "= None"),
        ("note=", ""),
    ]
    assert inputs_of("one.py") == inputs_of("one.py:only") == inputs_of("one:only") == [("x=", "int = 1")]
    assert inputs_of("menu.py") == []  # which of the two?
    assert inputs_of("nowhere.py") == inputs_of("nowhere") == inputs_of("") == []


def test_files_that_cannot_be_read(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken, binary, vanished or very large files offer nothing, and are no error."""
    cli.write("broken.py", "@workflow\ndef (")
    (cli.folder / "binary.py").write_bytes(b"@workflow\n\xff\xfe")
    (cli.folder / "nul.py").write_bytes(b"@workflow\ndef f(): ...\n\0")
    (cli.folder / "link.py").symlink_to("nowhere.py")
    cli.write("one.py", ONE)
    assert names("") == ["one.py"]
    monkeypatch.setattr(candidates, "_MOST_BYTES", 10)
    assert names("") == []


def test_a_folder_with_very_many_files(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many are read; a Tab must not take long."""
    monkeypatch.setattr(candidates, "_MOST_FILES", 2)
    for name in "abc":
        cli.write(f"{name}.py", ONE)
    assert names("") == ["a.py", "b.py"]


def test_installed_workflows(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By name and with where they are; only their inputs need an import, which may print what it likes."""
    cli.write(
        "shop_flows.py",
        "print('loading')\nfrom stretto import workflow\n@workflow\ndef buy(n: int = 1, m=2): ...",
    )
    monkeypatch.syspath_prepend(cli.folder)
    point = EntryPoint("buy", "shop_flows:buy", installed_targets.GROUP)
    monkeypatch.setattr(installed_targets, "entry_points", lambda group: [point])
    assert targets("b") == [("buy", "installed: shop_flows:buy")]
    assert targets("x") == []
    assert inputs_of("buy") == [("n=", "int = 1"), ("m=", "= 2")]
    assert capsys.readouterr().out == ""
