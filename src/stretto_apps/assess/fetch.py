"""Fetches pages for web research, when the caller allows it: few, small, in time, and from public addresses
only.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from stretto.errors import PermanentError, TransientError
from stretto_apps.assess.library import Document

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx2

__all__ = ["FetchLimits", "fetch", "fetch_all", "plain_text"]

_DROPPED = re.compile(r"(?is)<(script|style|noscript|svg|head)\b.*?</\1\s*>|<!--.*?-->")
_TAG = re.compile(r"(?s)<[^>]*>")
_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title>")


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bounds of one page: bytes of its body, seconds until it is complete, and redirects followed."""

    max_bytes: int = 500_000
    seconds: float = 10.0
    redirects: int = 3
    pages: int = 10


_DEFAULT = FetchLimits()


async def fetch_all(addresses: Sequence[str], limits: FetchLimits = _DEFAULT) -> list[Document]:
    """The pages in the order given. `PermanentError` when there are more than `limits.pages`, or one is not
    text.
    """
    import httpx2

    if len(addresses) > limits.pages:
        raise PermanentError(
            f"{len(addresses)} pages were asked for; at most {limits.pages} are fetched. Name fewer."
        )
    # A proxy of the environment would be asked for pages of this very machine.
    has_far = not all(_is_loopback(address) for address in addresses)
    async with httpx2.AsyncClient(timeout=limits.seconds, trust_env=has_far) as client:
        return [await fetch(client, address, limits) for address in addresses]


async def fetch(client: httpx2.AsyncClient, address: str, limits: FetchLimits = _DEFAULT) -> Document:
    """One page as a document.

    `TransientError` for network trouble and 5xx, `PermanentError` for a bad address, 4xx, a wrong content
    type or a page that is too large.
    """
    import asyncio

    import httpx2

    try:
        async with asyncio.timeout(limits.seconds):
            html = await _followed(client, address, limits)
    except TimeoutError as trouble:
        raise TransientError(f"{address} was not complete within {limits.seconds:g} seconds.") from trouble
    except httpx2.HTTPError as trouble:
        what = str(trouble) or type(trouble).__name__
        raise TransientError(f"{address} could not be fetched: {what}.") from trouble
    found = _TITLE.search(html)
    title = " ".join(unescape(found.group(1)).split())[:120] if found else ""
    return Document(source=address, title=title or address, text=plain_text(html))


async def _followed(client: httpx2.AsyncClient, address: str, limits: FetchLimits) -> str:
    """The page's text after at most `limits.redirects` redirects, each address checked like the first."""
    where = address
    for _ in range(limits.redirects + 1):
        _check(where)
        async with client.stream("GET", where) as reply:
            if not reply.is_redirect:
                _judge(where, reply.status_code, reply.headers.get("content-type", ""))
                body = await _bounded(where, reply, limits)
                return body.decode(_encoding(reply), errors="replace")
            where = urljoin(where, reply.headers.get("location", ""))
    raise PermanentError(f"{address} redirects more than {limits.redirects} times. Name the final address.")


def _encoding(reply: httpx2.Response) -> str:
    """The encoding the page declares when Python knows it, else UTF-8."""
    try:
        return codecs.lookup(reply.charset_encoding or "utf-8").name
    except LookupError:
        return "utf-8"


def plain_text(html: str) -> str:
    """The words of a page: scripts, styles and tags taken out."""
    return " ".join(unescape(_TAG.sub(" ", _DROPPED.sub(" ", html))).split())


def _check(address: str) -> None:
    parts = urlsplit(address)
    is_plain_allowed = parts.scheme == "http" and _is_loopback(address)
    if not parts.hostname or not (parts.scheme == "https" or is_plain_allowed):
        raise PermanentError(f"{address!r} is not fetched: pages are named by full https addresses.")


def _is_loopback(address: str) -> bool:
    return urlsplit(address).hostname in {"127.0.0.1", "localhost", "::1"}


def _judge(address: str, status: int, content_type: str) -> None:
    if status >= 500 or status == 429:
        raise TransientError(f"{address} answered {status}.")
    if status != 200:
        raise PermanentError(f"{address} answered {status}. Correct the address or leave it out.")
    if content_type and not content_type.startswith(("text/", "application/xhtml")):
        raise PermanentError(f"{address} is {content_type}, not text. Leave it out.")


async def _bounded(address: str, reply: httpx2.Response, limits: FetchLimits) -> bytes:
    body = bytearray()
    async for piece in reply.aiter_bytes():
        body += piece
        if len(body) > limits.max_bytes:
            raise PermanentError(f"{address} is larger than {limits.max_bytes} bytes. Leave it out.")
    return bytes(body)
