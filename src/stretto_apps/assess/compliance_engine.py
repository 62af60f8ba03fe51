"""Judges every rule, and says of each gap which recommendation of the synthesis closes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.data.practices import PRACTICES
from stretto_apps.assess.data.rules import RULES, frameworks_in_scope
from stretto_apps.assess.rulebook import evaluate, missing_practices, score
from stretto_apps.assess.types import ComplianceResult, RuleVerdict

if TYPE_CHECKING:
    from stretto_apps.assess.data.rules import Rule
    from stretto_apps.assess.types import AssessmentRequest, RuleResult, Synthesis

__all__ = ["judge"]


def judge(request: AssessmentRequest, synthesis: Synthesis) -> ComplianceResult:
    """Every rule of all four frameworks with its verdict. It holds without the compliance agent as well."""
    results = evaluate(request)
    planned = frozenset(found.action for found in synthesis.recommendations)
    told = tuple(
        _with_plan(request, rule, result, planned) for rule, result in zip(RULES, results, strict=True)
    )
    return ComplianceResult(
        results=told, score=round(score(results), 4), frameworks=frameworks_in_scope(request)
    )


def _with_plan(
    request: AssessmentRequest, rule: Rule, result: RuleResult, planned: frozenset[str]
) -> RuleResult:
    if result.verdict is not RuleVerdict.GAP:
        return result
    missing = missing_practices(rule, request)
    covered = [name for name in missing if PRACTICES[name].action in planned]
    if not missing:
        return result
    if len(covered) == len(missing):
        note = "Part of the recommendations."
    elif covered:
        note = f"Part of the recommendations: {', '.join(covered)}."
    else:
        note = "No recommendation covers it yet."
    return result.model_copy(update={"mend": f"{result.mend} {note}"})
