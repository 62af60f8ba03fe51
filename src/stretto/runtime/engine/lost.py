"""What was under way in a process that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Wait
from stretto.core.policy import OnLost
from stretto.core.schedule.states import State
from stretto.errors import QuarantinedError

if TYPE_CHECKING:
    from stretto.core.journal.facts import Fact
    from stretto.core.schedule.machine import Scheduler

__all__ = ["MOST_LOST", "check_quarantine", "losses"]

MOST_LOST: Final = 5
"""How often one step's process may die under it before nobody tries again by himself."""

_RUNNING: Final = int(State.RUNNING)


def check_quarantine(run_id: str, scheduler: Scheduler) -> None:
    """Raises QuarantinedError for a run that has killed its process too often at the same place."""
    for index, count in scheduler.lost.items():
        if count + 1 >= MOST_LOST and scheduler.states[index] == _RUNNING:
            raise QuarantinedError(run_id, scheduler.graph.path(index), count + 1)


def losses(scheduler: Scheduler, at: float) -> list[Fact]:
    """What became of all that was under way in a process that is gone."""
    facts: list[Fact] = [
        (kinds.ATTEMPT_ENDED, index, attempt, at, None)
        for index, attempt in sorted({*scheduler.stopping, *scheduler.late})
    ]
    for index in range(len(scheduler.graph)):
        attempt = scheduler.attempts[index]
        if scheduler.states[index] == _RUNNING and (index, attempt) not in scheduler.stopping:
            facts.append((kinds.ATTEMPT_LOST, index, attempt, at, _question(scheduler, index, attempt)))
    return facts


def _question(scheduler: Scheduler, index: int, attempt: int) -> Wait | None:
    graph = scheduler.graph
    if graph.specs[index].on_lost is not OnLost.ASK:
        return None
    writes = ", ".join(graph.specs[index].writes)
    text = (
        f"The process died while attempt {attempt} of {graph.path(index)!r} was running"
        f"{f', which writes {writes}' if writes else ''}. Approve to run it again, respond with its result, or "
        "reject to let it fail."
    )
    return Wait("lost", text)
