"""`OpenAICompatibleModel`: any provider that speaks chat completions over HTTP.

It retries nothing: every failure becomes one of the engine's errors, which say whether another attempt can
help.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, nullcontext
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2

from stretto.context import has_budget, record_usage, reserve_usage
from stretto.errors import ConfigError, ModelTimeoutError, ProviderError
from stretto.models.answer import parse_answer
from stretto.models.connections import Clients
from stretto.models.contract import Reply
from stretto.models.messages import render
from stretto.models.reserving import OUTPUT_UNDER_BUDGET, most_of
from stretto.models.wire import Completion, Prices, error_for, read_completion, read_piece, usage_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterator, Mapping
    from contextlib import AbstractContextManager

    from stretto.errors import StepError
    from stretto.models.contract import AnswerT, Prompt

__all__ = ["OpenAICompatibleModel", "is_loopback"]

_PATH = "chat/completions"


class OpenAICompatibleModel:
    """A model behind ``{base_url}/chat/completions``.

    `timeout` (seconds) bounds a whole reply of `ask` and `write`, and each silence within a `stream`.
    `prices` are US dollars for a million input and output tokens; without them the cost of a reply is
    unknown. `max_output` bounds the tokens of a reply and is told in the field `output_field`; in a run with a
    budget, where each call is reserved before it is made, it is 4 096 if nothing is said. The key appears in no
    text and no `repr`. Proxy settings of the environment are ignored for a loopback address.

    Connections belong to the event loop that opened them: they close with `aclose`, at the latest with their
    loop.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str | None = None,
        timeout: float = 60.0,
        prices: Prices | None = None,
        max_output: int | None = None,
        output_field: str = "max_tokens",
    ) -> None:
        self._base_url = _checked_url(base_url)
        self._key = _checked_key(api_key)
        self._model = model
        self._timeout = timeout
        self._prices = prices
        self._max_output = max_output
        self._output_field = output_field
        self._clients = Clients(self._make_client)

    def __repr__(self) -> str:
        return f"OpenAICompatibleModel(base_url={self._base_url!r}, model={self._model!r})"

    @property
    def name(self) -> str:
        """The model asked for. A reply's `model` is what the provider says it was."""
        return self._model

    async def ask(self, prompt: Prompt, answer: type[AnswerT]) -> Reply[AnswerT]:
        """A structured answer, asked for as a JSON schema and validated here."""
        schema = {"name": answer.__name__, "schema": answer.model_json_schema(), "strict": False}
        done = await self._complete(
            prompt, {"response_format": {"type": "json_schema", "json_schema": schema}}
        )
        return Reply(parse_answer(done.whole(), answer, done.model), done.text, done.model, done.usage)

    async def write(self, prompt: Prompt) -> Reply[str]:
        """An answer in prose."""
        done = await self._complete(prompt, {})
        return Reply(done.whole(), done.text, done.model, done.usage)

    async def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """The answer's pieces as they arrive. A stream cut before its end raises `ProviderError`."""
        body = self._body(prompt, {"stream": True, "stream_options": {"include_usage": True}})
        heard = _Heard(self._model)
        with self._reserved(body):
            with self._mapped_errors():
                async with (
                    self._clients.lent() as client,
                    client.stream("POST", _PATH, json=body) as response,
                ):
                    if response.status_code != 200:
                        await response.aread()
                        raise self._error_of(response)
                    async for line in response.aiter_lines():
                        if text := heard.hear(line):
                            yield text
            if not heard.is_done:
                raise ProviderError(f"{self._place}: the stream was cut after {len(heard.text)} characters.")
            done = Completion(heard.text, heard.model, heard.finish, usage_of(heard.usage, self._prices))
            _record(done)
        done.whole()

    async def aclose(self) -> None:
        """Close the connections of the running event loop. The model may be used again."""
        await self._clients.aclose()

    async def _complete(self, prompt: Prompt, extra: Mapping[str, object]) -> Completion:
        body = self._body(prompt, extra)
        with self._reserved(body):
            with self._mapped_errors():
                async with asyncio.timeout(self._timeout), self._clients.lent() as client:
                    response = await client.post(_PATH, json=body, timeout=None)
            if response.status_code != 200:
                raise self._error_of(response)
            done = read_completion(response.content, self._model, self._prices)
            _record(done)
        return done

    def _reserved(self, body: Mapping[str, object]) -> AbstractContextManager[object]:
        """What the call takes at most, set aside of the run's budget until its usage is told."""
        most = body.get(self._output_field)
        if not isinstance(most, int):
            return nullcontext()
        return reserve_usage(*most_of(body, most, self._prices))

    def _body(self, prompt: Prompt, extra: Mapping[str, object]) -> dict[str, object]:
        most = self._max_output or (OUTPUT_UNDER_BUDGET if has_budget() else None)
        bound = {} if most is None else {self._output_field: most}
        return {"model": self._model, "messages": render(prompt), **bound, **extra}

    def _error_of(self, response: httpx2.Response) -> StepError:
        return error_for(response.status_code, response.headers, response.content, self._place, self._key)

    @property
    def _place(self) -> str:
        return f"{self._model} at {self._base_url}"

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        """What the HTTP client raises, as the engine's errors."""
        try:
            yield
        except (TimeoutError, httpx2.TimeoutException) as error:
            text = (
                f"{self._place}: no answer within {self._timeout:g} s. A larger `timeout` would wait longer."
            )
            raise ModelTimeoutError(text) from error
        except httpx2.HTTPError as error:
            said = str(error) or type(error).__name__
            text = f"{self._place}: the connection failed ({said}). Check that `base_url` can be reached."
            raise ProviderError(text) from error

    def _make_client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=self._base_url,
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx2.Timeout(self._timeout),
            trust_env=not is_loopback(self._base_url),
            verify=self._certificates,
        )

    @cached_property
    def _certificates(self) -> ssl.SSLContext | bool:
        """Read once, as it takes 0.1 s, and not for plain HTTP. Redirects are not followed."""
        is_plain = self._base_url.startswith("http://")
        return False if is_plain else httpx2.create_ssl_context()


class _Heard:
    """What of a stream has arrived. Done at ``[DONE]``, or at a finish reason where no more comes."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.text = ""
        self.finish = ""
        self.usage: Mapping[str, object] | None = None
        self.is_done = False

    def hear(self, line: str) -> str:
        """Take in one line of the event stream; returns the text it adds."""
        if not line.startswith("data:"):
            return ""
        data = line[5:].strip()
        if data == "[DONE]":
            self.is_done = True
            return ""
        piece = read_piece(data, self.model)
        self.model, self.finish = piece.model, piece.finish or self.finish
        self.usage = piece.usage or self.usage
        self.is_done = self.is_done or bool(piece.finish)
        self.text += piece.text
        return piece.text


def is_loopback(base_url: str) -> bool:
    """Whether the address is this machine's own."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _record(done: Completion) -> None:
    """A reply that arrived has been paid for, readable or not."""
    usage = done.usage
    record_usage(
        input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, cost=usage.cost, model=done.model
    )


def _checked_url(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"base_url {base_url!r} is not a web address. Write it like https://host/v1.")
    if parts.username or parts.password:
        raise ConfigError(
            "base_url holds a user or password. Put the key into the variable `api_key_env` names."
        )
    return base_url.rstrip("/")


def _checked_key(api_key: str | None) -> str | None:
    key = (api_key or "").strip()
    if not key.isascii() or not key.isprintable():
        raise ConfigError("The API key holds characters no key has. Check the variable `api_key_env` names.")
    return key or None
