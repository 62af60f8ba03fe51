"""``stretto watch``: follow a run that another process drives, by its journal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from stretto.api.measure import measured_timing
from stretto.core.journal.facts import Created
from stretto.core.journal.reading import Opaque
from stretto.core.journal.view import RunStatus, RunView
from stretto.core.policy import Cause
from stretto.core.values.encoding import TAG
from stretto.core.values.secret import loads_hidden
from stretto.ports import ENDED, RunInfo
from stretto.service.cli.exits import Exit, exit_of_status
from stretto.service.cli.shown import looked_at
from stretto.service.cli.stored import run_in, settings_with
from stretto.service.cli.waiting import waiting_lines
from stretto.service.cli.watching import json_on_stdout, watcher
from stretto.service.cli.words import say_lines, warn
from stretto.service.questions import questions
from stretto.service.runs import Journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.core.journal.facts import Fact
    from stretto.ports import Observer, RunRow, Store

__all__ = ["watch_run"]

_LOOKS: Final = 1.0
"""Seconds after which the journal is looked at without news: a store need not tell of every decision."""


def watch_run(run: str, store: str | None, *, is_json: bool) -> Exit:
    """Show it until it ends, waits, or is left by its process; the exit code of how it stands then.

    Nothing that happens here touches the run. Raises NotFoundError, InputError, StoreError.
    """
    with json_on_stdout(is_json) as out, looked_at(settings_with(store)) as opened:
        found, row = run_in(opened, run)
        watching = watcher(row.workflow, out)
        followed = _Followed(found, row.run_id, watching.observer)
        try:
            asyncio.run(followed.to_its_end())
            watching.finish(followed.critical_path())
        except KeyboardInterrupt:
            watching.finish()
            warn(f"no longer watched; run {row.run_id} goes on")
            return Exit.INTERRUPTED
        finally:
            watching.finish()
        return _told(found, found.run(row.run_id), is_json=is_json)


def _told(store: Store, row: RunRow, *, is_json: bool) -> Exit:
    """What is said in the end."""
    if row.status in ENDED:
        if not is_json:
            say_lines([f"run {row.run_id} has ended: {row.status}. Its value: stretto show {row.run_id}"])
        return exit_of_status(RunStatus(row.status), Cause(row.cause) if row.cause else None)
    if row.status == RunStatus.WAITING:
        if not is_json:
            say_lines(["", *waiting_lines(row.run_id, questions(store, row.run_id))])
        return Exit.WAITING
    warn(f"error: run {row.run_id} is {row.status}, and no process has it: stretto resume {row.run_id}")
    return Exit.UNEXPECTED


class _Followed:
    """A run whose journal is read as it grows, and handed to an observer."""

    def __init__(self, store: Store, run_id: str, observer: Observer) -> None:
        self._store = store
        self._run_id = run_id
        self._observer = observer
        self._journal = Journal()
        self._view: RunView | None = None
        self._info: RunInfo | None = None

    async def to_its_end(self) -> None:
        """Until there is nothing more to come."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        stop = self._store.watch(lambda: _tell(loop, news.set))
        try:
            is_left = False
            while not self._is_over():
                news.clear()
                if self._read() or self._is_over():
                    is_left = False
                    continue
                if self._is_left():
                    if is_left:
                        return
                    is_left = True  # what it committed last may be read only the next time
                    continue
                is_left = False
                await _until(news)
        finally:
            stop()

    def critical_path(self) -> list[str]:
        """Paths of the steps on the path that the run really took; none of a run that is not over."""
        created, view = self._journal.created, self._view
        if created is None or view is None or view.ended_at is None:
            return []
        return [hop.step for hop in measured_timing(created, view).critical_path]

    def _read(self) -> bool:
        """Take what is new; whether there was anything."""
        bodies = self._store.entries(self._run_id, self._journal.count)
        for facts in self._journal.take(bodies):
            self._tell([_whole(fact, self._store.blob) for fact in facts])
        return bool(bodies)

    def _tell(self, facts: list[Fact]) -> None:
        if self._info is None or self._view is None:
            created = facts[0][4]
            assert isinstance(created, Created)  # noqa: S101  # the first fact's data, see facts.py
            self._info = RunInfo(self._run_id, created.workflow, created.graph)
            self._view = RunView(created.graph)
        self._view.apply(facts)
        self._observer.on_facts(self._info, facts)

    def _is_over(self) -> bool:
        return self._view is not None and self._view.ended_at is not None

    def _is_left(self) -> bool:
        """Whether nobody is there who could add to it, or only people can move it."""
        row = self._store.run(self._run_id)
        if row.status == RunStatus.QUEUED:
            return False
        return row.owner is None or row.status in (RunStatus.WAITING, *ENDED)


def _tell(loop: asyncio.AbstractEventLoop, news: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(news)


async def _until(news: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(news.wait(), _LOOKS)
    except TimeoutError:
        return


def _whole(fact: Fact, blob: Callable[[str], bytes]) -> Fact:
    """The fact, with a value that lies apart put in its place."""
    data = fact[4]
    form = data.form if isinstance(data, Opaque) else None
    if isinstance(form, dict) and form.get(TAG) == "blob":
        return (*fact[:4], Opaque(loads_hidden(blob(str(form["hash"])))))
    return fact
