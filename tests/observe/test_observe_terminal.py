"""`observe/terminal.py`: the live picture, drawn into a text."""

from __future__ import annotations

import asyncio
import io

from rich.console import Console

from observe.observed_runs import START, Told, graph_of
from stretto.core.journal import facts as kinds
from stretto.observe.terminal import TerminalView
from stretto.ports import Telemetry
from stretto.testing import run_virtual


class Screen:
    """A terminal of 80 × 24 that remembers all that was written to it."""

    def __init__(self, now: float = 0.0) -> None:
        self.stream = io.StringIO()
        console = Console(file=self.stream, force_terminal=True, width=80, height=24, color_system=None)
        self.now = now
        self.view = TerminalView(console, "flow", clock=lambda: START + self.now)

    @property
    def text(self) -> str:
        return self.stream.getvalue()


def show(told: Told, screen: Screen, wait: float = 0.05) -> None:
    """Hand the facts over on a loop and let one picture come due."""

    async def scene() -> None:
        screen.view.on_facts(told.info, told.facts)
        await asyncio.sleep(wait)
        screen.view.finish()

    run_virtual(scene())


def test_the_last_picture_stays() -> None:
    """A finished run leaves every step with its bar, and marks the measured path."""
    told = Told(graph_of(a=(), b=("a",))).ran("a", 0, 1).ran("b", 1, 2).say(kinds.RUN_SUCCEEDED, None, 2)
    screen = Screen()

    async def scene() -> None:
        screen.view.on_facts(told.info, told.facts)
        screen.view.finish(["a"])
        finished = screen.text
        screen.view.finish()
        assert screen.text == finished

    run_virtual(scene())
    assert "flow  2 of 2 steps  2.0 s  succeeded" in screen.text
    assert "◆ ✓ a" in screen.text
    assert "  ✓ b" in screen.text
    assert screen.text.rstrip("\n").endswith("\x1b[?25h")  # the cursor is back


def test_a_running_run_is_drawn_while_it_runs() -> None:
    """Between facts time passes: the running step's bar ends now; no estimate is shown on a first run."""
    told = Told(graph_of(a=(), b=("a",))).say(kinds.STEP_STARTED, "a", 0)
    screen = Screen(now=1.4)
    show(told, screen)
    assert "flow  0 of 2 steps  1.4 s" in screen.text
    assert "1.40 s" in screen.text
    assert "estimate" not in screen.text
    assert "◆ critical path so far" in screen.text


def test_the_rest_is_estimated_from_earlier_runs() -> None:
    """With recorded lengths the head says how long it may still take, as an estimate."""
    told = Told(graph_of(a=(), b=("a",)), {"a": 2.0, "b": 3.0}).say(kinds.STEP_STARTED, "a", 0)
    screen = Screen(now=1.0)
    show(told, screen)
    assert "about 4.0 s to go (estimate)" in screen.text


def test_progress_is_shown_beside_the_bar() -> None:
    """A share where the total is known, the note otherwise."""
    told = Told(graph_of(a=(), b=())).say(kinds.STEP_STARTED, "a", 0).say(kinds.STEP_STARTED, "b", 0)
    screen = Screen(now=0.1)
    for step, data in (("a", {"done": 3, "total": 10, "note": "pages"}), ("b", {"done": 7, "total": None})):
        screen.view.on_telemetry(told.info, Telemetry("step.progress", step, 1, START, data))
    screen.view.on_telemetry(told.info, Telemetry("step.output", "a", 1, START, {"text": "words"}))
    show(told, screen)
    assert "30% pages" in screen.text
    assert "━ 7" in screen.text
    assert "words" not in screen.text


def test_it_draws_at_most_ten_times_a_second() -> None:
    """Fifty facts in a second make ten pictures and the last one."""
    told = Told(graph_of(**{f"s{n}": () for n in range(50)}))
    screen = Screen()

    async def scene() -> None:
        screen.view.on_facts(told.info, told.facts)
        for number in range(50):
            screen.view.on_facts(told.info, Told(told.graph).ran(f"s{number}", 0, 1).facts[2:])
            await asyncio.sleep(0.02)
        screen.view.finish()

    run_virtual(scene())
    assert 3 <= screen.text.count("flow  ") <= 12


def test_nothing_began_nothing_to_finish() -> None:
    """A run that never started leaves no picture and no trouble."""
    screen = Screen()
    screen.view.finish()
    assert screen.text == ""
