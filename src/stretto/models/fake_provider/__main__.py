"""The fake provider as a program: ``python -m stretto.models.fake_provider``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import threading
from pathlib import Path

from stretto.errors import ConfigError
from stretto.models.fake_provider.script import Script
from stretto.models.fake_provider.server import serve

_OPEN_FILES = 8192


def main() -> int:
    """Serve until the process is ended, or with ``--exit-with-parent`` until its input closes."""
    options = _arguments()
    try:
        script = _read_script(options.script)
    except (ConfigError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201  # a program's own words
        return 2
    _allow_many_connections()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(script, options.seed, options.port, ends_with_input=options.exit_with_parent))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stretto.models.fake_provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; it is printed when ready")
    parser.add_argument("--seed", type=int, default=0, help="fixes latencies and which requests faults pick")
    parser.add_argument("--script", help="a JSON file; - reads one line from the input")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when the input closes")
    return parser.parse_args()


def _read_script(source: str | None) -> Script:
    if source is None:
        return Script()
    return Script.from_json(_input_line() if source == "-" else Path(source).read_text(encoding="utf-8"))


def _input_line() -> str:
    """One line, unbuffered: the thread that waits for the input's end must find the rest of it."""
    line = bytearray()
    while (byte := os.read(0, 1)) not in {b"", b"\n"}:
        line += byte
    return line.decode()


async def _run(script: Script, seed: int, port: int, *, ends_with_input: bool) -> None:
    server = await serve(script, seed, port)
    address: object = server.sockets[0].getsockname()
    print(json.dumps({"port": address[1] if isinstance(address, tuple) else 0}), flush=True)  # noqa: T201  # ready
    over = asyncio.Event()
    if ends_with_input:
        _when_input_closes(asyncio.get_running_loop(), over)
    await over.wait()


def _when_input_closes(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    def watch() -> None:
        while os.read(0, 4096):
            pass
        with contextlib.suppress(RuntimeError):  # the loop may have ended first
            loop.call_soon_threadsafe(over.set)

    threading.Thread(target=watch, daemon=True, name="input").start()


def _allow_many_connections() -> None:
    """Each client holds a file open, and the usual soft limit is 256 or 1024."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    with contextlib.suppress(ValueError, OSError):  # some systems allow less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main())
