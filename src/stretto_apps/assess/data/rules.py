"""Compliance rules of four frameworks, each with its paragraph, as predicates over a request.

The requirements are told in our own words and only where a request can show them; they are no legal advice
and no substitute for the texts: Regulation (EU) 2016/679, 45 CFR Part 164, PCI DSS v4.0, AICPA Trust Services
Criteria 2017 (points of focus 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, Unpack

from stretto_apps.assess.data.prices import in_european_union
from stretto_apps.assess.data.versions import support_of
from stretto_apps.assess.types import AssessmentRequest, Framework

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RULES", "Rule", "frameworks_in_scope", "implied_frameworks", "rules_of"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One requirement.

    It is met when every practice in `needs` is in place and `problem` finds nothing; `problem` returns what
    is wrong in words, or an empty string. `applies` says for whom the rule is there, and `otherwise` why it
    is not.
    """

    framework: Framework
    paragraph: str
    requirement: str
    needs: tuple[str, ...] = ()
    problem: Callable[[AssessmentRequest], str] | None = None
    mend: str = ""
    applies: Callable[[AssessmentRequest], bool] | None = None
    otherwise: str = ""


def implied_frameworks(request: AssessmentRequest) -> tuple[Framework, ...]:
    """Frameworks which the data itself calls for, asked for or not."""
    implied = []
    if request.handles_personal_data and in_european_union(request.region):
        implied.append(Framework.GDPR)
    if request.handles_health_data and not in_european_union(request.region):
        implied.append(Framework.HIPAA)
    if request.handles_card_data:
        implied.append(Framework.PCI_DSS)
    return tuple(implied)


def frameworks_in_scope(request: AssessmentRequest) -> tuple[Framework, ...]:
    """Those asked for and those implied, in the order of `Framework`."""
    wanted = {*request.compliance, *implied_frameworks(request)}
    return tuple(framework for framework in Framework if framework in wanted)


def rules_of(framework: Framework) -> tuple[Rule, ...]:
    """The framework's rules in the order of its text."""
    return tuple(rule for rule in RULES if rule.framework == framework)


def _outdated(request: AssessmentRequest) -> str:
    ended = [
        f"{component.name} {component.version}"
        for component in request.stack
        if (left := support_of(component).days_left) is not None and left < 0
    ]
    return f"no more security fixes for {', '.join(ended)}" if ended else ""


def _sensitive(request: AssessmentRequest) -> bool:
    return request.handles_health_data or request.scale.users >= 100_000


def _outside_union(request: AssessmentRequest) -> bool:
    return not in_european_union(request.region)


def _large(request: AssessmentRequest) -> bool:
    return request.scale.employees >= 250 or request.handles_personal_data or request.handles_health_data


def _public(request: AssessmentRequest) -> bool:
    return request.workload.kind in {"web", "api"}


def _stores_objects(request: AssessmentRequest) -> bool:
    return request.workload.data_gb > 0


def _ambitious(request: AssessmentRequest) -> bool:
    return request.workload.availability_target >= 99.5


def _confidential(request: AssessmentRequest) -> bool:
    return request.handles_personal_data or request.handles_health_data or request.handles_card_data


class _More(TypedDict, total=False):
    problem: Callable[[AssessmentRequest], str]
    mend: str
    applies: Callable[[AssessmentRequest], bool]
    otherwise: str


def _gdpr(paragraph: str, requirement: str, *needs: str, **more: Unpack[_More]) -> Rule:
    return _rule(Framework.GDPR, f"GDPR {paragraph}", requirement, needs, more)


def _hipaa(paragraph: str, requirement: str, *needs: str, **more: Unpack[_More]) -> Rule:
    return _rule(Framework.HIPAA, f"45 CFR {paragraph}", requirement, needs, more)


def _pci(paragraph: str, requirement: str, *needs: str, **more: Unpack[_More]) -> Rule:
    return _rule(Framework.PCI_DSS, f"PCI DSS 4.0 Req. {paragraph}", requirement, needs, more)


def _soc2(paragraph: str, requirement: str, *needs: str, **more: Unpack[_More]) -> Rule:
    return _rule(Framework.SOC2, f"SOC 2 {paragraph}", requirement, needs, more)


def _rule(
    framework: Framework, paragraph: str, requirement: str, needs: tuple[str, ...], more: _More
) -> Rule:
    return Rule(framework, paragraph, requirement, needs, **more)


_UPGRADE = "Upgrade what no longer gets security fixes."

RULES: tuple[Rule, ...] = (
    # --- GDPR
    _gdpr("Art. 5(1)(e)", "Personal data is kept no longer than its purpose needs.", "data-retention"),
    _gdpr("Art. 6(1)", "Each use of personal data rests on a lawful basis.", "lawful-basis"),
    _gdpr(
        "Art. 13 and 14",
        "People are told what is done with their data, by whom and for how long.",
        "privacy-notice",
    ),
    _gdpr(
        "Art. 15 to 17 and 20",
        "People can see, correct, delete and take away their data.",
        "data-subject-requests",
    ),
    _gdpr(
        "Art. 28(3)",
        "Everybody who handles the data on the company's behalf is bound by contract.",
        "processor-agreements",
    ),
    _gdpr(
        "Art. 30(1)",
        "There is a written record of all processing.",
        "processing-records",
        applies=_large,
        otherwise="fewer than 250 employees and no personal data handled regularly (Art. 30(5))",
    ),
    _gdpr(
        "Art. 32(1)(a)",
        "Personal data is encrypted or pseudonymized as the risk calls for.",
        "encryption-at-rest",
        "encryption-in-transit",
    ),
    _gdpr(
        "Art. 32(1)(b)",
        "Confidentiality, integrity and availability hold for the long run.",
        "least-privilege",
        "mfa",
        "monitoring",
    ),
    _gdpr(
        "Art. 32(1)(c)",
        "Data and access to it can be restored quickly after an incident.",
        "backups",
        "disaster-recovery",
    ),
    _gdpr(
        "Art. 32(1)(d)",
        "The protection itself is tested regularly.",
        "vulnerability-scanning",
        "restore-tests",
        problem=_outdated,
        mend=_UPGRADE,
    ),
    _gdpr(
        "Art. 33",
        "A breach reaches the authority within 72 hours.",
        "breach-notification",
        "incident-response",
    ),
    _gdpr(
        "Art. 35",
        "High-risk uses are assessed before they start.",
        "dpia",
        applies=_sensitive,
        otherwise="neither health data nor use on a large scale (below 100 000 users)",
    ),
    _gdpr(
        "Art. 37(1)",
        "A data protection officer is appointed where the core business handles sensitive data on a "
        "large scale.",
        "dpo",
        applies=_sensitive,
        otherwise="neither health data nor use on a large scale (below 100 000 users)",
    ),
    _gdpr(
        "Art. 44 to 46",
        "Data leaves the European Union only under a legal safeguard.",
        "transfer-safeguards",
        applies=_outside_union,
        otherwise="the region lies in the European Union",
    ),
    # --- HIPAA security and breach rules
    _hipaa("164.308(a)(1)(ii)(A)", "The risks to health information are analyzed.", "risk-assessment"),
    _hipaa("164.308(a)(1)(ii)(C)", "Breaking the policies has consequences.", "sanction-policy"),
    _hipaa("164.308(a)(2)", "One person is responsible for security.", "security-officer"),
    _hipaa("164.308(a)(4)", "Access is granted by role and need.", "least-privilege", "access-reviews"),
    _hipaa(
        "164.308(a)(5)",
        "The workforce is trained, and protected from malicious software.",
        "security-training",
        "anti-malware",
    ),
    _hipaa("164.308(a)(6)", "Security incidents are answered and recorded.", "incident-response"),
    _hipaa(
        "164.308(a)(7)",
        "There are backups, a recovery plan, and tests of both.",
        "backups",
        "disaster-recovery",
        "restore-tests",
    ),
    _hipaa(
        "164.308(b)(1)",
        "Associates who touch the data have signed an agreement.",
        "business-associate-agreements",
    ),
    _hipaa(
        "164.310(d)(1)", "Devices and media that hold health information are controlled.", "device-management"
    ),
    _hipaa(
        "164.312(a)(1)",
        "Each person has an own identity, and access is limited to it.",
        "sso",
        "least-privilege",
    ),
    _hipaa(
        "164.312(a)(2)(iv)",
        "Health information at rest is encrypted (addressable).",
        "encryption-at-rest",
        applies=_stores_objects,
        otherwise="no data is stored",
    ),
    _hipaa(
        "164.312(b)",
        "Activity around health information is recorded and looked at.",
        "audit-logging",
        "monitoring",
    ),
    _hipaa(
        "164.312(c)(1)",
        "Health information is guarded against wrong changes and loss.",
        "backups",
        "change-management",
        problem=_outdated,
        mend=_UPGRADE,
    ),
    _hipaa("164.312(d)", "Who asks for access is verified.", "mfa"),
    _hipaa("164.312(e)(1)", "Health information on the wire is protected.", "encryption-in-transit"),
    _hipaa("164.316(b)(2)(i)", "Policies and records are written and kept for six years.", "security-policy"),
    _hipaa(
        "164.404 to 164.408",
        "People, the department and, for large breaches, the media are notified.",
        "breach-notification",
    ),
    # --- PCI DSS 4.0
    _pci(
        "1.3 and 1.4",
        "Traffic to and from card data is restricted to what is needed.",
        "network-segmentation",
    ),
    _pci("2.2.1", "Systems are configured by a hardening standard.", "hardened-configuration"),
    _pci("3.2.1", "Card data is kept only as long as needed.", "data-retention"),
    _pci("3.4.1", "Card numbers are masked when shown.", "pan-masking"),
    _pci("3.5.1", "Stored card numbers are unreadable.", "tokenization", "encryption-at-rest"),
    _pci("3.6 and 3.7", "Keys are protected and managed over their life.", "key-management"),
    _pci(
        "4.2.1", "Card numbers cross open networks only under strong cryptography.", "encryption-in-transit"
    ),
    _pci("5.2 and 5.3", "Malicious software is kept out and detected.", "anti-malware"),
    _pci("6.2", "Own software is developed securely.", "secure-sdlc"),
    _pci(
        "6.3.3",
        "Known vulnerabilities are patched, critical ones within a month.",
        "patch-management",
        problem=_outdated,
        mend=_UPGRADE,
    ),
    _pci(
        "6.4.2",
        "Public web applications stand behind automatic protection.",
        "waf",
        applies=_public,
        otherwise="no public web application",
    ),
    _pci(
        "6.4.3",
        "Scripts of the payment page are authorized and checked for integrity.",
        "payment-page-scripts",
        applies=_public,
        otherwise="no public web application",
    ),
    _pci("7.2", "Access follows need to know and is reviewed.", "least-privilege", "access-reviews"),
    _pci("8.4.2", "All access to card data needs a second factor.", "mfa"),
    _pci("10.2", "Audit logs record access to card data.", "audit-logging"),
    _pci("10.5.1", "Audit logs are kept twelve months, three of them at hand.", "log-retention"),
    _pci(
        "11.3.1 and 11.3.2",
        "Vulnerability scans run every quarter, inside and outside.",
        "vulnerability-scanning",
    ),
    _pci("11.4.3", "Penetration tests run every year and after large changes.", "penetration-tests"),
    _pci("11.5.1", "Intrusions are detected.", "intrusion-detection"),
    _pci("12.1.1", "A security policy is in force and known.", "security-policy"),
    _pci("12.6.1", "There is a security awareness program.", "security-training"),
    _pci("12.8", "Providers that touch card data are chosen with care and listed.", "vendor-management"),
    _pci("12.10.1", "An incident plan is ready to be used.", "incident-response"),
    # --- SOC 2
    _soc2("CC1.4", "People are trained for their responsibilities.", "security-training"),
    _soc2("CC2.2", "Policies are communicated inside.", "security-policy"),
    _soc2("CC3.2", "Risks are identified and assessed.", "risk-assessment"),
    _soc2(
        "CC6.1",
        "Access to systems and data is protected by logical controls.",
        "sso",
        "mfa",
        "encryption-at-rest",
        "asset-inventory",
    ),
    _soc2(
        "CC6.2 and CC6.3",
        "Accounts are given, changed and removed by role.",
        "least-privilege",
        "access-reviews",
    ),
    _soc2("CC6.6", "The border to the outside is guarded.", "network-segmentation", "waf"),
    _soc2("CC6.7", "Data on the move is protected.", "encryption-in-transit", "device-management"),
    _soc2("CC6.8", "Unauthorized software is prevented or found.", "anti-malware", "hardened-configuration"),
    _soc2(
        "CC7.1",
        "Vulnerabilities and changes of configuration are detected.",
        "vulnerability-scanning",
        problem=_outdated,
        mend=_UPGRADE,
    ),
    _soc2("CC7.2", "Systems are watched for anomalies.", "monitoring", "intrusion-detection"),
    _soc2("CC7.3 and CC7.4", "Security events are judged and answered.", "incident-response"),
    _soc2("CC7.5", "The company recovers from incidents.", "disaster-recovery"),
    _soc2("CC8.1", "Changes are authorized, tested and approved.", "change-management", "ci-cd"),
    _soc2("CC9.2", "Suppliers' risks are managed.", "vendor-management"),
    _soc2(
        "A1.2",
        "Backups and redundant infrastructure meet the availability promised.",
        "backups",
        "multi-zone",
        applies=_ambitious,
        otherwise="no availability above 99.5 % is promised",
    ),
    _soc2(
        "A1.3",
        "Recovery is tested.",
        "restore-tests",
        applies=_ambitious,
        otherwise="no availability above 99.5 % is promised",
    ),
    _soc2(
        "C1.2",
        "Confidential data is disposed of when it is no longer needed.",
        "data-retention",
        applies=_confidential,
        otherwise="no confidential data is handled",
    ),
)
