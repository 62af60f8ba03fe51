"""The parts that several reports have in common, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.reports.markdown import Md, bold, escaped, prose, render
from stretto_apps.assess.reports.page import page
from stretto_apps.assess.reports.wording import (
    FRAMEWORK_NAMES,
    PROVIDER_NAMES,
    capitalized,
    count,
    listed,
    money,
    number,
    one_line,
    percent,
    sentence,
    spans,
    sureness,
)
from stretto_apps.assess.types import Report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stretto_apps.assess.reports.case import Case, Item
    from stretto_apps.assess.reports.figures import Figure
    from stretto_apps.assess.types import RuleResult


def report(case: Case, kind: str, figures: Sequence[Figure], values: Mapping[str, object]) -> Report:
    """The report of that `kind`: its template filled with `values` and what all have, and the page of it."""
    markdown = render(
        f"{kind}.md.j2",
        {
            "case": case,
            "profile": profile(case),
            "missing": missing(case),
            "words": prose(case.words),
            "footer": footer(case),
            **values,
        },
    )
    title = f"{one_line(case.request.company)}: {kind} report"
    return Report(
        kind=kind, title=title, markdown=markdown, html=page(title, kind, markdown, figures), model=case.model
    )


def profile(case: Case) -> str:
    """Who was assessed, in two sentences."""
    request = case.request
    scale = request.scale
    provider = PROVIDER_NAMES.get(request.provider.lower(), request.provider)
    size = listed(
        f"{number(amount)} {noun}"
        for amount, noun in (
            (scale.employees, "employees" if scale.employees != 1 else "employee"),
            (scale.engineers, "engineers" if scale.engineers != 1 else "engineer"),
            (scale.users, "users" if scale.users != 1 else "user"),
        )
    )
    return (
        f"Infrastructure assessment. Industry: {request.industry}; {size}. "
        f"Runs on {provider} in {request.region}, with a budget of {money(request.monthly_budget)} a month."
    )


def missing(case: Case) -> Md:
    """A callout that names every agent which did not report, and why; empty when all did."""
    lost = case.synthesis.missing
    if not lost:
        return Md("")
    lines = [f"> {bold(case.missing_headline + '.')} What they examine is not covered below.", ">"]
    lines += [
        f"> - {bold(case.agent_name(agent.agent))}: {escaped(capitalized(sentence(agent.why)))}"
        for agent in lost
    ]
    return Md.lines(lines)


def footer(case: Case) -> Md:
    """Which model worded the report, and what it had no part in."""
    models = dict.fromkeys((case.synthesis.model, *(agent.model for agent in case.agents)))
    others = [model for model in models if model != case.model]
    also = f" The agents' findings were worded by: {escaped(listed(others))}." if others else ""
    return Md(
        f"Worded by model: {bold(case.model)}.{also} Numbers, verdicts and priorities are computed from the "
        "request, price lists and rules; no model supplies them."
    )


def money_line(case: Case, item: Item) -> str:
    """A recommendation's effect on the bill, how sure it is, and who says so, on one line."""
    found = item.recommendation
    agents = case.agent_names(found.agents)
    effort = f" · {item.effort}" if item.effort else ""
    return f"{capitalized(item.effect)}{effort} · confidence {percent(found.confidence)} · from {agents}"


def cost_words(case: Case) -> str:
    """The bill today, against the budget, and with the recommendations."""
    cost = case.cost
    left = cost.budget - cost.current_monthly
    room = f"{money(left)} below" if left >= 0 else f"{money(-left)} above"
    return (
        f"Today the system costs {money(cost.current_monthly)} a month, {percent(cost.budget_used)} of the "
        f"budget and {room} it. {optimized_words(case)}{_apart_words(case)}"
    )


def _apart_words(case: Case) -> str:
    apart = [item for item in case.items if item.apart]
    total, refs = money(sum(item.apart for item in apart)), spans([item.ref for item in apart])
    return f" Apart from this bill, {refs} would cost {total} a month." if apart else ""


def optimized_words(case: Case) -> str:
    """What the recommendations make of the bill, for a month and for three years."""
    cost = case.cost
    if round(case.saving, 2) == 0:
        return "The recommendations leave the monthly bill as it is."
    verb = "lower" if case.saving > 0 else "raise"
    share = f" ({percent(abs(case.saving) / cost.current_monthly)})" if cost.current_monthly > 0 else ""
    years = cost.three_year_current - cost.three_year_optimized
    still = "still " if case.saving * years < 0 else ""
    over = f"{still}{money(abs(years))} {'less' if years >= 0 else 'more'} over three years"
    return (
        f"All recommendations together {verb} the monthly bill by {money(abs(case.saving))}{share} "
        f"to {money(cost.optimized_monthly)}: {over}."
    )


def compliance_words(case: Case) -> str:
    """How many rules apply and where the gaps are."""
    if not case.judged:
        return "No compliance rule applies to this request."
    if not case.gaps:
        return f"All {count(case.judged, 'rule')} that apply are met."
    verb = "is" if len(case.gaps) == 1 else "are"
    return f"Of {count(case.judged, 'rule')} that apply, {len(case.gaps)} {verb} not met: {case.gap_list}."


def sure_words(case: Case) -> str:
    """The overall confidence and what it rests on."""
    rests = f"{len(case.agents)} of {count(case.agents_expected, 'agent')} reported"
    return f"Overall confidence is {sureness(case.synthesis.confidence)}; {rests}."


def rule_name(rule: RuleResult) -> str:
    """A rule as its framework's readers cite it, with the framework named once."""
    framework = FRAMEWORK_NAMES[rule.framework]
    return rule.rule if rule.rule.lower().startswith(framework.lower()[:3]) else f"{framework} {rule.rule}"
