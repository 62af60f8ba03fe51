"""What steps print, taken off stdout and told as `log` events."""

from __future__ import annotations

import io
import time
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO, TextIO

from stretto.context import attempt_here
from stretto.core.values.secret import mask

if TYPE_CHECKING:
    from stretto.observe.ndjson import NdjsonLines

__all__ = ["StepPrints"]


class StepPrints(io.TextIOBase):
    """Stands in for `sys.stdout`: whole lines of a step become `log` events, all else goes to `words`."""

    def __init__(self, lines: NdjsonLines, words: TextIO) -> None:
        self._lines = lines
        self._words = words
        self._lock = Lock()
        self._begun: dict[tuple[str, str, int], str] = {}

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a class attribute without a value there
        """Text stays text here."""
        return "utf-8"

    @property
    def buffer(self) -> BinaryIO:
        """Bytes are nobody's lines: they go where other words go."""
        return self._words.buffer

    def fileno(self) -> int:
        """For child processes that are given this stream."""
        return self._words.fileno()

    def writable(self) -> bool:
        """True: steps print here."""
        return True

    def write(self, text: str, /) -> int:
        """Take some text; a line is told when it is whole."""
        attempt = attempt_here()
        if attempt is None:
            return self._words.write(text)
        key = (attempt.run_id, attempt.path, attempt.attempt)
        with self._lock:
            *whole, rest = (self._begun.pop(key, "") + text).split("\n")
            if rest:
                self._begun[key] = rest
        for line in whole:
            self._tell(key, line)
        return len(text)

    def flush(self) -> None:
        """Lines are told as they become whole; only what goes elsewhere is flushed."""
        if not self._words.closed:  # Python flushes what it forgets, perhaps later than where words went
            self._words.flush()

    def tell_rest(self) -> None:
        """Tell the lines that were begun and never ended."""
        with self._lock:
            begun, self._begun = self._begun, {}
        for key, line in begun.items():
            self._tell(key, line)

    def _tell(self, key: tuple[str, str, int], line: str) -> None:
        run, step, attempt = key
        data = {"level": "info", "text": mask(line), "stream": "stdout"}
        self._lines.say(run, step, attempt, time.time(), "log", data)
