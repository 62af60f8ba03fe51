"""Every state a step can be in, and every legal way from one to the next.

The rules of the table:

1. A step leaves PENDING when all its edges have opened, or when it is certain that it will never start.
2. READY is RUNNING without a permit. Steps that need no permit pass through it within one decision.
3. WAITING holds no permit: a pause before another attempt, a durable wait, a lost attempt of which a person is
   to say what follows, or an anchor whose children are at work. An anchor that goes round again passes through
   READY like a retry.
4. SUCCEEDED, FAILED, SKIPPED and CANCELLED are final: nothing ever leaves them.
5. An event that names a transition missing here is illegal: it changes nothing and raises with the step's
   story.

`docs/walk.md` draws its diagram from this table (`diagram()`), and a test compares the two.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = ["FINAL", "LEGAL", "State", "diagram"]


class State(IntEnum):
    """A step's state."""

    PENDING = 0
    READY = 1
    RUNNING = 2
    WAITING = 3
    SUCCEEDED = 4
    FAILED = 5
    SKIPPED = 6
    CANCELLED = 7

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to the step."""
        return self >= State.SUCCEEDED


FINAL: Final = frozenset(state for state in State if state.is_final)

LEGAL: Final[dict[tuple[State, State], str]] = {
    (State.PENDING, State.READY): "all inputs are there",
    (State.PENDING, State.WAITING): "an anchor whose children are known from the start",
    (State.PENDING, State.SUCCEEDED): "a gate whose members sufficed",
    (State.PENDING, State.FAILED): "a gate that cannot be reached, or a deadline passed first",
    (State.PENDING, State.SKIPPED): "a step it needs has finally failed, or another branch was chosen",
    (State.PENDING, State.CANCELLED): "the run ended before it could start, or a new round replaced it",
    (State.READY, State.RUNNING): "a permit is there: an attempt is issued",
    (State.READY, State.FAILED): "a deadline passed before it got a permit",
    (State.READY, State.SKIPPED): "its anchor is lost",
    (State.READY, State.CANCELLED): "the run ended before it got a permit, or a new round replaced it",
    (State.RUNNING, State.SUCCEEDED): "the attempt returned a value",
    (
        State.RUNNING,
        State.WAITING,
    ): "the attempt failed or was lost and others follow, it grew children, or a wait began",
    (State.RUNNING, State.FAILED): "the attempt failed for good, or a deadline passed",
    (State.RUNNING, State.CANCELLED): "told to stop, and it has ended or its grace has",
    (
        State.WAITING,
        State.READY,
    ): "the pause before the next attempt is over, a lost one is run again, or what it looks at has settled",
    (
        State.WAITING,
        State.SUCCEEDED,
    ): "the children have settled, an answer or its instant came, or a late thread",
    (State.WAITING, State.FAILED): "a child was lost, a person rejected it, or a deadline passed",
    (State.WAITING, State.SKIPPED): "its anchor is lost",
    (State.WAITING, State.CANCELLED): "the run ended first, or a new round replaced it",
    (State.READY, State.SUCCEEDED): "a late thread brought the value before the next attempt got a permit",
}


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> PENDING"]
    lines += [f"    {old.name} --> {new.name}: {why}" for (old, new), why in LEGAL.items()]
    lines += [f"    {state.name} --> [*]" for state in State if state.is_final]
    return "\n".join(lines)
