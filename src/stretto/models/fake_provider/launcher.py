"""Starts the fake provider as a process of its own and ends it again."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, TYPE_CHECKING

from stretto.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.models.fake_provider.script import Script

__all__ = ["FakeProvider", "ProviderLog", "running_fake_provider"]

_GRACE = 2.0
_START_WITHIN = 20.0


@dataclass(frozen=True, slots=True)
class ProviderLog:
    """What the provider counted: honest replies served, scripted faults, requests whose client left."""

    requests: int
    served: int
    faulted: int
    aborted: int
    in_flight: int
    peak: int


class FakeProvider:
    """A running fake provider."""

    def __init__(self, child: subprocess.Popen[bytes], port: int) -> None:
        self._child = child
        self.port = port

    @property
    def base_url(self) -> str:
        """For a model's setting of that name."""
        return f"http://127.0.0.1:{self.port}/v1"

    def log(self) -> ProviderLog:
        """What has happened so far. Raises `ProviderError` when the process has gone."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/log")
            return ProviderLog(**json.loads(connection.getresponse().read()))
        except OSError as error:
            raise ProviderError("The fake provider does not answer; its process has ended.") from error
        finally:
            connection.close()

    def close(self) -> None:
        """End the process. May be called twice."""
        self._child.terminate()
        try:
            self._child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def running_fake_provider(script: Script | None = None, seed: int = 0) -> Iterator[FakeProvider]:
    """A fake provider for the length of a `with` block.

    It lives in a session of its own, so that Ctrl-C reaches the caller alone, and ends by itself when the
    caller dies. Raises `ProviderError` with what it said when it does not start.
    """
    with tempfile.TemporaryFile() as words:
        provider = _start(script, seed, words)
        try:
            yield provider
        finally:
            provider.close()


def _start(script: Script | None, seed: int, words: IO[bytes]) -> FakeProvider:
    command = [
        sys.executable,
        "-P",
        "-m",
        "stretto.models.fake_provider",
        "--seed",
        str(seed),
        "--exit-with-parent",
    ]
    child = subprocess.Popen(  # noqa: S603  # our own program
        command if script is None else [*command, "--script", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=words,
        env=_environment(),
        start_new_session=True,
    )
    provider = FakeProvider(child, 0)
    try:
        _tell(child, script)
        provider.port = _ready_port(child, words)
    except BaseException:
        provider.close()
        raise
    return provider


def _environment() -> dict[str, str]:
    """The child finds this very package, also when it was not installed but put on the path."""
    root = Path(__file__).resolve().parents[3]
    if root.name in {"site-packages", "dist-packages"}:
        return dict(os.environ)
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *([inherited] if inherited else [])])}


def _tell(child: subprocess.Popen[bytes], script: Script | None) -> None:
    if script is not None and child.stdin is not None:
        try:
            child.stdin.write(script.to_json().encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError:
            return  # it has ended already: its own words say why


def _ready_port(child: subprocess.Popen[bytes], words: IO[bytes]) -> int:
    """The port from the line that says it listens."""
    if child.stdout is None:
        raise ProviderError("The fake provider was started without an output to read.")
    readable, _, _ = select.select([child.stdout], [], [], _START_WITHIN)
    line = child.stdout.readline() if readable else b""
    if not line:
        words.seek(0)
        said = words.read().decode("utf-8", "replace").strip() or "nothing"
        raise ProviderError(f"The fake provider did not start within {_START_WITHIN:g} s. It said: {said}")
    return int(json.loads(line)["port"])
