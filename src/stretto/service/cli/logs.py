"""``stretto logs``: what a run's steps said. It stands in no journal, but in the record that `stretto run` writes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final, cast

from stretto.errors import NotFoundError
from stretto.service.cli.exits import Exit
from stretto.service.cli.shown import looked_at
from stretto.service.cli.stored import run_in, settings_with
from stretto.service.cli.words import say, warn
from stretto.service.recorded import find_record
from stretto.service.records import record_files
from stretto.service.runs import read_run, step_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    from stretto.ports import Store

__all__ = ["say_logs"]

_SAYS: Final = ("log", "step.progress", "step.output")
_ENDS: Final = ("run.succeeded", "run.partial", "run.failed", "run.cancelled")
_LOOKS: Final = 0.2
"""Seconds between two looks at a file that is followed."""


def say_logs(run: str, step: str | None, store: str | None, *, follows: bool, is_json: bool) -> Exit:
    """Print them, oldest first; with `follows` until the run ends or is left.

    Raises NotFoundError for a run that neither the store nor a record knows, and for a step it does not have.
    """
    with looked_at(settings_with(store)) as opened:
        run_id, file = _found(opened, run, step)
        if file is None:
            warn(
                f"Nothing was recorded of run {run_id}: its record was forgotten, it ran with --no-record, or its "
                f"store is sealed. Its journal: stretto show {run_id}"
            )
            return Exit.OK
        told = 0
        for line in _lines(file, _Leaving(opened, run_id) if follows else None):
            if line.get("type") in _SAYS and step in (None, line.get("step")):
                told += 1
                say(json.dumps(line, ensure_ascii=False) if is_json else _words(line))
    if not told:
        warn(f"{step or 'No step'} of run {run_id} has {'not ' if step else ''}said anything.")
    return Exit.OK


def _found(store: Store | None, run: str, step: str | None) -> tuple[str, Path | None]:
    """The run's id and its record. A run in memory has left nothing but that."""
    try:
        found, row = run_in(store, run)
    except NotFoundError:
        try:
            file = find_record(run)
        except NotFoundError:
            file = None
        if file is None:
            raise
        return file.stem, file
    if step is not None:
        step_in(read_run(found, row).graph, step)
    return row.run_id, next((file for file in record_files() if file.stem == row.run_id), None)


class _Leaving:
    """Whether anybody is there who could add to a run's record."""

    def __init__(self, store: Store | None, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._looks = 0

    def has_left(self) -> bool:
        """True once nobody was there for two looks: what was written last has been read then."""
        is_left = self._store is None or self._store.run(self._run_id).owner is None
        self._looks = self._looks + 1 if is_left else 0
        return self._looks > 1


def _lines(file: Path, leaving: _Leaving | None) -> Iterator[dict[str, object]]:
    """The events of a record, those to come too while somebody is there to write them."""
    with file.open(encoding="utf-8") as stream:
        while True:
            for line in _whole_lines(stream):
                yield line
                if line.get("type") in _ENDS:
                    return
            if leaving is None or leaving.has_left():
                return
            time.sleep(_LOOKS)


def _whole_lines(stream: TextIO) -> Iterator[dict[str, object]]:
    """What has been written to its end; the rest is left for the next look."""
    while True:
        place = stream.tell()
        text = stream.readline()
        if not text.endswith("\n"):
            stream.seek(place)
            return
        try:
            line = json.loads(text)
        except ValueError:
            continue  # the record of a process that was killed may have a cut line in its midst
        if isinstance(line, dict):
            yield line


def _words(line: dict[str, object]) -> str:
    when = time.strftime("%H:%M:%S", time.localtime(float(cast("float", line["ts"]))))
    data = cast("dict[str, object]", line["data"])
    return f"{when}  {line['step']}  {_said(str(line['type']), data)}"


def _said(kind: str, data: dict[str, object]) -> str:
    if kind == "step.progress":
        done, total = data.get("done"), data.get("total")
        far = f"{done:g}" if isinstance(done, (int, float)) else str(done)
        of = f" of {total:g}" if isinstance(total, (int, float)) else ""
        note = f": {data['note']}" if data.get("note") else ""
        return far + of + note
    level = str(data.get("level", "info"))
    text = str(data.get("text", data.get("message", "")))
    return text if level == "info" else f"{level}: {text}"
