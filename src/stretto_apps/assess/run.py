"""The ways in other than the command line: a direct call, a feature flag, a gradual rollout."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from stretto import Engine
from stretto.errors import PermanentError, RunError
from stretto_apps.assess.rollout import runs_parallel
from stretto_apps.assess.save import save, save_run
from stretto_apps.assess.workflow import MIN_AGENTS, assess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stretto import RunResult
    from stretto.models import Model
    from stretto_apps.assess.types import Assessment, AssessmentRequest

__all__ = ["run_assessment"]


async def run_assessment(
    request: AssessmentRequest | str,
    *,
    use_parallel: bool = True,
    user_id: str | None = None,
    rollout: int | None = None,
    model: Model | None = None,
    engine: Engine | None = None,
    agent_limits: Mapping[str, float] | None = None,
    min_agents: int = MIN_AGENTS,
    sources: Sequence[str] | None = None,
    output: str | None = None,
) -> RunResult[Assessment]:
    """Runs one assessment as dataflow, or one step at a time in author order; the values are equal.

    `use_parallel=False` always means one at a time. With a `rollout` (percent: 10, 25, 50, 100) only its
    users get dataflow, the same user always alike. It runs on `engine`, else on one of its own with `model`
    to word the findings, else on the workflow's; at most five assessments are under way at once on one
    engine. With `output` the reports and the page about the run are written into a new folder below it.

    Raises `RunError`, with the result, when the run has no value or its reports cannot be written.
    """
    is_parallel = runs_parallel(use_parallel=use_parallel, user_id=user_id, rollout=rollout)
    chosen = assess.with_options(
        sequential=not is_parallel,
        engine=engine or (Engine(resources={"model": model}) if model is not None else None),
    )
    result = await chosen.arun(
        request,
        agent_limits=dict(agent_limits) if agent_limits is not None else None,
        min_agents=min_agents,
        sources=list(sources) if sources is not None else None,
    )
    if output is not None:
        await asyncio.to_thread(_write, result, output)
    return result


def _write(result: RunResult[Assessment], output: str) -> None:
    """After the run, as the page about it needs its times; what was paid for is in the error."""
    try:
        first, *_ = save(result.value, output)
        save_run(result, first.parent)
    except PermanentError as trouble:
        raise RunError(f"{trouble} The assessment is done: it is in .result.", result) from trouble
