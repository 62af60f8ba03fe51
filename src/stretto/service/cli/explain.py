"""``stretto explain``: why a run's steps waited, where its time went, and what would have helped most.

It reads the journal in the store, or the events file that each `stretto run` leaves; nothing runs again. What it
computes from the recorded times, rather than reads, is labelled an estimate.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto.api.measure import measured_of
from stretto.core.forecast.timing import Timing, timing
from stretto.core.journal.view import RunStatus
from stretto.errors import NotFoundError
from stretto.proof import Proposal, Replay, propose, waits_of
from stretto.service.cli.exits import Exit
from stretto.service.cli.explain_data import as_data, step_as_data
from stretto.service.cli.explain_stored import run_to_explain
from stretto.service.cli.explain_words import run_lines, step_lines
from stretto.service.cli.words import say, say_lines

if TYPE_CHECKING:
    from stretto.core.journal.view import RunView
    from stretto.proof import Wait
    from stretto.service.recorded import Recorded

__all__ = ["ExplainRequest", "Explained", "explain", "explain_run"]


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """What was asked for. `run` is the beginning of an id, a file, or ``latest``; None is the latest."""

    run: str | None = None
    step: str | None = None
    is_json: bool = False
    store: str | None = None


@dataclass(slots=True)
class Explained:
    """A recorded run and what can be said about it."""

    recorded: Recorded
    view: RunView
    timing: Timing
    waits: dict[int, list[Wait]]
    proposals: list[Proposal]
    replayed: float | None
    """The makespan that the same simulation gives with nothing changed; None without a simulation."""

    @property
    def has_value(self) -> bool:
        """Whether the run brought its value. Only then is said what would have been faster."""
        return self.view.status in (RunStatus.SUCCEEDED, RunStatus.PARTIAL)

    @property
    def began(self) -> float:
        """The run's start, in seconds since the epoch."""
        return self.view.started_at or 0.0

    @property
    def last(self) -> float:
        """The last instant that is known of it."""
        return self.recorded.facts[-1][3]


def explain(request: ExplainRequest) -> Exit:
    """Say why; the exit code is about the explaining, not about the run."""
    recorded = run_to_explain(request.run, request.store)
    if request.step is None:
        found = explain_run(recorded)
        if request.is_json:
            say(json.dumps(as_data(found), ensure_ascii=False))
        else:
            say_lines(run_lines(found))
        return Exit.OK
    index = _step(recorded, request.step)
    found = explain_run(recorded)
    if request.is_json:
        say(json.dumps(step_as_data(found, index), ensure_ascii=False))
    else:
        say_lines(step_lines(found, index))
    return Exit.OK


def explain_run(recorded: Recorded) -> Explained:
    """All that can be said about a recorded run."""
    created, view = recorded.created, recorded.view()
    measured = timing(measured_of(created, view))
    waits = waits_of(created, view, recorded.facts)
    found = Explained(recorded, view, measured, waits, [], None)
    if found.has_value:
        replay = Replay(created, view, recorded.facts, recorded.limits)
        found.replayed = replay.seconds()
        found.proposals = propose(replay, created, view, measured.critical_path, waits)
    return found


def _step(recorded: Recorded, path: str) -> int:
    index = recorded.graph.index_of(path)
    if index is None:
        graph = recorded.graph
        raise NotFoundError("step", path, [graph.path(each) for each in range(len(graph))])
    return index
