"""`Recorder` keeps what it was told, in order."""

from __future__ import annotations

from stretto import current, step, workflow
from stretto.testing import Recorder, run_virtual


@step
async def first() -> int:
    current().progress(1, 2, "half")
    return 1


@step
async def second(x: int) -> int:
    return x + 1


@workflow
def chain() -> object:
    return second(first())


def test_decisions_facts_and_events() -> None:
    """Decisions stay apart, facts and events are all of them in order."""
    recorder = Recorder()
    run_virtual(chain.with_options(observers=[recorder]).arun())
    assert len(recorder.decisions) == 3
    assert recorder.facts == [fact for decision in recorder.decisions for fact in decision]
    assert recorder.started == ("first", "second")
    assert [event.type for event in recorder.events if event.step == "second"] == [
        "step.started",
        "step.succeeded",
    ]


def test_telemetry() -> None:
    """What a step says is kept with its path."""
    recorder = Recorder()
    run_virtual(chain.with_options(observers=[recorder]).arun())
    assert [(record.type, record.step) for record in recorder.telemetry] == [("step.progress", "first")]


def test_nothing_yet() -> None:
    """Before a run there is nothing to read, and reading it is no error."""
    recorder = Recorder()
    assert (recorder.facts, recorder.events, recorder.started) == ([], [], ())
