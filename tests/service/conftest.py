"""The command line in a folder of its own: in this process where that is enough, else as a program."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from stretto.service.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SOURCE = Path(__file__).resolve().parents[2] / "src"


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class _Child(subprocess.Popen[str]):
    """A program that a failing test does not wait for."""

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, *rest)  # type: ignore[arg-type]  # passed on as they came


class Cli:
    """Runs commands in a folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def write(self, name: str, text: str) -> Path:
        """A file in the folder, its text dedented."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def run(self, *arguments: str) -> Outcome:
        """One command in this process."""
        self._capsys.readouterr()
        code = run(arguments)
        said = self._capsys.readouterr()
        return Outcome(int(code), said.out, said.err)

    def start(self, *arguments: str, **more: object) -> subprocess.Popen[str]:
        """One command as a program of its own."""
        return _Child(
            [sys.executable, "-c", "from stretto.service.cli.main import main; main()", *arguments],
            cwd=self.folder,
            env={**_clean(os.environ), "PYTHONPATH": str(SOURCE)},
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
        )

    def spawn(self, *arguments: str) -> Outcome:
        """One command as a program of its own, to its end."""
        with self.start(*arguments) as child:
            out, err = child.communicate(timeout=60)
            return Outcome(child.returncode, out, err)


def _clean(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if not name.startswith("STRETTO_")}


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """A command line in an empty folder, without settings; what it imports is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in [name for name in os.environ if name.startswith("STRETTO_")]:
        monkeypatch.delenv(name)
    before = set(sys.modules)
    yield Cli(tmp_path, capsys)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
