"""`python -m bench`: measure, print tables, say which targets were missed."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path

from bench.pairs import WrongValueError
from bench.peers.markdown import markdown
from bench.peers.quiet import NetworkUsedError

NAMES = ("caps", "imports", "overhead", "large", "makespan", "crowd", "durable")
ON_REQUEST = ("peers", "durable_peers")
"""Measured when named: takes minutes, and other engines, which come with the extra ``bench``."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {_known()}")
    parser.add_argument("--markdown", action="store_true", help="print nothing but the tables, as Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--strict", action="store_true", help="exit 20 when a target was missed")
    found = parser.parse_args()
    unknown = [name for name in found.names if name not in (*NAMES, *ON_REQUEST, "all")]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {_known()}")
    return found


def _known() -> str:
    return f"{', '.join(NAMES)} (without a name: these); {', '.join(ON_REQUEST)}; all"


def _chosen(names: list[str]) -> tuple[str, ...]:
    if "all" in names:
        return (*NAMES, *ON_REQUEST)
    return tuple(names) or NAMES


def main() -> int:
    """Measure what was asked for."""
    arguments = _arguments()
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {platform.system()}"
    # As Markdown, what goes to stdout is the page; what is said besides goes beside it.
    aside = sys.stderr if arguments.markdown else sys.stdout
    print(machine, file=aside, flush=True)
    tables = {}
    for name in _chosen(arguments.names):
        try:
            tables[name] = importlib.import_module(f"bench.{name}").measure()
        except (WrongValueError, NetworkUsedError) as error:
            print(f"\n{name}: no figure counts: {error}", file=sys.stderr)
            return 1
        text = markdown(tables[name], machine) if arguments.markdown else f"\n{tables[name].text()}"
        print(text, flush=True)
    missed = [f"{name}: {row}" for name, table in tables.items() for row in table.missed]
    print(
        f"\n{f'{len(missed)} missed: ' + '; '.join(missed) if missed else 'every target is met'}", file=aside
    )
    if arguments.json:
        plain = {"machine": machine, "tables": {name: table.plain() for name, table in tables.items()}}
        arguments.json.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 20 if missed and arguments.strict else 0


if __name__ == "__main__":
    sys.exit(main())
