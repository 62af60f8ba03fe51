"""`Account`: budgets hold before anything is spent."""

from __future__ import annotations

import asyncio
import threading

import pytest

from runtime.crashing import Died, DyingStore
from stretto import Budget, Engine, PermanentError, current, step, workflow
from stretto.core.journal.facts import RunOptions
from stretto.core.limits import Budget as CoreBudget
from stretto.errors import BudgetExceededError, ConfigError
from stretto.runtime.engine.spending import Account
from stretto.runtime.engine.usage import Usage
from stretto.runtime.stores.memory import MemoryStore

_ran: list[str] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    _ran.clear()


@step
async def spend(tokens: int, cost: float | None = 0.0) -> int:
    _ran.append("spend")
    current().usage(input_tokens=tokens - 1, output_tokens=1, cost=cost)
    return tokens


@step
async def after(tokens: int) -> int:
    _ran.append("after")
    return tokens


@step
def on_thread(tokens: int) -> int:
    with current().reserve(tokens=tokens):
        _ran.append("on_thread")
        current().usage(input_tokens=tokens)
    return tokens


@step(retry=3)
async def reserving(tokens: int, cost: float | None = 0.0) -> int:
    _ran.append("asked")
    with current().reserve(tokens=tokens, cost=cost):
        _ran.append("called")
        await asyncio.sleep(0)
        current().usage(input_tokens=tokens, cost=cost)
    return tokens


@step(executor="process")
def apart(tokens: int) -> int:
    with current().reserve(tokens=tokens):
        current().usage(input_tokens=tokens)
    return tokens


@workflow
def chain(tokens: int, cost: float | None = 0.0) -> int:
    return after(spend(tokens, cost))


@workflow
def one(tokens: int, cost: float | None = 0.0) -> int:
    return reserving(tokens, cost)


@workflow
def many() -> list[int]:
    return reserving.map([40, 40, 40])


@workflow
def threaded(tokens: int) -> int:
    return after(on_thread(tokens))


@workflow
def in_process(tokens: int) -> int:
    return apart(tokens)


@workflow
def twice(tokens: int) -> int:
    return after(spend.named("again")(spend(tokens)))


def _account(tokens: int | None = None, cost: float | None = None, spent: Usage | None = None) -> Account:
    return Account("r", RunOptions(max_tokens=tokens, max_cost=cost), spent)


def test_what_is_reserved_counts_for_others() -> None:
    """Two reservations that do not fit together are not both made; one given back makes room."""
    account = _account(tokens=100)
    first = account.reserve("a", 60)
    with pytest.raises(BudgetExceededError) as refused:
        account.reserve("b", 60)
    assert (refused.value.path, refused.value.budget, refused.value.used, refused.value.wanted) == (
        "b",
        100,
        0,
        120,
    )
    first.release()
    first.release()
    with account.reserve("b", 100):
        pass
    assert account.usage == Usage()


def test_what_is_reserved_and_used_up_to_the_brim() -> None:
    """The whole budget may be spent, and not one token more."""
    account = _account(tokens=100)
    account.add(0, 50, 10, 0.0)
    with pytest.raises(BudgetExceededError, match="60 tokens are spent, and 41 tokens are asked for"):
        account.reserve("a", 41)
    account.reserve("a", 40).release()
    account.add(0, 40, 0, None)
    account.check("a")
    account.add(0, 1, 0, None)
    with pytest.raises(BudgetExceededError, match=r"101 tokens are spent\. Give the run more"):
        account.check("a")


def test_costs() -> None:
    """Dollars bound like tokens; a price that is not known cannot be bounded."""
    account = _account(cost=1.0)
    account.reserve("a", 10**9, 1.0).release()
    with pytest.raises(BudgetExceededError, match=r"1\.5000 US dollars are asked for"):
        account.reserve("a", cost=1.5)
    with pytest.raises(BudgetExceededError, match=r"price of a call is not known.*input_price"):
        account.reserve("a", cost=None)
    account.add(0, 1, 1, None)
    with pytest.raises(BudgetExceededError, match="not known"):
        account.check("a")


def test_without_a_budget_everything_goes() -> None:
    """It is counted all the same."""
    account = _account()
    assert not account.is_bounded
    account.reserve("a", 10**12, None).release()
    account.add(3, 1, 2, 0.5)
    assert account.usage == Usage(1, 1, 2, 0.5)
    assert account.take_unsaved() == {3: Usage(1, 1, 2, 0.5)}
    assert account.take_unsaved() == {}
    account.close()
    account.add(3, 1, 2, 0.5)
    assert account.usage.calls == 1


def test_threads_reserve_together() -> None:
    """Sixteen threads that race for a budget of five get five."""
    account = _account(tokens=5)
    barrier = threading.Barrier(16)
    got: list[bool] = []

    def take() -> None:
        barrier.wait()
        try:
            account.reserve("a", 1)
        except BudgetExceededError:
            got.append(False)
        else:
            got.append(True)

    threads = [threading.Thread(target=take) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (got.count(True), got.count(False)) == (5, 11)


def test_a_reservation_that_does_not_fit_calls_nothing() -> None:
    """The step fails at once, without a second attempt, and names what was asked for."""
    flow = one.with_options(engine=Engine(budget=Budget(tokens=100)))
    result = asyncio.run(flow.aresult(101))
    assert (str(result.status), _ran) == ("failed", ["asked"])
    assert "may spend 100 tokens" in str(result.to_error())
    assert flow.run(100).value == 100


def test_uses_beside_each_other_share_the_budget() -> None:
    """Of three calls of 40 tokens only two fit into 100."""
    flow = many.with_options(budget=Budget(tokens=100))
    result = asyncio.run(flow.aresult())
    assert _ran.count("called") == 2
    assert (str(result.status), result.usage.input_tokens) == ("failed", 80)


def test_what_was_spent_without_asking_stops_the_next_step() -> None:
    """A step that tells more than the budget ends, and no attempt begins after it."""
    flow = chain.with_options(budget=Budget(tokens=100))
    assert flow.run(100).value == 100
    _ran.clear()
    result = asyncio.run(flow.aresult(101))
    assert (str(result.status), _ran) == ("failed", ["spend"])
    assert result.steps["spend"].value == 101
    assert isinstance(result.steps["after"].error, BudgetExceededError)


def test_an_unknown_price_stops_a_run_bounded_in_dollars() -> None:
    """What cannot be counted cannot be shown to hold."""
    result = asyncio.run(chain.with_options(budget=Budget(cost=1.0)).aresult(1, None))
    assert (str(result.status), _ran) == ("failed", ["spend"])
    assert "input_price" in str(result.to_error())


def test_threads_reserve_and_tell() -> None:
    """What a thread's step says counts before the next step starts."""
    result = threaded.with_options(budget=Budget(tokens=9)).run(9)
    assert (result.usage.input_tokens, _ran) == (9, ["on_thread", "after"])


@pytest.mark.slow
def test_a_process_step_cannot_reserve() -> None:
    """Under a budget it is told so; without one it reserves nothing, and what it tells counts."""
    result = asyncio.run(in_process.with_options(budget=Budget(tokens=99)).aresult(5))
    assert "process of its own" in str(result.to_error())
    assert in_process.run(5).usage.input_tokens == 5


def test_what_was_spent_survives_the_process() -> None:
    """Killed at every append in turn: whoever goes on knows what was spent, and the budget holds across both."""
    whole = DyingStore()
    twice.with_options(engine=Engine(store=whole)).run(10)
    for dies_at in range(2, whole.appends + 1):
        _ran.clear()
        store = DyingStore(dies_at)
        flow = twice.with_options(engine=Engine(store=store, budget=Budget(tokens=1000)), run_id="r")
        with pytest.raises(Died):
            flow.run(10)
        store.dies_at = 0
        store.lose_owner("r")
        result = twice.with_options(engine=Engine(store=store)).resume("r")
        written = _ran.count("spend") * 10
        assert result.usage.input_tokens + result.usage.output_tokens in (20, written)
        assert twice.with_options(engine=Engine(store=store)).resume("r").usage == result.usage


def test_a_budget_holds_for_whoever_goes_on() -> None:
    """The budget is the run's, and so is what it had spent before its process died."""
    store = DyingStore(4)
    flow = twice.with_options(engine=Engine(store=store), budget=Budget(tokens=15), run_id="r")
    with pytest.raises(Died):
        flow.run(10)
    store.dies_at = 0
    store.lose_owner("r")
    result = asyncio.run(twice.with_options(engine=Engine(store=store)).aresume("r"))
    assert str(result.status) == "failed"
    assert "may spend 15 tokens" in str(result.to_error())


def test_a_stored_run_that_ended_tells_its_usage() -> None:
    """The result read from a store says what the run has spent."""
    engine = Engine(store=MemoryStore())
    flow = chain.with_options(engine=engine)
    first = flow.with_options(run_id="r").run(7, 0.25)
    assert flow.resume("r").usage == first.usage == Usage(1, 6, 1, 0.25)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"tokens": 0},
        {"tokens": 1.5},
        {"tokens": True},
        {"cost": 0},
        {"cost": float("inf")},
        {"cost": "1"},
    ],
)
def test_a_budget_that_is_none(wrong: dict[str, object]) -> None:
    """Budgets are whole tokens from 1, or dollars above 0; one without any bound is a mistake."""
    with pytest.raises(ConfigError, match="Budget"):
        CoreBudget(**wrong)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("wrong", [500, "500", {"tokens": 5}])
def test_what_is_no_budget(wrong: object) -> None:
    """Only a Budget is one, on an engine and on a run."""
    with pytest.raises(ConfigError, match=r"give Budget\(tokens="):
        Engine(budget=wrong)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ConfigError, match=r"give Budget\(tokens="):
        one.with_options(budget=wrong).run(1)  # type: ignore[arg-type]  # as above


def test_the_error_is_permanent() -> None:
    """Another attempt cannot help."""
    assert issubclass(BudgetExceededError, PermanentError)
