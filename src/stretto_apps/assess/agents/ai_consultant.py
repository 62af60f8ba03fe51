"""AI consulting: which uses would pay back, from volumes the request states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto_apps.assess.data.usecases import HOURLY_RATE, USE_CASES, UseCase
from stretto_apps.assess.findings import Findings, computed, from_request, grade, has, recommendation, usd
from stretto_apps.assess.types import Priority

if TYPE_CHECKING:
    from stretto_apps.assess.types import AssessmentRequest, Evidence, Recommendation

__all__ = ["AGENT", "Case", "find", "scored"]

AGENT = "ai_consultant"
SOURCE = "table of use cases, figures assumed until a pilot"
SUGGESTED = 3
PATIENCE_MONTHS = 24.0


@dataclass(frozen=True, slots=True)
class Case:
    """A use case with its numbers; `payback` in months is None when it never pays back."""

    use: UseCase
    volume: float
    benefit: float
    payback: float | None
    readiness: float
    score: float


def find(request: AssessmentRequest) -> Findings:
    """Scores the use cases that fit the company by payback, volume and data, and suggests the best three."""
    cases = scored(request)
    facts = _facts(request, cases)
    worth = [case for case in cases if case.payback is not None and case.payback <= PATIENCE_MONTHS]
    return Findings(
        agent=AGENT,
        title="Uses of artificial intelligence",
        headline=_headline(cases, worth),
        highlights=tuple(_line(case) for case in cases[:SUGGESTED]),
        facts=facts,
        recommendations=tuple(_recommendation(request, case) for case in worth[:SUGGESTED]),
        confidence=grade(facts, request.workload.data_gb > 0, request.support_tickets_per_month > 0),
    )


def scored(request: AssessmentRequest) -> list[Case]:
    """Use cases that fit, are not in place and have any volume, best first.

    score = 60 × (1 − payback / 24 months, at least 0) + 25 × readiness + 15 × benefit / (benefit + 5 000
    USD).
    """
    fitting = [use for use in USE_CASES if use.fits(request) and not has(request, use.id)]
    cases = [_case(request, use) for use in fitting if use.volume(request) > 0]
    return sorted(cases, key=lambda case: (-case.score, case.use.id))


def _case(request: AssessmentRequest, use: UseCase) -> Case:
    volume = use.volume(request)
    saved = volume * use.coverage * use.minutes_saved / 60.0 * HOURLY_RATE
    benefit = saved - volume * use.coverage * use.run_per_unit
    payback = use.build / benefit if benefit > 0 else None
    readiness = min(1.0, request.workload.data_gb / use.data_gb) if use.data_gb else 1.0
    speed = max(0.0, 1.0 - payback / PATIENCE_MONTHS) if payback is not None else 0.0
    size = benefit / (benefit + 5_000.0) if benefit > 0 else 0.0
    return Case(use, volume, benefit, payback, readiness, round(60 * speed + 25 * readiness + 15 * size, 2))


def _headline(cases: list[Case], worth: list[Case]) -> str:
    if not worth:
        return f"None of {len(cases)} fitting uses pays back within two years at the present volumes."
    best = worth[0]
    return (
        f"{len(worth)} of {len(cases)} fitting uses pay back within two years; first: "
        f"{best.use.title.lower()}, "
        f"about {usd(best.benefit)} a month."
    )


def _line(case: Case) -> str:
    payback = f"pays back in {case.payback:.1f} months" if case.payback is not None else "does not pay back"
    return f"{case.use.title}: {case.volume:,.0f} {case.use.unit} a month, {payback}, score {case.score:.0f}."


def _facts(request: AssessmentRequest, cases: list[Case]) -> tuple[Evidence, ...]:
    tickets = from_request(
        "Support tickets", request.support_tickets_per_month, "tickets/month", "support_tickets_per_month"
    )
    scores = tuple(
        computed(f"Score of {case.use.title.lower()}", case.score, "points of 100", SOURCE, assumption=True)
        for case in cases
    )
    return (
        tickets,
        from_request("Data at rest", request.workload.data_gb, "GB", "workload.data_gb"),
        *scores,
    )


def _recommendation(request: AssessmentRequest, case: Case) -> Recommendation:
    use = case.use
    payback = case.payback or 0.0
    quick = payback <= 6 and case.readiness >= 1.0
    blocked = use.id == "chatbot" and not has(request, "knowledge-base")
    caution = " It needs a knowledge base first." if blocked else ""
    return recommendation(
        AGENT,
        use.id,
        use.topic,
        use.action,
        reason=f"{case.volume:,.0f} {use.unit} a month; {use.coverage:.0%} of them saved "
        f"{use.minutes_saved:g} minutes "
        f"each are worth {usd(case.benefit)} a month, {payback:.1f} months of which pay for it.{caution}",
        priority=Priority.MEDIUM if quick and not blocked else Priority.LOW,
        confidence=0.45 + 0.2 * case.readiness,
        evidence=(
            computed("Volume", case.volume, f"{use.unit}/month", SOURCE, assumption=True),
            computed(
                "Worth of time saved, less running cost", case.benefit, "USD/month", SOURCE, assumption=True
            ),
            computed("Cost to build", use.build, "USD", SOURCE, assumption=True),
            computed("Payback", payback, "months", "cost to build / monthly worth", assumption=True),
            computed(
                "Data readiness", case.readiness * 100, "%", "data at rest / data wanted", assumption=True
            ),
        ),
        cost=case.volume * use.coverage * use.run_per_unit,
    )
