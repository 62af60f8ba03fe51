"""`on_failure="continue"` as a user meets it: the rest runs, and everything that failed is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from stretto import Missing, Retry, RunError, choose, group, repeat, step, workflow
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from stretto import RunResult, Workflow


@step
async def works(value: Any, seconds: float = 1.0) -> Any:
    await asyncio.sleep(seconds)
    return value


@step
async def breaks(value: object, seconds: float = 1.0) -> Any:
    await asyncio.sleep(seconds)
    raise ValueError(f"{value} is broken")


@step
async def odd_ones(number: int) -> int:
    if number % 2 == 0:
        raise ValueError(f"{number} is even")
    return number


@step(inline=True)
def is_never(value: object) -> bool:
    return False


def outcome(flow: Workflow[..., Any]) -> RunResult[Any]:
    """The result, whatever its status, of a run on virtual time."""
    return run_virtual(flow.aresult())


def states(result: RunResult[Any]) -> dict[str, str]:
    """Paths with states, in order."""
    return {path: str(each.state) for path, each in result.steps.items()}


def failed(result: RunResult[Any]) -> list[str]:
    """What is reported."""
    assert result.status == "failed"
    return [failure.path for failure in result.failures]


def test_what_does_not_need_a_lost_step_runs() -> None:
    """Also what starts after the loss; what needs it is skipped and says whom it needed."""

    @workflow(on_failure="continue")
    def flow() -> object:
        lost = breaks("glass")
        needs = works.named("needs")(lost)
        return needs, works.named("late")(works(1, 5.0))

    result = outcome(flow)
    assert states(result) == {
        "breaks": "failed",
        "needs": "skipped",
        "works": "succeeded",
        "late": "succeeded",
    }
    assert failed(result) == ["breaks"]
    assert result.steps["late"].value == 1
    assert "needs breaks, which was lost" in " ".join(result.story("needs"))


def test_the_error_tells_all_failures_and_carries_the_result() -> None:
    """In author order, the first at the head."""

    @workflow(on_failure="continue")
    def flow() -> object:
        return breaks.named("first")("glass", 2.0), breaks.named("second")("plate", 1.0), works("kept")

    async def run() -> RunError:
        with pytest.raises(RunError) as caught:
            await flow.arun()
        return caught.value

    error = run_virtual(run())
    first, second = error.result.failures
    assert (first.path, second.path) == ("first", "second")
    text = str(error)
    assert text.index("first: ValueError: glass is broken") < text.index(
        "second: ValueError: plate is broken"
    )
    assert error.result.steps["works"].value == "kept"


def test_each_lost_item_of_a_map_is_told() -> None:
    """All items run; the map is lost with them, and what takes items one by one goes on with the good ones."""

    @workflow(on_failure="continue")
    def flow() -> object:
        odd = odd_ones.map([1, 2, 3, 4])
        return works.map(odd), works.named("whole")(odd)

    result = outcome(flow)
    assert failed(result) == ["odd_ones[1]", "odd_ones[3]"]
    found = states(result)
    assert [found[f"works[{number}]"] for number in range(4)] == ["succeeded", "skipped"] * 2
    assert found["whole"] == "skipped"


def test_branches_rounds_and_workflows_go_on_beside_their_losses() -> None:
    """Each is lost with its step; whatever does not need it runs, inside and outside."""

    @workflow
    def inner() -> object:
        return [breaks("inner"), works("inner", 3.0)]

    def body(value: object) -> object:
        breaks.named("side")("side")
        return works(value)

    @workflow(on_failure="continue")
    def flow() -> object:
        return [
            choose("a", {"a": lambda: [breaks("chosen"), works("beside", 3.0)]}),
            inner(),
            repeat(body, 1, until=is_never, max_rounds=3, on_exhausted="last", name="loop"),
        ]

    result = outcome(flow)
    assert failed(result) == ["choose/a/breaks", "inner/breaks", "loop#1/side"]
    found = states(result)
    assert found["choose/a/works"] == found["inner/works"] == found["loop#1/works"] == "succeeded"
    assert found["choose"] == found["inner"] == found["loop"] == "failed"


def test_groups_absorb_and_gates_are_told() -> None:
    """Optional losses are no failures; a threshold that was missed is one."""

    @step(inline=True)
    def told(value: object | Missing) -> bool:
        return bool(value)

    @workflow(on_failure="continue")
    def flow() -> object:
        with group("enough", min_success=1) as enough:
            lost = breaks("one")
            works("two")
        with group("missed", min_success=1) as missed:
            breaks.named("all")("all")
        return told(lost), works.named("report").after(enough)(1), works.named("never").after(missed)(1)

    result = outcome(flow)
    assert failed(result) == ["missed"]
    assert states(result)["report"] == "succeeded"
    assert states(result)["never"] == "skipped"


def test_optional_losses_alone_are_partial() -> None:
    """As under every other policy."""

    @step(optional=True, default=0)
    async def extra() -> int:
        raise ValueError("gone")

    @workflow(on_failure="continue")
    def flow() -> object:
        return extra()

    result = outcome(flow)
    assert (result.status, result.value) == ("partial", 0)


def test_retries_go_on_after_a_loss_elsewhere() -> None:
    """Nothing is taken from a step that does not need the lost one."""
    calls: list[int] = []

    @step(retry=Retry(attempts=3, first_wait=4.0, jitter=False))
    async def flaky() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise ConnectionError("busy")
        return "done"

    @workflow(on_failure="continue")
    def flow() -> object:
        return breaks("glass"), flaky()

    result = outcome(flow)
    assert failed(result) == ["breaks"]
    assert result.steps["flaky"].value == "done"


def test_one_by_one_the_same_is_lost() -> None:
    """A sequential run goes on, too, and ends with the same states."""

    @workflow(on_failure="continue")
    def flow() -> object:
        return works.named("needs")(breaks("glass")), works(1)

    found = [states(outcome(flow.with_options(sequential=each))) for each in (False, True)]
    assert found[0] == found[1]
