"""``stretto show``: a stored run, or one step of it, as far as it is by now; its code is not needed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

from stretto.core.journal.story import story_lines
from stretto.core.policy import describe
from stretto.service.cli.exits import Exit
from stretto.service.cli.ls import row_as_data
from stretto.service.cli.shown import ago, length, looked_at, shortened
from stretto.service.cli.stored import run_in, settings_with
from stretto.service.cli.waiting import lines_of, moment, question_as_data
from stretto.service.cli.words import say, say_lines
from stretto.service.query import took_by
from stretto.service.questions import questions
from stretto.service.runs import read_run, step_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stretto.core.journal.view import StepView
    from stretto.service.questions import Question
    from stretto.service.runs import StoredRun

__all__ = ["show_run"]

_COLUMNS: Final = 80
_PATH: Final = 30
_STEPS: Final = 200
_VALUE_LINES: Final = 40


def show_run(run: str, step: str | None, store: str | None, *, is_json: bool) -> Exit:
    """Show it. Raises NotFoundError, InputError, StoreError."""
    with looked_at(settings_with(store)) as opened:
        found, row = run_in(opened, run)
        if row.steps == 0 and not found.entries(row.run_id):
            return _show_queued(row.run_id, row.workflow, row.status, is_json=is_json)
        stored = read_run(found, row)
        now = time.time()
        if step is not None:
            index = step_in(stored.graph, step)
            data, lines = _step_as_data(stored, index), _step_lines(stored, index)
        else:
            asked = questions(found, row.run_id)
            data, lines = _as_data(stored, asked, now), _lines(stored, asked, now)
        if is_json:
            say(json.dumps(data, ensure_ascii=False))
        else:
            say_lines(lines)
    return Exit.OK


def _show_queued(run_id: str, workflow: str, status: str, *, is_json: bool) -> Exit:
    if is_json:
        say(json.dumps({"run_id": run_id, "workflow": workflow, "status": status, "steps": []}))
    else:
        say_lines([f"{workflow}  run {run_id}", f"{status}, and has not begun: stretto resume {run_id}"])
    return Exit.OK


# -------------------------------------------------------------------- words


def _lines(stored: StoredRun, asked: list[Question], now: float) -> Iterator[str]:
    yield from _head(stored, now)
    inputs = stored.inputs()
    if inputs:
        yield ""
        yield "inputs"
        for name, value in inputs.items():
            yield _entry(f"{name} =", value)
    yield ""
    yield from _table(stored, now)
    if asked:
        yield ""
        yield "waits"
        for question in asked:
            yield from lines_of(question)
    if stored.has_value:
        yield ""
        yield "value"
        yield from _value_lines(stored.value())


def _entry(name: str, value: object) -> str:
    return "  " + shortened(f"{name} {json.dumps(value, ensure_ascii=False)}", _COLUMNS - 2)


def _head(stored: StoredRun, now: float) -> Iterator[str]:
    row, view = stored.row, stored.view
    yield f"{row.workflow}  run {row.run_id}"
    why = view.reason if row.cause in ("", "error") else row.cause
    took = length(took_by(row, now))
    time_said = f" {'in' if row.ended_at is not None else 'for'} {took}" if took else ""
    yield f"{row.status}{f' ({why})' if why else ''}{time_said}, {stored.done} of {len(stored.graph)} steps done"
    began = row.started_at or row.created_at
    yield f"began {moment(began)}, {ago(now - began)}"
    if row.owner is not None:
        yield f"at work in process {row.owner}"
    if row.parent is not None:
        yield f"forked from run {row.parent}"
    if row.key is not None:
        yield f"key {row.key}"


def _table(stored: StoredRun, now: float) -> Iterator[str]:
    order = stored.order[:_STEPS]
    rows = [_row(stored, index, now) for index in order]
    cells = [("step", "state", "tries", "took", "why"), *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for path, state, tries, took, why in cells:
        line = f"{path:<{widths[0]}}  {state:<{widths[1]}}  {tries:>{widths[2]}}  {took:>{widths[3]}}  {why}"
        yield line.rstrip() if len(line) <= _COLUMNS else f"{line[: _COLUMNS - 1]}…"
    if len(stored.graph) > _STEPS:
        yield f"… and {len(stored.graph) - _STEPS} more; all of them: --json"


def _row(stored: StoredRun, index: int, now: float) -> tuple[str, str, str, str, str]:
    step = stored.view.step(index)
    path = stored.graph.path(index)
    shown = path if len(path) <= _PATH else f"…{path[1 - _PATH :]}"
    tries = str(len(step.attempts)) if step.attempts else ""
    return shown, step.state, tries, length(_seconds(step, now)), shortened(_why(step), _COLUMNS)


def _seconds(step: StepView, now: float) -> float | None:
    if step.started_at is None or step.is_reused:
        return None
    return (now if step.ended_at is None else step.ended_at) - step.started_at


def _why(step: StepView) -> str:
    if step.is_reused:
        return "taken over from the run it was forked from"
    if step.failure is not None:
        return describe(step.failure) + ("; its default is used" if step.is_defaulted else "")
    if step.state == "waiting" and step.wait is not None:
        return f"waits: {step.wait.text}" if step.wait.text else f"waits: {step.wait.kind}"
    if step.answer is not None:
        by = f" by {step.answer.by}" if step.answer.by else ""
        return f"{step.answer.verdict}{by}{f': {step.answer.note}' if step.answer.note else ''}"
    return step.reason


def _value_lines(value: object) -> Iterator[str]:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    lines = text.splitlines() or [""]
    for line in lines[:_VALUE_LINES]:
        yield line if len(line) <= _COLUMNS - 2 else f"{line[: _COLUMNS - 3]}…"
    if len(lines) > _VALUE_LINES:
        yield f"… {len(lines) - _VALUE_LINES} more lines; all of them: --json"


def _step_lines(stored: StoredRun, index: int) -> Iterator[str]:
    graph, step = stored.graph, stored.view.step(index)
    why = _why(step)
    yield f"{graph.path(index)}  {step.state}"
    if why:
        yield f"  {why}"
    yield f"of {stored.row.workflow}, run {stored.row.run_id}"
    yield ""
    yield "what happened"
    story = story_lines(stored.facts, index)
    yield from (f"  {line.strip()}" for line in story or ("nothing yet",))
    yield ""
    yield "inputs"
    yield from _input_lines(stored, index)
    known, value = _if_there(lambda: stored.result_of(index))
    if known and step.state == "succeeded":
        yield ""
        yield "value"
        yield from _value_lines(value)


def _input_lines(stored: StoredRun, index: int) -> Iterator[str]:
    known, given = _if_there(lambda: (stored.args_of(index), stored.kwargs_of(index)))
    if not known or not isinstance(given, tuple):
        yield "  not there yet"
        return
    args, kwargs = given
    if not args and not kwargs:
        yield "  none"
    for place, value in enumerate(args, 1):
        yield _entry(f"{place}:", value)
    for name, value in kwargs.items():
        yield _entry(f"{name} =", value)


def _if_there(read: Callable[[], object]) -> tuple[bool, object]:
    """Whether a value is there, and the value."""
    try:
        return True, read()
    except LookupError:
        return False, None


# -------------------------------------------------------------------- data


def _as_data(stored: StoredRun, asked: list[Question], now: float) -> dict[str, object]:
    return {
        **row_as_data(stored.row._replace(done=stored.done), now),
        "inputs": stored.inputs(),
        "steps": [_summary(stored, index) for index in stored.order],
        "waits": [question_as_data(each) for each in asked],
        "value": stored.value(),
    }


def _summary(stored: StoredRun, index: int) -> dict[str, object]:
    step = stored.view.step(index)
    return {
        "path": stored.graph.path(index),
        "state": step.state,
        "attempts": len(step.attempts),
        "started_at": step.started_at,
        "ended_at": step.ended_at,
        "is_defaulted": step.is_defaulted,
        "is_reused": step.is_reused,
        "why": _why(step),
    }


def _step_as_data(stored: StoredRun, index: int) -> dict[str, object]:
    has_inputs, given = _if_there(lambda: {"args": stored.args_of(index), "kwargs": stored.kwargs_of(index)})
    has_value, value = _if_there(lambda: stored.result_of(index))
    return {
        "run_id": stored.row.run_id,
        **_summary(stored, index),
        "story": list(story_lines(stored.facts, index)),
        "inputs": given if has_inputs else None,
        "has_value": has_value,
        "value": value,
    }
