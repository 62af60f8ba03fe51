"""Values come back equal from a store, or their step fails with a typed error: the run is never stuck."""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from stretto import Engine, step, workflow
from stretto.core.values import equal
from stretto.errors import ValueEncodingError
from stretto.runtime.engine import durable
from stretto.runtime.stores.memory import MemoryStore
from stretto.runtime.stores.sqlite import SqliteStore
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MADE: dict[str, object] = {}
CALLS: list[str] = []


@dataclass
class Base:
    name: str


@dataclass
class Special(Base):
    extra: tuple[int, ...]


@dataclass
class Unhinted:
    name: str


@step
async def make(key: str) -> Any:
    CALLS.append(key)
    return MADE[key]


@step
async def hinted(key: str) -> Base:
    CALLS.append(key)
    return MADE[key]  # type: ignore[return-value]  # a Base or one of its subclasses


@step
async def hand_on(value: object) -> object:
    return value


@workflow
def passing(key: str) -> object:
    return hand_on(make(key))


@workflow
def passing_base(key: str) -> object:
    return hand_on(hinted(key))


def _nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


def _circle() -> list[object]:
    value: list[object] = []
    value.append(value)
    return value


GOOD = {
    "nothing": b"",
    "empty": "",
    "NaN": math.nan,
    "infinity": [math.inf, -math.inf, -0.0],
    "lone surrogate": "a\ud800b",
    "NUL": "a\0b",
    "a tuple in Any": (1, (2, "x")),
    "a time in Any": {"at": datetime(2026, 11, 21, 8, tzinfo=UTC)},
    "a large number": 10**400,
    "a megabyte": "é" * 500_000,
    "bytes": b"\xff" * 1_000_000,
    "just a blob": "x" * (durable.BLOB_FROM - 2),
    "not quite a blob": "x" * (durable.BLOB_FROM - 3),
    "a fake tag": {"$": "blob", "hash": "0" * 64, "size": 1},
}


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    opened = MemoryStore() if request.param == "memory" else SqliteStore(str(tmp_path / "runs.db"))
    yield opened
    opened.close()


def _run(flow: Callable[..., object], key: str, store: object) -> object:
    ready = flow.with_options(engine=Engine(store=store), run_id="r")  # type: ignore[attr-defined, arg-type]  # a workflow, a store
    if isinstance(store, MemoryStore):
        return run_virtual(ready.aresult(key))
    return asyncio.run(ready.aresult(key))


@pytest.mark.parametrize("key", GOOD)
def test_a_value_comes_back_equal(key: str, store: object) -> None:
    """Of the same types, from the journal alone: nothing is run again."""
    MADE[key] = GOOD[key]
    result = _run(passing, key, store)
    assert equal(result.value, GOOD[key])  # type: ignore[attr-defined]  # a RunResult
    CALLS.clear()
    again = passing.with_options(engine=Engine(store=store)).resume("r")  # type: ignore[arg-type]  # a store
    assert equal(again.value, GOOD[key])
    assert equal(again.steps["make"].value, GOOD[key])
    assert CALLS == []


@pytest.mark.slow
def test_a_hundred_megabytes_come_back(tmp_path: Path) -> None:
    """They lie apart from the journal, once, whoever hands them on."""
    store = SqliteStore(str(tmp_path / "runs.db"))
    MADE["huge"] = "x" * 100_000_000
    result = _run(passing, "huge", store)
    assert result.value == MADE["huge"]  # type: ignore[attr-defined]  # a RunResult
    assert sum(map(len, store.entries("r"))) < 10_000
    again = passing.with_options(engine=Engine(store=store)).resume("r")
    assert again.value == MADE["huge"]
    store.close()


def test_a_subclass_under_its_base_comes_back_as_itself(store: object) -> None:
    """The class of the value counts, not the hint's."""
    MADE["special"] = Special("a", (1, 2))
    _run(passing_base, "special", store)
    again = passing_base.with_options(engine=Engine(store=store)).resume("r")  # type: ignore[arg-type]  # a store
    assert again.value == Special("a", (1, 2))
    assert type(again.value) is Special


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("deep", _nested(10_000), "nest more than 200 levels deep"),
        ("circle", _circle(), r"itself|nest more than"),
        ("live", object(), "object"),
        ("lambda", {"f": lambda: 0}, r'\["f"\]'),
    ],
)
def test_what_cannot_come_back_fails_its_step(key: str, value: object, says: str, store: object) -> None:
    """A typed error names the step and the place; the run ends."""
    MADE[key] = value
    result = _run(passing, key, store)
    error = result.steps["make"].error  # type: ignore[attr-defined]  # a RunResult
    assert isinstance(error, ValueEncodingError)
    assert error.step == "make"
    assert re.search(says, str(error))
    assert result.status == "failed"  # type: ignore[attr-defined]  # a RunResult


def test_a_class_that_no_hint_names_fails_its_step(store: object) -> None:
    """Nobody could read the journal again: that is told at once, by step and class."""
    MADE["unhinted"] = {"parts": [Unhinted("b")]}
    result = run_virtual(passing.with_options(engine=Engine(store=store), run_id="r").aresult("unhinted"))  # type: ignore[arg-type]  # a store
    error = result.steps["make"].error
    assert isinstance(error, ValueEncodingError)
    assert (error.step, error.where) == ("make", '["parts"][0]')
    assert "name it in the hint of the step's result" in str(error)
    assert run_virtual(passing.with_options(engine=Engine(store=store)).aresume("r")).status == "failed"  # type: ignore[arg-type]  # a store


def test_a_value_over_the_limit_fails_its_step(monkeypatch: pytest.MonkeyPatch, store: object) -> None:
    """The text says how large it is and what to do instead."""
    monkeypatch.setattr(durable, "VALUE_LIMIT", 100_000)
    MADE["too large"] = "x" * 100_001
    result = _run(passing, "too large", store)
    error = result.steps["make"].error  # type: ignore[attr-defined]  # a RunResult
    assert isinstance(error, ValueEncodingError)
    assert error.step == "make"
    assert "save it to a file" in str(error)
