"""A request to vary, for the tests of the assessment."""

from __future__ import annotations

from stretto_apps.assess.types import AssessmentRequest, Component, Scale, Workload

__all__ = ["component", "request"]

_SCALE: dict[str, object] = {"employees": 120, "engineers": 20, "users": 50_000}
_WORKLOAD: dict[str, object] = {
    "kind": "web",
    "requests_per_second": 300.0,
    "average_cpu_ms": 40.0,
    "data_gb": 2_000.0,
    "egress_gb": 3_000.0,
    "growth_percent": 30.0,
    "availability_target": 99.95,
}
_REQUEST: dict[str, object] = {
    "company": "Acme",
    "industry": "software",
    "monthly_budget": 20_000.0,
    "region": "eu-central-1",
    "provider": "aws",
    "support_tickets_per_month": 800,
    "stack": (
        Component(name="postgresql", version="11", kind="database"),
        Component(name="node", version="24"),
    ),
    "goals": ("grow",),
}


def request(**changes: object) -> AssessmentRequest:
    """A web company on AWS in Frankfurt; `changes` go to whichever of request, scale or workload has the
    field.
    """
    scale, work, rest = dict(_SCALE), dict(_WORKLOAD), dict(_REQUEST)
    for name, value in changes.items():
        part = scale if name in Scale.model_fields else work if name in Workload.model_fields else rest
        part[name] = value
    return AssessmentRequest.model_validate({**rest, "scale": scale, "workload": work})


def component(name: str, version: str | None, kind: str = "service") -> Component:
    """One piece of a stack."""
    return Component(name=name, version=version, kind=kind)
