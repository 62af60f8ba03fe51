"""The events file that each ``stretto run`` leaves: ``.stretto/runs/<run id>.ndjson``.

The lines are those of ``--json`` with these additions, so that a reader needs nothing but the file:

| line | what it has more |
|---|---|
| record | the first line: the file's format, the workflow, the engine's limits, the model that was chosen |
| run.created | `options`, `graph` and `groups` |
| graph.grown | `graph` and `groups`: what was added |

An entry of `graph` is a step; its place in all entries of the file, from 0, is what `deps`, `scope`, `gate`
and `members` mean. A value of more than `LARGEST_VALUE` characters is replaced by its size. Streamed output
(`step.output`) is left out. Each decision's lines are written and flushed together: whoever kills the run
leaves a readable file, of which at most the last line is cut. The newest `KEPT` files are kept.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

from stretto.core.graph.fragment import NO_SCOPE
from stretto.core.journal import facts as kinds
from stretto.core.journal.events import VERSION, Event, event_of
from stretto.core.journal.facts import Created
from stretto.observe.ndjson import embedded
from stretto.service.state import made_folder, state_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from stretto.core.graph import Graph, GroupSpec
    from stretto.core.journal.facts import Fact, RunOptions
    from stretto.ports import RunInfo, Telemetry

__all__ = ["FORMAT", "KEPT", "LARGEST_VALUE", "RUNS", "Head", "RunRecord", "record_files"]

FORMAT: Final = 1
"""Of the file; goes up when an older reader would misread it."""
KEPT: Final = 100
LARGEST_VALUE: Final = 16_384
RUNS: Final = "runs"
_SUFFIX: Final = ".ndjson"


class Head(NamedTuple):
    """What the first line says besides the workflow's name. `model` holds the settings' provider and model,
    never a key.
    """

    limits: Mapping[str, int]
    model: Mapping[str, object]


class RunRecord:
    """An observer of one run that writes its events file, or goes on with it where another process has begun it.
    `close` it when the run is over.

    Recording never fails a run: whatever keeps the file from being written is told once, by `warn`.
    """

    def __init__(self, head: Head, warn: Callable[[str], None], state: Path | None = None) -> None:
        self._head = head
        self._warn = warn
        self._state = state
        self._file: TextIO | None = None
        self._has_failed = False
        self._lock = Lock()
        self._seq = 0
        self._steps = 0
        self._groups = 0
        self._last = -1
        self.path: Path | None = None
        """Where it is written; None before the run has begun, and where it could not be opened."""

    def on_facts(self, run: RunInfo, facts: list[Fact]) -> None:
        """Write the events behind these facts."""
        if self.path is None and not self._has_failed:
            self._open(run)
        first, self._seq = self._seq, self._seq + len(facts)
        if self._file is not None:
            self._write("".join(self._lines(run, facts, first)))

    def on_telemetry(self, run: RunInfo, record: Telemetry) -> None:
        """Write what a step said, but for its streamed output."""
        if self._file is None or record.type == "step.output":
            return
        data = _small(record.data)
        event = Event(VERSION, -1, record.at, run.run_id, record.step, record.attempt, record.type, data)
        self._write(_line({**event._asdict(), "seq": None}))

    def close(self) -> None:
        """The run is over, or nobody records it any more."""
        with self._lock:
            file, self._file = self._file, None
        if file is not None:
            self._careful(file.close)

    # ---------------------------------------------------------------- lines

    def _lines(self, run: RunInfo, facts: list[Fact], first: int) -> Iterator[str]:
        for seq, fact in enumerate(facts, first):
            event = event_of(fact, seq, run.run_id, run.graph)
            if event is None:
                continue
            more = self._more(run.graph, fact)  # it counts what the file has, written by whomever
            if seq > self._last:
                yield _line({**event._asdict(), "data": {**_small(event.data), **more}})

    def _more(self, graph: Graph, fact: Fact) -> dict[str, object]:
        """What a reader needs to build the graph, each step once."""
        data = fact[4]
        if isinstance(data, Created):
            known = {"estimates": dict(data.estimates), "options": _options(data.options)}
            return {**known, **self._added(graph)}
        return self._added(graph) if fact[0] == kinds.ATTEMPT_GREW else {}

    def _added(self, graph: Graph) -> dict[str, object]:
        first, self._steps = self._steps, len(graph)
        known, self._groups = self._groups, len(graph.groups)
        return {
            "graph": [_step(graph, index) for index in range(first, len(graph))],
            "groups": [_group(group) for group in graph.groups[known:]],
        }

    # ---------------------------------------------------------------- the file

    def _open(self, run: RunInfo) -> None:
        self._careful(lambda: self._begin(run))
        if self.path is not None:
            self._careful(lambda: _forget_old(self.path))

    def _begin(self, run: RunInfo) -> None:
        folder = made_folder(RUNS, self._state)
        path = folder / f"{run.run_id}{_SUFFIX}"
        if path.exists():
            self._last = _mended(path)
            self._file = path.open("a", encoding="utf-8", errors="backslashreplace", newline="\n")
            self.path = path
            return
        self._file = path.open("x", encoding="utf-8", errors="backslashreplace", newline="\n")
        self.path = path
        os.chmod(path, 0o600)  # noqa: PTH101  # values of runs are their owner's
        data = {"format": FORMAT, "workflow": run.workflow, **self._head._asdict()}
        head = Event(VERSION, -1, time.time(), run.run_id, None, None, "record", data)
        self._write(_line({**head._asdict(), "seq": None}))

    def _write(self, text: str) -> None:
        with self._lock:
            if self._file is not None and text:
                self._careful(lambda: self._flushed(text))

    def _flushed(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text)
            self._file.flush()

    def _careful(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as trouble:
            if not self._has_failed:
                self._warn(f"warning: the run is not recorded: {trouble}; `stretto explain` will not know it")
            self._has_failed = True
            file, self._file = self._file, None
            if file is not None:
                with suppress(OSError):  # what waits in its buffer cannot be written either
                    file.close()


def record_files(state: Path | None = None) -> list[Path]:
    """The events files there are, the last written first."""
    folder = (state_folder() if state is None else state) / RUNS
    found: list[tuple[int, Path]] = []
    for path in folder.glob(f"*{_SUFFIX}"):
        with suppress(OSError):  # another run has just forgotten it
            found.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(found, reverse=True)]


def _mended(path: Path) -> int:
    """The number of the last event in a file that is gone on with, -1 without one; a cut line is taken off it."""
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        os.truncate(path, len(whole))
    for line in reversed(whole.splitlines()):
        with suppress(ValueError, AttributeError):  # not a line of ours
            number = json.loads(line).get("seq")
            if number is not None:
                return int(number)
    return -1


def _forget_old(newest: Path | None) -> None:
    if newest is not None:
        for path in record_files(newest.parent.parent)[KEPT:]:
            path.unlink(missing_ok=True)


# -------------------------------------------------------------------- what a line holds


def _line(event: Mapping[str, object]) -> str:
    return json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"


def _small(data: Mapping[str, object]) -> dict[str, object]:
    """Each value as JSON to be embedded, or its size."""
    return {key: _embedded(value) for key, value in data.items()}


def _embedded(value: object) -> object:
    shown = embedded(value)
    size = len(json.dumps(shown, ensure_ascii=False)) if isinstance(shown, (str, list, dict)) else 0
    return shown if size <= LARGEST_VALUE else {"omitted": f"{size} characters of JSON"}


def _options(options: RunOptions) -> dict[str, object]:
    return {**options._asdict(), "on_failure": str(options.on_failure)}


def _step(graph: Graph, index: int) -> dict[str, object]:
    spec = graph.specs[index]
    return {
        "path": graph.path(index),
        "id": spec.id,
        "name": graph.names[index],
        "scope": graph.scopes[index] if graph.scopes[index] != NO_SCOPE else None,
        "role": spec.role.name.lower(),
        "where": spec.where.name.lower(),
        "deps": list(graph.deps[index]),
        "optional": spec.optional,
        "limits": list(spec.limits),
        "attempts": spec.retry.attempts,
        "timeout": spec.timeout,
        "within": spec.within,
    }


def _group(group: GroupSpec) -> dict[str, object]:
    return {
        "name": group.name,
        "within": group.within,
        "min_success": group.min_success,
        "gate": group.gate,
        "members": list(group.members),
    }
