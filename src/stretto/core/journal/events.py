"""Typed events, built from facts when somebody reads them: the same in the journal, on the wire and on the
screen.

| type | fires when |
|---|---|
| run.created | the graph, the inputs and the estimates of a run are fixed |
| run.started | the run begins to start steps |
| run.succeeded | every step has settled and nothing was lost |
| run.partial | every step has settled, but optional work was lost; its defaults were handed on |
| run.failed | required work was lost (`cause`: error or timed_out); what ran has ended |
| run.cancelled | the run was asked to end, and what ran has ended |
| graph.grown | an attempt or a map added steps under its anchor |
| step.ready | all inputs are there, but no permit is |
| step.started | an attempt was issued |
| step.retrying | an attempt failed; another follows at `until` |
| step.succeeded | the step has its value |
| step.failed | the step has finally failed |
| step.defaulted | an optional step was lost; consumers get `value` instead |
| step.skipped | the step will never start: something it needs was lost |
| step.cancelled | the run ended before the step did |
| step.progress, step.output, log, usage | telemetry: a step said something; never replayed |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Created, Fact
from stretto.core.policy import Failure

if TYPE_CHECKING:
    from stretto.core.graph import Graph

__all__ = ["VERSION", "Event", "event_of"]

VERSION: Final = 1


class Event(NamedTuple):
    """The envelope. `seq` is the fact's place in the journal, `ts` seconds since the epoch."""

    v: int
    seq: int
    ts: float
    run: str
    step: str | None
    attempt: int | None
    type: str
    data: dict[str, object]


_TYPES: Final = {
    kinds.RUN_CREATED: "run.created",
    kinds.RUN_STARTED: "run.started",
    kinds.RUN_SUCCEEDED: "run.succeeded",
    kinds.RUN_PARTIAL: "run.partial",
    kinds.RUN_FAILED: "run.failed",
    kinds.RUN_CANCELLED: "run.cancelled",
    kinds.ATTEMPT_GREW: "graph.grown",
    kinds.STEP_READY: "step.ready",
    kinds.STEP_STARTED: "step.started",
    kinds.STEP_RETRYING: "step.retrying",
    kinds.ATTEMPT_SUCCEEDED: "step.succeeded",
    kinds.STEP_COMPLETED: "step.succeeded",
    kinds.STEP_FAILED: "step.failed",
    kinds.STEP_DEFAULTED: "step.defaulted",
    kinds.STEP_SKIPPED: "step.skipped",
    kinds.STEP_CANCELLED: "step.cancelled",
}


def event_of(fact: Fact, seq: int, run_id: str, graph: Graph) -> Event | None:
    """The public event behind a fact; None for those that only the scheduler needs."""
    kind, index, attempt, at, data = fact
    name = _TYPES.get(kind)
    if name is None:
        return None
    step = None if index == kinds.RUN else graph.path(index)
    return Event(VERSION, seq, at, run_id, step, attempt or None, name, _data(kind, index, data, graph))


def _data(kind: int, index: int, data: object, graph: Graph) -> dict[str, object]:
    if isinstance(data, Created):
        return {"workflow": data.workflow, "inputs": data.inputs, "estimates": data.estimates}
    if kind in (kinds.ATTEMPT_SUCCEEDED, kinds.STEP_DEFAULTED):
        return {"value": data}
    if kind == kinds.STEP_RETRYING and isinstance(data, tuple):
        return {"until": data[0], **_failure(data[1])}
    if kind == kinds.ATTEMPT_GREW:
        return {"steps": [graph.path(child) for child in graph.children.get(index, ())]}
    if isinstance(data, Failure):
        return _failure(data)
    if kind == kinds.RUN_FAILED:
        return {"cause": str(data)}
    return {} if data is None else {"reason": str(data)}


def _failure(failure: Failure) -> dict[str, object]:
    return {"cause": str(failure.cause), "error": failure.kind, "message": failure.message}
