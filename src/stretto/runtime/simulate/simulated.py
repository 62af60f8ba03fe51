"""`Simulated`: what a simulation found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from stretto.core.journal import facts as kinds
from stretto.core.journal.view import RunView

if TYPE_CHECKING:
    from stretto.core.graph import Graph
    from stretto.core.journal.facts import Fact

__all__ = ["Simulated"]


@dataclass(frozen=True)
class Simulated:
    """A run that took no time. Instants are seconds after its start, which is 0.

    `facts` is the journal a real run with these outcomes would have written; `graph` is the simulation's own,
    with what has grown.
    """

    makespan: float
    facts: list[Fact]
    graph: Graph

    @cached_property
    def view(self) -> RunView:
        """The facts read as states, attempts and instants."""
        view = RunView(self.graph)
        view.apply(self.facts)
        return view

    @cached_property
    def started(self) -> tuple[str, ...]:
        """Paths in the order of their first starts."""
        firsts = (fact[1] for fact in self.facts if fact[0] == kinds.STEP_STARTED and fact[2] == 1)
        return tuple(map(self.graph.path, firsts))
