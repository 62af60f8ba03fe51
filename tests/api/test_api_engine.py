"""`Engine`: what runs share."""

from __future__ import annotations

import asyncio
import threading

import pytest

from stretto import Engine, from_engine, step, workflow
from stretto.errors import ConfigError, DefinitionError, StrettoError
from stretto.testing import Recorder, run_virtual


class Client:
    """A live object, which no journal could hold."""

    def __init__(self, name: str = "default") -> None:
        self.name = name


@step
async def ask(question: str, client: Client = from_engine()) -> str:  # a marker
    return f"{client.name}: {question}"


@workflow
def flow() -> str:
    return ask("why")


def test_a_resource_comes_from_the_engine() -> None:
    """By the parameter's name, and outside the journal."""
    recorder = Recorder()
    engine = Engine(resources={"client": Client("mine")}, observers=[recorder])
    assert flow.with_options(engine=engine).run().value == "mine: why"
    assert "Client" not in repr(recorder.events)


def test_a_missing_resource_is_named_before_anything_runs() -> None:
    """The error says which step needs it and how to give it."""
    with pytest.raises(DefinitionError, match=r"Step 'ask' needs the resource 'client'.*Engine\(resources="):
        flow.with_options(engine=Engine()).run()


def test_a_resource_may_have_another_name_and_a_default() -> None:
    """`from_engine(key, default=…)`: made once an engine, where the engine has none."""
    made: list[Client] = []

    def make() -> Client:
        made.append(Client(f"made {len(made)}"))
        return made[-1]

    @step
    async def one(client: Client = from_engine("openai", default=make)) -> str:  # a marker
        return client.name

    @workflow
    def pair() -> object:
        return [one.named("a")(), one.named("b")()]

    engine = Engine()
    assert pair.with_options(engine=engine).run().value == ["made 0", "made 0"]
    assert pair.with_options(engine=engine).run().value == ["made 0", "made 0"]
    assert pair.with_options(engine=Engine()).run().value == ["made 1", "made 1"]
    assert (
        pair.with_options(engine=Engine(resources={"openai": Client("given")})).run().value == ["given"] * 2
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"limits": {"api": 0}}, "'api' is 0"),
        ({"limits": {"api": "4"}}, "'api' is '4'"),
        ({"max_concurrency": 0}, "max_concurrency=0"),
        ({"max_concurrency": True}, "max_concurrency=True"),
        ({"on_failure": "explode"}, "known: 'drain', 'fail_fast'"),
        ({"grace": -1}, "grace=-1"),
        ({"grace": "5"}, "grace='5'"),
        ({"grace": float("nan")}, "grace=nan"),
    ],
)
def test_a_wrong_setting_is_told_where_it_is_written(options: dict[str, object], says: str) -> None:
    """An engine that could not work is not made."""
    with pytest.raises(ConfigError, match=says):
        Engine(**options)  # type: ignore[arg-type]


def test_no_grace_is_a_setting() -> None:
    """0 seconds are allowed: whoever ignores its end is abandoned at once."""
    assert Engine(grace=0).grace == 0.0


def test_estimates_are_learned_from_successes() -> None:
    """The median length of attempts that succeeded, by step id; failures teach nothing."""

    @step
    async def takes(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    @step(optional=True, default=0)
    async def fails() -> int:
        await asyncio.sleep(50)
        raise ValueError

    @workflow
    def measured() -> object:
        return [takes.map([1.0, 3.0, 2.0]), fails()]

    engine = Engine()
    run_virtual(measured.with_options(engine=engine).arun())
    assert engine.estimates.known == {"takes": pytest.approx(2.0)}


def test_a_retried_steps_estimate_is_one_attempts_length() -> None:
    """Pauses and failed attempts are no part of it."""
    tries: list[int] = []

    @step(retry=2)
    async def flaky() -> None:
        tries.append(1)
        await asyncio.sleep(3)
        if len(tries) == 1:
            raise OSError

    @workflow
    def measured() -> None:
        flaky()

    engine = Engine()
    run_virtual(measured.with_options(engine=engine).arun())
    assert engine.estimates.known == {"flaky": pytest.approx(3.0)}


def test_observers_of_engine_and_run_are_both_told() -> None:
    """Each hears every fact once, in the same order."""
    first, second = Recorder(), Recorder()
    engine = Engine(observers=[first], resources={"client": Client()})
    flow.with_options(engine=engine, observers=[second]).run()
    assert first.facts == second.facts
    assert len(first.facts) == 5


def test_an_observer_that_raises_is_dismissed(caplog: pytest.LogCaptureFixture) -> None:
    """It is told no more, the log says so, and neither the run nor other observers notice."""

    class Broken(Recorder):
        def on_facts(self, run: object, facts: object) -> None:
            self.decisions.append([])
            raise RuntimeError("no screen")

        def on_telemetry(self, run: object, record: object) -> None:
            raise AssertionError("told after it raised")

    broken, well = Broken(), Recorder()
    engine = Engine(observers=[broken, well], resources={"client": Client()})
    assert flow.with_options(engine=engine).run().value == "default: why"
    assert len(broken.decisions) == 1
    assert well.events[-1].type == "run.succeeded"
    assert "an observer raised" in caplog.text


def test_a_telemetry_observer_that_raises_is_dismissed(caplog: pytest.LogCaptureFixture) -> None:
    """The same for what steps say."""
    from stretto import current

    class Broken(Recorder):
        def on_telemetry(self, run: object, record: object) -> None:
            self.telemetry.append(record)  # type: ignore[arg-type]
            raise RuntimeError("no screen")

    @step
    async def talks() -> int:
        for number in range(3):
            current().progress(number, 3)
        await asyncio.sleep(0)
        return 1

    @workflow
    def talking() -> int:
        return talks()

    broken = Broken()
    assert talking.with_options(observers=[broken], engine=Engine()).run().value == 1
    assert len(broken.telemetry) == 1
    assert "an observer raised" in caplog.text


def test_an_engine_outlives_its_loops() -> None:
    """One engine runs on one loop after another."""
    engine = Engine(resources={"client": Client()}, limits={"x": 1})
    guarded = flow.with_options(engine=engine)
    assert [asyncio.run(guarded.arun()).value for _ in range(2)] == ["default: why"] * 2


def at_once_on_two_loops(engine: Engine) -> list[object]:
    """What two threads get that run one workflow each on one engine, the second while the first is in it."""
    inside, over = threading.Event(), threading.Event()

    @step
    def wait() -> str:
        inside.set()
        over.wait(10)
        return "first"

    @step
    def quick() -> str:
        return "second"

    @workflow(engine=engine)
    def slow() -> str:
        return wait()

    @workflow(engine=engine)
    def fast() -> str:
        return quick()

    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(slow.run().value))
    thread.start()
    assert inside.wait(10)
    try:
        found.append(fast.run().value)
    except StrettoError as error:
        found.append(str(error))
    over.set()
    thread.join(10)
    return found


def test_threads_may_share_an_engine_without_limits() -> None:
    """Each thread's runs are on a loop of its own, and keep to their own threads and permits."""
    assert at_once_on_two_loops(Engine()) == ["second", "first"]


def test_limits_never_hold_once_a_loop() -> None:
    """A run that would make a limit hold twice is refused; when the other loop's have ended it may start."""
    engine = Engine(limits={"x": 1}, resources={"client": Client("default")})
    refused, first = at_once_on_two_loops(engine)
    assert "on another event loop at this moment" in str(refused)
    assert first == "first"
    assert flow.with_options(engine=engine).run().value == "default: why"


def test_two_loops_at_once_have_parts_of_their_own() -> None:
    """Whatever the order in which threads come, each gets the executor, permits and doors of its own loop."""
    engine = Engine()
    start = threading.Barrier(8)

    @step
    def number(value: int) -> int:
        return value

    @workflow(engine=engine, max_runs=1)
    def numbers(value: int) -> list[int]:
        return number.map([value] * 5)

    found: dict[int, list[int]] = {}

    def go(value: int) -> None:
        start.wait(10)
        for _ in range(5):
            found[value] = numbers.run(value).value

    threads = [threading.Thread(target=go, args=(value,), daemon=True) for value in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == {value: [value] * 5 for value in range(8)}
