"""The metrics of one assessment, read from its run; nothing is kept on a shared object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto_apps.assess.agents import AGENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stretto import RunResult, StepResult
    from stretto_apps.assess.types import Assessment

__all__ = ["PHASES", "RunMetrics", "metrics"]

# phase -> its steps; a phase lasts from its first start to its last end
PHASES: Mapping[str, tuple[str, ...]] = {
    "validation": ("validate_request",),
    "agents": AGENTS,
    "synthesis": ("synthesize_findings",),
    "professional_services": ("compliance_engine", "cost_model"),
    "reports": ("write_executive", "write_technical", "write_stakeholder", "assemble", "save_reports"),
}


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """What one run took; seconds.

    `speedup` is the sum of the steps' times over the time the run took: an estimate of what running one by
    one would have taken, and labelled so in `speedup_label`. It is None on a run without a value.
    """

    total_agents: int
    completed_agents: int
    failed_agents: int
    total_time: float
    phase_times: dict[str, float]
    speedup: float | None
    speedup_label: str
    success_rate: float


def metrics(result: RunResult[Assessment]) -> RunMetrics:
    """The metrics of a finished run, whatever its status."""
    steps = {path.rsplit("/", 1)[-1]: found for path, found in result.steps.items()}
    agents = [steps[name] for name in AGENTS if name in steps]
    completed = sum(agent.state == "succeeded" for agent in agents)
    timing = result.timing
    has_value = str(result.status) in {"succeeded", "partial"} and timing.makespan > 0
    return RunMetrics(
        total_agents=len(agents),
        completed_agents=completed,
        failed_agents=len(agents) - completed,
        total_time=timing.makespan,
        phase_times={
            name: _span(steps[s] for s in members if s in steps) for name, members in PHASES.items()
        },
        speedup=timing.work / timing.makespan if has_value else None,
        speedup_label="estimate" if has_value else "none: the run has no value",
        success_rate=completed / len(agents) if agents else 0.0,
    )


def _span(members: Iterable[StepResult]) -> float:
    ran = [(s.started_at, s.ended_at) for s in members if s.started_at is not None and s.ended_at is not None]
    return max(end for _, end in ran) - min(start for start, _ in ran) if ran else 0.0
