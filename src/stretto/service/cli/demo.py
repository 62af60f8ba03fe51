"""``stretto demo``: one real assessment, one by one and then as dataflow, measured and compared.

The agents' model calls go over HTTP to a simulated provider, a process of its own on this machine; all else
is what any run does. Project settings do not apply here: the demo is the same everywhere.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, cast

from stretto.core.values import first_difference
from stretto.errors import InputError, NotFoundError, StrettoError
from stretto.proof.modes import Mode
from stretto.service.cli.both_ways import BothWays
from stretto.service.cli.exits import Exit, exit_of_result
from stretto.service.cli.inputs import inputs_for
from stretto.service.cli.results import has_value, say_errors, say_summary
from stretto.service.cli.run import watched
from stretto.service.cli.watching import json_on_stdout
from stretto.service.cli.words import say, say_lines, warn
from stretto.service.settings import Settings
from stretto.service.targets import load_target
from stretto.service.wiring import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stretto.api.result import RunResult
    from stretto.models.fake_provider.script import Script
    from stretto.service.cli.watching import JsonStdout
    from stretto.service.cli.words import Words
    from stretto.service.targets import AnyWorkflow

__all__ = ["DemoRequest", "run_demo"]

WORKFLOW = "assess"
LATENCY_MEDIAN = 1.0
LATENCY_SIGMA = 0.5
LATENCY_MAX = 3.0
"""Seconds: log-normal, as replies of real providers are, scaled so that the whole demo takes under 30 s."""


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """What was asked for. `change_reply` is ``OLD=NEW``, put into the second run's replies: they must
    differ.
    """

    example: str | None = None
    seed: int = 0
    output: Path = Path("out")
    change_reply: str | None = None
    is_json: bool = False


def run_demo(request: DemoRequest, words: Words) -> Exit:
    """Run both ways and compare; DOES_NOT_HOLD when the two values differ."""
    with json_on_stdout(request.is_json) as out:
        workflow = load_target(WORKFLOW)
        inputs = _inputs(workflow, request.example)
        edit = _edit(request.change_reply)
        _check_folder(request.output)
        if out is None:
            _introduce()
        demo = _Demo(workflow, inputs, request.seed, out)
        first = demo.run(Mode.ONE_BY_ONE, None)
        second = demo.run(Mode.DATAFLOW, edit) if has_value(first) else None
        if second is None or not has_value(second):
            lost = second or first
            say_errors(lost, words)
            return exit_of_result(lost)
        return _conclude(workflow, first, second, request, out)


class _Demo:
    """The two runs: the same inputs, the same seed, and what the first taught about lengths."""

    def __init__(
        self, workflow: AnyWorkflow, inputs: dict[str, object], seed: int, out: JsonStdout | None
    ) -> None:
        self._workflow = workflow
        self._inputs = inputs
        self._seed = seed
        self._out = out
        self._ways = BothWays(workflow)

    def run(self, mode: Mode, edit: tuple[str, str] | None) -> RunResult[object]:
        from stretto.models import running_fake_provider

        with running_fake_provider(_script(edit), self._seed) as provider:
            wired = wire(Settings(), own=self._workflow.engine, model=_model(provider.base_url))
            chosen = self._ways.prepared(mode, wired)
            if self._out is None:
                say()
            return watched(chosen, self._inputs, wired, self._out, f"{WORKFLOW}, {mode}")


def _script(edit: tuple[str, str] | None) -> Script:
    from stretto.models import Latency, ReplyEdit, Script

    latency = Latency(kind="lognormal", seconds=LATENCY_MEDIAN, sigma=LATENCY_SIGMA, max=LATENCY_MAX)
    return Script(latency=latency, replies=() if edit is None else (ReplyEdit(replace=edit),))


def _model(base_url: str) -> dict[str, object]:
    # The variable of the key is one that nobody has set: no real key may travel to the simulated provider.
    return {
        "provider": "openai-compatible",
        "base_url": base_url,
        "model": "simulated",
        "api_key_env": "NO_KEY_FOR_THE_SIMULATED_PROVIDER",
    }


def _edit(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    old, equals, new = text.partition("=")
    if not equals or not old:
        raise InputError(f"--change-reply {text}: it is written OLD=NEW, and OLD is not empty.")
    return old, new


def _check_folder(folder: Path) -> None:
    """Raises `InputError` before half a minute of runs whose reports could not be written after them."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as trouble:
        raise InputError(f"-o {folder}: {trouble}. Name a folder that can be written.") from None
    if not is_writable:
        raise InputError(f"-o {folder}: it cannot be written. Name another folder.")


# -------------------------------------------------------------------- the request


def _inputs(workflow: AnyWorkflow, example: str | None) -> dict[str, object]:
    """The workflow's own example, a packaged one by name, or a request file by path."""
    definition = workflow.definition
    if example is None:
        return definition.bind((), workflow.example or {})
    first = next(iter(definition.signature.parameters))
    if Path(example).suffix:
        return inputs_for(definition, [f"{first}={example}"], None)
    package = definition.fn.__module__.rpartition(".")[0]
    folder = files(package).joinpath("data", "examples")
    known = {each.name.rpartition(".")[0]: each for each in folder.iterdir() if each.name.endswith(".yaml")}
    if example not in known:
        raise NotFoundError("example", example, known)
    with as_file(known[example]) as path:
        return inputs_for(definition, [f"{first}={path}"], None)


# -------------------------------------------------------------------- what is said


def _introduce() -> None:
    say_lines(
        [
            "An eleven-agent infrastructure assessment, one by one and then as dataflow.",
            "Model calls go over HTTP to a simulated provider; all else is real.",
            "Deadlines of the run and of groups are suspended in both runs.",
        ]
    )


def _conclude(
    workflow: AnyWorkflow,
    first: RunResult[object],
    second: RunResult[object],
    request: DemoRequest,
    out: JsonStdout | None,
) -> Exit:
    difference = first_difference(first.value, second.value)
    try:
        reports = _save(workflow, first, second, request.output)
    except StrettoError:  # what was measured and compared is told all the same
        _tell(first, second, difference, [], out)
        raise
    _tell(first, second, difference, reports, out)
    if difference is not None:
        warn(f"error: the two results differ: {difference}")
        return Exit.DOES_NOT_HOLD
    return Exit.OK


def _tell(
    first: RunResult[object],
    second: RunResult[object],
    difference: str | None,
    reports: list[Path],
    out: JsonStdout | None,
) -> None:
    if out is not None:
        out.say(second.run_id, "demo", _as_data(first, second, difference, reports))
        return
    say_summary(second, one_by_one=first.timing.makespan)
    _say_end(difference, reports)


def _say_end(difference: str | None, reports: list[Path]) -> None:
    if reports:
        say_lines(["", "reports", *(f"  {path}" for path in reports)])
    say()
    say("equal: both runs gave the same value" if difference is None else "differs: see below")


def _save(
    workflow: AnyWorkflow, first: RunResult[object], second: RunResult[object], folder: Path
) -> list[Path]:
    """What the workflow's module itself calls `save` writes the value into a new folder, and its `save_run`
    what is to be told of the run beside it; their paths.
    """
    module = sys.modules[workflow.definition.fn.__module__]
    save, save_run = getattr(module, "save", None), getattr(module, "save_run", None)
    if save is None:
        return []
    paths = list(cast("Callable[[object, Path], Iterable[Path]]", save)(second.value, folder))
    if save_run is not None and paths:
        write = cast("Callable[..., Iterable[Path]]", save_run)
        paths += write(second, paths[0].parent, one_by_one=first.timing.makespan)
    return paths


def _as_data(
    first: RunResult[object], second: RunResult[object], difference: str | None, reports: list[Path]
) -> dict[str, object]:
    timing = second.timing
    return {
        "provider": "simulated",
        "one_by_one": first.timing.makespan,
        "actual": timing.makespan,
        "lower_bound": timing.lower_bound,
        "bound_efficiency": timing.bound_efficiency,
        "speedup": first.timing.makespan / timing.makespan if timing.makespan else None,
        "is_equal": difference is None,
        "difference": difference,
        "reports": [str(path) for path in reports],
    }
