"""The switch, the timing log, and that a crew stays a crew."""

from __future__ import annotations

import logging
from itertools import pairwise

import pytest

from apps.cocktail_models import CABINET, LATENCIES, TimedModel, chosen, ran
from stretto import Engine
from stretto.errors import ConfigError, PermanentError
from stretto_apps.cocktail import cocktail, cocktail_chained
from stretto_apps.cocktail.crew import Crew, is_switched_on

LOGGER = "stretto_apps.cocktail.crew"


@pytest.fixture(autouse=True)
def _switch_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARALLEL_CREWS", raising=False)


@pytest.mark.parametrize(
    ("text", "is_on"),
    [
        *((text, True) for text in ("true", "1", " ON ", "yes", "")),
        *((text, False) for text in ("false", "0", "Off", "no")),
    ],
)
def test_the_switch_is_read_from_the_environment(text: str, is_on: bool) -> None:
    """The usual words, in any case."""
    assert is_switched_on({"PARALLEL_CREWS": text}) is is_on


def test_the_switch_is_on_by_default_and_refuses_other_words() -> None:
    """What is neither on nor off is not taken for one of them."""
    assert is_switched_on({})
    with pytest.raises(ConfigError, match=r"PARALLEL_CREWS='perhaps' is neither on nor off\. Set it to true"):
        is_switched_on({"PARALLEL_CREWS": "perhaps"})


def overlaps(model: TimedModel) -> bool:
    """Whether any two calls were under way at the same time."""
    calls = sorted(model.calls, key=lambda call: call.begun)
    return any(later.begun < (before.ended or 0.0) for before, later in pairwise(calls))


@pytest.mark.parametrize(
    ("text", "is_asked", "is_parallel"),
    [("true", True, True), ("true", False, False), ("false", True, False), ("false", False, False)],
)
def test_parallel_only_when_on_and_advice_asked_for(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    text: str,
    is_asked: bool,
    is_parallel: bool,
) -> None:
    """The four cases: what overlaps, and what the log says of it."""
    caplog.set_level(logging.INFO, LOGGER)
    monkeypatch.setenv("PARALLEL_CREWS", text)
    model = TimedModel()
    ran(model, include_bottle_advice=is_asked)
    assert overlaps(model) is is_parallel
    assert ("(parallel)" in caplog.text, "(sequential)" in caplog.text) == (is_parallel, not is_parallel)


def test_the_switch_is_read_when_a_run_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One workflow object, three runs, each as the switch stood."""
    runs = chosen(TimedModel())
    lengths = []
    for text in ("true", "false", "true"):
        monkeypatch.setenv("PARALLEL_CREWS", text)
        lengths.append(ran(workflow=runs).timing.makespan)
    assert lengths == pytest.approx([3.7, 5.4, 3.7])


def test_one_at_a_time_is_in_author_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe comes before the advice, as the original's sequential form had it."""
    monkeypatch.setenv("PARALLEL_CREWS", "false")
    model = TimedModel()
    ran(model, mode="full")
    assert [call.kind for call in model.calls] == ["choose", "again", "recipe", "advice"]


@pytest.mark.parametrize(
    ("text", "line"),
    [("true", "Recipe generation (parallel): 1.80s"), ("false", "Recipe generation (sequential): 3.50s")],
)
def test_the_timing_log_is_measured(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, text: str, line: str
) -> None:
    """The stage of recipe and advice, in seconds, with the original's latencies: 3–4 s and 1.5–2 s."""
    caplog.set_level(logging.INFO, LOGGER)
    monkeypatch.setenv("PARALLEL_CREWS", text)
    result = ran()
    assert [record.getMessage() for record in caplog.records if record.name == LOGGER] == [line]
    assert "1.80" not in result.value.model_dump_json()


def test_the_timing_log_waits_for_slow_advice(caplog: pytest.LogCaptureFixture) -> None:
    """The stage lasts until both branches have settled."""
    caplog.set_level(logging.INFO, LOGGER)
    ran(TimedModel({**LATENCIES, "advice": 10.0}))
    assert "Recipe generation (parallel): 8.10s" in caplog.text


def test_a_lost_recipe_is_not_timed(caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing to claim for a run without a value."""
    caplog.set_level(logging.INFO, LOGGER)
    ran(TimedModel(faults={"recipe": PermanentError("no")}))
    assert "Recipe generation" not in caplog.text


def test_a_crew_stays_a_crew_through_its_options() -> None:
    """Options set twice keep each other, and the switch goes on being read."""
    engine = Engine(resources={"model": TimedModel()})
    once = cocktail.with_options(engine=engine, sequential=True)
    twice = once.with_options(max_concurrency=7)
    assert isinstance(once, Crew)
    assert isinstance(twice, Crew)
    assert twice.engine is engine
    assert ran(workflow=twice).timing.makespan == pytest.approx(5.4)
    assert isinstance(cocktail_chained, Crew)
    assert cocktail.with_options(within=7.0).within == 7.0


def test_a_switch_that_cannot_be_read_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes before the first call."""
    monkeypatch.setenv("PARALLEL_CREWS", "perhaps")
    model = TimedModel()
    with pytest.raises(ConfigError):
        chosen(model).run(CABINET)
    assert model.calls == []


def test_other_failures_keep_their_words() -> None:
    """Only the recipe's failure is told as one; the engine's own record keeps the plain text."""
    lost = ran(TimedModel(faults={"choose": PermanentError("no idea")}))
    assert [str(failure) for failure in lost.failures] == ["analyze: PermanentError: no idea"]
    recipe = ran(TimedModel(faults={"recipe": PermanentError("the pen is dry")}))
    failure = recipe.steps["write_recipe"].failure
    assert failure is not None
    assert failure.message == "the pen is dry"
