"""`Recorder`: an observer that keeps what it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.journal import facts as kinds
from stretto.core.journal.events import event_of

if TYPE_CHECKING:
    from stretto.core.journal.events import Event
    from stretto.core.journal.facts import Fact
    from stretto.ports import RunInfo, Telemetry

__all__ = ["Recorder"]


class Recorder:
    """Give it to ``with_options(observers=[recorder])`` and look at it afterwards.

    `decisions` are the facts as they were committed, one list a decision; `telemetry` what steps said.
    """

    def __init__(self) -> None:
        self.run: RunInfo | None = None
        self.decisions: list[list[Fact]] = []
        self.telemetry: list[Telemetry] = []

    def on_facts(self, run: RunInfo, facts: list[Fact]) -> None:
        """A decision was committed."""
        self.run = run
        self.decisions.append(list(facts))

    def on_telemetry(self, run: RunInfo, record: Telemetry) -> None:
        """A step said something."""
        self.run = run
        self.telemetry.append(record)

    @property
    def facts(self) -> list[Fact]:
        """All facts in order."""
        return [fact for decision in self.decisions for fact in decision]

    @property
    def events(self) -> list[Event]:
        """The same as typed events."""
        if self.run is None:
            return []
        run, graph = self.run.run_id, self.run.graph
        found = [event_of(fact, seq, run, graph) for seq, fact in enumerate(self.facts)]
        return [event for event in found if event is not None]

    @property
    def started(self) -> tuple[str, ...]:
        """Paths in the order in which attempts were started."""
        if self.run is None:
            return ()
        return tuple(self.run.graph.path(fact[1]) for fact in self.facts if fact[0] == kinds.STEP_STARTED)
