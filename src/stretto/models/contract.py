"""What a step says to a language model and what comes back: `Prompt`, `Reply`, `Usage`, the `Model` port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import BaseModel

__all__ = ["Model", "Prompt", "Reply", "Usage"]

T_co = TypeVar("T_co", covariant=True)
AnswerT = TypeVar("AnswerT", bound="BaseModel")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question to a model.

    `task` says in words what to do; `data` holds the facts the answer must be made from: anything JSON can
    hold, dataclasses, and pydantic models (dumped in mode ``"json"``); `system` sets the role.
    """

    task: str
    data: object = None
    system: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a reply took. `cost` is in US dollars; None means the price is unknown."""

    input_tokens: int
    output_tokens: int
    cost: float | None


@dataclass(frozen=True, slots=True)
class Reply(Generic[T_co]):
    """An answer: the parsed `value`, the `text` it was read from, which `model` gave it, and what it took."""

    value: T_co
    text: str
    model: str
    usage: Usage


class Model(Protocol):
    """The door to a language model. No method retries: a failed attempt is the engine's to repeat.

    Errors of every method: `RateLimitedError`, `ProviderError`, `ModelTimeoutError`, `UnreadableAnswerError`
    (all may pass) and `PermanentError` (a setting or the request is wrong). The awaiting task may be
    cancelled at any moment; the request is then abandoned at once.
    """

    @property
    def name(self) -> str:
        """The model's name, as reports show it."""

    async def ask(self, prompt: Prompt, answer: type[AnswerT]) -> Reply[AnswerT]:
        """A structured answer. One that does not fit `answer` raises `UnreadableAnswerError`."""

    async def write(self, prompt: Prompt) -> Reply[str]:
        """An answer in prose."""

    def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """An answer in prose, in pieces as they arrive; ends normally only when the answer is whole."""

    async def aclose(self) -> None:
        """Close the connections that belong to the running event loop. The model may be used again."""
