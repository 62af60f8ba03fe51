"""`RunResult`: everything a run left behind, read lazily from its facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar, cast

from stretto.core.journal.events import Event, event_of
from stretto.core.journal.story import story_lines
from stretto.core.journal.view import RunStatus, RunView
from stretto.core.policy import Cause, Failure, describe
from stretto.core.values import copy_for_consumer
from stretto.core.values.places import holds_redacted
from stretto.errors import (
    NotFoundError,
    RecoveryError,
    RunCancelledError,
    RunError,
    RunFailedError,
    RunRejectedError,
    RunTimedOutError,
    RunWaitingError,
)

if TYPE_CHECKING:
    from stretto.core.forecast.timing import Timing
    from stretto.core.journal.facts import Created, Fact, Wait
    from stretto.core.journal.view import AttemptView
    from stretto.runtime.engine.inputs import Values
    from stretto.runtime.engine.usage import Usage

__all__ = ["Finished", "RunResult", "StepFailure", "StepResult", "Steps"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step of a finished run. Instants are seconds since the epoch; None where it never came to that.

    `state` is succeeded, failed, skipped or cancelled, or waiting where the run was left: for `wait`. `is_reused`:
    the value comes from the run this one was forked from. `is_defaulted` says that consumers got `value`, the
    default or `Missing`, in place of a result. `error` is the last attempt's exception.
    """

    path: str
    state: str
    value: object
    attempts: tuple[AttemptView, ...]
    ready_at: float | None
    started_at: float | None
    ended_at: float | None
    failure: Failure | None
    reason: str
    is_defaulted: bool
    error: BaseException | None
    wait: Wait | None = None
    is_reused: bool = False

    @property
    def seconds(self) -> float | None:
        """From its first attempt's start until it settled."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at


class Steps(Mapping[str, StepResult]):
    """The steps of a run by path, in author order."""

    def __init__(self, run: Finished) -> None:
        self._run = run

    def __getitem__(self, path: str) -> StepResult:
        index = self._run.created.graph.index_of(path)
        if index is None:
            raise KeyError(path)
        return self._run.step(index)

    def __iter__(self) -> Iterator[str]:
        graph = self._run.created.graph
        order = sorted(range(len(graph)), key=graph.author_order)
        return (graph.path(index) for index in order)

    def __len__(self) -> int:
        return len(self._run.created.graph)

    def __repr__(self) -> str:
        return f"<Steps {', '.join(self)}>"


@dataclass(frozen=True, slots=True)
class StepFailure:
    """A step that was lost, and why."""

    path: str
    failure: Failure
    error: BaseException | None

    def __str__(self) -> str:
        return f"{self.path}: {describe(self.failure)}"


class Finished:
    """The parts a result is read from."""

    def __init__(
        self,
        run_id: str,
        created: Created,
        facts: list[Fact],
        values: Values,
        errors: dict[tuple[int, int], BaseException],
        failed: list[int],
        *,
        has_hidden: bool = False,
    ) -> None:
        self.run_id = run_id
        self.created = created
        self.facts = facts
        self.values = values
        self.errors = errors
        self.failed = failed
        self.has_hidden = has_hidden

    @cached_property
    def view(self) -> RunView:
        view = RunView(self.created.graph)
        view.apply(self.facts)
        return view

    def step(self, index: int) -> StepResult:
        view = self.view.step(index)
        has_value = view.state == "succeeded" or view.is_defaulted
        return StepResult(
            path=self.created.graph.path(index),
            state=view.state,
            value=copy_for_consumer(self.values.result(index)) if has_value else None,
            attempts=tuple(view.attempts),
            ready_at=view.ready_at,
            started_at=view.started_at,
            ended_at=view.ended_at,
            failure=view.failure,
            reason=view.reason,
            is_defaulted=view.is_defaulted,
            error=None if view.state == "succeeded" else self.error(index),
            wait=view.wait if view.state == "waiting" else None,
            is_reused=view.is_reused,
        )

    def error(self, index: int) -> BaseException | None:
        """What a step's last attempt raised; None where it was cut, or there was none."""
        attempts = self.view.step(index).attempts
        return self.errors.get((index, attempts[-1].number)) if attempts else None


class RunResult(Generic[T_co]):
    """What a run left behind. Everything but `value` and `status` is built when it is first read."""

    def __init__(self, finished: Finished, value: object, status: RunStatus, usage: Usage) -> None:
        self._finished = finished
        self._value = value
        self.status = status
        self.usage = usage
        self.run_id = finished.run_id
        self.workflow = finished.created.workflow

    def __repr__(self) -> str:
        return f"<RunResult {self.workflow} {self.run_id} {self.status}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the run on a time axis."""
        from stretto.report.notebook import framed
        from stretto.report.timeline import timeline

        has_value = self.status in (RunStatus.SUCCEEDED, RunStatus.PARTIAL)
        return framed(timeline(self._finished.view, self.timing, self.workflow, has_value=has_value))

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{self!r} cannot be pickled: take .value or single steps' values, which are plain data."
        )

    @property
    def value(self) -> T_co:
        """What the workflow returned. Raises the run's error if it ended without, and RecoveryError where it was read
        from a journal that does not hold the secrets in it."""
        if self.status not in (RunStatus.SUCCEEDED, RunStatus.PARTIAL):
            raise self.to_error()
        if self._finished.has_hidden and holds_redacted(self._value):
            raise RecoveryError(
                f"The value of run {self.run_id} holds secrets, and its journal does not: only sealed stores keep them "
                f"(STRETTO_KEY). Run it again: stretto fork {self.run_id} --set NAME=VALUE."
            )
        return cast("T_co", self._value)

    @property
    def steps(self) -> Steps:
        """Every step by path: state, value, attempts, instants, error."""
        return Steps(self._finished)

    @cached_property
    def timing(self) -> Timing:
        """T1, span, lower bound, makespan, bound efficiency and the path the run took: seconds, measured."""
        from stretto.api.measure import (
            measured_timing,  # read only by those who ask: building it costs 5 µs a step
        )

        return measured_timing(self._finished.created, self._finished.view)

    @property
    def cause(self) -> Cause | None:
        """Why a failed run failed: `Cause.ERROR` or `Cause.TIMED_OUT`."""
        return self._finished.view.cause

    @cached_property
    def failures(self) -> tuple[StepFailure, ...]:
        """Required steps that failed by themselves, in author order."""
        graph = self._finished.created.graph
        order = sorted(self._finished.failed, key=graph.author_order)
        return tuple(found for index in order if (found := self._failure(index)) is not None)

    @cached_property
    def lost(self) -> tuple[StepFailure, ...]:
        """Optional steps that were lost; a partial run has at least one."""
        view = self._finished.view
        graph = self._finished.created.graph
        order = sorted(range(len(graph)), key=graph.author_order)
        found = [self._failure(index) for index in order if view.step(index).is_defaulted]
        return tuple(failure for failure in found if failure is not None)

    @property
    def waits(self) -> tuple[str, ...]:
        """The paths of the steps that wait for people or events, in author order."""
        return tuple(path for path, step in self.steps.items() if step.wait is not None)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What deserves a look although the run ended: lost optional steps, attempts that ignored their
        end."""
        path = self._finished.created.graph.path
        abandoned = [
            f"{path(index)}: ignored its cancellation and was abandoned"
            for index in self._finished.view.abandoned
        ]
        return (*(str(failure) for failure in self.lost), *abandoned)

    def events(self) -> Iterator[Event]:
        """The run's journal as typed events."""
        graph = self._finished.created.graph
        for seq, fact in enumerate(self._finished.facts):
            event = event_of(fact, seq, self.run_id, graph)
            if event is not None:
                yield event

    def story(self, path: str) -> tuple[str, ...]:
        """All that happened to one step, a line an event. Raises NotFoundError."""
        graph = self._finished.created.graph
        index = graph.index_of(path)
        if index is None:
            raise NotFoundError("step", path, self.steps)
        return story_lines(self._finished.facts, index)

    def to_error(self) -> RunError:
        """The error of a run that ended without a value; its `result` is this."""
        name = f"Run {self.run_id} of {self.workflow!r}"
        if self.status is RunStatus.CANCELLED:
            return RunCancelledError(f"{name} was cancelled: {self._finished.view.reason}.", self)
        if self.status is RunStatus.WAITING:
            return RunWaitingError(f"{name} waits for {', '.join(self.waits) or 'people or events'}.", self)
        if self.cause is Cause.TIMED_OUT and not self.failures:
            within = self._finished.created.options.within
            cut = [path for path, step in self.steps.items() if step.state == "cancelled"]
            text = f"{name} passed its deadline of {within:g} s; cut: {', '.join(cut)}."
            return RunTimedOutError(f"{text} {self._kept()}", self)
        return self._failed_error(name)

    def _failed_error(self, name: str) -> RunError:
        failures = self.failures
        first = str(failures[0]) if failures else "no failure was recorded"
        others = "".join(f"\n  and {failure}" for failure in failures[1:])
        kind = RunRejectedError if self.cause is Cause.REJECTED else RunFailedError
        error = kind(f"{name} failed: {first}{others}\n  {self._kept()}", self)
        if failures:
            error.__cause__ = failures[0].error
        return error

    def _kept(self) -> str:
        done = sum(step.state == "succeeded" for step in self.steps.values())
        return f"{done} of {len(self.steps)} steps succeeded and are kept in .result"

    def _failure(self, index: int) -> StepFailure | None:
        failure = self._finished.view.step(index).failure
        if failure is None:
            return None
        return StepFailure(self._finished.created.graph.path(index), failure, self._finished.error(index))
