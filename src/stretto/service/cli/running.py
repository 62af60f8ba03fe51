"""Running a workflow from the command line: signals, and errors of the workflow's body told with their
place.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stretto.errors import StrettoError, TargetError
from stretto.runtime.engine.loop import run_to_end
from stretto.service.cli.exits import Exit
from stretto.service.cli.words import warn
from stretto.service.targets import place_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from types import FrameType

    from stretto.api.result import RunResult
    from stretto.authoring.workflow import Definition
    from stretto.models.contract import Model
    from stretto.runtime.engine.driver import RunDriver
    from stretto.service.targets import AnyWorkflow

__all__ = ["Interrupts", "body_errors", "execute", "to_its_end"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h\n"


class Interrupts:
    """The first Ctrl-C (or SIGTERM) cancels the run gracefully, the second ends the process at once.

    Python's own signal handlers are used rather than the event loop's: a step that keeps the loop busy must
    not keep the second one from working.
    """

    def __init__(self) -> None:
        self.was_interrupted = False
        self._driver: RunDriver | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take the signals for the length of a `with` block."""
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def started(self, driver: RunDriver) -> None:
        """The run that the next signal is meant for."""
        self._driver = driver
        self._loop = asyncio.get_running_loop()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.was_interrupted:
            _end_at_once()
        self.was_interrupted = True
        if self._loop is None or self._loop.is_closed():
            raise KeyboardInterrupt
        self._loop.call_soon_threadsafe(self._cancel, signal.Signals(number).name)

    def _cancel(self, name: str) -> None:
        if self._driver is not None:
            warn(f"{name}: cancelling, and waiting for running steps to end; once more ends at once")
            self._driver.cancel(f"interrupted by {name}")


def _end_at_once() -> None:
    """No clean-up may hold this back; only the terminal's cursor is put right."""
    if os.isatty(1):
        os.write(1, _SHOW_CURSOR)
    os._exit(Exit.INTERRUPTED)


def execute(
    workflow: AnyWorkflow, inputs: Mapping[str, object], interrupts: Interrupts, model: Model | None
) -> RunResult[object]:
    """Run to the end on a loop of its own and give the result, whatever its status. Closes the model."""
    return to_its_end(workflow, lambda: workflow.start(inputs, started=interrupts.started), model)


def to_its_end(
    workflow: AnyWorkflow, begin: Callable[[], Awaitable[RunResult[object]]], model: Model | None
) -> RunResult[object]:
    """Drive what `begin` gives, a run of the workflow, on a loop of its own. Closes the model."""

    async def whole() -> RunResult[object]:
        try:
            return await begin()
        finally:
            if model is not None:
                await model.aclose()

    with body_errors(workflow.definition):
        return run_to_end(whole())


@contextmanager
def body_errors(definition: Definition) -> Iterator[None]:
    """What a workflow's body itself raises is told with its line; Stretto's own errors pass as they are.

    Raises `TargetError` in place of the body's exception; whatever did not pass through the body passes on.
    """
    try:
        yield
    except StrettoError:
        raise
    except Exception as error:
        if not _passed_through(error, definition.fn):
            raise
        where = place_in(error, definition.fn.__code__.co_filename)
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise TargetError(
            f"The body of workflow {definition.name!r} raised {text.rstrip('.')}.", where=where
        ) from error


def _passed_through(error: BaseException, fn: Callable[..., object]) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is fn.__code__:
            return True
        trace = trace.tb_next
    return False
