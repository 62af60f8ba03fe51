"""What a run lost: which steps failed by themselves, what that blocked, and what had finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto.core.policy import Cause, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.core.graph import Graph
    from stretto.core.journal.view import StepView
    from stretto.service.cli.explain import Explained

__all__ = ["Loss", "kept_steps", "losses_of", "unfinished_steps"]

_NOT_RUN = ("skipped", "cancelled", "pending", "ready", "waiting")


@dataclass(frozen=True, slots=True)
class Loss:
    """A step that failed by itself. `blocked` are the paths of steps that needed it and never ran; an optional
    step that was lost blocks nothing, its consumers got something instead (`is_defaulted`).
    """

    path: str
    why: str
    attempts: int
    is_defaulted: bool
    blocked: tuple[str, ...]

    def as_data(self) -> dict[str, object]:
        """For JSON."""
        return {
            "step": self.path,
            "why": self.why,
            "attempts": self.attempts,
            "is_defaulted": self.is_defaulted,
            "blocked": list(self.blocked),
        }


def losses_of(found: Explained) -> list[Loss]:
    """In author order."""
    graph, view = found.recorded.graph, found.view
    order = sorted(range(len(graph)), key=graph.author_order)
    return [_loss(found, index) for index in order if _has_failed_itself(view.step(index))]


def kept_steps(found: Explained) -> list[str]:
    """Paths of the steps that had finished, in author order; their results are not lost by any failure."""
    return _in_states(found, ("succeeded",))


def unfinished_steps(found: Explained) -> dict[str, list[str]]:
    """Paths by state of what was under way, or to come, when the run ended or its file stops."""
    states = ("running", "waiting", "ready", "pending", "cancelled")
    listed = {state: _in_states(found, (state,)) for state in states}
    return {state: paths for state, paths in listed.items() if paths}


def _in_states(found: Explained, states: tuple[str, ...]) -> list[str]:
    graph, view = found.recorded.graph, found.view
    order = sorted(range(len(graph)), key=graph.author_order)
    return [graph.path(index) for index in order if view.step(index).state in states]


def _has_failed_itself(step: StepView) -> bool:
    blocked = (Cause.BLOCKED, Cause.NOT_CHOSEN)
    return step.state == "failed" and (step.failure is None or step.failure.cause not in blocked)


def _loss(found: Explained, index: int) -> Loss:
    graph, step = found.recorded.graph, found.view.step(index)
    blocked = () if step.is_defaulted else tuple(_blocked_by(found, index))
    why = "" if step.failure is None else describe(step.failure)
    return Loss(graph.path(index), why, len(step.attempts), step.is_defaulted, blocked)


def _blocked_by(found: Explained, index: int) -> Iterator[str]:
    """Everything behind a step that never ran, in author order."""
    graph, view = found.recorded.graph, found.view
    behind: set[int] = set()
    trail = [index]
    while trail:
        for each in _behind(graph, trail.pop()):
            if each not in behind and (view.step(each).state in _NOT_RUN or each in graph.children):
                behind.add(each)
                trail.append(each)
    for each in sorted(behind, key=graph.author_order):
        if view.step(each).state != "succeeded" and not _was_not_chosen(view.step(each)):
            yield graph.path(each)


def _was_not_chosen(step: StepView) -> bool:
    return step.failure is not None and step.failure.cause is Cause.NOT_CHOSEN


def _behind(graph: Graph, index: int) -> list[int]:
    scope = graph.scopes[index]
    return [*graph.consumers_of(index), *([scope] if scope >= 0 else [])]
