"""`Keeper`: takes up runs whose process has died, and runs that wait for their turn."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from stretto.api.desk import off_loop
from stretto.api.ways import Ways
from stretto.errors import (
    FencedError,
    RunOwnedError,
    StoreDamagedError,
    StoreError,
    StoreVersionError,
    StrettoError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stretto.api.durable import DurableRuns
    from stretto.api.workflow import Workflow
    from stretto.ports import RunRow

__all__ = ["Keeper"]

_TURN: Final = 5.0
"""Seconds for which a run that nobody has owned is left to whoever has submitted it."""

_RETRY: Final = 5.0
"""Seconds after which a run is tried again whose store has failed."""

_log = logging.getLogger("stretto.engine")


class Keeper:
    """Looks after the runs of some workflows in an engine's store, as long as its `with` block lasts.

    A run whose owner has died is taken over as soon as the store says so. What cannot be gone on with (its code has
    changed, it is in quarantine) is told once in the log and left for a person; where only the store failed, it is
    tried again. A run that was just submitted is left to whoever did that, for a while. At the end of the block runs
    that are at work here are cancelled like any coroutine whose loop ends: nothing is lost, whoever comes next goes on.
    """

    def __init__(self, runs: DurableRuns, workflows: Iterable[Workflow[..., object]]) -> None:
        self._runs = runs
        self._workflows = {each.name: each for each in workflows}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._left: set[tuple[str, int]] = set()  # until somebody else has owned them
        self._resting: set[str] = set()
        self._due = asyncio.Event()

    async def __aenter__(self) -> Keeper:
        self._loop = asyncio.get_running_loop()
        self._end_watch = self._runs.store.watch(self._wake)
        self._due.set()
        self._looking = self._loop.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end_watch()
        tasks = [self._looking, *self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has closed
            self._loop.call_soon_threadsafe(self._due.set)

    async def _look(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                for row in cast("list[RunRow]", await off_loop(self._runs.store.orphans)):
                    self._take_up(row)
            except StrettoError as error:
                _log.warning("orphaned runs cannot be looked for, and are again later: %s", error)

    def _take_up(self, row: RunRow) -> None:
        is_ours = row.workflow in self._workflows and (row.run_id, row.epoch) not in self._left
        is_here = row.run_id in self._tasks or row.run_id in self._resting or self._runs.is_here(row.run_id)
        if not is_ours or is_here:
            return
        age = self._runs.now() - row.created_at
        if row.epoch == 0 and age < _TURN:
            self._rest(row.run_id, _TURN - age)
        else:
            self._tasks[row.run_id] = self._loop.create_task(self._drive(row))

    def _rest(self, run_id: str, seconds: float) -> None:
        """Look again after a while."""
        self._resting.add(run_id)
        self._loop.call_later(seconds, self._wake_for, run_id)

    def _wake_for(self, run_id: str) -> None:
        self._resting.discard(run_id)
        self._due.set()

    async def _drive(self, row: RunRow) -> None:
        definition = self._workflows[row.workflow].definition
        try:
            await self._runs.aresume(definition, row.run_id, Ways())
        except (RunOwnedError, FencedError):
            pass  # somebody else was quicker, or has taken it from us
        except (StoreDamagedError, StoreVersionError) as error:
            await self._leave(row, error)
        except StoreError as error:
            _log.warning("run %s is tried again in %g s: %s", row.run_id, _RETRY, error)
            self._rest(row.run_id, _RETRY)
        except Exception as error:  # noqa: BLE001  # a workflow's body may raise anything
            await self._leave(row, error)
        finally:
            self._tasks.pop(row.run_id, None)

    async def _leave(self, row: RunRow, error: Exception) -> None:
        reason = error if isinstance(error, StrettoError) else f"{type(error).__name__}: {error}"
        _log.warning("run %s is left for a person: %s", row.run_id, reason)
        epoch = row.epoch
        with suppress(StrettoError):
            epoch = (await self._runs.row(row.run_id)).epoch
        self._left.add((row.run_id, epoch))
