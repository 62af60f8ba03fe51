"""``stretto fork``: run again what a stored run has done, from a step on or with other inputs."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto.errors import InputError
from stretto.service.cli.exits import Exit, exit_of_result
from stretto.service.cli.inputs import given_inputs
from stretto.service.cli.results import check_writable
from stretto.service.cli.run import show_result, watched_run
from stretto.service.cli.running import body_errors
from stretto.service.cli.stored import code_of, opened_runs, run_in, settings_with
from stretto.service.cli.watching import json_on_stdout
from stretto.service.cli.words import say
from stretto.service.targets import load_target
from stretto.service.wiring import wire

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from stretto.api.preview import ForkPreview
    from stretto.api.result import RunResult
    from stretto.ports import RunRow
    from stretto.service.cli.run import Started
    from stretto.service.cli.words import Words
    from stretto.service.targets import AnyWorkflow
    from stretto.service.wiring import Wired

__all__ = ["ForkRequest", "fork_run"]

_LISTED = 12


@dataclass(frozen=True, slots=True)
class ForkRequest:
    """What was asked for. None: not said on the command line."""

    run: str
    start: str | None = None
    changes: tuple[str, ...] = ()
    is_dry: bool = False
    is_staying: bool = False
    target: str | None = None
    store: str | None = None
    output: Path | None = None
    is_json: bool = False


def fork_run(request: ForkRequest, words: Words) -> Exit:
    """Fork it, or say what a fork would do, and give the exit code of how the new run ended.

    Raises NotFoundError, InputError, TargetError, StoreError.
    """
    if request.start is None and not request.changes:
        raise InputError(
            "A fork needs to differ from its original: give --from STEP, --set NAME=VALUE, or both."
        )
    with json_on_stdout(request.is_json and not request.is_dry) as out:
        if request.output is not None:
            check_writable(request.output)
        settings = settings_with(request.store)
        given = None if request.target is None else load_target(request.target)
        with opened_runs(settings, None if given is None else given.engine) as found:
            store, row = run_in(found, request.run)
            workflow = given or code_of(row)
            changes = given_inputs(workflow.definition, request.changes, "--set")
            wired = wire(settings, own=workflow.engine, store=store)
            if request.is_dry:
                _say_preview(
                    _preview(workflow, row, request.start, changes, wired), row, is_json=request.is_json
                )
                return Exit.OK
            chosen = workflow.with_options(leaves_waiting=not request.is_staying)

            def begin(one: AnyWorkflow, started: Started) -> Awaitable[RunResult[object]]:
                return one.afork(row.run_id, start=request.start, changes=changes, started=started)

            result = watched_run(chosen, begin, wired, out)
            show_result(result, store, request.output, words, out)
    return exit_of_result(result)


def _preview(
    workflow: AnyWorkflow, row: RunRow, start: str | None, changes: dict[str, object], wired: Wired
) -> ForkPreview:
    with body_errors(workflow.definition):
        return asyncio.run(
            wired.engine.runs.preview(workflow.definition, row.run_id, start=start, changes=changes)
        )


def _say_preview(found: ForkPreview, row: RunRow, *, is_json: bool) -> None:
    if is_json:
        say(json.dumps({"run": row.run_id, **found._asdict()}))
        return
    say(f"a fork of run {row.run_id} ({row.workflow}) would")
    say(f"  take over   {_listed(found.reused)}")
    say(f"  run again   {_listed(found.again)}")
    untimed = f", without {_listed(found.unknown)}, which it never finished" if found.unknown else ""
    say(f"  take about  {found.seconds:.1f} s, an estimate from what the steps took there{untimed}")


def _listed(paths: tuple[str, ...]) -> str:
    if not paths:
        return "nothing"
    count = "1 step" if len(paths) == 1 else f"{len(paths)} steps"
    more = f", and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
    return f"{count}: {', '.join(paths[:_LISTED])}{more}"
