"""What each report's reader is told first: the task and the data a model words it from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stretto_apps.assess.findings import RANK, computed, counted, usd
from stretto_apps.assess.types import RuleVerdict
from stretto_apps.assess.wording import fact_for_words, first_sentence, points

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stretto_apps.assess.types import (
        AgentReport,
        AssessmentRequest,
        ComplianceResult,
        CostModel,
        Evidence,
        Recommendation,
        Synthesis,
    )

__all__ = ["Kind", "Matter", "letter", "overview_letter"]

RANK_HIGH = 3
Kind = Literal["executive", "technical", "stakeholder"]
COST_TOPICS = frozenset({"compute", "accelerators", "storage", "network cost", "region", "cost control"})
PEOPLE_TOPICS = frozenset({"support", "ai use cases", "team", "privacy", "governance", "incidents"})


@dataclass(frozen=True, slots=True)
class Matter:
    """All that the reports are written from."""

    request: AssessmentRequest
    synthesis: Synthesis
    compliance: ComplianceResult
    cost: CostModel
    agents: Sequence[AgentReport]


@dataclass(frozen=True, slots=True)
class _Reader:
    audience: str
    task: str
    facts: Callable[[Matter], tuple[Evidence, ...]]
    wants: Callable[[Recommendation], bool]


def overview_letter(request: AssessmentRequest, synthesis: Synthesis) -> tuple[str, dict[str, object]]:
    """Task and data for the overview of all findings; `synthesis` carries the computed headline."""
    urgent = sum(RANK[found.priority] >= RANK_HIGH for found in synthesis.recommendations)
    facts = (
        computed("Recommendations", len(synthesis.recommendations), "recommendations", "after merging"),
        computed("Urgent recommendations", urgent, "recommendations", "priority critical or high"),
        computed("Duplicates merged", synthesis.merged, "recommendations", "equal topic and action"),
        computed("Agents that reported", len(synthesis.agents), "agents", "successful steps"),
        computed("Confidence", synthesis.confidence * 100, "%", "mean of the agents × share that reported"),
    )
    data: dict[str, object] = {
        "title": "Overview",
        "headline": synthesis.overview,
        "facts": [fact_for_words(fact) for fact in facts],
        "recommendations": points(synthesis.recommendations, 3),
    }
    return f"Write the overview of an infrastructure assessment of {request.company} in five sentences.", data


def letter(kind: Kind, matter: Matter) -> tuple[str, dict[str, object]]:
    """Task and data for one report's opening words; each reader gets other facts and recommendations."""
    reader = _READERS[kind]
    wanted = [found for found in matter.synthesis.recommendations if reader.wants(found)]
    data: dict[str, object] = {
        "title": f"{kind.capitalize()} report",
        "audience": reader.audience,
        "headline": _headline(kind, matter),
        "facts": [fact_for_words(fact) for fact in reader.facts(matter)],
        "recommendations": points(wanted or matter.synthesis.recommendations, 4),
    }
    return f"{reader.task} The company is {matter.request.company}.", data


def _headline(kind: Kind, matter: Matter) -> str:
    if kind == "executive":
        return _position(matter)
    source = "cloud_engineer" if kind == "technical" else "strategy"
    told = next((report.summary for report in matter.agents if report.agent == source), "")
    return first_sentence(told) or _position(matter)


def _position(matter: Matter) -> str:
    cost, found = matter.cost, matter.synthesis.recommendations
    urgent = sum(RANK[given.priority] >= RANK_HIGH for given in found)
    return (
        f"{matter.request.company} spends about {usd(cost.current_monthly)} a month, "
        f"{cost.budget_used:.0%} of its "
        f"budget, and has {counted(urgent, 'urgent thing')} to do."
    )


def _money(matter: Matter) -> tuple[Evidence, ...]:
    cost = matter.cost
    saved = cost.three_year_current - cost.three_year_optimized
    return (
        computed("Cost today", cost.current_monthly, "USD/month", "bill lines", assumption=True),
        computed(
            "Cost after the recommendations",
            cost.optimized_monthly,
            "USD/month",
            "cost model",
            assumption=True,
        ),
        computed("Saving over three years", saved, "USD", "cost model", assumption=True),
        computed("Share of the budget used", cost.budget_used * 100, "%", "bill / budget"),
        *_gaps(matter),
    )


def _gaps(matter: Matter) -> tuple[Evidence, ...]:
    verdicts: Mapping[RuleVerdict, int] = {
        verdict: sum(result.verdict is verdict for result in matter.compliance.results)
        for verdict in RuleVerdict
    }
    return (
        computed("Open compliance gaps", verdicts[RuleVerdict.GAP], "rules", "rules judged"),
        computed("Compliance rules met", matter.compliance.score * 100, "%", "met / (met + gap)"),
    )


def _engineering(matter: Matter) -> tuple[Evidence, ...]:
    wanted = ("cloud_engineer", "infrastructure", "simulation", "security")
    found = (report for name in wanted for report in matter.agents if report.agent == name)
    return tuple(fact for report in found for fact in report.facts[:2]) or _money(matter)


def _people(matter: Matter) -> tuple[Evidence, ...]:
    scale = matter.request.scale
    return (
        computed("Users", scale.users, "users", "request: scale.users"),
        computed("Employees", scale.employees, "people", "request: scale.employees"),
        computed("Support tickets", matter.request.support_tickets_per_month, "tickets/month", "request"),
        computed("Confidence", matter.synthesis.confidence * 100, "%", "synthesis"),
        *_gaps(matter),
    )


_READERS: Mapping[Kind, _Reader] = {
    "executive": _Reader(
        "the executive board",
        "Write the executive summary in six sentences: money, risk, and what to decide.",
        _money,
        lambda found: RANK[found.priority] >= RANK_HIGH or found.topic in COST_TOPICS,
    ),
    "technical": _Reader(
        "engineers",
        "Write the technical summary in six sentences: load, stack, weak points, and what to build first.",
        _engineering,
        lambda found: found.topic not in PEOPLE_TOPICS,
    ),
    "stakeholder": _Reader(
        "customers, employees and partners",
        "Write the summary for stakeholders in five sentences: what changes for them and when.",
        _people,
        lambda found: found.topic in PEOPLE_TOPICS,
    ),
}
