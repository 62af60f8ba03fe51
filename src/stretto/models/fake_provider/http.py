"""The little of HTTP/1.1 the fake provider speaks: requests with a length, replies whole or in chunks.

A protocol rather than streams, because `connection_lost` tells at once that a client has gone.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

__all__ = ["Connection", "Request", "Responder"]

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}
_MOST_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Responder:
    """Writes the reply to one request."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def send_json(self, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
        """A whole reply."""
        self.send(status, json.dumps(value, ensure_ascii=False).encode(), headers or {})

    def send(self, status: int, body: bytes, headers: Mapping[str, str], missing: int = 0) -> None:
        """A whole reply; with `missing`, one whose header promises that many bytes more than follow."""
        length = {"Content-Type": "application/json", "Content-Length": str(len(body) + missing), **headers}
        self._transport.write(_head(status, length) + body)

    def start_events(self) -> None:
        """The head of an event stream."""
        head = {
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "Transfer-Encoding": "chunked",
        }
        self._transport.write(_head(200, head))

    def send_event(self, data: str) -> None:
        """One `data:` event."""
        body = f"data: {data}\n\n".encode()
        self._transport.write(b"%x\r\n%b\r\n" % (len(body), body))

    def end_events(self) -> None:
        """The stream's proper end."""
        self._transport.write(b"0\r\n\r\n")

    def cut(self) -> None:
        """Close the connection in the middle of a reply, once what was written has left."""
        self._transport.close()


class Connection(asyncio.Protocol):
    """A client's connection: one request after another; the one at work is cancelled when the client goes."""

    def __init__(self, answer: Callable[[Request, Responder], Coroutine[object, object, None]]) -> None:
        self._answer = answer
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._work: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Nobody is there to read the reply: drop the work."""
        if self._work is not None:
            self._work.cancel()

    def data_received(self, data: bytes) -> None:
        """Collect bytes; start the work once a request is whole."""
        self._buffer += data
        self._start_next()

    def _start_next(self) -> None:
        if self._work is not None or self._transport is None or self._transport.is_closing():
            return
        request = self._take_request(self._transport)
        if request is not None:
            answering = self._answer(request, Responder(self._transport))
            self._work = asyncio.get_running_loop().create_task(answering)
            self._work.add_done_callback(self._finished)

    def _finished(self, work: asyncio.Task[None]) -> None:
        self._work = None
        if not work.cancelled() and work.exception() is not None and self._transport is not None:
            self._transport.abort()
        self._start_next()

    def _take_request(self, transport: asyncio.Transport) -> Request | None:
        """The next whole request of the buffer, or None until more has come. Nonsense ends the connection."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MOST_HEAD:
                transport.abort()
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        length, words = headers.get("content-length", "0"), first.split(" ")
        if len(words) != 3 or not length.isdigit() or "transfer-encoding" in headers:
            Responder(transport).send_json(
                400, {"error": {"message": "Send a request with a Content-Length."}}
            )
            transport.close()
            return None
        whole = end + 4 + int(length)
        if len(self._buffer) < whole:
            return None
        body = bytes(self._buffer[end + 4 : whole])
        del self._buffer[:whole]
        return Request(words[0], words[1].partition("?")[0], headers, body)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
