"""`Audience`: whom a run tells what happens – its observers and the log."""

from __future__ import annotations

import functools
import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stretto.core.values.secret import mask
from stretto.ports import Telemetry

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from stretto.core.journal.facts import Fact
    from stretto.core.policy import Failure
    from stretto.ports import Clock, Observer, RunInfo

__all__ = ["Audience", "StepLogger", "masked"]

_log = logging.getLogger("stretto.engine")

_Record = tuple[str, int, int, float, dict[str, object]]
"""Kind, step, attempt, instant and data of a piece of telemetry."""


class Audience:
    """Facts are shown after they were committed; telemetry comes from attempts, perhaps from their threads.

    An observer that raises is told no more: watching a run can never end it. After `close` nobody is told
    anything: what an attempt says behind its run's end is not part of the run.
    """

    def __init__(
        self, info: RunInfo, observers: Sequence[Observer], clock: Clock, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.observers = list(observers)
        self._info = info
        self._clock = clock
        self._loop = loop
        self._is_closed = False
        self._told: deque[_Record] = deque()

    def close(self) -> None:
        """The run has ended. What was said before is still heard: inline glue ends a run in one turn of the loop."""
        while self._told:
            self._hear()
        self._is_closed = True

    def show(self, facts: list[Fact]) -> None:
        """A decision was committed."""
        self._each(lambda observer: observer.on_facts(self._info, facts))

    def tell(self, kind: str, index: int, attempt: int, **data: object) -> None:
        """Telemetry from a step; may be called from its thread, even after the loop has closed."""
        shown = {key: mask(each) if type(each) is str else each for key, each in data.items()}
        self._told.append((kind, index, attempt, self._clock(), shown))
        with suppress(RuntimeError):  # the loop has closed: the run is over and nobody listens
            self._loop.call_soon_threadsafe(self._hear)

    def log(self, index: int, attempt: int, level: str, text: str) -> None:
        """A record from a worker process; called on any thread."""
        self.logger(index, attempt).log(
            logging.getLevelNamesMapping().get(level.upper(), logging.INFO), "%s", text
        )

    def _hear(self) -> None:
        if not self._told:
            return
        kind, index, attempt, at, data = self._told.popleft()
        path = self._info.graph.path(index)
        if self._is_closed:
            level = logging.WARNING if kind == "usage" else logging.DEBUG
            text = "run %s: %s from attempt %d of %r came after the run had ended and was dropped: %s"
            _log.log(level, text, self._info.run_id, kind, attempt, path, data)
            return
        telemetry = Telemetry(kind, path, attempt, at, data)
        self._each(lambda observer: observer.on_telemetry(self._info, telemetry))

    def _each(self, call: Callable[[Observer], None]) -> None:
        for observer in tuple(self.observers):
            try:
                call(observer)
            except Exception:  # noqa: BLE001  # whatever it raises is its own affair
                _log.exception("an observer raised and is not told of run %s any more", self._info.run_id)
                self.observers.remove(observer)

    def logger(self, index: int, attempt: int) -> StepLogger:
        """The logger of one attempt."""
        extra = {"run": self._info.run_id, "step": self._info.graph.path(index), "attempt": attempt}
        return StepLogger(extra, functools.partial(self.tell, "log", index, attempt))


class StepLogger(logging.LoggerAdapter[logging.Logger]):
    """Logs to ``stretto.step`` with the run and the step, and into the run's telemetry."""

    def __init__(self, extra: dict[str, object], tell: Callable[..., None]) -> None:
        super().__init__(logging.getLogger("stretto.step"), extra)
        self._tell = tell

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log, and tell whoever watches the run."""
        if self.isEnabledFor(level):
            text = str(msg) % args if args else str(msg)
            self._tell(level=logging.getLevelName(level).lower(), text=text)
            if mask(text) != text:  # handlers are given what was masked, in one piece
                msg, args = mask(text), ()
        super().log(level, msg, *args, **kwargs)


def masked(failure: Failure) -> Failure:
    """The failure without the secrets that its texts repeat."""
    return failure._replace(message=mask(failure.message), traceback=mask(failure.traceback))
