"""`models/offline.py`: answers in this process from the data alone."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from stretto.context import attempt_scope
from stretto.errors import UnreadableAnswerError
from stretto.models import Model, OfflineModel, Prompt, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator


class Summary(BaseModel):
    summary: str
    cost: float


class Recorder:
    """An attempt that keeps the usage it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, float | None, str]] = []

    has_budget = False

    def usage(
        self, *, input_tokens: int = 0, output_tokens: int = 0, cost: float | None = None, model: str = ""
    ) -> None:
        self.told.append((input_tokens, output_tokens, cost, model))


@contextmanager
def recorded_usage() -> Iterator[Recorder]:
    recorder = Recorder()
    token = attempt_scope.set(recorder)  # type: ignore[arg-type]  # only usage is looked at
    try:
        yield recorder
    finally:
        attempt_scope.reset(token)


def test_an_offline_answer_is_typed_labelled_free_and_recorded() -> None:
    """The value is of the asked type, the model says offline, the cost is 0, and the run hears of it."""
    model: Model = OfflineModel()

    async def main() -> None:
        reply = await model.ask(Prompt("Sum up.", {"headline": "All is well", "cost": 4.5}), Summary)
        assert reply.value == Summary(summary="All is well. Cost is 4.5.", cost=4.5)
        assert (reply.model, model.name, reply.usage.cost) == ("offline", "offline", 0.0)
        assert recorder.told == [(reply.usage.input_tokens, reply.usage.output_tokens, 0.0, "offline")]
        await model.aclose()

    with recorded_usage() as recorder:
        asyncio.run(main())


def test_a_number_that_is_not_in_the_data_fails_the_attempt() -> None:
    """Nothing is invented: the field is missing and the answer unreadable."""
    with pytest.raises(UnreadableAnswerError, match="cost: Field required"):
        asyncio.run(OfflineModel().ask(Prompt("Sum up.", {"headline": "All is well"}), Summary))


def test_streamed_pieces_make_the_written_text() -> None:
    """`stream` says what `write` says, and counts once."""
    prompt = Prompt("Sum up.", {"headline": "All is well", "facts": ["One", "Two"], "note": "three"})

    async def main() -> None:
        pieces = [piece async for piece in OfflineModel().stream(prompt)]
        assert len(pieces) > 1
        assert "".join(pieces) == (await OfflineModel().write(prompt)).text

    with recorded_usage() as recorder:
        asyncio.run(main())
    assert len(recorder.told) == 2


def test_usage_is_four_characters_a_token() -> None:
    """The prompt's messages and the text are counted, system message included."""
    reply = asyncio.run(OfflineModel().write(Prompt("a" * 8, system="b" * 4)))
    assert reply.usage == Usage(input_tokens=3, output_tokens=13, cost=0.0)
    assert reply.text == "No data was given, so there is nothing to report."
