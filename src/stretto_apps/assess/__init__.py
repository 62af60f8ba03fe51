"""Infrastructure assessment: eleven agents, a synthesis, a compliance engine, a cost model and three reports.

`assess` is the workflow; `run_assessment` runs it with the feature flags; `save.save` writes its reports and
`save.save_run` the page about the run; `metrics.metrics` reads a run's figures. Names are loaded when first
used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stretto_apps.assess.examples import example_request
    from stretto_apps.assess.metrics import RunMetrics
    from stretto_apps.assess.run import run_assessment
    from stretto_apps.assess.types import Assessment, AssessmentRequest
    from stretto_apps.assess.workflow import assess

__all__ = [
    "Assessment",
    "AssessmentRequest",
    "RunMetrics",
    "assess",
    "example_request",
    "run_assessment",
]

_HOMES = {
    "Assessment": "types",
    "AssessmentRequest": "types",
    "RunMetrics": "metrics",
    "assess": "workflow",
    "example_request": "examples",
    "run_assessment": "run",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
