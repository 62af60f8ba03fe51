"""Simulation: the engine's own scheduler on virtual time."""

from __future__ import annotations

from math import inf

import pytest

from stretto import Retry, choose, group, repeat, step, workflow
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Created, Fact, RunOptions
from stretto.core.policy import Cause, Failure, OnFailure
from stretto.core.schedule import Scheduler
from stretto.errors import InputError, NotFoundError
from stretto.runtime.simulate import Outcome, Simulated, simulate

BROKEN = Failure(Cause.ERROR, "broken", ("ValueError", "Exception"))


@step
async def one(x: object = None) -> object:
    return x


@step
async def two(x: object, y: object) -> object:
    return x


@step(retry=Retry(attempts=3, first_wait=4.0))
async def flaky(x: object = None) -> object:
    return x


@step(timeout=2.0)
async def bounded(x: object = None) -> object:
    return x


@step(timeout=2.0, optional=True, default=None)
def blocking(x: object = None) -> object:
    return x


@step(limit="desk")
async def queued(x: object = None) -> object:
    return x


@step(inline=True)
def glue(x: object) -> object:
    return x


@step
async def listing(x: object = None) -> list[int]:
    return []


@workflow
def diamond() -> object:
    head = one.named("head")()
    return two(one.named("left")(head), one.named("right")(head))


@workflow
def mapped() -> object:
    return one.named("last").map(one.named("first").map(listing()))


def created_of(flow: object, options: RunOptions | None = None, **estimates: float) -> Created:
    """What a run of a workflow without inputs is created with."""
    graph = flow.trace().graph  # type: ignore[attr-defined]  # a Workflow
    return Created("simulated", graph, options or RunOptions(), estimates, {})


def run_of(*steps: object, **options: object) -> Created:
    """A workflow of independent steps."""

    @workflow
    def independent() -> object:
        return [each() for each in steps]  # type: ignore[operator]  # steps

    return created_of(independent, RunOptions(**options))  # type: ignore[arg-type]  # its fields


def kinds_of(simulated: Simulated, path: str) -> list[int]:
    """The kinds of one step's facts in order."""
    index = simulated.graph.index_of(path)
    return [fact[0] for fact in simulated.facts if fact[1] == index]


def ended_at(simulated: Simulated, path: str) -> float | None:
    """When a step settled."""
    index = simulated.graph.index_of(path)
    assert index is not None
    return simulated.view.step(index).ended_at


class TestTime:
    def test_a_run_takes_its_longest_path(self) -> None:
        """Without a cap the makespan is the critical path, and every step starts on readiness."""
        lengths = {"head": 1.0, "left": 5.0, "right": 2.0, "two": 3.0}
        found = simulate(created_of(diamond), lambda path, _: lengths[path])
        assert found.makespan == 9.0
        assert found.started == ("head", "left", "right", "two")
        assert ended_at(found, "right") == 3.0

    def test_sequential_runs_add_up_in_author_order(self) -> None:
        """One by one, the makespan is the work."""
        options = RunOptions(permits=1, is_sequential=True)
        found = simulate(created_of(diamond, options), lambda _, __: 2.0)
        assert found.makespan == 8.0
        assert found.started == ("head", "left", "right", "two")

    def test_equal_arguments_give_equal_facts(self) -> None:
        """Nothing but the arguments decides."""
        created = created_of(diamond, RunOptions(permits=1))
        first, second = (simulate(created, lambda path, _: float(len(path))) for _ in range(2))
        assert first.facts[1:] == second.facts[1:]
        assert first.makespan == second.makespan

    def test_under_a_cap_the_longest_remaining_path_goes_first(self) -> None:
        """Priorities come from the estimates, not from the order of arrival."""

        @step
        async def short() -> None: ...

        @step
        async def long() -> None: ...

        @workflow
        def competing() -> object:
            return [short(), long()]

        created = created_of(competing, RunOptions(permits=1), short=1.0, long=9.0)
        assert simulate(created, lambda _, __: 1.0).started == ("long", "short")

    def test_inline_steps_take_no_time(self) -> None:
        """The engine runs them itself, whatever the outcome says."""

        @workflow
        def glued() -> object:
            return one(glue(one.named("before")()))

        assert simulate(created_of(glued), lambda _, __: 3.0).makespan == 6.0


class TestFailures:
    def test_a_failure_is_retried_after_its_pause(self) -> None:
        """A retry waits for the jitter's mean unless told otherwise."""

        def second_works(_: str, attempt: int) -> Outcome:
            return Outcome(1.0, failure=BROKEN if attempt == 1 else None)

        created = run_of(flaky)
        at_mean = simulate(created, second_works).makespan
        at_most = simulate(created, second_works, draw=0.999999).makespan
        assert at_mean == pytest.approx(1.0 + 2.0 + 1.0)
        assert at_most == pytest.approx(1.0 + 4.0 + 1.0, abs=1e-4)

    def test_a_lost_required_step_fails_the_run(self) -> None:
        """Drain: what runs is finished, what has not started never will."""
        lengths = {"head": 1.0, "left": 5.0, "right": 2.0}
        found = simulate(
            created_of(diamond),
            lambda path, _: Outcome(lengths[path], failure=BROKEN if path == "right" else None),
        )
        assert found.view.status == "failed"
        assert found.makespan == 6.0
        assert "two" not in found.started

    def test_fail_fast_stops_what_runs(self) -> None:
        """A coroutine that is told to stop ends after its own time, and the run with it."""

        def outcome(path: str, _: int) -> Outcome:
            return Outcome(1.0, failure=BROKEN) if path == "a" else Outcome(50.0, stops_in=2.0)

        created = run_of(one.named("a"), one.named("b"), on_failure=OnFailure.FAIL_FAST)
        found = simulate(created, outcome)
        assert found.makespan == 3.0
        assert kinds_of(found, "b")[-2:] == [kinds.ATTEMPT_ENDED, kinds.STEP_CANCELLED]

    def test_who_ignores_its_cancellation_is_abandoned_after_the_grace(self) -> None:
        """The run does not wait longer than the grace."""

        def outcome(path: str, _: int) -> Outcome:
            return Outcome(1.0, failure=BROKEN) if path == "a" else Outcome(inf, stops_in=inf)

        created = run_of(one.named("a"), one.named("b"), on_failure=OnFailure.FAIL_FAST, grace=4.0)
        found = simulate(created, outcome)
        assert found.makespan == 5.0
        assert found.view.abandoned == [1]

    def test_two_ends_at_one_instant_are_decided_together(self) -> None:
        """What finished at the very instant of another's failure is kept, even under fail-fast."""

        def outcome(path: str, _: int) -> Outcome:
            return Outcome(1.0, failure=BROKEN if path == "b" else None)

        created = run_of(one.named("a"), one.named("b"), on_failure=OnFailure.FAIL_FAST)
        assert simulate(created, outcome).view.step(0).state == "succeeded"

    def test_a_group_hands_on_what_it_lost(self) -> None:
        """A group's member that fails is replaced, and the run is partial."""

        @workflow
        def agents() -> object:
            with group("agents", min_success=1) as gate:
                one.named("a")()
                one.named("b")()
            return one.named("end").after(gate)()

        found = simulate(
            created_of(agents), lambda path, _: Outcome(1.0, failure=BROKEN if path == "a" else None)
        )
        assert found.view.status == "partial"
        assert found.makespan == 2.0


class TestDeadlines:
    def test_a_timeout_ends_an_attempt_that_never_returns(self) -> None:
        """An infinite outcome meets its timeout at that very instant."""
        found = simulate(run_of(bounded), lambda _, __: inf)
        assert found.makespan == 2.0
        assert kinds_of(found, "bounded") == [
            kinds.STEP_STARTED,
            kinds.ATTEMPT_TIMED_OUT,
            kinds.STEP_FAILED,
            kinds.ATTEMPT_ENDED,
        ]

    def test_what_ends_at_the_instant_of_its_timeout_has_finished(self) -> None:
        """Ends of attempts come before wake-ups of the same instant."""
        assert simulate(run_of(bounded), lambda _, __: 2.0).view.status == "succeeded"

    def test_a_thread_cannot_be_told_and_keeps_its_permit_until_it_ends(self) -> None:
        """Its verdict falls at the timeout, but nobody takes its place before it has truly ended."""
        created = run_of(blocking, one, permits=1)
        found = simulate(created, lambda path, _: 7.0 if path == "blocking" else 1.0)
        assert kinds_of(found, "blocking")[1:3] == [kinds.ATTEMPT_TIMED_OUT, kinds.STEP_FAILED]
        assert ended_at(found, "blocking") == 2.0
        assert found.view.step(1).started_at == 7.0
        assert (found.makespan, found.view.status) == (8.0, "partial")

    def test_the_runs_deadline_cuts_it(self) -> None:
        """Steps that still run are told to stop at the deadline."""
        found = simulate(created_of(diamond, RunOptions(within=2.5)), lambda _, __: 1.0)
        assert (found.makespan, found.view.status) == (2.5, "failed")
        assert found.view.cause is Cause.TIMED_OUT


class TestGrowth:
    def test_a_map_grows_by_its_given_size(self) -> None:
        """Item is wired to item: each second step follows its own first."""

        def outcome(path: str, _: int) -> float:
            return 4.0 if path == "first[1]" else 1.0

        found = simulate(created_of(mapped), outcome, sizes={"first": 3})
        assert found.makespan == 1.0 + 4.0 + 1.0
        assert ended_at(found, "last[0]") == 3.0

    def test_a_map_grows_by_the_list_its_step_returned(self) -> None:
        """Without a size the outcome's value decides."""

        def outcome(path: str, _: int) -> Outcome:
            return Outcome(1.0, ["a", "b"] if path == "listing" else None)

        found = simulate(created_of(mapped), outcome)
        assert [fact[1] for fact in found.facts if fact[0] == kinds.ATTEMPT_GREW] == [1, 2]
        assert len(found.graph) == 3 + 2 + 2

    def test_a_map_over_a_known_list_needs_no_size(self) -> None:
        """Its children are in the graph from the start."""

        @workflow
        def listed() -> object:
            return one.named("last").map(one.named("first").map([1, 2]))

        found = simulate(created_of(listed), lambda path, _: 3.0 if path == "first[0]" else 1.0)
        assert found.makespan == 4.0
        assert found.started == ("first[0]", "first[1]", "last[1]", "last[0]")

    def test_the_callers_graph_does_not_grow(self) -> None:
        """A what-if leaves the run that will follow as it was; a second one finds the same."""
        created = created_of(mapped)
        before = [created.graph.consumers_of(index) for index in range(len(created.graph))]
        first = simulate(created, lambda _, __: 1.0, sizes={"first": 9})
        assert len(created.graph) == 3
        assert [created.graph.consumers_of(index) for index in range(3)] == before
        second = simulate(created, lambda _, __: 1.0, sizes={"first": 9})
        assert [fact[:4] for fact in second.facts] == [fact[:4] for fact in first.facts]

    def test_an_unknown_size_says_how_to_give_it(self) -> None:
        """A map whose list nobody knows is refused by path."""
        with pytest.raises(InputError, match=r"sizes=\{'first'"):
            simulate(created_of(mapped), lambda _, __: 1.0)


class TestLimits:
    def test_named_permits_bound_the_run(self) -> None:
        """Three steps at a desk for two take two turns."""
        steps = [queued.named(f"q{number}") for number in range(3)]
        found = simulate(run_of(*steps), lambda _, __: 2.0, limits={"desk": 2})
        assert found.makespan == 4.0

    def test_an_unknown_limit_is_named(self) -> None:
        """A step's limit must exist in the simulation too."""
        with pytest.raises(NotFoundError, match="desk"):
            simulate(run_of(queued), lambda _, __: 1.0)


class TestRefusals:
    @pytest.mark.parametrize("seconds", [-1.0, float("nan")])
    def test_impossible_lengths_are_refused(self, seconds: float) -> None:
        """Seconds are 0 or more; the text names step and attempt."""
        with pytest.raises(InputError, match="'one', attempt 1: seconds="):
            simulate(run_of(one), lambda _, __: seconds)
        with pytest.raises(InputError, match="stops_in="):
            simulate(run_of(one), lambda _, __: Outcome(1.0, stops_in=seconds))

    def test_a_run_that_cannot_end_is_refused(self) -> None:
        """An attempt that never returns, and nothing that would end it."""
        with pytest.raises(InputError, match="would never end: 'one'"):
            simulate(run_of(one), lambda _, __: inf)


def test_the_stimuli_replayed_give_the_same_facts() -> None:
    """A simulated journal is a journal: its stimuli, handled one at a time, lead to the same end."""
    created = created_of(mapped, RunOptions(permits=2))
    found = simulate(created, lambda path, _: 1.0 + len(path) / 7, sizes={"first": 5})
    scheduler = Scheduler(created._replace(graph=created.graph.copy()))
    stimuli: list[Fact] = [fact for fact in found.facts if fact[0] < kinds.FIRST_CONSEQUENCE]
    for fact in stimuli:
        scheduler.handle(fact)
    assert scheduler.finished
    assert [fact for fact in scheduler.log if fact[0] == kinds.ATTEMPT_SUCCEEDED] == [
        fact for fact in found.facts if fact[0] == kinds.ATTEMPT_SUCCEEDED
    ]


def test_a_choice_follows_the_selectors_outcome() -> None:
    """The branch that the simulated selector names takes its time; the other one never starts."""

    @workflow
    def flow() -> object:
        kind = one("x")
        return choose(kind, {"long": lambda: one.named("far")(kind), "short": lambda: None})

    def outcome(path: str, _: int) -> Outcome:
        return Outcome(2.0 if path == "choose/long/far" else 1.0, "long")

    found = simulate(created_of(flow), outcome)
    assert found.makespan == 3.0
    other = simulate(created_of(flow), lambda _path, _attempt: Outcome(1.0, "short"))
    assert other.started == ("one", "choose")
    lost = simulate(created_of(flow), lambda _path, _attempt: Outcome(1.0, "neither"))
    assert lost.view.status == "failed"


def test_a_loop_goes_round_as_its_verdict_says() -> None:
    """Each round takes its outcomes' time."""

    @workflow
    def flow() -> object:
        return repeat(one, 1, until=one.named("done"), max_rounds=5, name="polish")

    def outcome(path: str, _: int) -> Outcome:
        return Outcome(1.0, path == "polish#3/done")

    assert simulate(created_of(flow), outcome).makespan == 6.0


def test_a_workflow_that_only_code_can_wire_is_one_step() -> None:
    """Given a Ref, a nested workflow has an outcome of its own."""

    @workflow
    def inner(value: object) -> object:
        return one(value)

    @workflow
    def flow() -> object:
        return inner(one("x"))

    found = simulate(created_of(flow), lambda path, _: Outcome(5.0 if path == "inner" else 1.0, 1))
    assert found.makespan == 6.0
    assert found.started == ("one", "inner")
