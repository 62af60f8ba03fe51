"""The metrics of one assessment, read from its run; nothing is kept on a shared object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto_apps.assess.agents import AGENTS
from stretto_apps.assess.synthesis import WHY
from stretto_apps.assess.types import AgentReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stretto import RunResult, StepResult
    from stretto_apps.assess.types import Assessment

__all__ = ["PHASES", "AgentShare", "RunMetrics", "agent_shares", "metrics"]

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

    `speedup` is what one by one takes over what the run took. `speedup_label` says where the former comes
    from: "measured", or an "estimate", the sum of the steps' times. It is None on a run without a value.
    """

    total_agents: int
    completed_agents: int
    failed_agents: int
    total_time: float
    phase_times: dict[str, float]
    speedup: float | None
    speedup_label: str
    success_rate: float


@dataclass(frozen=True, slots=True)
class AgentShare:
    """One agent's part of the agents' work. `seconds` is the running time of all its attempts, without waits.

    `share` is a fraction of 1, and 0 for all where no agent ran. `why` is empty for an agent that reported.
    """

    agent: str
    title: str
    seconds: float
    share: float
    attempts: int
    why: str


def metrics(result: RunResult[Assessment], *, one_by_one: float | None = None) -> RunMetrics:
    """The metrics of a finished run, whatever its status.

    `one_by_one` is the measured length, in seconds, of the same assessment one step at a time.
    """
    steps = {path.rsplit("/", 1)[-1]: found for path, found in result.steps.items()}
    agents = [steps[name] for name in AGENTS if name in steps]
    completed = sum(agent.state == "succeeded" for agent in agents)
    timing = result.timing
    has_value = str(result.status) in {"succeeded", "partial"} and timing.makespan > 0
    before, label = (timing.work, "estimate") if one_by_one is None else (one_by_one, "measured")
    return RunMetrics(
        total_agents=len(agents),
        completed_agents=completed,
        failed_agents=len(agents) - completed,
        total_time=timing.makespan,
        phase_times={
            name: _span(steps[s] for s in members if s in steps) for name, members in PHASES.items()
        },
        speedup=before / timing.makespan if has_value else None,
        speedup_label=label if has_value else "none: the run has no value",
        success_rate=completed / len(agents) if agents else 0.0,
    )


def agent_shares(result: RunResult[Assessment]) -> tuple[AgentShare, ...]:
    """Each agent's part of the work, in author order; agents that are missing are among them."""
    steps = {path.rsplit("/", 1)[-1]: found for path, found in result.steps.items()}
    agents = {name: steps[name] for name in AGENTS if name in steps}
    ran = {name: _running_time(step) for name, step in agents.items()}
    total = sum(ran.values())
    return tuple(
        AgentShare(
            agent=name,
            title=_title(name, step),
            seconds=ran[name],
            share=ran[name] / total if total else 0.0,
            attempts=len(step.attempts),
            why=_why(step),
        )
        for name, step in agents.items()
    )


def _running_time(step: StepResult) -> float:
    """An attempt that was cut ends, at the latest, with its step."""
    ends = (attempt.ended_at or step.ended_at or attempt.started_at for attempt in step.attempts)
    return sum(end - attempt.started_at for attempt, end in zip(step.attempts, ends, strict=True))


def _title(agent: str, step: StepResult) -> str:
    found = step.value
    return found.title if isinstance(found, AgentReport) else agent.replace("_", " ").capitalize()


def _why(step: StepResult) -> str:
    """The synthesis' words for it, which are there only where there is a synthesis."""
    if step.state == "succeeded":
        return ""
    failure = step.failure
    is_late = failure is not None and failure.cause == "timed_out"
    detail = step.reason if failure is None else failure.message
    why = WHY.get("timed_out" if is_late else step.state, step.state)
    return f"{why}: {detail}" if detail else why


def _span(members: Iterable[StepResult]) -> float:
    ran = [(s.started_at, s.ended_at) for s in members if s.started_at is not None and s.ended_at is not None]
    return max(end for _, end in ran) - min(start for start, _ in ran) if ran else 0.0
