"""An events file read back: the graph, the facts and the one view of them.

What only the scheduler needs stands in no event. An attempt's failure, which does, is read from the event that
followed from it; the rest is not missed by anything that looks at finished runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from stretto.core.graph import Graph, GroupSpec, Role, StepSpec, Where
from stretto.core.graph.fragment import NO_SCOPE
from stretto.core.journal import facts as kinds
from stretto.core.journal.events import VERSION
from stretto.core.journal.facts import Created, Fact, RunOptions
from stretto.core.journal.view import RunView
from stretto.core.policy import Cause, Failure, OnFailure, Retry
from stretto.errors import InputError, NotFoundError
from stretto.service.records import FORMAT, record_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["LATEST", "Line", "Recorded", "find_record", "head_of", "read_record"]

LATEST: Final = "latest"
_SHOWN: Final = 10
Line = dict[str, object]


@dataclass(slots=True)
class Recorded:
    """A run as its events file tells it, or as a store does: then `path` is the store's URL, and `standing` says in
    words how a run stands that is not over. `is_cut` says that the last line was not written to its end."""

    path: Path | str
    run_id: str
    head: Mapping[str, object]
    created: Created
    facts: list[Fact]
    is_cut: bool = False
    usage: list[Line] = field(default_factory=list)
    """What each call to a model reported."""
    standing: str = ""

    @property
    def graph(self) -> Graph:
        """The steps, with all that had grown."""
        return self.created.graph

    @property
    def limits(self) -> dict[str, int]:
        """The engine's named limits."""
        return cast("dict[str, int]", self.head.get("limits") or {})

    def view(self) -> RunView:
        """The facts read as states, attempts and instants."""
        view = RunView(self.created.graph)
        view.apply(self.facts)
        return view


# -------------------------------------------------------------------- which file


def find_record(name: str | None, state: Path | None = None) -> Path:
    """The events file that `name` means: a path, the beginning of a run's id, or the latest run.

    Raises `NotFoundError` naming the newest there are, `InputError` for a beginning that several ids share.
    """
    if name is not None and (name.endswith(".ndjson") or "/" in name):
        if not Path(name).is_file():
            raise NotFoundError("events file", name)
        return Path(name)
    files = record_files(state)
    if name in (None, LATEST):
        if not files:
            raise NotFoundError(
                "run", LATEST, mend="None is recorded here; `stretto run TARGET` records one."
            )
        return max(files, key=_began)
    found = [path for path in files if path.stem.startswith(str(name))]
    if not found:
        raise NotFoundError("run", str(name), [path.stem for path in files[:_SHOWN]], mend=_mend(files))
    exact = [path for path in found if path.stem == name]
    if len(found) > 1 and not exact:
        ids = ", ".join(sorted(path.stem for path in found[:_SHOWN]))
        raise InputError(
            f"{name!r} begins the ids of {len(found)} runs: {ids}. Give more of the one you mean."
        )
    return (exact or found)[0]


def _mend(files: list[Path]) -> str:
    if not files:
        return "None is recorded here; `stretto run TARGET` records one."
    more = f" These are the newest {_SHOWN} of {len(files)}." if len(files) > _SHOWN else ""
    return f"For a step of the latest run: stretto explain {LATEST} STEP.{more}"


def _began(path: Path) -> float:
    head = head_of(path)
    return float(cast("float", head["ts"])) if head is not None else 0.0


def head_of(path: Path) -> Line | None:
    """The first line of an events file; None where it is not one."""
    try:
        with path.open(encoding="utf-8") as file:
            head = json.loads(file.readline())
    except (OSError, ValueError):
        return None
    is_head = (
        isinstance(head, dict) and head.get("type") == "record" and isinstance(head.get("ts"), (int, float))
    )
    return head if is_head else None


# -------------------------------------------------------------------- reading


def read_record(path: Path) -> Recorded:
    """Read an events file, also of a run that was killed. Raises `InputError` for what is not one, or was
    written by a newer Stretto.
    """
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")  # a cut may go through a character
    except OSError as trouble:
        raise InputError(f"{path} cannot be read: {trouble}. Name a file that `stretto run` left.") from None
    lines, is_cut = _lines(path, text)
    head = _head(path, lines)
    reader = _Reader()
    try:
        for line in lines[1:]:
            reader.take(line)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as wrong:
        raise InputError(
            f"{path}: an event cannot be understood ({type(wrong).__name__}: {wrong}). Was the file changed?"
        ) from None
    if reader.created is None:
        raise InputError(f"{path}: the run ended before it began; there is nothing to explain.")
    data = cast("Line", head["data"])
    return Recorded(path, str(head["run"]), data, reader.created, reader.facts, is_cut, reader.usage)


def _lines(path: Path, text: str) -> tuple[list[Line], bool]:
    """All whole lines, and whether the last one was cut."""
    found: list[Line] = []
    *whole, rest = text.split("\n")
    for number, row in enumerate([*whole, rest] if rest else whole, 1):
        line = _event_in(row)
        if line is None:
            if number > len(whole):
                return found, True
            raise InputError(
                f"{path}:{number}: that is no event. Name a file that `stretto run` left."
            ) from None
        found.append(line)
    return found, False


def _event_in(row: str) -> Line | None:
    try:
        line = json.loads(row)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def _head(path: Path, lines: list[Line]) -> Line:
    head = lines[0] if lines else {}
    data = head.get("data")
    if head.get("type") != "record" or not isinstance(data, dict):
        raise InputError(
            f"{path}: it has no graph to explain. The stream of --json does not; the files that `stretto run` "
            "leaves in .stretto/runs/ do."
        )
    format_, version = data.get("format"), head.get("v")
    if not (isinstance(format_, int) and isinstance(version, int)):
        raise InputError(f"{path}: its first line names no format. Was the file changed?")
    if format_ > FORMAT or version > VERSION:
        raise InputError(
            f"{path}: it was written by a newer Stretto (format {format_}, events {version}; this one reads "
            f"{FORMAT} and {VERSION}). Update Stretto."
        )
    return head


class _Reader:
    """Turns events into facts, one after the other."""

    def __init__(self) -> None:
        self.created: Created | None = None
        self.facts: list[Fact] = []
        self.usage: list[Line] = []
        self._graph = Graph()
        self._begun: set[tuple[int, int]] = set()

    def take(self, line: Line) -> None:
        kind, data = str(line["type"]), cast("Line", line["data"])
        if kind == "run.created":
            self._create(line, data)
        elif kind == "usage":
            self.usage.append(data)
        elif kind in _RUN or kind in _STEP:
            self._append(kind, line, data)

    def _create(self, line: Line, data: Line) -> None:
        _add(self._graph, data)
        estimates = cast("dict[str, float]", data["estimates"])
        options = _options(cast("Line", data["options"]))
        self.created = Created(str(data["workflow"]), self._graph, options, estimates, {})
        self.facts.append((kinds.RUN_CREATED, kinds.RUN, 0, _at(line), self.created))

    def _append(self, kind: str, line: Line, data: Line) -> None:
        if kind in _RUN:
            self.facts.append((_RUN[kind], kinds.RUN, 0, _at(line), _verdict(kind, data)))
            return
        index = self._graph.index_of(str(line["step"]))
        if index is None:
            raise ValueError(f"step {line['step']!r} is not in the graph")
        attempt = cast("int", line["attempt"] or 0)
        self.facts.extend(self._of_step(kind, index, attempt, _at(line), data))
        if kind == "graph.grown":
            _add(self._graph, data)
            self._graph.children.setdefault(index, [])

    def _of_step(self, kind: str, index: int, attempt: int, at: float, data: Line) -> Iterator[Fact]:
        if kind == "step.started":
            self._begun.add((index, attempt))
        elif kind == "step.retrying":
            failure = _failure(data)
            yield _ended(index, attempt, at, failure)
            yield (kinds.STEP_RETRYING, index, attempt, at, (cast("float", data["until"]), failure))
            return
        elif kind in ("step.failed", "step.skipped"):
            failure = _failure(data)
            if (index, attempt) in self._begun:
                yield _ended(index, attempt, at, failure)
            yield (_STEP[kind], index, attempt, at, failure)
            return
        elif kind == "step.succeeded" and "value" not in data:
            yield (kinds.STEP_COMPLETED, index, attempt, at, data.get("reason"))
            return
        yield (_STEP[kind], index, attempt, at, data.get("reason") if kind == "step.cancelled" else None)


_RUN: Final = {
    "run.started": kinds.RUN_STARTED,
    "run.succeeded": kinds.RUN_SUCCEEDED,
    "run.partial": kinds.RUN_PARTIAL,
    "run.failed": kinds.RUN_FAILED,
    "run.cancelled": kinds.RUN_CANCELLED,
}
_STEP: Final = {
    "graph.grown": kinds.ATTEMPT_GREW,
    "step.ready": kinds.STEP_READY,
    "step.started": kinds.STEP_STARTED,
    "step.retrying": kinds.STEP_RETRYING,
    "step.succeeded": kinds.ATTEMPT_SUCCEEDED,
    "step.failed": kinds.STEP_FAILED,
    "step.defaulted": kinds.STEP_DEFAULTED,
    "step.skipped": kinds.STEP_SKIPPED,
    "step.cancelled": kinds.STEP_CANCELLED,
}


def _at(line: Line) -> float:
    return float(cast("float", line["ts"]))


def _verdict(kind: str, data: Line) -> object:
    if kind == "run.failed":
        return Cause(str(data["cause"]))
    return data.get("reason")


def _ended(index: int, attempt: int, at: float, failure: Failure) -> Fact:
    if failure.cause is Cause.TIMED_OUT:
        return (kinds.ATTEMPT_TIMED_OUT, index, attempt, at, failure)
    return (kinds.ATTEMPT_FAILED, index, attempt, at, (failure, 0.0))


def _failure(data: Line) -> Failure:
    cause, kind = Cause(str(data["cause"])), str(data["error"])
    return Failure(cause, str(data["message"]), () if kind == cause else (kind,))


# -------------------------------------------------------------------- the graph


def _options(data: Line) -> RunOptions:
    return RunOptions(
        on_failure=OnFailure(str(data["on_failure"])),
        within=cast("float | None", data["within"]),
        permits=cast("int", data["permits"]),
        is_sequential=bool(data["is_sequential"]),
        grace=cast("float", data["grace"]),
    )


def _add(graph: Graph, data: Line) -> None:
    """Add the steps and groups of an event."""
    for said in cast("list[Line]", data["graph"]):
        scope, deps = cast("int | None", said["scope"]), tuple(cast("list[int]", said["deps"]))
        _check(graph, [*deps, *([] if scope is None else [scope])])
        name = cast("str | int", said["name"])
        index = graph.add(_spec(said), name, (), None, deps, NO_SCOPE if scope is None else scope)
        if scope is not None:
            cast("list[int]", graph.children.setdefault(scope, [])).append(index)
    for said in cast("list[Line]", data["groups"]):
        _add_group(graph, said)


def _check(graph: Graph, indices: list[int]) -> None:
    for index in indices:
        if not 0 <= index < len(graph):
            raise IndexError(f"step number {index} is named before there is one")


def _add_group(graph: Graph, said: Line) -> None:
    members = cast("list[int]", said["members"])
    _check(graph, [*members, cast("int", said["gate"])])
    graph.group_of.update(dict.fromkeys(members, len(graph.groups)))
    within, least = cast("float | None", said["within"]), cast("int | None", said["min_success"])
    graph.groups.append(GroupSpec(str(said["name"]), within, least, cast("int", said["gate"]), members))


def _spec(said: Line) -> StepSpec:
    return StepSpec(
        id=str(said["id"]),
        role=Role[str(said["role"]).upper()],
        where=Where[str(said["where"]).upper()],
        timeout=cast("float | None", said["timeout"]),
        within=cast("float | None", said["within"]),
        retry=Retry(attempts=cast("int", said["attempts"])),
        optional=bool(said["optional"]),
        limits=tuple(cast("list[str]", said["limits"])),
    )
