"""What the command line says: data on stdout, words about it on stderr, errors in one style."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from stretto.core.values.secret import mask
from stretto.errors import DefinitionError, NotFoundError, StrettoError
from stretto.service.secrecy import without_password

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

__all__ = ["Words", "hint_for", "say", "say_lines", "warn"]


def say(text: str = "") -> None:
    """One line on stdout, at once. A reader who has left ends the writing, not the command."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _lead_nowhere(sys.stdout)


def _lead_nowhere(stream: TextIO) -> None:
    """What is still to be said, and what waits in the stream's buffer, is for nobody."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def say_lines(lines: Iterable[str]) -> None:
    """Several lines on stdout."""
    say("\n".join(lines))


def warn(text: str) -> None:
    """One line on stderr, at once."""
    sys.stderr.write(mask(text) + "\n")
    sys.stderr.flush()


def hint_for(error: BaseException) -> str | None:
    """What only the command line knows: the name that was probably meant, the setting that helps."""
    if isinstance(error, DefinitionError) and "resource 'model'" in error.what:
        return 'Or choose one for the command line: [model] with provider = "offline" in stretto.toml'
    if isinstance(error, DefinitionError) and "no source that could be read" in error.what:
        return "Or run it without a journal: --store memory; it ends with its process then"
    if not isinstance(error, NotFoundError):
        return None
    if error.kind.startswith("limit"):
        return f"For the command line: [limits] with {error.name} = N in stretto.toml"
    if error.kind == "workflow" and Path(f"{error.name}.py").is_file():
        return f"Did you mean the file {error.name}.py?"
    if error.kind == "workflow" and not error.known and ":" not in error.name:
        return "No workflow is installed here; name a file: stretto run file.py"
    close = get_close_matches(error.name.rpartition("/")[2], error.known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]!r}?" if close else None


class Words:
    """How much is said about errors. `command` is what the user typed, for the command to go on."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = tuple(command)
        self.is_verbose = False

    def error(self, error: BaseException) -> None:
        """Say what is wrong, where, and how to mend it; the traceback only when asked for."""
        if self.is_verbose:
            sys.stderr.write(mask("".join(traceback.format_exception(error))))
        if isinstance(error, StrettoError):
            warn(f"error: {error}")
            hint = hint_for(error)
        else:
            warn(f"error: unexpected {type(error).__name__}: {error}")
            hint = None if self.is_verbose else f"For the traceback: {self.again('-v')}"
        if hint:
            warn(f"  {hint}")

    def again(self, *more: str) -> str:
        """The same command with `more` before it, and without passwords in it."""
        return shlex.join(["stretto", *more, *[mask(without_password(each)) for each in self.command]])
