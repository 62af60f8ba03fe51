"""Facts: what a journal holds, in the form the hot path can afford.

A fact is ``(kind, step, attempt, at, data)``: `step` is a graph index or -1 for the run, `attempt` counts
from 1, `at` is an instant in seconds since the epoch. Creating a tuple costs a twentieth of creating a
record, and a run makes three facts a step; typed events are built from facts when somebody reads them
(`events.py`).

Kinds below `FIRST_CONSEQUENCE` are stimuli: they come from outside and are all that `Scheduler.handle`
consumes. The others follow from them. A journal holds both, decision by decision; replaying the stimuli of
each decision together gives its consequences again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.core.policy.on_failure import OnFailure

if TYPE_CHECKING:
    from stretto.core.graph.graph import Graph

__all__ = ["Answer", "Created", "Fact", "RunOptions", "Verdict", "Wait", "is_stimulus"]

Fact = tuple[int, int, int, float, object]

RUN: Final = -1

RUN_CREATED: Final = 1  # data: Created
ATTEMPT_SUCCEEDED: Final = 2  # data: the value; becomes step.succeeded
ATTEMPT_FAILED: Final = 3  # data: (Failure, draw in [0, 1) for the jitter of a retry)
ATTEMPT_ENDED: Final = 4  # an attempt told to stop, or too late, has truly ended; its result is not used
ATTEMPT_GREW: Final = 5  # data: Fragment; the attempt ended by growing the graph
PERMIT_GRANTED: Final = 6  # the step got all its named permits
CLOCK_TICKED: Final = 7  # an instant the scheduler asked to be woken at has come; data: draw in [0, 1)
CANCEL_REQUESTED: Final = 8  # data: why
WAIT_BEGAN: Final = (
    9  # data: Wait; an attempt of a durable wait has looked at its inputs and waits from now on
)
ANSWERED: Final = 10  # data: Answer
ATTEMPT_LOST: Final = (
    11  # it was under way when its process died; data: Wait, if a person is to decide what follows
)
ATTEMPT_REUSED: Final = 12  # data: the value, from the run this one was forked from; nothing was run
CANCEL_AT_ONCE: Final = 13  # data: why; what runs gets no grace
GROWTH_DROPPED: Final = 14  # the attempt ended by growing when nothing was to begin there any more

FIRST_CONSEQUENCE: Final = 20

STEP_READY: Final = 20  # inputs are there, a permit is not
STEP_STARTED: Final = 21  # an attempt was issued
STEP_RETRYING: Final = 22  # data: (until, Failure)
STEP_COMPLETED: Final = (
    23  # an anchor's children, or a gate's members, have settled well; data: a gate's outcome
)
STEP_FAILED: Final = 24  # data: Failure; final
STEP_DEFAULTED: Final = 25  # data: what consumers get instead
STEP_SKIPPED: Final = 26  # data: Failure with cause BLOCKED
STEP_CANCELLED: Final = 27  # data: why
ATTEMPT_TIMED_OUT: Final = 28  # data: Failure; the attempt was told to stop
ATTEMPT_ABANDONED: Final = 29  # it did not end within its grace
GROUP_OPENED: Final = 30  # step: the gate; data: the deadline or None
WAIT_ENDED: Final = (
    31  # its instant has come; data: the value handed on by that (a sleep's, or a default), or Failure
)
RUN_WAITING: Final = 37  # only people or events can move it
RUN_RESUMED: Final = 38  # something runs again
RUN_STARTED: Final = 39
RUN_SUCCEEDED: Final = 40
RUN_PARTIAL: Final = 41
RUN_FAILED: Final = 42  # data: Cause
RUN_CANCELLED: Final = 43  # data: why

ENDS_OF_RUN: Final = frozenset((RUN_SUCCEEDED, RUN_PARTIAL, RUN_FAILED, RUN_CANCELLED))


class RunOptions(NamedTuple):
    """What bounds a run. `permits` is the run-wide cap on attempts at once; `grace` the seconds a cancelled
    attempt has to end; `is_sequential` runs one step at a time in author order. `max_tokens` and `max_cost` (US
    dollars) are the run's budget."""

    on_failure: OnFailure = OnFailure.DRAIN
    within: float | None = None
    permits: int = 1024
    is_sequential: bool = False
    grace: float = 5.0
    max_tokens: int | None = None
    max_cost: float | None = None


class Created(NamedTuple):
    """The first fact's data: everything a replay needs. `estimates` are seconds by step id; `version` is that of
    the workflow's body, "" where no store asks for it."""

    workflow: str
    graph: Graph
    options: RunOptions
    estimates: dict[str, float]
    inputs: dict[str, object]
    version: str = ""


class Wait(NamedTuple):
    """What a step waits for: a person ("approval"), an "event", an instant ("sleep"), or a person's word on an
    attempt that was "lost".

    `text` is the question, or the event's name. At `until` (an instant; None: never) it stops waiting: a sleep
    succeeds, anything else hands on `default`, a tuple of one value, or fails where that is empty.
    """

    kind: str
    text: str
    until: float | None = None
    default: tuple[object, ...] = ()


class Verdict(StrEnum):
    """What an answer says."""

    APPROVE = "approve"  # the value that was asked about is handed on; a lost attempt is run again
    EDIT = "edit"  # another value is handed on
    REJECT = "reject"  # the step fails with cause rejected
    RESPOND = "respond"  # a text, or an event's data, is handed on


class Answer(NamedTuple):
    """An answer to a Wait. `value` is what is handed on; `by` who gave it, `note` what they said besides; `letter`
    is the number of the letter it came by, 0 where it came by none."""

    verdict: Verdict
    value: object = None
    by: str = ""
    note: str = ""
    letter: int = 0


def is_stimulus(fact: Fact) -> bool:
    """Whether the fact came from outside the scheduler."""
    return fact[0] < FIRST_CONSEQUENCE
