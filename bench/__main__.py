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

NAMES = ("caps", "imports", "overhead", "large", "makespan", "crowd")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(NAMES)}; all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--strict", action="store_true", help="exit 20 when a target was missed")
    found = parser.parse_args()
    unknown = [name for name in found.names if name not in (*NAMES, "all")]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(NAMES)}, all")
    return found


def _chosen(names: list[str]) -> tuple[str, ...]:
    return NAMES if not names or "all" in names else tuple(names)


def main() -> int:
    """Measure what was asked for."""
    arguments = _arguments()
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {platform.system()}"
    print(machine, flush=True)
    tables = {}
    for name in _chosen(arguments.names):
        try:
            tables[name] = importlib.import_module(f"bench.{name}").measure()
        except WrongValueError as error:
            print(f"\n{name}: a wrong value, so no figure counts: {error}", file=sys.stderr)
            return 1
        print(f"\n{tables[name].text()}", flush=True)
    missed = [f"{name}: {row}" for name, table in tables.items() for row in table.missed]
    print(f"\n{f'{len(missed)} missed: ' + '; '.join(missed) if missed else 'every target is met'}")
    if arguments.json:
        plain = {"machine": machine, "tables": {name: table.plain() for name, table in tables.items()}}
        arguments.json.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 20 if missed and arguments.strict else 0


if __name__ == "__main__":
    sys.exit(main())
