"""Uses of artificial intelligence worth considering, with the arithmetic of their benefit.

Every figure is an assumption of the kind one makes before a pilot; a pilot replaces them. `minutes_saved` and
`coverage` give the benefit of one unit of work, `volume` counts the units a month.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto_apps.assess.types import AssessmentRequest

__all__ = ["HOURLY_RATE", "USE_CASES", "UseCase"]

HOURLY_RATE = 45.0  # USD an hour of work, all in


@dataclass(frozen=True, slots=True)
class UseCase:
    """One use: who it fits, how many units a month, what it saves, what it takes."""

    id: str
    title: str
    action: str
    unit: str
    volume: Callable[[AssessmentRequest], float]
    minutes_saved: float
    coverage: float
    build: float
    run_per_unit: float
    data_gb: float
    fits: Callable[[AssessmentRequest], bool]
    topic: str = "ai use cases"


def _words(request: AssessmentRequest) -> str:
    return f"{request.industry} {request.description} {' '.join(request.goals)}".lower()


def _mentions(*stems: str) -> Callable[[AssessmentRequest], bool]:
    return lambda request: any(stem in _words(request) for stem in stems)


def _anybody(_: AssessmentRequest) -> bool:
    return True


USE_CASES: tuple[UseCase, ...] = (
    UseCase(
        "chatbot",
        "Support assistant",
        "Let an assistant answer repeated questions from the knowledge base",
        "tickets",
        lambda r: float(r.support_tickets_per_month),
        12.0,
        0.30,
        25_000.0,
        0.05,
        0.0,
        _anybody,
        topic="support",
    ),
    UseCase(
        "internal-search",
        "Search over own documents",
        "Give employees retrieval over internal documents, with sources shown",
        "questions",
        lambda r: r.scale.employees * 8.0,
        6.0,
        0.30,
        30_000.0,
        0.03,
        1.0,
        lambda r: r.scale.employees >= 30,
    ),
    UseCase(
        "code-assistant",
        "Coding assistant",
        "Give engineers a coding assistant, with review unchanged",
        "engineer-hours",
        lambda r: r.scale.engineers * 80.0,
        5.0,
        1.0,
        3_000.0,
        0.40,
        0.0,
        lambda r: r.scale.engineers >= 3,
    ),
    UseCase(
        "demand-forecast",
        "Demand forecast",
        "Forecast demand by product and week, and order by it",
        "planning decisions",
        lambda r: max(200.0, r.scale.users / 100),
        4.0,
        0.50,
        60_000.0,
        0.01,
        50.0,
        _mentions("retail", "commerce", "logistic", "manufactur", "energy"),
    ),
    UseCase(
        "recommendations",
        "Product recommendations",
        "Recommend products from sessions and orders",
        "active users",
        lambda r: float(r.scale.users),
        0.02,
        1.0,
        80_000.0,
        0.001,
        100.0,
        _mentions("retail", "commerce", "media", "streaming service"),
    ),
    UseCase(
        "fraud-scoring",
        "Fraud scoring",
        "Score payments for fraud before they are captured",
        "reviewed payments",
        lambda r: r.scale.users * 0.01,
        8.0,
        0.60,
        70_000.0,
        0.01,
        20.0,
        lambda r: r.handles_card_data,
    ),
    UseCase(
        "predictive-maintenance",
        "Predictive maintenance",
        "Predict failures of machines from their sensor streams",
        "machine checks",
        lambda r: r.scale.employees * 10.0,
        15.0,
        0.25,
        120_000.0,
        0.05,
        500.0,
        _mentions("manufactur", "industrial", "sensor", "energy"),
    ),
    UseCase(
        "visual-inspection",
        "Visual inspection",
        "Inspect parts by camera, with people judging the doubtful ones",
        "inspected parts",
        lambda r: r.scale.employees * 60.0,
        1.0,
        0.70,
        140_000.0,
        0.004,
        1_000.0,
        _mentions("manufactur"),
    ),
    UseCase(
        "note-drafting",
        "Drafting of clinical notes",
        "Draft visit notes for clinicians to correct and sign",
        "visits",
        lambda r: r.scale.users * 0.05,
        5.0,
        0.60,
        110_000.0,
        0.10,
        10.0,
        lambda r: r.handles_health_data,
    ),
    UseCase(
        "document-intake",
        "Reading of incoming documents",
        "Extract fields from incoming documents, with people checking low scores",
        "documents",
        lambda r: r.scale.employees * 25.0,
        4.0,
        0.60,
        45_000.0,
        0.02,
        5.0,
        _mentions("insur", "bank", "financ", "logistic", "health", "legal", "public"),
    ),
)
