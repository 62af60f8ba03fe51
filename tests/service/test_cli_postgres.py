"""The command line with PostgreSQL: every command answers as it does with a file, and processes meet in it."""

from __future__ import annotations

import base64
import re
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

from runtime.postgres_server import Server, schema_url, server
from service.waiting_flows import WAITING, id_in, until_there
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.conftest import Cli, Outcome

__all__ = ["server"]

MORE = """
from stretto import current


@step
async def chats(n: int) -> int:
    current().progress(1, 4, "stirring")
    current().logger.warning("too warm")
    await asyncio.sleep(0.001)
    return n


@workflow
def chatty(n: int = 1) -> int:
    return chats(n)


@step
async def long(wish: str) -> list[str]:
    return [wish] * 20_000


@workflow
def longs(wish: str = "Negroni") -> list[str]:
    return long(wish)
"""

SCRIPT = """
    ls
    inbox
    show latest
    run flows.py:done -i wish=Spritz
    run flows.py:spills
    run flows.py:order
    run flows.py:both
    run flows.py:paid
    run flows.py:chatty
    run flows.py:longs
    run flows.py:order --key once
    run flows.py:order --key once
    ls
    ls -v
    ls status:waiting workflow:order
    ls --json
    ls id:{done}
    show {done}
    show {done} serve
    show {done} --json
    show {longs} long --json
    show {order}
    show {order} approve
    show {done} desing
    show zzzz
    watch {done}
    watch {done} --json
    watch {longs} --json
    watch {order}
    watch {spills}
    logs {chatty}
    logs {chatty} --json
    logs {done}
    explain {done}
    explain {order}
    inbox
    inbox --json
    approve {order} --edit {{"price":9}}
    approve {order} --edit {{"name":"Fizz","price":9}} --by ann --note dear
    show {order}
    approve {order}
    respond {both} ask salt --no-resume
    inbox
    resume {both}
    reject {both} --by ann --note no
    send {paid} nothing --data 1 --no-resume
    send {paid} payment --data [1]
    show {paid} --json
    fork {done} --from serve --dry-run
    fork {done} --from serve
    fork {done} --set wish=Fizz --json
    resume {done}
    resume {spills}
    cancel {order-2} --why late
    cancel {order-2}
    show {order-2}
    ls
    gc --older-than 1h
    gc --older-than 0s --dry-run
    gc --older-than 0s --json
    ls
"""


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(WAITING + MORE)
    return cli


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """An empty place."""
    server.ask("DROP SCHEMA IF EXISTS cli CASCADE")
    yield f"{schema_url(server, 'cli')}&lease=1"
    server.ask("DROP SCHEMA IF EXISTS cli CASCADE")


class Session:
    """Commands given one after the other to a store; runs are named by their workflow, and by the beginning of their
    ids."""

    def __init__(self, cli: Cli, url: str) -> None:
        self._cli = cli
        self._url = url
        self._ids: dict[str, str] = {}

    def give(self, line: str) -> tuple[str, int, str, str]:
        """A command, and how it ended, in words that do not depend on ids, instants or the store."""
        words = line.format_map({name: run_id[:8] for name, run_id in self._ids.items()}).split()
        done = self._cli.run(words[0], "--store", self._url, *words[1:])
        if words[0] in ("run", "fork") and "--dry-run" not in words:
            self._note(words[1].partition(":")[2] or "fork", done)
        said = self._plain(done.out)
        if words[0] == "explain":  # what would help most stands first
            said = "\n".join(sorted(said.splitlines()))
        return line, done.code, said, self._plain(done.err)

    def _note(self, name: str, done: Outcome) -> None:
        run_id = id_in(done.err)
        if run_id not in self._ids.values():
            self._ids[f"{name}-2" if name in self._ids else name] = run_id

    def _plain(self, said: str) -> str:
        said = said.replace(f"'{self._url}'", "<store>").replace(self._url, "<store>")
        for name, run_id in self._ids.items():
            said = re.sub(rf"\b{run_id[:6]}({run_id[6:]}|{run_id[6:8]})?\b", f"<{name}>", said)
        for pattern, word in _VARYING:
            said = re.sub(pattern, word, said)
        return said


_VARYING = (
    (r"\b[0-9a-f]{12}\b", "<id>"),
    (r"\b\d{10}\.\d+\b", "<instant>"),
    (r"\b\d+(\.\d+)?(e-\d+)?( |\b)(ms|s|min|h)\b", "<length>"),
    (r"\b\d+\.\d+(e-\d+)?\b", "<number>"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d\S*", "<date>"),
    (r"\d\d:\d\d:\d\d", "<time>"),
    (r"\d+%", "<share>"),
    (r"(?<=no run 'zzzz'. Known: ).*(?=\. It is)", "<ids>"),
    (r" +", " "),
)


@pytest.mark.slow
def test_every_command_answers_as_with_a_file(flows: Cli, url: str) -> None:
    """Words and exit codes are the same, command by command."""
    told: list[list[tuple[str, int, str, str]]] = []
    for place in ("sqlite:///runs.db", url):
        session = Session(flows, place)
        told.append([session.give(line.strip()) for line in SCRIPT.strip().splitlines()])
        shutil.rmtree(flows.folder / ".stretto", ignore_errors=True)
        (flows.folder / "made.txt").unlink()
    for with_file, with_postgres in zip(*told, strict=True):
        assert with_postgres == with_file
    assert {code for _, code, _, _ in told[0]} >= {0, 1, 2, 4, 10, 12, 14}


@pytest.mark.slow
def test_processes_meet_in_the_database(flows: Cli, url: str) -> None:
    """A run at work elsewhere is listed with its owner, watched, answered and cancelled from here, and not resumed."""
    store = ("--store", url)
    with flows.start("run", *store, "flows.py:lasting_then_asks", "--wait") as running:
        assert running.stderr is not None
        run_id = id_in(running.stderr.readline())
        until_there(flows.folder / "begun.txt")
        assert f"  {running.pid}@" in flows.run("ls", "-v", *store).out
        owned = flows.run("resume", run_id[:6], *store)
        assert (owned.code, f"at work in process {running.pid} on" in owned.err) == (1, True)
        with flows.start("watch", run_id[:6], *store) as watching:
            answered = flows.run("respond", run_id[:6], "ask", "an olive", *store)
            assert answered.code == 0
            assert (
                f"answered: ask, in run {run_id}, which is at work in process {running.pid}@" in answered.out
            )
            (flows.folder / "go.txt").touch()
            seen, _ = watching.communicate(timeout=20)
        out, _ = running.communicate(timeout=20)
    assert (running.returncode, watching.returncode) == (0, 0)
    assert f"run {run_id} has ended: succeeded" in seen
    assert "an olive" in out
    (flows.folder / "go.txt").unlink()
    (flows.folder / "begun.txt").unlink()
    with flows.start("run", *store, "flows.py:lasting") as running:
        assert running.stderr is not None
        run_id = id_in(running.stderr.readline())
        until_there(flows.folder / "begun.txt")
        assert flows.run("cancel", run_id[:6], "--why", "closing time", *store).code == 0
        _, said = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "closing time" in said


@pytest.mark.slow
def test_a_killed_process_s_run_is_resumed(flows: Cli, url: str) -> None:
    """As soon as its lease is over, by the beginning of its id; what had finished is not done again."""
    store = ("--store", url)
    with flows.start("run", *store, "flows.py:lasting") as running:
        assert running.stderr is not None
        run_id = id_in(running.stderr.readline())
        until_there(flows.folder / "begun.txt")
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=20)
    (flows.folder / "go.txt").touch()
    found = open_store(url)
    until = time.monotonic() + 10
    while found.run(run_id).owner is not None:
        assert time.monotonic() < until
        time.sleep(0.01)
    found.close()
    gone_on = flows.run("resume", run_id[:6], *store)
    assert gone_on.code == 0
    assert gone_on.out.endswith("value\nHouse Negroni\n")
    assert (flows.folder / "made.txt").read_text() == "design\n"


# ------------------------------------------------------------------ sealed

KEY, OTHER = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
MARK = "QuiteUnmistakable"


def _dumped(server: Server) -> bytes:
    """All that lies in the tables, as text."""
    tables = server.ask("SELECT table_name FROM information_schema.tables WHERE table_schema = 'cli'")
    assert len(tables) == 8
    rows: list[object] = []
    for (table,) in tables:
        rows += server.ask(f'SELECT * FROM cli."{table}"')
    return repr(rows).encode()


@pytest.mark.slow
def test_a_sealed_database(flows: Cli, server: Server, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a value can be read in it, of inputs, results, large ones and answers alike; without the key, or with
    another, it is not used; with it a run goes on."""
    store = ("--store", url)
    monkeypatch.setenv("STRETTO_KEY", KEY)
    begun = flows.run("run", *store, "flows.py:both", "-i", f"wish={MARK}")
    assert begun.code == 12
    run_id = id_in(begun.err)
    assert flows.run("run", *store, "flows.py:longs", "-i", f"wish={MARK}").code == 0
    assert flows.run("respond", run_id, "ask", MARK, "--no-resume", *store).code == 0
    dumped = _dumped(server)
    assert run_id.encode() in dumped
    assert MARK.encode() not in dumped
    assert MARK.encode().hex().encode() not in dumped
    for key, words in ((OTHER, "was sealed with another key"), (None, "is sealed, and no key was given")):
        monkeypatch.setenv("STRETTO_KEY", key) if key else monkeypatch.delenv("STRETTO_KEY")
        for command in (["show", run_id], ["resume", run_id], ["approve", run_id], ["ls"]):
            refused = flows.run(*command, *store)
            assert (refused.code, words in refused.err) == (1, True), refused
            assert MARK not in refused.out + refused.err
    assert _dumped(server) == dumped
    monkeypatch.setenv("STRETTO_KEY", KEY)
    done = flows.run("approve", run_id[:6], "approve", *store)
    assert done.code == 0
    assert done.out.endswith(f"value\nHouse {MARK} at 14 with {MARK}\n")
    assert MARK.encode() not in _dumped(server)


@pytest.mark.slow
def test_a_look_makes_no_schema(flows: Cli, server: Server) -> None:
    """Where no run was ever kept, there is nothing to see, and nothing is there afterwards."""
    place = schema_url(server, "never_made")
    for command in ("ls", "inbox"):
        said = flows.run(command, "--store", place)
        assert said.code == 0
    assert flows.run("show", "latest", "--store", place).code == 4
    assert server.ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'never_made'") == [(0,)]
