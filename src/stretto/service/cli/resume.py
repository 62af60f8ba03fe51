"""``stretto resume``: go on with a stored run in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto.errors import CodeChangedError, RecoveryError
from stretto.ports import ENDED
from stretto.service.cli.exits import Exit, exit_of_result
from stretto.service.cli.results import check_writable
from stretto.service.cli.run import recording, show_result, watched_run
from stretto.service.cli.stored import code_of, opened_runs, run_in, settings_with
from stretto.service.cli.watching import json_on_stdout
from stretto.service.cli.words import warn
from stretto.service.targets import load_target
from stretto.service.wiring import wire

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from stretto.api.result import RunResult
    from stretto.ports import RunRow, Store
    from stretto.runtime.engine.driver import RunDriver
    from stretto.service.cli.run import Started
    from stretto.service.cli.watching import JsonStdout
    from stretto.service.cli.words import Words
    from stretto.service.settings import Settings
    from stretto.service.targets import AnyWorkflow

__all__ = ["GoingOn", "ResumeRequest", "go_on", "resume_run"]


@dataclass(frozen=True, slots=True)
class ResumeRequest:
    """What was asked for. None: not said on the command line."""

    run: str
    target: str | None = None
    is_adopting: bool = False
    is_released: bool = False
    is_staying: bool = False
    store: str | None = None
    output: Path | None = None
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class GoingOn:
    """How a run is gone on with; see `Engine.aresume`. `is_staying`: also while only people can move it."""

    is_adopting: bool = False
    is_released: bool = False
    is_staying: bool = False
    cancels: str = ""
    """Why the run is cancelled as soon as it is ours; empty: it is not."""


def resume_run(request: ResumeRequest, words: Words) -> Exit:
    """Go on with it, show it, and give the exit code of how it ended.

    Raises NotFoundError, RunOwnedError, RecoveryError, TargetError, StoreError.
    """
    with json_on_stdout(request.is_json) as out:
        if request.output is not None:
            check_writable(request.output)
        settings = settings_with(request.store)
        given = None if request.target is None else load_target(request.target)
        with opened_runs(settings, None if given is None else given.engine) as found:
            store, row = run_in(found, request.run)
            workflow = given or code_of(row)
            how = GoingOn(request.is_adopting, request.is_released, request.is_staying)
            result = go_on(workflow, row, how, settings, store, out)
            if row.status in ENDED and result.status not in ENDED:
                return _marked(row)
            show_result(result, store, request.output, words, out)
    return exit_of_result(result)


def _marked(row: RunRow) -> Exit:
    """It was ended from outside: its journal does not know."""
    warn(
        f"error: run {row.run_id} was marked as {row.status} by a person or an adoption; nothing goes on with it"
    )
    return Exit.INTERRUPTED


def go_on(
    workflow: AnyWorkflow,
    row: RunRow,
    how: GoingOn,
    settings: Settings,
    store: Store,
    out: JsonStdout | None,
) -> RunResult[object]:
    """Drive a stored run with someone watching, until it ends or is left; one that has ended gives what it had."""
    if row.status in ENDED:
        warn(f"run {row.run_id} has ended already: {row.status}")
    wired = wire(settings, own=workflow.engine, store=store)
    chosen = workflow.with_options(leaves_waiting=not how.is_staying)

    def begin(one: AnyWorkflow, started: Started) -> Awaitable[RunResult[object]]:
        return one.aresume(
            row.run_id, adopt=how.is_adopting, release=how.is_released, started=_both(started, how)
        )

    try:
        with recording(wired, settings) as record:
            result = watched_run(chosen, begin, wired, out, [] if record is None else [record])
    except CodeChangedError as changed:
        if row.status not in ENDED:
            raise
        raise _unreadable(row, changed) from None
    if result.run_id != row.run_id:
        warn(f"run {result.run_id} has taken the place of {row.run_id}")
    return result


def _both(started: Started, how: GoingOn) -> Started:
    """What is done as soon as the run is ours."""

    def begun(driver: RunDriver) -> None:
        started(driver)
        if how.cancels:
            driver.cancel(how.cancels)

    return begun


def _unreadable(row: RunRow, changed: CodeChangedError) -> RecoveryError:
    """Nothing is to be adopted in a run that is over."""
    listed = "".join(f"\n  {change}" for change in changed.changes)
    return RecoveryError(
        f"Run {row.run_id} has ended ({row.status}), and its code has changed since:{listed}\nWhat its journal holds "
        f"can be read without the code: `stretto show {row.run_id}`."
    )
