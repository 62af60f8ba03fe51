"""What is said about a run that has ended: the summary, the value, the errors, and one line of JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from stretto.core.journal.view import RunStatus
from stretto.core.policy import Cause
from stretto.core.values import class_name
from stretto.core.values.encoding import dump
from stretto.core.values.secret import HIDDEN, mask
from stretto.errors import InputError, ValueEncodingError
from stretto.observe.summary import Spending, Summary, summary_lines
from stretto.service.cli.exits import exit_of_result
from stretto.service.cli.words import say, say_lines, warn
from stretto.service.questions import plain_of

if TYPE_CHECKING:
    from pathlib import Path

    from stretto.api.result import RunResult
    from stretto.service.cli.words import Words

__all__ = [
    "as_data",
    "check_writable",
    "has_value",
    "say_errors",
    "say_summary",
    "say_value",
    "say_whole",
    "write_value",
]

_SHOWN_LINES = 20
_SHOWN_COLUMNS = 80
_SHOWN_NAMES = 12


def has_value(result: RunResult[object]) -> bool:
    """Whether the run brought its value."""
    return result.status in (RunStatus.SUCCEEDED, RunStatus.PARTIAL)


def say_summary(result: RunResult[object], one_by_one: float | None = None) -> None:
    """The summary; `one_by_one` is the measured length of the same work one by one, in seconds."""
    usage = result.usage
    summary = Summary(
        status=str(result.status),
        timing=result.timing,
        has_value=has_value(result),
        spending=Spending(usage.calls, usage.input_tokens, usage.output_tokens, usage.cost),
        one_by_one=one_by_one,
        lost=result.warnings[: len(result.lost)],
        ignored=result.warnings[len(result.lost) :],
    )
    say_lines(["", *summary_lines(summary)])


def say_errors(result: RunResult[object], words: Words) -> None:
    """Why there is no value, what had finished, and the command to go on; nothing for a run with a value."""
    if has_value(result):
        return
    done = [path for path, step in result.steps.items() if step.state == "succeeded"]
    if result.status is RunStatus.CANCELLED:
        warn(f"error: the run was cancelled: {_reason(result)}")
    elif result.cause is Cause.TIMED_OUT:
        cut = [path for path, step in result.steps.items() if step.state == "cancelled"]
        warn(f"error: the run passed its deadline; cut: {_listed(cut)}")
    for failure in result.failures:
        if words.is_verbose:
            sys.stderr.write(failure.failure.traceback)
        warn(f"error: {failure}")
    warn(f"  {len(done)} of {len(result.steps)} steps had finished{': ' if done else ''}{_listed(done)}")
    if result.failures and not words.is_verbose:
        warn(f"  With tracebacks: {words.again('-v')}")


def _listed(paths: list[str]) -> str:
    return ", ".join(paths[:_SHOWN_NAMES]) + (" …" if len(paths) > _SHOWN_NAMES else "")


def _reason(result: RunResult[object]) -> str:
    reasons = [event.data.get("reason") for event in result.events() if event.type == "run.cancelled"]
    return str(reasons[-1]) if reasons else "nobody said why"


# -------------------------------------------------------------------- the value


def say_value(value: object) -> None:
    """The value in at most 20 lines of 80 columns."""
    if value is None:
        return
    lines = _for_people(value).splitlines()
    shown = [
        line if len(line) <= _SHOWN_COLUMNS else f"{line[: _SHOWN_COLUMNS - 1]}…"
        for line in lines[:_SHOWN_LINES]
    ]
    say_lines(["", "value", *shown])
    if shown != lines:
        say("… shortened; -o FILE writes all of it")


def say_whole(value: object) -> None:
    """The value as it was to be written: a run's result is not lost because its file could not be."""
    say_lines(["", "value", _text(value)])


def check_writable(path: Path) -> None:
    """Raises `InputError` before a run whose value could not be written after it."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        what = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise InputError(f"-o {path}: {what}. Name a file in a folder that exists.")


def write_value(value: object, path: Path) -> None:
    """A text as it is, anything else as JSON. Raises `InputError` when the file cannot be written."""
    text = _text(value)
    try:
        whole = text if text.endswith("\n") else text + "\n"
        path.write_text(whole, encoding="utf-8", errors="backslashreplace")
    except OSError as trouble:
        raise InputError(f"-o {path}: the value cannot be written: {trouble}. Name another file.") from None


def _for_people(value: object) -> str:
    """What the value's class says of it, where its author wrote such a thing; else its data."""
    owner = next(each for each in type(value).__mro__ if "__str__" in vars(each))
    room = owner.__module__.partition(".")[0]
    is_plain = room in (*sys.stdlib_module_names, "pydantic") or _is_secretive(value)
    return _text(value) if is_plain else mask(str(value))


def _text(value: object) -> str:
    if isinstance(value, str):
        return mask(value)
    if _is_secretive(value):
        return json.dumps(plain_of(json.loads(dump(value, class_name))), indent=2, ensure_ascii=False)
    from pydantic_core import to_jsonable_python

    plain = to_jsonable_python(value, inf_nan_mode="strings", fallback=repr)
    return mask(json.dumps(plain, indent=2, ensure_ascii=False))


def _is_secretive(value: object) -> bool:
    """Whether a part of the value must not be shown."""
    try:
        return HIDDEN in dump(value, class_name)
    except ValueEncodingError:
        return False


def as_data(result: RunResult[object]) -> dict[str, object]:
    """The `result` line's data. Lengths are seconds; the value is null where there is none."""
    timing = asdict(result.timing)
    return {
        "workflow": result.workflow,
        "status": str(result.status),
        "exit": int(exit_of_result(result)),
        "value": result.value if has_value(result) else None,
        "timing": {**timing, "critical_path": list(timing["critical_path"])},
        "failures": [str(failure) for failure in result.failures],
        "warnings": list(result.warnings),
        "usage": asdict(result.usage),
    }
