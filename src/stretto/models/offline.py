"""`OfflineModel`: answers in this process, from the prompt's data alone, at no cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.context import record_usage, reserve_usage
from stretto.models.answer import parse_answer
from stretto.models.composer import compose
from stretto.models.contract import Reply, Usage
from stretto.models.messages import Message, estimate_tokens, render

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from stretto.models.contract import AnswerT, Prompt

__all__ = ["OfflineModel"]


class OfflineModel:
    """Composes text from the data it is given and says so by its name, ``offline``.

    Deterministic: the same prompt gets the same answer, in any process. Usage is estimated, its cost is 0.
    """

    @property
    def name(self) -> str:
        """Always ``offline``."""
        return "offline"

    async def ask(self, prompt: Prompt, answer: type[AnswerT]) -> Reply[AnswerT]:
        """Fill `answer` from the prompt's data; `UnreadableAnswerError` where they do not reach."""
        messages = render(prompt)
        _reserve(messages)
        text = compose(messages, answer.model_json_schema())
        usage = self._record(messages, text)
        return Reply(parse_answer(text, answer, self.name), text, self.name, usage)

    async def write(self, prompt: Prompt) -> Reply[str]:
        """Prose composed from the prompt's data."""
        messages = render(prompt)
        _reserve(messages)
        text = compose(messages)
        return Reply(text, text, self.name, self._record(messages, text))

    async def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """The text of `write`, a line at a time."""
        reply = await self.write(prompt)
        for piece in reply.text.splitlines(keepends=True):
            yield piece

    async def aclose(self) -> None:
        """Nothing to close."""

    def _record(self, messages: Sequence[Mapping[str, object] | Message], text: str) -> Usage:
        asked = sum(estimate_tokens(str(message["content"])) for message in messages)
        usage = Usage(asked, estimate_tokens(text), 0.0)
        record_usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost=usage.cost,
            model=self.name,
        )
        return usage


def _reserve(messages: Sequence[Mapping[str, object] | Message]) -> None:
    """Refuse a prompt for which the run's budget does not reach. Its answer costs nothing, and is there at once."""
    tokens = sum(estimate_tokens(str(message["content"])) for message in messages)
    with reserve_usage(tokens, 0.0):
        pass
