"""A run simulated once more: the same with nothing changed, and known answers with something changed."""

from __future__ import annotations

import pytest

from proof.proof_runs import Ran, ran
from stretto import Retry, choose, group, repeat, step, workflow
from stretto.core.journal.facts import RunOptions
from stretto.core.policy import Cause, Failure
from stretto.proof import Change
from stretto.runtime.simulate import Outcome

BROKEN = Failure(Cause.ERROR, "broken", ("ValueError", "Exception"))


@step
async def one(x: object = None) -> object:
    return x


@step
async def two(x: object, y: object) -> object:
    return x


@step(retry=Retry(attempts=3, first_wait=4.0, jitter=False))
async def flaky(x: object = None) -> object:
    return x


@step(limit="desk")
async def queued(x: object = None) -> object:
    return x


@step
async def listing() -> list[int]:
    return []


@step
async def label() -> str:
    return "a"


@step
async def is_done(x: object) -> bool:
    return True


@workflow
def diamond() -> object:
    head = one.named("head")()
    return two(one.named("left")(head), one.named("right")(head))


@workflow
def mapped() -> object:
    return one.named("last").map(one.named("first").map(listing()))


@workflow
def retried() -> object:
    return two(flaky(), one())


@workflow
def at_desk() -> object:
    return [queued.named(name)() for name in "abcd"]


@workflow
def side_by_side() -> object:
    return [one.named(name)() for name in "abcd"]


@workflow
def retried_beside() -> object:
    return [flaky(), one()]


@workflow
def grouped() -> object:
    with group("pair", within=5.0) as both:
        found = [one.named("quick")(), one.named("slow")()]
    return one.named("behind").after(both)(found)


@workflow
def grown() -> object:
    picked = choose(label(), {"a": lambda: one(), "b": lambda: two(1, 2)})
    return repeat(one.named("again"), picked, until=is_done, max_rounds=3)


FAILED_TWICE = {"flaky:1": Outcome(1.0, failure=BROKEN), "flaky:2": Outcome(2.0, failure=BROKEN)}
RUNS = {
    "a diamond": lambda: ran(diamond, {"left": 3.0, "right": 2.0}),
    "map over map": lambda: ran(mapped, {"first[0]": 5.0, "last[1]": 7.0}, sizes={"first": 2}),
    "retries": lambda: ran(retried, FAILED_TWICE),
    "a retry under a cap": lambda: ran(retried_beside, FAILED_TWICE, options=RunOptions(permits=1)),
    "a retry one by one": lambda: ran(
        retried_beside, FAILED_TWICE, options=RunOptions(permits=1, is_sequential=True)
    ),
    "a named limit": lambda: ran(at_desk, {"b": 3.0}, limits={"desk": 2}),
    "a cap": lambda: ran(side_by_side, {"b": 3.0}, options=RunOptions(permits=2)),
    "one by one": lambda: ran(side_by_side, {"b": 3.0}, options=RunOptions(permits=1, is_sequential=True)),
    "a group cut at its deadline": lambda: ran(grouped, {"slow": 99.0}),
    "a choice and rounds": lambda: ran(
        grown,
        {
            "label": Outcome(1.0, "a"),
            "again#1/is_done": Outcome(2.0, value=False),
            "again#2/is_done": Outcome(2.0, value=True),
        },
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_unchanged_it_takes_what_it_took(name: str) -> None:
    """The simulation of a run whose lengths are all that there is to it gives its makespan."""
    found = RUNS[name]()
    assert found.makespan > 0
    assert found.replay.seconds() == pytest.approx(found.makespan)


def seconds(found: Ran, **change: object) -> float:
    """The makespan under a change; steps are named by path."""
    return found.replay.seconds(Change(**change))  # type: ignore[arg-type]  # as the caller knows


def test_a_step_that_takes_no_time() -> None:
    """The other branch is then the longest."""
    found = RUNS["a diamond"]()
    assert found.makespan == 5.0
    assert seconds(found, instant=frozenset({found.at("left")})) == 4.0
    assert seconds(found, instant=frozenset({found.at("right")})) == 5.0


def test_a_step_without_its_failed_attempts() -> None:
    """Its last attempt is its only one: 1 s in place of 1 + 4 + 2 + 8 + 1."""
    found = RUNS["retries"]()
    assert found.makespan == 17.0
    assert seconds(found, first_try=frozenset({found.at("flaky")})) == 2.0
    assert seconds(found, instant=frozenset({found.at("flaky")})) == 2.0


def test_without_an_edge() -> None:
    """The step starts without what it needed no more."""
    found = RUNS["a diamond"]()
    edge = (found.at("left"), found.at("two"))
    assert seconds(found, without=frozenset({edge})) == 4.0


def test_more_permits() -> None:
    """Of the run, and of a named limit."""
    capped, limited = RUNS["a cap"](), RUNS["a named limit"]()
    assert (capped.makespan, seconds(capped, permits=4)) == (3.0, 3.0)
    narrow = ran(side_by_side, {}, options=RunOptions(permits=1))
    assert (narrow.makespan, seconds(narrow, permits=2), seconds(narrow, permits=4)) == (4.0, 2.0, 1.0)
    alone = ran(at_desk, {}, limits={"desk": 1})
    assert (alone.makespan, seconds(alone, limits={"desk": 2})) == (4.0, 2.0)
    assert seconds(limited, limits={"desk": 4}) == 3.0


def test_as_dataflow() -> None:
    """A run one by one, each step as soon as it can."""
    found = RUNS["one by one"]()
    assert found.makespan == 6.0
    assert seconds(found, is_dataflow=True, permits=9) == 3.0


def test_a_faster_item_of_a_map_starts_its_consumer_sooner() -> None:
    """Map over map has no barrier in the simulation either: 1 + 5 + 1 is the longest without last[1]."""
    found = RUNS["map over map"]()
    assert found.makespan == 9.0
    assert seconds(found, instant=frozenset({found.at("last[1]")})) == 7.0
    assert seconds(found, instant=frozenset({found.at("first[0]")})) == 9.0


def test_what_a_step_needs() -> None:
    """What it names; a grown step needs its anchor besides."""
    found = RUNS["map over map"]()
    assert found.replay.needs(found.at("last[1]")) == (found.at("last"), found.at("first[1]"))
    assert found.replay.needs(found.at("listing")) == ()
    assert len(found.replay) == 7 + 2
