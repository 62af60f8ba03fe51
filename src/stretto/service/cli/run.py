"""``stretto run``: run a target and show it."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stretto.errors import InputError
from stretto.service.cli.exits import Exit, exit_of_result
from stretto.service.cli.inputs import inputs_for
from stretto.service.cli.results import (
    as_data,
    check_writable,
    has_value,
    say_errors,
    say_summary,
    say_value,
    say_whole,
    write_value,
)
from stretto.service.cli.running import Interrupts, execute
from stretto.service.cli.watching import json_on_stdout, watcher
from stretto.service.cli.words import warn
from stretto.service.records import Head, RunRecord
from stretto.service.settings import load_settings
from stretto.service.targets import load_target
from stretto.service.wiring import wire

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from stretto.api.result import RunResult
    from stretto.ports import Observer
    from stretto.service.cli.watching import JsonStdout
    from stretto.service.cli.words import Words
    from stretto.service.settings import Settings
    from stretto.service.targets import AnyWorkflow
    from stretto.service.wiring import Wired

__all__ = ["RunRequest", "run_target", "watched"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What was asked for. None: not said on the command line."""

    target: str
    inputs: tuple[str, ...] = ()
    input_file: Path | None = None
    is_sequential: bool = False
    max_concurrency: int | None = None
    within: float | None = None
    on_failure: str | None = None
    store: str | None = None
    output: Path | None = None
    is_json: bool = False
    is_recorded: bool = True


def run_target(request: RunRequest, words: Words) -> Exit:
    """Run it, show it, and give the exit code of how it ended."""
    with json_on_stdout(request.is_json) as out:
        settings = load_settings()
        if request.store is not None:
            origins = {**settings.origins, "store": "--store"}
            settings = replace(settings, store=request.store, origins=origins)
        workflow = load_target(request.target)
        inputs = inputs_for(workflow.definition, request.inputs, request.input_file)
        if request.output is not None:
            check_writable(request.output)
        wired = wire(settings, own=workflow.engine)
        with _recording(request, wired, settings) as record:
            others = [] if record is None else [record]
            result = watched(_chosen(workflow, request), inputs, wired, out, workflow.name, others)
    _show(result, request, words)
    return exit_of_result(result)


def _recording(
    request: RunRequest, wired: Wired, settings: Settings
) -> AbstractContextManager[RunRecord | None]:
    if not request.is_recorded:
        return nullcontext()
    model = {key: value for key, value in settings.model.items() if key in ("provider", "model")}
    return closing(RunRecord(Head(wired.engine.limits, model), warn))


def watched(
    workflow: AnyWorkflow,
    inputs: dict[str, object],
    wired: Wired,
    out: JsonStdout | None,
    title: str,
    others: Sequence[Observer] = (),
) -> RunResult[object]:
    """Run with someone watching, besides `others`, and give the terminal back whatever happens."""
    watching = watcher(title, out)
    chosen = workflow.with_options(engine=wired.engine, observers=[watching.observer, *others])
    interrupts = Interrupts()
    try:
        with interrupts.watching():
            result = execute(chosen, inputs, interrupts, wired.model)
        watching.finish(hop.step for hop in result.timing.critical_path)
    finally:
        watching.finish()
    if out is not None:
        out.say(result.run_id, "result", as_data(result))
    return result


def _chosen(workflow: AnyWorkflow, request: RunRequest) -> AnyWorkflow:
    return workflow.with_options(
        within=request.within,
        on_failure=request.on_failure,
        max_concurrency=request.max_concurrency,
        sequential=request.is_sequential or None,
    )


def _show(result: RunResult[object], request: RunRequest, words: Words) -> None:
    if not request.is_json:
        say_summary(result)
    say_errors(result, words)
    if not has_value(result):
        return
    if request.output is not None:
        _write(result.value, request.output, is_json=request.is_json)
    elif not request.is_json:
        say_value(result.value)


def _write(value: object, path: Path, *, is_json: bool) -> None:
    try:
        write_value(value, path)
    except InputError:
        if not is_json:  # there the result's line has the value already
            say_whole(value)
        raise
