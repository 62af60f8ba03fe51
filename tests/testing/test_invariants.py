"""Each invariant is broken by hand once, and must be noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stretto import Retry, group, step, workflow
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Created, RunOptions
from stretto.core.schedule import Scheduler, State
from stretto.core.schedule.ready import ReadyQueue
from stretto.testing import BrokenInvariantError, CheckedScheduler, check_invariants, replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.core.journal.facts import Fact


@step
async def work(x: object = None) -> object:
    return x


@step(timeout=1.0, retry=Retry(attempts=2, first_wait=2.0, jitter=False))
def slow() -> str:
    return "done"


@workflow
def fork() -> object:
    head = work.named("head")()
    with group("both", min_success=1):
        left = work.named("left")(head)
        right = work.named("right")(head)
    return [left, right, work.named("each").map([1, 2])]


def created(**options: object) -> Created:
    """The fork, about to run."""
    return Created("fork", fork.trace().graph, RunOptions(**options), {}, {})  # type: ignore[arg-type]


def begun(**options: object) -> Scheduler:
    """A scheduler of the fork that has been told to begin."""
    first = created(**options)
    scheduler = Scheduler(first)
    scheduler.handle((kinds.RUN_CREATED, kinds.RUN, 0, 0.0, first))
    check_invariants(scheduler)
    return scheduler


def index_of(scheduler: Scheduler, path: str) -> int:
    """The step's index."""
    index = scheduler.graph.index_of(path)
    assert index is not None
    return index


def succeeded(scheduler: Scheduler, path: str, at: float = 1.0) -> Fact:
    """The end of the step's first attempt."""
    return (kinds.ATTEMPT_SUCCEEDED, index_of(scheduler, path), 1, at, path)


def whole_run(scheduler: Scheduler) -> list[list[Fact]]:
    """Run the fork to its end; gives the facts decision by decision."""
    decisions = [scheduler.handle((kinds.RUN_CREATED, kinds.RUN, 0, 0.0, scheduler.created)).facts]
    for path in ("head", "each[0]", "each[1]", "left", "right"):
        decisions.append(scheduler.handle(succeeded(scheduler, path)).facts)
    assert scheduler.finished
    return decisions


def lose_count(scheduler: Scheduler) -> None:
    scheduler.open_steps -= 1


def lose_running(scheduler: Scheduler) -> None:
    scheduler.running += 1


def lose_permit(scheduler: Scheduler) -> None:
    scheduler.used += 1


def lose_edge(scheduler: Scheduler) -> None:
    scheduler.missing[index_of(scheduler, "left")] += 1


def lose_child(scheduler: Scheduler) -> None:
    scheduler.open_children[index_of(scheduler, "each")] -= 1


def lose_wake_up(scheduler: Scheduler) -> None:
    scheduler.missing[index_of(scheduler, "left")] = 0
    scheduler.states[index_of(scheduler, "head")] = State.SUCCEEDED
    scheduler.open_steps -= 1
    scheduler.running -= 1
    scheduler.used -= 1


def lose_member(scheduler: Scheduler) -> None:
    scheduler.gate_losses[0] = 1


def unissued(scheduler: Scheduler) -> None:
    scheduler.late.add((index_of(scheduler, "left"), 1))
    scheduler.used += 1


@pytest.mark.parametrize(
    "damage",
    [lose_count, lose_running, lose_permit, lose_edge, lose_child, lose_wake_up, lose_member, unissued],
    ids=lambda damage: damage.__name__,
)
def test_damage_is_noticed(damage: Callable[[Scheduler], None]) -> None:
    """A counter that is off by one, or a step nobody will start, breaks an invariant."""
    scheduler = begun()
    damage(scheduler)
    with pytest.raises(BrokenInvariantError):
        check_invariants(scheduler)


def test_a_ready_step_is_not_forgotten() -> None:
    """A step that waits for a permit must stand in the queue."""
    scheduler = begun(permits=1)
    scheduler.queue.clear()
    with pytest.raises(BrokenInvariantError, match="nobody will start it"):
        check_invariants(scheduler)


def test_no_permit_lies_idle() -> None:
    """A step may only wait for a permit while none is free."""
    scheduler = begun(permits=1)
    scheduler.options = scheduler.options._replace(permits=2)
    with pytest.raises(BrokenInvariantError, match="a permit is free"):
        check_invariants(scheduler)


def test_more_at_once_than_allowed() -> None:
    """The cap bounds attempts that have not ended."""
    scheduler = begun()
    scheduler.options = scheduler.options._replace(permits=2)
    with pytest.raises(BrokenInvariantError, match="3 attempts at once, 2 allowed"):
        check_invariants(scheduler)


def test_a_finished_run_has_only_final_states() -> None:
    """Nothing is open when the run says it has ended."""
    scheduler = begun()
    scheduler.finished = True
    with pytest.raises(BrokenInvariantError, match="in a finished run"):
        check_invariants(scheduler)


def test_the_error_carries_the_story() -> None:
    """A broken invariant of a step tells what happened to it."""
    scheduler = begun(permits=1)
    scheduler.queue.clear()
    with pytest.raises(BrokenInvariantError) as caught:
        check_invariants(scheduler)
    assert "waiting for a permit" in str(caught.value)


class TestCheckedScheduler:
    def test_a_sound_run_passes(self) -> None:
        """A whole run breaks nothing."""
        whole_run(CheckedScheduler(created()))

    def test_a_state_without_a_fact(self) -> None:
        """A state that no fact speaks of is noticed at the next event."""
        scheduler = CheckedScheduler(created())
        scheduler.handle((kinds.RUN_CREATED, kinds.RUN, 0, 0.0, scheduler.created))
        scheduler.states[index_of(scheduler, "left")] = State.SKIPPED
        with pytest.raises(BrokenInvariantError, match="without a fact"):
            scheduler.handle(succeeded(scheduler, "each[0]"))

    def test_a_replaced_result(self) -> None:
        """What was handed on stays as it was."""
        scheduler = CheckedScheduler(created())
        scheduler.handle((kinds.RUN_CREATED, kinds.RUN, 0, 0.0, scheduler.created))
        scheduler.handle(succeeded(scheduler, "head"))
        scheduler.values[index_of(scheduler, "head")] = "other"
        with pytest.raises(BrokenInvariantError, match="replaced"):
            scheduler.handle(succeeded(scheduler, "each[0]"))

    def test_the_longest_path_goes_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Starting a step while one with a longer remaining path stays behind is noticed."""
        monkeypatch.setattr(ReadyQueue, "_key", lambda _, index: 1000 - index)
        monkeypatch.setattr(ReadyQueue, "_index_in", staticmethod(lambda key: 1000 - key))
        scheduler = CheckedScheduler(created(permits=1))
        with pytest.raises(BrokenInvariantError, match="was passed by"):
            scheduler.handle((kinds.RUN_CREATED, kinds.RUN, 0, 0.0, scheduler.created))


class TestReplay:
    def test_a_journal_replays(self) -> None:
        """The stimuli of a journal, decision by decision, give its facts again."""
        decisions = whole_run(Scheduler(created()))
        assert replay(created(), decisions).finished

    def test_two_attempts_of_a_thread_that_end_together(self) -> None:
        """A late result is adopted and the newer attempt dropped in one decision; its journal replays."""

        @workflow
        def alone() -> object:
            return slow()

        def fresh() -> Created:
            return Created("alone", alone.trace().graph, RunOptions(), {}, {})

        first = fresh()
        given: list[tuple[Fact, ...]] = [
            ((kinds.RUN_CREATED, kinds.RUN, 0, 0.0, first),),
            ((kinds.CLOCK_TICKED, kinds.RUN, 0, 1.0, 0.5),),
            ((kinds.CLOCK_TICKED, kinds.RUN, 0, 3.0, 0.5),),
            ((kinds.ATTEMPT_SUCCEEDED, 0, 1, 3.5, "old"), (kinds.ATTEMPT_SUCCEEDED, 0, 2, 3.5, "new")),
        ]
        scheduler = CheckedScheduler(first)
        decisions = [scheduler.handle(*stimuli).facts for stimuli in given]
        assert scheduler.values == ["old"]
        assert replay(fresh(), decisions).values == ["old"]

    def test_another_journal_does_not(self) -> None:
        """A journal with a fact of its own is refused."""
        decisions = whole_run(Scheduler(created()))
        decisions[1] = decisions[1][:-1]
        with pytest.raises(BrokenInvariantError, match="decision 1 came out otherwise"):
            replay(created(), decisions)
