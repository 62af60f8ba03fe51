"""PostgreSQL that has no room left, or lets somebody in who may do little: what is said, and that nothing is lost."""

from __future__ import annotations

import random
import secrets
import signal
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from runtime.postgres_server import Server, binaries, schema_url
from runtime.store_helpers import Listener, append_all, begin, digest_of, new_run
from stretto import Engine, current, step, workflow
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Created
from stretto.core.journal.reading import FactReader
from stretto.errors import StoreError
from stretto.ports import Entry
from stretto.runtime.stores import open_store
from stretto.runtime.stores.postgres import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.ports import Store

LARGEST = 6 << 20
"""Bytes that a file of the server may have while there is no room: what it has from the beginning is smaller."""

STEPS, SIZE = 12, 1_000_000
STARTS: Counter[str] = Counter()


class SmallServer(Server):
    """A server whose tables cannot grow beyond `LARGEST` while `is_full`; any other trouble of a disk it has not."""

    is_full = False

    def _command(self, program: str, *arguments: str) -> list[str]:
        if program == "initdb":
            return super()._command(program, *arguments, "--wal-segsize=1")
        command = super()._command(program, *arguments)
        return ["prlimit", f"--fsize={LARGEST}", *command] if self.is_full else command

    @contextmanager
    def full(self) -> Iterator[None]:
        """Meanwhile there is no room."""
        self.is_full = True
        self.restart(signal.SIGINT)
        try:
            yield
        finally:
            self.is_full = False
            self.restart(signal.SIGINT)


@pytest.fixture(scope="module")
def small() -> Iterator[SmallServer]:
    """It belongs to these tests alone: they change what it lets in."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    made = SmallServer(programs)
    made.start()
    yield made
    made.remove()


@pytest.fixture
def schema(small: SmallServer) -> Iterator[str]:
    """A schema of the test's own."""
    yield "small"
    small.ask("DROP SCHEMA IF EXISTS small CASCADE")


@pytest.fixture
def humble(small: SmallServer, schema: str) -> Iterator[str]:
    """The URL of a user that may do nothing yet."""
    small.ask("CREATE ROLE humble LOGIN PASSWORD 'right'")
    yield schema_url(small, schema).replace("stretto@", "humble@")
    small.ask(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    small.ask("DROP ROLE humble")


def _refused(url: str) -> str:
    """What opening a store says."""
    with pytest.raises(StoreError) as refused:
        PostgresStore(url, patience=0.5).close()
    return str(refused.value)


# ------------------------------------------------------------------ no room


@step
async def filled(number: int, before: str) -> str:
    STARTS[current().path] += 1
    return random.Random(number).randbytes(SIZE // 2).hex() + before[:8]


@step
async def sizes(texts: list[str]) -> list[int]:
    return [len(text) for text in texts]


@workflow
def filling() -> list[int]:
    made = [filled.named("f0")(0, "")]
    for number in range(1, STEPS):
        made.append(filled.named(f"f{number}")(number, made[-1]))
    return sizes(made)


@workflow
def little(number: int) -> list[int]:
    return sizes([str(number)])


VALUE = [SIZE, *[SIZE + 8] * (STEPS - 1)]


@pytest.mark.slow
def test_a_run_that_fills_the_disk_goes_on_later(small: SmallServer, schema: str) -> None:
    """It ends with words, as often as it is tried; small runs go on beside it; with room it goes on from where it was,
    with the right values, and nothing that was committed runs again."""
    STARTS.clear()
    store = open_store(schema_url(small, schema))
    flow = filling.with_options(engine=Engine(store=store))
    with small.full():
        with pytest.raises(
            StoreError, match=r"could not extend file.*Make room on the server, then resume"
        ) as said:
            flow.with_options(run_id="full").run()
        assert f"PostgreSQL at {store.url}: " in str(said.value)
        kept = _committed(store)
        assert 0 < len(kept) < STEPS
        with pytest.raises(StoreError, match="Make room on the server"):
            flow.resume("full")
        assert _committed(store) == kept
        assert little.with_options(engine=Engine(store=store)).run(7).value == [1]
    assert flow.resume("full").value == VALUE
    store.close()
    again = {path for path, count in STARTS.items() if count > 1}
    assert again & kept == set()
    assert len(again) == 1
    print(f"{len(kept)} of {STEPS} values were committed, {STARTS[again.pop()]} attempts at the next")


def _committed(store: Store) -> set[str]:
    """The steps whose success the run's journal holds, and whose values can be read."""
    reader = FactReader(blob=store.blob, is_opaque=True)
    facts = [fact for body in store.entries("full") for fact in reader.read(body)]
    created = facts[0][4]
    assert isinstance(created, Created)
    return {created.graph.path(fact[1]) for fact in facts if fact[0] == kinds.ATTEMPT_SUCCEEDED}


@pytest.mark.slow
def test_an_entry_without_room_is_told(small: SmallServer, schema: str) -> None:
    """A value that does not fit is not there at all, nor is what came behind it; its run alone has failed."""
    store = PostgresStore(schema_url(small, schema))
    with small.full():
        epoch = begin(store)
        append_all(store, "r1", epoch, Entry(b"before"))
        body = secrets.token_bytes(LARGEST)
        listener = Listener()
        store.append("r1", epoch, Entry(b"large", None, {digest_of(body): body}), listener)
        store.append("r1", epoch, Entry(b"behind"), listener)
        assert "Make room on the server" in str(listener.wait_error("r1"))
        assert store.entries("r1") == [b"before"]
        with pytest.raises(StoreError, match="has no value"):
            store.blob(digest_of(body))
        store.create(new_run("r2"))
        append_all(store, "r2", store.acquire("r2"), Entry(b"fine"))
        store.release("r1", epoch)
        append_all(store, "r1", store.acquire("r1"), Entry(b"after"))
        assert store.entries("r1") == [b"before", b"after"]
        store.close()


# ------------------------------------------------------------------ who may do little


@pytest.mark.slow
def test_a_wrong_password(small: SmallServer, humble: str) -> None:
    """Whose it is, and where it may stand; it is not shown, nor is one that is missing taken for a server's trouble."""
    hba = small.socket.parent / "data" / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text("local all humble scram-sha-256\n" + before)
    small.ask("SELECT pg_reload_conf()")
    try:
        wrong = _refused(humble.replace("humble@", "humble:wr0ng@"))
        missing = _refused(humble)
        hba.write_text("local all humble reject\n" + before)
        small.ask("SELECT pg_reload_conf()")
        rejected = _refused(humble)
    finally:
        hba.write_text(before)
        small.ask("SELECT pg_reload_conf()")
    assert 'password authentication failed for user "humble"' in wrong
    assert "Correct user and password in the URL, or set PGPASSWORD" in wrong
    assert "postgresql://humble@/postgres?host=" in wrong
    assert "wr0ng" not in wrong
    assert "no password supplied" in missing
    assert "set PGPASSWORD" in missing
    assert "pg_hba.conf" in rejected
    assert "Let it in there" in rejected


def test_no_room_for_one_more_connection(small: SmallServer, humble: str) -> None:
    """Nothing is wrong with the user or the password."""
    small.ask("ALTER ROLE humble CONNECTION LIMIT 0")
    said = _refused(humble)
    assert 'too many connections for role "humble"' in said
    assert "Let the server take more connections" in said


def test_a_database_that_is_not_open_to_all(small: SmallServer, humble: str) -> None:
    """The right that is needed is named."""
    small.ask("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    said = _refused(humble)
    small.ask("GRANT CONNECT ON DATABASE postgres TO PUBLIC")
    assert 'permission denied for database "postgres"' in said
    assert "GRANT CONNECT ON DATABASE" in said


def test_a_schema_of_somebody_else(small: SmallServer, humble: str, schema: str) -> None:
    """Without rights on it, on making tables there, or on the tables that are there: what to grant."""
    small.ask(f"CREATE SCHEMA {schema}")
    assert f"permission denied for schema {schema}" in (said := _refused(humble))
    assert "GRANT USAGE, CREATE ON SCHEMA" in said
    small.ask(f"GRANT USAGE ON SCHEMA {schema} TO humble")
    assert "GRANT USAGE, CREATE ON SCHEMA" in _refused(humble)
    PostgresStore(schema_url(small, schema)).close()
    assert "permission denied for table version" in (said := _refused(humble))
    assert "GRANT ALL ON ALL TABLES IN SCHEMA" in said


def test_a_server_that_is_only_read(small: SmallServer, humble: str, schema: str) -> None:
    """Runs can be looked at, and looking ends well; what would write says that the server takes no writes."""
    small.ask("ALTER ROLE humble SET default_transaction_read_only = on")
    small.ask(f"CREATE SCHEMA {schema} AUTHORIZATION humble")
    assert "takes no writes" in _refused(humble)
    small.ask("ALTER ROLE humble RESET default_transaction_read_only")
    made = PostgresStore(humble)
    epoch = begin(made)
    append_all(made, "r1", epoch, Entry(b"there"))
    made.close()
    small.ask("ALTER ROLE humble SET default_transaction_read_only = on")
    store = PostgresStore(humble)
    assert [row.run_id for row in store.runs()] == ["r1"]
    assert store.entries("r1") == [b"there"]
    with pytest.raises(StoreError, match=r"PostgreSQL at postgresql://humble@.*takes no writes"):
        store.acquire("r1")
    with pytest.raises(StoreError, match="takes no writes"):
        store.create(new_run("r2"))
    assert [row.epoch for row in store.runs()] == [epoch]
    store.close()
