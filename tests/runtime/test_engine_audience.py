"""Whom a run tells what happens."""

from __future__ import annotations

import asyncio
import logging

import pytest

from core.schedule_cases import drawn
from stretto import Engine, current, step, workflow
from stretto.ports import RunInfo
from stretto.runtime.engine.audience import Audience
from stretto.testing import Recorder

INFO = RunInfo("r1", "flow", drawn("a", "b"))


def _audience(*observers: Recorder) -> Audience:
    return Audience(INFO, observers, lambda: 5.0, asyncio.get_running_loop())


def test_telemetry_reaches_observers_with_its_step() -> None:
    """Kind, path, attempt, instant and data."""
    recorder = Recorder()

    async def run() -> None:
        _audience(recorder).tell("step.progress", 1, 2, done=3)
        await asyncio.sleep(0)

    asyncio.run(run())
    (record,) = recorder.telemetry
    assert (record.type, record.step, record.attempt, record.at) == ("step.progress", "b", 2, 5.0)
    assert record.data == {"done": 3}


def test_what_was_said_before_the_end_is_heard() -> None:
    """A run of inline glue ends within one turn of the loop: nothing it said may wait for the next."""
    recorder = Recorder()

    @step(inline=True)
    def glue() -> int:
        current().progress("nearly")
        return 1

    @workflow
    def flow() -> int:
        return glue()

    flow.with_options(engine=Engine(observers=[recorder])).run()
    assert [record.data["done"] for record in recorder.telemetry] == ["nearly"]


@pytest.mark.parametrize(("kind", "level"), [("usage", logging.WARNING), ("step.output", logging.DEBUG)])
def test_a_closed_audience_hears_nothing(kind: str, level: int, caplog: pytest.LogCaptureFixture) -> None:
    """Behind the run's end nothing is shown; late spending is a warning."""
    recorder = Recorder()

    async def run() -> None:
        audience = _audience(recorder)
        audience.close()
        audience.tell(kind, 0, 1, input_tokens=3, output_tokens=4, cost=0.5)
        await asyncio.sleep(0)

    with caplog.at_level(logging.DEBUG, "stretto.engine"):
        asyncio.run(run())
    assert recorder.telemetry == []
    assert [record.levelno for record in caplog.records if record.name == "stretto.engine"] == [level]


def test_telling_after_the_loop_has_closed_is_no_error() -> None:
    """A thread that outlives everything may go on talking; nobody listens."""

    async def make() -> Audience:
        return _audience()

    asyncio.run(make()).tell("step.output", 0, 1, text="anyone?")


def test_the_steps_logger(caplog: pytest.LogCaptureFixture) -> None:
    """Records carry run, step and attempt, and become telemetry; disabled levels do neither."""
    recorder = Recorder()

    async def run() -> None:
        logger = _audience(recorder).logger(1, 2)
        with caplog.at_level(logging.INFO, "stretto.step"):
            logger.info("found %d of %d", 3, 4)
            logger.debug("not this")
        await asyncio.sleep(0)

    asyncio.run(run())
    (record,) = caplog.records
    assert (record.getMessage(), record.name) == ("found 3 of 4", "stretto.step")
    assert (record.run, record.step, record.attempt) == ("r1", "b", 2)  # type: ignore[attr-defined]
    assert [one.data for one in recorder.telemetry] == [{"level": "info", "text": "found 3 of 4"}]
