"""An engine's runs in a store: submitted, driven, taken up again."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple, cast

from stretto.api.ids import new_run_id
from stretto.api.target import target_of
from stretto.authoring.known import ScriptNames, classes_of
from stretto.core.journal.reading import FactReader
from stretto.core.journal.writing import FactWriter
from stretto.core.values import decode_json, encode_json
from stretto.errors import QuarantinedError, RecoveryError
from stretto.ports import NewRun
from stretto.runtime.engine.durable import DurableJournals
from stretto.runtime.engine.letters import Mailroom
from stretto.runtime.engine.lost import check_quarantine
from stretto.runtime.engine.recovery import Today, replay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from stretto.api.engine import Engine, Ways
    from stretto.api.result import RunResult
    from stretto.authoring import Definition
    from stretto.authoring.workflow import Traced
    from stretto.core.journal.facts import Created, Fact
    from stretto.core.journal.reading import Opaque
    from stretto.ports import RunRow, Store
    from stretto.runtime.engine.driver import RunDriver
    from stretto.runtime.engine.recovery import Recovered

__all__ = ["ENDED", "DurableRuns"]

ENDED = frozenset(("succeeded", "partial", "failed", "cancelled"))
"""The statuses of runs that are over."""


class _Begun(NamedTuple):
    """What a run that is to be driven is made of."""

    driver: RunDriver
    epoch: int
    writer: FactWriter
    classes: Mapping[str, type]
    facts: list[Fact]


class _Desk:
    """What belongs to one event loop."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.journals = DurableJournals(store, loop)
        self.mailroom = Mailroom(store, loop, off_loop)
        self.ended: dict[str, asyncio.Future[None]] = {}


async def off_loop(call: Callable[..., object], *args: object) -> object:
    """Call what may take time. A store that says it `is_quick` is called right here, as virtual time needs it."""
    if getattr(getattr(call, "__self__", None), "is_quick", False):
        return call(*args)
    return await asyncio.to_thread(call, *args)


class DurableRuns:
    """Drives runs whose journals lie in `store`."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self.store = store
        self._engine = engine
        self._desk: _Desk | None = None

    def desk(self) -> _Desk:
        """What belongs to the running loop."""
        loop = asyncio.get_running_loop()
        if self._desk is None or self._desk.loop is not loop:
            self._desk = _Desk(self.store, loop)
        return self._desk

    # ---------------------------------------------------------------- a new run

    async def arun(
        self,
        definition: Definition,
        traced: Traced,
        created: Created,
        ways: Ways,
        run_id: str | None,
        key: str | None,
        max_runs: int | None,
    ) -> RunResult[object]:
        """Submit a run and drive it to its end, or until it only waits; see `Engine.arun`."""
        engine = self._engine
        classes = classes_of([definition.fn])
        code = engine.code_of(traced, classes)
        at = engine.now()()
        new = NewRun(
            run_id or new_run_id(),
            definition.name,
            at,
            target=target_of(definition.fn, definition.name),
            key=key,
            options=_options(created),
        )
        row = cast("RunRow", await off_loop(self.store.create, new))
        if row.run_id != new.run_id:
            return await self._same(definition, row.run_id, ways)
        async with engine.admitted(definition.name, max_runs):
            epoch = cast("int", await off_loop(self.store.acquire, row.run_id))
            async with self._owned(row.run_id, epoch):
                driver = engine.driver_of(row.run_id, created, code, ways, self.desk().journals)
                writer = FactWriter(ScriptNames(), version_of=driver.version_of)
                await self._execute(_Begun(driver, epoch, writer, classes, []))
        return engine.ended(driver)

    async def _same(self, definition: Definition, run_id: str, ways: Ways) -> RunResult[object]:
        """The run that was submitted with the same key: at work here, at work elsewhere, or left behind."""
        here = self.desk().ended.get(run_id)
        if here is not None:
            await asyncio.shield(here)
        return await self.aresume(definition, run_id, ways)

    # ---------------------------------------------------------------- a run that is there

    async def aresume(
        self,
        definition: Definition,
        run_id: str,
        ways: Ways,
        *,
        adopt: bool = False,
        is_released: bool = False,
    ) -> RunResult[object]:
        """Go on with a run; see `Engine.aresume`."""
        engine = self._engine
        row = cast("RunRow", await off_loop(self.store.run, run_id))
        if row.status in ENDED:
            return await self.aresult(definition, run_id)
        async with engine.admitted(definition.name, None):
            epoch = cast("int", await off_loop(self.store.acquire, run_id))
            async with self._owned(run_id, epoch):
                recovered, classes = await self._recovered(definition, run_id)
                if recovered.scheduler.finished:
                    return engine.ended_of(run_id, recovered)
                if not is_released:
                    check_quarantine(run_id, recovered.scheduler)
                driver = engine.driver_of(
                    run_id, recovered.created, recovered.code, ways, self.desk().journals, recovered
                )
                writer = FactWriter.after(recovered.reader, ScriptNames(), version_of=driver.version_of)
                await self._execute(_Begun(driver, epoch, writer, classes, recovered.facts))
        return engine.ended(driver)

    async def aresult(self, definition: Definition, run_id: str) -> RunResult[object]:
        """What a run's journal holds by now, read with today's code; nothing is owned or changed."""
        recovered, _ = await self._recovered(definition, run_id)
        return self._engine.ended_of(run_id, recovered)

    async def _recovered(self, definition: Definition, run_id: str) -> tuple[Recovered, dict[str, type]]:
        bodies = cast("list[bytes]", await off_loop(self.store.entries, run_id))
        if not bodies:
            raise RecoveryError(
                f"Run {run_id} was submitted but never began; start it again with the same key."
            )
        return self._replay(definition, run_id, bodies)

    def _replay(
        self, definition: Definition, run_id: str, bodies: list[bytes]
    ) -> tuple[Recovered, dict[str, type]]:
        classes = classes_of([definition.fn])
        traced = definition.trace(_inputs_of(bodies[0], classes))
        today = Today(traced.graph, self._engine.code_of(traced, classes), definition.version or "")
        return replay(run_id, bodies, FactReader(classes, blob=self.store.blob), today), classes

    # ---------------------------------------------------------------- driving

    @asynccontextmanager
    async def _owned(self, run_id: str, epoch: int) -> AsyncIterator[None]:
        """Give the run up at the end, whatever happened; a run in quarantine is marked as such."""
        try:
            yield
        except QuarantinedError:
            await off_loop(self.store.release, run_id, epoch)
            await off_loop(self.store.set_status, run_id, "quarantined")
            raise
        except BaseException:
            await asyncio.shield(off_loop(self.store.release, run_id, epoch))
            raise
        await off_loop(self.store.release, run_id, epoch)

    async def _execute(self, begun: _Begun) -> None:
        desk = self.desk()
        driver, run_id = begun.driver, begun.driver.info.run_id
        desk.journals.begin(run_id, begun.epoch, begun.writer, driver.scheduler, begun.facts, ScriptNames())
        desk.mailroom.enter(driver, begun.classes)
        ended = desk.ended[run_id] = desk.loop.create_future()
        try:
            await driver.execute()
        finally:
            ended.set_result(None)
            del desk.ended[run_id]
            desk.mailroom.leave(run_id)


def _inputs_of(body: bytes, classes: Mapping[str, type]) -> dict[str, object]:
    """A run's inputs, from the first entry of its journal: all of it can be read only when its steps are known."""
    created = cast("Created", FactReader(is_opaque=True).read(body)[0][4])
    return {name: decode_json(cast("Opaque", form).form, classes) for name, form in created.inputs.items()}


def _options(created: Created) -> str:
    """What another process needs to begin a run that is queued."""
    inputs = encode_json(created.inputs, ScriptNames())
    options = [str(created.options.on_failure), *created.options[1:]]
    return json.dumps({"inputs": inputs, "options": options, "cwd": os.getcwd()})  # noqa: PTH109  # text
