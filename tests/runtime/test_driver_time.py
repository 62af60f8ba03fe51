"""Timeouts, overlap, order and caps on a virtual clock."""

from __future__ import annotations

import asyncio

import pytest

from stretto import Engine, Retry, current, group, step, workflow
from stretto.testing import Recorder, run_virtual


def _now() -> float:
    return asyncio.get_running_loop().time()


@step
async def works(seconds: float, value: object = None) -> object:
    await asyncio.sleep(seconds)
    return value


@step
async def write(number: int) -> int:
    await asyncio.sleep(number)
    return number


@step
async def check(number: int) -> int:
    await asyncio.sleep(10 - number)
    return number


@step
async def numbers(count: int) -> list[int]:
    return list(range(count))


def test_the_makespan_is_the_critical_path() -> None:
    """Uneven chains: the run takes as long as its longest path, with no barrier between levels."""

    @workflow
    def flow() -> object:
        ends = []
        for name, lengths in {"a": (9, 1, 1), "b": (1, 9, 1), "c": (1, 1, 9)}.items():
            last: object = None
            for number, seconds in enumerate(lengths):
                last = works.named(f"{name}{number}")(seconds, last)
            ends.append(last)
        return ends

    async def run() -> float:
        await flow.arun()
        return _now()

    assert run_virtual(run()) == pytest.approx(11.0)


def test_steps_that_wait_for_each_other_overlap() -> None:
    """Two steps meet at a barrier that neither could pass alone."""

    @workflow
    def flow() -> object:
        barrier = asyncio.Barrier(2)

        @step
        async def meet(name: str) -> str:
            await barrier.wait()
            return name

        return [meet.named("left")("left"), meet.named("right")("right")]

    assert run_virtual(flow.arun()).value == ["left", "right"]


def test_map_over_map_overlaps_item_by_item() -> None:
    """Item 1 is checked after it is written, while item 9 is still being written: 10 s in all, not 19."""

    @workflow
    def flow() -> object:
        return check.map(write.map(numbers(10)))

    async def run() -> tuple[object, float]:
        return (await flow.arun()).value, _now()

    value, lasted = run_virtual(run())
    assert value == list(range(10))
    assert lasted == pytest.approx(10.0)


def test_a_map_over_known_items_overlaps_item_by_item() -> None:
    """The same when the items are plain inputs of the workflow."""

    @workflow
    def flow(items: list[int]) -> object:
        return check.map(write.map(items))

    async def run() -> tuple[object, float]:
        return (await flow.arun([0, 5, 9])).value, _now()

    assert run_virtual(run()) == ([0, 5, 9], pytest.approx(10.0))


def test_joins_keep_input_order() -> None:
    """A map's list is in the order of its items, whoever finished first."""

    @workflow
    def flow() -> object:
        return check.map([1, 5, 9])

    assert run_virtual(flow.arun()).value == [1, 5, 9]


def test_mapping_over_nothing() -> None:
    """``[]``, known or not, succeeds at once, and so do maps over it."""

    @workflow
    def flow() -> object:
        none = numbers(0)
        return [check.map([]), write.map(none), check.named("again").map(write.named("w2").map(none))]

    assert run_virtual(flow.arun()).value == [[], [], []]


def test_a_map_with_fixed_arguments() -> None:
    """`fixed` goes to the other parameters, Refs included, in every item."""

    @step
    async def label(number: int, name: str, *, mark: str) -> str:
        return f"{name}{number}{mark}"

    @workflow
    def flow() -> object:
        return label.map([1, 2], name=works(1, "n"), mark="!")

    assert run_virtual(flow.arun()).value == ["n1!", "n2!"]


def test_a_timeout_bounds_one_attempt() -> None:
    """Each attempt has its own time; the retry comes after the pause."""
    tries: list[float] = []

    @step(timeout=2, retry=Retry(attempts=2, first_wait=3, jitter=False))
    async def slow() -> str:
        tries.append(_now())
        await asyncio.sleep(60 if len(tries) == 1 else 1)
        return "second"

    @workflow
    def flow() -> str:
        return slow()

    result = run_virtual(flow.arun())
    assert result.value == "second"
    assert tries == [0.0, 5.0]
    first = result.steps["slow"].attempts[0]
    assert first.failure is not None
    assert first.failure.message == "attempt 1 gave no result within 2 s"


def test_a_timeout_is_not_retried_if_excluded() -> None:
    """`on_timeout=False` makes the first timeout final."""

    @step(timeout=2, retry=Retry(attempts=5, on_timeout=False))
    async def slow() -> None:
        await asyncio.sleep(60)

    @workflow
    def flow() -> None:
        slow()

    assert len(run_virtual(flow.aresult()).steps["slow"].attempts) == 1


def test_within_bounds_all_attempts() -> None:
    """`within` ends the step, whatever attempt it is at."""
    tries: list[float] = []

    @step(within=10, retry=Retry(attempts=100, first_wait=1, factor=1, jitter=False))
    async def flaky() -> None:
        tries.append(_now())
        await asyncio.sleep(2)
        raise OSError

    @workflow
    def flow() -> None:
        flaky()

    async def run() -> tuple[object, float]:
        return await flow.aresult(), _now()

    result, ended = run_virtual(run())
    assert tries == [0.0, 3.0, 6.0, 9.0]
    assert ended == 10.0
    assert result.failures[0].failure.cause == "timed_out"  # type: ignore[attr-defined]


def test_a_retry_waits_until_the_old_attempt_has_ended() -> None:
    """Two attempts of one coroutine never overlap, even if the first takes long to clean up."""
    spans: list[tuple[str, float]] = []

    @step(timeout=1, retry=Retry(attempts=2, first_wait=0))
    async def slow() -> None:
        spans.append(("began", _now()))
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(2)
            spans.append(("ended", _now()))

    @workflow
    def flow() -> None:
        slow()

    run_virtual(flow.aresult())
    assert spans == [("began", 0.0), ("ended", 3.0), ("began", 3.0), ("ended", 6.0)]


def test_an_attempt_knows_its_deadline() -> None:
    """`current().deadline` is the earliest of timeout, within and the deadlines of group and run."""
    seen: dict[str, float | None] = {}

    async def look(name: str) -> None:
        deadline = current().deadline
        seen[name] = None if deadline is None else deadline - start[0]

    start = [0.0]

    @workflow(within=100)
    def flow() -> None:
        step(id="timeout", timeout=5, within=9)(look)("timeout")
        step(id="within", within=9)(look)("within")
        step(id="run")(look)("run")
        with group("g", within=50):
            step(id="group")(look)("group")

    run_virtual(flow.arun(), start=start[0])
    assert {name: round(value or 0, 6) for name, value in seen.items()} == {
        "timeout": 5,
        "within": 9,
        "run": 100,
        "group": 50,
    }


def test_sequential_is_one_by_one_in_author_order() -> None:
    """One at a time, as written, through retries and maps, with the same value."""
    running: list[str] = []
    most: list[int] = []
    tries: list[int] = []

    @step
    async def one(name: str, before: object = None) -> str:
        running.append(name)
        most.append(len(running))
        await asyncio.sleep(1)
        running.remove(name)
        return name

    @step(retry=Retry(attempts=2, first_wait=5, jitter=False))
    async def flaky() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise OSError
        return 1

    @workflow
    def flow() -> object:
        late = one.named("z")("z")
        shaky = flaky()
        items = one.map(["x", "y"])
        return [late, shaky, items, one.named("a")("a", late)]

    recorder = Recorder()
    result = run_virtual(flow.with_options(sequential=True, observers=[recorder]).arun())
    assert result.value == ["z", 1, ["x", "y"], "a"]
    assert max(most) == 1
    assert recorder.started == ("z", "flaky", "flaky", "one[0]", "one[1]", "a")


def test_the_cap_is_respected() -> None:
    """`max_concurrency=3`: never four at once, and the cap is used."""
    running: list[int] = []
    most: list[int] = []

    @step
    async def one(number: int) -> int:
        running.append(number)
        most.append(len(running))
        await asyncio.sleep(1)
        running.remove(number)
        return number

    @workflow(max_concurrency=3)
    def flow() -> object:
        return one.map(list(range(10)))

    async def run() -> float:
        await flow.arun()
        return _now()

    assert run_virtual(run()) == pytest.approx(4.0)
    assert max(most) == 3


def test_the_longest_remaining_path_goes_first() -> None:
    """With estimates from an earlier run, one permit goes to the head of the long chain."""

    @workflow
    def flow() -> object:
        short = works.named("short")(1)
        return [short, step(id="tail")(works.fn)(20, step(id="head")(works.fn)(1))]

    recorder = Recorder()
    engine = Engine()

    async def run() -> None:
        await flow.with_options(engine=engine).arun()
        await flow.with_options(engine=engine, max_concurrency=1, observers=[recorder]).arun()

    run_virtual(run())
    assert recorder.started == ("head", "tail", "short")


def test_a_burst_of_timeouts_each_ends_its_own_step() -> None:
    """Steps with one and the same timeout are all cut, and the run goes on with their defaults."""

    @step(timeout=1, optional=True, default=0)
    async def slow(number: int) -> int:
        await asyncio.sleep(60)
        return number

    @workflow
    def flow() -> object:
        return slow.map(list(range(100)))

    result = run_virtual(flow.arun())
    assert result.value == [0] * 100
    assert result.status == "partial"


def test_suspended_deadlines_are_left_out() -> None:
    """`suspend_deadlines` runs without the run's and the groups' `within`; a step's timeout stays."""

    @workflow(within=5)
    def flow() -> object:
        with group("g", within=2):
            works(60)
        return works.named("last")(1, "done")

    result = run_virtual(flow.with_options(suspend_deadlines=True).arun())
    assert (result.status, result.value) == ("succeeded", "done")


def test_what_ends_at_the_very_instant_of_its_timeout_is_kept() -> None:
    """What finished at a deadline finished before it was over."""

    @step(timeout=5)
    async def just() -> str:
        await asyncio.sleep(5)
        return "just"

    @workflow
    def flow() -> str:
        return just()

    assert run_virtual(flow.arun()).value == "just"


def test_after_orders_without_data() -> None:
    """`.after` starts a step behind others, of which it gets nothing; groups count as well."""

    @workflow
    def flow() -> object:
        first = works.named("first")(3, "first")
        with group("g") as members:
            works.named("member")(5)
        return works.after(first, members)(0, "last")

    recorder = Recorder()
    run_virtual(flow.with_options(observers=[recorder]).arun())
    assert recorder.started[-1] == "works"
    assert recorder.events[-2].ts == pytest.approx(recorder.events[0].ts + 5)


def test_after_a_lost_optional_step_the_next_still_starts() -> None:
    """Order alone asks for settlement, not for success."""

    @step(optional=True)
    async def extra() -> None:
        raise ValueError

    @workflow
    def flow() -> object:
        return works.after(extra())(0, "last")

    assert run_virtual(flow.arun()).value == "last"
