"""Models for tests: one that answers as told, and one that fails as told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.models.contract import AnswerT, Prompt, Reply, Usage
from stretto_apps.assess.wording import Wording

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from pydantic import BaseModel

__all__ = ["ScriptedModel"]


class ScriptedModel:
    """Answers each prompt with what `answer` makes of it; what `answer` raises is raised."""

    def __init__(self, answer: Callable[[Prompt], str | Awaitable[str]], name: str = "scripted") -> None:
        self.answer = answer
        self.name = name
        self.prompts: list[Prompt] = []

    async def ask(self, prompt: Prompt, answer: type[AnswerT]) -> Reply[AnswerT]:
        """A `Wording` of the scripted words."""
        text = await self._said(prompt)
        value: BaseModel = Wording(summary=text)
        assert isinstance(value, answer)
        return Reply(value, text, self.name, Usage(1, 1, None))

    async def write(self, prompt: Prompt) -> Reply[str]:
        """The scripted words as prose."""
        text = await self._said(prompt)
        return Reply(text, text, self.name, Usage(1, 1, None))

    async def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """The scripted words in one piece."""
        yield await self._said(prompt)

    async def _said(self, prompt: Prompt) -> str:
        self.prompts.append(prompt)
        given = self.answer(prompt)
        return given if isinstance(given, str) else await given

    async def aclose(self) -> None:
        """Nothing to close."""
