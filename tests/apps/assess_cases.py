"""Hand-made assessments for the reports' tests, and readers of what the reports say."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from stretto_apps.assess.reports import executive, stakeholder, technical
from stretto_apps.assess.reports.case import Case
from stretto_apps.assess.types import (
    AgentReport,
    AssessmentRequest,
    ComplianceResult,
    CostLine,
    CostModel,
    Evidence,
    Framework,
    MissingAgent,
    Priority,
    Recommendation,
    Report,
    RuleResult,
    RuleVerdict,
    Scale,
    Synthesis,
    Workload,
)

BUILDERS = {"executive": executive, "technical": technical, "stakeholder": stakeholder}
EVIL = "<script>alert('x')</script> | **Ltd** ](javascript:x) ![i](http://evil.example/i.png)"
LISTED = Evidence(
    label="m6i.large",
    value=0.096,
    unit="USD/hour",
    source="AWS list",
    region="eu-central-1",
    as_of="2025-06-01",
)
GUESS = Evidence(label="idle share", value=40, unit="percent", source="no measurement", assumption=True)


def recommendation(
    identifier: str = "right-size", saving: float = 4200.0, **changes: object
) -> Recommendation:
    """A recommendation that saves money, unless `changes` say otherwise."""
    fields: dict[str, object] = {
        "id": identifier,
        "topic": "compute",
        "action": f"Take up {identifier}",
        "reason": f"Because of {identifier}",
        "priority": Priority.HIGH,
        "confidence": 0.8,
        "agents": ("cloud_engineer",),
        "evidence": (LISTED, GUESS),
        "monthly_saving": saving,
    }
    return Recommendation.model_validate(fields | changes)


def agent(name: str = "cloud_engineer", **changes: object) -> AgentReport:
    """An agent's report."""
    fields: dict[str, object] = {
        "agent": name,
        "title": name.replace("_", " ").title(),
        "summary": f"Summary of {name}",
        "highlights": (f"Highlight of {name}",),
        "facts": (LISTED,),
        "confidence": 0.75,
        "model": "offline",
    }
    return AgentReport.model_validate(fields | changes)


def line(item: str = "Servers", monthly: float = 10_000.0, price: Evidence = LISTED) -> CostLine:
    """A line of the bill."""
    return CostLine(
        item=item, quantity=100, unit="hours", unit_price=monthly / 100, monthly=monthly, price=price
    )


def rule(name: str, verdict: RuleVerdict, framework: Framework = Framework.GDPR) -> RuleResult:
    """A judged rule."""
    return RuleResult(
        framework=framework,
        rule=name,
        requirement=f"Requirement of {name}",
        verdict=verdict,
        because=f"Cause of {name}",
        mend=f"Mend of {name}" if verdict is RuleVerdict.GAP else "",
    )


def case(
    *recommendations: Recommendation,
    agents: tuple[AgentReport, ...] | None = None,
    missing: tuple[MissingAgent, ...] = (),
    rules: tuple[RuleResult, ...] = (),
    lines: tuple[CostLine, ...] = (line(),),
    current: float = 10_000.0,
    optimized: float = 6_000.0,
    company: str = "Meridian",
    words: str = "The system is sound but dear.",
) -> Case:
    """A whole assessment; a test says only what matters to it."""
    reports = (agent(),) if agents is None else agents
    judged = [found.verdict for found in rules if found.verdict is not RuleVerdict.NOT_APPLICABLE]
    return Case(
        AssessmentRequest(
            company=company,
            industry="payments",
            scale=Scale(employees=10, engineers=1, users=0),
            workload=Workload(kind="api"),
            monthly_budget=12_000,
            region="eu-central-1",
        ),
        Synthesis(
            overview="An overview.",
            recommendations=recommendations,
            merged=2,
            confidence=0.7,
            agents=tuple(report.agent for report in reports),
            missing=missing,
            model="offline",
        ),
        ComplianceResult(
            results=rules,
            score=judged.count(RuleVerdict.MET) / len(judged) if judged else 1.0,
            frameworks=tuple(dict.fromkeys(found.framework for found in rules)),
        ),
        CostModel(
            lines=lines,
            current_monthly=current,
            optimized_monthly=optimized,
            savings=tuple((found.id, found.monthly_saving) for found in recommendations),
            added_costs=tuple((found.id, found.monthly_cost) for found in recommendations),
            three_year_current=current * 40,
            three_year_optimized=optimized * 40,
            budget=12_000,
            budget_used=current / 12_000,
            assumptions=("Prices stay as they are",),
        ),
        reports,
        words,
        "simulated",
    )


FULL = case(
    recommendation("right-size"),
    recommendation("mfa", 0.0, priority=Priority.CRITICAL, agents=("security",), monthly_cost=300.0),
    recommendation("bot", 0.0, priority=Priority.LOW, agents=("support",), topic="tickets"),
    agents=(agent(), agent("security"), agent("support")),
    missing=(MissingAgent(agent="web_research", why="timed out after 180 s"),),
    rules=(rule("GDPR Art. 30", RuleVerdict.MET), rule("GDPR Art. 32", RuleVerdict.GAP)),
    lines=(line(), line("Logs", 50.0, GUESS)),
)


def built(kind: str, subject: Case = FULL) -> Report:
    """The report of that kind."""
    return BUILDERS[kind](
        subject.request,
        subject.synthesis,
        subject.compliance,
        subject.cost,
        subject.agents,
        subject.words,
        subject.model,
    )


class Page(HTMLParser):
    """What a page is made of: its tags with their attributes, its headings' levels, and its visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, *names: str) -> list[dict[str, str | None]]:
        """The attributes of all tags of these names."""
        return [attributes for tag, attributes in self.tags if tag in names]


def section(markdown: str, heading: str) -> str:
    """The Markdown from `heading` to the next heading of the same or a higher level."""
    level = heading.split()[0]
    after = markdown.split(f"{heading}\n", 1)[1]
    return re.split(rf"^#{{1,{len(level)}}} ", after, flags=re.MULTILINE)[0]
