"""Runs on virtual time, for what looks at runs that are over: exact instants, nothing slept."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from stretto.core.journal.facts import Created, Fact, RunOptions
from stretto.proof import Replay, Wait, waits_of
from stretto.runtime.simulate import simulate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto import Workflow
    from stretto.core.journal.view import RunView
    from stretto.runtime.simulate import Outcome


class Ran(NamedTuple):
    """A simulated run, as a journal would hold it."""

    created: Created
    view: RunView
    facts: list[Fact]
    limits: Mapping[str, int]

    @property
    def makespan(self) -> float:
        """Seconds until the run's end."""
        return self.view.ended_at or 0.0

    @property
    def replay(self) -> Replay:
        """The run, ready to be simulated with something changed."""
        return Replay(self.created, self.view, self.facts, self.limits)

    @property
    def waits(self) -> dict[int, list[Wait]]:
        """Why its steps waited, by index."""
        return waits_of(self.created, self.view, self.facts)

    def of(self, path: str) -> list[tuple[str, float, float, str]]:
        """One step's waits: cause, since, until, on."""
        return [
            (str(each.cause), each.since, each.until, each.on) for each in self.waits.get(self.at(path), [])
        ]

    def at(self, path: str) -> int:
        """The index of a step."""
        index = self.created.graph.index_of(path)
        assert index is not None, path
        return index


def ran(
    flow: Workflow[..., object],
    lengths: Mapping[str, float | Outcome],
    *,
    sizes: Mapping[str, int] | None = None,
    limits: Mapping[str, int] | None = None,
    options: RunOptions | None = None,
) -> Ran:
    """Run with `lengths` by path, or by ``path:attempt``; a step that is not named takes 1 s."""

    def outcome(path: str, attempt: int) -> Outcome | float:
        return lengths.get(f"{path}:{attempt}", lengths.get(path, 1.0))

    graph = flow.trace().graph
    created = Created(flow.name, graph, options or RunOptions(), {}, {})
    found = simulate(created, outcome, sizes=sizes, limits=limits)
    return Ran(cast("Created", found.facts[0][4]), found.view, found.facts, limits or {})
