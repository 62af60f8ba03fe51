"""Strategy: what the system costs a user, how long the budget lasts, and in which order to do things."""

from __future__ import annotations

from math import ceil, log
from typing import TYPE_CHECKING

from stretto_apps.assess.billing import budget_headroom, today
from stretto_apps.assess.data.practices import PRACTICES
from stretto_apps.assess.data.versions import support_of
from stretto_apps.assess.findings import (
    Findings,
    computed,
    counted,
    from_request,
    grade,
    has,
    practice,
    recommendation,
    usd,
)
from stretto_apps.assess.rulebook import evaluate
from stretto_apps.assess.types import Priority, RuleVerdict
from stretto_apps.assess.validate import notes

if TYPE_CHECKING:
    from stretto_apps.assess.types import AssessmentRequest, Evidence, Recommendation

__all__ = ["AGENT", "find", "months_until", "roadmap"]

AGENT = "strategy"
SERVICES_PER_ENGINEER = 2.0  # more running components than that for each engineer, and upkeep eats the week
THIN_HEADROOM = 0.15


def find(request: AssessmentRequest) -> Findings:
    """Unit economics, budget headroom, load on the team, and a roadmap in three phases."""
    monthly = today(request).total
    headroom = budget_headroom(request, monthly)
    facts = _facts(request, monthly, headroom)
    return Findings(
        agent=AGENT,
        title="Strategy and budget",
        headline=_headline(request, monthly, headroom),
        highlights=(
            _lasting(request, monthly),
            *roadmap(request),
            *(f"Check the request: {note}." for note in notes(request)),
        ),
        facts=facts,
        recommendations=tuple(_recommendations(request, monthly, headroom)),
        confidence=grade(facts, request.scale.users > 0, bool(request.stack), bool(request.goals)),
    )


def months_until(now: float, ceiling: float, growth_percent: float) -> int | None:
    """Whole months until `now` passes `ceiling` at a yearly growth: 0 if it has, None if never."""
    if now > ceiling:
        return 0
    if growth_percent <= 0 or now <= 0:
        return None
    return ceil(12.0 * log(ceiling / now) / log(1.0 + growth_percent / 100.0))


def roadmap(request: AssessmentRequest) -> tuple[str, ...]:
    """Three phases with their size in engineer-days; a phase without work is left out."""
    ended = [c.name for c in request.stack if (left := support_of(c).days_left) is not None and left < 0]
    gaps = sum(result.verdict is RuleVerdict.GAP for result in evaluate(request))
    basics = [p for p in PRACTICES.values() if p.weight >= 7 and not has(request, p.id)]
    days = sum(p.days for p in basics)
    work = f"{counted(len(basics), 'security basic')} (about {counted(days, 'engineer-day')})"
    upgrades = f"{counted(len(ended), 'upgrade')} of components past their end of life"
    closing = f"close {counted(gaps, 'gap')} in compliance rules and prove each by a record"
    phases = (
        (len(ended) + len(basics), f"Months 1 to 3: {work} and {upgrades}."),
        (gaps, f"Months 4 to 6: {closing}."),
        (len(request.goals), f"Months 7 to 12: the goals set out: {'; '.join(request.goals)}."),
    )
    return tuple(text for size, text in phases if size)


def _headline(request: AssessmentRequest, monthly: float, headroom: float) -> str:
    share = f"{abs(headroom):.0%} {'below' if headroom >= 0 else 'above'}"
    return (
        f"{request.company} runs at about {usd(monthly)} a month, {share} its budget of "
        f"{usd(request.monthly_budget)}."
    )


def _lasting(request: AssessmentRequest, monthly: float) -> str:
    months = months_until(monthly, request.monthly_budget, request.workload.growth_percent)
    if months is None:
        return "At the growth expected the budget is not reached."
    if months == 0:
        return "The budget is exceeded today."
    return (
        f"At {request.workload.growth_percent:g} % growth a year the budget is reached in "
        f"{counted(months, 'month')}."
    )


def _facts(request: AssessmentRequest, monthly: float, headroom: float) -> tuple[Evidence, ...]:
    scale = request.scale
    facts = [
        computed("Bill today", monthly, "USD/month", "sum of the bill lines at list prices", assumption=True),
        from_request("Budget", request.monthly_budget, "USD/month", "monthly_budget"),
        computed("Budget left", headroom * 100, "%", "1 − bill / budget"),
    ]
    if scale.users:
        facts.append(computed("Cost per user", monthly / scale.users, "USD/month", "bill / users"))
        facts.append(
            computed("Users per employee", scale.users / scale.employees, "users", "users / employees")
        )
    if scale.engineers:
        services = len(request.stack) / scale.engineers
        facts.append(
            computed("Components per engineer", services, "components", "stack components / engineers")
        )
    return tuple(facts)


def _recommendations(request: AssessmentRequest, monthly: float, headroom: float) -> list[Recommendation]:
    found = []
    if headroom < THIN_HEADROOM and not has(request, "budget-alerts"):
        found.append(
            practice(
                AGENT,
                "budget-alerts",
                reason=f"Only {headroom:.0%} of the budget is left, so an overrun would be seen too late."
                if headroom >= 0
                else f"The bill is {-headroom:.0%} above the budget.",
                priority=Priority.HIGH if headroom < 0 else Priority.MEDIUM,
                confidence=0.85,
                evidence=(computed("Budget left", headroom * 100, "%", "1 − bill / budget"),),
            )
        )
    if monthly > 5_000 and not has(request, "cost-tags"):
        found.append(
            practice(
                AGENT,
                "cost-tags",
                reason=f"A bill of {usd(monthly)} a month cannot be steered without knowing who causes it.",
                priority=Priority.MEDIUM,
                confidence=0.8,
                evidence=(
                    computed("Bill today", monthly, "USD/month", "sum of the bill lines", assumption=True),
                ),
            )
        )
    return [*found, *_team(request)]


def _team(request: AssessmentRequest) -> list[Recommendation]:
    engineers, parts = request.scale.engineers, len(request.stack)
    if parts <= SERVICES_PER_ENGINEER * max(engineers, 0.5):
        return []
    needed = ceil(parts / SERVICES_PER_ENGINEER)
    return [
        recommendation(
            AGENT,
            "managed-services",
            "team",
            "Hand the upkeep of databases, queues and clusters to managed services",
            reason=f"{counted(engineers, 'engineer')} keep {counted(parts, 'component')}; at "
            f"{SERVICES_PER_ENGINEER:g} each it takes {needed}.",
            priority=Priority.HIGH if engineers == 0 else Priority.MEDIUM,
            confidence=0.7,
            evidence=(
                from_request("Engineers", engineers, "engineers", "scale.engineers"),
                from_request("Components", parts, "components", "stack"),
            ),
        )
    ]
