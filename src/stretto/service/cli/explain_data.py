"""What `explain` knows, as plain data. Instants are seconds after the run's start, lengths are seconds."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from stretto.core.policy import describe
from stretto.service.cli.explain_losses import kept_steps, losses_of

if TYPE_CHECKING:
    from stretto.proof import Proposal, Wait
    from stretto.service.cli.explain import Explained

__all__ = ["VERSION", "as_data", "step_as_data"]

VERSION: Final = 1


def as_data(found: Explained) -> dict[str, object]:
    """A whole run."""
    graph = found.recorded.graph
    order = sorted(range(len(graph)), key=graph.author_order)
    return {
        **_head(found),
        "timing": _timing(found),
        "waited": waited_by_cause(found),
        "replayed": found.replayed,
        "would_help": [_proposal(each) for each in found.proposals],
        "lost": [each.as_data() for each in losses_of(found)],
        "kept": kept_steps(found),
        "steps": [_step(found, index) for index in order],
    }


def step_as_data(found: Explained, index: int) -> dict[str, object]:
    """One step of it."""
    graph = found.recorded.graph
    path = graph.path(index)
    return {
        **_head(found),
        "step": {
            **_step(found, index),
            "needs": [graph.path(dep) for dep in graph.deps[index]],
            "needed_by": [graph.path(each) for each in graph.consumers_of(index)],
        },
        "would_help": [_proposal(each) for each in found.proposals if path in each.about],
    }


def waited_by_cause(found: Explained) -> dict[str, float]:
    """Seconds of all steps together, by what they waited for; what they need is not among it."""
    total: dict[str, float] = {}
    for waits in found.waits.values():
        for wait in waits:
            if wait.cause != "dependency":
                key = f"limit {wait.on}" if wait.on else str(wait.cause)
                total[key] = total.get(key, 0.0) + wait.seconds
    return total


def _head(found: Explained) -> dict[str, object]:
    recorded = found.recorded
    return {
        "v": VERSION,
        "run": recorded.run_id,
        "workflow": recorded.created.workflow,
        "status": str(found.view.status),
        "began_at": found.began,
        "is_over": found.view.ended_at is not None,
        "is_cut": recorded.is_cut,
        "file": str(recorded.path),
    }


def _timing(found: Explained) -> dict[str, object]:
    data = asdict(found.timing)
    hops = [
        {**asdict(hop), "started_at": hop.started_at - found.began, "ended_at": hop.ended_at - found.began}
        for hop in found.timing.critical_path
    ]
    return {**data, "critical_path": hops}


def _proposal(proposal: Proposal) -> dict[str, object]:
    return {**asdict(proposal), "gain": proposal.gain, "is_estimate": True}


def _step(found: Explained, index: int) -> dict[str, object]:
    step = found.view.step(index)
    return {
        "path": found.recorded.graph.path(index),
        "state": step.state,
        "started_at": _after(found, step.started_at),
        "ended_at": _after(found, step.ended_at),
        "attempts": len(step.attempts),
        "is_defaulted": step.is_defaulted,
        "why": step.reason or (describe(step.failure) if step.failure is not None else ""),
        "waits": [_wait(found, each) for each in found.waits.get(index, ())],
    }


def _wait(found: Explained, wait: Wait) -> dict[str, object]:
    since, until = wait.since - found.began, wait.until - found.began
    return {**asdict(wait), "cause": str(wait.cause), "since": since, "until": until, "seconds": wait.seconds}


def _after(found: Explained, instant: float | None) -> float | None:
    return None if instant is None else instant - found.began
