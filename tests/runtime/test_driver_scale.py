"""Long, wide and deep: nothing in a run depends on Python's stack, and no tick starts everything."""

from __future__ import annotations

import asyncio

import pytest

from stretto import step, workflow
from stretto.errors import InputError
from stretto.testing import run_virtual


@step
async def bump(number: int) -> int:
    return number + 1


@step(inline=True)
def glue(number: int) -> int:
    return number + 1


@step(inline=True)
def same(value: object) -> object:
    return value


@pytest.mark.slow
@pytest.mark.parametrize("link", [bump, glue], ids=["coroutines", "inline"])
def test_a_chain_of_ten_thousand(link: object) -> None:
    """Ten thousand steps one behind the other run without reaching the recursion limit."""

    @workflow
    def flow() -> int:
        last = 0
        for number in range(10_000):
            last = link.named(f"s{number}")(last)  # type: ignore[attr-defined]
        return last

    assert asyncio.run(flow.arun()).value == 10_000


@pytest.mark.slow
def test_ten_thousand_at_once() -> None:
    """A burst wider than a slice is started in slices; others get their turn in between."""
    turns: list[int] = []

    @workflow
    def flow() -> list[int]:
        return bump.map(list(range(10_000)))

    async def ticker() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    async def run() -> list[int]:
        task = asyncio.create_task(ticker())
        result = await flow.with_options(max_concurrency=100_000).arun()
        task.cancel()
        return result.value

    assert asyncio.run(run()) == [number + 1 for number in range(10_000)]
    assert len(turns) > 10


@pytest.mark.slow
def test_two_thousand_maps_over_each_other() -> None:
    """A row of maps, wired item to item over a list that is made at run time."""

    @step
    async def items() -> list[int]:
        return [0]

    @workflow
    def flow() -> list[int]:
        found = items()
        for number in range(2_000):
            found = glue.named(f"m{number}").map(found)
        return found

    assert asyncio.run(flow.arun()).value == [2_000]


def test_a_loss_through_a_thousand_maps() -> None:
    """A lost item takes its own column of a thousand maps with it, and no more stack than one step."""

    @step
    async def odd(number: int) -> int:
        if number == 0:
            raise ValueError("lost")
        return number

    @workflow
    def flow() -> None:
        found = odd.map([0, 1])
        for number in range(1_000):
            found = glue.named(f"m{number}").map(found)

    result = run_virtual(flow.aresult())
    assert [failure.path for failure in result.failures] == ["odd[0]"]
    assert result.steps["m999[0]"].state == "skipped"


def test_a_loop_with_eager_tasks() -> None:
    """Where tasks run to their first wait at once (Python 3.12 and later), nothing changes."""

    @workflow
    def flow() -> int:
        return bump.named("second")(bump(glue(0)))

    async def run() -> int:
        asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory", None))
        return (await flow.arun()).value

    assert asyncio.run(run()) == 3


def test_deep_inputs_are_refused_in_words() -> None:
    """A value nested too deeply is an error with a place, not a crash."""

    @workflow
    def flow(value: object) -> object:
        return same(value)

    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(InputError, match=r"'value'.*levels deep"):
        run_virtual(flow.arun(deep))
