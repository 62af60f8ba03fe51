"""The eleven agents: what each computes is a pure function `find(request)` in its own file.

Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stretto_apps.assess.findings import Findings
    from stretto_apps.assess.types import AssessmentRequest

__all__ = ["AGENTS", "LIMITS", "find"]

# Seconds over all attempts, in author order.
LIMITS: Mapping[str, float] = {
    "strategy": 300,
    "cloud_engineer": 300,
    "research": 180,
    "mlops": 240,
    "infrastructure": 240,
    "compliance": 200,
    "ai_consultant": 240,
    "web_research": 180,
    "simulation": 300,
    "support": 120,
    "security": 240,
}
AGENTS = tuple(LIMITS)


def find(agent: str, request: AssessmentRequest) -> Findings:
    """What one agent computes for a request. `KeyError` for an agent there is not."""
    if agent not in LIMITS:
        raise KeyError(agent)
    known: Callable[[AssessmentRequest], Findings] = import_module(f"{__name__}.{agent}").find
    return known(request)
