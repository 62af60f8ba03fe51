"""Stretto runs agent workflows as fast as their critical path, and proves that nothing changed.

The names a workflow's author needs are here; importing them loads neither asyncio nor pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.api.engine import Engine
from stretto.api.workflow import Workflow, workflow
from stretto.authoring import (
    PlanProblem,
    PlanStep,
    Ref,
    Step,
    approve,
    ask,
    check_plan,
    choose,
    expand,
    from_engine,
    group,
    repeat,
    sleep,
    step,
    wait_for,
)
from stretto.context import current
from stretto.core.limits import Budget
from stretto.core.policy import OnFailure, OnLost, Retry
from stretto.core.values import Missing
from stretto.core.values.secret import Secret
from stretto.errors import PermanentError, RunError, StrettoError, TransientError

if TYPE_CHECKING:
    from stretto.api.result import RunResult as RunResult
    from stretto.api.result import StepResult as StepResult

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "Engine",
    "Missing",
    "OnFailure",
    "OnLost",
    "PermanentError",
    "PlanProblem",
    "PlanStep",
    "Ref",
    "Retry",
    "RunError",
    "RunResult",
    "Secret",
    "Step",
    "StepResult",
    "StrettoError",
    "TransientError",
    "Workflow",
    "approve",
    "ask",
    "check_plan",
    "choose",
    "current",
    "expand",
    "from_engine",
    "group",
    "repeat",
    "sleep",
    "step",
    "wait_for",
    "workflow",
]


def __getattr__(name: str) -> object:
    if name in ("RunResult", "StepResult"):
        from stretto.api import result

        return getattr(result, name)
    raise AttributeError(f"module 'stretto' has no attribute {name!r}")
