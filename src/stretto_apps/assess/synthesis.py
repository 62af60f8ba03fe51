"""One list out of eleven: duplicates folded, sorted by urgency, with what is missing named.

The rules, so that they can be argued with:

* Two recommendations are the same when topic and action are equal but for case, blanks and a closing full
  stop.
* A merged one takes the highest priority, all agents and evidence, and the largest saving and cost: several
  agents see the same dollars, so these are never added.
* Its confidence is 1 − (1 − a)(1 − b)…, capped at 0.99: the chance that not all are wrong, if they err
  independently. They share the request, so this is the hopeful end.
* Score = 25 × priority (1 to 4) + 10 × confidence + 3 × each further agent + up to 10 for the saving's share
  of the budget. Within a priority the order comes from the rest; confidence, four further agents and saving
  together can lift one over the next priority by a little, never over two.
* Confidence of the whole = mean confidence of the agents that reported × the share of agents that reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.findings import RANK, counted, usd
from stretto_apps.assess.types import AgentReport, MissingAgent, Synthesis

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stretto import Missing
    from stretto_apps.assess.types import AssessmentRequest, Evidence, Recommendation

__all__ = ["headline", "merge", "merged_confidence", "priority_score", "synthesize"]

CONFIDENCE_CAP = 0.99
FURTHER_AGENTS = 4
WHY = {
    "failed": "failed in every attempt",
    "timed_out": "did not finish in time",
    "skipped": "was skipped",
    "cancelled": "was cancelled",
}


def synthesize(
    request: AssessmentRequest,
    reports: Sequence[AgentReport | Missing],
    *,
    overview: str = "",
    model: str = "",
) -> Synthesis:
    """Folds, sorts and grades what the agents found; `overview` and `model` are a model's words and name.

    Without words the overview is the computed headline. A missing agent is named with the reason; its
    recommendations are not guessed.
    """
    arrived = [report for report in reports if isinstance(report, AgentReport)]
    missing = tuple(_missing(report) for report in reports if not isinstance(report, AgentReport))
    given = [found for report in arrived for found in report.recommendations]
    folded = merge(given)
    ordered = tuple(sorted(folded, key=lambda r: (-priority_score(r, request.monthly_budget), r.id, r.topic)))
    return Synthesis(
        overview=overview or headline(request, ordered, missing),
        recommendations=ordered,
        merged=len(given) - len(folded),
        confidence=_overall(arrived, len(reports)),
        agents=tuple(report.agent for report in arrived),
        missing=missing,
        model=model or _models(arrived),
    )


def headline(
    request: AssessmentRequest, ordered: Sequence[Recommendation], missing: Sequence[MissingAgent] = ()
) -> str:
    """One sentence on how much there is to do and what comes first."""
    if not ordered:
        return f"Nothing needs to be changed at {request.company}."
    urgent = sum(RANK[found.priority] >= 3 for found in ordered)
    first = ordered[0]
    gone = f" Without the findings of: {', '.join(entry.agent for entry in missing)}." if missing else ""
    saving = sum(found.monthly_saving for found in ordered)
    money = f", worth up to {usd(saving)} a month before overlaps" if saving else ""
    much = counted(len(ordered), "thing")
    return (
        f"{request.company} has {much} to do{money}, {urgent} of them urgent; first: "
        f"{first.action[0].lower()}{first.action[1:]}.{gone}"
    )


def merge(recommendations: Iterable[Recommendation]) -> list[Recommendation]:
    """Equal recommendations folded into one, in the order of their first appearance."""
    groups: dict[tuple[str, str], list[Recommendation]] = {}
    for found in recommendations:
        groups.setdefault((_plain(found.topic), _plain(found.action)), []).append(found)
    return [_folded(group) for group in groups.values()]


def merged_confidence(confidences: Iterable[float]) -> float:
    """1 − Π(1 − c), at most 0.99 unless a single one is higher."""
    listed = list(confidences)
    if len(listed) == 1:
        return listed[0]
    wrong = 1.0
    for confidence in listed:
        wrong *= 1.0 - confidence
    return min(max(CONFIDENCE_CAP, *listed), round(1.0 - wrong, 4))


def priority_score(found: Recommendation, budget: float) -> float:
    """The documented score; higher comes first."""
    further = min(FURTHER_AGENTS, len(found.agents) - 1)
    share = min(1.0, found.monthly_saving / budget) if budget > 0 else 0.0
    return round(25.0 * RANK[found.priority] + 10.0 * found.confidence + 3.0 * further + 10.0 * share, 4)


def _folded(group: list[Recommendation]) -> Recommendation:
    if len(group) == 1:
        return group[0]
    most_sure = max(group, key=lambda r: r.confidence)
    return most_sure.model_copy(
        update={
            "id": group[0].id,
            "topic": group[0].topic,
            "action": group[0].action,
            "reason": " ".join(dict.fromkeys(r.reason for r in (most_sure, *group))),
            "priority": max((r.priority for r in group), key=lambda p: RANK[p]),
            "confidence": merged_confidence(r.confidence for r in group),
            "agents": tuple(dict.fromkeys(agent for r in group for agent in r.agents)),
            "evidence": _united(group),
            "monthly_saving": max(r.monthly_saving for r in group),
            "monthly_cost": max(r.monthly_cost for r in group),
        }
    )


def _united(group: list[Recommendation]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(evidence for r in group for evidence in r.evidence))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")


def _missing(report: Missing) -> MissingAgent:
    why = WHY.get(report.reason, report.reason)
    detail = f": {report.detail}" if report.detail else ""
    return MissingAgent(agent=report.step.rsplit("/", 1)[-1], why=f"{why}{detail}")


def _overall(arrived: Sequence[AgentReport], asked: int) -> float:
    if not arrived or not asked:
        return 0.0
    mean = sum(report.confidence for report in arrived) / len(arrived)
    return round(mean * len(arrived) / asked, 4)


def _models(arrived: Sequence[AgentReport]) -> str:
    return ", ".join(dict.fromkeys(report.model for report in arrived)) or "none"
