"""The practices an assessment speaks of: one vocabulary shared by all agents.

A request lists the ids it already has under `controls`; an agent that recommends a practice uses its topic
and action, so that two agents asking for the same thing are merged by the synthesis.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PRACTICES", "Practice", "closest_practice"]


@dataclass(frozen=True, slots=True)
class Practice:
    """Something a company has or should put in place.

    `weight` is its share in the security baseline (0: not part of it); `days` is the effort to introduce it
    in engineer-days, an assumption for a team that does it the first time.
    """

    id: str
    topic: str
    action: str
    weight: int = 0
    days: int = 5


_ROWS: tuple[tuple[str, str, str, int, int], ...] = (
    # identity
    ("mfa", "access", "Require a second factor for every account that reaches production", 10, 3),
    ("sso", "access", "Put all tools behind one identity provider", 4, 8),
    ("least-privilege", "access", "Cut roles down to what each person and service needs", 8, 10),
    ("access-reviews", "access", "Review who has access to what every quarter, and remove the rest", 4, 3),
    # data protection
    ("encryption-at-rest", "encryption", "Encrypt databases, disks and backups at rest", 9, 4),
    ("encryption-in-transit", "encryption", "Use TLS 1.2 or newer on every connection, inside as well", 9, 4),
    ("key-management", "encryption", "Keep keys in a managed key service and rotate them yearly", 5, 5),
    (
        "secrets-management",
        "secrets",
        "Move passwords and tokens from code and files to a secret store",
        7,
        6,
    ),
    ("tokenization", "card data", "Replace card numbers by tokens of the payment provider", 0, 20),
    ("pan-masking", "card data", "Show at most the first six and last four digits of a card number", 0, 4),
    (
        "payment-page-scripts",
        "card data",
        "List, approve and integrity-check every script of the payment page",
        0,
        8,
    ),
    # network and hosts
    (
        "network-segmentation",
        "network",
        "Separate production data from everything else by network rules",
        6,
        10,
    ),
    ("waf", "network", "Put a web application firewall in front of public endpoints", 5, 4),
    ("anti-malware", "hosts", "Run malware protection where files from outside arrive", 2, 3),
    ("hardened-configuration", "hosts", "Build hosts from a hardened, versioned image", 4, 8),
    ("device-management", "hosts", "Manage laptops: disk encryption, screen lock, remote wipe", 3, 6),
    # finding and fixing
    ("vulnerability-scanning", "vulnerabilities", "Scan hosts, images and dependencies every week", 7, 4),
    (
        "patch-management",
        "vulnerabilities",
        "Install critical security fixes within thirty days, and prove it",
        8,
        6,
    ),
    ("penetration-tests", "vulnerabilities", "Have the system attacked by a tester every year", 4, 5),
    (
        "secure-sdlc",
        "vulnerabilities",
        "Check designs and changes for security before they are merged",
        5,
        10,
    ),
    # seeing and answering
    ("audit-logging", "logging", "Record who did what to which data, in a store nobody can alter", 8, 6),
    ("log-retention", "logging", "Keep audit logs for a year, the last three months at hand", 3, 2),
    (
        "monitoring",
        "monitoring",
        "Watch latency, errors, traffic and saturation of each service with alerts",
        6,
        8,
    ),
    ("intrusion-detection", "monitoring", "Switch on threat detection for accounts and networks", 5, 3),
    (
        "incident-response",
        "incidents",
        "Write an incident plan with roles, and rehearse it twice a year",
        7,
        6,
    ),
    (
        "breach-notification",
        "incidents",
        "Prepare the breach notice: who decides, who is told, by when",
        0,
        3,
    ),
    # staying up
    ("backups", "recovery", "Back up every data store daily to another account or region", 8, 4),
    ("restore-tests", "recovery", "Restore a backup every quarter and measure how long it takes", 4, 3),
    (
        "disaster-recovery",
        "recovery",
        "Write and rehearse a recovery plan with a target time and a target loss",
        3,
        12,
    ),
    ("multi-zone", "availability", "Spread each service and its database over independent zones", 0, 10),
    ("load-tests", "availability", "Load-test at twice the peak before each season", 0, 6),
    ("on-call", "availability", "Set up an on-call rota with runbooks for each alert", 0, 8),
    # organization
    (
        "security-policy",
        "governance",
        "Write down a security policy and have it approved and reviewed yearly",
        3,
        5,
    ),
    ("risk-assessment", "governance", "Assess risks yearly and keep a register with owners", 4, 6),
    ("security-training", "governance", "Train everybody at entry and every year", 4, 3),
    ("vendor-management", "governance", "Assess each supplier that touches data, and keep the list", 3, 6),
    ("asset-inventory", "governance", "Keep a list of systems with an owner for each", 4, 5),
    ("change-management", "governance", "Let every change be reviewed, tested and traceable", 4, 5),
    ("sanction-policy", "governance", "State what happens when a person breaks the security policy", 0, 2),
    ("security-officer", "governance", "Name one person who answers for security", 0, 1),
    # privacy
    (
        "processing-records",
        "privacy",
        "Keep a record of what personal data is used for, and for how long",
        0,
        6,
    ),
    ("privacy-notice", "privacy", "Tell people in plain words what is done with their data", 0, 3),
    ("lawful-basis", "privacy", "Settle and record the lawful basis of each use of personal data", 0, 4),
    (
        "data-subject-requests",
        "privacy",
        "Build access, correction, export and deletion for personal data",
        0,
        12,
    ),
    ("data-retention", "privacy", "Delete data on a schedule that is written down and automatic", 0, 8),
    (
        "processor-agreements",
        "privacy",
        "Sign processing agreements with everybody who handles the data for you",
        0,
        4,
    ),
    ("dpia", "privacy", "Assess the impact of high-risk uses of personal data before they start", 0, 6),
    ("dpo", "privacy", "Appoint a data protection officer", 0, 2),
    (
        "transfer-safeguards",
        "privacy",
        "Cover transfers out of the European Union by a legal mechanism",
        0,
        6,
    ),
    (
        "business-associate-agreements",
        "privacy",
        "Sign business associate agreements with every processor",
        0,
        4,
    ),
    # money
    ("right-sizing", "compute", "Size instances to the measured load at sixty percent utilization", 0, 6),
    ("autoscaling", "compute", "Let the fleet follow the load instead of standing ready for the peak", 0, 8),
    ("commitment", "compute", "Commit the steady part of the fleet for one year", 0, 1),
    ("arm-instances", "compute", "Move stateless services to Arm instances", 0, 10),
    ("spot-training", "accelerators", "Train on spot accelerators with checkpoints", 0, 8),
    (
        "gpu-sharing",
        "accelerators",
        "Scale inference accelerators to zero when idle, and batch requests",
        0,
        10,
    ),
    ("storage-lifecycle", "storage", "Move data nobody reads to cool storage after thirty days", 0, 3),
    ("cdn", "network cost", "Serve cacheable content from a content delivery network", 0, 4),
    ("caching", "compute", "Cache frequent reads in front of the database", 0, 6),
    (
        "budget-alerts",
        "cost control",
        "Set budget alerts at half, four fifths and all of the monthly budget",
        0,
        1,
    ),
    ("cost-tags", "cost control", "Tag every resource with team and service, and read the bill by tag", 0, 4),
    # delivery and machine learning
    ("infrastructure-as-code", "delivery", "Describe the whole infrastructure as reviewed code", 0, 20),
    ("ci-cd", "delivery", "Build, test and deploy every change by a pipeline", 0, 10),
    (
        "experiment-tracking",
        "machine learning",
        "Record parameters, data and metrics of every training run",
        0,
        5,
    ),
    ("model-registry", "machine learning", "Keep models in a registry with version, data and approval", 0, 6),
    ("data-versioning", "machine learning", "Version training data along with the code", 0, 8),
    ("drift-monitoring", "machine learning", "Watch inputs and predictions in production for drift", 0, 8),
    # support
    ("knowledge-base", "support", "Write answers to the twenty most frequent questions", 0, 10),
    ("chatbot", "support", "Let an assistant answer repeated questions from the knowledge base", 0, 15),
    ("ticket-routing", "support", "Route and tag tickets automatically by their text", 0, 8),
    ("status-page", "support", "Publish a status page that is fed by monitoring", 0, 2),
)

PRACTICES: Mapping[str, Practice] = {row[0]: Practice(*row) for row in _ROWS}


def closest_practice(name: str) -> str | None:
    """The known id most like `name`, for a mistyped control."""
    found = get_close_matches(name, PRACTICES, n=1, cutoff=0.6)
    return found[0] if found else None
