"""Many assessments on one engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from apps.assess_requests import request
from stretto import Engine, RunResult
from stretto.core.journal import facts as kinds
from stretto_apps.assess import Assessment, assess
from stretto_apps.assess.workflow import MAX_RUNS

if TYPE_CHECKING:
    from stretto.core.journal.facts import Fact
    from stretto.ports import RunInfo, Telemetry


class UnderWay:
    """An observer that counts the runs which have begun and not ended."""

    def __init__(self) -> None:
        self.runs: set[str] = set()
        self.most = 0
        self.ended = 0

    def on_facts(self, run: RunInfo, facts: list[Fact]) -> None:
        """Count a run in with its first fact, and out with its last."""
        for kind, *_ in facts:
            if kind == kinds.RUN_STARTED:
                self.runs.add(run.run_id)
            elif kind in kinds.ENDS_OF_RUN:
                self.runs.remove(run.run_id)
                self.ended += 1
        self.most = max(self.most, len(self.runs))

    def on_telemetry(self, run: RunInfo, record: Telemetry) -> None:
        """Not counted."""


@pytest.mark.slow
def test_ten_at_once_on_one_engine() -> None:
    """All ten succeed with the value of a run alone, and five are under way at once: no more, no fewer."""
    seen = UnderWay()
    chosen = assess.with_options(engine=Engine(observers=[seen]))

    async def together() -> list[RunResult[Assessment]]:
        return await asyncio.gather(*(chosen.arun(request()) for _ in range(10)))

    results = asyncio.run(together())
    alone = assess.run(request()).value
    assert [str(result.status) for result in results] == ["succeeded"] * 10
    assert all(result.value == alone for result in results)
    assert len({result.run_id for result in results}) == 10
    assert (seen.most, seen.ended, MAX_RUNS) == (5, 10, 5)
