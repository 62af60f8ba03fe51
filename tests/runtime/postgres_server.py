"""A PostgreSQL server for tests alone: private socket, no port, an unprivileged user, ended by its pid."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Server", "binaries", "schema_url", "server"]

_USERS = ("postgres", "nobody")


def binaries() -> Path | None:
    """Where `initdb` and `postgres` lie: the newest of the distribution's, else on PATH."""
    found = sorted(
        (each for each in Path("/usr/lib/postgresql").glob("*/bin") if (each / "initdb").exists()),
        key=lambda each: float(each.parent.name),
    )
    if found:
        return found[-1]
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class Server:
    """One cluster in a directory of its own; `url` is that of its database."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._home = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
        self._user = _unprivileged()
        if self._user is not None:
            shutil.chown(self._home, self._user)
        self._data = self._home / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = self._home / ".s.PGSQL.5432"
        self.url = f"postgresql://stretto@/postgres?host={self._home}"
        self._run("initdb", "-D", str(self._data), "-U", "stretto", "-A", "trust", "--no-sync", "-E", "UTF8")

    def _command(self, program: str, *arguments: str) -> list[str]:
        command = [str(self._programs / program), *arguments]
        if self._user is None:
            return command
        return [
            "setpriv",
            f"--reuid={self._user}",
            f"--regid={_group(self._user)}",
            "--clear-groups",
            *command,
        ]

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            self._command(program, *arguments), check=True, capture_output=True, timeout=120, cwd=self._home
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._home),
            "fsync": "on",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "log_min_messages": "fatal",
            "deadlock_timeout": "100ms",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", "-D", str(self._data), *options),
                stdout=log,
                stderr=log,
                cwd=self._home,
            )
        self._await_answer()

    def _await_answer(self) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it: SIGQUIT without a word to anybody, as a crash would; SIGINT cuts all sessions and tidies up."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=60)
            self._process = None

    def restart(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop and start it."""
        self.stop(how)
        self.start()

    def remove(self) -> None:
        """End it, and forget its data."""
        self.stop()
        shutil.rmtree(self._home)

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """What a statement gives, as the server's owner."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


def _unprivileged() -> str | None:
    """Who runs it where this is root: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    return next(name for name in _USERS if name in known)


def _group(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def schema_url(server: Server, schema: str) -> str:
    """A place of its own on a server."""
    return f"{server.url}&schema={schema}"


def started() -> Server:
    """A server that runs; skips the test by name where there is none."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    made = Server(programs)
    made.start()
    return made


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that runs as long as the tests do."""
    made = started()
    yield made
    made.remove()
