"""The story of a step: all that happened to it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Wait
from stretto.core.policy.failure import Failure, describe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stretto.core.journal.facts import Fact

__all__ = ["story_lines"]


def story_lines(log: Iterable[Fact], index: int) -> tuple[str, ...]:
    """One line a fact of step `index`, with seconds since the run's first fact."""
    lines: list[str] = []
    start: float | None = None
    for fact in log:
        start = fact[3] if start is None else start
        if fact[1] == index:
            lines.append(f"{fact[3] - start:9.3f} s  {_words(fact)}")
    return tuple(lines)


def _words(fact: Fact) -> str:
    kind, _, attempt, _, data = fact
    plain = _PLAIN.get(kind)
    if plain is not None:
        return plain.format(attempt=attempt)
    if kind == kinds.ATTEMPT_FAILED:
        failure, _ = cast("tuple[Failure, float]", data)
        return f"attempt {attempt} failed: {describe(failure)}"
    if kind == kinds.STEP_RETRYING:
        until, failure = cast("tuple[float, Failure]", data)
        return f"will be tried again after {until - fact[3]:.3f} s: {describe(failure)}"
    if kind == kinds.STEP_DEFAULTED:
        return "its consumers get the default"
    if kind == kinds.ATTEMPT_LOST and data is None:
        return f"attempt {attempt} was lost with its process"
    if kind == kinds.WAIT_ENDED and not isinstance(data, Failure):
        return "its instant has come"
    if kind == kinds.GROUP_OPENED:
        return "its group opened" + (
            "" if data is None else f", {float(str(data)) - fact[3]:.3f} s to its deadline"
        )
    if isinstance(data, Wait):
        return f"{_BEGAN[kind].format(attempt=attempt)}: {_awaited(data, fact[3])}"
    if isinstance(data, Answer):
        return f"answered{f' by {data.by}' if data.by else ''}: {data.verdict}{f' ({data.note})' if data.note else ''}"
    if isinstance(data, Failure):
        return f"{_ENDED[kind]}: {describe(data)}"
    return f"{_ENDED.get(kind, f'fact kind {kind}')}: {data}"


def _awaited(wait: Wait, at: float) -> str:
    words = {"sleep": "an instant", "event": f"event {wait.text!r}"}.get(wait.kind, wait.text)
    return words if wait.until is None else f"{words}, for {wait.until - at:.3f} s at most"


_BEGAN = {
    kinds.WAIT_BEGAN: "waits for",
    kinds.ATTEMPT_LOST: "attempt {attempt} was lost with its process; a person is asked",
}

_PLAIN = {
    kinds.STEP_READY: "ready: inputs are there, waiting for a permit",
    kinds.STEP_STARTED: "attempt {attempt} started",
    kinds.ATTEMPT_SUCCEEDED: "attempt {attempt} succeeded",
    kinds.ATTEMPT_ENDED: "attempt {attempt} ended after nobody waited for it any more",
    kinds.ATTEMPT_REUSED: "its result was taken from the run it was forked from",
    kinds.ATTEMPT_GREW: "attempt {attempt} grew the graph",
    kinds.GROWTH_DROPPED: "attempt {attempt} was to grow the graph, where nothing begins any more",
    kinds.ATTEMPT_ABANDONED: "attempt {attempt} did not stop within its grace and was abandoned",
    kinds.PERMIT_GRANTED: "got its named permits",
    kinds.STEP_COMPLETED: "completed: everything below it has settled",
}

_ENDED = {
    kinds.STEP_FAILED: "failed",
    kinds.STEP_SKIPPED: "skipped",
    kinds.STEP_CANCELLED: "cancelled",
    kinds.ATTEMPT_TIMED_OUT: "timed out",
    kinds.WAIT_ENDED: "waited in vain",
}
