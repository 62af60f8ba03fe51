"""What the runtime needs from outside, as protocols; each has a fake that ships in `stretto.testing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextvars import Context

    from stretto.core.graph import Fragment, Graph, StepSpec
    from stretto.core.journal.facts import Fact
    from stretto.core.schedule.machine import Scheduler

__all__ = [
    "ENDED",
    "Address",
    "Blobs",
    "Clock",
    "Code",
    "Collected",
    "Entry",
    "Executor",
    "Growing",
    "Grown",
    "Job",
    "JournalStore",
    "Journals",
    "Killable",
    "Mail",
    "Mailbox",
    "NewRun",
    "Observer",
    "OpenWait",
    "Processes",
    "RowChange",
    "RunIndex",
    "RunInfo",
    "RunRow",
    "Store",
    "Telemetry",
    "ThreadEnd",
    "Told",
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
    stands in for it in a test. `version` is that of the code, None where no store asks for it.
    """

    fn: Callable[..., object]
    resources: Mapping[str, object]
    is_on_loop: bool = False
    address: Address | None = None
    version: str | None = None


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


class Journals(Protocol):
    """Where the journals of the runs at work here go: what one event loop's drivers append to."""

    keeps_secrets: bool
    """Whether secrets stay in what is kept there."""

    def open(
        self, run_id: str, committed: Callable[[], None], failed: Callable[[BaseException], None]
    ) -> None:
        """Begin or go on with a journal. Raises StrettoError if one of that id is open.

        `committed` is called on the loop, in order, once for each append that was not committed at once.
        `failed` is called on the loop instead, once, when such an append cannot be committed any more: the
        run then ends with that error. Neither is called from inside `append`, nor after `close`.
        """

    def keeper(self, run_id: str) -> Callable[[int, int, object, str], None] | None:
        """What is to be called with step, attempt, result and the hash of its inputs before the result's fact is
        decided about, or None. It raises ValueEncodingError for what cannot be written down."""

    def append(self, run_id: str, facts: list[Fact]) -> bool:
        """Append one decision, whole.

        True when it is committed already, and everything before it; otherwise `committed` or `failed`
        follows. What it raises ends the run.
        """

    def facts(self, run_id: str) -> list[Fact]:
        """All facts of a run, in order."""

    def close(self, run_id: str) -> None:
        """The run has ended, or leaves this process: its journal gets no more facts from here."""


# -------------------------------------------------------------------- stores: bytes, rows and letters


ENDED: Final = frozenset(("succeeded", "partial", "failed", "cancelled"))
"""The statuses of runs that are over."""


class NewRun(NamedTuple):
    """What a run begins with. `created_at` is an instant; `target` is how another process finds the workflow
    (``module:name``, ``/path/flow.py:name`` or an installed name), None where none can. `key`: a second submit
    of the same key gives the first one's run. `parent` is the run it was forked from. `options` is JSON of
    the engine's, opaque here.
    """

    run_id: str
    workflow: str
    created_at: float
    target: str | None = None
    key: str | None = None
    parent: str | None = None
    options: str = ""


class RunRow(NamedTuple):
    """A run in the index. Instants are seconds since the epoch.

    `status` is a RunStatus, or "quarantined": not taken over until a person says so. `cause` says why a failed
    run failed (error, timed_out, rejected), else "". `epoch` counts its owners; `owner` is ``pid@host`` of the
    one alive now, None for nobody. `steps` and `done` count what is known of its steps and what of them has
    settled.
    """

    run_id: str
    workflow: str
    created_at: float
    target: str | None
    key: str | None
    parent: str | None
    options: str
    status: str
    cause: str
    started_at: float | None
    ended_at: float | None
    epoch: int
    owner: str | None
    steps: int
    done: int


class OpenWait(NamedTuple):
    """A question or an event that a run waits for: `kind` is approval, event, sleep or lost; `until` the
    instant at which it stops waiting, or None."""

    run_id: str
    path: str
    kind: str
    text: str
    asked_at: float
    until: float | None


class RowChange(NamedTuple):
    """What a decision changes in the index; None leaves a column as it is. `opened` and `closed` are waits: closed
    ones by path."""

    status: str | None = None
    cause: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    steps: int | None = None
    done: int | None = None
    opened: tuple[OpenWait, ...] = ()
    closed: tuple[str, ...] = ()


class Entry(NamedTuple):
    """One decision as it lies in a store. `blobs` are large values by the SHA-256 (hexadecimal) of their bytes;
    `taken` are letters that the decision has dealt with, and what became of each, in words."""

    body: bytes
    change: RowChange | None = None
    blobs: Mapping[str, bytes] = {}
    taken: tuple[tuple[int, str], ...] = ()


class Told(Protocol):
    """Called by a store's writer, on any thread, once a batch: the runs whose oldest uncommitted appends are
    committed now, once for each append, in order; or the error that keeps all of them, and whatever those runs
    still append, from ever being committed."""

    def __call__(self, run_ids: Sequence[str], error: BaseException | None) -> None:
        """Take news of a batch."""


class Mail(NamedTuple):
    """A letter to a run's owner: `kind` is answer, event or cancel, `body` is JSON; `outcome` is what became of
    it, "" as long as nobody has dealt with it."""

    number: int
    run_id: str
    kind: str
    body: bytes
    sent_at: float
    outcome: str


class Collected(NamedTuple):
    """What a collection has deleted: runs and blobs, and the bytes of these blobs."""

    runs: int
    blobs: int
    size: int


class JournalStore(Protocol):
    """Where journals lie, and who may write to them. Methods may be called on any thread; all but `append` may
    take time."""

    def acquire(self, run_id: str) -> int:
        """Become the run's owner, and give the new epoch, one above the last.

        Raises RunOwnedError while another owner lives (in another process or in this one), NotFoundError.
        """

    def release(self, run_id: str, epoch: int) -> None:
        """Be its owner no longer. Appends made before are committed first. Nothing happens if `epoch` is not
        the latest."""

    def append(self, run_id: str, epoch: int, entry: Entry, told: Told, *, may_wait: bool = False) -> bool:
        """Commit `entry` behind all earlier ones of the run, soon; returns False at once.

        With `may_wait`, which says that the caller has nothing else to do and no other entry of the run is on its
        way, it may instead commit before it returns, give True, and tell nobody.

        Whole or not at all, body, index, blobs and letters together. `told` hears of it; a FencedError there
        says that a higher epoch exists. Concurrent appends share commits.
        """

    def entries(self, run_id: str, after: int = 0) -> list[bytes]:
        """The committed bodies in order, without the first `after` ones. Raises NotFoundError."""

    def close(self) -> None:
        """Commit what was appended, give up what is owned, end what was started. May be called twice."""


class Blobs(Protocol):
    """Large values by their hash."""

    def blob(self, digest: str) -> bytes:
        """Raises StoreDamagedError where it is missing or is not what its hash says."""


class RunIndex(Protocol):
    """Which runs there are."""

    def create(self, new: NewRun) -> RunRow:
        """Note a new run, with status queued and no owner; with a key that is known, give the run of that key.

        Raises StrettoError if the id is taken.
        """

    def run(self, run_id: str) -> RunRow:
        """One run. Raises NotFoundError."""

    def runs(
        self,
        *,
        prefix: str = "",
        statuses: Sequence[str] = (),
        workflow: str | None = None,
        since: float | None = None,
        limit: int | None = None,
    ) -> list[RunRow]:
        """The newest first: ids beginning with `prefix`, one of `statuses` (empty: any), created at or after
        `since`."""

    def orphans(self) -> list[RunRow]:
        """Runs that have begun or are queued, not quarantined and not ended, whose owner does not live; the oldest
        first."""

    def set_status(self, run_id: str, status: str) -> None:
        """Set a run's status where nobody owns it: quarantine, or an end, which closes its waits and is now.

        Raises RunOwnedError, NotFoundError.
        """

    def waits(self, run_id: str | None = None) -> list[OpenWait]:
        """What a run, or any run, waits for; the oldest first."""

    def collect(self, before: float, batch: int = 100) -> Collected:
        """Delete up to `batch` runs that ended before an instant, and blobs that no run needs any more."""


class Mailbox(Protocol):
    """How other processes speak to a run's owner."""

    def send(self, run_id: str, kind: str, body: bytes, at: float) -> int:
        """Leave a letter; gives its number. Raises NotFoundError."""

    def letters(self, after: int = 0) -> list[Mail]:
        """Those to any run that nobody has dealt with, numbered above `after`, in order."""

    def letter(self, number: int) -> Mail:
        """One letter. Raises NotFoundError."""

    def settle(self, number: int, outcome: str) -> None:
        """Say what became of a letter that needed no decision; one that has an outcome keeps it."""

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called, on any thread, whenever there may be letters or orphans; what it gives ends that.

        An idle watch asks the database fewer than 5 times a second, whatever the number of runs.
        """


class Store(JournalStore, Blobs, RunIndex, Mailbox, Protocol):
    """Everything that outlives a process, in one place."""

    url: str
    """As it was given, without passwords."""
    is_quick: bool
    """Whether no method ever takes time, so that all may be called on an event loop."""
    keeps_secrets: bool
    """Whether secrets may be put into it: it is sealed, or lies in this process's memory."""


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
