"""An engine's runs in a store: submitted, driven, taken up again."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from stretto.api.checks import check_given, check_same, check_start, decoded_inputs, first_inputs
from stretto.api.desk import Desk, off_loop
from stretto.api.ids import new_run_id
from stretto.api.past import Reuse, past_of
from stretto.api.preview import preview_of
from stretto.api.target import target_of
from stretto.authoring.known import KnownNames, ScriptNames, classes_of
from stretto.core.journal.facts import Created, RunOptions
from stretto.core.journal.reading import FactReader
from stretto.core.journal.writing import FactWriter
from stretto.core.policy import OnFailure
from stretto.core.values import decode_json, encode_json
from stretto.errors import NotFoundError, QuarantinedError, RecoveryError, RunOwnedError
from stretto.ports import ENDED, NewRun
from stretto.runtime.engine.letters import OVER
from stretto.runtime.engine.lost import check_quarantine
from stretto.runtime.engine.recovery import Today, replay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from stretto.api.engine import Engine
    from stretto.api.past import Past
    from stretto.api.preview import ForkPreview
    from stretto.api.result import RunResult
    from stretto.api.ways import Ways
    from stretto.authoring import Definition
    from stretto.authoring.workflow import Traced
    from stretto.core.graph import Graph
    from stretto.core.journal.facts import Fact
    from stretto.ports import Mail, RunRow, Store
    from stretto.runtime.engine.driver import RunDriver
    from stretto.runtime.engine.recovery import Recovered

__all__ = ["DurableRuns"]

_LOOK_ELSEWHERE: Final = 0.3
"""Seconds between two looks at a run that is at work in another process."""

_LOOK_EVERY: Final = 0.05
"""Seconds between two looks at a letter that somebody waits for."""


class _Begun(NamedTuple):
    """What a run that is to be driven is made of."""

    driver: RunDriver
    epoch: int
    writer: FactWriter
    classes: Mapping[str, type]
    facts: list[Fact]


class DurableRuns:
    """Drives runs whose journals lie in `store`."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self.store = store
        self._engine = engine
        self._desk: Desk | None = None

    def desk(self) -> Desk:
        """What belongs to the running loop."""
        loop = asyncio.get_running_loop()
        if self._desk is None or self._desk.loop is not loop:
            self._desk = Desk(self.store, loop)
        return self._desk

    @property
    def is_quick(self) -> bool:
        """Whether nothing that is asked of the store takes time."""
        return self.store.is_quick

    def now(self) -> float:
        """The instant it is, by the engine's clock."""
        return self._engine.now()()

    def is_here(self, run_id: str) -> bool:
        """Whether a run is at work on the running loop, or waits there for its turn."""
        return run_id in self.desk().ended or run_id in self.desk().queued

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
        new = self._new(definition, created, run_id, key=key)
        row = cast("RunRow", await off_loop(self.store.create, new))
        if row.run_id != new.run_id:
            check_same(row, new)
            row = await self._latest(row)
            return await self._elsewhere(definition, row.run_id, ways)
        return await self._drive_new(definition, traced, created, ways, new, max_runs=max_runs)

    def _new(
        self,
        definition: Definition,
        created: Created,
        run_id: str | None,
        *,
        key: str | None = None,
        parent: str | None = None,
        start: str | None = None,
        is_replacing: bool = False,
    ) -> NewRun:
        return NewRun(
            run_id or new_run_id(),
            definition.name,
            self._engine.now()(),
            target=target_of(definition.fn, definition.name),
            key=key,
            parent=parent,
            options=self._told(created, start, is_replacing=is_replacing),
        )

    def _told(self, created: Created, start: str | None, *, is_replacing: bool) -> str:
        """What another process needs to begin a run that is queued; and whether it takes its parent's place."""
        inputs = encode_json(created.inputs, ScriptNames(), keeps_secrets=self.store.keeps_secrets)
        options = [str(created.options.on_failure), *created.options[1:]]
        told: dict[str, object] = {"inputs": inputs, "options": options, "cwd": os.getcwd()}  # noqa: PTH109  # text
        told |= {"start": start} if start is not None else {}
        return json.dumps(told | ({"replaces": True} if is_replacing else {}))

    async def _latest(self, row: RunRow) -> RunRow:
        """The run that has taken a run's place by `--adopt`, however often; the run itself where none has."""
        while row.status == "cancelled":
            rows = cast("list[RunRow]", await off_loop(self.forks_of, row))
            taken = [each for each in rows if json.loads(each.options).get("replaces")]
            if not taken:
                break
            row = taken[0]
        return row

    def forks_of(self, row: RunRow) -> list[RunRow]:
        """The runs that were forked from a run, the newest first."""
        rows = self.store.runs(workflow=row.workflow, since=row.created_at)
        return [each for each in rows if each.parent == row.run_id]

    async def _drive_new(
        self,
        definition: Definition,
        traced: Traced,
        created: Created,
        ways: Ways,
        new: NewRun,
        *,
        max_runs: int | None = None,
        past: Past | None = None,
        start: str | None = None,
        is_ours: bool = True,
    ) -> RunResult[object]:
        engine = self._engine
        classes = classes_of([definition.fn])
        code = engine.code_of(traced, classes)
        async with self._admitted(new.run_id, definition.name, max_runs, is_ours=is_ours) as is_due:
            epoch = await self._turn(new.run_id, is_ours=is_ours) if is_due else None
            if epoch is not None:
                async with self._owned(new.run_id, epoch):
                    lent = (
                        None if past is None else Reuse(past, created.graph, classes, self.store.blob, start)
                    )
                    driver = engine.driver_of(
                        new.run_id, created, code, ways, self.desk().journals, reuse=lent
                    )
                    writer = FactWriter(
                        ScriptNames(), version_of=driver.version_of, keeps_secrets=self.store.keeps_secrets
                    )
                    await self._execute(_Begun(driver, epoch, writer, classes, []))
                return engine.ended(driver)
        return await self._elsewhere(definition, new.run_id, ways)

    async def _turn(self, run_id: str, *, is_ours: bool) -> int | None:
        """The epoch of a run whose turn has come; None where a keeper elsewhere was quicker with one of ours."""
        try:
            return cast("int", await off_loop(self.store.acquire, run_id))
        except RunOwnedError:
            if is_ours:
                return None
            raise

    @asynccontextmanager
    async def _admitted(
        self, run_id: str, workflow: str, max_runs: int | None, *, is_ours: bool
    ) -> AsyncIterator[bool]:
        """A place among the runs at work; gives whether the run is still to be begun: while it waited for its turn,
        others may have taken or cancelled it. Whoever submitted it and is cancelled in the queue cancels the run;
        who took up another's leaves it as it is."""
        queued = self.desk().queued
        queued.add(run_id)
        try:
            async with self._engine.admitted(workflow, max_runs) as has_waited:
                queued.discard(run_id)
                yield not has_waited or (await self.row(run_id)).status == "queued"
        except asyncio.CancelledError:
            if is_ours and run_id in queued:
                await asyncio.shield(self._cancel_queued(run_id))
            raise
        finally:
            queued.discard(run_id)

    async def _cancel_queued(self, run_id: str) -> None:
        with suppress(NotFoundError, RunOwnedError):  # collected, or somebody else's by now
            if (await self.row(run_id)).status == "queued":
                await off_loop(self.store.set_status, run_id, "cancelled")

    async def _elsewhere(self, definition: Definition, run_id: str, ways: Ways) -> RunResult[object]:
        """The result of a run that is submitted, and may be at work here, at work elsewhere, over, or left behind: it
        is waited for, and gone on with where nobody does."""
        while True:
            here = self.desk().ended.get(run_id)
            if here is not None:
                await asyncio.shield(here)
            row = await self.row(run_id)
            if row.status in ENDED:
                return await self.aresult(definition, run_id)
            if row.owner is None:
                with suppress(RunOwnedError):  # meanwhile: look again
                    return await self.aresume(definition, run_id, ways)
            await asyncio.sleep(_LOOK_ELSEWHERE)

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
        row = await self.row(run_id)
        if row.workflow != definition.name and not adopt:
            raise RecoveryError(
                f"Run {run_id} is one of workflow {row.workflow!r}, not of {definition.name!r}."
            )
        if row.status in ENDED:
            return await self.aresult(definition, run_id)
        if row.status == "queued":
            return await self._begun_late(definition, row, ways)
        if adopt:
            return await self._adopted(definition, row, ways)
        async with engine.admitted(definition.name, None):
            epoch = cast("int", await off_loop(self.store.acquire, run_id))
            async with self._owned(run_id, epoch):
                recovered, classes = await self._recovered(definition, run_id)
                if recovered.scheduler.finished:
                    return engine.ended_of(run_id, recovered)
                if not is_released:
                    check_quarantine(run_id, recovered.scheduler)
                driver = engine.driver_of(
                    run_id,
                    recovered.created,
                    recovered.code,
                    ways,
                    self.desk().journals,
                    recovered,
                    await self._lent(row, recovered.scheduler.graph, classes),
                )
                writer = FactWriter.after(
                    recovered.reader,
                    ScriptNames(),
                    version_of=driver.version_of,
                    keeps_secrets=self.store.keeps_secrets,
                )
                await self._execute(_Begun(driver, epoch, writer, classes, recovered.facts))
        return engine.ended(driver)

    async def _begun_late(self, definition: Definition, row: RunRow, ways: Ways) -> RunResult[object]:
        """Begin a run that was submitted, and whose process died before it came to its turn."""
        told = json.loads(row.options)
        inputs = cast("dict[str, object]", decode_json(told["inputs"], classes_of([definition.fn])))
        check_given(row.run_id, inputs)
        traced = definition.trace(inputs)
        on_failure, *others = told["options"]
        options = RunOptions(OnFailure(on_failure), *others)
        estimates = dict(self._engine.estimates.known)
        version = definition.version or ""
        created = Created(definition.name, traced.graph, options, estimates, traced.inputs, version)
        past = None if row.parent is None else await self.past(row.parent)
        new = NewRun(*row[:7])
        return await self._drive_new(
            definition, traced, created, ways, new, past=past, start=told.get("start"), is_ours=False
        )

    async def _lent(self, row: RunRow, graph: Graph, classes: Mapping[str, type]) -> Reuse | None:
        """What the run that this one was forked from still lends to it."""
        if row.parent is None:
            return None
        try:
            past = await self.past(row.parent)
        except NotFoundError:  # collected meanwhile: what it had not lent yet is made again
            return None
        return Reuse(past, graph, classes, self.store.blob, json.loads(row.options).get("start"))

    async def past(self, run_id: str) -> Past:
        """What a run has left for others. Raises NotFoundError, StoreDamagedError."""
        return past_of(run_id, cast("list[bytes]", await off_loop(self.store.entries, run_id)))

    # ---------------------------------------------------------------- speaking to runs

    async def say(
        self, run_id: str, kind: str, said: Mapping[str, object], *, patience: float = 5.0
    ) -> str | None:
        """Send a letter to a run's owner, and give its outcome; None if nobody has dealt with it in `patience`
        seconds: the next owner will.

        `kind` is answer, event or cancel; what is said: see `Mailroom`. Raises NotFoundError.
        """
        at = self._engine.now()
        until = at() + patience
        number = cast("int", await off_loop(self.store.send, run_id, kind, json.dumps(said).encode(), at()))
        while True:
            outcome = cast("Mail", await off_loop(self.store.letter, number)).outcome
            if outcome:
                return outcome
            if (await self.row(run_id)).status in ENDED:
                await off_loop(self.store.settle, number, OVER)  # nobody owns it, and nobody ever will
            elif at() >= until:
                return None
            else:
                await asyncio.sleep(_LOOK_EVERY)

    # ---------------------------------------------------------------- runs made of other runs

    async def afork(
        self,
        definition: Definition,
        run_id: str,
        ways: Ways,
        *,
        start: str | None = None,
        changes: Mapping[str, object] | None = None,
        new_id: str | None = None,
    ) -> RunResult[object]:
        """Run again what a run has done, from a step on; see `Engine.afork`."""
        return await self._forked(definition, run_id, ways, start=start, changes=changes, new_id=new_id)

    async def _forked(
        self,
        definition: Definition,
        run_id: str,
        ways: Ways,
        *,
        start: str | None = None,
        changes: Mapping[str, object] | None = None,
        new_id: str | None = None,
        is_replacing: bool = False,
    ) -> RunResult[object]:
        past = await self.past(run_id)
        check_start(past, start)
        inputs = {**self._inputs(definition, past), **(changes or {})}
        check_given(run_id, inputs)
        traced = definition.trace(definition.bind((), inputs))
        created = past.created._replace(
            workflow=definition.name,
            graph=traced.graph,
            inputs=traced.inputs,
            version=definition.version or "",
        )
        new = self._new(definition, created, new_id, parent=run_id, start=start, is_replacing=is_replacing)
        await off_loop(self.store.create, new)
        if is_replacing:
            await off_loop(self.store.set_status, run_id, "cancelled")
        return await self._drive_new(definition, traced, created, ways, new, past=past, start=start)

    async def preview(
        self,
        definition: Definition,
        run_id: str,
        *,
        start: str | None = None,
        changes: Mapping[str, object] | None = None,
    ) -> ForkPreview:
        """What `afork` would take over and what it would run again. Nothing is run. Raises what `afork` does."""
        past = await self.past(run_id)
        check_start(past, start)
        old = self._inputs(definition, past)
        check_given(run_id, {**old, **(changes or {})})
        before = definition.trace(old)
        after = definition.trace(definition.bind((), {**old, **(changes or {})}))
        code = self._engine.code_of(after, classes_of([definition.fn]))
        return preview_of(past, before.graph, after.graph, code, start)

    def _inputs(self, definition: Definition, past: Past) -> dict[str, object]:
        return decoded_inputs(past.created, classes_of([definition.fn]))

    async def _adopted(self, definition: Definition, row: RunRow, ways: Ways) -> RunResult[object]:
        """A run goes on with today's code: as a new one, which keeps what is unchanged; the old one is over."""
        epoch = cast(
            "int", await off_loop(self.store.acquire, row.run_id)
        )  # nobody else drives it on meanwhile
        await off_loop(self.store.release, row.run_id, epoch)
        return await self._forked(definition, row.run_id, ways, is_replacing=True)

    async def row(self, run_id: str) -> RunRow:
        """A run's row in the index. Raises NotFoundError."""
        return cast("RunRow", await off_loop(self.store.run, run_id))

    async def aresult(self, definition: Definition, run_id: str) -> RunResult[object]:
        """What a run's journal holds by now, read with today's code; nothing is owned or changed."""
        recovered, _ = await self._recovered(definition, run_id)
        return self._engine.ended_of(run_id, recovered)

    async def _recovered(self, definition: Definition, run_id: str) -> tuple[Recovered, dict[str, type]]:
        bodies = cast("list[bytes]", await off_loop(self.store.entries, run_id))
        if not bodies:
            is_over = (await self.row(run_id)).status == "cancelled"
            what = (
                "was cancelled before it began; submit it again"
                if is_over
                else "was submitted, but has not begun"
            )
            raise RecoveryError(f"Run {run_id} {what}.")
        return self._replay(definition, run_id, bodies)

    def _replay(
        self, definition: Definition, run_id: str, bodies: list[bytes]
    ) -> tuple[Recovered, dict[str, type]]:
        classes = classes_of([definition.fn])
        inputs = first_inputs(bodies[0], classes)
        traced = definition.trace(inputs)
        code, version = self._engine.code_of(traced, classes), definition.version or ""
        today = Today(traced.graph, code, version, lambda: definition.trace(inputs).graph)
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
        desk.journals.begin(
            run_id,
            begun.epoch,
            begun.writer,
            driver.scheduler,
            begun.facts,
            KnownNames(begun.classes),
            driver.account,
        )
        desk.mailroom.enter(driver, begun.classes)
        ended = desk.ended[run_id] = desk.loop.create_future()
        try:
            await driver.execute()
        finally:
            ended.set_result(None)
            del desk.ended[run_id]
            await desk.mailroom.leave(run_id)
