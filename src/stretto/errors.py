"""The tree of errors. Classes keep data and build their text; a text ends with what to do.

StrettoError
├── DefinitionError           a workflow is wrong before anything runs            (exit 3)
│   ├── RefError              a `Ref` was used for what only a value can do
│   ├── DuplicatePathError    two uses of a step in one scope
│   └── TargetError           the file, module or name of a workflow cannot be loaded
├── ConfigError               a setting is unknown or has a wrong value           (exit 3)
├── InputError                a run's inputs do not fit the workflow's parameters (exit 2)
├── NotFoundError             nothing is known by that name                       (exit 4)
├── ValueEncodingError        a value would not come back equal from a journal
├── IllegalEventError         an event that may not happen now: nothing was changed
├── StoreError                a store cannot do what it is for
│   ├── RunOwnedError         another process (or this one) drives that run
│   ├── FencedError           a newer owner has taken the run over: nothing more is written
│   ├── StoreVersionError     a newer Stretto wrote it
│   └── StoreDamagedError     what lies there is not what was written
├── RecoveryError             a journal cannot be gone on with                    (exit 3)
│   ├── CodeChangedError      today's code is not what the run was begun with
│   └── QuarantinedError      its process died too often at the same place
├── RunError                  a run ended without its value; carries the result
│   ├── RunFailedError                                                            (exit 10)
│   │   └── RunRejectedError  a person said no                                    (exit 14)
│   ├── RunWaitingError                                                           (exit 12)
│   ├── RunTimedOutError                                                          (exit 13)
│   └── RunCancelledError                                                         (exit 130)
└── StepError                 for steps to raise: says whether another attempt can help
    ├── PermanentError        never retried
    │   ├── RoundsExhaustedError  a `repeat` was not done after its last round
    │   ├── PlanError             a plan given to `expand` cannot be carried out
    │   ├── MemoryLimitError      a process step wanted more than its `memory=`
    │   └── BudgetExceededError   what is left of the run's budget does not reach
    ├── RemoteError           what a step raised in a worker process, as it was there
    └── TransientError        may pass; `retry_after` is a floor for the next attempt
        ├── ProcessLostError      a worker process ended before its step did
        └── ModelError        a language model's side of the wire
            ├── RateLimitedError      HTTP 429
            ├── ProviderError         HTTP 5xx, cut stream, refused connection
            ├── ModelTimeoutError     no answer in time
            └── UnreadableAnswerError an answer that is not what was asked for
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = [
    "BudgetExceededError",
    "CodeChangedError",
    "ConfigError",
    "DefinitionError",
    "DuplicatePathError",
    "FencedError",
    "IllegalEventError",
    "InputError",
    "MemoryLimitError",
    "ModelError",
    "ModelTimeoutError",
    "NotFoundError",
    "PermanentError",
    "PlanError",
    "ProcessLostError",
    "ProviderError",
    "QuarantinedError",
    "RateLimitedError",
    "RecoveryError",
    "RefError",
    "RemoteError",
    "RoundsExhaustedError",
    "RunCancelledError",
    "RunError",
    "RunFailedError",
    "RunOwnedError",
    "RunRejectedError",
    "RunTimedOutError",
    "RunWaitingError",
    "StepError",
    "StoreDamagedError",
    "StoreError",
    "StoreVersionError",
    "StrettoError",
    "TargetError",
    "TransientError",
    "UnreadableAnswerError",
    "ValueEncodingError",
]


class StrettoError(Exception):
    """Root of everything Stretto raises on purpose."""


class DefinitionError(StrettoError):
    """A workflow is wrong before anything runs.

    `what` is one sentence, `where` a source position such as ``flow.py:12``, `mend` what to do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, mend: str | None = None) -> None:
        self.what = what
        self.where = where
        self.mend = mend
        super().__init__(what, where, mend)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" {self.mend}" if self.mend else ""
        return f"{place}{self.what}{advice}"


class RefError(DefinitionError):
    """A `Ref`, the stand-in for a result that does not exist yet, was used as if it were the value."""


class DuplicatePathError(DefinitionError):
    """Two uses of a step in one scope would share a path."""


class TargetError(DefinitionError):
    """A target's file, module or name cannot be loaded as a workflow."""


class ConfigError(StrettoError):
    """A setting is unknown or has a wrong value."""


class InputError(StrettoError):
    """A run's inputs do not fit the workflow's parameters."""


class NotFoundError(StrettoError):
    """Nothing is known by that name; lists what exists, and `mend` says what to do where that is not plain."""

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), *, mend: str = "") -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(known)
        self.mend = mend
        super().__init__(kind, name, self.known, mend)

    def __str__(self) -> str:
        names = f" Known: {', '.join(sorted(self.known))}." if self.known else ""
        advice = f" {self.mend}" if self.mend else ""
        return f"There is no {self.kind} {self.name!r}.{names}{advice}"


class ValueEncodingError(StrettoError):
    """A value would not come back equal from a journal.

    `where` is the place inside the value (``.rows[3]["price"]``), `type_name` the type found there, `step`
    the path of the step that returned it, where known.
    """

    def __init__(self, problem: str, *, where: str, type_name: str, step: str | None = None) -> None:
        self.problem = problem
        self.where = where
        self.type_name = type_name
        self.step = step
        super().__init__(problem, where, type_name, step)

    def __str__(self) -> str:
        owner = f"step {self.step!r}: " if self.step else ""
        place = f" at {self.where}" if self.where else ""
        return f"{owner}{self.type_name}{place}: {self.problem}"


class IllegalEventError(StrettoError):
    """An event that may not happen in the present state. Nothing was changed; `story` is the step's past."""

    def __init__(self, problem: str, *, step: str | None = None, story: tuple[str, ...] = ()) -> None:
        self.problem = problem
        self.step = step
        self.story = story
        super().__init__(problem, step, story)

    def __str__(self) -> str:
        past = "".join(f"\n  {line}" for line in self.story)
        return f"{self.problem} This is a defect in Stretto; its story so far:{past or ' (empty)'}"


class StoreError(StrettoError):
    """A store cannot do what it is for: unreachable, read-only, full, in use."""


class RunOwnedError(StoreError):
    """A run is driven by somebody else: `owner` is ``pid@host``."""

    def __init__(self, run_id: str, owner: str) -> None:
        self.run_id = run_id
        self.owner = owner
        super().__init__(run_id, owner)

    def __str__(self) -> str:
        pid, _, host = self.owner.partition("@")
        where = f" on {host}" if host else ""
        return (
            f"Run {self.run_id} is at work in process {pid}{where}; speak to it with `stretto cancel`, `stretto "
            "approve` or `stretto watch`, or end that process first."
        )


class FencedError(StoreError):
    """A newer owner has taken the run over; this one writes nothing any more."""

    def __init__(self, run_id: str, epoch: int) -> None:
        self.run_id = run_id
        self.epoch = epoch
        super().__init__(run_id, epoch)

    def __str__(self) -> str:
        return (
            f"Run {self.run_id} was taken over by another process while owner number {self.epoch} could not be "
            "reached; nothing it has done since was written. The other process goes on with it."
        )


class StoreVersionError(StoreError):
    """A store was written by a newer Stretto."""


class StoreDamagedError(StoreError):
    """What lies in a store is not what was written to it."""


class RecoveryError(StrettoError):
    """A run's journal cannot be gone on with; nothing was changed."""


class CodeChangedError(RecoveryError):
    """Today's code is not what a run was begun with. `changes` name what differs, a sentence each."""

    def __init__(self, run_id: str, changes: tuple[str, ...]) -> None:
        self.run_id = run_id
        self.changes = changes
        super().__init__(run_id, changes)

    def __str__(self) -> str:
        listed = "".join(f"\n  {change}" for change in self.changes)
        return (
            f"The code has changed since run {self.run_id} began:{listed}\nPut it back, or go on with today's code: "
            f"`stretto resume {self.run_id} --adopt` keeps what is unchanged and runs the rest again."
        )


class QuarantinedError(RecoveryError):
    """A run whose process died `lost` times while the step at `path` was running is not taken over by itself."""

    def __init__(self, run_id: str, path: str, lost: int) -> None:
        self.run_id = run_id
        self.path = path
        self.lost = lost
        super().__init__(run_id, path, lost)

    def __str__(self) -> str:
        return (
            f"Run {self.run_id} is in quarantine: its process died {self.lost} times while {self.path!r} was running. "
            f"When the reason is mended, `stretto resume {self.run_id} --release` tries again."
        )


class StepError(StrettoError):
    """For steps to raise when they know whether another attempt can help."""


class PermanentError(StepError):
    """Another attempt cannot help: never retried, whatever the step's retry rule says."""


class RoundsExhaustedError(PermanentError):
    """A `repeat` was not done after its last round."""

    def __init__(self, path: str, rounds: int) -> None:
        self.path = path
        self.rounds = rounds
        super().__init__(path, rounds)

    def __str__(self) -> str:
        count = "1 round" if self.rounds == 1 else f"{self.rounds} rounds"
        return (
            f"{self.path!r} was not done after {count}; allow more with max_rounds=, or take the "
            "last result with on_exhausted='last'."
        )


class PlanError(PermanentError):
    """A plan given to `expand` cannot be carried out. `problems` are all that was found, a sentence each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__(problems)

    def __str__(self) -> str:
        return "the plan cannot be carried out: " + "; ".join(self.problems)


class MemoryLimitError(PermanentError):
    """A process step wanted more memory than its `memory=`, `limit` bytes."""

    def __init__(self, path: str, limit: int) -> None:
        self.path = path
        self.limit = limit
        super().__init__(path, limit)

    def __str__(self) -> str:
        return (
            f"{self.path!r} wanted more than the {self.limit / 1e6:,.0f} MB it may take in its process; give it more "
            "with memory=, or let it work on less at a time."
        )


class BudgetExceededError(PermanentError):
    """A step was refused because the run's budget would not hold: nothing was called.

    `what` is tokens or cost (US dollars); `budget` may be spent, `used` was, `wanted` is asked for on top of it, by
    this step and by calls under way. None: not known.
    """

    def __init__(
        self, run_id: str, path: str, what: str, budget: float, used: float | None, wanted: float | None
    ) -> None:
        self.run_id = run_id
        self.path = path
        self.what = what
        self.budget = budget
        self.used = used
        self.wanted = wanted
        super().__init__(run_id, path, what, budget, used, wanted)

    def __str__(self) -> str:
        begin = f"{self.path!r} was refused: run {self.run_id} may spend {self._amount(self.budget)}"
        if self.used is None or self.wanted is None:
            return (
                f"{begin}, and the price of a call is not known. Set input_price and output_price for the model, tell "
                "usage(cost=…) in the step, or bound tokens instead."
            )
        asked = f", and {self._amount(self.wanted)} are asked for or set aside" if self.wanted else ""
        return (
            f"{begin}; {self._amount(self.used)} are spent{asked}. Give the run more with Budget({self.what}=…), or "
            "let its steps ask for less."
        )

    def _amount(self, number: float) -> str:
        return f"{number:.4f} US dollars" if self.what == "cost" else f"{number:,} tokens"


class RemoteError(StepError):
    """What a step raised in a worker process: `kinds` are the names of its classes, most specific first."""

    def __init__(
        self,
        message: str,
        *,
        kinds: tuple[str, ...],
        retry_after: float | None = None,
        is_permanent: bool = False,
        traceback: str = "",
    ) -> None:
        self.kinds = kinds
        self.retry_after = retry_after
        self.is_permanent = is_permanent
        self.traceback = traceback
        super().__init__(message)


class TransientError(StepError):
    """May pass. `retry_after` (seconds) is a floor for the wait before the next attempt."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class ProcessLostError(TransientError):
    """A worker process ended before its step did; `code` is its exit code, negative for a signal's number."""

    def __init__(self, path: str, code: int | None) -> None:
        self.path = path
        self.code = code
        super().__init__(f"{path} lost its process")

    def __str__(self) -> str:
        how = f"with exit code {self.code}"
        if self.code is not None and self.code < 0:
            from signal import Signals

            known = {each.value: each.name for each in Signals}
            how = f"by signal {known.get(-self.code, -self.code)}"
        return (
            f"the process of {self.path!r} ended {how} before the step did: it crashed, left by itself, or the "
            "system ended it (memory?); what it printed is in the run's log."
        )


class ModelError(TransientError):
    """A language model's side of the wire failed."""


class RateLimitedError(ModelError):
    """The provider answered 429; `retry_after` is its `Retry-After`."""


class ProviderError(ModelError):
    """The provider failed: 5xx, refused connection, cut stream."""


class ModelTimeoutError(ModelError):
    """No (complete) answer in time."""


class UnreadableAnswerError(ModelError):
    """The answer is not what was asked for. Never turned into an invented result."""


class RunError(StrettoError):
    """A run ended without its value. `result` is the whole `RunResult`: every finished step is in it."""

    def __init__(self, message: str, result: object = None) -> None:
        self.result: Any = result  # a RunResult, whose class lives floors above: authors read .steps from it
        super().__init__(message)


class RunFailedError(RunError):
    """A required step failed; all failures are in `result`, the first in author order heads the text."""


class RunRejectedError(RunFailedError):
    """A person rejected what the run cannot do without."""


class RunWaitingError(RunError):
    """The run was left in its store, where it waits for people or events; whoever resumes it goes on."""


class RunTimedOutError(RunError):
    """The run's deadline cut required work."""


class RunCancelledError(RunError):
    """The run was cancelled."""
