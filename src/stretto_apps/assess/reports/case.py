"""One assessment as the reports read it: recommendations numbered, priced and given to audiences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from stretto_apps.assess.reports.wording import (
    FRAMEWORK_NAMES,
    PRIORITIES,
    count,
    listed,
    money,
    percent,
    quantity,
)
from stretto_apps.assess.types import Priority, RuleVerdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto_apps.assess.types import (
        AgentReport,
        AssessmentRequest,
        ComplianceResult,
        CostModel,
        Framework,
        Recommendation,
        RuleResult,
        Synthesis,
    )

DECISIONS = 5
_SAME_AGENTS = 2
HORIZONS = {
    Priority.CRITICAL: "Now",
    Priority.HIGH: "Next quarter",
    Priority.MEDIUM: "Later",
    Priority.LOW: "Later",
}


@dataclass(frozen=True)
class Item:
    """A recommendation as all reports number it, with what it saves and costs in the cost model."""

    ref: str
    recommendation: Recommendation
    saving: float
    cost: float

    @property
    def net(self) -> float:
        """What it takes off the monthly bill; negative when it adds to it."""
        return self.saving - self.cost

    @property
    def days(self) -> float:
        """Engineer-days it is estimated to take; 0 where nobody estimated."""
        evidence = self.recommendation.evidence
        return max((fact.value for fact in evidence if fact.unit == "engineer-days"), default=0.0)

    @property
    def horizon(self) -> str:
        """When it is due: now, next quarter or later."""
        return HORIZONS[self.recommendation.priority]

    @property
    def apart(self) -> float:
        """What it costs a month outside of the infrastructure bill, by the agents that made it."""
        return self.recommendation.monthly_cost if not self.cost else 0.0

    @property
    def effect(self) -> str:
        """What it does to the bill, in words."""
        if self.apart and not self.net:
            return f"costs {money(self.apart)} a month apart from the infrastructure bill"
        return f"{self._on_bill}; {money(self.apart)} a month apart from it" if self.apart else self._on_bill

    @property
    def _on_bill(self) -> str:
        if self.saving and self.cost:
            net = f"{'saves' if self.net >= 0 else 'adds'} {money(abs(self.net))} net"
            return f"saves {money(self.saving)} and costs {money(self.cost)} a month: {net}"
        if self.net > 0:
            return f"saves {money(self.net)} a month ({money(self.net * 12)} a year)"
        if self.net < 0:
            return f"costs {money(-self.net)} a month ({money(-self.net * 12)} a year)"
        stated = self.recommendation.monthly_saving
        uncounted = f"; its saving of {money(stated)} a month is not in the cost model" if stated else ""
        return f"leaves the monthly bill as it is{uncounted}"

    @property
    def effort(self) -> str:
        """The engineer-days in words, empty where nobody estimated them."""
        return f"about {quantity(self.days, 'engineer-days')}" if self.days else ""


@dataclass(frozen=True)
class Case:
    """All that a report is made of."""

    request: AssessmentRequest
    synthesis: Synthesis
    compliance: ComplianceResult
    cost: CostModel
    agents: Sequence[AgentReport]
    words: str
    model: str

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Every recommendation, most urgent first, otherwise in the synthesis' order."""
        savings, costs = dict(self.cost.savings), dict(self.cost.added_costs)
        ordered = sorted(self.synthesis.recommendations, key=lambda found: PRIORITIES.index(found.priority))
        return tuple(
            Item(f"R{index}", found, savings.get(found.id, 0.0), costs.get(found.id, 0.0))
            for index, found in enumerate(ordered, 1)
        )

    @cached_property
    def decisions(self) -> tuple[Item, ...]:
        """The few to decide first: the most urgent, and the largest saving always among them.

        No more than two come from the same agents while others have something to decide: one
        subject shall not hide the rest.
        """
        first = self._varied()[:DECISIONS]
        best = max(self.items, key=lambda item: item.net, default=None)
        if best is None or best.net <= 0 or best in first:
            return first
        return (*first[: DECISIONS - 1], best)

    def _varied(self) -> tuple[Item, ...]:
        taken: list[Item] = []
        for item in self.items:
            agents = item.recommendation.agents
            if sum(other.recommendation.agents == agents for other in taken) < _SAME_AGENTS:
                taken.append(item)
        rest = [item for item in self.items if item not in taken]
        chosen = (taken + rest)[:DECISIONS]
        return tuple(sorted(chosen, key=self.items.index))

    @property
    def saving(self) -> float:
        """What all recommendations take off the monthly bill, by the cost model."""
        return self.cost.current_monthly - self.cost.optimized_monthly

    @cached_property
    def gaps(self) -> tuple[RuleResult, ...]:
        """The compliance rules which are not met."""
        return tuple(rule for rule in self.compliance.results if rule.verdict is RuleVerdict.GAP)

    @property
    def judged(self) -> int:
        """How many compliance rules apply."""
        return sum(rule.verdict is not RuleVerdict.NOT_APPLICABLE for rule in self.compliance.results)

    @property
    def compliance_score(self) -> str:
        """The score in words; where no rule applies there is none."""
        return percent(self.compliance.score) if self.judged else "no rule applies"

    @property
    def gap_list(self) -> str:
        """Where the gaps are, e.g. "GDPR 2 and SOC 2 1"."""
        tally = {framework: self.gaps_of(framework) for framework in self.frameworks}
        return listed(
            f"{FRAMEWORK_NAMES[framework]} ({len(gaps)})" for framework, gaps in tally.items() if gaps
        )

    @cached_property
    def frameworks(self) -> tuple[Framework, ...]:
        """The frameworks judged, in their order of appearance."""
        return tuple(
            dict.fromkeys((*self.compliance.frameworks, *(r.framework for r in self.compliance.results)))
        )

    def gaps_of(self, framework: Framework) -> list[RuleResult]:
        """The gaps of one framework."""
        return [rule for rule in self.gaps if rule.framework is framework]

    def agent_name(self, agent: str) -> str:
        """An agent's title, or its id made readable when it sent no report."""
        titles = {report.agent: report.title for report in self.agents}
        return titles.get(agent) or agent.replace("_", " ").replace("-", " ").capitalize()

    def agent_names(self, agents: Sequence[str]) -> str:
        """The titles of several agents."""
        return listed(self.agent_name(agent) for agent in agents) or "no agent named"

    def items_of(self, agent: str) -> list[Item]:
        """The recommendations which an agent made or joined."""
        return [item for item in self.items if agent in item.recommendation.agents]

    @property
    def agents_expected(self) -> int:
        """How many agents were asked: those that reported and those that are missing."""
        reported = {report.agent for report in self.agents}
        return len(reported | {missing.agent for missing in self.synthesis.missing})

    @property
    def missing_headline(self) -> str:
        """How many agents did not report, and which."""
        names = listed(self.agent_name(missing.agent) for missing in self.synthesis.missing)
        return (
            f"{len(self.synthesis.missing)} of {count(self.agents_expected, 'agent')} did not report: {names}"
        )


def priority_tally(items: Sequence[Item]) -> str:
    """How many of each priority, e.g. "2 critical, 5 high and 1 low"."""
    tally = {level: sum(item.recommendation.priority is level for item in items) for level in PRIORITIES}
    return listed(f"{amount} {level.value}" for level, amount in tally.items() if amount)
