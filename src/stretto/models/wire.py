"""Reads the chat-completions format: replies, streamed pieces, usage; HTTP errors as the engine's."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from stretto.errors import (
    ModelTimeoutError,
    PermanentError,
    ProviderError,
    RateLimitedError,
    StepError,
    UnreadableAnswerError,
)
from stretto.models.answer import excerpt
from stretto.models.contract import Usage

__all__ = [
    "Completion",
    "Piece",
    "Prices",
    "error_for",
    "read_completion",
    "read_piece",
    "retry_after",
    "usage_of",
]

Prices = tuple[float, float]
"""US dollars for a million tokens: input, output."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A reply, as received. `finish` is the provider's reason for ending, e.g. ``stop`` or ``length``."""

    text: str
    model: str
    finish: str
    usage: Usage
    refusal: str = ""

    def whole(self) -> str:
        """The text. Raises `UnreadableAnswerError` when there is none or it ends too soon."""
        if self.finish == "length":
            raise UnreadableAnswerError(
                f"{self.model} stopped at its length limit before the answer's end. Ask for less, or choose "
                f"a model that may write more. The answer began: {excerpt(self.text)}"
            )
        if self.finish == "content_filter":
            raise UnreadableAnswerError(f"{self.model} withheld its answer (content filter).")
        if self.refusal:
            raise UnreadableAnswerError(f"{self.model} refused to answer: {excerpt(self.refusal)}")
        if not self.text:
            raise UnreadableAnswerError(f"{self.model} sent no text. Check that it serves chat completions.")
        return self.text


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of a streamed reply. `usage` is set on the last one, where the provider sends it."""

    text: str
    model: str
    finish: str
    usage: Mapping[str, object] | None


def read_completion(body: bytes, asked_model: str, prices: Prices | None) -> Completion:
    """A non-streamed reply, whole or not. Raises `UnreadableAnswerError` when it is not a JSON object."""
    reply = _json_object(body.decode("utf-8", "replace"), asked_model)
    model = _text(reply.get("model")) or asked_model
    choice = _choice(reply)
    message = _mapping(choice.get("message"))
    return Completion(
        text=_text(message.get("content")),
        model=model,
        finish=_text(choice.get("finish_reason")),
        usage=usage_of(reply.get("usage"), prices),
        refusal=_text(message.get("refusal")),
    )


def read_piece(data: str, asked_model: str) -> Piece:
    """One `data:` event of a stream. Raises `ProviderError` when the provider reports a failure in it."""
    event = _json_object(data, asked_model)
    if event.get("error"):
        raise ProviderError(f"The provider of {asked_model} broke off its stream: {excerpt(_message(event))}")
    choice = _choice(event)
    usage = event.get("usage")
    return Piece(
        text=_text(_mapping(choice.get("delta")).get("content")),
        model=_text(event.get("model")) or asked_model,
        finish=_text(choice.get("finish_reason")),
        usage=usage if isinstance(usage, Mapping) else None,
    )


def usage_of(reported: object, prices: Prices | None) -> Usage:
    """Tokens as the provider counts them. The cost is None without prices or without a count."""
    counts = _mapping(reported)
    given, made = _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens"))
    if given is None or made is None or prices is None:
        return Usage(given or 0, made or 0, None)
    return Usage(given, made, (given * prices[0] + made * prices[1]) / 1_000_000)


def error_for(status: int, headers: Mapping[str, str], body: bytes, place: str, key: str | None) -> StepError:
    """The error that an HTTP status other than 200 stands for.

    `place` names model and address; `key` is kept out of the text, also where the provider repeats it.
    """
    said = _said(body, key)
    wait = retry_after(headers, datetime.now(UTC))
    if status == 429 and "insufficient_quota" in said:
        return PermanentError(
            f"{place}: the account's quota is used up (HTTP 429). Check its billing. {said}"
        )
    if status == 429:
        return RateLimitedError(f"{place}: too many requests (HTTP 429). {said}", retry_after=wait)
    if status == 408:
        return ModelTimeoutError(
            f"{place}: the provider gave up waiting (HTTP 408). {said}", retry_after=wait
        )
    if status >= 500 or status == 409:
        return ProviderError(f"{place}: the provider failed (HTTP {status}). {said}", retry_after=wait)
    return PermanentError(f"{place}: HTTP {status}. {_advice(status)} {said}".rstrip())


def _advice(status: int) -> str:
    if status == 401:
        return "The API key was not accepted: check the variable that the setting `api_key_env` names."
    if status == 403:
        return "The API key may not use this model: check `api_key_env` and `model`."
    if status == 404:
        return "Nothing answers there by that name: check `base_url` (it often ends in /v1) and `model`."
    if 300 <= status < 400:
        return "The address has moved: check `base_url`."
    return "The provider does not accept the request: check `model` and what it supports."


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait, from `Retry-After` in either form of RFC 9110 §10.2.3, or None.

    A date is compared with the reply's own `Date`, where it has one, so that a wrong clock here does not
    matter.
    """
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value) if value else math.nan
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        wanted, sent = _instant(value), _instant(headers.get("date", ""))
    return None if wanted is None else max(0.0, (wanted - (sent or now)).total_seconds())


def _instant(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _said(body: bytes, key: str | None) -> str:
    text = body.decode("utf-8", "replace").strip()
    with suppress(ValueError):
        text = _message(json.loads(text)) or text
    text = text.replace(key, "[api key]") if key else text
    return f"It said: {excerpt(text)}" if text else ""


def _message(event: object) -> str:
    """An error body's own words: ``{"error": {"message": …, "code": …}}`` in most providers."""
    error = _mapping(event).get("error")
    parts = [error.get("code"), error.get("message")] if isinstance(error, Mapping) else [error]
    return ": ".join(str(part) for part in parts if part)


def _json_object(text: str, model: str) -> Mapping[str, object]:
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise UnreadableAnswerError(f"{model} sent something that is not JSON: {excerpt(text)}") from error
    if not isinstance(value, Mapping):
        raise UnreadableAnswerError(f"{model} sent JSON that is not a chat completion: {excerpt(text)}")
    return value


def _choice(reply: Mapping[str, object]) -> Mapping[str, object]:
    choices = reply.get("choices")
    return _mapping(choices[0]) if isinstance(choices, list) and choices else {}


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
