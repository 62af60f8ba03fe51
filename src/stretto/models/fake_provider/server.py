"""The fake provider's endpoints: chat completions (whole or streamed), models, health, and a log."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING

from stretto.models.composer import compose
from stretto.models.fake_provider.http import Connection
from stretto.models.fake_provider.script import Treatment, treatment
from stretto.models.messages import canonical, content_of, estimate_tokens, request_digest

if TYPE_CHECKING:
    from stretto.models.fake_provider.http import Request, Responder
    from stretto.models.fake_provider.script import Fault, Script

__all__ = ["Provider", "serve"]

MODEL = "simulated"
_PIECES = 20
_WAITING_CLIENTS = 1024


@dataclass(frozen=True, slots=True)
class _Ask:
    """A chat-completions request, read. `text` is what faults and edits match against."""

    digest: str
    text: str
    messages: list[Mapping[str, object]]
    schema: Mapping[str, object] | None
    is_stream: bool
    wants_usage: bool

    @classmethod
    def of(cls, body: bytes) -> _Ask | None:
        """None when the body is not a chat-completions request."""
        try:
            data: object = json.loads(body)
        except ValueError:
            return None
        messages = data.get("messages") if isinstance(data, Mapping) else None
        if not isinstance(data, Mapping) or not isinstance(messages, list) or not messages:
            return None
        said = [message for message in messages if isinstance(message, Mapping)]
        schema = _mapping(_mapping(data.get("response_format")).get("json_schema")).get("schema")
        return cls(
            digest=request_digest(said, schema),
            text="\n".join(content_of(message) for message in said),
            messages=said,
            schema=schema if isinstance(schema, Mapping) else None,
            is_stream=data.get("stream") is True,
            wants_usage=_mapping(data.get("stream_options")).get("include_usage") is True,
        )


class Provider:
    """Answers requests by the script, and counts. `seed` fixes latencies and whom a fault's rate picks."""

    def __init__(self, script: Script, seed: int) -> None:
        self._script = script
        self._seed = seed
        self._seen: Counter[str] = Counter()
        self._counts: Counter[str] = Counter(requests=0, served=0, faulted=0, aborted=0, in_flight=0, peak=0)

    async def answer(self, request: Request, responder: Responder) -> None:
        """Send the reply to one HTTP request."""
        route = (request.method, request.path)
        if route == ("POST", "/v1/chat/completions"):
            await self._chat(request, responder)
        elif route == ("GET", "/log"):
            responder.send_json(200, self._counts)
        elif route == ("GET", "/health"):
            responder.send_json(200, {"status": "ok"})
        elif route == ("GET", "/v1/models"):
            responder.send_json(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        else:
            responder.send_json(404, _error(f"There is no {request.method} {request.path} here."))

    async def _chat(self, request: Request, responder: Responder) -> None:
        arrived = time.monotonic()
        wanted = self._script.api_key
        if wanted is not None and request.headers.get("authorization") != f"Bearer {wanted}":
            sent = request.headers.get("authorization", "none").removeprefix("Bearer ")
            responder.send_json(401, _error(f"Incorrect API key provided: {sent}"))
            return
        ask = _Ask.of(request.body)
        if ask is None:
            responder.send_json(400, _error("The body is not a chat-completions request."))
            return
        self._enter()
        try:
            served = await _Answer(ask, self._treat(ask), responder, arrived).send()
            self._counts["served" if served else "faulted"] += 1
        except asyncio.CancelledError:
            self._counts["aborted"] += 1
            raise
        finally:
            self._counts["in_flight"] -= 1

    def _enter(self) -> None:
        self._counts["requests"] += 1
        self._counts["in_flight"] += 1
        self._counts["peak"] = max(self._counts["peak"], self._counts["in_flight"])

    def _treat(self, ask: _Ask) -> Treatment:
        self._seen[ask.digest] += 1
        reply = compose(ask.messages, ask.schema)
        return treatment(self._script, self._seed, ask.digest, ask.text, reply, self._seen[ask.digest])


class _Answer:
    """One reply on its way. `send` says whether it was an honest one; a scripted fault is not."""

    def __init__(self, ask: _Ask, treat: Treatment, responder: Responder, arrived: float) -> None:
        self._ask = ask
        self._treat = treat
        self._responder = responder
        self._due_at = arrived + treat.delay
        self._arrived = arrived

    async def send(self) -> bool:
        fault = self._treat.fault
        if fault is not None and fault.kind in {"429", "500", "503"}:
            self._refuse(fault)
            return False
        await (self._send_stream() if self._ask.is_stream else self._send_whole())
        return fault is None or fault.kind == "slow"

    def _refuse(self, fault: Fault) -> None:
        headers: dict[str, str] = {}
        if fault.retry_after is not None:
            now = time.time()
            is_date = fault.retry_after_form == "date"
            later = formatdate(now + fault.retry_after, usegmt=True) if is_date else f"{fault.retry_after:g}"
            headers = {"Retry-After": later, "Date": formatdate(now, usegmt=True)}
        self._responder.send_json(int(fault.kind), _error(f"Scripted fault {fault.kind}."), headers)

    async def _send_whole(self) -> None:
        kind = self._kind()
        await _sleep_until(self._due_at)
        if kind == "stall":
            await self._stall()
        text, finish = self._text(kind)
        body = json.dumps(self._completion(text, finish), ensure_ascii=False).encode()
        if kind == "malformed" and self._ask.schema is None:
            body = body[: len(body) // 2]
        if kind in {"cut", "unfinished"}:
            self._responder.send(200, body[: len(body) // 2], {}, missing=len(body) - len(body) // 2)
            self._responder.cut()
        else:
            self._responder.send(200, body, {})

    async def _send_stream(self) -> None:
        """Pieces spread evenly over the latency. Faults strike halfway."""
        kind = self._kind()
        text, finish = self._text(kind)
        pieces = _pieces(text)
        self._responder.start_events()
        for index, piece in enumerate(pieces):
            if index == (len(pieces) + 1) // 2 and await self._is_broken_off(kind):
                return
            share = (index + 1) / len(pieces)
            await _sleep_until(self._arrived + share * self._treat.delay)
            self._responder.send_event(self._chunk({"content": piece}))
        self._finish_stream(text, finish)

    async def _is_broken_off(self, kind: str) -> bool:
        """Strike halfway, where the fault is one for that; whether the stream is over with it."""
        if kind == "stall":
            await self._stall()
        elif kind == "malformed":
            self._responder.send_event('{"choices": [{"delta": ')
            self._responder.end_events()
        elif kind == "unfinished":
            self._responder.end_events()
        elif kind == "cut":
            self._responder.cut()
        return kind in {"malformed", "unfinished", "cut"}

    def _finish_stream(self, text: str, finish: str) -> None:
        self._responder.send_event(self._chunk({}, finish))
        if self._ask.wants_usage:
            head = {"id": self._id(), "object": "chat.completion.chunk", "created": 0, "model": MODEL}
            self._responder.send_event(json.dumps({**head, "choices": [], "usage": self._usage(text)}))
        self._responder.send_event("[DONE]")
        self._responder.end_events()

    async def _stall(self) -> None:
        fault = self._treat.fault
        await asyncio.sleep(fault.seconds if fault is not None else 0)

    def _kind(self) -> str:
        return self._treat.fault.kind if self._treat.fault is not None else ""

    def _text(self, kind: str) -> tuple[str, str]:
        """The reply's text and its finish reason; half of the text where the fault wants it so."""
        reply = self._treat.reply
        if kind == "length":
            return reply[: len(reply) // 2], "length"
        if kind == "malformed" and self._ask.schema is not None:
            return reply[: len(reply) // 2], "stop"
        return reply, "stop"

    def _completion(self, text: str, finish: str) -> dict[str, object]:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        head = {"id": self._id(), "object": "chat.completion", "created": 0, "model": MODEL}
        return {**head, "choices": [choice], "usage": self._usage(text)}

    def _chunk(self, delta: Mapping[str, str], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        head = {"id": self._id(), "object": "chat.completion.chunk", "created": 0, "model": MODEL}
        return json.dumps({**head, "choices": [choice]}, ensure_ascii=False)

    def _usage(self, text: str) -> dict[str, int]:
        asked = sum(estimate_tokens(content_of(message)) for message in self._ask.messages)
        asked += estimate_tokens(canonical(self._ask.schema)) if self._ask.schema is not None else 0
        made = estimate_tokens(text)
        return {"prompt_tokens": asked, "completion_tokens": made, "total_tokens": asked + made}

    def _id(self) -> str:
        return f"simulated-{self._ask.digest[:16]}"


async def serve(script: Script, seed: int, port: int) -> asyncio.Server:
    """Listen on the loopback address; port 0 takes a free one."""
    provider = Provider(script, seed)
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: Connection(provider.answer), "127.0.0.1", port, backlog=_WAITING_CLIENTS
    )


def _pieces(text: str) -> list[str]:
    """`text` in at most twenty pieces, cut at blanks."""
    words = text.split(" ")
    size = max(1, -(-len(words) // _PIECES))
    groups = [" ".join(words[start : start + size]) for start in range(0, len(words), size)]
    return [group if index == 0 else f" {group}" for index, group in enumerate(groups)]


async def _sleep_until(instant: float) -> None:
    await asyncio.sleep(max(0.0, instant - time.monotonic()))


def _error(message: str) -> dict[str, object]:
    return {"error": {"message": message}}


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
