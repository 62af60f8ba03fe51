"""Fetching pages, within bounds, over a transport that answers from memory."""

from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import httpx2
import pytest

from stretto.errors import PermanentError, TransientError
from stretto_apps.assess.fetch import FetchLimits, fetch, fetch_all, plain_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from stretto_apps.assess.library import Document

PAGE = (
    "<html><head><title>Flux &amp; co</title><style>p{}</style></head><body><p>One "
    "<b>two</b></p><script>x()</script></body></html>"
)


def got(
    answer: Callable[[httpx2.Request], httpx2.Response], address: str = "https://a.example/", **limits: float
) -> Document:
    """What `fetch` makes of an answer."""

    async def go() -> Document:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
            return await fetch(client, address, FetchLimits(**limits))  # type: ignore[arg-type]

    return asyncio.run(go())


def html(text: str = PAGE, status: int = 200, kind: str = "text/html; charset=utf-8") -> httpx2.Response:
    """A page as an answer."""
    return httpx2.Response(status, content=text.encode(), headers={"content-type": kind})


def test_a_page_becomes_a_document() -> None:
    """Title and words are kept, scripts, styles and tags are not."""
    found = got(lambda _: html())
    assert (found.source, found.title, found.text) == ("https://a.example/", "Flux & co", "One two")
    assert found.practice is None


def test_a_page_without_title_is_named_by_its_address() -> None:
    """The address stands in for a missing title."""
    assert got(lambda _: html("<p>x</p>")).title == "https://a.example/"


@pytest.mark.parametrize("status", [500, 503, 429])
def test_trouble_that_may_pass(status: int) -> None:
    """A server's error or 429 may be tried again."""
    with pytest.raises(TransientError, match=str(status)):
        got(lambda _: html(status=status))


def test_a_network_error_may_pass() -> None:
    """So may a refused connection."""

    def refuse(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    with pytest.raises(TransientError, match="refused"):
        got(refuse)


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (html(status=404), "404"),
        (html(kind="application/pdf"), "not text"),
        (html("x" * 2_000), "larger than 1000 bytes"),
    ],
)
def test_trouble_that_stays(response: httpx2.Response, words: str) -> None:
    """A missing page, one that is no text, and one that is too large are never tried again."""
    with pytest.raises(PermanentError, match=words):
        got(lambda _: response, max_bytes=1_000)


@pytest.mark.parametrize(
    "address", ["http://a.example/", "file:///etc/passwd", "ftp://a.example", "a.example", "https://"]
)
def test_only_full_https_addresses(address: str) -> None:
    """Anything but https is refused before anything is sent."""

    def sent(_: httpx2.Request) -> httpx2.Response:
        raise AssertionError("a request was sent")

    with pytest.raises(PermanentError, match="https"):
        got(sent, address)


def test_loopback_may_be_plain() -> None:
    """On loopback http is allowed."""
    assert got(lambda _: html(), "http://127.0.0.1:8000/x").text == "One two"


def test_redirects_are_checked_like_the_first_address() -> None:
    """A redirect is followed to https only, and not for ever."""

    def hop(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/":
            return httpx2.Response(302, headers={"location": "/there"})
        return html()

    assert got(hop).text == "One two"
    with pytest.raises(PermanentError, match="not fetched"):
        got(lambda _: httpx2.Response(302, headers={"location": "http://10.0.0.1/"}))
    with pytest.raises(PermanentError, match="more than 3 times"):
        got(lambda _: httpx2.Response(302, headers={"location": "/"}))


def test_a_page_that_never_ends_is_cut() -> None:
    """The time bound is for the whole page, however steadily it drips."""

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0)

    with pytest.raises(TransientError, match="not complete"):
        got(
            lambda _: httpx2.Response(200, content=drip(), headers={"content-type": "text/html"}),
            seconds=0.02,
            max_bytes=10**9,
        )


def test_an_unknown_encoding_is_read_as_utf8() -> None:
    """A page with an invented charset is still read."""
    assert got(lambda _: html(kind="text/html; charset=klingon")).text == "One two"


def test_too_many_pages() -> None:
    """More pages than the bound are refused as a whole; none is an empty list."""
    with pytest.raises(PermanentError, match="at most 2"):
        asyncio.run(fetch_all(["https://a.example"] * 3, FetchLimits(pages=2)))
    assert asyncio.run(fetch_all([])) == []


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = PAGE.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Quiet."""


def test_over_a_real_connection() -> None:
    """Two pages of a real server, in the order asked for."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        found = asyncio.run(fetch_all([f"{base}/b", f"{base}/a"]))
        server.shutdown()
    assert [entry.source for entry in found] == [f"{base}/b", f"{base}/a"]
    assert found[0].text == "One two"


def test_plain_text() -> None:
    """Entities are read, comments dropped, blanks folded."""
    assert plain_text("<!-- no --><p>a&nbsp;&lt;b</p>\n\n<noscript>n</noscript><p>c</p>") == "a <b c"
