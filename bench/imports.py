"""What it takes to import the package and to ask the command for help: whole processes, by the wall clock."""

from __future__ import annotations

import subprocess
import sys
import time

from bench.pairs import expect
from bench.table import Row, Sample, Table

__all__ = ["measure"]

REPEATS = 21
IMPORT_MS = 60.0
HELP_MS = 300.0

BARE = "pass"
DECLARED = """
from stretto import step, workflow, group, Engine
async def run(x): return x
steps = [step(id=f"s{number}")(run) for number in range(10)]
"""
HELP = """
import sys
from stretto.service.cli.main import main
sys.argv = ["stretto", "--help"]
sys.exit(main())
"""


def milliseconds(code: str) -> float:
    """How long a fresh interpreter takes for `code`; raises when it fails, or when help is no help."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    expect("Usage" in done.stdout, code == HELP, "stretto --help")
    return seconds * 1000


def measure(repeats: int = REPEATS) -> Table:
    """The table: bare Python, an import with ten declared steps above it, the help text in all."""
    codes = (BARE, DECLARED, HELP)
    for code in codes:
        milliseconds(code)  # writes the byte code
    rounds = [[milliseconds(code) for code in codes] for _ in range(repeats)]
    bare, declared, helped = (Sample.of(column) for column in zip(*rounds, strict=True))
    above = declared.median - bare.median
    table = Table("Start, ms (median [quartiles])", ("", "whole process", "above bare Python"))
    table.rows = [
        Row(("bare Python", bare.text()), {"ms": bare.median}),
        Row(
            ("import stretto, declare ten steps", declared.text(), f"{above:.1f}"),
            {"ms": declared.median, "above_ms": above},
            f"≤ {IMPORT_MS:g} above",
            above <= IMPORT_MS,
        ),
        Row(
            ("stretto --help", helped.text(), f"{helped.median - bare.median:.1f}"),
            {"ms": helped.median},
            f"≤ {HELP_MS:g}",
            helped.median <= HELP_MS,
        ),
    ]
    return table
