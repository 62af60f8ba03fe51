"""`service/questions.py`: what runs wait for, read without their code."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING

import pytest

from stretto import Engine, approve, sleep, step, wait_for, workflow
from stretto.core.values import encode_json
from stretto.errors import StoreDamagedError
from stretto.ports import Entry, NewRun, OpenWait, RowChange
from stretto.runtime.stores.memory import MemoryStore
from stretto.service.questions import plain_of, questions

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.service.questions import Question


class Kind(Enum):
    """A class of the test's values."""

    SOUR = 1


@dataclass
class Item:
    """A class of the test's values."""

    name: str
    tags: tuple[str, ...]
    kind: Kind


@step
async def item(number: int) -> Item:
    return Item(f"item {number}", ("a", "b"), Kind.SOUR)


@step
async def large() -> list[str]:
    return ["x" * 1000] * 200


@workflow
def asking() -> list[object]:
    found = item.map([1, 2])
    one = item.named("one")(3)
    return [
        approve(found, "All of them?", name="all"),
        approve(one.name, "The name?", name="part"),
        approve({"of": one.tags[1]}, "Inside?", name="inside"),
        approve(large(), "Large?", name="much"),
        wait_for("payment"),
        sleep(1000),
    ]


def asked(look: Callable[[MemoryStore], list[Question]]) -> dict[str, Question]:
    """What `look` finds by path, while a run waits everywhere."""
    store = MemoryStore()
    found: list[Question] = []

    async def whole() -> None:
        run = asyncio.ensure_future(asking.with_options(engine=Engine(store=store), run_id="r").aresult())
        while not run.done() and (not store.runs() or len(store.waits("r")) < 6):
            await asyncio.sleep(0)
        assert not run.done(), run
        found.extend(look(store))
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(whole())
    return {question.path: question for question in found}


def test_values_asked_about() -> None:
    """Whole results, those of a map, parts of them, and values that lie apart, as plain JSON."""
    found = asked(questions)
    plain = {"tags": ["a", "b"], "kind": "SOUR"}
    assert found["all"].value == [{"name": "item 1", **plain}, {"name": "item 2", **plain}]
    assert found["part"].value == "item 3"
    assert found["inside"].value == {"of": "b"}
    assert found["much"].value == ["x" * 1000] * 200
    assert [question.trouble for question in found.values()] == [""] * 6
    assert {found[path].kind for path in ("payment", "sleep")} == {"event", "sleep"}


def test_a_run_that_was_ended_from_outside_asks_nothing() -> None:
    """Whoever marks a run as cancelled leaves its waits in the index."""

    def look(store: MemoryStore) -> list[Question]:
        over = MemoryStore()
        over.create(NewRun("r", "asking", 1.0))
        epoch = over.acquire("r")
        wait = OpenWait("r", "approve", "approval", "?", 1.0, None)
        over.append("r", epoch, Entry(b"{}", RowChange(opened=(wait,))), lambda *_: None)
        over.release("r", epoch)
        assert len(questions(over)) == 1
        over.set_status("r", "cancelled")
        return questions(over)

    assert asked(look) == {}


def test_a_journal_that_cannot_be_read() -> None:
    """The question is told all the same, with why its value is not."""

    def look(store: MemoryStore) -> list[Question]:
        store.entries = lambda run_id, after=0: [b"nonsense"]  # type: ignore[method-assign]  # a damaged store
        return questions(store)

    found = asked(look)
    assert "is damaged" in found["part"].trouble
    assert found["part"].text == "The name?"


def test_a_blob_that_is_gone() -> None:
    """Only the value that lay there cannot be shown."""

    def gone(digest: str) -> bytes:
        raise StoreDamagedError(f"The value {digest} is gone.")

    def look(store: MemoryStore) -> list[Question]:
        store.blob = gone  # type: ignore[method-assign]  # a damaged store
        return questions(store)

    found = asked(look)
    assert "is gone" in found["much"].trouble
    assert found["part"].value == "item 3"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({1: "a"}, {"1": "a"}),
        ({"a": (1, None, True)}, {"a": [1, None, True]}),
        (frozenset({2, 1}), [1, 2]),
        (Kind.SOUR, "SOUR"),
        (date(2026, 11, 21), "2026-11-21"),
        ({"$": "mine"}, {"$": "mine"}),
    ],
)
def test_plain_values(value: object, plain: object) -> None:
    """Types and classes fall away."""
    assert plain_of(encode_json(value), lambda digest: b"") == plain
