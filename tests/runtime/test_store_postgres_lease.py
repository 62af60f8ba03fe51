"""Owners that stop, die and race for runs in PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.postgres_server import Server, schema_url, server, started
from runtime.store_helpers import PATIENCE, Listener, append_all, begin, digest_of, end_run, new_run
from stretto.errors import FencedError, RunOwnedError
from stretto.ports import Collected, Entry, RowChange
from stretto.runtime.stores.postgres import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["server"]

_LEASE = 1.0
_OWNER = Path(__file__).with_name("postgres_owner.py")


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """A place of the test's own."""
    yield schema_url(server, "lease")
    server.ask("DROP SCHEMA IF EXISTS lease CASCADE")


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    """This process's store, with a short lease."""
    made = PostgresStore(url, lease=_LEASE)
    yield made
    made.close()


class Owner:
    """Another process; see `postgres_owner`."""

    def __init__(self, url: str, *what: str, kill_at: str = "", lease: float = _LEASE) -> None:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("STRETTO_")}
        roots = os.pathsep.join(str(_OWNER.parents[2] / each) for each in ("src", "tests"))
        self.process = subprocess.Popen(
            [sys.executable, str(_OWNER), url, str(lease), *what],
            env=plain | {"PYTHONPATH": roots} | ({"STRETTO_KILL_AT": kill_at} if kill_at else {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, line: str) -> None:
        """Have it append a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """The next line it says, "" when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def owner(url: str) -> Iterator[Callable[..., Owner]]:
    """Starts other processes, and ends them."""
    made: list[Owner] = []

    def start(*what: str, **options: object) -> Owner:
        made.append(Owner(url, *what, **options))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for each in made:
        each.end()


def _until(what: Callable[[], object]) -> float:
    """Wait for it; the seconds that took."""
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.01)
    return time.monotonic() - begun


@pytest.mark.slow
def test_a_stopped_owner_is_overtaken_and_fenced(store: PostgresStore, owner: Callable[..., Owner]) -> None:
    """Stopped past its lease, it loses the run to whoever wants it; woken, not one of its writes is accepted."""
    store.create(new_run())
    other = owner("own", "r1")
    assert [other.hear(), other.hear()] == ["ready", "epoch 1"]
    other.say("mine")
    assert other.hear() == "committed"
    assert store.run("r1").owner is not None
    other.process.send_signal(signal.SIGSTOP)
    other.say("late 1")
    with pytest.raises(RunOwnedError, match=f"process {other.process.pid}"):
        store.acquire("r1")
    _until(store.orphans)
    assert store.acquire("r1") == 2
    other.process.send_signal(signal.SIGCONT)
    assert other.hear() == "FencedError"
    append_all(store, "r1", 2, Entry(b"ours", RowChange(status="succeeded", ended_at=1.0)))
    for n in range(3):
        other.say(f"late {n + 2}")
        assert other.hear() == "FencedError"
    assert store.entries("r1") == [b"mine", b"ours"]
    assert store.run("r1").status == "succeeded"


@pytest.mark.slow
def test_a_stopped_owner_that_nobody_overtook(store: PostgresStore, owner: Callable[..., Owner]) -> None:
    """A lease that has run out fences nobody: woken, its owner goes on and lives again."""
    store.create(new_run())
    other = owner("own", "r1")
    assert [other.hear(), other.hear()] == ["ready", "epoch 1"]
    other.process.send_signal(signal.SIGSTOP)
    _until(store.orphans)
    other.process.send_signal(signal.SIGCONT)
    other.say("still mine")
    assert other.hear() == "committed"
    _until(lambda: store.run("r1").owner)
    with pytest.raises(RunOwnedError):
        store.acquire("r1")


@pytest.mark.slow
def test_a_dead_owner_leaves_within_its_lease(store: PostgresStore, owner: Callable[..., Owner]) -> None:
    """Killed, it leaves an orphan within its lease, and a watch wakes for it within one and a half."""
    store.create(new_run())
    other = owner("own", "r1")
    assert [other.hear(), other.hear()] == ["ready", "epoch 1"]
    found: list[float] = []
    end = store.watch(lambda: found.append(time.monotonic()) if store.orphans() else None)
    other.end()
    killed = time.monotonic()
    _until(lambda: found)
    assert found[0] - killed < 1.5 * _LEASE + 0.3
    assert store.acquire("r1") == 2
    end()


@pytest.mark.slow
def test_an_owner_lives_longer_than_its_lease(store: PostgresStore, url: str) -> None:
    """As long as its process does, with one small write a third of a lease, whatever it has to do."""
    begin(store)
    time.sleep(1.6 * _LEASE)
    other = PostgresStore(url)
    assert other.orphans() == []
    with pytest.raises(RunOwnedError):
        other.acquire("r1")
    other.close()


@pytest.mark.slow
def test_the_lease_outlives_a_restart() -> None:
    """Heartbeats go on when the server is back, and the run stays its owner's."""
    own = started()
    try:
        url = schema_url(own, "stretto")
        store = PostgresStore(url, lease=_LEASE)
        epoch = begin(store)
        own.stop()
        time.sleep(1.2 * _LEASE)
        own.start()
        _until(lambda: store.run("r1").owner)
        time.sleep(1.2 * _LEASE)
        assert store.orphans() == []
        append_all(store, "r1", epoch, Entry(b"still mine"))
        store.close()
    finally:
        own.remove()


@pytest.mark.slow
def test_taken_over_in_the_same_process(store: PostgresStore, server: Server) -> None:
    """A store that was overtaken without noticing may acquire the run anew once the other has gone."""
    old = begin(store)
    server.ask("UPDATE lease.runs SET epoch = epoch + 1, owner = NULL")
    new = store.acquire("r1")
    listener = Listener()
    store.append("r1", old, Entry(b"old"), listener)
    assert isinstance(listener.wait_error("r1"), FencedError)
    append_all(store, "r1", new, Entry(b"new"))
    assert (new, store.entries("r1")) == (old + 2, [b"new"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "kept"),
    [
        ("postgres.before_commit", []),
        ("postgres.after_commit", [b"x"]),
        ("postgres.after_acquire", []),
    ],
)
def test_killed_at_a_point(
    store: PostgresStore, owner: Callable[..., Owner], place: str, kept: list[bytes]
) -> None:
    """Whatever was committed is there, nothing else is, and the run can be taken over."""
    store.create(new_run())
    other = owner("own", "r1", kill_at=place)
    assert other.hear() == "ready"
    if place != "postgres.after_acquire":
        assert other.hear() == "epoch 1"
        other.say("x")
    assert other.hear() == ""
    assert other.process.wait() == -signal.SIGKILL
    assert store.entries("r1") == kept
    _until(store.orphans)
    assert store.acquire("r1") == 2


@pytest.mark.slow
def test_killed_in_a_migration(owner: Callable[..., Owner], url: str, server: Server) -> None:
    """Nothing of it is there; the next to open makes it."""
    other = owner("own", "r1", kill_at="postgres.in_migration")
    assert other.hear() == ""
    assert other.process.wait() == -signal.SIGKILL
    assert server.ask("SELECT to_regclass('lease.runs')") == [(None,)]
    PostgresStore(url).close()


@pytest.mark.slow
def test_killed_in_a_collection(store: PostgresStore, owner: Callable[..., Owner]) -> None:
    """Either all of it has gone or nothing; here nothing, and the next collection takes it."""
    end_run(store, "r1", 1.0, {digest_of(b"blob"): b"blob"})
    other = owner("collect", "-", kill_at="postgres.in_collect")
    assert [other.hear(), other.hear()] == ["ready", ""]
    assert other.process.wait() == -signal.SIGKILL
    assert (store.entries("r1"), store.blob(digest_of(b"blob"))) == ([b"{}"], b"blob")
    _until(lambda: store.collect(9.0) == Collected(1, 1, 4))


@pytest.mark.heavy
def test_eight_processes_race(store: PostgresStore, owner: Callable[..., Owner]) -> None:
    """Each epoch has one owner, which alone wrote under it."""
    store.create(new_run())
    racers = [owner("race", "r1", "40") for _ in range(8)]
    for each in racers:
        assert each.hear() == "ready"
    for each in racers:
        each.say("go")
    won = [line for each in racers for line in iter(each.hear, "")]
    epochs = sorted(int(line.removeprefix("epoch ")) for line in won)
    assert epochs == list(range(1, len(won) + 1))
    assert store.entries("r1") == [b"%d" % epoch for epoch in epochs]
    assert len({each.process.wait() for each in racers}) == 1
