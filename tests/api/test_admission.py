"""How many runs of one workflow are under way at once."""

from __future__ import annotations

import asyncio

import pytest

from stretto import Engine, step, workflow
from stretto.errors import DefinitionError


def test_runs_beyond_the_limit_wait_in_the_order_they_came() -> None:
    """With max_runs=2, five runs never overlap more than two deep, and begin in order."""
    under_way: list[int] = []
    deepest: list[int] = []
    begun: list[int] = []

    @step
    async def visit(number: int) -> int:
        begun.append(number)
        under_way.append(number)
        deepest.append(len(under_way))
        for _ in range(5):
            await asyncio.sleep(0)
        under_way.remove(number)
        return number

    @workflow(max_runs=2)
    def guarded(number: int) -> int:
        return visit(number)

    async def everything() -> list[int]:
        runs = [guarded.arun(number) for number in range(5)]
        return [result.value for result in await asyncio.gather(*runs)]

    assert asyncio.run(everything()) == [0, 1, 2, 3, 4]
    assert max(deepest) == 2
    assert begun == [0, 1, 2, 3, 4]


def test_a_failed_run_makes_room() -> None:
    """A run that fails gives its place to the next."""

    @step
    async def burst(number: int) -> int:
        if number == 0:
            raise ValueError("no")
        return number

    @workflow(max_runs=1)
    def fragile(number: int) -> int:
        return burst(number)

    async def both() -> list[str]:
        results = await asyncio.gather(fragile.aresult(0), fragile.aresult(1))
        return [str(result.status) for result in results]

    assert asyncio.run(both()) == ["failed", "succeeded"]


def test_engines_and_loops_do_not_share_places() -> None:
    """The limit belongs to one engine on one loop: another engine, or a later loop, has places of its own."""

    @step
    async def nothing() -> int:
        return 1

    @workflow(max_runs=1)
    def single() -> int:
        return nothing()

    assert single.run().value == 1
    assert single.run().value == 1

    async def two_engines() -> list[int]:
        other = single.with_options(engine=Engine())
        return [result.value for result in await asyncio.gather(single.arun(), other.arun())]

    assert asyncio.run(two_engines()) == [1, 1]


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True])
def test_a_limit_that_is_no_count_is_refused(wrong: object) -> None:
    """max_runs takes a whole number from 1."""
    with pytest.raises(DefinitionError, match="max_runs"):
        workflow(max_runs=wrong)(lambda: None)  # type: ignore[call-overload]  # wrong on purpose
