"""``stretto bench``: one by one against dataflow, really run in turns, measured and compared.

A repeat is two runs. Deadlines of the run and of groups are suspended in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto.errors import InputError
from stretto.proof import compare
from stretto.service.cli.bench_report import Bench, as_data, lines, pair_as_data, pair_line
from stretto.service.cli.bench_saving import save, saving_folder
from stretto.service.cli.both_ways import BothWays
from stretto.service.cli.exits import Exit, exit_of_result
from stretto.service.cli.inputs import chosen_inputs
from stretto.service.cli.results import say_errors
from stretto.service.cli.running import Interrupts, body_errors, execute
from stretto.service.cli.spending import Spent, agreed, expected, paid_model
from stretto.service.cli.watching import json_on_stdout
from stretto.service.cli.words import say, say_lines, warn
from stretto.service.settings import load_settings
from stretto.service.targets import load_target
from stretto.service.wiring import wire

if TYPE_CHECKING:
    from pathlib import Path

    from stretto.api.result import RunResult
    from stretto.proof import Comparison, Mode, Pair
    from stretto.service.cli.watching import JsonStdout
    from stretto.service.cli.words import Words
    from stretto.service.settings import Settings
    from stretto.service.targets import AnyWorkflow

__all__ = ["BenchRequest", "bench_target"]


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """What was asked for. `warmup` repeats are run and not counted."""

    target: str
    inputs: tuple[str, ...] = ()
    input_file: Path | None = None
    repeats: int = 5
    warmup: int = 1
    max_concurrency: int | None = None
    min_speedup: float | None = None
    is_agreed: bool = False
    is_saved: bool = False
    is_json: bool = False


def bench_target(request: BenchRequest, words: Words) -> Exit:
    """Measure; DOES_NOT_HOLD when values differ, a run failed, or the speedup is below the one asked for."""
    with json_on_stdout(request.is_json) as out:
        workflow = load_target(request.target)
        settings = load_settings()
        inputs = chosen_inputs(workflow, request.inputs, request.input_file)[0]
        folder = saving_folder() if request.is_saved else None
        if not _is_agreed(workflow, inputs, settings, request):
            warn("Nothing was run.")
            return Exit.USAGE
        measuring = _Measuring(workflow, inputs, settings, request, out)
        bench = measuring.run()
        try:
            saved = None if folder is None else save(folder, bench)
        except InputError:  # what was measured is told all the same
            measuring.conclude(bench, None)
            raise
        measuring.conclude(bench, saved)
        return _verdict(bench, words)


def _is_agreed(
    workflow: AnyWorkflow, inputs: dict[str, object], settings: Settings, request: BenchRequest
) -> bool:
    with body_errors(workflow.definition):
        traced = workflow.definition.trace(inputs)
    model = paid_model(workflow, settings, traced)
    if model is None:
        return True
    runs = 2 * (request.repeats + request.warmup)
    return agreed(model, expected(workflow.name, settings), runs, is_agreed=request.is_agreed)


class _Measuring:
    """The runs of one bench, and what is said while they go on."""

    def __init__(
        self,
        workflow: AnyWorkflow,
        inputs: dict[str, object],
        settings: Settings,
        request: BenchRequest,
        out: JsonStdout | None,
    ) -> None:
        self._workflow = workflow
        self._inputs = inputs
        self._settings = settings
        self._request = request
        self._out = out
        self._ways = BothWays(workflow, request.max_concurrency)
        self._spent = Spent()
        self._last_run = ""

    def run(self) -> Bench:
        request = self._request
        if self._out is None:
            say_lines(_introduction(self._workflow.name, request))
        comparison = compare(self._once, repeats=request.repeats, warmup=request.warmup, told=self._tell)
        return Bench(
            workflow=self._workflow.name,
            comparison=comparison,
            spent=self._spent,
            repeats=request.repeats,
            min_speedup=request.min_speedup,
        )

    def conclude(self, bench: Bench, saved: Path | None) -> None:
        """The figures, and where they are kept."""
        if self._out is not None:
            data = {**as_data(bench), "saved": None if saved is None else str(saved)}
            self._out.say(self._last_run, "bench", data)
            return
        say_lines(lines(bench))
        if saved is not None:
            say(f"saved: {saved}")

    def _once(self, mode: Mode) -> RunResult[object]:
        wired = wire(self._settings, own=self._workflow.engine)
        chosen = self._ways.prepared(mode, wired).with_options(observers=[self._spent])
        interrupts = Interrupts()
        with interrupts.watching():
            result = execute(chosen, self._inputs, interrupts, wired.model)
        self._last_run = result.run_id
        return result

    def _tell(self, number: int, pair: Pair) -> None:
        if self._out is None:
            say(pair_line(number, self._request.repeats, pair))
        else:
            self._out.say(self._last_run, "bench.repeat", pair_as_data(number, pair))


def _introduction(name: str, request: BenchRequest) -> list[str]:
    repeats = f"{request.repeats} repeat{'' if request.repeats == 1 else 's'}"
    return [
        f"{name}  {repeats} of two runs, in turns, after {request.warmup} not counted",
        "Deadlines of the run and of groups are suspended in both.",
        "",
    ]


def _verdict(bench: Bench, words: Words) -> Exit:
    comparison = bench.comparison
    if comparison.failed is not None:
        return _failed(comparison, words)
    for number, difference in comparison.differences:
        warn(f"error: repeat {number}: the two results differ: {difference}")
    if comparison.differences and comparison.unsteady is not None:
        warn(f"  One by one differs from itself, too: {comparison.unsteady}")
        warn(
            "  A step is not deterministic, whatever the order: fix its seed, or compare what must be equal."
        )
    if bench.is_too_slow:
        speedup = comparison.speedup
        found = "none could be measured" if speedup is None else f"it is {speedup.median:.2f}x"
        warn(f"error: --min-speedup {bench.min_speedup:g} does not hold: {found}")
    return Exit.OK if bench.holds else Exit.DOES_NOT_HOLD


def _failed(comparison: Comparison, words: Words) -> Exit:
    assert comparison.failed is not None  # noqa: S101  # the caller has looked
    warn(f"error: a run {comparison.failed_in} ended without its value; no speedup is claimed")
    say_errors(comparison.failed, words)
    code = exit_of_result(comparison.failed)
    return code if code is Exit.INTERRUPTED else Exit.DOES_NOT_HOLD
