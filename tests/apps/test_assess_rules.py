"""Compliance rules, the engine that judges them, and the agent that gathers gaps."""

from __future__ import annotations

from collections import Counter

import pytest

from apps.assess_requests import component, request
from stretto_apps.assess.agents.compliance import closing, find
from stretto_apps.assess.compliance_engine import judge
from stretto_apps.assess.data.practices import PRACTICES
from stretto_apps.assess.data.rules import RULES, Rule, frameworks_in_scope, implied_frameworks, rules_of
from stretto_apps.assess.findings import report
from stretto_apps.assess.rulebook import evaluate, judge_rule, score
from stretto_apps.assess.synthesis import synthesize
from stretto_apps.assess.types import AssessmentRequest, Framework, RuleResult, RuleVerdict

ALL = tuple(PRACTICES)
EVERYTHING = tuple(Framework)


def verdicts(asked: AssessmentRequest) -> dict[str, RuleVerdict]:
    """Verdict by paragraph."""
    return {result.rule: result.verdict for result in evaluate(asked)}


def test_rules_name_known_practices() -> None:
    """Every rule needs at least one practice, all of them known, and paragraphs are unique."""
    for rule in RULES:
        assert rule.needs
        assert set(rule.needs) <= set(PRACTICES), rule.paragraph
        assert rule.requirement.endswith(".")
        assert (rule.applies is None) == (rule.otherwise == "")
        assert (rule.problem is None) == (rule.mend == "")
    assert max(Counter(rule.paragraph for rule in RULES).values()) == 1


@pytest.mark.parametrize("framework", EVERYTHING)
def test_each_framework_has_rules(framework: Framework) -> None:
    """No framework is empty, and its rules say which they belong to."""
    assert len(rules_of(framework)) >= 12
    marks = {"gdpr": "GDPR", "hipaa": "45 CFR 164", "pci-dss": "PCI DSS 4.0", "soc2": "SOC 2"}
    assert all(rule.paragraph.startswith(marks[framework.value]) for rule in rules_of(framework))


def test_all_controls_close_all_gaps() -> None:
    """A company with every practice and a supported stack has no gap anywhere."""
    asked = request(
        compliance=EVERYTHING, controls=ALL, stack=(component("postgresql", "17"),),
        handles_personal_data=True, handles_health_data=True, handles_card_data=True,
    )  # fmt: skip
    assert RuleVerdict.GAP not in verdicts(asked).values()
    assert judge(asked, synthesize(asked, [])).score == 1.0


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.paragraph)
def test_each_rule_turns_on_each_of_its_practices(rule: Rule) -> None:
    """Taking any one needed practice away makes the rule a gap which says so and how to mend it."""
    asked = request(
        compliance=EVERYTHING, controls=ALL, stack=(), region="us-east-1", employees=5_000, users=10**6,
        handles_personal_data=True, handles_health_data=True, handles_card_data=True,
    )  # fmt: skip
    assert judge_rule(rule, asked).verdict is RuleVerdict.MET
    for name in rule.needs:
        without = asked.model_copy(update={"controls": tuple(c for c in ALL if c != name)})
        result = judge_rule(rule, without)
        assert result.verdict is RuleVerdict.GAP
        assert name in result.because
        assert PRACTICES[name].action in result.mend


def test_outdated_parts_break_rules_on_patching() -> None:
    """A component without fixes is a gap although patching is listed, and the part is named."""
    asked = request(
        compliance=(Framework.PCI_DSS,), controls=ALL, stack=(component("mysql", "5.7", "database"),)
    )
    results = {result.rule: result for result in evaluate(asked)}
    patching = results["PCI DSS 4.0 Req. 6.3.3"]
    assert patching.verdict is RuleVerdict.GAP
    assert "mysql 5.7" in patching.because
    assert "Upgrade" in patching.mend


@pytest.mark.parametrize(
    ("changes", "paragraph", "verdict"),
    [
        ({"region": "us-east-1"}, "GDPR Art. 44 to 46", RuleVerdict.GAP),
        ({"region": "eu-central-1"}, "GDPR Art. 44 to 46", RuleVerdict.NOT_APPLICABLE),
        ({"users": 99_999}, "GDPR Art. 37(1)", RuleVerdict.NOT_APPLICABLE),
        ({"users": 100_000}, "GDPR Art. 37(1)", RuleVerdict.GAP),
        ({"handles_health_data": True}, "GDPR Art. 35", RuleVerdict.GAP),
        ({"employees": 249, "engineers": 3}, "GDPR Art. 30(1)", RuleVerdict.NOT_APPLICABLE),
        ({"employees": 250}, "GDPR Art. 30(1)", RuleVerdict.GAP),
        ({"employees": 20, "handles_personal_data": True}, "GDPR Art. 30(1)", RuleVerdict.GAP),
        ({"kind": "batch"}, "PCI DSS 4.0 Req. 6.4.3", RuleVerdict.NOT_APPLICABLE),
        ({"kind": "web"}, "PCI DSS 4.0 Req. 6.4.3", RuleVerdict.GAP),
        ({"data_gb": 0}, "45 CFR 164.312(a)(2)(iv)", RuleVerdict.NOT_APPLICABLE),
        ({"availability_target": 99.0}, "SOC 2 A1.2", RuleVerdict.NOT_APPLICABLE),
        ({"availability_target": 99.5}, "SOC 2 A1.2", RuleVerdict.GAP),
        ({}, "SOC 2 C1.2", RuleVerdict.NOT_APPLICABLE),
        ({"handles_card_data": True}, "SOC 2 C1.2", RuleVerdict.GAP),
    ],
)
def test_whom_a_rule_is_for(changes: dict[str, object], paragraph: str, verdict: RuleVerdict) -> None:
    """Rules with a condition apply on one side of it and not on the other."""
    assert verdicts(request(compliance=EVERYTHING, **changes))[paragraph] is verdict


def test_frameworks_nobody_needs_do_not_apply() -> None:
    """Rules of a framework out of scope are listed as not applicable, with the reason."""
    results = evaluate(request(compliance=(Framework.SOC2,)))
    assert len(results) == len(RULES)
    others = [result for result in results if result.framework is not Framework.SOC2]
    assert {result.verdict for result in others} == {RuleVerdict.NOT_APPLICABLE}
    assert all(result.because for result in others)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"handles_personal_data": True}, (Framework.GDPR,)),
        ({"handles_personal_data": True, "region": "us-east-1"}, ()),
        ({"handles_health_data": True, "region": "us-east-1"}, (Framework.HIPAA,)),
        ({"handles_health_data": True}, ()),
        ({"handles_card_data": True}, (Framework.PCI_DSS,)),
    ],
)
def test_data_calls_for_frameworks(changes: dict[str, object], expected: tuple[Framework, ...]) -> None:
    """What is handled, and where, decides which laws apply without being asked for."""
    assert implied_frameworks(request(**changes)) == expected
    assert frameworks_in_scope(request(**changes)) == expected


def test_scope_joins_asked_and_implied_once() -> None:
    """A framework both asked for and implied appears once, in a fixed order."""
    asked = request(compliance=(Framework.SOC2, Framework.GDPR), handles_personal_data=True)
    assert frameworks_in_scope(asked) == (Framework.GDPR, Framework.SOC2)


def made(verdict: RuleVerdict) -> RuleResult:
    """A result of that verdict."""
    return RuleResult(framework=Framework.GDPR, rule="r", requirement="q", verdict=verdict, because="b")


def test_score_counts_what_applies() -> None:
    """met / (met + gap); 1 when nothing applies."""
    results = [
        made(RuleVerdict.MET),
        made(RuleVerdict.GAP),
        made(RuleVerdict.GAP),
        made(RuleVerdict.NOT_APPLICABLE),
    ]
    assert score(results) == pytest.approx(1 / 3)
    assert score([made(RuleVerdict.NOT_APPLICABLE)]) == 1.0


def test_more_controls_never_lower_the_score() -> None:
    """Adding practices one by one, the score only rises."""
    scores = [
        score(evaluate(request(compliance=EVERYTHING, controls=ALL[:count]))) for count in range(len(ALL) + 1)
    ]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]


def test_gaps_say_whether_the_plan_covers_them() -> None:
    """With the agent's recommendations each gap is covered; without any it says that none covers it."""
    asked = request(compliance=(Framework.SOC2,), stack=())
    alone = judge(asked, synthesize(asked, []))
    planned = judge(asked, synthesize(asked, [report(find(asked), "w", "offline")]))
    gaps = [r for r in planned.results if r.verdict is RuleVerdict.GAP]
    assert gaps
    assert all(r.mend.endswith("Part of the recommendations.") for r in gaps)
    assert all(r.mend.endswith("No recommendation covers it yet.") for r in alone.results if r.mend)
    assert (alone.score, alone.frameworks) == (planned.score, (Framework.SOC2,))


def test_a_partly_covered_gap_names_what_is() -> None:
    """When only some of a rule's practices are recommended, those are named."""
    asked = request(compliance=(Framework.SOC2,), stack=())
    one = [r for r in find(asked).recommendations if r.id == "sso"]
    synthesis = synthesize(asked, []).model_copy(update={"recommendations": tuple(one)})
    result = next(r for r in judge(asked, synthesis).results if r.rule == "SOC 2 CC6.1")
    assert result.mend.endswith("Part of the recommendations: sso.")


def test_closing_gathers_rules_by_practice() -> None:
    """Each missing practice comes once with all rules it would help, those with most rules first."""
    asked = request(compliance=EVERYTHING)
    gathered = closing(asked)
    counts = [len(rules) for _, rules in gathered]
    assert counts == sorted(counts, reverse=True)
    assert len({name for name, _ in gathered}) == len(gathered)
    backups = dict(gathered)["backups"]
    assert {rule.framework for rule in backups} == {Framework.GDPR, Framework.HIPAA, Framework.SOC2}


def test_the_agent_cites_paragraphs() -> None:
    """Each recommendation's reason names the paragraphs and its evidence counts them."""
    found = find(request(compliance=(Framework.PCI_DSS,)))
    mfa = next(r for r in found.recommendations if r.id == "mfa")
    assert "Req. 8.4.2" in mfa.reason
    assert mfa.evidence[0].value == 1
    assert found.headline.startswith(f"{len(rules_of(Framework.PCI_DSS))} gaps in PCI DSS 4.0; 0%")
