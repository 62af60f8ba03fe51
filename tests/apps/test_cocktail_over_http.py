"""The bartender against a provider in another process: its words, its faults, its silence."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apps.cocktail_models import CABINET, LATENCIES, chosen
from stretto import RunError, RunResult
from stretto.models import Fault, Latency, OpenAICompatibleModel, ReplyEdit, Script, running_fake_provider
from stretto_apps.cocktail.workflow import advise_bottle, write_recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.models import FakeProvider
    from stretto.models.fake_provider import ProviderLog
    from stretto_apps.cocktail import Menu

TASKS = {
    "choose": "Choose the drink",
    "again": "A colleague chose",
    "recipe": "Write the recipe",
    "advice": "Advise on",
}
LATENCY = Latency(seconds=0.005)
CALLS = 3  # pick, recipe, advice
STILL = 3600.0  # seconds


@pytest.fixture(autouse=True)
def _switch_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARALLEL_CREWS", raising=False)


def fault(kind: str, call: str, **more: object) -> Fault:
    """A fault for one kind of call."""
    return Fault(kind, TASKS[call], **more)  # type: ignore[arg-type]


def slow(scale: float) -> Script:
    """The original's latencies, so many times as long."""
    return Script(
        faults=tuple(
            fault("slow", call, times=None, seconds=scale * took) for call, took in LATENCIES.items()
        )
    )


def model_at(provider: FakeProvider) -> OpenAICompatibleModel:
    """A model that asks this provider."""
    return OpenAICompatibleModel(base_url=provider.base_url, model="m", api_key="k")


def ran(provider: FakeProvider, *, sequential: bool = False, **inputs: object) -> RunResult[Menu]:
    """A finished run, whatever its status."""
    runs = chosen(model_at(provider), sequential=sequential or None)
    return asyncio.run(runs.aresult(CABINET, **inputs))


def settled(provider: FakeProvider, is_so: Callable[[ProviderLog], bool]) -> ProviderLog:
    """The log once `is_so`, for which the other process may need a moment."""
    until = time.monotonic() + 5
    while not is_so(log := provider.log()) and time.monotonic() < until:
        pass
    return log


@pytest.mark.slow
def test_the_same_steps_ask_the_provider() -> None:
    """Its name is on the menu, its calls are counted, and one at a time gives the equal value."""
    with running_fake_provider(Script(Latency(seconds=0.02))) as provider:
        together, log = ran(provider, mode="full"), provider.log()
        alone = ran(provider, mode="full", sequential=True)
        again = provider.log()
    assert together.value.model == "simulated"
    assert together.value.card[-1] == "model: simulated"
    assert (log.requests, log.served, log.peak) == (CALLS + 1, CALLS + 1, 2)
    assert again.requests == 2 * (CALLS + 1)
    assert alone.value == together.value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "where"),
    [("choose", "card"), ("recipe", "recipe"), ("advice", "advice")],
)
def test_what_the_provider_says_is_what_is_served(call: str, where: str) -> None:
    """Other words to one call change that part of the menu, and the recipe's quantities stay."""
    edits = (ReplyEdit(TASKS[call], replace=(".", "; marmalade.")),)
    with (
        running_fake_provider(Script(LATENCY)) as calm,
        running_fake_provider(Script(LATENCY, replies=edits)) as odd,
    ):
        before, after = ran(calm).value, ran(odd).value
    assert "marmalade" in str(getattr(after, where))
    assert "marmalade" not in before.model_dump_json()
    assert after.recipe.ingredients == before.recipe.ingredients


@pytest.mark.slow
def test_faults_that_pass_cost_attempts_and_nothing_else() -> None:
    """An unreadable answer, a cut one and an overloaded provider: each is one failed attempt."""
    faults = (fault("malformed", "recipe"), fault("cut", "advice"), fault("503", "choose"))
    with (
        running_fake_provider(Script(LATENCY)) as calm,
        running_fake_provider(Script(LATENCY, faults)) as ill,
    ):
        before, after, log = ran(calm), ran(ill), ill.log()
    assert after.value == before.value
    assert {path: len(step.attempts) for path, step in after.steps.items()} == {
        "receive_input": 1, "analyze": 2, "write_recipe": 2, "advise_bottle": 2, "merge": 1,
    }  # fmt: skip
    assert (log.requests, log.faulted) == (2 * CALLS, CALLS)


@pytest.mark.slow
def test_an_answer_that_is_never_readable_fails_the_run() -> None:
    """Three attempts, then the run's error: no recipe is made up."""
    with running_fake_provider(Script(LATENCY, (fault("malformed", "recipe", times=None),))) as provider:
        result = ran(provider)
    with pytest.raises(
        RunError, match="Recipe generation failed: simulated did not answer with a RecipeWords"
    ):
        _ = result.value
    assert len(result.steps["write_recipe"].attempts) == 3
    assert result.steps["merge"].value is None


@pytest.mark.slow
def test_unreadable_advice_costs_the_advice() -> None:
    """The run is partial and says why."""
    with running_fake_provider(Script(LATENCY, (fault("malformed", "advice", times=None),))) as provider:
        result = ran(provider)
    assert str(result.status) == "partial"
    assert result.value.advice is None
    assert "simulated did not answer with a AdviceWords" in result.value.warnings[0]


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["recipe", "advice"])
def test_a_timeout_aborts_the_request_and_no_other_follows(
    monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """A branch that gets no answer is cut at its limit; its request is gone, and the log stands still."""
    late = {"recipe": write_recipe, "advice": advise_bottle}[lost]
    monkeypatch.setattr("stretto_apps.cocktail.workflow." + late.name, late.with_options(within=0.4))
    with running_fake_provider(
        Script(LATENCY, (fault("stall", lost, times=None, seconds=STILL),))
    ) as provider:
        begun = time.monotonic()
        result = ran(provider)
        took = time.monotonic() - begun
        gone = settled(provider, lambda log: log.in_flight == 0)
        later = [provider.log() for _ in range(20)]
    assert took < 30
    assert (gone.requests, gone.aborted, gone.in_flight) == (CALLS, 1, 0)
    assert set(later) == {gone}
    if lost == "recipe":
        assert str(result.status) == "failed"
        assert "Recipe generation timed out" in str(result.to_error())
    else:
        assert str(result.status) == "partial"
        assert result.value.recipe.name == "Negroni"


@pytest.mark.slow
def test_a_lost_recipe_aborts_the_advice() -> None:
    """The advice's request is under way when the recipe fails for good: it is aborted, and nothing follows."""
    faults = (
        fault("stall", "advice", times=None, seconds=STILL),
        fault("length", "recipe", times=None),
    )
    with running_fake_provider(Script(LATENCY, faults)) as provider:
        result = ran(provider)
        gone = settled(provider, lambda log: log.in_flight == 0)
        later = [provider.log() for _ in range(20)]
    assert "Recipe generation failed" in str(result.to_error())
    assert result.steps["advise_bottle"].state == "cancelled"
    assert (gone.aborted, gone.in_flight) == (1, 0)
    assert set(later) == {gone}


@pytest.mark.slow
def test_scaled_latencies_over_http_take_the_critical_path() -> None:
    """A tenth of the original's seconds, really waited: dataflow ends before one by one, with the equal value."""
    with running_fake_provider(slow(0.1)) as provider:
        together, alone = ran(provider), ran(provider, sequential=True)
    assert together.value == alone.value
    assert together.timing.makespan >= 0.37
    assert alone.timing.makespan >= 0.54
    assert together.timing.makespan < alone.timing.makespan
    assert together.timing.makespan <= 1.03 * 0.37 + 0.1  # HTTP, and a machine with other work


@pytest.mark.slow
def test_the_script_of_the_examples_prints_both_modes() -> None:
    """At a hundredth of the latencies: two rows whose values are equal."""
    script = Path(__file__).parents[2] / "examples" / "cocktail" / "latencies.py"
    done = subprocess.run(
        [sys.executable, str(script), "0.01"], capture_output=True, text=True, timeout=60, check=True
    )
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(("fast", "full"))]
    assert [(row[0], row[-1]) for row in rows] == [("fast", "True"), ("full", "True")]
