"""Typed events, built from facts when somebody reads them: the same in the journal, on the wire and on the
screen.

| type | fires when |
|---|---|
| run.created | the graph, the inputs and the estimates of a run are fixed |
| run.started | the run begins to start steps |
| run.succeeded | every step has settled and nothing was lost |
| run.partial | every step has settled, but optional work was lost; its defaults were handed on |
| run.failed | required work was lost (`cause`: error, timed_out or rejected); what ran has ended |
| run.cancelled | the run was asked to end, and what ran has ended |
| run.waiting | nothing runs, and only people or events can move the run |
| run.resumed | something moves again |
| graph.grown | an attempt or a map added steps under its anchor |
| step.ready | all inputs are there, but no permit is |
| step.started | an attempt was issued |
| step.retrying | an attempt failed; another follows at `until` |
| step.waiting | the step waits for an event, or sleeps, until `until` at the longest |
| step.lost | the process of an attempt died; by the step's rule another follows, or it fails |
| approval.requested | a person is asked: about a value, or (`kind` lost) what follows a lost attempt |
| approval.answered | the answer; the step has its value, unless it was rejected or is to run again |
| approval.expired | nobody answered in time; what was agreed for that has its place, else the step fails |
| step.succeeded | the step has its value; `reused`: from the run this one was forked from |
| step.failed | the step has finally failed |
| step.defaulted | an optional step was lost; consumers get `value` instead |
| step.skipped | the step will never start: something it needs was lost |
| step.cancelled | the run ended before the step did |
| step.progress, step.output, log, usage | telemetry: a step said something; never replayed |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Created, Fact, Verdict, Wait
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
    kinds.RUN_WAITING: "run.waiting",
    kinds.RUN_RESUMED: "run.resumed",
    kinds.WAIT_BEGAN: "step.waiting",
    kinds.ANSWERED: "approval.answered",
    kinds.WAIT_ENDED: "approval.expired",
    kinds.ATTEMPT_LOST: "step.lost",
    kinds.ATTEMPT_REUSED: "step.succeeded",
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
    name = _type(fact, graph)
    if name is None:
        return None
    step = None if index == kinds.RUN else graph.path(index)
    return Event(VERSION, seq, at, run_id, step, attempt or None, name, _data(kind, index, data, graph))


def _type(fact: Fact, graph: Graph) -> str | None:
    kind, index, _, _, data = fact
    if isinstance(data, Wait):
        return "approval.requested" if data.kind in ("approval", "lost") else "step.waiting"
    if kind in (kinds.ANSWERED, kinds.WAIT_ENDED) and _is_plain_wait(graph, index):
        # What an event brings is a result like any other; where it has not come, step.failed says so.
        return None if _is_no(data) else "step.succeeded"
    return _TYPES.get(kind)


def _is_no(data: object) -> bool:
    return isinstance(data, Failure) or (isinstance(data, Answer) and data.verdict == Verdict.REJECT)


def _is_plain_wait(graph: Graph, index: int) -> bool:
    """Whether a step waits for something else than a person's word."""
    rule = graph.specs[index].wait
    return rule is not None and rule.kind != "approval"


def _data(kind: int, index: int, data: object, graph: Graph) -> dict[str, object]:
    if isinstance(data, Created):
        return {"workflow": data.workflow, "inputs": data.inputs, "estimates": data.estimates}
    if kind in (kinds.ATTEMPT_SUCCEEDED, kinds.STEP_DEFAULTED):
        return {"value": data}
    if kind == kinds.ATTEMPT_REUSED:
        return {"value": data, "reused": True}
    if isinstance(data, Wait):
        return _asked(data)
    if isinstance(data, Answer):
        return _answered(data, is_plain=_is_plain_wait(graph, index))
    if kind == kinds.WAIT_ENDED and not isinstance(data, Failure):
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


def _asked(wait: Wait) -> dict[str, object]:
    if wait.kind == "sleep":
        return {"kind": wait.kind, "until": wait.until}
    return {
        "kind": wait.kind,
        "event" if wait.kind == "event" else "question": wait.text,
        "until": wait.until,
    }


def _answered(answer: Answer, *, is_plain: bool) -> dict[str, object]:
    if is_plain:
        return {"value": answer.value}
    return {
        "verdict": str(answer.verdict),
        "value": answer.value,
        "by": answer.by,
        "note": answer.note,
    }


def _failure(failure: Failure) -> dict[str, object]:
    return {"cause": str(failure.cause), "error": failure.kind, "message": failure.message}
