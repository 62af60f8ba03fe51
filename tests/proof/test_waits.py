"""Why steps waited, on runs whose instants are known."""

from __future__ import annotations

from math import inf

from proof.proof_runs import ran
from stretto import Retry, choose, group, step, workflow
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import RunOptions
from stretto.core.journal.view import RunView
from stretto.core.policy import Cause, Failure
from stretto.proof import waits_of
from stretto.runtime.simulate import Outcome

BROKEN = Failure(Cause.ERROR, "broken", ("ValueError", "Exception"))
TWICE = Retry(attempts=2, first_wait=4.0, jitter=False)


@step
async def one(x: object = None) -> object:
    return x


@step
async def two(x: object, y: object) -> object:
    return x


@step(retry=TWICE)
async def flaky(x: object = None) -> object:
    return x


@step(retry=TWICE, timeout=2.0)
async def stubborn(x: object = None) -> object:
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


@workflow
def diamond() -> object:
    head = one.named("head")()
    return two(one.named("left")(head), one.named("right")(head))


@workflow
def mapped() -> object:
    return one.named("last").map(one.named("first").map(listing()))


@workflow
def retried() -> object:
    return flaky()


@workflow
def stopped() -> object:
    return stubborn()


@workflow
def at_desk() -> object:
    return [queued.named(name)() for name in "abc"]


@workflow
def side_by_side() -> object:
    return [one.named(name)() for name in "abc"]


@workflow
def grouped() -> object:
    with group("pair", within=5.0) as both:
        found = [one.named("quick")(), one.named("slow")()]
    return one.named("behind").after(both)(found)


@workflow
def chosen() -> object:
    return choose(label(), {"a": lambda: one(), "b": lambda: two(1, 2)})


def test_a_step_waits_for_what_settles_last() -> None:
    """Of two needed steps the later one is named; a first step waits for nothing."""
    found = ran(diamond, {"left": 3.0, "right": 2.0})
    assert found.of("head") == []
    assert found.of("left") == [("dependency", 0.0, 1.0, "head")]
    assert found.of("two") == [("dependency", 0.0, 4.0, "left")]


def test_a_backoff_is_a_wait_of_the_next_attempt() -> None:
    """From the failure until the next attempt."""
    found = ran(retried, {"flaky:1": Outcome(1.0, failure=BROKEN)})
    (wait,) = found.waits[found.at("flaky")]
    assert (str(wait.cause), wait.since, wait.until, wait.attempt, wait.is_over) == (
        "backoff", 1.0, 5.0, 2, True,
    )  # fmt: skip
    assert wait.seconds == 4.0


def test_an_attempt_that_does_not_stop_holds_the_next_one_back() -> None:
    """Behind the backoff, what is waited for is its end."""
    found = ran(stopped, {"stubborn:1": Outcome(inf, stops_in=4.5)}, options=RunOptions(grace=9.0))
    assert found.of("stubborn") == [("backoff", 2.0, 6.0, ""), ("ending", 6.0, 6.5, "")]


def test_a_queue_at_a_named_limit() -> None:
    """Permits of the run are free: the limit held them back, each until one was given back."""
    found = ran(at_desk, {}, limits={"desk": 1})
    assert [found.of(name) for name in "abc"] == [
        [],
        [("limit", 0.0, 1.0, "desk")],
        [("limit", 0.0, 2.0, "desk")],
    ]


def test_a_queue_at_the_runs_own_cap() -> None:
    """As many attempts as the run allows were running."""
    found = ran(side_by_side, {}, options=RunOptions(permits=2))
    assert [found.of(name) for name in "abc"] == [[], [], [("permit", 0.0, 1.0, "")]]


def test_a_limited_step_in_a_full_run_waits_for_the_run() -> None:
    """Where both are short, the run's cap is what it runs into first."""
    found = ran(at_desk, {}, limits={"desk": 3}, options=RunOptions(permits=1))
    assert found.of("b") == [("permit", 0.0, 1.0, "")]


def test_one_by_one_steps_wait_for_their_turn() -> None:
    """No permit is short there: it is the order."""
    found = ran(side_by_side, {}, options=RunOptions(permits=1, is_sequential=True))
    assert found.of("c") == [("turn", 0.0, 2.0, "")]


def test_grown_steps_wait_for_what_their_anchor_needed() -> None:
    """A child of a map over a map waits for its item alone, the anchor for the growth of the first."""
    found = ran(mapped, {"first[0]": 5.0, "first[1]": 2.0}, sizes={"first": 2})
    assert found.of("first[1]") == [("dependency", 0.0, 1.0, "listing")]
    assert found.of("last[1]") == [("dependency", 0.0, 3.0, "first[1]")]
    assert found.of("last[0]") == [("dependency", 0.0, 6.0, "first[0]")]
    assert found.of("last") == [("dependency", 0.0, 1.0, "first")]


def test_a_gate_waits_for_its_last_member() -> None:
    """Also where the group's deadline cut it."""
    found = ran(grouped, {"slow": 99.0})
    assert found.of("pair") == [("dependency", 0.0, 5.0, "slow")]


def test_a_step_that_was_blocked_waited_in_vain() -> None:
    """For what was lost, not for what settled last."""
    found = ran(diamond, {"left": Outcome(1.0, failure=BROKEN), "right": 3.0})
    (wait,) = found.waits[found.at("two")]
    assert (str(wait.cause), wait.on, wait.is_over) == ("dependency", "left", False)


def test_a_branch_that_was_not_chosen_never_began() -> None:
    """Its wait came to nothing."""
    found = ran(chosen, {"label": Outcome(1.0, "a")})
    assert [wait.is_over for wait in found.waits[found.at("choose/b/two")]] == [False]


def test_a_journal_that_stops_early() -> None:
    """Of a run that was killed, waits go on until the last fact, and are not over."""
    whole = ran(at_desk, {}, limits={"desk": 1})
    facts = [fact for fact in whole.facts if fact[3] < 2.0]
    view = RunView(whole.created.graph)
    view.apply(facts)
    found = waits_of(whole.created, view, facts)
    (wait,) = found[whole.at("c")]
    assert (str(wait.cause), wait.since, wait.until, wait.is_over) == ("limit", 0.0, 1.0, False)
    assert [each.is_over for each in found[whole.at("b")]] == [True]


def test_no_facts_give_no_waits() -> None:
    """An empty journal is read like any other."""
    whole = ran(at_desk, {}, limits={"desk": 1})
    assert waits_of(whole.created, RunView(whole.created.graph), []) == {}
    assert whole.facts[0][0] == kinds.RUN_CREATED
