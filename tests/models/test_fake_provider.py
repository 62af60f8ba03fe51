"""`models/fake_provider`: a real server in a process of its own, answering by the request alone."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from stretto.errors import ProviderError
from stretto.models import (
    FakeProvider,
    Fault,
    Latency,
    OfflineModel,
    OpenAICompatibleModel,
    Prompt,
    ReplyEdit,
    Script,
    running_fake_provider,
)
from stretto.models.fake_provider.launcher import ProviderLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = [sys.executable, "-m", "stretto.models.fake_provider"]


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with running_fake_provider() as running:
        yield running


def request(provider: FakeProvider, method: str, path: str, body: bytes | None = None) -> tuple[int, object]:
    connection = HTTPConnection("127.0.0.1", provider.port, timeout=5)
    connection.request(method, path, body)
    response = connection.getresponse()
    status, data = response.status, response.read()
    connection.close()
    return status, json.loads(data)


def prompts(count: int) -> list[Prompt]:
    return [
        Prompt("Report.", {"headline": f"Agent {index} is done", "cost": index}) for index in range(count)
    ]


async def texts_of(provider: FakeProvider, asked: list[Prompt]) -> dict[str, str]:
    """Replies by prompt, all asked at once."""
    model = OpenAICompatibleModel(base_url=provider.base_url, model="any")
    replies = await asyncio.gather(*(model.write(prompt) for prompt in asked))
    return {str(prompt.data): reply.text for prompt, reply in zip(asked, replies, strict=True)}


def test_replies_do_not_depend_on_the_order_of_arrival(provider: FakeProvider) -> None:
    """Shuffled requests get the same replies, from another process and seed too."""
    asked = prompts(20)
    first = asyncio.run(texts_of(provider, asked))
    random.Random(3).shuffle(asked)
    assert asyncio.run(texts_of(provider, asked)) == first
    assert len(set(first.values())) == 20


def test_a_simulated_reply_is_the_offline_models(provider: FakeProvider) -> None:
    """The server composes from the request alone, and what it composes is what `offline` would."""
    prompt = prompts(1)[0]
    simulated = asyncio.run(texts_of(provider, [prompt]))[str(prompt.data)]
    assert simulated == asyncio.run(OfflineModel().write(prompt)).text


@pytest.mark.slow
def test_latency_is_kept_by_digest() -> None:
    """A request waits what its digest says; the log's peak shows that they waited together."""
    with running_fake_provider(Script(latency=Latency("constant", 0.2)), seed=7) as provider:
        asyncio.run(texts_of(provider, prompts(200)))
        log = provider.log()
    assert log == ProviderLog(requests=200, served=200, faulted=0, aborted=0, in_flight=0, peak=200)


def test_a_script_changes_one_reply_and_no_other() -> None:
    """With an edit one text differs; everything else is as before."""
    asked = prompts(5)
    with running_fake_provider(seed=7) as provider:
        plain = asyncio.run(texts_of(provider, asked))
    edit = ReplyEdit(match="Agent 3 ", replace=("done", "late"))
    with running_fake_provider(Script(replies=(edit,)), seed=7) as provider:
        changed = asyncio.run(texts_of(provider, asked))
    assert [key for key in plain if plain[key] != changed[key]] == [str(asked[3].data)]
    assert "Agent 3 is late" in changed[str(asked[3].data)]


def test_faults_are_counted_apart() -> None:
    """A refused attempt is no served reply."""
    with running_fake_provider(Script(faults=(Fault("500", times=1),))) as provider:
        for _ in range(2):
            request(
                provider, "POST", "/v1/chat/completions", b'{"messages": [{"role": "user", "content": "x"}]}'
            )
        log = provider.log()
    assert (log.requests, log.faulted, log.served) == (2, 1, 1)


def test_the_other_endpoints(provider: FakeProvider) -> None:
    """Health, models, and errors for what is not there or not a request."""
    assert request(provider, "GET", "/health") == (200, {"status": "ok"})
    models = {"object": "list", "data": [{"id": "simulated", "object": "model"}]}
    assert request(provider, "GET", "/v1/models?x=1") == (200, models)
    for path, body, status in (
        ("/v1/other", b"{}", 404),
        ("/v1/chat/completions", b"{oops", 400),
        ("/v1/chat/completions", b"[1]", 400),
        ("/v1/chat/completions", b'{"messages": []}', 400),
    ):
        assert request(provider, "POST", path, body)[0] == status, path


def test_requests_may_share_a_connection(provider: FakeProvider) -> None:
    """Keep-alive: several on one connection, also when the second is sent before the first is answered."""
    connection = HTTPConnection("127.0.0.1", provider.port, timeout=5)
    for _ in range(3):
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b'{"status": "ok"}'
    connection.sock.sendall(b"GET /health HTTP/1.1\r\n\r\nGET /health HTTP/1.1\r\n\r\n")
    received = b""
    while received.count(b'{"status": "ok"}') < 2:
        received += connection.sock.recv(4096)
    connection.close()


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"x" * 70_000]
)
def test_nonsense_ends_the_connection(provider: FakeProvider, sent: bytes) -> None:
    """What is not a request with a length is answered with 400 or dropped, and the connection closed."""
    connection = HTTPConnection("127.0.0.1", provider.port, timeout=5)
    connection.connect()
    connection.sock.sendall(sent)
    received = b""
    try:
        while piece := connection.sock.recv(4096):
            received += piece
    except ConnectionResetError:
        pass
    connection.close()
    assert received == b"" or received.startswith(b"HTTP/1.1 400")


@pytest.mark.slow
def test_it_ends_when_its_parent_closes_the_input() -> None:
    """With --exit-with-parent the closed input of a dead parent ends the process, without an error."""
    child = subprocess.Popen(
        [*PROGRAM, "--exit-with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert json.loads(child.stdout.readline())["port"] > 0
    try:
        _, errors = child.communicate(timeout=10)
    finally:
        child.kill()  # nothing is left behind, also when the rule is broken
    assert (child.returncode, errors) == (0, b"")


@pytest.mark.slow
def test_a_script_file_that_is_wrong_or_missing_is_told(tmp_path: Path) -> None:
    """Exit code 2 and one line of words, no traceback."""
    wrong = tmp_path / "script.json"
    wrong.write_text('{"faults": [{"kind": "boom"}]}')
    for path, said in ((wrong, "faults[0].kind is 'boom'"), (tmp_path / "none.json", "none.json")):
        done = subprocess.run([*PROGRAM, "--script", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_provider_that_does_not_start_says_why() -> None:
    """The child's own words are in the error, and no process is left."""
    broken = Script(latency=Latency(kind="moon"))  # type: ignore[arg-type]
    with pytest.raises(ProviderError, match=r"latency\.kind is 'moon'"), running_fake_provider(broken):
        pass


def test_after_close_it_is_gone() -> None:
    """Closing twice is fine, and the log can no longer be read."""
    with running_fake_provider() as provider:
        provider.close()
        with pytest.raises(ProviderError, match="has ended"):
            provider.log()
