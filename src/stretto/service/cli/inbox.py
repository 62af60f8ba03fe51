"""``stretto inbox``: what runs wait for."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from stretto.service.cli.exits import Exit
from stretto.service.cli.shown import looked_at
from stretto.service.cli.stored import settings_with
from stretto.service.cli.waiting import lines_of, question_as_data
from stretto.service.cli.words import say, say_lines
from stretto.service.questions import questions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stretto.service.questions import Question

__all__ = ["show_inbox"]

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def show_inbox(store: str | None, *, is_json: bool) -> Exit:
    """Every open wait of every run, the oldest first. Raises ConfigError, StoreError."""
    with looked_at(settings_with(store)) as found:
        asked = [] if found is None else questions(found)
    if is_json:
        for question in asked:
            say(json.dumps(question_as_data(question), ensure_ascii=False))
    else:
        say_lines(_lines(asked))
    return Exit.OK


def _lines(asked: Sequence[Question]) -> Iterator[str]:
    if not asked:
        yield "Nothing waits here."
    now, last = time.time(), None
    for question in asked:
        if question.run_id != last:
            yield f"run {question.run_id}, for {_age(now - question.asked_at)}"
        last = question.run_id
        yield from lines_of(question)


def _age(seconds: float) -> str:
    whole = max(0.0, seconds)
    unit, name = next(((unit, name) for unit, name in _UNITS if whole >= unit), (1, "s"))
    return f"{whole / unit:.0f} {name}"
