"""What `handle` gives back: facts for the journal, commands for the driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from stretto.core.journal.facts import Fact

__all__ = ["Command", "Decision"]

Command = tuple[int, int, int, float]
"""(kind, step, attempt, instant): performed only after the decision's facts are in the journal."""

START: Final = 1  # run attempt `attempt` of `step`
STOP: Final = 2  # cancel that attempt; its end is awaited until `instant`
ACQUIRE: Final = 3  # ask for the step's named permits; `instant` holds its priority
RELEASE: Final = 4  # give named permits back, or withdraw the request
WAKE: Final = 5  # send CLOCK_TICKED at `instant`
FINISH: Final = 6  # the run has ended


class Decision(NamedTuple):
    """All or nothing: the facts are appended as one, then the commands are performed in order."""

    facts: list[Fact]
    commands: list[Command]
