"""What would have helped most: known answers."""

from __future__ import annotations

import pytest

from proof.proof_runs import Ran, ran
from stretto import Retry, step, workflow
from stretto.api.measure import measured_timing
from stretto.core.journal.facts import RunOptions
from stretto.core.policy import Cause, Failure
from stretto.proof import Proposal, propose
from stretto.runtime.simulate import Outcome

BROKEN = Failure(Cause.ERROR, "broken", ("ValueError", "Exception"))


@step
async def one(x: object = None) -> object:
    return x


@step
async def two(x: object, y: object) -> object:
    return x


@step(retry=Retry(attempts=2, first_wait=4.0, jitter=False))
async def flaky(x: object = None) -> object:
    return x


@step(limit="desk")
async def queued(x: object = None) -> object:
    return x


@step
async def listing() -> list[int]:
    return []


@step
async def head() -> object:
    return 0


@step
async def left(x: object) -> object:
    return x


@step
async def right(x: object) -> object:
    return x


@workflow
def diamond() -> object:
    start = head()
    return two(left(start), right(start))


@workflow
def mapped() -> object:
    return one.map(listing())


@workflow
def retried() -> object:
    return flaky()


@workflow
def at_desk() -> object:
    return [queued.named(name)() for name in "abcd"]


@workflow
def alone() -> object:
    return one()


def found(run: Ran) -> list[Proposal]:
    """What would have helped that run."""
    hops = measured_timing(run.created, run.view).critical_path
    return propose(run.replay, run.created, run.view, hops, run.waits)


def told(run: Ran) -> dict[str, float]:
    """The makespans by what is proposed."""
    return {each.what: each.after for each in found(run)}


def test_steps_and_edges_of_the_critical_path() -> None:
    """The best comes first; what is not on the path is not proposed."""
    run = ran(diamond, {"left": 6.0, "right": 2.0})
    listed = found(run)
    assert told(run) == {
        "if `left` took no time": 4.0,
        "without the edge left → two": 7.0,
        "without the edge head → left": 7.0,
        "if `head` took no time": 7.0,
        "if `two` took no time": 7.0,
    }
    assert [each.after for each in listed] == sorted(each.after for each in listed)
    assert (listed[0].kind, listed[0].about, listed[0].before) == ("step", ("left",), 8.0)
    assert listed[0].gain == pytest.approx(0.5)


def test_uses_of_one_step_are_made_faster_together() -> None:
    """What is made faster is code: all items of the map; and the edge that held them back is the anchor's."""
    run = ran(mapped, {"one[1]": 3.0}, sizes={"one": 2})
    assert told(run) == {
        "if each of the 2 uses of `one` took no time": 1.0,
        "if `listing` took no time": 3.0,
        "without the edge listing → one": 3.0,
    }


def test_failed_attempts() -> None:
    """1 + 4 + 1 with them, 1 without."""
    run = ran(retried, {"flaky:1": Outcome(1.0, failure=BROKEN)})
    assert told(run)["if `flaky` succeeded at its first attempt"] == 1.0


def test_a_named_limit() -> None:
    """Two permits more, where steps queued for it; the run's own are not proposed, none was short."""
    run = ran(at_desk, {}, limits={"desk": 1})
    assert told(run)["with 2 more permits of `desk`"] == 2.0
    assert not any("at once" in each for each in told(run))


def test_the_runs_own_cap() -> None:
    """Twice as many, and no cap at all."""
    run = ran(at_desk, {}, limits={"desk": 9}, options=RunOptions(permits=1))
    assert told(run)["with 2 at once in place of 1"] == 2.0
    assert told(run)["with no cap on steps at once"] == 1.0
    assert not any("desk" in each for each in told(run) if each.startswith("with"))


def test_one_by_one() -> None:
    """The one proposal about order is to run it as dataflow."""
    run = ran(diamond, {}, options=RunOptions(permits=1, is_sequential=True))
    assert told(run)["as dataflow, not one by one"] == 3.0
    assert not any("at once" in each for each in told(run))


def test_little_things_are_left_out() -> None:
    """Below half a percent nothing is proposed."""
    run = ran(diamond, {"left": 10_000.0})
    assert set(told(run)) == {"if `left` took no time"}


def test_a_run_of_no_time_has_nothing_to_gain() -> None:
    """Nothing is divided by nothing."""
    assert found(ran(alone, {"one": 0.0})) == []


def test_a_large_run_is_simulated_fewer_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of candidates falls with the number of steps, to one at least."""
    run = ran(diamond, {"left": 6.0})
    monkeypatch.setattr("stretto.proof.proposals._BUDGET", 3 * len(run.replay))
    assert len(found(run)) == 2
    monkeypatch.setattr("stretto.proof.proposals._BUDGET", 1)
    assert len(found(run)) == 1
