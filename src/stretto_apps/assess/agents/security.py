"""Security: how much of a baseline is in place, how exposed the system is, and what to do first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.data.practices import PRACTICES, Practice
from stretto_apps.assess.data.risks import RISKS
from stretto_apps.assess.data.versions import support_of
from stretto_apps.assess.findings import (
    Findings,
    computed,
    from_request,
    grade,
    has,
    practice,
    recommendation,
)
from stretto_apps.assess.sizing import mean_rps
from stretto_apps.assess.types import Priority

if TYPE_CHECKING:
    from stretto_apps.assess.types import AssessmentRequest, Evidence, Recommendation

__all__ = ["AGENT", "baseline", "coverage", "exposure", "find"]

AGENT = "security"
SHOWN = 10
# What makes a system worth attacking or easy to reach, in points of 100; the authors' judgment.
PUBLIC, PERSONAL, HEALTH, CARDS, OUTDATED, WIDE = 25, 15, 20, 25, 8, 10
EXPOSED = 50
WAF_RULES = 10
WAF_BASE, WAF_RULE, WAF_MILLION = 5.0, 1.0, 0.60  # AWS WAF: access list, rule, million requests


def find(request: AssessmentRequest) -> Findings:
    """Coverage of the weighted baseline, an exposure score from data and stack, and the missing controls by
    weight.
    """
    facts = _facts(request)
    missing = _missing(request)
    return Findings(
        agent=AGENT,
        title="Security",
        headline=f"{coverage(request):.0%} of the weighted security baseline is in place, "
        f"at an exposure of {exposure(request)} of 100.",
        highlights=_highlights(request, missing),
        facts=facts,
        recommendations=(*_patches(request), *(_recommendation(request, p) for p in missing[:SHOWN])),
        confidence=grade(facts, bool(request.controls), bool(request.stack)),
    )


def baseline() -> tuple[Practice, ...]:
    """The practices with a weight in the security baseline, heaviest first."""
    weighted = [known for known in PRACTICES.values() if known.weight]
    return tuple(sorted(weighted, key=lambda known: -known.weight))


def coverage(request: AssessmentRequest) -> float:
    """Share of the baseline's weight that is in place, 0 to 1."""
    listed = baseline()
    return sum(p.weight for p in listed if has(request, p.id)) / sum(p.weight for p in listed)


def exposure(request: AssessmentRequest) -> int:
    """0 to 100: how much an attacker could gain and reach; the sum of what applies, capped."""
    parts = (
        PUBLIC * (request.workload.kind in {"web", "api", "ml-inference"}),
        PERSONAL * request.handles_personal_data,
        HEALTH * request.handles_health_data,
        CARDS * request.handles_card_data,
        OUTDATED * len(_outdated(request)),
        WIDE * (len(request.stack) > 6),
    )
    return min(100, sum(parts))


def _outdated(request: AssessmentRequest) -> list[str]:
    return [
        f"{part.name} {part.version}"
        for part in request.stack
        if (left := support_of(part).days_left) is not None and left < 0
    ]


def _missing(request: AssessmentRequest) -> list[Practice]:
    wanted = [known for known in baseline() if not has(request, known.id)]
    if request.workload.kind not in {"web", "api"}:
        wanted = [known for known in wanted if known.id != "waf"]
    return wanted


def _highlights(request: AssessmentRequest, missing: list[Practice]) -> tuple[str, ...]:
    lines = [f"{len(missing)} of {len(baseline())} baseline controls are not in place."]
    outdated = _outdated(request)
    if outdated:
        lines.append(f"Known holes stay open in: {', '.join(outdated)}.")
    return tuple(lines)


def _facts(request: AssessmentRequest) -> tuple[Evidence, ...]:
    return (
        computed(
            "Baseline in place", coverage(request) * 100, "%", "weight in place / weight of the baseline"
        ),
        computed(
            "Exposure", exposure(request), "of 100", "points by data, public entry and stack", assumption=True
        ),
        computed("Outdated components", len(_outdated(request)), "components", "end-of-life table"),
        from_request("Controls listed", len(request.controls), "controls", "controls"),
    )


def _patches(request: AssessmentRequest) -> list[Recommendation]:
    outdated = _outdated(request)
    if not outdated or exposure(request) < EXPOSED:
        return []
    return [
        recommendation(
            AGENT,
            "shield-outdated",
            "end of life",
            "Take outdated components off every public path until they are upgraded",
            reason=f"{', '.join(outdated)} get no fixes, at an exposure of {exposure(request)} of 100.",
            priority=Priority.CRITICAL,
            confidence=0.8,
            evidence=(computed("Outdated components", len(outdated), "components", "end-of-life table"),),
        )
    ]


def _recommendation(request: AssessmentRequest, missing: Practice) -> Recommendation:
    exposed = exposure(request)
    urgency = missing.weight * (1.0 + exposed / 100.0)
    weight = computed("Weight in the baseline", missing.weight, "of 10", "baseline table", assumption=True)
    reach = computed("Exposure", exposed, "of 100", "points by data, public entry and stack", assumption=True)
    evidence, cost = _cost(request, missing)
    return practice(
        AGENT,
        missing.id,
        reason=f"Without it {RISKS[missing.id]}.",
        priority=_priority(urgency),
        confidence=0.85 if request.controls else 0.6,
        evidence=(weight, reach, *evidence),
        cost=cost,
    )


def _priority(urgency: float) -> Priority:
    steps = ((15.0, Priority.CRITICAL), (9.0, Priority.HIGH), (5.0, Priority.MEDIUM))
    return next((priority for least, priority in steps if urgency >= least), Priority.LOW)


def _cost(request: AssessmentRequest, missing: Practice) -> tuple[tuple[Evidence, ...], float]:
    """What the firewall costs at this load; the other controls are counted as work, not as a bill."""
    if missing.id != "waf":
        return (), 0.0
    millions = mean_rps(request) * 730 * 3600 / 1e6
    monthly = WAF_BASE + WAF_RULES * WAF_RULE + millions * WAF_MILLION
    source = "AWS WAF list price, one access list, ten rules, requests at mean load; others are assumed alike"
    return (computed("Firewall", monthly, "USD/month", source, assumption=True),), monthly
