"""Letters to runs: sent to a living owner, or carried out by going on with the run here."""

from __future__ import annotations

import getpass
import json
import time
from typing import TYPE_CHECKING, NamedTuple

from stretto.errors import InputError, NotFoundError, RunOwnedError, StrettoError, TargetError
from stretto.ports import ENDED
from stretto.service.cli.exits import Exit, exit_of_result
from stretto.service.cli.resume import GoingOn, go_on
from stretto.service.cli.run import show_result
from stretto.service.cli.stored import code_of
from stretto.service.cli.words import say, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.api.result import RunResult
    from stretto.ports import RunRow, Store
    from stretto.service.cli.watching import JsonStdout
    from stretto.service.cli.words import Words
    from stretto.service.settings import Settings
    from stretto.service.targets import AnyWorkflow

__all__ = ["Letter", "Post", "login_name", "outcome_of"]

PATIENCE = 5.0
"""Seconds that a living owner has to deal with a letter before it is said to be on its way."""
_LOOK_EVERY = 0.05
REFUSED = "refused"


class Letter(NamedTuple):
    """What is said to a run: see `Mailroom`. `done` is what happened, in words, once it was taken."""

    kind: str
    body: Mapping[str, object]
    done: str


class Post(NamedTuple):
    """Where letters are carried: a store, and how a run is shown that is gone on with here."""

    store: Store
    settings: Settings
    words: Words
    out: JsonStdout | None = None
    is_resuming: bool = True
    target: str | None = None

    def check(self, row: RunRow) -> None:
        """Raises InputError for a run that has ended."""
        if row.status in ENDED:
            raise InputError(
                f"Run {row.run_id} has ended ({row.status}): it takes nothing more. `stretto show {row.run_id}` tells "
                "what it did."
            )

    def carry(self, row: RunRow, letter: Letter) -> Exit:
        """Bring a letter to its run's owner, or become that owner.

        Raises NotFoundError, TargetError and what going on with a run raises: then
        the letter does not lie there any more.
        """
        if row.owner is not None:
            return self._told(row, self._sent(row, letter), letter)
        if not self.is_resuming:
            self._sent(row, letter)
            self._say(f"left for run {row.run_id}; `stretto resume {row.run_id}` takes it up")
            return Exit.OK
        return self._taken_up(row, self._code(row), letter)

    def _code(self, row: RunRow) -> AnyWorkflow:
        try:
            return code_of(row, self.target)
        except (TargetError, NotFoundError) as trouble:
            warn(
                f"Run {row.run_id} is at work in no process, and its code cannot be loaded here. With --no-resume this "
                "is left for whoever goes on with it."
            )
            raise trouble from None

    def _sent(self, row: RunRow, letter: Letter) -> int:
        return self.store.send(row.run_id, letter.kind, json.dumps(letter.body).encode(), time.time())

    def _told(self, row: RunRow, number: int, letter: Letter) -> Exit:
        outcome = outcome_of(self.store, number, PATIENCE)
        if not outcome:
            self._say(f"on its way: run {row.run_id} is at work ({row.owner}), and takes it when it can")
            return Exit.OK
        if outcome.startswith(REFUSED):
            warn(f"error: run {row.run_id} {outcome}")
            return Exit.UNEXPECTED
        self._say(f"{letter.done}, which is at work in process {row.owner}")
        return Exit.OK

    def _taken_up(self, row: RunRow, workflow: AnyWorkflow, letter: Letter) -> Exit:
        number = self._sent(row, letter)
        try:
            result = go_on(workflow, row, GoingOn(), self.settings, self.store, self.out)
        except RunOwnedError:  # somebody was quicker, and has the letter
            return self._told(self.store.run(row.run_id), number, letter)
        except StrettoError:  # nobody is to be surprised by it when the trouble is over
            self.store.settle(number, f"{REFUSED}: the run could not be gone on with")
            raise
        outcome = self.store.letter(number).outcome
        if outcome.startswith(REFUSED):
            warn(f"error: run {row.run_id} {outcome}")
        show_result(result, self.store, None, self.words, self.out)
        return self._exit(outcome, result)

    def _exit(self, outcome: str, result: RunResult[object]) -> Exit:
        return Exit.UNEXPECTED if outcome.startswith(REFUSED) else exit_of_result(result)

    def _say(self, text: str) -> None:
        if self.out is None:
            say(text)
        else:
            warn(text)


def outcome_of(store: Store, number: int, patience: float) -> str:
    """What became of a letter; empty if nobody has dealt with it in `patience` seconds."""
    until = time.monotonic() + patience
    while True:
        outcome = store.letter(number).outcome
        if outcome or time.monotonic() >= until:
            return outcome
        time.sleep(_LOOK_EVERY)


def login_name() -> str:
    """Who answers, unless they say so."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
