"""`repeat` at run time: rounds, what they hand on, when they begin, how they end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from stretto import Missing, group, repeat, step, workflow
from stretto.errors import RunFailedError
from stretto.runtime.engine import attempts, driver
from stretto.testing import CheckedScheduler, run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto import RunResult


@pytest.fixture(autouse=True)
def _checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "Scheduler", CheckedScheduler)


@step
async def more(number: int, by: int = 1) -> int:
    await asyncio.sleep(1)
    return number + by


@step
async def load(value: Any, seconds: float = 1) -> Any:
    await asyncio.sleep(seconds)
    return value


@step
async def boom(value: object, seconds: float = 1) -> Any:
    await asyncio.sleep(seconds)
    raise ValueError(f"no {value}")


@step(inline=True)
def enough(number: int) -> bool:
    return number >= 3


@step(inline=True)
def never(value: object) -> bool:
    return False


def states(result: RunResult[Any]) -> dict[str, str]:
    """Every step's state by path."""
    return {path: found.state for path, found in result.steps.items()}


def times(result: RunResult[Any], path: str) -> tuple[float | None, float | None]:
    """When a step started and ended."""
    found = result.steps[path]
    return found.started_at, found.ended_at


def with_a_side_step(number: Any) -> Any:
    """A round whose verdict does not wait for all of it."""
    load.named("then")(load.named("side")(number, 10))
    return more(number)


# -------------------------------------------------------------------- rounds and what they hand on


def test_rounds_run_one_after_the_other_until_the_verdict_is_true() -> None:
    """Each round has its own path and gets what the one before gave; the last result is the loop's."""

    @workflow
    def flow() -> int:
        return repeat(more, 0, until=enough, max_rounds=5)

    result = run_virtual(flow.arun())
    assert result.value == 3
    assert result.status == "succeeded"
    assert list(result.steps) == [
        "more",
        *("more#1/more", "more#1/enough"),
        *("more#2/more", "more#2/enough"),
        *("more#3/more", "more#3/enough"),
    ]
    assert [result.steps[f"more#{number}/more"].value for number in (1, 2, 3)] == [1, 2, 3]
    assert [result.steps[f"more#{number}/enough"].value for number in (1, 2, 3)] == [False, False, True]
    assert times(result, "more#3/more") == (2.0, 3.0)
    assert times(result, "more") == (0.0, 3.0)
    assert result.steps["more"].value == 3


def test_the_first_round_waits_for_the_start_where_it_needs_it() -> None:
    """A start that is yet to be made holds back only the steps that take it."""

    @workflow
    def flow() -> Any:
        start = load(1, 4)
        return repeat(lambda number: more(number, load.named("by")(1)), start, until=enough, max_rounds=5)

    result = run_virtual(flow.arun())
    assert result.value == 3
    assert times(result, "repeat#1/by") == (0.0, 1.0)
    assert times(result, "repeat#1/more") == (4.0, 5.0)
    assert times(result, "repeat#2/by") == (5.0, 6.0)


def test_fields_of_the_state_are_handed_on_one_by_one() -> None:
    """A step of the next round takes its field alone; fields that only move keep their values."""

    @workflow
    def flow() -> dict[str, Any]:
        return repeat(
            lambda state: {"number": more(state["number"]), "text": state["text"], "last": state["number"]},
            {"number": 0, "text": load("kept"), "last": None},
            until=lambda state: enough(state["number"]),
            max_rounds=5,
            name="loop",
        )

    result = run_virtual(flow.arun())
    assert result.value == {"number": 3, "text": "kept", "last": 2}
    assert times(result, "loop") == (0.0, 3.0)


def test_a_field_of_the_state_does_not_wait_for_the_others() -> None:
    """A slow part of one round holds back only those steps of the next one that take it."""

    @workflow
    def flow() -> dict[str, Any]:
        def body(state: dict[str, Any]) -> dict[str, Any]:
            return {"number": more(state["number"]), "slow": load(state["slow"], 3)}

        return repeat(
            body,
            {"number": 1, "slow": "s"},
            until=lambda state: enough(state["number"]),
            max_rounds=5,
            name="loop",
        )

    result = run_virtual(flow.arun())
    assert result.value == {"number": 3, "slow": "s"}
    assert times(result, "loop#2/more") == (1.0, 2.0)
    assert times(result, "loop#2/load") == (3.0, 6.0)
    assert times(result, "loop") == (0.0, 6.0)


def test_fields_of_a_result_are_handed_on() -> None:
    """What a body takes out of a step's result is a state like any other."""

    @step
    async def review(state: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(1)
        number = state["number"] + 1
        return {"next": {"number": number}, "is_done": number >= 2}

    @workflow
    def flow() -> object:
        return repeat(
            lambda state: review(state)["next"],
            load({"number": 0}),
            until=lambda state: enough.named("e")(state["number"]),
            max_rounds=9,
            name="loop",
        )

    result = run_virtual(flow.arun())
    assert result.value == {"number": 3}
    assert result.steps["loop#2/return"].value == {"number": 2}


def test_a_body_may_hand_on_what_it_was_given() -> None:
    """A loop without a step in its body ends with its start."""

    @workflow
    def flow() -> object:
        return repeat(lambda number: number, load(5), until=enough, max_rounds=2)

    result = run_virtual(flow.arun())
    assert result.value == 5
    assert times(result, "repeat") == (0.0, 1.0)


def test_a_body_may_use_what_is_around_it() -> None:
    """A captured result is the same in every round; it is waited for once."""

    @workflow
    def flow() -> int:
        by = load(2, 3)
        return repeat(lambda number: more(number, by), 0, until=enough, max_rounds=5)

    result = run_virtual(flow.arun())
    assert result.value == 4
    assert times(result, "repeat#1/more") == (3.0, 4.0)
    assert times(result, "repeat#2/more") == (4.0, 5.0)


def test_a_map_over_the_state_grows_anew_each_round() -> None:
    """Lists that a round hands on are mapped over, whether they were written down or made."""

    @workflow
    def flow() -> list[int]:
        return repeat(
            lambda numbers: more.map(numbers),
            [0, 1],
            until=lambda numbers: enough(numbers[1]),
            max_rounds=5,
            name="loop",
        )

    result = run_virtual(flow.arun())
    assert result.value == [2, 3]
    assert states(result)["loop#2/more[1]"] == "succeeded"
    assert times(result, "loop") == (0.0, 2.0)


def test_a_loop_in_a_loop() -> None:
    """Each outer round has inner rounds of its own, that begin with the outer round's state."""

    @workflow
    def flow() -> int:
        return repeat(
            lambda number: repeat(more, number, until=never, max_rounds=2, on_exhausted="last", name="inner"),
            0,
            until=enough,
            max_rounds=5,
            name="outer",
        )

    result = run_virtual(flow.arun())
    assert result.value == 4
    assert times(result, "outer#2/inner#1/more") == (2.0, 3.0)
    assert times(result, "outer") == (0.0, 4.0)
    assert "outer#3/inner" not in result.steps


def test_loops_in_a_mapped_workflow_end_each_by_itself() -> None:
    """Every item has rounds of its own, as many as it needs, under its own path."""

    @workflow(name="polish")
    def polish(number: int) -> int:
        return repeat(more, number, until=enough, max_rounds=5, name="loop")

    @workflow
    def flow() -> list[int]:
        return polish.map(load([0, 2, 9]))

    result = run_virtual(flow.arun())
    assert result.value == [3, 3, 10]
    rounds = {item: f"polish[{item}]/loop#{count}/more" for item, count in ((0, 3), (1, 1), (2, 1))}
    assert all(path in result.steps for path in rounds.values())
    assert "polish[1]/loop#2/more" not in result.steps
    assert times(result, "polish[0]")[1] == 4.0
    assert times(result, "polish[1]")[1] == 2.0


def test_what_is_ordered_after_the_state_waits_for_all_of_it() -> None:
    """Also where it takes a part."""

    @workflow
    def flow() -> dict[str, Any]:
        def body(state: dict[str, Any]) -> dict[str, Any]:
            number = more.after(state["slow"])(state["number"])
            return {"number": number, "slow": load(state["number"], 3)}

        return repeat(
            body,
            load({"number": 1, "slow": 0}),
            until=lambda state: enough(state["number"]),
            max_rounds=5,
            name="loop",
        )

    result = run_virtual(flow.arun())
    assert times(result, "loop#1/load") == (1.0, 4.0)
    assert times(result, "loop#2/more") == (4.0, 5.0)


# -------------------------------------------------------------------- the verdict


@workflow(name="judged")
def judged(number: int) -> bool:
    """A workflow that says whether a round was the last."""
    return enough(more.named("look")(number, 0))


@step
async def review(number: int) -> dict[str, Any]:
    """A verdict with its reasons."""
    await asyncio.sleep(1)
    return {"done": number >= 2, "is": [number >= 3], "text": "fine"}


@pytest.mark.parametrize(
    ("until", "value", "ended"),
    [
        (enough, 3, 3.0),
        (lambda number: enough(number), 3, 3.0),
        (lambda number: enough(load(number)), 3, 6.0),
        (lambda number: review(number)["done"], 2, 4.0),
        (lambda number: review(number)["is"][0], 3, 6.0),
        (judged, 3, 6.0),
    ],
)
def test_a_verdict_is_a_step_a_function_a_field_or_a_workflow(
    until: Callable[[int], bool], value: int, ended: float
) -> None:
    """Whatever gives True or False when the round's result is there; time it takes is the round's."""

    @workflow
    def flow() -> int:
        return repeat(more, 0, until=until, max_rounds=5, name="loop")

    result = run_virtual(flow.arun())
    assert result.value == value
    assert times(result, "loop") == (0.0, ended)


@pytest.mark.parametrize(
    ("given", "kind"), [(1, "int"), (None, "NoneType"), ("yes", "str"), ([True], "list")]
)
def test_a_verdict_that_is_no_bool_fails_the_loop(given: object, kind: str) -> None:
    """Truth is not guessed: the error names the step and what it returned."""

    @step(inline=True)
    def verdict(number: int) -> Any:
        return given

    @workflow
    def flow() -> int:
        return repeat(more, 0, until=verdict, max_rounds=5, name="loop")

    result = run_virtual(flow.aresult())
    (failure,) = result.failures
    assert str(failure) == (
        f"loop: PermanentError: 'loop#1/verdict' says whether 'loop' is done, but returned {kind}; "
        "return True or False."
    )
    assert "loop#2/more" not in result.steps


def test_a_verdicts_field_that_is_not_there_fails_the_loop() -> None:
    """The error names the step whose result lacks it."""

    @workflow
    def flow() -> int:
        return repeat(more, 0, until=lambda number: review(number)["wrong"], max_rounds=5, name="loop")

    (failure,) = run_virtual(flow.aresult()).failures
    assert failure.path == "loop"
    assert "the result of 'loop#1/review' has no ['wrong']" in str(failure)


# -------------------------------------------------------------------- the end of the rounds


def test_after_the_last_round_the_loop_fails() -> None:
    """RoundsExhaustedError says how many rounds there were and what to do; finished rounds are kept."""

    @workflow
    def flow() -> object:
        return load(repeat(more, 0, until=enough, max_rounds=2, name="loop"))

    result = run_virtual(flow.aresult())
    assert result.status == "failed"
    assert [str(failure) for failure in result.failures] == [
        (
            "loop: RoundsExhaustedError: 'loop' was not done after 2 rounds; allow more with max_rounds=, "
            "or take the last result with on_exhausted='last'."
        )
    ]
    assert states(result)["load"] == "skipped"
    assert result.steps["loop#2/more"].value == 2
    assert "loop#3/more" not in result.steps
    with pytest.raises(RunFailedError, match="was not done after 2 rounds"):
        _ = result.value


def test_one_round_is_told_in_the_singular() -> None:
    """An error reads as a sentence."""

    @workflow
    def flow() -> object:
        return repeat(more, 0, until=never, max_rounds=1)

    assert "'more' was not done after 1 round; allow" in str(run_virtual(flow.aresult()).failures[0])


def test_the_last_result_is_good_enough_if_it_was_said_so() -> None:
    """With on_exhausted="last" the run goes on, and has succeeded."""

    @workflow
    def flow() -> object:
        return repeat(more, 0, until=enough, max_rounds=2, on_exhausted="last")

    result = run_virtual(flow.arun())
    assert (result.value, result.status) == (2, "succeeded")
    assert result.warnings == ()


@pytest.mark.parametrize("on_exhausted", ["fail", "last"])
def test_a_loop_that_is_done_in_its_last_round_is_done(on_exhausted: Any) -> None:
    """The last allowed round counts like any other."""

    @workflow
    def flow() -> object:
        return repeat(more, 0, until=enough, max_rounds=3, on_exhausted=on_exhausted)

    result = run_virtual(flow.arun())
    assert (result.value, result.status) == (3, "succeeded")


def test_a_field_of_the_state_that_is_not_handed_on_fails_the_loop() -> None:
    """The round that would need it is not begun; the error says which and why."""

    @workflow
    def flow() -> object:
        return repeat(
            lambda state: {"number": more(state["start"])},
            {"start": 0, "number": 0},
            until=lambda state: enough(state["number"]),
            max_rounds=5,
            name="loop",
        )

    (failure,) = run_virtual(flow.aresult()).failures
    assert failure.path == "loop"
    assert "what round 2 of 'loop' takes from the one before is not there: KeyError: 'start'" in str(failure)


def test_a_field_of_a_result_that_is_not_there_fails_as_steps_fail() -> None:
    """Also one that no step looks at, as it is only handed on."""

    @workflow
    def flow() -> object:
        def body(state: dict[str, Any]) -> dict[str, Any]:
            return {"number": more(state["number"]), "text": load({"k": 1})["wrong"]}

        start: dict[str, Any] = {"number": 2, "text": ""}
        return repeat(
            body,
            start,
            until=lambda state: enough(state["number"]),
            max_rounds=5,
            name="loop",
        )

    result = run_virtual(flow.aresult())
    assert result.status == "failed"
    assert [failure.path for failure in result.failures] == ["loop#1/return"]
    assert "the result of 'loop#1/load' has no ['wrong']" in str(result.failures[0])


# -------------------------------------------------------------------- time


def test_a_round_begins_with_the_verdict_though_a_side_step_still_runs() -> None:
    """The loop itself ends when the side steps of all rounds have."""

    @workflow
    def flow() -> object:
        return load.named("behind")(repeat(with_a_side_step, 1, until=enough, max_rounds=5, name="loop"))

    result = run_virtual(flow.arun())
    assert result.value == 3
    assert times(result, "loop#1/side") == (0.0, 10.0)
    assert times(result, "loop#1/then") == (10.0, 11.0)
    assert times(result, "loop#2/more") == (1.0, 2.0)
    assert times(result, "loop#2/side") == (1.0, 11.0)
    assert times(result, "loop#2/then") == (11.0, 12.0)
    assert times(result, "loop") == (0.0, 12.0)
    assert times(result, "behind") == (12.0, 13.0)


def test_nothing_of_a_round_starts_before_the_verdict_on_the_one_before() -> None:
    """Also steps that take nothing from it."""

    @workflow
    def flow() -> object:
        def body(number: int) -> int:
            load.named("free")("free")
            return more(number)

        return repeat(body, 1, until=lambda number: enough(load(number, 3)), max_rounds=5, name="loop")

    result = run_virtual(flow.arun())
    assert times(result, "loop#1/free") == (0.0, 1.0)
    assert times(result, "loop#2/free") == (4.0, 5.0)


def test_a_steps_retry_repeats_that_step_alone() -> None:
    """The round goes on where it was; no round is counted for it."""
    tries: list[int] = []

    @step(retry=3)
    async def shaky(number: int) -> int:
        tries.append(number)
        await asyncio.sleep(1)
        if tries.count(number) < 2:
            raise OSError("again")
        return number + 1

    @workflow
    def flow() -> int:
        return repeat(lambda number: shaky(load(number)), 1, until=enough, max_rounds=2, name="loop")

    result = run_virtual(flow.arun())
    assert result.value == 3
    assert tries == [1, 1, 2, 2]
    for number in (1, 2):
        assert len(result.steps[f"loop#{number}/shaky"].attempts) == 2
        assert len(result.steps[f"loop#{number}/load"].attempts) == 1


def test_a_failing_step_fails_the_run_and_names_its_round() -> None:
    """Nothing of the round behind it starts, and no other round is begun."""

    @workflow
    def flow() -> object:
        def body(number: int) -> int:
            boom.named("side")(number, 1.5)
            return more(number)

        return repeat(body, 0, until=enough, max_rounds=5, name="loop")

    result = run_virtual(flow.aresult())
    assert result.status == "failed"
    assert [str(failure) for failure in result.failures] == [
        "loop#1/side: ValueError: no 0",
        "loop#2/side: ValueError: no 1",  # it ran already when the first failed
    ]
    assert states(result)["loop#2/more"] == "succeeded"
    assert states(result)["loop#2/enough"] == "cancelled"
    assert "loop#3/more" not in result.steps


def test_with_continue_a_lost_side_step_ends_the_loop_with_its_round() -> None:
    """What runs comes to its end, the loop fails, and what needs it is skipped; only the step is told."""

    @workflow(on_failure="continue")
    def flow() -> object:
        def body(number: int) -> int:
            boom.named("side")(number, 1.5)
            return more(number)

        return load.named("behind")(repeat(body, 0, until=never, max_rounds=5, name="loop"))

    result = run_virtual(flow.aresult())
    assert [failure.path for failure in result.failures] == ["loop#1/side", "loop#2/side"]
    assert states(result)["behind"] == "skipped"
    assert states(result)["loop"] == "failed"
    assert "loop#3/more" not in result.steps


def test_the_runs_deadline_cuts_the_round_that_is_at_it() -> None:
    """Open steps and the loop are cancelled; finished rounds are kept."""

    @workflow(within=1.5)
    def flow() -> object:
        return repeat(more, 0, until=never, max_rounds=5, name="loop")

    result = run_virtual(flow.aresult())
    assert result.cause == "timed_out"
    assert states(result) == {
        "loop": "cancelled",
        "loop#1/more": "succeeded",
        "loop#1/never": "succeeded",
        "loop#2/more": "cancelled",
        "loop#2/never": "cancelled",
    }
    assert times(result, "loop")[1] == 1.5


def test_a_cancelled_run_begins_no_round() -> None:
    """The open step is cancelled, and the loop with it."""
    drivers: list[driver.RunDriver] = []

    @workflow
    def flow() -> object:
        return repeat(more, 0, until=never, max_rounds=5, name="loop")

    async def run() -> RunResult[object]:
        task = asyncio.create_task(flow.start({}, started=drivers.append))
        await asyncio.sleep(2.5)
        drivers[0].cancel("enough")
        return await task

    result = run_virtual(run())
    assert result.status == "cancelled"
    assert states(result)["loop#3/more"] == "cancelled"
    assert states(result)["loop"] == "cancelled"
    assert "loop#4/more" not in result.steps


# -------------------------------------------------------------------- in a group


def test_in_a_group_a_lost_loop_is_missing() -> None:
    """A failing step, too few rounds and the block's deadline lose the loop alone."""

    @workflow
    def flow() -> dict[str, Any]:
        with group("g", within=2.5) as block:
            found = [
                repeat(boom, 0, until=enough, max_rounds=3, name="broken"),
                repeat(more, 0, until=never, max_rounds=2, name="short"),
                repeat(more, 0, until=never, max_rounds=9, name="late"),
                repeat(more, 1, until=enough, max_rounds=2, name="fine"),
            ]
        return {"found": found, "count": block.count}

    result = run_virtual(flow.arun())
    assert result.status == "partial"
    broken, short, late, fine = result.value["found"]
    assert (fine, result.value["count"]) == (3, 1)
    assert broken == Missing("broken", "skipped", "broken#1/boom was lost")
    assert (short.step, short.reason) == ("short", "failed")
    assert "not done after 2 rounds" in short.detail
    assert late == Missing("late", "skipped", "late#3/more was lost")
    assert states(result)["late#3/more"] == "failed"
    assert states(result)["broken#1/enough"] == "skipped"
    assert "broken#2/boom" not in result.steps


def test_a_group_in_a_round_is_judged_in_that_round() -> None:
    """Each round has its gate, its threshold and its own losses."""

    @workflow
    def flow() -> object:
        def body(number: int) -> int:
            with group("g", min_success=1) as block:
                load(number)
                boom(number)
            return more(number, block.count)

        return repeat(body, 1, until=enough, max_rounds=5, name="loop")

    result = run_virtual(flow.arun())
    assert (result.value, result.status) == (3, "partial")
    assert [failure.path for failure in result.lost] == ["loop#1/boom", "loop#2/boom"]
    assert result.steps["loop#2/g"].value == 1


def test_what_has_not_started_in_a_loop_that_ran_out_of_rounds_never_does() -> None:
    """In a group the run goes on without the loop; side steps that run may finish."""

    @workflow
    def flow() -> object:
        with group("g"):
            return repeat(with_a_side_step, 0, until=never, max_rounds=2, name="loop")

    result = run_virtual(flow.arun())
    assert result.status == "partial"
    assert times(result, "loop")[1] == 2.0
    assert states(result)["loop#1/side"] == states(result)["loop#2/side"] == "succeeded"
    assert states(result)["loop#1/then"] == states(result)["loop#2/then"] == "skipped"


def test_a_lost_inner_loop_skips_the_outer_round() -> None:
    """Below the loop of the group, what has not started never does, at any depth."""

    @workflow
    def flow() -> object:
        def outer(number: Any) -> Any:
            inner = repeat(with_a_side_step, number, until=never, max_rounds=1, name="inner")
            return load.named("behind")(inner)

        with group("g"):
            return repeat(outer, 0, until=never, max_rounds=3, name="loop")

    result = run_virtual(flow.arun())
    assert result.status == "partial"
    assert states(result)["loop#1/inner"] == "failed"
    assert states(result)["loop#1/inner#1/side"] == "succeeded"
    assert states(result)["loop#1/inner#1/then"] == states(result)["loop#1/behind"] == "skipped"
    assert "loop#2/inner" not in result.steps


def test_a_groups_deadline_cuts_side_steps_of_a_loop_that_is_lost_already() -> None:
    """Nothing of a block outlives its deadline."""

    @workflow
    def flow() -> object:
        with group("g", within=5):
            return repeat(with_a_side_step, 0, until=never, max_rounds=2, name="loop")

    result = run_virtual(flow.arun())
    assert states(result)["loop#1/side"] == states(result)["loop#2/side"] == "failed"
    assert times(result, "loop#2/side")[1] == 5.0


def test_a_workflows_deadline_cuts_side_steps_of_a_loop_that_is_lost_already() -> None:
    """The same through a nested workflow that was lost with the loop."""

    @workflow(name="inner", within=5)
    def inner() -> object:
        return repeat(with_a_side_step, 0, until=never, max_rounds=2, name="loop")

    @workflow
    def flow() -> object:
        with group("g"):
            return inner()

    result = run_virtual(flow.arun())
    assert times(result, "inner")[1] == 2.0
    assert states(result)["inner/loop#1/side"] == "failed"
    assert times(result, "inner/loop#1/side")[1] == times(result, "inner/loop#2/side")[1] == 5.0
