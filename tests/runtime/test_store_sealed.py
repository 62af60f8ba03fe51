"""`SealedStore`: what lies at rest can be read and changed with the key alone."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from runtime.store_conformance import LonelyConformance, StoreConformance, append_all, begin, digest_of
from runtime.store_helpers import new_run
from stretto import Engine, approve, step, workflow
from stretto.errors import ConfigError, StoreDamagedError, StoreError
from stretto.ports import Collected, Entry, RowChange
from stretto.runtime.stores import open_store, sealed_with
from stretto.runtime.stores.memory import MemoryStore
from stretto.runtime.stores.sealed import UNREADABLE, SealedStore
from stretto.runtime.stores.sealing import KEY_BYTES, OVERHEAD, Sealer, key_of
from stretto.runtime.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stretto.ports import Store

KEY = bytes(range(KEY_BYTES))
OTHER = bytes(KEY_BYTES)
SECRET = "the weather in Samarkand"


class _SealedBlobs:
    """A sealed store's large values have names of their own, which its entries hold."""

    def _named(self, store: Store, run_id: str, *bodies: bytes) -> list[str]:
        forms = [f'{{"$":"blob","hash":"{digest_of(body)}","size":{len(body)}}}' for body in bodies]
        entry = Entry(f"[{','.join(forms)}]".encode(), None, {digest_of(body): body for body in bodies})
        append_all(store, run_id, begin(store, run_id), entry)
        return [form["hash"] for form in json.loads(store.entries(run_id)[0])]

    def test_blobs_come_back(self, store: Store, other: Store) -> None:
        """By the names that the entry has for them, at any size, for anybody with the key."""
        bodies = [b"", b"small", bytes(range(256)) * 8192]
        names = self._named(store, "r1", *bodies)
        assert [store.blob(name) for name in names] == bodies
        assert [other.blob(name) for name in names] == bodies

    def test_two_runs_share_a_blob(self, store: Store) -> None:
        """The same value has the same name."""
        assert self._named(store, "r1", b"shared" * 99) == self._named(store, "r2", b"shared" * 99)

    def test_a_blob_that_is_not_its_hash(self, store: Store) -> None:
        """The name of the bare value finds nothing: outside nobody can try whether a guess is there."""
        (name,) = self._named(store, "r1", b"a guess")
        assert name != digest_of(b"a guess")
        with pytest.raises(StoreDamagedError):
            store.blob(digest_of(b"a guess"))

    def test_collect_keeps_blobs_in_use(self, store: Store) -> None:
        """A large value goes with the last run that needs it; its bytes are counted as they lie there."""
        (shared, alone), (again,) = self._ended(store, "r1", 1.0), self._ended(store, "r2", 5.0, "shared")
        assert store.collect(2.0) == Collected(1, 1, len(b"alone") + OVERHEAD)
        assert shared == again
        assert store.blob(shared) == b"shared"
        with pytest.raises(StoreDamagedError):
            store.blob(alone)
        assert store.collect(6.0) == Collected(1, 1, len(b"shared") + OVERHEAD)

    def _ended(self, store: Store, run_id: str, at: float, *texts: str) -> list[str]:
        names = self._named(store, run_id, *(text.encode() for text in texts or ("shared", "alone")))
        change = RowChange(status="succeeded", ended_at=at)
        append_all(store, run_id, 1, Entry(b"{}", change))
        store.release(run_id, 1)
        return names

    def test_collect_keeps_forks(self, store: Store) -> None:
        """A run whose parent is gone keeps the values that both have."""
        (name,) = self._ended(store, "r1", 1.0, "of both")
        assert self._named(store, "r2", b"of both") == [name]
        assert store.collect(9.0) == Collected(1, 0, 0)
        assert store.blob(name) == b"of both"


class TestSealedInMemory(_SealedBlobs, LonelyConformance):
    """Over the store in memory."""

    @pytest.fixture
    def store(self) -> SealedStore:
        return SealedStore(MemoryStore(), KEY)

    @pytest.fixture
    def other(self, store: SealedStore) -> SealedStore:
        return store


class TestSealedSqlite(_SealedBlobs, StoreConformance):
    """Over SQLite, seen by two."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SealedStore]:
        store = SealedStore(SqliteStore(tmp_path / "runs.db"), KEY)
        yield store
        store.close()

    @pytest.fixture
    def other(self, store: SealedStore, tmp_path: Path) -> Iterator[SealedStore]:
        other = SealedStore(SqliteStore(tmp_path / "runs.db"), KEY)
        yield other
        other.close()


# ---------------------------------------------------------------- what lies at rest


@step
async def ponder(text: str) -> str:
    return text * 4000


@step
async def whisper(text: str) -> str:
    return text


@workflow
def musing(text: str) -> str:
    return approve(whisper(text), "May this be said?")


@workflow
def long_musing(text: str) -> str:
    return ponder(text)


def _place(tmp_path: Path) -> str:
    return str(tmp_path / "runs.db")


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRETTO_KEY", base64.b64encode(KEY).decode())


def test_nothing_of_a_runs_values_is_in_the_file(tmp_path: Path, keyed: None) -> None:
    """Neither inputs, nor results, small or large, nor answers; the same run without a key has them all there."""
    found = {}
    for name in ("sealed", "plain"):
        if name == "plain":
            del os.environ["STRETTO_KEY"]
        store = open_store(str(tmp_path / f"{name}.db"))
        waiting = musing.with_options(engine=Engine(store=store), leaves_waiting=True, run_id="w")
        asyncio.run(waiting.aresult(SECRET))
        long_musing.with_options(engine=Engine(store=store), run_id="l").run(SECRET)
        store.send("w", "answer", f'{{"note": "{SECRET}"}}'.encode(), 1.0)
        store.close()
        whole = b"".join(each.read_bytes() for each in sorted(tmp_path.glob(f"{name}.db*")))
        found[name] = whole.count(SECRET.encode())
        assert b"May this be said?" in whole  # texts of waits stay readable
    assert found["sealed"] == 0
    assert found["plain"] > 3


def test_a_sealed_run_goes_on(tmp_path: Path, keyed: None) -> None:
    """Another process with the key takes it up; large values come back."""
    store = open_store(_place(tmp_path))
    first = long_musing.with_options(engine=Engine(store=store), run_id="r").run(SECRET)
    store.close()
    again = open_store(_place(tmp_path))
    assert long_musing.with_options(engine=Engine(store=again)).resume("r").value == first.value
    again.close()


def test_a_wrong_a_missing_and_a_needless_key(tmp_path: Path) -> None:
    """Each is refused when the store is opened, with what to do, and nothing is changed."""
    sealed, plain = tmp_path / "sealed.db", tmp_path / "plain.db"
    for place, key in ((sealed, KEY), (plain, None)):
        store = sealed_with(SqliteStore(place), key)
        store.create(new_run())
        store.close()
    with pytest.raises(StoreError, match=r"is sealed, and no key was given\. Set .* STRETTO_KEY to"):
        sealed_with(SqliteStore(sealed), None)
    with pytest.raises(StoreError, match="sealed with another key than the one given"):
        sealed_with(SqliteStore(sealed), OTHER)
    with pytest.raises(StoreError, match="holds runs that were written without a key, such as r1"):
        sealed_with(SqliteStore(plain), KEY)
    for place, key in ((sealed, KEY), (plain, None)):
        store = sealed_with(SqliteStore(place), key)
        assert store.run("r1") == store.runs()[0]
        store.close()


def test_a_refused_store_is_closed(tmp_path: Path) -> None:
    """Nobody else can close it."""
    inner = MemoryStore()
    inner.create(new_run())
    with pytest.raises(StoreError, match="without a key"):
        sealed_with(inner, KEY)
    with pytest.raises(StoreError, match="closed"):
        inner.runs()


def test_what_was_changed_is_not_handed_out() -> None:
    """An entry of another run, an entry that was cut, options that were changed."""
    inner = MemoryStore()
    store = SealedStore(inner, KEY)
    for run_id in ("r1", "r2"):
        append_all(store, run_id, begin(store, run_id), Entry(b"body of %s" % run_id.encode()))
    append_all(inner, "r1", inner.run("r1").epoch, Entry(inner.entries("r2")[0]))
    with pytest.raises(StoreDamagedError, match="an entry of run r1 was not sealed with this key"):
        store.entries("r1")
    append_all(inner, "r2", inner.run("r2").epoch, Entry(inner.entries("r2")[0][:-1]))
    with pytest.raises(StoreDamagedError, match="run r2"):
        store.entries("r2")
    options = inner.run("r1").options
    for wrong in (options[:-8], options + "!"):
        inner.create(new_run("x" + wrong[-1])._replace(options=wrong))
        with pytest.raises(StoreDamagedError, match="options of run x"):
            store.run("x" + wrong[-1])


def test_a_text_that_looks_like_a_large_value() -> None:
    """A value that says what an entry says of a large one stays as it is."""
    store = SealedStore(MemoryStore(), KEY)
    large = b"large"
    text = json.dumps(json.dumps({"$": "blob", "hash": digest_of(large)}, separators=(",", ":"))).encode()
    append_all(store, "r1", begin(store), Entry(text, None, {digest_of(large): large}))
    assert store.entries("r1") == [text]


def test_a_letter_from_somebody_without_the_key() -> None:
    """It is refused, and those behind it are read; whoever asks for it is told."""
    inner = MemoryStore()
    store = SealedStore(inner, KEY)
    store.create(new_run())
    forged = inner.send("r1", "cancel", b'{"why": "forged"}', 1.0)
    as_event = SealedStore(inner, KEY)
    real = as_event.send("r1", "event", b"{}", 2.0)
    assert [(mail.number, mail.body) for mail in store.letters()] == [(real, b"{}")]
    assert inner.letter(forged).outcome == UNREADABLE
    with pytest.raises(StoreDamagedError, match="a letter to run r1, cancel"):
        store.letter(forged)


# ---------------------------------------------------------------- keys


def test_sealing_tells_nothing() -> None:
    """The same text is another one every time, longer by a known number of bytes; only what is to be shared is the
    same."""
    sealer = Sealer(KEY)
    first, second = sealer.seal(b"text", "a"), sealer.seal(b"text", "a")
    assert first != second
    assert len(first) == len(b"text") + OVERHEAD
    assert sealer.seal_same(b"text", "a") == sealer.seal_same(b"text", "a") != sealer.seal_same(b"text", "b")
    assert sealer.seal_same(b"text", "a") != Sealer(OTHER).seal_same(b"text", "a")
    assert sealer.open(first, "a") == sealer.open(sealer.seal_same(b"text", "a"), "a") == b"text"


@pytest.mark.parametrize("at", [0, 1, 13, 20, -1])
def test_each_changed_byte_is_noticed(at: int) -> None:
    """In the version, the random bytes, the text and the tag; and so are another place and another key."""
    sealer = Sealer(KEY)
    sealed = bytearray(sealer.seal(b"a longer text", "a"))
    with pytest.raises(StoreDamagedError):
        sealer.open(bytes(sealed), "b")
    with pytest.raises(StoreDamagedError):
        Sealer(OTHER).open(bytes(sealed), "a")
    sealed[at] ^= 1
    with pytest.raises(StoreDamagedError, match="not sealed with this key"):
        sealer.open(bytes(sealed), "a")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(12)])
def test_what_is_too_short(sealed: bytes) -> None:
    """It is damage, not a defect."""
    with pytest.raises(StoreDamagedError):
        Sealer(KEY).open(sealed, "a")


def test_a_key_from_the_environment() -> None:
    """Base64 of 32 bytes, in either alphabet; nothing where nothing is set."""
    key = b"\xff\xfe" * 16
    for text in (base64.b64encode(key), base64.urlsafe_b64encode(key), b" " + base64.b64encode(key) + b"\n"):
        assert key_of({"K": text.decode()}, "K") == key
    assert key_of({}, "K") is None
    assert key_of({"K": "  "}, "K") is None


@pytest.mark.parametrize("text", ["hunter2", "hunter2!", base64.b64encode(b"x" * 31).decode(), "ü" * 44])
def test_what_is_no_key_is_not_shown(text: str) -> None:
    """The variable is named, and how to make a key; what stands there is not."""
    with pytest.raises(ConfigError, match="What stands in MY_KEY is no key") as wrong:
        key_of({"MY_KEY": text}, "MY_KEY")
    assert text not in str(wrong.value)
    assert "urandom(32)" in str(wrong.value)


def test_a_key_of_another_length() -> None:
    """It is refused where it is given."""
    with pytest.raises(ConfigError, match="32 bytes; this one has 16"):
        Sealer(KEY[:16])


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(ConfigError, match=r"pip install 'stretto\[crypto\]'"):
        Sealer(KEY)


def test_no_repr_shows_the_key() -> None:
    """Neither the sealer's nor the store's."""
    for shown in (repr(Sealer(KEY)), repr(SealedStore(MemoryStore(), KEY))):
        assert KEY.hex() not in shown
        assert str(KEY) not in shown
