"""``stretto run``: run a target and show it."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto.core.journal.view import RunStatus
from stretto.errors import ConfigError, InputError, ValueEncodingError
from stretto.runtime.stores.sealed import SealedStore
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
from stretto.service.cli.running import Interrupts, to_its_end
from stretto.service.cli.stored import settings_with
from stretto.service.cli.waiting import HopelessWaits, question_as_data, waiting_lines
from stretto.service.cli.watching import json_on_stdout, watcher
from stretto.service.cli.words import say_lines, warn
from stretto.service.questions import questions
from stretto.service.records import Head, RunRecord
from stretto.service.targets import load_target
from stretto.service.wiring import store_of, wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from stretto.api.result import RunResult
    from stretto.ports import Observer, Store
    from stretto.runtime.engine.driver import RunDriver
    from stretto.service.cli.watching import JsonStdout
    from stretto.service.cli.words import Words
    from stretto.service.settings import Settings
    from stretto.service.targets import AnyWorkflow
    from stretto.service.wiring import Wired

    Started = Callable[[RunDriver], None]
    Begin = Callable[[AnyWorkflow, Started], Awaitable[RunResult[object]]]

__all__ = ["RunRequest", "recording", "run_target", "show_result", "watched", "watched_run"]


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
    key: str | None = None
    is_staying: bool = False


def run_target(request: RunRequest, words: Words) -> Exit:
    """Run it, show it, and give the exit code of how it ended."""
    with json_on_stdout(request.is_json) as out:
        settings = settings_with(request.store)
        workflow = load_target(request.target)
        inputs = inputs_for(workflow.definition, request.inputs, request.input_file)
        if request.output is not None:
            check_writable(request.output)
        store = store_of(settings, workflow.engine)
        _check_key(request, store)
        with nullcontext() if store is None else closing(store):
            wired = wire(settings, own=workflow.engine, store=store)
            result = _run(workflow, inputs, request, wired, settings, out)
            show_result(result, store, request.output, words, out)
    return exit_of_result(result)


def _run(
    workflow: AnyWorkflow,
    inputs: dict[str, object],
    request: RunRequest,
    wired: Wired,
    settings: Settings,
    out: JsonStdout | None,
) -> RunResult[object]:
    is_kept = wired.store is not None
    chosen = _chosen(workflow, request).with_options(leaves_waiting=is_kept and not request.is_staying)
    with recording(wired, settings) if request.is_recorded else nullcontext() as record:
        others: list[Observer] = [] if record is None else [record]
        if not is_kept:
            others.append(HopelessWaits())
        return watched_run(
            chosen, lambda one, started: one.start(inputs, started=started), wired, out, others
        )


def _check_key(request: RunRequest, store: Store | None) -> None:
    if request.key is not None and store is None:
        raise ConfigError(
            f"--key {request.key}: runs in memory are never found again by their key. Leave out --store memory, or "
            "name a store that lasts."
        )


def recording(wired: Wired, settings: Settings) -> AbstractContextManager[RunRecord | None]:
    """What writes the run's events file, and goes on with the one that another process has begun. Beside a sealed
    store nothing is written that is not sealed."""
    if isinstance(wired.store, SealedStore):
        return nullcontext()
    model = {key: value for key, value in settings.model.items() if key in ("provider", "model")}
    return closing(RunRecord(Head(wired.engine.limits, model), warn))


def watched(
    workflow: AnyWorkflow,
    inputs: dict[str, object],
    wired: Wired,
    out: JsonStdout | None,
    title: str,
) -> RunResult[object]:
    """Run with someone watching, give the terminal back whatever happens, and say the result in JSON if at all."""
    result = watched_run(
        workflow, lambda one, started: one.start(inputs, started=started), wired, out, title=title
    )
    if out is not None:
        out.say(result.run_id, "result", as_data(result))
    return result


def watched_run(
    workflow: AnyWorkflow,
    begin: Begin,
    wired: Wired,
    out: JsonStdout | None,
    others: Sequence[Observer] = (),
    title: str = "",
) -> RunResult[object]:
    """Drive the run that `begin` gives, with someone watching besides `others`; the terminal is given back whatever
    happens. The id of a run that is journaled is told on stderr as soon as there is one."""
    watching = watcher(title or workflow.name, out)
    chosen = workflow.with_options(engine=wired.engine, observers=[watching.observer, *others])
    interrupts = Interrupts()

    def started(driver: RunDriver) -> None:
        interrupts.started(driver)
        if wired.store is not None:
            warn(f"run {driver.info.run_id}")

    try:
        with interrupts.watching():
            result = to_its_end(chosen, lambda: begin(chosen, started), wired.model)
        watching.finish(hop.step for hop in result.timing.critical_path)
    finally:
        watching.finish()
    return result


def _chosen(workflow: AnyWorkflow, request: RunRequest) -> AnyWorkflow:
    return workflow.with_options(
        within=request.within,
        on_failure=request.on_failure,
        max_concurrency=request.max_concurrency,
        sequential=request.is_sequential or None,
        key=request.key,
    )


def show_result(
    result: RunResult[object],
    store: Store | None,
    output: Path | None,
    words: Words,
    out: JsonStdout | None,
) -> None:
    """What is said in the end: the summary and the value, or what the run waits for, or its errors."""
    if result.status is RunStatus.WAITING and store is not None:
        _show_waits(result, store, out)
        return
    if out is not None:
        out.say(result.run_id, "result", as_data(result))
    else:
        say_summary(result)
    say_errors(result, words)
    if store is not None and _is_unfit(result):
        warn("  What cannot be journaled runs with --store memory, and ends with its process")
    if not has_value(result):
        return
    if output is not None:
        _write(result.value, output, is_json=out is not None)
    elif out is None:
        say_value(result.value)


def _is_unfit(result: RunResult[object]) -> bool:
    """Whether a step failed since its value cannot be written down."""
    return any(isinstance(failure.error, ValueEncodingError) for failure in result.failures)


def _show_waits(result: RunResult[object], store: Store, out: JsonStdout | None) -> None:
    asked = questions(store, result.run_id)
    if out is None:
        say_lines(["", *waiting_lines(result.run_id, asked)])
    else:
        data = {**as_data(result), "waits": [question_as_data(each) for each in asked]}
        out.say(result.run_id, "result", data)


def _write(value: object, path: Path, *, is_json: bool) -> None:
    try:
        write_value(value, path)
    except InputError:
        if not is_json:  # there the result's line has the value already
            say_whole(value)
        raise
