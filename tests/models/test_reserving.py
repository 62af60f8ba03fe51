"""Models reserve what a call takes at most before they make it."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import pytest

from stretto import Budget, step, workflow
from stretto.context import attempt_scope
from stretto.errors import BudgetExceededError
from stretto.models import (
    ModelSettings,
    OfflineModel,
    OpenAICompatibleModel,
    Prompt,
    Script,
    open_model,
    running_fake_provider,
)
from stretto.models.reserving import OUTPUT_UNDER_BUDGET, most_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.models import FakeProvider, Model

FACTS = {"headline": "All is well", "cost": 4.5}


class _Bounded:
    """An attempt whose run may spend `left` tokens; it notes what is reserved and when it is given back."""

    has_budget = True

    def __init__(self, left: int) -> None:
        self.left = left
        self.log: list[tuple[object, ...]] = []

    def reserve(self, *, tokens: int = 0, cost: float | None = 0.0) -> AbstractContextManager[object]:
        if tokens > self.left:
            raise BudgetExceededError("r", "p", "tokens", self.left, 0, tokens)
        self.log.append(("reserved", tokens, cost))
        return self._held()

    @contextmanager
    def _held(self) -> Iterator[None]:
        yield
        self.log.append(("given back",))

    def usage(self, *, input_tokens: int, output_tokens: int, **_: object) -> None:
        self.log.append(("used", input_tokens + output_tokens))


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with running_fake_provider(Script(), seed=7) as running:
        yield running


@pytest.fixture
def bounded() -> Iterator[_Bounded]:
    attempt = _Bounded(100_000)
    token = attempt_scope.set(attempt)  # type: ignore[arg-type]  # what models look at
    yield attempt
    attempt_scope.reset(token)


def _model(provider: FakeProvider, **more: object) -> OpenAICompatibleModel:
    return OpenAICompatibleModel(base_url=provider.base_url, model="any", timeout=10.0, **more)  # type: ignore[arg-type]


async def _written(model: Model) -> None:
    await model.write(Prompt("write", FACTS))
    await model.aclose()


async def _streamed(model: Model) -> None:
    async for _ in model.stream(Prompt("write", FACTS)):
        pass
    await model.aclose()


def test_what_a_request_takes_at_most() -> None:
    """A third of its bytes, in whatever script, and the bound of the reply; priced where prices are known."""
    body = {"messages": "ü" * 300}
    size = len(json.dumps(body, ensure_ascii=False).encode())
    tokens, cost = most_of(body, 50, (2.0, 10.0))
    assert tokens == -(-size // 3) + 50
    assert cost == pytest.approx(((tokens - 50) * 2.0 + 50 * 10.0) / 1_000_000)
    assert most_of(body, 50, None) == (tokens, None)


@pytest.mark.parametrize("call", [_written, _streamed])
def test_a_call_is_reserved_used_and_given_back(
    call: object, provider: FakeProvider, bounded: _Bounded
) -> None:
    """In this order: what it has taken is counted before what was set aside is free again."""
    asyncio.run(call(_model(provider, prices=(1.0, 2.0), max_output=77)))  # type: ignore[operator]  # as above
    (kind, tokens, cost), (used, taken), *rest = bounded.log
    assert (kind, used, rest) == ("reserved", "used", [("given back",)])
    assert isinstance(tokens, int)
    assert isinstance(taken, int)
    assert isinstance(cost, float)
    assert tokens > 77
    assert 0 < taken <= tokens
    assert 77 * 2.0 / 1e6 < cost < 0.01


@pytest.mark.parametrize("call", [_written, _streamed])
def test_what_does_not_fit_is_never_sent(call: object, provider: FakeProvider, bounded: _Bounded) -> None:
    """The provider hears nothing of it."""
    bounded.left = 100
    before = provider.log().requests
    with pytest.raises(BudgetExceededError):
        asyncio.run(call(_model(provider)))  # type: ignore[operator]  # as above
    assert bounded.log == []
    assert provider.log().requests == before


def test_a_reply_is_bounded_under_a_budget(provider: FakeProvider, bounded: _Bounded) -> None:
    """With no bound of its own a model is given one; without a budget it is left alone."""
    assert _model(provider)._body(Prompt("x"), {})["max_tokens"] == OUTPUT_UNDER_BUDGET
    assert _model(provider, max_output=9)._body(Prompt("x"), {})["max_tokens"] == 9
    bounded.has_budget = False
    assert "max_tokens" not in _model(provider)._body(Prompt("x"), {})
    assert _model(provider, max_output=9)._body(Prompt("x"), {})["max_tokens"] == 9
    asyncio.run(_written(_model(provider, max_output=9)))
    assert [each[0] for each in bounded.log] == ["used"]


def test_how_a_bound_is_told() -> None:
    """By the field that each provider knows."""
    fields = {"model": "m", "max_output_tokens": 5, "base_url": "http://127.0.0.1:9/v1"}
    told = {}
    for name in ("openai", "openai-compatible"):
        model = open_model(
            ModelSettings.model_validate({"provider": name, **fields}), env={"OPENAI_API_KEY": "k"}
        )
        assert isinstance(model, OpenAICompatibleModel)
        told[name] = sorted(set(model._body(Prompt("x"), {})) - {"model", "messages"})
    assert told == {"openai": ["max_completion_tokens"], "openai-compatible": ["max_tokens"]}


def test_a_failed_call_gives_back(provider: FakeProvider, bounded: _Bounded) -> None:
    """Whatever happened to it, nothing stays set aside."""
    bounded._held = _noted(bounded)  # type: ignore[method-assign]  # also told when it is left by an error
    broken = OpenAICompatibleModel(base_url="http://127.0.0.1:1/v1", model="any", timeout=5.0)
    with pytest.raises(Exception, match="connection failed"):
        asyncio.run(_written(broken))
    assert [each[0] for each in bounded.log] == ["reserved", "given back"]


def _noted(bounded: _Bounded) -> object:
    @contextmanager
    def held() -> Iterator[None]:
        try:
            yield
        finally:
            bounded.log.append(("given back",))

    return held


@step
async def ask_offline(task: str) -> str:
    return (await OfflineModel().write(Prompt(task, FACTS))).text


@workflow
def asking(task: str) -> str:
    return ask_offline(task)


def test_the_offline_model_keeps_to_a_budget() -> None:
    """A prompt that is larger than what is left is refused; one that fits is answered."""
    flow = asking.with_options(budget=Budget(tokens=500))
    assert flow.run("short").usage.input_tokens < 500
    result = asyncio.run(flow.aresult("long " * 1000))
    assert isinstance(result.steps["ask_offline"].error, BudgetExceededError)
    assert result.usage.calls == 0
