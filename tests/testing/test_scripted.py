"""`scripted`: runs whose steps end as a script says, in virtual time."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from stretto import Engine, Missing, Retry, choose, current, group, repeat, step, workflow
from stretto.errors import DefinitionError, InputError, NotFoundError, StrettoError, TransientError
from stretto.testing import Recorder, StalledError, calls, fails, override, returns, scripted

if TYPE_CHECKING:
    from collections.abc import Callable


def never(*_: object) -> str:
    """A function that no script calls."""
    raise AssertionError("a step's own function was called")


@step
async def outline(topic: str) -> list[str]:
    return [never()]


@step(retry=Retry(attempts=3, first_wait=1.0, factor=2.0, jitter=False))
async def write(title: str) -> str:
    return never()


@step(timeout=10.0)
def check(text: str) -> str:
    return never()


@step(executor="process")
def render(text: str) -> str:
    return never()


@step(optional=True, default="no advice", timeout=4.0)
async def advise(topic: str) -> str:
    return never()


@step(inline=True)
def merge(texts: list[str], advice: str) -> str:
    return " ".join([*texts, advice])


@workflow
def page(topic: str) -> str:
    return merge(check.map(write.map(outline(topic))), advise(topic))


@workflow
def small(topic: str = "gin") -> str:
    return render(check(write.named("intro")(topic)))


SCRIPT = {
    "outline": returns(["a", "b"], after=1.0),
    "write": returns("text", after=2.0),
    "check": returns("checked", after=3.0),
    "advise": returns("advice", after=1.0),
    "merge": returns("merged"),
}


class TestARun:
    def test_it_ends_as_the_script_says(self) -> None:
        """Values and instants come from the script, whatever place a step runs in."""
        result = scripted(page, SCRIPT, inputs={"topic": "gin"})
        assert (result.value, result.status, result.timing.makespan) == ("merged", "succeeded", 6.0)
        assert result.steps["check[1]"].value == "checked"
        assert (result.steps["check[1]"].started_at, result.steps["check[1]"].ended_at) == (3.0, 6.0)
        assert result.steps["advise"].ended_at == 1.0

    def test_threads_and_processes_take_virtual_time(self) -> None:
        """A chain over all three places takes the sum of its lengths."""
        script = {
            "intro": returns("a", after=1.0),
            "check": returns("b", after=2.5),
            "render": returns("c", after=4.0),
        }
        result = scripted(small, script)
        assert (result.value, result.timing.makespan) == ("c", 7.5)

    def test_attempts_have_their_own_outcomes(self) -> None:
        """A list is read attempt by attempt; the pauses are those of the step's rule."""
        tries = [fails(TransientError("x"), after=1.0), fails(ValueError("y")), returns("done", after=2.0)]
        result = scripted(page, {**SCRIPT, "write[1]": tries}, inputs={"topic": "gin"})
        step = result.steps["write[1]"]
        assert [attempt.started_at for attempt in step.attempts] == [1.0, 3.0, 5.0]
        assert (step.value, step.ended_at) == ("done", 7.0)
        assert len(result.steps["write[0]"].attempts) == 1

    def test_a_failed_run_is_a_result(self) -> None:
        """A required step that fails for good: no exception here, its error is in the result."""
        broken = ValueError("gone")
        result = scripted(page, {**SCRIPT, "outline": fails(broken, after=2.0)}, inputs={"topic": "gin"})
        assert (result.status, result.timing.makespan) == ("failed", 2.0)
        assert result.failures[0].error is broken
        assert result.steps["write"].state == "skipped"

    def test_an_optional_step_that_never_ends(self) -> None:
        """Its timeout cuts it at its instant, and the default is handed on."""
        script = {**SCRIPT, "advise": returns("late", after=math.inf), "merge": calls(merge.fn)}
        result = scripted(page, script, inputs={"topic": "gin"})
        assert (result.value, result.status) == ("checked checked no advice", "partial")
        assert result.steps["advise"].ended_at == 4.0

    def test_a_thread_that_is_late_is_adopted(self) -> None:
        """The rules of its place hold: a thread past its timeout is heard while its step is open."""
        patient = check.with_options(timeout=2.0, retry=Retry(attempts=2, first_wait=9.0, jitter=False))

        @workflow
        def late(text: str) -> str:
            return patient(text)

        script = {"check": [returns("first", after=3.0), returns("second", after=3.0)]}
        result = scripted(late, script, inputs={"text": "a"})
        assert (result.value, result.timing.makespan) == ("first", 3.0)

    def test_limits_and_options_are_the_workflows_own(self) -> None:
        """Permits, one by one, deadlines: what the workflow was given holds; its estimates stay untouched."""
        engine = Engine(max_concurrency=1)
        result = scripted(page.with_options(engine=engine), SCRIPT, inputs={"topic": "gin"})
        assert result.timing.makespan == 1.0 + 1.0 + 2 * 2.0 + 2 * 3.0
        assert not engine.estimates.known
        cut = scripted(page.with_options(within=2.5), SCRIPT, inputs={"topic": "gin"})
        assert (cut.status, str(cut.cause), cut.timing.makespan) == ("failed", "timed_out", 2.5)

    def test_observers_and_the_first_instant(self) -> None:
        """Who watches is told; `start` is the instant of the first fact."""
        recorder = Recorder()
        watched = small.with_options(observers=[recorder])
        result = scripted(
            watched, {"intro": returns("a"), "check": returns("b"), "render": returns("c")}, start=50.0
        )
        assert recorder.started == ("intro", "check", "render")
        assert result.steps["intro"].started_at == 50.0

    def test_calling_a_function(self) -> None:
        """`calls` computes from the inputs, wherever the step runs; a coroutine takes its own time, too."""

        async def slow(text: str) -> str:
            await asyncio.sleep(2.0)
            return f"{text}, {current().path}"

        script = {
            "intro": calls(str.upper, after=1.0),
            "check": calls(slow, after=1.0),
            "render": calls(str.title),
        }
        result = scripted(small, script)
        assert (result.value, result.timing.makespan) == ("Gin, Check", 4.0)

    def test_it_wins_over_an_override(self) -> None:
        """Inside an override's block the script alone counts, and the block's is back afterwards."""
        script = {"intro": returns("a"), "check": returns("b"), "render": returns("c")}
        with override(render, "other"), override(write, "x"), override(check, "y"):
            assert scripted(small, script).value == "c"
            assert small.run().value == "other"

    def test_a_value_is_everyones_own(self) -> None:
        """A script may be played again: nobody changes its values."""

        @step(inline=True)
        def spoil(titles: list[str]) -> list[str]:
            titles.append("spoiled")
            return titles

        @workflow
        def spoiled() -> list[str]:
            return spoil(outline("gin"))

        script = {"outline": returns(["a"]), "spoil": calls(spoil.fn)}
        assert scripted(spoiled, script).value == scripted(spoiled, script).value == ["a", "spoiled"]


class TestGrowth:
    def test_rounds(self) -> None:
        """A round's steps by their whole path, by the path without numbers, or by id."""

        @step
        async def improve(text: str) -> str:
            return never()

        @step
        async def good(text: str) -> bool:
            raise AssertionError

        @workflow
        def loop(text: str) -> str:
            return repeat(improve, text, until=good, max_rounds=5)

        script = {
            "improve#1/good": returns(False),
            "good": returns(True),
            "improve/improve": returns("better", after=1.0),
        }
        result = scripted(loop, script, inputs={"text": "a"})
        assert (result.value, result.timing.makespan) == ("better", 2.0)

    def test_a_branch_that_is_not_taken_needs_no_outcome(self) -> None:
        """Only what starts is looked up; a key for the other branch is no mistake."""

        @step
        async def kind(text: str) -> str:
            return never()

        @workflow
        def forks(text: str) -> str:
            return choose(kind(text), {"a": lambda: write(text), "b": lambda: check(text)})

        assert (
            scripted(forks, {"kind": returns("a"), "write": returns("w")}, inputs={"text": "x"}).value == "w"
        )
        script = {"kind": returns("b"), "write": returns("w"), "check": returns("c")}
        assert scripted(forks, script, inputs={"text": "x"}).value == "c"
        with pytest.raises(NotFoundError, match="no step 'wirte'"):
            scripted(forks, {**script, "wirte": returns("x")}, inputs={"text": "x"})

    def test_groups(self) -> None:
        """A group's deadline and threshold are the engine's."""

        @workflow
        def grouped(text: str) -> list[str | Missing]:
            with group("pair", within=3.0, min_success=1):
                return [write(text), write.named("slow")(text)]

        result = scripted(
            grouped, {"slow": returns("b", after=9.0), "write": returns("a", after=1.0)}, inputs={"text": "x"}
        )
        assert result.value[0] == "a"
        assert isinstance(result.value[1], Missing)
        assert result.timing.makespan == 3.0

    def test_a_field_of_the_result_is_taken_by_the_engine(self) -> None:
        """What the engine itself puts in between is not the script's business."""

        @workflow
        def first(topic: str) -> str:
            return outline(topic)[0]

        assert scripted(first, {"outline": returns(["a"])}, inputs={"topic": "x"}).value == "a"


class TestRefusals:
    def test_a_step_without_an_outcome(self) -> None:
        """It is named with what the script has and what to add."""
        script = {key: value for key, value in SCRIPT.items() if key != "write"}
        with pytest.raises(
            NotFoundError, match=r"script for step 'write\[0\]'.*\{'write': returns"
        ) as caught:
            scripted(page, script, inputs={"topic": "gin"})
        assert set(caught.value.known) == set(script)

    def test_an_attempt_without_an_outcome(self) -> None:
        """A list that is too short is told with its length; the run does not go on as if it had failed."""
        script = {**SCRIPT, "write": [fails(TransientError("x"))]}
        with pytest.raises(NotFoundError, match=r"write\[\d\], attempt 2'.*Its list has 1"):
            scripted(page, script, inputs={"topic": "gin"})

    def test_a_key_that_means_no_step(self) -> None:
        """A misspelled key is not passed over."""
        with pytest.raises(NotFoundError, match="no step 'advice'") as caught:
            scripted(page, {**SCRIPT, "advice": returns("x")}, inputs={"topic": "gin"})
        assert "advise" in caught.value.known

    def test_a_key_for_what_never_grew(self) -> None:
        """When a step was lost, what would have grown behind it may be in the script."""
        script = {**SCRIPT, "outline": fails(ValueError("x")), "write[7]": returns("a")}
        assert scripted(page, script, inputs={"topic": "gin"}).status == "failed"

    @pytest.mark.parametrize("given", ["text", None, [], ["text"], [returns(1), 2], ValueError("x")])
    def test_what_is_no_outcome(self, given: object) -> None:
        """A bare value could be a list of attempts: outcomes are always made."""
        with pytest.raises(DefinitionError, match=r"for 'write'\. Give returns\(…\)"):
            scripted(small, {"write": given})  # type: ignore[dict-item]

    @pytest.mark.parametrize(
        ("make", "told"),
        [
            (lambda: returns(object()), "cannot be journaled"),
            (lambda: returns(1, after=-1.0), "virtual seconds"),
            (lambda: returns(1, after=math.nan), "virtual seconds"),
            (lambda: returns(1, after=True), "virtual seconds"),
            (lambda: fails(ValueError), "no exception to raise"),  # type: ignore[arg-type]
            (lambda: fails(KeyboardInterrupt()), "no exception to raise"),  # type: ignore[arg-type]
            (lambda: calls("text"), "cannot be called"),  # type: ignore[arg-type]
        ],
    )
    def test_outcomes_that_cannot_be(self, make: Callable[[], object], told: str) -> None:
        """They are refused where they are written."""
        with pytest.raises(DefinitionError, match=told):
            make()

    @pytest.mark.parametrize("outcome", [returns("a", after=1.0), calls(outline.fn)])
    def test_inline_glue_takes_no_time(self, outcome: object) -> None:
        """An inline step cannot wait, so a script that says so is refused."""
        with pytest.raises(InputError, match="'merge' is inline"):
            scripted(page, {**SCRIPT, "merge": outcome}, inputs={"topic": "gin"})  # type: ignore[dict-item]

    def test_a_step_that_never_ends(self) -> None:
        """Without a timeout such a run would hang: it raises and says so."""
        with pytest.raises(StalledError):
            scripted(small, {"intro": returns("a", after=math.inf)})

    def test_wrong_inputs(self) -> None:
        """They are refused as in any run."""
        with pytest.raises(InputError, match="wrong inputs"):
            scripted(page, SCRIPT, inputs={"theme": "gin"})

    def test_inside_a_running_loop(self) -> None:
        """There are no nested loops."""

        async def inside() -> None:
            scripted(small, {})

        with pytest.raises(StrettoError, match="outside any running event loop"):
            asyncio.run(inside())
