"""``stretto doctor``: what on this machine can go wrong for Stretto, and how to mend it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from stretto.service import checkup, machine
from stretto.service.checkup import Level
from stretto.service.cli.exits import Exit
from stretto.service.cli.words import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.service.checkup import Finding

__all__ = ["run_doctor"]

_LEVEL = max(map(len, Level))


def run_doctor(*, is_json: bool, is_online: bool) -> Exit:
    """Say each finding as soon as it is there. INVALID where one is a problem."""
    found: list[Finding] = []
    for finding in _findings(is_online=is_online):
        found.append(finding)
        say(json.dumps(_as_data(finding), ensure_ascii=False) if is_json else _line(finding))
    if not is_json:
        say()
        say(_sum(found))
    return Exit.INVALID if any(each.level is Level.PROBLEM for each in found) else Exit.OK


def _findings(*, is_online: bool) -> Iterator[Finding]:
    here = machine.look()
    yield from checkup.package_checks()
    yield from checkup.machine_checks(here)
    yield from checkup.cost_checks(machine.measure())
    yield checkup.output_check(sys.stdout.encoding)
    yield checkup.state_check()
    settings, findings = checkup.settings_checks()
    yield from findings
    if settings is not None:
        yield checkup.model_check(settings, is_online=is_online)
    yield from checkup.workflow_checks()
    yield checkup.parallel_check(here)


def _line(finding: Finding) -> str:
    line = f"{finding.level:<{_LEVEL}}  {finding.check}: {finding.said}"
    return f"{line}\n{'':<{_LEVEL}}  → {finding.mend}" if finding.mend else line


def _sum(found: list[Finding]) -> str:
    problems, notes = (sum(each.level is level for each in found) for level in (Level.PROBLEM, Level.NOTE))
    return f"{_count(problems, 'problem')}, {_count(notes, 'note')}"


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _as_data(finding: Finding) -> dict[str, object]:
    return {**finding._asdict(), "level": str(finding.level), "data": dict(finding.data)}
