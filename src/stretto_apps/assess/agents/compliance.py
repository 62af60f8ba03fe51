"""Compliance: the gaps in the frameworks that apply, gathered by what would close them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.data.practices import PRACTICES
from stretto_apps.assess.data.rules import Rule, frameworks_in_scope, implied_frameworks, rules_of
from stretto_apps.assess.findings import Findings, computed, counted, grade, practice
from stretto_apps.assess.rulebook import evaluate, judge_rule, missing_practices, score
from stretto_apps.assess.types import Framework, Priority, RuleVerdict

if TYPE_CHECKING:
    from stretto_apps.assess.types import AssessmentRequest, Evidence, Recommendation, RuleResult

__all__ = ["AGENT", "closing", "find"]

AGENT = "compliance"
NAMES = {
    Framework.GDPR: "GDPR",
    Framework.HIPAA: "HIPAA",
    Framework.PCI_DSS: "PCI DSS 4.0",
    Framework.SOC2: "SOC 2",
}


def find(request: AssessmentRequest) -> Findings:
    """Judges each rule in scope and recommends the practices that are missing, the most needed first."""
    scope = frameworks_in_scope(request)
    results = tuple(result for result in evaluate(request) if result.framework in scope)
    facts = _facts(request, results)
    return Findings(
        agent=AGENT,
        title="Compliance",
        headline=_headline(scope, results),
        highlights=_highlights(request),
        facts=facts,
        recommendations=tuple(_recommendation(name, rules) for name, rules in closing(request)),
        confidence=grade(facts, bool(request.controls), bool(request.compliance)),
    )


def closing(request: AssessmentRequest) -> list[tuple[str, tuple[Rule, ...]]]:
    """(missing practice, the rules it would help to close), those with most rules first."""
    wanted: dict[str, list[Rule]] = {}
    for rule in _open_rules(request):
        for name in missing_practices(rule, request):
            wanted.setdefault(name, []).append(rule)
    ordered = sorted(wanted.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [(name, tuple(rules)) for name, rules in ordered]


def _open_rules(request: AssessmentRequest) -> list[Rule]:
    rules = [rule for framework in frameworks_in_scope(request) for rule in rules_of(framework)]
    return [rule for rule in rules if judge_rule(rule, request).verdict is RuleVerdict.GAP]


def _headline(scope: tuple[Framework, ...], results: tuple[RuleResult, ...]) -> str:
    if not scope:
        return "No framework was asked for and the data calls for none."
    gaps = sum(result.verdict is RuleVerdict.GAP for result in results)
    names = ", ".join(NAMES[framework] for framework in scope)
    return f"{counted(gaps, 'gap')} in {names}; {score(results):.0%} of the rules that apply are met."


def _highlights(request: AssessmentRequest) -> tuple[str, ...]:
    extra = [f for f in implied_frameworks(request) if f not in request.compliance]
    lines = [f"{NAMES[framework]} was not asked for, but the data calls for it." for framework in extra]
    for framework in frameworks_in_scope(request):
        share = score(judge_rule(rule, request) for rule in rules_of(framework))
        lines.append(f"{NAMES[framework]}: {share:.0%} met.")
    return tuple(lines)


def _facts(request: AssessmentRequest, results: tuple[RuleResult, ...]) -> tuple[Evidence, ...]:
    counts = [
        computed(f"{NAMES[framework]} gaps", _gaps(results, framework), "rules", "rules judged as gap")
        for framework in frameworks_in_scope(request)
    ]
    applicable = sum(result.verdict is not RuleVerdict.NOT_APPLICABLE for result in results)
    return (
        computed("Rules that apply", applicable, "rules", "rules of the frameworks in scope"),
        *counts,
        computed("Met", score(results) * 100, "%", "met / (met + gap)"),
    )


def _gaps(results: tuple[RuleResult, ...], framework: Framework) -> int:
    return sum(r.framework == framework and r.verdict is RuleVerdict.GAP for r in results)


def _recommendation(name: str, rules: tuple[Rule, ...]) -> Recommendation:
    paragraphs = ", ".join(rule.paragraph for rule in rules)
    count = len(rules)
    # A practice of the security baseline that law asks for as well does not wait.
    basic = PRACTICES[name].weight >= 7
    priority = (
        Priority.CRITICAL
        if basic and count >= 2
        else Priority.HIGH
        if basic or count >= 2
        else Priority.MEDIUM
    )
    return practice(
        AGENT,
        name,
        reason=f"Asked for by {paragraphs}.",
        priority=priority,
        confidence=0.9,
        evidence=(computed("Rules it helps to close", count, "rules", paragraphs),),
    )
