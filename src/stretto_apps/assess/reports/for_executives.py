"""The executive report: one or two pages that end in decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.reports import figures, shared
from stretto_apps.assess.reports.case import Case, Item, priority_tally
from stretto_apps.assess.reports.markdown import Md, bold, escaped
from stretto_apps.assess.reports.wording import PRIORITIES, count, headline, listed, money, quantity, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto_apps.assess.types import (
        AgentReport,
        AssessmentRequest,
        ComplianceResult,
        CostModel,
        Report,
        Synthesis,
    )

_HIGHLIGHTS = 3


def executive(
    request: AssessmentRequest,
    synthesis: Synthesis,
    compliance: ComplianceResult,
    cost: CostModel,
    agents: Sequence[AgentReport],
    words: str,
    model: str,
) -> Report:
    """What was found, the decisions needed with their money and reasons, and how sure it is.

    `words` is prose by `model`; everything else is computed from the other arguments: equal data, equal
    report.
    """
    case = Case(request, synthesis, compliance, cost, agents, words, model)
    scorecard, costs, heat = figures.scorecard(case), figures.costs(case), figures.heat(case)
    return shared.report(
        case,
        "executive",
        (scorecard, costs, heat),
        {
            "scorecard": scorecard,
            "costs": costs,
            "heat": heat,
            "findings": _findings(case),
            "decisions": [_decision(case, item) for item in case.decisions],
            "more": _more(case),
            "cost_words": shared.cost_words(case),
            "sure_words": shared.sure_words(case),
        },
    )


def _findings(case: Case) -> list[Md]:
    computed = [
        ("Cost", _bill_words(case)),
        ("Compliance", shared.compliance_words(case)),
        ("Recommendations", _recommendation_words(case)),
    ]
    return [Md(f"{bold(name + ':')} {escaped(text)}") for name, text in (*computed, *_said(case))]


def _said(case: Case) -> list[tuple[str, str]]:
    """The first highlight of each of the most urgent agents, no highlight twice."""
    said: dict[str, str] = {}
    for agent in _most_urgent(case):
        said.setdefault(sentence(agent.highlights[0]), f"From {agent.title}")
    return [(name, text) for text, name in said.items()][:_HIGHLIGHTS]


def _bill_words(case: Case) -> str:
    largest = sorted(case.cost.lines, key=lambda line: -line.monthly)[:3]
    named = listed(f"{headline(line.item)} ({money(line.monthly)})" for line in largest)
    start = f"{money(case.cost.current_monthly)} a month against a budget of {money(case.cost.budget)}"
    return f"{start}; the largest items are {named}." if len(largest) > 1 else f"{start}."


def _recommendation_words(case: Case) -> str:
    if not case.items:
        return "none; the assessment recommends no change."
    merged = case.synthesis.merged
    folded = f"; {count(merged, 'duplicate')} from several agents folded in" if merged else ""
    days = sum(item.days for item in case.items)
    effort = (
        f" Together they take about {quantity(days, 'engineer-days')}, by first estimate." if days else ""
    )
    return f"{len(case.items)}, of which {priority_tally(case.items)}{folded}.{effort}"


def _most_urgent(case: Case) -> list[AgentReport]:
    """The agents with something to highlight, those with the most urgent recommendations first."""

    def urgency(agent: AgentReport) -> tuple[int, float]:
        ranks = [PRIORITIES.index(item.recommendation.priority) for item in case.items_of(agent.agent)]
        return min(ranks, default=len(PRIORITIES)), -agent.confidence

    return sorted((agent for agent in case.agents if agent.highlights), key=urgency)


def _decision(case: Case, item: Item) -> Md:
    found = item.recommendation
    lead = f"{bold(headline(found.action))} ({item.ref}, {found.priority.value})."
    return Md(f"{lead} {escaped(sentence(found.reason))}\\\n   *{escaped(shared.money_line(case, item))}*")


def _more(case: Case) -> str:
    rest = [item for item in case.items if item not in case.decisions]
    return f"The technical report has {len(rest)} more: {priority_tally(rest)}." if rest else ""
