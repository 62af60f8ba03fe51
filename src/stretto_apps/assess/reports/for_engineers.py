"""The technical report: every recommendation, number, price, rule and assumption."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.reports import figures, shared
from stretto_apps.assess.reports.case import Case, Item
from stretto_apps.assess.reports.markdown import Md, bold, escaped, link, prose, table
from stretto_apps.assess.reports.wording import (
    capitalized,
    count,
    headline,
    money,
    number,
    one_line,
    percent,
    price_provenance,
    provenance,
    quantity,
    sentence,
    spans,
)
from stretto_apps.assess.types import RuleVerdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stretto_apps.assess.types import (
        AgentReport,
        AssessmentRequest,
        ComplianceResult,
        CostLine,
        CostModel,
        Evidence,
        Report,
        Synthesis,
    )

_SECTIONS = (
    "Recommendations at a glance",
    "Recommendations in detail",
    "What each agent found",
    "Bill of materials",
    "Cost over three years",
    "Compliance rules",
    "Assumptions",
)
_INTERPOLATED = "Between the first month and the totals, the figure assumes one constant rate of growth."
_ASSUMPTION = "assumption"
_VERDICTS = {RuleVerdict.GAP: 0, RuleVerdict.MET: 1, RuleVerdict.NOT_APPLICABLE: 2}


def technical(
    request: AssessmentRequest,
    synthesis: Synthesis,
    compliance: ComplianceResult,
    cost: CostModel,
    agents: Sequence[AgentReport],
    words: str,
    model: str,
) -> Report:
    """Every recommendation with its reason and evidence, every price with its origin, every rule's verdict.

    `words` is prose by `model`; everything else is computed from the other arguments: equal data, equal
    report.
    """
    case = Case(request, synthesis, compliance, cost, agents, words, model)
    drawn = {
        "savings": figures.savings(case),
        "confidence": figures.confidence(case),
        "three_years": figures.three_years(case),
        "compliance": figures.compliance(case),
    }
    tables: dict[str, object] = {
        "contents": Md.lines(f"- {link(section, section)}" for section in _SECTIONS),
        "overview": _overview(case),
        "synthesized": prose(synthesis.overview),
        "merged": _merged_words(case),
        "details": [_detail(case, item) for item in case.items],
        "agents": [_agent(case, agent) for agent in case.agents],
        "lost_agents": [
            {"name": case.agent_name(lost.agent), "why": capitalized(sentence(lost.why))}
            for lost in synthesis.missing
        ],
        "bill_words": _bill_words(case),
        "bill": _bill(case),
        "years_words": f"{shared.optimized_words(case)} {_INTERPOLATED}",
        "compliance_words": shared.compliance_words(case),
        "rules": _rules(case),
        "assumptions": [sentence(text) for text in cost.assumptions],
        "assumed": _assumed_numbers(case),
    }
    return shared.report(case, "technical", tuple(drawn.values()), {**drawn, **tables})


def _heading(item: Item) -> str:
    return f"{item.ref}: {headline(item.recommendation.action)}"


def _overview(case: Case) -> Md:
    rows = [
        (
            link(item.ref, _heading(item)),
            headline(item.recommendation.action),
            item.recommendation.priority.value,
            _signed(item.net),
            percent(item.recommendation.confidence),
            case.agent_names(item.recommendation.agents),
        )
        for item in case.items
    ]
    return table(("No.", "What", "Priority", "Net saving>", "Confidence>", "Agents"), rows)


def _signed(net: float) -> str:
    return money(net) if net else "–"


def _merged_words(case: Case) -> str:
    merged = case.synthesis.merged
    verb = "was" if merged == 1 else "were"
    return f"{count(merged, 'finding')} that several agents made {verb} folded into these." if merged else ""


def _detail(case: Case, item: Item) -> dict[str, object]:
    found = item.recommendation
    agents = escaped(case.agent_names(found.agents))
    marks = f"Id `{_code(found.id)}` · topic: {escaped(found.topic)} · priority: {found.priority.value}"
    return {
        "heading": _heading(item),
        "marks": Md(f"{marks} · confidence: {percent(found.confidence)} · agents: {agents}"),
        "reason": Md(f"{bold('Reason:')} {escaped(sentence(found.reason))} {bold('Money:')} {item.effect}."),
        "evidence": _evidence(found.evidence) or Md("No number stands behind this recommendation."),
    }


def _code(text: str) -> str:
    return one_line(text).replace("`", "'").replace("<", "‹").replace("|", "/")


def _evidence(facts: Iterable[Evidence]) -> Md:
    rows = [(headline(fact.label), quantity(fact.value, fact.unit), provenance(fact)) for fact in facts]
    return table(("Number", "Value>", "Where from"), rows) if rows else Md("")


def _agent(case: Case, agent: AgentReport) -> dict[str, object]:
    items = case.items_of(agent.agent)
    named = spans([item.ref for item in items]) or "none"
    marks = (
        f"Agent `{_code(agent.agent)}` · confidence: {percent(agent.confidence)} · recommendations: {named}"
    )
    return {
        "heading": agent.title,
        "marks": Md(f"{marks} · worded by: {escaped(agent.model)}"),
        "summary": prose(agent.summary),
        "highlights": [sentence(highlight) for highlight in agent.highlights],
        "facts": _evidence(agent.facts),
    }


def _bill_words(case: Case) -> str:
    lines = case.cost.lines
    if not lines:
        return "The request gives nothing that could be priced."
    assumed = sum(price_provenance(line.price).startswith("assumption") for line in lines)
    verb = "is an assumption" if assumed == 1 else "are assumptions"
    marked = f"{assumed} of its prices {verb}, marked as such."
    total = f"{capitalized(count(len(lines), 'line'))}, {money(sum(line.monthly for line in lines))} a month."
    return f"{total} {marked if assumed else 'Every price has a source, a region and a date.'}"


def _bill(case: Case) -> Md:
    ranked = sorted(case.cost.lines, key=lambda line: -line.monthly)
    columns = ("Item", "Quantity>", "Unit price>", "Monthly>", "Price from")
    total = (bold("Total"), "", "", bold(money(sum(line.monthly for line in ranked))), "sum of the lines")
    return table(columns, [*(_bill_row(line) for line in ranked), total]) if ranked else Md("")


def _bill_row(line: CostLine) -> tuple[str, ...]:
    return (
        headline(line.item),
        quantity(line.quantity, line.unit),
        money(line.unit_price),
        money(line.monthly),
        price_provenance(line.price),
    )


def _rules(case: Case) -> Md:
    ranked = sorted(
        case.compliance.results,
        key=lambda rule: (case.frameworks.index(rule.framework), _VERDICTS[rule.verdict]),
    )
    rows = [
        (
            shared.rule_name(rule),
            rule.requirement,
            bold("gap") if rule.verdict is RuleVerdict.GAP else rule.verdict.value,
            capitalized(sentence(rule.because)),
            sentence(rule.mend),
        )
        for rule in ranked
    ]
    return table(("Rule", "Requires", "Verdict", "Because", "To mend it"), rows) if rows else Md("")


def _assumed_numbers(case: Case) -> Md:
    """Every assumed price and number, those with the same name and source in one row."""
    prices = [
        (f"Price of {one_line(line.item)}", line.price.unit, price_provenance(line.price), line.unit_price)
        for line in case.cost.lines
    ]
    facts = [fact for agent in case.agents for fact in agent.facts]
    facts += [fact for item in case.items for fact in item.recommendation.evidence]
    numbers = [(headline(fact.label), fact.unit, provenance(fact), fact.value) for fact in facts]
    values: dict[tuple[str, str, str], list[float]] = {}
    for name, unit, origin, value in (*prices, *numbers):
        if origin.startswith(_ASSUMPTION):
            values.setdefault((name, unit, origin.removeprefix(_ASSUMPTION).lstrip(": ")), []).append(value)
    rows = [
        (name, _range(found, unit), capitalized(origin)) for (name, unit, origin), found in values.items()
    ]
    return table(("Number", "Value>", "Assumed from"), rows) if rows else Md("")


def _range(values: Sequence[float], unit: str) -> str:
    low, high = min(values), max(values)
    return quantity(low, unit) if low == high else f"{number(low)} to {quantity(high, unit)}"
