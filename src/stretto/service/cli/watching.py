"""Who watches a run from the command line: a live picture, plain lines, or lines of JSON."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, NamedTuple, Protocol, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from stretto.observe.ndjson import NdjsonLines
    from stretto.observe.prints import StepPrints
    from stretto.ports import Observer

__all__ = ["JsonStdout", "Watcher", "has_picture", "json_on_stdout", "watcher"]

_STDOUT = 1
_STDERR = 2


class Watcher:
    """An observer, and what ends its picture."""

    def __init__(self, observer: Observer, picture: _Picture | None = None) -> None:
        self.observer = observer
        self._picture = picture

    def finish(self, critical: Iterable[str] = ()) -> None:
        """The run is over, however it ended: give the terminal back."""
        if self._picture is not None:
            self._picture.finish(critical)


class _Picture(Protocol):
    def finish(self, critical: Iterable[str] = ()) -> None: ...


class JsonStdout(NamedTuple):
    """stdout as lines of JSON, and what catches the prints of steps."""

    lines: NdjsonLines
    prints: StepPrints

    def say(self, run: str, kind: str, data: Mapping[str, object]) -> None:
        """A last line about a run: whatever its steps had begun to print comes before it."""
        self.prints.tell_rest()
        self.lines.say(run, None, None, time.time(), kind, data)


def watcher(title: str, out: JsonStdout | None = None) -> Watcher:
    """Lines of JSON where `out` is given, a live picture on a terminal, plain lines anywhere else."""
    if out is not None:
        return Watcher(out.lines)
    if has_picture(sys.stdout):
        from rich.console import Console

        from stretto.observe.terminal import TerminalView

        view = TerminalView(Console(highlight=False), title)
        return Watcher(view, view)
    from stretto.observe.plain import PlainLines

    return Watcher(PlainLines(sys.stdout))


def has_picture(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


@contextmanager
def json_on_stdout(is_wanted: bool) -> Iterator[JsonStdout | None]:
    """While the block runs, nothing but lines of JSON reaches stdout; None without `is_wanted`.

    What steps print becomes `log` events, what anything else prints goes to stderr – also what is written
    past Python, by a child process say, because the file descriptor itself is led there.
    """
    if not is_wanted:
        yield None
        return
    from stretto.observe.ndjson import NdjsonLines
    from stretto.observe.prints import StepPrints

    with _stdout_kept_apart() as stream:
        lines = NdjsonLines(stream)
        out = JsonStdout(lines, StepPrints(lines, sys.stderr))
        with redirect_stdout(cast("TextIO", out.prints)):
            try:
                yield out
            finally:
                out.prints.tell_rest()


@contextmanager
def _stdout_kept_apart() -> Iterator[TextIO]:
    """A stream to where stdout led, while descriptor 1 leads to stderr."""
    if not _is_descriptor_one(sys.stdout):
        yield sys.stdout
        return
    sys.stdout.flush()
    kept = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    stream = os.fdopen(os.dup(kept), "w", encoding="utf-8", newline="\n")
    try:
        yield stream
    finally:
        try:
            stream.close()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), kept)
        os.dup2(kept, _STDOUT)
        os.close(kept)


def _is_descriptor_one(stream: TextIO) -> bool:
    try:
        return stream.fileno() == _STDOUT
    except (OSError, ValueError, AttributeError):
        return False
