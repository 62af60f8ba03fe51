"""The result of a run: of one driven here, or as a journal tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stretto.api.result import Finished, RunResult
from stretto.core.journal import facts as kinds
from stretto.core.journal.view import RunStatus
from stretto.runtime.engine.inputs import Values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto.core.journal.facts import Fact
    from stretto.runtime.engine.driver import RunDriver
    from stretto.runtime.engine.recovery import Recovered
    from stretto.runtime.engine.usage import Usage

__all__ = ["result_of", "result_of_journal"]

_STATUS: Final = {
    kinds.RUN_STARTED: RunStatus.RUNNING,
    kinds.RUN_WAITING: RunStatus.WAITING,
    kinds.RUN_RESUMED: RunStatus.RUNNING,
    kinds.RUN_SUCCEEDED: RunStatus.SUCCEEDED,
    kinds.RUN_PARTIAL: RunStatus.PARTIAL,
    kinds.RUN_FAILED: RunStatus.FAILED,
    kinds.RUN_CANCELLED: RunStatus.CANCELLED,
}


def result_of(driver: RunDriver) -> RunResult[object]:
    """The result of a run that was driven in this process."""
    finished = Finished(
        driver.info.run_id,
        driver.created,
        driver.facts,
        driver.values,
        driver.errors,
        driver.scheduler.failures,
        has_hidden=driver.has_hidden,
    )
    return _result(finished, driver.account.usage)


def result_of_journal(run_id: str, recovered: Recovered) -> RunResult[object]:
    """The result of a run as its journal tells it, ended or not. What its steps raised is told by text only."""
    scheduler = recovered.scheduler
    values = Values(scheduler.graph, scheduler.values)
    finished = Finished(
        run_id,
        recovered.created,
        recovered.facts,
        values,
        {},
        scheduler.failures,
        has_hidden=recovered.reader.has_hidden,
    )
    return _result(finished, recovered.usage)


def _result(finished: Finished, usage: Usage) -> RunResult[object]:
    status = status_of(finished.facts)
    value: object = None
    if status in (RunStatus.SUCCEEDED, RunStatus.PARTIAL):
        value = finished.values.filled(finished.created.graph.output)
    return RunResult(finished, value, status, usage)


def status_of(facts: Sequence[Fact]) -> RunStatus:
    """How a run stands after these facts."""
    last = next((fact[0] for fact in reversed(facts) if fact[0] in _STATUS), None)
    return RunStatus.QUEUED if last is None else _STATUS[last]
