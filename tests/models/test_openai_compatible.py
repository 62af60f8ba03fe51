"""`models/openai_compatible.py` over real HTTP against the fake provider on loopback."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from typing import TYPE_CHECKING, TypeVar

import pytest
from pydantic import BaseModel

from stretto.context import attempt_scope
from stretto.errors import (
    ConfigError,
    ModelTimeoutError,
    PermanentError,
    ProviderError,
    RateLimitedError,
    StepError,
    UnreadableAnswerError,
)
from stretto.models import (
    FakeProvider,
    Fault,
    Model,
    OpenAICompatibleModel,
    Prompt,
    ReplyEdit,
    Script,
    running_fake_provider,
)
from stretto.models.openai_compatible import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from stretto.models.fake_provider.launcher import ProviderLog

T = TypeVar("T")
FACTS = {"headline": "All is well", "cost": 4.5, "facts": ["One thing", "Another thing"]}
SCRIPT = Script(
    faults=(
        Fault("429", "limit me", retry_after=7),
        Fault("429", "limit me until", times=2, retry_after=30, retry_after_form="date"),
        Fault("429", "limit me bare", times=3),
        Fault("500", "fail me"),
        Fault("503", "spare me", retry_after=2),
        Fault("stall", "stall me", times=None),
        Fault("cut", "cut me", times=None),
        Fault("unfinished", "trail off", times=None),
        Fault("malformed", "garble me", times=None),
        Fault("length", "shorten me", times=None),
    ),
    replies=(ReplyEdit("misshape me", text='{"summary": 5, "extra": "' + "x" * 500 + '"}'),),
)


class Summary(BaseModel):
    summary: str
    cost: float


class Recorder:
    def __init__(self) -> None:
        self.told: list[dict[str, object]] = []

    has_budget = False

    def usage(self, **told: object) -> None:
        self.told.append(told)


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with running_fake_provider(SCRIPT, seed=7) as running:
        yield running


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    token = attempt_scope.set(recorder)  # type: ignore[arg-type]  # only usage is looked at
    yield recorder
    attempt_scope.reset(token)


def model_of(provider: FakeProvider, timeout: float = 10.0, **more: object) -> OpenAICompatibleModel:
    return OpenAICompatibleModel(base_url=provider.base_url, model="any", timeout=timeout, **more)  # type: ignore[arg-type]


async def streamed(model: Model, prompt: Prompt) -> list[str]:
    return [piece async for piece in model.stream(prompt)]


def failing(call: Callable[[], Coroutine[object, object, object]]) -> StepError:
    """The step error that the call raises."""
    with pytest.raises(StepError) as caught:
        asyncio.run(call())
    return caught.value


def settled(provider: FakeProvider, is_so: Callable[[ProviderLog], bool]) -> ProviderLog:
    """The log once `is_so`, for which the other process may need a moment."""
    until = time.monotonic() + 5
    while not is_so(log := provider.log()) and time.monotonic() < until:
        pass
    return log


def test_a_structured_answer_with_usage_and_cost(provider: FakeProvider, recorder: Recorder) -> None:
    """The value is typed, the model is the provider's word, cost is tokens times price, all is recorded."""
    reply = asyncio.run(model_of(provider, prices=(1.0, 10.0)).ask(Prompt("Sum up.", FACTS), Summary))
    assert reply.value.cost == 4.5
    assert reply.value.summary.startswith("All is well.")
    assert (reply.model, reply.text[0]) == ("simulated", "{")
    assert reply.usage.cost == pytest.approx(
        (reply.usage.input_tokens + 10 * reply.usage.output_tokens) / 1e6
    )
    assert reply.usage.input_tokens > 20
    assert recorder.told == [
        {
            "input_tokens": reply.usage.input_tokens,
            "output_tokens": reply.usage.output_tokens,
            "cost": reply.usage.cost,
            "model": "simulated",
        }
    ]


def test_a_streamed_text_is_the_written_one(provider: FakeProvider, recorder: Recorder) -> None:
    """Pieces add up to what `write` says and are accounted for alike; an unpriced cost is unknown."""
    prompt = Prompt("Sum up.", FACTS)
    pieces = asyncio.run(streamed(model_of(provider), prompt))
    reply = asyncio.run(model_of(provider).write(prompt))
    assert len(pieces) > 2
    assert "".join(pieces) == reply.value
    assert recorder.told[0] == recorder.told[1]
    assert recorder.told[0]["cost"] is None
    assert recorder.told[0]["output_tokens"] == reply.usage.output_tokens > 0


@pytest.mark.parametrize(
    ("task", "kind", "wait", "said"),
    [
        ("limit me", RateLimitedError, 7.0, "too many requests"),
        ("fail me", ProviderError, None, "HTTP 500"),
        ("spare me", ProviderError, 2.0, "HTTP 503"),
        ("cut me", ProviderError, None, "connection failed"),
        ("garble me", UnreadableAnswerError, None, "not JSON"),
        ("shorten me", UnreadableAnswerError, None, "length limit"),
    ],
)
def test_faults_become_the_engines_errors(
    provider: FakeProvider, task: str, kind: type[StepError], wait: float | None, said: str
) -> None:
    """Each fault is one failed attempt of its own kind: nothing is retried here."""
    before = provider.log().requests
    error = failing(lambda: model_of(provider).write(Prompt(task, FACTS)))
    assert type(error) is kind
    assert getattr(error, "retry_after", None) == wait
    assert said in str(error)
    assert provider.log().requests == before + 1


def test_retry_after_as_a_date_or_not_at_all(provider: FakeProvider) -> None:
    """A date becomes seconds from the reply's own date; without the header there is no floor."""
    model = model_of(provider)
    first, second = (failing(lambda: model.write(Prompt("limit me until", FACTS))) for _ in range(2))
    assert (getattr(first, "retry_after", None), getattr(second, "retry_after", None)) == (7.0, 30.0)
    bare = [failing(lambda: model.write(Prompt("limit me bare", FACTS))) for _ in range(2)]
    assert getattr(bare[1], "retry_after", 0) is None
    assert isinstance(bare[1], RateLimitedError)


@pytest.mark.parametrize(
    ("task", "kind", "said"),
    [
        ("cut me", ProviderError, "connection failed"),
        ("trail off", ProviderError, r"was cut after \d+ characters"),
        ("garble me", UnreadableAnswerError, "not JSON"),
        ("shorten me", UnreadableAnswerError, "length limit"),
        ("limit me in a stream", RateLimitedError, "too many requests"),
    ],
)
def test_a_stream_fails_like_a_whole_reply(
    provider: FakeProvider, recorder: Recorder, task: str, kind: type[StepError], said: str
) -> None:
    """A stream that did not end well raises; only one that was finished is accounted for."""
    with pytest.raises(kind, match=said):
        asyncio.run(streamed(model_of(provider), Prompt(task, FACTS)))
    assert len(recorder.told) == (1 if "shorten" in task else 0)


@pytest.mark.parametrize("task", ["garble me", "misshape me"])
def test_an_answer_of_another_shape_is_a_failed_attempt(
    provider: FakeProvider, recorder: Recorder, task: str
) -> None:
    """Broken JSON and JSON of another shape say what was wrong, show 200 characters, and were paid for."""
    error = failing(lambda: model_of(provider).ask(Prompt(task, FACTS), Summary))
    assert type(error) is UnreadableAnswerError
    assert "simulated did not answer with a Summary" in str(error)
    assert len(str(error)) < 600
    assert len(recorder.told) == 1


def test_silence_is_a_timeout(provider: FakeProvider) -> None:
    """A whole reply that does not come, and a stream that stops coming, are cut after `timeout`."""
    model = model_of(provider, timeout=0.05)
    for call in (
        lambda: model.write(Prompt("stall me", FACTS)),
        lambda: streamed(model, Prompt("stall me", FACTS)),
    ):
        error = failing(call)
        assert type(error) is ModelTimeoutError
        assert "no answer within 0.05 s" in str(error)


def test_nobody_there_is_a_provider_error() -> None:
    """A refused connection may pass; the text names the address."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    model = OpenAICompatibleModel(base_url=f"http://127.0.0.1:{port}/v1", model="m")
    error = failing(lambda: model.write(Prompt("t")))
    assert type(error) is ProviderError
    assert f"127.0.0.1:{port}" in str(error)


def test_a_wrong_key_is_permanent_and_never_shown() -> None:
    """401 names the setting; the provider's echo of the key is taken out. The right key is accepted."""
    with running_fake_provider(Script(api_key="sk-right")) as provider:
        error = failing(lambda: model_of(provider, api_key="sk-wrong").write(Prompt("t")))
        assert type(error) is PermanentError
        assert "`api_key_env`" in str(error)
        assert "provided: [api key]" in str(error)
        assert "sk-wrong" not in str(error)
        assert asyncio.run(model_of(provider, api_key="sk-right").write(Prompt("t"))).model == "simulated"


def test_a_wrong_address_is_permanent(provider: FakeProvider) -> None:
    """404 says to check base_url and model."""
    model = OpenAICompatibleModel(base_url=provider.base_url + "/v2", model="m")
    error = failing(lambda: model.write(Prompt("t")))
    assert type(error) is PermanentError
    assert "`base_url`" in str(error)


@pytest.mark.parametrize("way", ["write", "stream"])
def test_cancelling_the_task_aborts_the_request(way: str) -> None:
    """The provider sees the client leave at once: nothing goes on there after the cancel returned."""
    script = Script(faults=(Fault("stall", times=None),))

    async def cancelled(provider: FakeProvider) -> None:
        model = model_of(provider)
        call = model.write(Prompt("t", FACTS)) if way == "write" else streamed(model, Prompt("t", FACTS))
        task = asyncio.ensure_future(call)
        async with asyncio.timeout(5):
            while provider.log().in_flight == 0:
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with running_fake_provider(script) as provider:
        asyncio.run(cancelled(provider))
        log = settled(provider, lambda log: log.in_flight == 0)
    assert (log.aborted, log.in_flight, log.served) == (1, 0, 0)


def test_a_stream_left_early_is_aborted_and_its_connection_not_reused(provider: FakeProvider) -> None:
    """Closing the iterator ends the request; the next one on the same model is whole."""

    async def main() -> str:
        model = model_of(provider)
        stream = model.stream(Prompt("stall me halfway", FACTS))
        assert await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]  # it is an async generator
        return (await model.write(Prompt("Sum up.", FACTS))).model

    before = provider.log().aborted
    assert asyncio.run(main()) == "simulated"
    assert settled(provider, lambda log: log.in_flight == 0).aborted == before + 1


def test_one_model_serves_one_event_loop_after_another(provider: FakeProvider) -> None:
    """Connections close with their loop, without a warning, also when `aclose` is never called."""
    model = model_of(provider)
    texts = {asyncio.run(model.write(Prompt("Sum up.", FACTS))).text for _ in range(3)}
    gc.collect()
    assert len(texts) == 1
    assert not model._clients._lots


def test_a_closed_model_opens_again(provider: FakeProvider) -> None:
    """`aclose` ends the loop's connections, may be repeated, and is not the end of the model."""

    async def main() -> None:
        model = model_of(provider)
        await model.aclose()
        for _ in range(2):
            await model.write(Prompt("t", FACTS))
            await model.aclose()
            await model.aclose()
            assert not model._clients._lots

    asyncio.run(main())


def test_connections_are_reused_last_in_first_out(provider: FakeProvider) -> None:
    """Ten at once need ten clients; ten one after another afterwards need no more."""

    async def main() -> tuple[int, int]:
        model = model_of(provider)
        await asyncio.gather(*(model.write(Prompt("t", {"cost": index})) for index in range(10)))
        (lot,) = model._clients._lots.values()
        for index in range(10):
            await model.write(Prompt("t", {"cost": index}))
        counts = len(lot.made), len(lot.idle)
        await model.aclose()
        return counts

    assert asyncio.run(main()) == (10, 10)


def test_proxy_settings_do_not_concern_loopback(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in the environment is used for other hosts only: here the provider itself plays the proxy."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{unused.getsockname()[1]}"
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, dead)
    assert asyncio.run(model_of(provider).write(Prompt("t", FACTS))).model == "simulated"
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{provider.port}")
    remote = OpenAICompatibleModel(base_url="http://models.example/v1", model="m")
    assert "There is no POST http://models.example/v1/chat/completions here" in str(
        failing(lambda: remote.write(Prompt("t")))
    )


def test_what_loopback_is() -> None:
    """By address or by its reserved name, nothing else."""
    own = ["http://127.0.0.1:1/v1", "http://[::1]/v1", "http://localhost/v1", "http://x.localhost"]
    others = ["http://10.0.0.1/v1", "https://localhost.example/v1", "https://example/v1"]
    assert [is_loopback(url) for url in own + others] == [True] * 4 + [False] * 3


@pytest.mark.parametrize("key", ["sk\nsecret", "sk-sécret"])
def test_a_key_that_cannot_be_one_is_refused_unseen(key: str) -> None:
    """Before it could end up in an error of the HTTP library."""
    with pytest.raises(ConfigError) as caught:
        OpenAICompatibleModel(base_url="https://host/v1", model="m", api_key=key)
    assert "cret" not in str(caught.value)
