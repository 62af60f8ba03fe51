"""One workflow, one by one and as dataflow: the same inputs, and nothing cut by a deadline in either."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stretto.core.forecast.estimates import Estimates
    from stretto.proof import Mode
    from stretto.service.targets import AnyWorkflow
    from stretto.service.wiring import Wired

__all__ = ["BothWays"]


class BothWays:
    """Prepares a workflow's runs. Each knows the lengths of steps that the runs before it have taught."""

    def __init__(self, workflow: AnyWorkflow, max_concurrency: int | None = None) -> None:
        self._workflow = workflow
        self._max_concurrency = max_concurrency
        self._estimates: Estimates | None = None

    def prepared(self, mode: Mode, wired: Wired) -> AnyWorkflow:
        """The workflow to run in this mode on a newly wired engine.

        Deadlines of the run and of groups are suspended: what they would cut in one mode alone would make the
        two values differ. Attempts keep their timeouts.
        """
        if self._estimates is not None:
            wired.engine.estimates = self._estimates
        self._estimates = wired.engine.estimates
        return self._workflow.with_options(
            engine=wired.engine,
            sequential=mode.is_sequential,
            suspend_deadlines=True,
            max_concurrency=self._max_concurrency,
        )
