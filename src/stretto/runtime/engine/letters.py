"""`Mailroom`: what other processes say to the runs at work here."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from stretto.core.journal.facts import Answer, Verdict, Wait
from stretto.core.values import decode_json
from stretto.errors import InputError, StrettoError
from stretto.runtime.engine.fitting import fitted

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping

    from stretto.ports import Mail, Store
    from stretto.runtime.engine.driver import RunDriver

__all__ = ["OVER", "Mailroom"]

_log = logging.getLogger("stretto.engine")

OVER = "refused: the run has ended"
"""The outcome of a letter that came too late."""


class Mailroom:
    """Hands letters to the drivers of one event loop.

    An answer is applied by the decision that takes it up, in one commit with it; everything else is settled with
    words. An event that nobody waits for yet is kept until somebody does.
    """

    def __init__(
        self, store: Store, loop: asyncio.AbstractEventLoop, off_loop: Callable[..., Awaitable[object]]
    ) -> None:
        self._store = store
        self._loop = loop
        self._off_loop = off_loop
        self._drivers: dict[str, RunDriver] = {}
        self._classes: dict[str, Mapping[str, type]] = {}
        self._early: dict[str, list[Mail]] = {}
        self._given: set[int] = set()
        self._last = 0
        self._is_looking = False
        self._is_due = False
        self._looking: asyncio.Task[None] | None = None
        self._end_watch: Callable[[], None] | None = None

    def enter(self, driver: RunDriver, classes: Mapping[str, type]) -> None:
        """A run is at work here from now on; letters that lie there for it are delivered soon."""
        run_id = driver.info.run_id
        self._drivers[run_id] = driver
        self._classes[run_id] = classes
        driver.began_waiting = self._on_waiting
        if self._end_watch is None:
            self._end_watch = self._store.watch(self._wake)
        self._last = 0  # what came before it was ours is looked at, too
        self._wake_here()

    async def leave(self, run_id: str) -> None:
        """It is at work here no longer. Letters that came too late for a run that has ended are settled."""
        driver = self._drivers.pop(run_id, None)
        self._classes.pop(run_id, None)
        self._early.pop(run_id, None)
        if not self._drivers and self._end_watch is not None:
            self._end_watch()
            self._end_watch = None
        if driver is not None and driver.scheduler.finished:
            for mail in await self._letters(0):
                if mail.run_id == run_id and mail.number not in self._given:
                    await self._settled(mail.number, OVER)

    # ---------------------------------------------------------------- looking

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has closed
            self._loop.call_soon_threadsafe(self._wake_here)

    def _wake_here(self) -> None:
        if self._is_looking:
            self._is_due = True
        elif self._drivers:
            self._is_looking = True
            self._looking = self._loop.create_task(self._look())

    async def _look(self) -> None:
        try:
            while True:
                self._is_due = False
                for mail in await self._letters(self._last):
                    self._last = max(self._last, mail.number)
                    self._deliver(mail)
                if not self._is_due:
                    break
            for run_id in tuple(self._early):
                self._on_waiting(run_id)  # what has come early may be what a run waits for by now
            for driver in tuple(self._drivers.values()):
                driver.leave_if_waiting()  # nothing lay there for a run that was taken up only to look
        except StrettoError as error:
            _log.warning("letters cannot be read, and are looked for again later: %s", error)
        finally:
            self._is_looking = False

    async def _letters(self, after: int) -> list[Mail]:
        found = await self._off_loop(self._store.letters, after)
        assert isinstance(found, list)  # noqa: S101  # the store's own
        return found

    # ---------------------------------------------------------------- delivering

    def _deliver(self, mail: Mail) -> None:
        driver = self._drivers.get(mail.run_id)
        if driver is None or mail.number in self._given:
            return
        outcome = self._outcome(driver, mail)
        if outcome is not None:
            self._settle(mail, outcome)

    def _outcome(self, driver: RunDriver, mail: Mail) -> str | None:
        """What becomes of a letter; None: the run's next decision, or a later letter round, says so."""
        if driver.scheduler.finished:
            return OVER
        try:
            said = json.loads(mail.body)
        except ValueError:
            return "refused: it is not JSON"
        if mail.kind == "cancel":
            why, is_now = str(said.get("why") or "cancelled from outside"), said.get("now") is True
            self._given.add(mail.number)
            driver.cancel(why, is_now=is_now, told=lambda: self._settle(mail, "the run is being cancelled"))
            return None
        if mail.kind == "event":
            return self._event(driver, mail, said)
        if mail.kind == "answer":
            return self._answer(driver, mail, said)
        return f"refused: letters of kind {mail.kind!r} are not known"

    def _answer(self, driver: RunDriver, mail: Mail, said: Mapping[str, object]) -> str | None:
        scheduler = driver.scheduler
        path = str(said.get("path"))
        index = scheduler.graph.index_of(path)
        if index is None:
            return f"refused: the run has no step {path!r}"
        wait = scheduler.asked.get(index)
        if wait is None:
            return f"refused: {self._why_not(driver, index, path)}"
        try:
            driver.answer(index, self._answer_of(driver, index, wait, mail, said))
        except (ValueError, StrettoError) as error:
            return f"refused: {error}"
        self._given.add(mail.number)
        return None if index not in scheduler.asked else "refused: the run did not take it"

    def _why_not(self, driver: RunDriver, index: int, path: str) -> str:
        if driver.scheduler.is_open(index):
            return f"{path!r} has not been asked yet; see `stretto inbox` for what has"
        return f"{path!r} was answered before, or is over"

    def _answer_of(
        self, driver: RunDriver, index: int, wait: Wait, mail: Mail, said: Mapping[str, object]
    ) -> Answer:
        verdict = Verdict(str(said.get("verdict")))
        if wait.kind in ("event", "sleep"):
            raise InputError(f"it waits for {wait.kind} {wait.text!r}, not for an answer.")
        value = self._value(mail.run_id, said)
        if verdict is Verdict.EDIT and wait.kind == "approval":
            value = fitted(value, driver.asked_value(index))
        if verdict is Verdict.RESPOND and wait.kind == "lost":
            value = driver.said_result(index, value)
        by, note = str(said.get("by") or ""), str(said.get("note") or "")
        return Answer(verdict, value, by, note, mail.number)

    def _event(self, driver: RunDriver, mail: Mail, said: Mapping[str, object]) -> str | None:
        name = str(said.get("event"))
        index = _waiting_for(driver.scheduler.asked, name)
        if index is None:
            early = self._early.setdefault(mail.run_id, [])
            if all(each.number != mail.number for each in early):
                early.append(mail)
            return None
        try:
            value = self._value(mail.run_id, said)
        except StrettoError as error:
            return f"refused: {error}"
        self._given.add(mail.number)
        driver.answer(index, Answer(Verdict.RESPOND, value, str(said.get("by") or ""), "", mail.number))
        return None

    def _value(self, run_id: str, said: Mapping[str, object]) -> object:
        """Plain JSON under "value", or a value's exact form under "exact"."""
        if "exact" in said:
            return decode_json(said["exact"], self._classes.get(run_id, {}))
        return said.get("value")

    def _on_waiting(self, run_id: str) -> None:
        """A run has begun to wait: events that came early may be what for."""
        for mail in self._early.pop(run_id, []):
            self._deliver(mail)

    def _settle(self, mail: Mail, outcome: str) -> None:
        self._given.add(mail.number)
        self._loop.create_task(self._settled(mail.number, outcome))  # nobody waits for it

    async def _settled(self, number: int, outcome: str) -> None:
        try:
            await self._off_loop(self._store.settle, number, outcome)
        except StrettoError as error:
            _log.warning("letter %d could not be settled as %r: %s", number, outcome, error)


def _waiting_for(asked: Mapping[int, Wait], event: str) -> int | None:
    """The first step that waits for an event, in author order; each event is taken by one."""
    return min(
        (index for index, wait in asked.items() if (wait.kind, wait.text) == ("event", event)), default=None
    )
