"""The stakeholder report: plain language, by audience, with a roadmap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto_apps.assess.reports import figures, shared
from stretto_apps.assess.reports.case import Case, Item
from stretto_apps.assess.reports.markdown import Md, bold, escaped, table
from stretto_apps.assess.reports.wording import (
    capitalized,
    count,
    headline,
    listed,
    money,
    number,
    percent,
    quantity,
    sentence,
    spans,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stretto_apps.assess.types import (
        AgentReport,
        AssessmentRequest,
        ComplianceResult,
        CostModel,
        Report,
        Synthesis,
    )

FINANCE, ENGINEERING, LEGAL, SUPPORT = "Finance", "Engineering", "Compliance and legal", "Customer support"
_STAGES = {
    "Now": "Critical: these should not wait.",
    "Next quarter": "High priority: plan them in the coming quarter.",
    "Later": "Medium and low priority: take them up when there is room.",
}
_SHOWN = 8  # changes an audience is told at most before it is sent to the roadmap
_MENDS = 3  # of each framework
_LEGAL_SIGNS = ("compliance", "legal", "privacy")
_SUPPORT_SIGNS = ("support", "chatbot", "helpdesk")


_NO_TABLE = Md("")


@dataclass(frozen=True, slots=True)
class Audience:
    """One group of readers: what it is told first, then what changes for it."""

    name: str
    lead: str
    changes: list[Md]
    table: Md = _NO_TABLE


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the roadmap."""

    name: str
    lead: str
    table: Md


def stakeholder(
    request: AssessmentRequest,
    synthesis: Synthesis,
    compliance: ComplianceResult,
    cost: CostModel,
    agents: Sequence[AgentReport],
    words: str,
    model: str,
) -> Report:
    """What changes for finance, engineering, compliance and support, and when.

    `words` is prose by `model`; everything else is computed from the other arguments: equal data, equal
    report.
    """
    case = Case(request, synthesis, compliance, cost, agents, words, model)
    score, sure = figures.compliance(case), figures.confidence(case)
    return shared.report(
        case,
        "stakeholder",
        (score, sure),
        {
            "compliance": score,
            "confidence": sure,
            "audiences": [_finance(case), _engineering(case), _legal(case), _support(case)],
            "roadmap_words": _roadmap_words(case),
            "roadmap": _roadmap(case),
            "compliance_words": _score_words(case),
            "mends": _mends(case),
            "sure_words": shared.sure_words(case),
        },
    )


def audiences_of(item: Item) -> list[str]:
    """Who a recommendation concerns: finance by its money, the others by who made it and what it is about."""
    found = item.recommendation
    topic = found.topic.lower()
    legal, support = _signs(found.agents, topic, _LEGAL_SIGNS), _signs(found.agents, topic, _SUPPORT_SIGNS)
    builders = [agent for agent in found.agents if not _has_sign(agent, (*_LEGAL_SIGNS, *_SUPPORT_SIGNS))]
    concerned = (
        (FINANCE, item.net or item.apart),
        (ENGINEERING, builders),
        (LEGAL, legal),
        (SUPPORT, support),
    )
    return [name for name, reason in concerned if reason] or [ENGINEERING]


def _signs(agents: Sequence[str], topic: str, signs: Sequence[str]) -> bool:
    return any(_has_sign(text, signs) for text in (*agents, topic))


def _has_sign(text: str, signs: Sequence[str]) -> bool:
    return any(sign in text for sign in signs)


def _for(case: Case, audience: str) -> list[Item]:
    return [item for item in case.items if audience in audiences_of(item)]


def _changes(items: Sequence[Item], told: Callable[[Item], str]) -> list[Md]:
    """A line for each of the first few, then where the others are found."""
    lines = [Md(f"{bold(f'{item.horizon}:')} {escaped(told(item))}") for item in items[:_SHOWN]]
    rest = items[_SHOWN:]
    refs = spans([item.ref for item in rest])
    return [*lines, Md(f"And {len(rest)} more, in the roadmap below: {refs}.")] if rest else lines


def _plain(item: Item) -> str:
    effort = f", {item.effort}" if item.effort else ""
    return f"{headline(item.recommendation.action)} ({item.ref}{effort})."


def _finance(case: Case) -> Audience:
    items = sorted(
        _for(case, FINANCE), key=lambda item: (list(_STAGES).index(item.horizon), -abs(item.net - item.apart))
    )
    return Audience(FINANCE, shared.cost_words(case), _changes(items, _priced), _money_table(items))


def _money_table(items: Sequence[Item]) -> Md:
    rows = [(stage, *_sums([item for item in items if item.horizon == stage])) for stage in _STAGES]
    columns = ("When", "Saves a month>", "Adds to the bill>", "Net saving>", "Apart from the bill>")
    return table(columns, [*rows, ("Sum", *_sums(items))]) if items else Md("")


def _sums(items: Sequence[Item]) -> tuple[str, ...]:
    saved, spent = sum(item.saving for item in items), sum(item.cost for item in items)
    return money(saved), money(spent), money(saved - spent), money(sum(item.apart for item in items))


def _priced(item: Item) -> str:
    return f"{headline(item.recommendation.action)} ({item.ref}): {item.effect}."


def _engineering(case: Case) -> Audience:
    items = _for(case, ENGINEERING)
    scale = case.request.scale
    changes = capitalized(count(len(items), "change"))
    lead = f"{changes} to the system, for a team of {count(scale.engineers, 'engineer')}."
    days = sum(item.days for item in items)
    effort = f" Together about {quantity(days, 'engineer-days')}, by first estimate." if days else ""
    return Audience(ENGINEERING, lead + effort, _changes(items, _plain))


def _legal(case: Case) -> Audience:
    request = case.request
    kinds = [
        name
        for name, handled in (
            ("personal data", request.handles_personal_data),
            ("health data", request.handles_health_data),
            ("card data", request.handles_card_data),
        )
        if handled
    ]
    handles = f"The system handles {listed(kinds)}." if kinds else "The request names no sensitive data."
    lead = f"{handles} {shared.compliance_words(case)}"
    return Audience(LEGAL, lead, _changes(_for(case, LEGAL), _plain))


def _support(case: Case) -> Audience:
    request = case.request
    tickets = request.support_tickets_per_month
    per_user = (
        f", {number(tickets * 1000 / request.scale.users)} for every 1,000 users"
        if request.scale.users
        else ""
    )
    lead = (
        f"{number(tickets)} tickets a month today{per_user}."
        if tickets
        else "The request names no support tickets."
    )
    items = _for(case, SUPPORT)
    tail = "" if items else " No recommendation changes how support works."
    return Audience(SUPPORT, lead + tail, _changes(items, _plain))


def _roadmap_words(case: Case) -> str:
    if not case.items:
        return "There is nothing to schedule: the assessment recommends no change."
    stages = (f"{_due(case, name) or 'none'} {name.lower()}" for name in _STAGES)
    return f"{capitalized(count(len(case.items), 'step'))}: {listed(stages)}. {shared.optimized_words(case)}"


def _due(case: Case, stage: str) -> int:
    return sum(item.horizon == stage for item in case.items)


def _roadmap(case: Case) -> list[Stage]:
    return [
        Stage(name, lead, _stage_table([item for item in case.items if item.horizon == name]))
        for name, lead in _STAGES.items()
        if _due(case, name)
    ]


def _stage_table(items: Sequence[Item]) -> Md:
    """What is due; reasons only where it is due soon, for they are what a later stage can wait for."""
    soon = items[0].horizon != "Later"
    rows = [
        (item.ref, headline(item.recommendation.action), *_why(item, soon), *_who(item)) for item in items
    ]
    return table(("No.", "What", *(["Why"] if soon else []), "Who", "Effort", "Effect on the bill"), rows)


def _why(item: Item, soon: bool) -> list[str]:
    return [sentence(item.recommendation.reason)] if soon else []


def _who(item: Item) -> tuple[str, str, str]:
    effect = f"{_signed(item.net)} a month" if item.net else _none(item)
    return listed(audiences_of(item)), quantity(item.days, "days") if item.days else "", effect


def _none(item: Item) -> str:
    return f"none; {money(item.apart)} a month apart from it" if item.apart else "none"


def _signed(net: float) -> str:
    return f"saves {money(net)}" if net > 0 else f"adds {money(-net)}"


def _score_words(case: Case) -> str:
    score = f"The score is {percent(case.compliance.score)}. " if case.judged else ""
    return f"{score}{shared.compliance_words(case)}{_mends_lead(case)}"


def _mends_lead(case: Case) -> str:
    shown = len(_mends(case))
    if not shown:
        return ""
    rest = (
        f" (the first {shown}; the technical report has all {len(case.gaps)})"
        if shown < len(case.gaps)
        else ""
    )
    return f" Closing the gaps takes{rest}:"


def _mends(case: Case) -> list[Md]:
    first = [rule for framework in case.frameworks for rule in case.gaps_of(framework)[:_MENDS]]
    return [
        Md(f"{bold(shared.rule_name(rule) + ':')} {escaped(sentence(rule.mend or rule.because))}")
        for rule in first
    ]
