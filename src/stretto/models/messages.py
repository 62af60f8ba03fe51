"""A prompt as chat messages, and back.

The user message is the task followed by the data as a fenced JSON block with sorted keys, so that equal
prompts make equal bytes. Inside JSON no line can start with a fence, because strings escape their line
breaks.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING, TypedDict

from stretto.errors import PermanentError

if TYPE_CHECKING:
    from stretto.models.contract import Prompt

__all__ = ["Message", "Question", "canonical", "estimate_tokens", "question_of", "render", "request_digest"]

_OPEN = "```json\n"
_CLOSE = "\n```"


class Message(TypedDict):
    """One chat message, as the chat-completions protocol has it."""

    role: str
    content: str


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """What a request asks: the task in words, and the data it carries (None when it carries none)."""

    task: str
    data: object


def render(prompt: Prompt) -> list[Message]:
    """The chat messages of `prompt`. Raises `PermanentError` for data that JSON cannot hold."""
    messages = [Message(role="system", content=prompt.system)] if prompt.system else []
    content = prompt.task
    if prompt.data is not None:
        block = json.dumps(_plain(prompt.data, "data"), sort_keys=True, ensure_ascii=False, indent=1)
        content = f"{prompt.task}\n\nData:\n{_OPEN}{block}{_CLOSE}"
    return [*messages, Message(role="user", content=content)]


def question_of(messages: Sequence[Mapping[str, object]]) -> Question:
    """Task and data of the last user message; the inverse of `render`, and forgiving to other writers."""
    users = [content_of(message) for message in messages if message.get("role") == "user"]
    content = users[-1] if users else ""
    before, opened, block = content.rpartition(_OPEN)
    if not opened:
        return Question(content.strip(), None)
    try:
        data: object = json.loads(block.partition(_CLOSE)[0])
    except ValueError:
        return Question(content.strip(), None)
    return Question(before.strip().removesuffix("Data:").strip(), data)


def content_of(message: Mapping[str, object]) -> str:
    """A message's text; of a content in parts, the text parts."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def request_digest(messages: Sequence[Mapping[str, object]], response_schema: object = None) -> str:
    """Names a request by what it says: equal messages and schema give equal digests, in any process."""
    return sha256(canonical({"messages": list(messages), "schema": response_schema}).encode()).hexdigest()


def canonical(value: object) -> str:
    """JSON with sorted keys and no blanks."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def estimate_tokens(text: str) -> int:
    """Four characters a token: the usual rule of thumb for English, an estimate."""
    return max(1, math.ceil(len(text) / 4)) if text else 0


def _plain(value: object, where: str) -> object:
    """`value` as plain JSON types. Sets are sorted, so that equal data make equal bytes."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _plain(value.value, where)
    if isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return _finite(value, where)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return _plain_container(value, where)


def _finite(value: float, where: str) -> float:
    if math.isfinite(value):
        return value
    raise PermanentError(
        f"The prompt's {where} is {value}, which JSON cannot hold. Leave it out or pass None."
    )


def _plain_container(value: object, where: str) -> object:
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return _plain(dump(mode="json"), where)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: _plain(getattr(value, name), f"{where}.{name}") for name in names}
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, set | frozenset):
        return sorted((_plain(item, where) for item in value), key=canonical)
    raise PermanentError(
        f"The prompt's {where} is of type {type(value).__name__}, which JSON cannot hold. "
        "Pass plain values, dataclasses or pydantic models."
    )


def _key(key: object, where: str) -> str:
    plain = key.value if isinstance(key, Enum) else key
    if isinstance(plain, str):
        return plain
    raise PermanentError(
        f"The prompt's {where} has the key {key!r}; JSON objects need strings. Use str(key) as the key."
    )
