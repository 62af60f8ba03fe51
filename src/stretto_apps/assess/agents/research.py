"""Technology research: which way of building fits the load, the data and the team, by a scored table."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING

from stretto_apps.assess.data.patterns import PATTERNS, Pattern
from stretto_apps.assess.data.versions import canonical_name
from stretto_apps.assess.findings import Findings, computed, grade, recommendation
from stretto_apps.assess.types import Priority

if TYPE_CHECKING:
    from stretto_apps.assess.types import AssessmentRequest, Evidence, Recommendation

__all__ = ["AGENT", "demand", "find", "fit", "ranked"]

AGENT = "research"
SOURCE = "table of patterns, scores are the authors' judgment"
PLATFORM_TEAM = 8  # engineers below which a cluster of one's own costs more than it gives
CRITERIA = ("scale", "data", "simplicity", "availability", "elasticity")


def find(request: AssessmentRequest) -> Findings:
    """Ranks the patterns made for this kind of workload by how far they fall short of what is asked."""
    order = ranked(request)
    facts = _facts(request, order)
    best = order[0][1]
    return Findings(
        agent=AGENT,
        title="Technology fit",
        headline=f"For this {request.workload.kind} workload {best.title} fits best.",
        highlights=_highlights(order),
        facts=facts,
        recommendations=tuple(_recommendations(request, order)),
        confidence=grade(facts, request.workload.requests_per_second > 0, bool(request.stack)),
    )


def demand(request: AssessmentRequest) -> dict[str, float]:
    """What is asked of an architecture, 0 to 5 on each criterion.

    Load and data count by powers of ten (5 at 10 000 requests a second, at 100 TB); a small team asks for
    simplicity; nines of availability; growth and a load that comes and goes for elasticity.
    """
    work, engineers = request.workload, request.scale.engineers
    return {
        "scale": _bounded(1.25 * log10(1.0 + work.requests_per_second)),
        "data": _bounded(log10(1.0 + work.data_gb)),
        "simplicity": _bounded(5.0 - engineers / 6.0),
        "availability": _bounded(-1.5 * log10(1.0 - work.availability_target / 100.0)),
        "elasticity": _bounded(1.5 + work.growth_percent / 40.0),
    }


def fit(pattern: Pattern, wanted: dict[str, float]) -> float:
    """0 to 100: 100 less the weighted shortfall; what is offered beyond the demand counts for nothing."""
    short = sum(max(0.0, wanted[name] - _offer(pattern, name)) * wanted[name] for name in CRITERIA)
    worst = sum(wanted[name] ** 2 for name in CRITERIA)
    return round(100.0 * (1.0 - short / worst), 2) if worst else 100.0


def ranked(request: AssessmentRequest) -> list[tuple[float, Pattern]]:
    """(fit, pattern) of those meant for this kind of workload, best first; ties in the table's order."""
    wanted = demand(request)
    meant = [pattern for pattern in PATTERNS if request.workload.kind in pattern.kinds]
    return sorted(((fit(p, wanted), p) for p in meant), key=lambda pair: -pair[0])


def _offer(pattern: Pattern, name: str) -> float:
    offers = {
        "scale": pattern.scale,
        "data": pattern.data,
        "simplicity": pattern.simplicity,
        "availability": pattern.availability,
        "elasticity": pattern.elasticity,
    }
    return offers[name]


def _bounded(value: float) -> float:
    return round(min(5.0, max(0.0, value)), 3)


def _highlights(order: list[tuple[float, Pattern]]) -> tuple[str, ...]:
    first = f"Mind with {order[0][1].title}: {order[0][1].caution}."
    if len(order) < 2:
        return (first,)
    value, second = order[1]
    return (first, f"Second choice, {order[0][0] - value:.0f} points behind: {second.title}.")


def _facts(request: AssessmentRequest, order: list[tuple[float, Pattern]]) -> tuple[Evidence, ...]:
    fits = tuple(
        computed(f"Fit of {pattern.id}", value, "points of 100", SOURCE, assumption=True)
        for value, pattern in order[:4]
    )
    asked = demand(request)
    needs = tuple(
        computed(f"Demand for {name}", asked[name], "of 5", "formula over the request") for name in CRITERIA
    )
    return (*fits, *needs)


def _recommendations(request: AssessmentRequest, order: list[tuple[float, Pattern]]) -> list[Recommendation]:
    value, best = order[0]
    margin = value - order[1][0] if len(order) > 1 else 20.0
    found = [
        recommendation(
            AGENT,
            f"pattern-{best.id}",
            "architecture",
            f"Build what is new as {best.title}",
            reason=f"It meets {value:.0f} of 100 points of what load, data, team and availability ask; "
            f"{best.caution}.",
            priority=Priority.MEDIUM,
            confidence=min(0.85, 0.5 + margin / 50.0),
            evidence=(computed(f"Fit of {best.id}", value, "points of 100", SOURCE, assumption=True),),
        )
    ]
    return [*found, *_cluster(request)]


def _cluster(request: AssessmentRequest) -> list[Recommendation]:
    names = {canonical_name(component.name) for component in request.stack}
    engineers = request.scale.engineers
    if "kubernetes" not in names or engineers >= PLATFORM_TEAM:
        return []
    return [
        recommendation(
            AGENT,
            "managed-services",
            "team",
            "Hand the upkeep of databases, queues and clusters to managed services",
            reason=f"A cluster of one's own asks for about {PLATFORM_TEAM} engineers; there are {engineers}.",
            priority=Priority.MEDIUM,
            confidence=0.65,
            evidence=(computed("Engineers", engineers, "engineers", "request: scale.engineers"),),
        )
    ]
