"""Architecture patterns with the properties they are chosen by.

The scores (0 to 5) are the authors' judgment, an assumption written down so that it can be argued with:
`scale` load it carries without redesign, `data` volume it suits, `simplicity` how small a team runs it,
`availability` what it reaches without heroics, `elasticity` how well it follows a load that comes and goes.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PATTERNS", "Pattern"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way to build a system; `kinds` are the workloads it is meant for."""

    id: str
    title: str
    kinds: frozenset[str]
    scale: float
    data: float
    simplicity: float
    availability: float
    elasticity: float
    caution: str


def _pattern(
    identifier: str, title: str, kinds: str, scores: tuple[float, float, float, float, float], caution: str
) -> Pattern:
    return Pattern(identifier, title, frozenset(kinds.split()), *scores, caution)


# scores in the order scale, data, simplicity, availability, elasticity
PATTERNS: tuple[Pattern, ...] = (
    _pattern(
        "modular-monolith",
        "a modular monolith on managed containers with one relational database",
        "web api batch",
        (2.5, 2.0, 5.0, 3.5, 3.0),
        "one database is the ceiling; keep module borders strict",
    ),
    _pattern(
        "services-kubernetes",
        "services on managed Kubernetes with a database each",
        "web api streaming ml-inference",
        (5.0, 3.5, 1.5, 4.5, 4.0),
        "asks for a platform team; below eight engineers it eats them",
    ),
    _pattern(
        "serverless",
        "functions and queues with a managed key-value or relational store",
        "web api batch",
        (3.5, 2.0, 4.0, 4.0, 5.0),
        "dear at steady high load; cold starts; ties to one provider",
    ),
    _pattern(
        "event-streaming",
        "an event log with stream processors and materialized views",
        "streaming analytics",
        (5.0, 4.0, 1.5, 4.0, 3.0),
        "exactly-once is a design task, not a setting",
    ),
    _pattern(
        "lakehouse",
        "open table files on object storage with on-demand query engines",
        "analytics batch streaming",
        (4.0, 5.0, 3.0, 3.5, 4.5),
        "small files and missing table upkeep ruin it slowly",
    ),
    _pattern(
        "warehouse",
        "a managed data warehouse fed by scheduled transformations",
        "analytics batch",
        (3.0, 3.5, 4.5, 4.0, 3.5),
        "the bill follows careless queries; set limits",
    ),
    _pattern(
        "queue-workers",
        "a job queue with workers that scale on its length",
        "batch analytics",
        (3.5, 3.0, 4.0, 3.5, 4.5),
        "jobs must be repeatable, for they will be repeated",
    ),
    _pattern(
        "gpu-serving",
        "a batching inference server on autoscaled accelerators",
        "ml-inference",
        (4.0, 2.5, 2.5, 3.5, 4.0),
        "accelerators start in minutes; keep a warm one or shed load",
    ),
    _pattern(
        "training-pipeline",
        "a training pipeline with checkpoints on spot accelerators",
        "ml-training",
        (4.0, 4.0, 2.5, 3.0, 4.5),
        "worthless without resumable checkpoints",
    ),
    _pattern(
        "model-api",
        "hosted model endpoints called from a small service",
        "ml-inference ml-training",
        (3.0, 1.5, 5.0, 4.0, 5.0),
        "cost a call, and the data leaves your account",
    ),
)
