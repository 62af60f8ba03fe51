"""A run's events as lines of JSON, while it runs.

The envelope is `stretto.core.journal.events`'s. Values are written by `stretto.core.values`, so that
another program can read them back exactly; one that has no such form is replaced by the reason. Telemetry
stands in no journal: its `seq` is null.
"""

from __future__ import annotations

import json
from threading import Lock
from typing import TYPE_CHECKING, TextIO

from stretto.core.journal.events import VERSION, event_of
from stretto.core.journal.reading import Opaque
from stretto.core.values import encode_json
from stretto.errors import ValueEncodingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.core.journal.facts import Fact
    from stretto.ports import RunInfo, Telemetry

__all__ = ["NdjsonLines", "embedded"]


class NdjsonLines:
    """An observer that writes each event as one line. Safe to write to from several threads.

    A reader who has left ends the writing, not the run.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = Lock()
        self._seen: dict[str, int] = {}
        self._is_read = True

    def on_facts(self, run: RunInfo, facts: list[Fact]) -> None:
        """Write the events behind these facts."""
        first = self._seen.get(run.run_id, 0)
        self._seen[run.run_id] = first + len(facts)
        for seq, fact in enumerate(facts, first):
            event = event_of(fact, seq, run.run_id, run.graph)
            if event is not None:
                self.write(event._asdict())

    def on_telemetry(self, run: RunInfo, record: Telemetry) -> None:
        """Write what a step said."""
        self.say(run.run_id, record.step, record.attempt, record.at, record.type, record.data)

    def say(
        self,
        run: str,
        step: str | None,
        attempt: int | None,
        at: float,
        kind: str,
        data: Mapping[str, object],
    ) -> None:
        """Write something that no journal holds."""
        envelope = {"v": VERSION, "seq": None, "ts": at, "run": run, "step": step, "attempt": attempt}
        self.write({**envelope, "type": kind, "data": dict(data)})

    def write(self, event: Mapping[str, object]) -> None:
        """One line, at once. `data`'s values are encoded one by one."""
        data = event.get("data")
        shown = {key: embedded(value) for key, value in data.items()} if isinstance(data, dict) else data
        line = json.dumps({**event, "data": shown}, ensure_ascii=False, allow_nan=False) + "\n"
        with self._lock:
            if self._is_read:
                self._write(line)

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line)
            self._stream.flush()
        except BrokenPipeError:
            self._is_read = False


def embedded(value: object) -> object:
    """A value as JSON to be embedded; ``{"unencodable": why}`` where it has no exact form.

    What was read from a journal without its code is written as it stands there.
    """
    if isinstance(value, Opaque):
        return value.form
    if isinstance(value, dict) and any(isinstance(part, Opaque) for part in value.values()):
        return {key: embedded(part) for key, part in value.items()}
    try:
        return encode_json(value)
    except ValueEncodingError as error:
        return {"unencodable": str(error)}
