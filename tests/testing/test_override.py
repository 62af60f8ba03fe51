"""`override`: what it puts in place of a step's function, for whom, and what it refuses."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock, Mock

import pytest

from stretto import Engine, Missing, Retry, RunError, current, from_engine, step, workflow
from stretto.errors import DefinitionError, TransientError
from stretto.testing import Recorder, block, override, run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stretto import Step


@step(retry=Retry(attempts=2))
async def write(topic: str) -> str:
    raise AssertionError("the real one was called")


@step
def read(topic: str) -> str:
    raise AssertionError("the real one was called")


@step(executor="process", timeout=5.0)
def render(topic: str) -> str:
    raise AssertionError("the real one was called")


@step(inline=True)
def join(*texts: str) -> str:
    return "+".join(texts)


@step(optional=True)
async def extra(topic: str) -> str:
    raise AssertionError("the real one was called")


class Client:
    """A live object."""


@step
async def ask(topic: str, *, client: Client = from_engine()) -> str:
    raise AssertionError("the real one was called")


@workflow
def everywhere(topic: str) -> str:
    return join(write(topic), read(topic), render(topic))


@workflow
def alone(topic: str) -> str:
    return write.named("first").with_options(retry=Retry(attempts=3))(topic)


@workflow
def asking(topic: str) -> str:
    return ask(topic)


@workflow
def blocking(topic: str) -> str:
    return read(topic)


@workflow
def rendering(topics: list[str]) -> list[str]:
    return render.map(topics)


@workflow
def spare(topic: str) -> str | Missing:
    return extra(topic)


def value_of(topic: str = "gin") -> str:
    """What the workflow of one renamed, changed step returns."""
    return run_virtual(alone.arun(topic)).value


class TestWhatStandsIn:
    def test_a_value_wherever_the_step_runs(self) -> None:
        """On the loop, a thread, in a process and inline: no function is called."""
        with override(write, "a"), override(read, "b"), override(render, "c"), override(join, "joined"):
            assert run_virtual(everywhere.arun("gin")).value == "joined"
        with override(write, "a"), override(read, "b"), override(render, "c"):
            assert run_virtual(everywhere.arun("gin")).value == "a+b+c"

    def test_each_use_gets_a_value_of_its_own(self) -> None:
        """A consumer that changes what it got changes nobody else's."""

        @step
        async def listed(n: int) -> list[int]:
            raise AssertionError

        @step(inline=True)
        def spoil(xs: list[int]) -> list[int]:
            xs.append(9)
            return xs

        @workflow
        def twice() -> list[list[int]]:
            return [spoil(listed(1)), spoil.named("again")(listed.named("other")(2))]

        given = [1]
        with override(listed, given):
            assert run_virtual(twice.arun()).value == [[1, 9], [1, 9]]
        assert given == [1]

    @pytest.mark.parametrize(
        "fn",
        [
            lambda topic: topic.upper(),
            partial(lambda mark, topic: topic.upper() + mark, ""),
            Mock(side_effect=str.upper),
            AsyncMock(side_effect=str.upper),
        ],
        ids=["lambda", "partial", "mock", "async mock"],
    )
    def test_what_can_be_called_is_called_with_the_inputs(self, fn: Callable[..., object]) -> None:
        """Anything callable, wherever the step's own would have run."""
        with override(write, fn), override(read, fn), override(render, fn):
            assert run_virtual(everywhere.arun("gin")).value == "GIN+GIN+GIN"

    def test_another_step_lends_its_function(self) -> None:
        """A step in place of a step: its plain function is called."""

        @step
        async def shout(topic: str) -> str:
            return topic.upper()

        with override(write, shout):
            assert value_of() == "GIN"

    def test_a_coroutine_waits_in_virtual_time(self) -> None:
        """`async def` runs on the loop, also for steps of threads and processes, and sees its attempt."""

        async def slow(topic: str) -> str:
            await asyncio.sleep(3.0)
            return f"{current().path} {topic}"

        with override(write, slow), override(read, slow), override(render, slow):
            result = run_virtual(everywhere.arun("gin"))
        assert result.value == "write gin+read gin+render gin"
        assert result.timing.makespan == 3.0

    def test_a_plain_function_leaves_the_loop_alone(self) -> None:
        """In place of a thread's or a process's function it runs on a thread, as many as there are steps."""
        names: set[str] = set()

        def slow(topic: str) -> str:
            block(2.0)
            names.add(threading.current_thread().name)
            return current().path

        with override(read, slow), override(render, slow):
            assert run_virtual(blocking.arun("gin")).timing.makespan == 2.0
            result = run_virtual(rendering.arun([str(number) for number in range(40)]))
        assert result.timing.makespan == 2.0
        assert result.value[39] == "render[39]"
        assert threading.main_thread().name not in names

    def test_on_a_loop_in_real_time(self) -> None:
        """Nothing of this needs the virtual clock."""
        with override(write, lambda topic: topic), override(read, "b"), override(render, lambda topic: "c"):
            assert everywhere.run("gin").value == "gin+b+c"


class TestErrors:
    def test_an_error_is_raised_in_every_attempt(self) -> None:
        """The step's retry rule holds, and the error is the one that was given."""
        wanted = TransientError("busy")
        with override(write, wanted):
            result = run_virtual(alone.aresult("gin"))
        assert result.steps["first"].error is wanted
        assert len(result.steps["first"].attempts) == 3

    @pytest.mark.parametrize("instead", [ValueError("no"), Mock(side_effect=ValueError("no"))])
    @pytest.mark.parametrize("which", [write, read, render, join], ids=lambda each: each.name)
    def test_an_error_wherever_the_step_runs(self, which: Step[..., object], instead: object) -> None:
        """Raised, or raised by a function: the run fails by that step alone."""
        with override(write, "a"), override(read, "b"), override(render, "c"), override(which, instead):
            result = run_virtual(everywhere.aresult("gin"))
        assert [(failure.path, str(failure.error)) for failure in result.failures] == [(which.name, "no")]

    def test_a_lost_optional_step(self) -> None:
        """Optional work fails as it would: the run is partial."""
        with override(extra, ValueError("no")):
            result = run_virtual(spare.arun("gin"))
        assert result.status == "partial"
        assert isinstance(result.value, Missing)
        assert (result.value.step, result.value.reason) == ("extra", "failed")

    @pytest.mark.parametrize("is_coroutine", [True, False])
    def test_a_timeout_ends_it(self, is_coroutine: bool) -> None:
        """A process's timeout holds for what stands in for it, on the loop or on a thread."""

        async def sleeps(topic: str) -> str:
            await asyncio.sleep(60.0)
            return topic

        def blocks(topic: str) -> str:
            block(60.0)
            return topic

        with override(render, sleeps if is_coroutine else blocks):
            result = run_virtual(rendering.aresult(["gin"]))
        assert result.timing.makespan == 5.0
        assert "within 5 s" in str(result.failures[0])

    def test_a_thread_is_heard_late_a_process_is_not(self) -> None:
        """The rules of the step's place hold, though a coroutine stands in on the loop."""

        async def late(topic: str) -> str:
            await asyncio.sleep(7.0)
            return f"attempt {current().attempt}"

        again = Retry(attempts=2, first_wait=1.0, jitter=False)
        on_thread, in_process = (
            each.with_options(timeout=5.0, retry=again).named("late") for each in (read, render)
        )

        @workflow
        def heard(topic: str) -> str:
            return on_thread(topic)

        @workflow
        def killed(topic: str) -> str:
            return in_process(topic)

        with override(read, late), override(render, late):
            assert run_virtual(heard.arun("gin")).value == "attempt 1"
            result = run_virtual(killed.aresult("gin"))
        assert (result.status, result.timing.makespan) == ("failed", 11.0)

    def test_a_cancelled_run_ends_it(self) -> None:
        """On the loop it can be told to stop, also in place of a thread."""

        async def long(topic: str) -> str:
            await asyncio.sleep(60.0)
            return topic

        async def cut() -> float:
            run = asyncio.ensure_future(blocking.arun("gin"))
            await asyncio.sleep(1.0)
            run.cancel()
            await asyncio.wait([run])
            return asyncio.get_running_loop().time()

        with override(read, long):
            assert run_virtual(cut()) == 1.0

    def test_a_value_that_cannot_be_kept(self) -> None:
        """What a function returns is judged as a step's own result is."""
        with override(write, lambda topic: object()), pytest.raises(RunError, match="first"):
            value_of()


class TestForWhom:
    def test_only_inside_the_block(self) -> None:
        """Behind it the step's own function is back."""
        with override(write, "a"):
            assert value_of() == "a"
        with pytest.raises(RunError, match="the real one was called"):
            value_of()

    def test_the_inner_one_wins_and_restores(self) -> None:
        """Blocks nest, for one step and for several, and an error passing through changes nothing."""
        with override(write, "outer"):
            with override(write, "inner"), override(read, "other"):
                assert value_of() == "inner"
            assert value_of() == "outer"
            with pytest.raises(KeyError), override(write, "inner"):
                raise KeyError("passes through")
            assert value_of() == "outer"
            with override(read, "other"):
                assert value_of() == "outer"

    def test_a_run_keeps_what_it_began_with(self) -> None:
        """What counts is the moment of the start: also for parts that grow later."""

        async def begins_and_leaves() -> list[str]:
            with override(render, lambda topic: topic + "!"):
                run = asyncio.ensure_future(grows_later.arun())
                await asyncio.sleep(0.5)
            return (await run).value

        assert run_virtual(begins_and_leaves()) == ["a!", "b!"]

    def test_steps_of_a_workflow_inside_another(self) -> None:
        """A workflow that is traced when its inputs are there runs with what the outer run began with."""

        async def begins_and_leaves() -> str:
            with override(write, lambda topic: topic + "!"):
                run = asyncio.ensure_future(outer.arun())
                await asyncio.sleep(0.5)
            return (await run).value

        assert run_virtual(begins_and_leaves()) == "a!"

    def test_runs_beside_each_other(self) -> None:
        """Two tasks of one loop have their own."""

        async def one(value: str) -> str:
            with override(write, value):
                await asyncio.sleep(1.0)
                return (await alone.arun("gin")).value

        async def both() -> list[str]:
            return await asyncio.gather(one("a"), one("b"))

        assert run_virtual(both()) == ["a", "b"]

    def test_threads_beside_each_other(self) -> None:
        """A thread does not see another one's."""
        found: list[str] = []

        def other() -> None:
            with override(write, "theirs"):
                found.append(value_of())

        with override(write, "mine"):
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
            assert [*found, value_of()] == ["theirs", "mine"]

    def test_in_a_fixture(self, steady: None) -> None:
        """A fixture may hold it around a test."""
        assert value_of() == "steady"

    def test_observers_see_an_ordinary_run(self) -> None:
        """Starts, attempts and ends are journaled as ever."""
        recorder = Recorder()
        with override(write, "a"):
            run_virtual(alone.with_options(observers=[recorder]).arun("gin"))
        assert recorder.started == ("first",)


@step
async def listed() -> list[str]:
    await asyncio.sleep(1.0)
    return ["a", "b"]


@workflow
def grows_later() -> list[str]:
    return render.map(listed())


@workflow
def outer() -> str:
    return alone(listed()[0])


@pytest.fixture
def steady() -> Iterator[None]:
    """The step's result, for a whole test."""
    with override(write, "steady"):
        yield


class TestResources:
    def test_none_is_needed(self) -> None:
        """A value or a function that does not name the resource needs no engine that has it."""
        with override(ask, "answer"):
            assert run_virtual(asking.arun("gin")).value == "answer"
        with override(ask, lambda topic: topic):
            assert run_virtual(asking.arun("gin")).value == "gin"

    def test_one_that_is_named_is_given(self) -> None:
        """A function with a parameter of that name gets it, and misses it as the step would."""
        client = Client()

        async def asks(topic: str, client: object) -> bool:
            return isinstance(client, Client)

        with override(ask, asks):
            told = asking.with_options(engine=Engine(resources={"client": client}))
            assert run_virtual(told.arun("gin")).value
            with pytest.raises(DefinitionError, match="resource 'client'"):
                run_virtual(asking.with_options(engine=Engine()).arun("gin"))


async def waits(*texts: str) -> str:
    """A coroutine function."""
    return ""


class TestRefusals:
    @pytest.mark.parametrize(
        ("which", "instead", "told"),
        [
            (write.fn, "a", "takes a step"),
            ("write", "a", "got str"),
            (alone, "a", "got Workflow"),
            (write, ValueError, r"Give the error that is to be raised: ValueError\("),
            (write, KeyboardInterrupt(), "would end the program"),
            (write, object(), "cannot be journaled"),
            (write, [{1, object()}], "cannot be journaled"),
            (write, lambda: "a", "too many positional arguments"),
            (write, lambda topic, more: "a", "missing a required argument: 'more'"),
            (join, waits, "is inline glue, which cannot wait"),
        ],
    )
    def test_what_cannot_be_meant(self, which: object, instead: object, told: str) -> None:
        """It is said at the `with`, not somewhere in a run, with what to write."""
        with pytest.raises(DefinitionError, match=told) as caught, override(which, instead):  # type: ignore[arg-type]
            raise AssertionError("the block was entered")
        assert caught.value.mend

    def test_a_required_keyword(self) -> None:
        """What the step must be given by name, its stand-in must take by name."""

        @step
        async def strict(topic: str, *, style: str) -> str:
            return topic

        with pytest.raises(DefinitionError, match="style"), override(strict, lambda topic: "a"):
            raise AssertionError("the block was entered")
        with override(strict, lambda topic, style: "a"):
            pass

    def test_a_workflow_inside_another(self) -> None:
        """It has no function of its own: its steps have."""
        with pytest.raises(DefinitionError, match="made of other steps"), override(alone.named("part"), "a"):
            raise AssertionError("the block was entered")
