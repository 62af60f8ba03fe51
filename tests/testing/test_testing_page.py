"""`docs/testing.md`: its blocks are files, its tests pass, and it names every tool for users."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stretto import testing

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

FOR_THE_ENGINES_OWN_TESTS = {"BrokenInvariantError", "CheckedScheduler", "check_invariants", "replay"}
TYPES = {"Scripted", "VirtualLoop", "VirtualTime"}


def test_every_block_is_a_named_file() -> None:
    """A block nobody could run, or two of one name, would be read and not tested."""
    assert len(BLOCKS) == PAGE.count("\n```python\n") == len(dict(BLOCKS))


@pytest.mark.slow
def test_every_test_of_the_page_passes(tmp_path: Path) -> None:
    """The files, put beside each other, pass under pytest with warnings as errors; none is passed over."""
    for name, text in BLOCKS:
        (tmp_path / name).write_text(text, encoding="utf-8")
    options = ["-q", "-W", "error", "-p", "no:cacheprovider", "-o", "pythonpath=."]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    tests = PAGE.count("\ndef test_")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tests >= 11
    assert f"{tests} passed" in done.stdout


def test_every_tool_is_there() -> None:
    """What `stretto.testing` offers to users, the page tells of."""
    tools = set(testing.__all__) - FOR_THE_ENGINES_OWN_TESTS - TYPES
    assert [name for name in sorted(tools) if f"`{name}" not in PAGE and f" {name}(" not in PAGE] == []
