"""The live picture of a run in a terminal: an inline block that leaves the scrollback alone.

It draws when something happened and while time passes, at most ten times a second, and never takes more
than a twentieth of the event loop's time: a picture that slows the run would show its own cost.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.live import Live

from stretto.core.journal.view import RunView
from stretto.observe.picture import WIDEST, Frame, axis_end, draw
from stretto.observe.remaining import remaining
from stretto.observe.rows import critical_so_far, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.text import Text

    from stretto.core.journal.facts import Fact
    from stretto.ports import RunInfo, Telemetry

__all__ = ["TerminalView"]

_SHORTEST_WAIT: Final = 0.1
_COST_SHARE: Final = 20
_SPARE: Final = 1.15  # of the axis, free behind what runs: notes stand there
_LARGE: Final = 5000  # steps; beyond, paths and estimates are not worth their cost while the run goes on
_OVER: Final = ("succeeded", "failed", "skipped", "cancelled")


class TerminalView:
    """An observer of one run. `finish` draws the last picture, which stays."""

    def __init__(self, console: Console, title: str, clock: Callable[[], float] = time.time) -> None:
        self._console = console
        self._title = title
        self._clock = clock
        self._view: RunView | None = None
        self._notes: dict[str, str] = {}
        self._live: Live | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cost = 0.0

    def on_facts(self, run: RunInfo, facts: list[Fact]) -> None:
        """Take what happened; it is drawn when the next picture is due."""
        if self._view is None:
            self._view = RunView(run.graph)
            self._begin()
        self._view.apply(facts)
        if self._view.ended_at is not None:
            self._stop_timer()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(0.02, self._tick)

    def on_telemetry(self, run: RunInfo, record: Telemetry) -> None:  # noqa: ARG002  # an observer's signature
        """Keep a step's progress to show it beside its bar."""
        if record.type == "step.progress":
            self._notes[record.step] = _progress(record)

    def finish(self, critical: Iterable[str] = ()) -> None:
        """The last picture, with the critical path as it was measured; nothing is drawn after it."""
        self._stop_timer()
        live, view = self._live, self._view
        if live is None or view is None:
            return
        path = {index for step in critical if (index := view.graph.index_of(step)) is not None}
        live.update(Group(*self._lines(view, frozenset(path))), refresh=True)
        live.stop()
        self._live = None

    def _begin(self) -> None:
        self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()

    def _tick(self) -> None:
        if self._live is None or self._view is None:
            return
        begun = time.perf_counter()
        view = self._view
        path = critical_so_far(view) if _has_paths(view) else frozenset()
        self._live.update(Group(*self._lines(view, path)), refresh=True)
        self._cost = time.perf_counter() - begun
        wait = max(_SHORTEST_WAIT, self._cost * _COST_SHARE)
        self._timer = asyncio.get_running_loop().call_later(wait, self._tick)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _lines(self, view: RunView, critical: frozenset[int]) -> list[Text]:
        is_over = view.ended_at is not None
        now = view.ended_at if view.ended_at is not None else self._clock()
        elapsed = max(0.0, now - (view.started_at if view.started_at is not None else now))
        left = None if is_over or len(view.graph) > _LARGE else remaining(view, now)
        end = elapsed if is_over and elapsed > 0 else axis_end(max(elapsed * _SPARE, elapsed + (left or 0.0)))
        frame = Frame(min(WIDEST, self._console.width), end, self._console.encoding.lower().startswith("utf"))
        room = max(4, self._console.height - 4)
        rows = rows_of(view, now, room, critical, self._notes)
        legend = ("critical path" if is_over else "critical path so far") if critical else ""
        return draw(self._head(view, elapsed, left), rows, legend, frame)

    def _head(self, view: RunView, elapsed: float, left: float | None) -> str:
        done = sum(step.state in _OVER for step in view.steps)
        words = [self._title, f"{done} of {len(view.graph)} steps", f"{elapsed:.1f} s"]
        if left is not None:
            words.append(f"about {left:.1f} s to go (estimate)")
        if view.ended_at is not None:
            words.append(str(view.status))
        return "  ".join(words)


def _has_paths(view: RunView) -> bool:
    """One by one, every step is on the path."""
    is_sequential = view.created is not None and view.created.options.is_sequential
    return not is_sequential and len(view.graph) <= _LARGE


def _progress(record: Telemetry) -> str:
    done, total, note = record.data.get("done"), record.data.get("total"), record.data.get("note")
    if isinstance(done, int | float) and isinstance(total, int | float) and total > 0:
        return f"{done / total:.0%} {note or ''}".strip()
    return str(note or done)
