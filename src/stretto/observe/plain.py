"""Plain lines for a stream that is no terminal: one when a step starts, one when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from stretto.core.journal import facts as kinds
from stretto.core.journal.view import RunView
from stretto.core.policy import Failure, describe

if TYPE_CHECKING:
    from stretto.core.journal.facts import Fact
    from stretto.ports import RunInfo, Telemetry

__all__ = ["PlainLines"]

_ENDS = {
    kinds.ATTEMPT_SUCCEEDED: "succeeded",
    kinds.STEP_COMPLETED: "succeeded",
    kinds.STEP_FAILED: "failed",
    kinds.STEP_SKIPPED: "skipped",
    kinds.STEP_CANCELLED: "cancelled",
}


class PlainLines:
    """An observer of one run at a time that writes words, in ASCII but for what steps themselves say.

    A reader who has left ends the writing, not the run.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._view: RunView | None = None
        self._is_read = True

    def on_facts(self, run: RunInfo, facts: list[Fact]) -> None:
        """Write what there is to say about these facts."""
        if self._view is None or self._view.graph is not run.graph:
            self._view = RunView(run.graph)
        lines = []
        for fact in facts:
            self._view.apply((fact,))
            line = self._line(self._view, run, fact)
            if line is not None:
                lines.append(f"{fact[3] - (self._view.started_at or fact[3]):9.3f} s  {line}\n")
        if lines and self._is_read:
            self._write("".join(lines))

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            self._is_read = False

    def on_telemetry(self, run: RunInfo, record: Telemetry) -> None:
        """What steps say about themselves is left to those who ask for it."""

    def _line(self, view: RunView, run: RunInfo, fact: Fact) -> str | None:
        kind, index, attempt, at, data = fact
        if index == kinds.RUN:
            return None
        path = run.graph.path(index)
        if kind == kinds.STEP_STARTED and attempt > 1 and index in run.graph.children:
            return None  # it looks at what it has grown, and what it grows next speaks for itself
        if kind == kinds.STEP_STARTED:
            return f"{'started':<10} {path}" + (f" (attempt {attempt})" if attempt > 1 else "")
        if kind == kinds.STEP_RETRYING and isinstance(data, tuple):
            return f"{'retrying':<10} {path} in {data[0] - at:.3f} s: {describe(data[1])}"
        if kind == kinds.STEP_DEFAULTED:
            return f"{'defaulted':<10} {path}"
        word = _ENDS.get(kind)
        if word is None:
            return None
        return f"{word:<10} {path}{_after(view, index)}{_because(data)}"


def _after(view: RunView, index: int) -> str:
    step = view.step(index)
    if step.started_at is None or step.ended_at is None:
        return ""
    return f" ({step.ended_at - step.started_at:.3f} s)"


def _because(data: object) -> str:
    return f": {describe(data)}" if isinstance(data, Failure) else ""
