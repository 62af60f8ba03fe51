"""Judges a request against the rules: the same for the compliance agent and the compliance engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.data.practices import PRACTICES
from stretto_apps.assess.data.rules import RULES, Rule, frameworks_in_scope
from stretto_apps.assess.types import RuleResult, RuleVerdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stretto_apps.assess.types import AssessmentRequest

__all__ = ["evaluate", "judge_rule", "missing_practices", "score"]


def evaluate(request: AssessmentRequest) -> tuple[RuleResult, ...]:
    """Every rule of every framework, judged; those of frameworks out of scope do not apply."""
    scope = frozenset(frameworks_in_scope(request))
    return tuple(
        judge_rule(rule, request)
        if rule.framework in scope
        else _not_applicable(rule, "the framework was not asked for, and the data does not call for it")
        for rule in RULES
    )


def judge_rule(rule: Rule, request: AssessmentRequest) -> RuleResult:
    """One rule: not applicable, met, or a gap with what is missing and how to mend it."""
    if rule.applies is not None and not rule.applies(request):
        return _not_applicable(rule, rule.otherwise)
    missing = missing_practices(rule, request)
    problem = rule.problem(request) if rule.problem else ""
    if not missing and not problem:
        return _result(rule, RuleVerdict.MET, f"in place: {', '.join(rule.needs)}")
    because = "; ".join(filter(None, (_absent(missing), problem)))
    steps = [f"{PRACTICES[name].action}." for name in missing]
    mend = " ".join([*steps, rule.mend] if problem else steps)
    return _result(rule, RuleVerdict.GAP, because, mend)


def missing_practices(rule: Rule, request: AssessmentRequest) -> tuple[str, ...]:
    """The practices the rule needs and the request does not list."""
    return tuple(name for name in rule.needs if name not in request.controls)


def score(results: Iterable[RuleResult]) -> float:
    """met / (met + gap), 1 when nothing applies."""
    verdicts = [result.verdict for result in results]
    met, gaps = verdicts.count(RuleVerdict.MET), verdicts.count(RuleVerdict.GAP)
    return met / (met + gaps) if met + gaps else 1.0


def _absent(missing: tuple[str, ...]) -> str:
    return f"not in place: {', '.join(missing)}" if missing else ""


def _not_applicable(rule: Rule, why: str) -> RuleResult:
    return _result(rule, RuleVerdict.NOT_APPLICABLE, why)


def _result(rule: Rule, verdict: RuleVerdict, because: str, mend: str = "") -> RuleResult:
    return RuleResult(
        framework=rule.framework,
        rule=rule.paragraph,
        requirement=rule.requirement,
        verdict=verdict,
        because=because,
        mend=mend,
    )
