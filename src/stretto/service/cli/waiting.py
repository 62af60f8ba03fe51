"""What is said about waits, and how to end them."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stretto.core.journal import facts as kinds
from stretto.service.cli.words import warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stretto.core.journal.facts import Fact
    from stretto.ports import RunInfo, Telemetry
    from stretto.service.questions import Question

__all__ = ["HopelessWaits", "commands_for", "lines_of", "moment", "question_as_data", "waiting_lines"]

_SHOWN = 300
"""Characters of a value that are shown."""


class HopelessWaits:
    """An observer that warns, once, when a run in memory waits for people: none of them can reach it."""

    def __init__(self) -> None:
        self._has_warned = False

    def on_facts(self, run: RunInfo, facts: list[Fact]) -> None:  # noqa: ARG002  # as the port has it
        """Look whether the run waits."""
        if not self._has_warned and any(fact[0] == kinds.RUN_WAITING for fact in facts):
            self._has_warned = True
            warn(
                "warning: the run waits, and in memory nobody can answer it: it goes on only by a deadline. Ctrl-C "
                "ends it; without --store memory it can be left, and answered."
            )

    def on_telemetry(self, run: RunInfo, record: Telemetry) -> None:
        """Nothing to look at."""


def waiting_lines(run_id: str, asked: Sequence[Question]) -> Iterator[str]:
    """A run that was left: each open wait, and the commands that end it."""
    yield f"run {run_id} waits, and needs no process meanwhile"
    for question in asked:
        yield from lines_of(question)
    if not asked:
        yield "  Go on with it: stretto resume " + run_id


def lines_of(question: Question) -> Iterator[str]:
    """A wait, the value asked about, and the commands that end it."""
    until = "" if question.until is None else f"  (until {moment(question.until)})"
    yield f"  {question.path}: {_said(question)}{until}"
    if question.trouble:
        yield f"    ({question.trouble})"
    elif question.kind == "approval":
        yield f"    {_shortened(question.value)}"
    yield from (f"      {command}" for command in commands_for(question))


def _said(question: Question) -> str:
    if question.kind == "event":
        return f"waits for the event {question.text!r}"
    return "sleeps" if question.kind == "sleep" else question.text


def _shortened(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def commands_for(question: Question) -> list[str]:
    """The commands that end a wait; none for a sleep."""
    run_id = question.run_id
    where = f"{run_id} {shlex.quote(question.path)}"
    reject = f"stretto reject {where}"
    if question.kind == "event":
        return [f"stretto send {run_id} {shlex.quote(question.text)} --data JSON"]
    if question.kind == "sleep":
        return []
    if question.kind == "question":
        return [f"stretto respond {where} TEXT", reject]
    return [f"stretto approve {where}", reject]


def question_as_data(question: Question) -> dict[str, object]:
    """A wait for a line of JSON."""
    return {**question._asdict(), "commands": commands_for(question)}


def moment(at: float) -> str:
    """An instant for people, in the local zone."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
