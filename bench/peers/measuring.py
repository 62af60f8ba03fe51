"""Measuring all systems on all loads: a process a system, in turns, every value checked."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING, Protocol

from bench.pairs import WrongValueError
from bench.peers.loads import CROWD, MAKESPAN, OVERHEAD, SIZES
from bench.peers.quiet import NetworkUsedError
from bench.peers.systems import CONTROL, IN_MEMORY, CannotError, installed
from bench.peers.table import Cannot, PeersTable, Result, table_of
from bench.table import Sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.peers.loads import Load
    from bench.peers.systems import Entry, League

__all__ = ["REPEATS", "Turns", "Worker", "measure_all", "measure_load"]

REPEATS = {OVERHEAD: 9, MAKESPAN: 9, CROWD: 3}


class Turns(Protocol):
    """What runs a load once, by its number, and tells its seconds (and, of a crowd, those of one alone).

    Raises CannotError, WrongValueError and NetworkUsedError.
    """

    def turn(self, index: int) -> Mapping[str, float]:
        """One turn."""


class Worker:
    """A system in a process of its own (see `bench.peers.worker`); a context manager that ends it."""

    def __init__(self, entry: Entry, size: str) -> None:
        command = [sys.executable, "-m", "bench.peers.worker", entry.place, size]
        self._name = entry.name
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Nothing more is asked, so it ends; one that does not is killed. Raises RuntimeError when it ends badly."""
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        else:
            if self._process.returncode and kind is None:
                raise self._ended()

    def turn(self, index: int) -> Mapping[str, float]:
        """One turn of a load. Raises RuntimeError when the process has ended."""
        asked, answers = self._process.stdin, self._process.stdout
        if asked is None or answers is None:
            raise TypeError("the worker was started without its pipes")
        try:
            print(index, file=asked, flush=True)
            line = answers.readline()
        except BrokenPipeError as error:
            raise self._ended() from error
        if not line:
            raise self._ended()
        return _figures(json.loads(line))

    def _ended(self) -> RuntimeError:
        return RuntimeError(f"the process that measures {self._name} has failed; what it said is above")


def _figures(found: Mapping[str, str | float]) -> dict[str, float]:
    """A worker's answer; raises what it could not do."""
    for key, error in (("cannot", CannotError), ("wrong", WrongValueError), ("network", NetworkUsedError)):
        if key in found:
            raise error(found[key])
    return {key: float(value) for key, value in found.items()}


def measure_all(
    size: str = "full", repeats: Mapping[str, int] = REPEATS, league: League = IN_MEMORY
) -> PeersTable:
    """The table of all loads of a size (see `SIZES`); a peer that is not installed is left out by name.

    Raises WrongValueError and NetworkUsedError.
    """
    peers, versions, missing = installed(league.peers)
    entries = [CONTROL, league.ours, *peers]
    results = []
    with ExitStack() as stack:
        workers = {entry.name: stack.enter_context(Worker(entry, size)) for entry in entries}
        for index, load in enumerate(SIZES[size]()):
            print(f"peers: {load.name}", file=sys.stderr, flush=True)
            results.append(measure_load(load, index, workers, repeats[load.kind]))
    return table_of(results, [entry.name for entry in entries], _notes(league, entries, versions, missing))


def _notes(
    league: League, entries: Sequence[Entry], versions: Mapping[str, str], missing: Sequence[str]
) -> list[str]:
    """What is in a figure, which versions, and who is missing."""
    told = [
        f"A process each, in turns, {league.kept}, no tracing service; every returned value was checked.",
        "In a figure: " + "; ".join(f"{entry.name}: {entry.included}" for entry in entries) + ".",
    ]
    if versions:
        told.append("Versions: " + ", ".join(f"{name} {number}" for name, number in versions.items()) + ".")
    return [
        *told,
        *(f"{name} is left out: not installed (`pip install 'stretto[bench]'`)." for name in missing),
    ]


def measure_load(load: Load, index: int, workers: Mapping[str, Turns], repeats: int) -> Result:
    """One load on all systems: a turn of each, again and again; the first, for imports and caches, does not count."""
    turns: dict[str, list[Mapping[str, float]]] = {name: [] for name in workers}
    refused: dict[str, Cannot] = {}
    built: dict[str, float] = {}
    for number in range(repeats + 1):
        for name in [name for name in workers if name not in refused]:
            try:
                found = workers[name].turn(index)
            except CannotError as error:
                refused[name] = Cannot(str(error))
                continue
            if number:
                turns[name].append(found)
            else:
                built[name] = found["built"]
    run = {name: of for name, of in turns.items() if name not in refused}
    figures = {name: Sample.of(_in_units(load, of, run[CONTROL.name])) for name, of in run.items()}
    seconds = {name: median(turn["seconds"] for turn in of) for name, of in run.items()}
    return Result(load.name, load.kind, {**figures, **refused}, seconds, built)


def _in_units(
    load: Load, turns: Sequence[Mapping[str, float]], control: Sequence[Mapping[str, float]]
) -> list[float]:
    """A load's seconds in the unit of its kind: µs a step, over the control's of the same turn, over one alone."""
    if load.kind == OVERHEAD:
        return [turn["seconds"] / load.steps * 1e6 for turn in turns]
    if load.kind == CROWD:
        return [turn["seconds"] / turn["alone"] for turn in turns]
    return [mine["seconds"] / other["seconds"] for mine, other in zip(turns, control, strict=True)]
