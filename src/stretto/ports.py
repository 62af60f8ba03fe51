"""What the runtime needs from outside, as protocols; each has a fake that ships in `stretto.testing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context

    from stretto.core.graph import Fragment, Graph, StepSpec
    from stretto.core.journal.facts import Fact
    from stretto.core.schedule.machine import Scheduler

__all__ = [
    "Address",
    "Clock",
    "Code",
    "Executor",
    "Growing",
    "Grown",
    "Job",
    "JournalStore",
    "Killable",
    "Observer",
    "Processes",
    "RunInfo",
    "Telemetry",
    "ThreadEnd",
]


class Address(NamedTuple):
    """Where another process finds a function: its module's name, that module's file, the function's qualified
    name."""

    module: str
    file: str | None
    function: str


class Code(NamedTuple):
    """What runs behind a step: the plain function, and the live resources added to its arguments.

    With `is_on_loop` the function is a coroutine's and runs on the loop, wherever the step's spec says: what
    stands in for it in a test.
    """

    fn: Callable[..., object]
    resources: Mapping[str, object]
    is_on_loop: bool = False
    address: Address | None = None


class Results(Protocol):
    """The results of a run's steps."""

    def result(self, index: int) -> object:
        """What a step has handed on; not to be changed."""


class Growing(NamedTuple):
    """What code that makes a fragment is given: which anchor, its attempt from 1, its inputs, the run's state."""

    anchor: int
    attempt: int
    args: list[object]
    kwargs: dict[str, object]
    scheduler: Scheduler
    values: Results


class Grown(NamedTuple):
    """A fragment, and the code behind those of its steps that the run does not know yet."""

    fragment: Fragment
    code: Mapping[StepSpec, Code] = {}


class RunInfo(NamedTuple):
    """Which run something belongs to."""

    run_id: str
    workflow: str
    graph: Graph


class Clock(Protocol):
    """Instants in seconds since the epoch."""

    def __call__(self) -> float:
        """Now."""


class JournalStore(Protocol):
    """Where journals lie."""

    def open(
        self, run_id: str, committed: Callable[[], None], failed: Callable[[BaseException], None]
    ) -> None:
        """Begin a journal. Raises StrettoError if one of that id is open.

        `committed` is called on the loop, in order, once for each append that was not committed at once.
        `failed` is called on the loop instead, once, when such an append cannot be committed any more: the
        run then ends with that error. Neither is called from inside `append`, nor after `close`.
        """

    def append(self, run_id: str, facts: list[Fact]) -> bool:
        """Append one decision, whole.

        True when it is committed already, and everything before it; otherwise `committed` or `failed`
        follows. What it raises ends the run.
        """

    def facts(self, run_id: str) -> list[Fact]:
        """All facts of a run, in order."""

    def close(self, run_id: str) -> None:
        """The run has ended: its journal gets no more facts."""


class ThreadEnd(Protocol):
    """Called on the loop when a blocking call has ended: its instant, then its value or its error."""

    def __call__(self, at: float, value: object, error: BaseException | None) -> None:
        """Take the end of a call."""


class Job(NamedTuple):
    """A call for a worker process. `memory` is in bytes; `about` is what `current()` says there; `tell` takes the
    attempt's telemetry, on any thread."""

    path: str
    address: Address
    args: list[object]
    kwargs: dict[str, object]
    memory: int | None
    about: Mapping[str, object]
    tell: Callable[..., None]


class Killable(Protocol):
    """A call in a worker process."""

    def kill(self) -> None:
        """End it with everything it has started; its end follows like any other."""


class Processes(Protocol):
    """Where calls run that can be killed."""

    def submit(self, job: Job, ended: ThreadEnd) -> Killable:
        """Run `job`; `ended` follows on the loop, once, unless the loop has closed."""


class Executor(Protocol):
    """Where blocking calls run."""

    def submit(self, call: Callable[[], object], context: Context, ended: ThreadEnd) -> None:
        """Run `call` in `context`; `ended` follows on the loop, once, unless the loop has closed."""


class Telemetry(NamedTuple):
    """Bounded, never journaled, never gating: step.progress, step.output, log, usage."""

    type: str
    step: str
    attempt: int
    at: float
    data: Mapping[str, object]


class Observer(Protocol):
    """Told what has happened, after it was committed. Must not block; an error in it ends the observing."""

    def on_facts(self, run: RunInfo, facts: list[Fact]) -> None:
        """A decision was committed."""

    def on_telemetry(self, run: RunInfo, record: Telemetry) -> None:
        """A step said something."""
