"""What the scheduler knows of a run, by step index; nothing here decides anything."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from stretto.core.schedule.deadlines import Deadlines
from stretto.core.schedule.ready import ReadyQueue
from stretto.core.schedule.states import State

if TYPE_CHECKING:
    from stretto.core.graph.graph import Graph
    from stretto.core.journal.facts import Created, Fact, Wait
    from stretto.core.policy.failure import Cause, Failure
    from stretto.core.schedule.decision import Command

__all__ = ["Columns"]


class Columns:
    """The run's state as columns beside the graph's.

    `values[i]` is the step's result, or what its consumers get instead; an anchor's is None, since it is made
    of its children's. `renewing` holds anchors that start again when they lose a child, with the child lost (-1:
    none yet), `superseded` those whose children are being closed for that. `left_out` are steps whose end counts
    for nothing: branches not chosen, rounds replaced. `stopping` maps attempts that were told to stop to the end
    of their grace; `late` holds those nobody waits for any more and whose permits are still out.
    `asked` are durable waits that have begun, and steps of which a person is to say what follows a lost attempt;
    `paused` steps are those that time alone moves on: before another attempt, or asleep. `lost` counts attempts
    whose process died, `rejected` are the failures of the run that a person wanted.
    """

    __slots__ = (
        "asked",
        "attempts",
        "began_at",
        "commands",
        "created",
        "deadlines",
        "defaulted",
        "doomed",
        "draw",
        "facts",
        "failures",
        "finished",
        "fresh",
        "gate_losses",
        "grace",
        "graph",
        "halted",
        "held",
        "is_expired",
        "is_losing",
        "is_partial",
        "is_waiting",
        "late",
        "left_out",
        "losses",
        "lost",
        "missing",
        "must_stop",
        "now",
        "open_children",
        "open_steps",
        "opened_groups",
        "options",
        "paused",
        "queue",
        "rejected",
        "renewing",
        "requested",
        "reserved",
        "reserves",
        "retry_after_end",
        "running",
        "started_at",
        "states",
        "stop_reasons",
        "stopping",
        "superseded",
        "used",
        "values",
        "verdict",
    )

    def __init__(self, created: Created) -> None:
        graph = created.graph
        count = len(graph)
        self.created = created
        self.graph: Graph = graph
        self.options = created.options
        self.grace = created.options.grace
        self.facts: list[Fact] = []
        self.commands: list[Command] = []
        self.states = bytearray(count)
        self.attempts: list[int] = [0] * count
        self.missing: list[int] = [len(deps) for deps in graph.deps]
        self.values: list[object] = [None] * count
        self.queue = ReadyQueue(graph, created.estimates, is_sequential=created.options.is_sequential)
        self.deadlines = Deadlines()
        self.fresh: list[int] = []
        self.requested: set[int] = set()
        self.reserved: set[int] = set()
        self.held: set[int] = set()
        self.used = 0
        self.asked: dict[int, Wait] = {}
        self.paused: set[int] = set()
        self.lost: dict[int, int] = {}
        self.rejected: set[int] = set()
        self.is_waiting = False
        self.running = 0
        self.open_steps = count
        self.open_children: dict[int, int] = {}
        self.doomed: dict[int, int] = {}
        self.renewing: dict[int, int] = {}
        self.superseded: set[int] = set()
        self.left_out: set[int] = set()
        self.defaulted: set[int] = set()
        self.failures: list[int] = []
        self.opened_groups: set[int] = set()
        self.gate_losses: dict[int, int] = {}
        self.stopping: dict[tuple[int, int], float] = {}
        self.stop_reasons: dict[int, str] = {}
        self.late: set[tuple[int, int]] = set()
        self.losses: deque[tuple[int, int, Failure]] = deque()
        self.is_losing = False
        self.must_stop = False
        self.retry_after_end: set[int] = set()
        self.began_at: dict[int, float] = {}
        self.reserves: list[float] | None = None
        self.now = 0.0
        self.draw = 0.0
        self.started_at = 0.0
        self.halted: Cause | None = None
        self.verdict = ""
        self.is_partial = False
        self.is_expired = False
        self.finished = False

    def state(self, index: int) -> State:
        """The step's state."""
        return State(self.states[index])

    def is_open(self, index: int) -> bool:
        """Whether the step can still change."""
        return self.states[index] < State.SUCCEEDED

    def is_delivered(self, index: int) -> bool:
        """Whether the step's edges are open: it succeeded, or its default was handed on."""
        return self.states[index] == State.SUCCEEDED or index in self.defaulted

    def is_asked(self, index: int) -> bool:
        """Whether a person or an event may answer the step now: a sleep cannot be cut short."""
        return index in self.asked and index not in self.paused

    def turn(self, index: int, attempt: int) -> int:
        """The number of an attempt among those that no process's death has taken: what rules and rounds count."""
        return attempt - self.lost.get(index, 0)

    def is_awaited(self, index: int, attempt: int) -> bool:
        """Whether an attempt is the step's present one, and was not told to stop."""
        is_present = self.states[index] == State.RUNNING and self.attempts[index] == attempt
        return is_present and (index, attempt) not in self.stopping and not self.finished
