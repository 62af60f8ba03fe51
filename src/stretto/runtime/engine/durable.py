"""`DurableJournals`: decisions of one event loop's runs, written down and handed to a store."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import astuple, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Wait
from stretto.core.values import encode
from stretto.errors import NotFoundError, StrettoError, ValueEncodingError
from stretto.ports import Entry, OpenWait, RowChange

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence

    from stretto.core.journal.facts import Fact
    from stretto.core.journal.writing import FactWriter
    from stretto.core.schedule.machine import Scheduler
    from stretto.ports import Store
    from stretto.runtime.engine.spending import Account

__all__ = ["BLOB_FROM", "VALUE_LIMIT", "DurableJournals"]

BLOB_FROM: Final = 64 * 1024
"""Bytes of an encoded value from which it lies apart from its journal, which every reader reads whole."""

VALUE_LIMIT: Final = 512 * 1024 * 1024
"""Bytes of an encoded value; SQLite and PostgreSQL end at 1 GB."""

_COUNTED_EVERY: Final = 0.5
"""Seconds between two counts of finished steps in the index."""

_STATUS: Final[Mapping[int, str]] = {
    kinds.RUN_STARTED: "running",
    kinds.RUN_WAITING: "waiting",
    kinds.RUN_RESUMED: "running",
    kinds.RUN_SUCCEEDED: "succeeded",
    kinds.RUN_PARTIAL: "partial",
    kinds.RUN_FAILED: "failed",
    kinds.RUN_CANCELLED: "cancelled",
}
_CLOSING: Final = frozenset(
    (
        kinds.ANSWERED,
        kinds.WAIT_ENDED,
        kinds.STEP_COMPLETED,
        kinds.STEP_FAILED,
        kinds.STEP_SKIPPED,
        kinds.STEP_CANCELLED,
    )
)
_INDEXED: Final = frozenset((*_STATUS, *_CLOSING, kinds.WAIT_BEGAN, kinds.ATTEMPT_LOST))

_VALUED: Final = (kinds.ATTEMPT_SUCCEEDED, kinds.ATTEMPT_REUSED)

Key = tuple[int, int]


@dataclass(slots=True)
class _Journal:
    """One run's journal, as long as the run is at work here."""

    run_id: str
    epoch: int
    writer: FactWriter
    scheduler: Scheduler
    facts: list[Fact]
    names: Mapping[type, str]
    committed: Callable[[], None] | None = None
    failed: Callable[[BaseException], None] | None = None
    texts: dict[Key, str] = field(default_factory=dict)
    blobs: dict[Key, tuple[str, bytes]] = field(default_factory=dict)
    hashes: dict[int, str] = field(default_factory=dict)
    asked: dict[int, str] = field(default_factory=dict)
    account: Account | None = None
    counted_at: float = 0.0
    pending: int = 0


class DurableJournals:
    """The journals of the runs that one event loop drives.

    Values are encoded here, before their facts are decided: what cannot be written fails its attempt, never
    its run. One call from the store's writer tells of a whole batch of commits.
    """

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        self.store = store
        self.keeps_secrets = store.keeps_secrets
        self._loop = loop
        self._journals: dict[str, _Journal] = {}

    def begin(
        self,
        run_id: str,
        epoch: int,
        writer: FactWriter,
        scheduler: Scheduler,
        facts: list[Fact],
        names: Mapping[type, str],
        account: Account | None = None,
    ) -> None:
        """Take up a run that this process owns. `facts` are those its journal holds by now; what `account` notes is
        written with the decision that comes next."""
        journal = _Journal(run_id, epoch, writer, scheduler, list(facts), names, account=account)
        for fact in facts:
            if fact[0] in _INDEXED:
                self._note_wait(journal, fact)
        self._journals[run_id] = journal

    # ---------------------------------------------------------------- what drivers ask for

    def open(
        self, run_id: str, committed: Callable[[], None], failed: Callable[[BaseException], None]
    ) -> None:
        """Go on with a run that `begin` has taken up."""
        journal = self._journals[run_id]
        if journal.committed is not None:
            raise StrettoError(f"Run {run_id!r} is in progress already; give each run an id of its own.")
        journal.committed, journal.failed = committed, failed

    def keeper(self, run_id: str) -> Callable[[int, int, object, str], None]:
        """What writes a result down before it is decided about."""
        return partial(self._keep, self._journals[run_id])

    def append(self, run_id: str, facts: list[Fact]) -> bool:
        """Hand one decision to the store's writer."""
        journal = self._journals[run_id]
        journal.facts.extend(facts)
        keys = [(fact[1], fact[2]) for fact in facts if fact[0] in _VALUED]
        texts = {key: journal.texts.pop(key) for key in keys if key in journal.texts}
        hashes = {key[0]: journal.hashes.pop(key[0]) for key in keys if key[0] in journal.hashes}
        spent = None if journal.account is None else journal.account.take_unsaved()
        usage = {step: astuple(each) for step, each in spent.items()} if spent else None
        body = journal.writer.write(facts, texts, hashes, usage)
        blobs = dict(journal.blobs.pop(key) for key in keys if key in journal.blobs) if journal.blobs else {}
        taken = _letters(facts)
        entry = Entry(body, self._change(journal, facts), blobs, taken)
        # Alone on its loop, a run that has at most started one attempt does nothing until this is committed.
        is_alone = len(self._journals) == 1 and journal.scheduler.running <= 1 and not journal.pending
        is_committed = self.store.append(run_id, journal.epoch, entry, self._told, may_wait=is_alone)
        journal.pending += not is_committed
        return is_committed

    def facts(self, run_id: str) -> list[Fact]:
        """All facts of a run at work here. Raises NotFoundError."""
        try:
            return self._journals[run_id].facts
        except KeyError:
            raise NotFoundError("run", run_id, self._journals) from None

    def close(self, run_id: str) -> None:
        """Let go of a run; giving up its ownership is the caller's."""
        self._journals.pop(run_id, None)

    # ---------------------------------------------------------------- values

    def _keep(self, journal: _Journal, index: int, attempt: int, value: object, inputs: str) -> None:
        text = encode(value, journal.names, keeps_secrets=self.keeps_secrets)
        if len(text) >= BLOB_FROM:
            text = self._put_apart(journal, (index, attempt), text)
        journal.texts[index, attempt] = text
        if inputs:
            journal.hashes[index] = inputs

    def _put_apart(self, journal: _Journal, key: Key, text: str) -> str:
        from hashlib import sha256  # see values/hashing.py

        data = text.encode()
        if len(data) > VALUE_LIMIT:
            raise ValueEncodingError(
                f"it takes {len(data) / 1e6:,.0f} MB in a journal, which holds at most {VALUE_LIMIT / 1e6:,.0f} MB "
                "a value: save it to a file, and return the file's path",
                where="",
                type_name="value",
            )
        digest = sha256(data).hexdigest()
        journal.blobs[key] = (digest, data)
        return f'{{"$":"blob","hash":"{digest}","size":{len(data)}}}'

    # ---------------------------------------------------------------- the index

    def _change(self, journal: _Journal, facts: list[Fact]) -> RowChange | None:
        status = cause = None
        started = ended = None
        opened: list[OpenWait] = []
        closed: list[str] = []
        for fact in facts:
            kind = fact[0]
            if kind not in _INDEXED:
                continue
            if kind in _STATUS:
                status = _STATUS[kind]
                started = fact[3] if kind == kinds.RUN_STARTED else started
                ended = fact[3] if kind in kinds.ENDS_OF_RUN else ended
                cause = str(fact[4]) if kind == kinds.RUN_FAILED else cause
            else:
                began, over = self._note_wait(journal, fact)
                opened += began
                closed += over
        if ended is not None:  # what was still asked is over with the run
            closed += journal.asked.values()
            journal.asked.clear()
        at = facts[-1][3] if facts else 0.0
        if status is None and not opened and not closed and at < journal.counted_at + _COUNTED_EVERY:
            return None
        journal.counted_at = at
        steps = len(journal.scheduler.graph)
        done = steps - journal.scheduler.open_steps
        return RowChange(status, cause, started, ended, steps, done, tuple(opened), tuple(closed))

    def _note_wait(self, journal: _Journal, fact: Fact) -> tuple[list[OpenWait], list[str]]:
        kind, index, _, at, data = fact
        if kind in (kinds.WAIT_BEGAN, kinds.ATTEMPT_LOST):
            if not isinstance(data, Wait):
                return [], []
            path = journal.asked[index] = journal.scheduler.graph.path(index)
            return [OpenWait(journal.run_id, path, data.kind, data.text, at, data.until)], []
        if index in journal.asked and kind in _CLOSING:
            return [], [journal.asked.pop(index)]
        return [], []

    # ---------------------------------------------------------------- news from the writer

    def _told(self, run_ids: Sequence[str], error: BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop has closed: its runs were dropped with it
            self._loop.call_soon_threadsafe(self._deliver, run_ids, error)

    def _deliver(self, run_ids: Sequence[str], error: BaseException | None) -> None:
        for run_id in run_ids:
            journal = self._journals.get(run_id)
            if journal is None or journal.committed is None or journal.failed is None:
                continue
            journal.pending -= 1
            if error is None:
                journal.committed()
            else:
                journal.failed(error)


def _letters(facts: list[Fact]) -> tuple[tuple[int, str], ...]:
    """The letters that a decision has taken up."""
    return tuple(
        (fact[4].letter, "applied")
        for fact in facts
        if fact[0] == kinds.ANSWERED and isinstance(fact[4], Answer) and fact[4].letter
    )
