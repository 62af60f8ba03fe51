"""What an agent computes, before a model words it, and the few builders all agents share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.data.practices import PRACTICES
from stretto_apps.assess.types import (
    AgentReport,
    AssessmentRequest,
    Evidence,
    Priority,
    Recommendation,
    _Frozen,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "RANK",
    "Findings",
    "computed",
    "counted",
    "from_request",
    "grade",
    "has",
    "practice",
    "recommendation",
    "report",
    "usd",
]

RANK = {Priority.CRITICAL: 4, Priority.HIGH: 3, Priority.MEDIUM: 2, Priority.LOW: 1}


class Findings(_Frozen):
    """An agent's result as computed: numbers and recommendations are final, only words are missing."""

    agent: str
    title: str
    headline: str
    highlights: tuple[str, ...] = ()
    facts: tuple[Evidence, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    confidence: float


def report(findings: Findings, summary: str, model: str) -> AgentReport:
    """The findings with a model's words."""
    return AgentReport(
        agent=findings.agent,
        title=findings.title,
        summary=summary,
        highlights=findings.highlights,
        facts=findings.facts,
        recommendations=findings.recommendations,
        confidence=findings.confidence,
        model=model,
    )


def computed(label: str, value: float, unit: str, formula: str, *, assumption: bool = False) -> Evidence:
    """A number that follows from others by `formula`."""
    return Evidence(label=label, value=round(value, 4), unit=unit, source=formula, assumption=assumption)


def from_request(label: str, value: float, unit: str, field: str) -> Evidence:
    """A number as the customer stated it."""
    return Evidence(label=label, value=value, unit=unit, source=f"request: {field}")


def has(request: AssessmentRequest, practice_id: str) -> bool:
    """Whether the customer says the practice is in place."""
    return practice_id in request.controls


def practice(
    agent: str,
    practice_id: str,
    *,
    reason: str,
    priority: Priority,
    confidence: float,
    evidence: Iterable[Evidence] = (),
    saving: float = 0.0,
    cost: float = 0.0,
) -> Recommendation:
    """A recommendation to put a known practice in place; money is dollars a month."""
    known = PRACTICES[practice_id]
    effort = computed(
        "Effort", known.days, "engineer-days", "estimate for a first introduction", assumption=True
    )
    return recommendation(
        agent,
        known.id,
        known.topic,
        known.action,
        reason=reason,
        priority=priority,
        confidence=confidence,
        evidence=(*evidence, effort),
        saving=saving,
        cost=cost,
    )


def recommendation(
    agent: str,
    identifier: str,
    topic: str,
    action: str,
    *,
    reason: str,
    priority: Priority,
    confidence: float,
    evidence: Iterable[Evidence] = (),
    saving: float = 0.0,
    cost: float = 0.0,
) -> Recommendation:
    """A recommendation of one agent; money is dollars a month, rounded to cents."""
    return Recommendation(
        id=identifier,
        topic=topic,
        action=action,
        reason=reason,
        priority=priority,
        confidence=round(confidence, 4),
        agents=(agent,),
        evidence=tuple(evidence),
        monthly_saving=round(saving, 2),
        monthly_cost=round(cost, 2),
    )


def grade(facts: Iterable[Evidence], *known: bool) -> float:
    """How far findings can be trusted, 0 to 0.95.

    0.95 × (0.6 + 0.4 × share of the wanted request fields that were filled) × (1 − 0.3 × share of assumed
    facts).
    """
    listed = tuple(facts)
    filled = sum(known) / len(known) if known else 1.0
    assumed = sum(f.assumption for f in listed) / len(listed) if listed else 0.0
    return round(0.95 * (0.6 + 0.4 * filled) * (1.0 - 0.3 * assumed), 4)


def counted(number: float, one: str, many: str | None = None) -> str:
    """`1 person`, `5 people`, `1,350 tickets`; `many` defaults to `one` with an s."""
    return f"{number:,.0f} {one if round(number) == 1 else many or one + 's'}"


def usd(amount: float) -> str:
    """`1234.5` is `$1,235`; cents are shown below ten dollars."""
    sign = "-" if amount < 0 else ""
    size = abs(amount)
    return f"{sign}${size:,.2f}" if size < 10 else f"{sign}${size:,.0f}"
