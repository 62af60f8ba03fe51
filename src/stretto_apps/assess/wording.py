"""Words from a model, numbers from us: what an agent found is computed, a model only tells it.

An answer that cannot be read raises `UnreadableAnswerError` in the model's `ask`, which is a failed attempt;
nothing here invents a summary in its place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, StringConstraints

from stretto.models import Prompt
from stretto_apps.assess.findings import RANK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stretto.models import Model
    from stretto_apps.assess.findings import Findings
    from stretto_apps.assess.types import AssessmentRequest, Evidence, Recommendation

__all__ = ["SYSTEM", "Wording", "fact_for_words", "first_sentence", "material", "points", "tell", "word"]

SYSTEM = (
    "You word the findings of an infrastructure assessment. Use the figures of the data as they stand, "
    "add none, "
    "and promise nothing the data does not say. Write plain English without headings or lists."
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z“])")
FACTS = 6
POINTS = 4


class Wording(BaseModel):
    """What a model answers: a few sentences and nothing else."""

    summary: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


async def word(model: Model, findings: Findings, request: AssessmentRequest) -> tuple[str, str]:
    """An agent's findings in four sentences, and the name of the model that wrote them."""
    task = f"Tell {request.company} in four sentences what was found under “{findings.title}”."
    return await tell(model, task, material(findings))


async def tell(model: Model, task: str, data: Mapping[str, object]) -> tuple[str, str]:
    """The model's words for `data`, and its name. Raises what `Model.ask` raises."""
    reply = await model.ask(Prompt(task=task, data=dict(data), system=SYSTEM), Wording)
    return reply.value.summary, reply.model


def material(findings: Findings) -> dict[str, object]:
    """The part of the findings a writer needs: the headline, the first facts, the most urgent
    recommendations.
    """
    return {
        "title": findings.title,
        "headline": findings.headline,
        "facts": [fact_for_words(fact) for fact in findings.facts[:FACTS]],
        "recommendations": points(findings.recommendations),
    }


def fact_for_words(fact: Evidence) -> dict[str, object]:
    """A fact as the prompt carries it."""
    return {
        "label": fact.label,
        "value": round(fact.value, 2),
        "unit": fact.unit,
        "assumption": fact.assumption,
    }


def points(recommendations: Sequence[Recommendation], limit: int = POINTS) -> list[dict[str, object]]:
    """The most urgent recommendations as the prompt carries them, the order kept among equals."""
    urgent = sorted(recommendations, key=lambda r: -RANK[r.priority])[:limit]
    return [
        {"action": r.action, "reason": first_sentence(r.reason), "priority": r.priority.value} for r in urgent
    ]


def first_sentence(text: str) -> str:
    """The text up to the first full stop that a capital or an opening quote follows."""
    return _SENTENCE_END.split(" ".join(text.split()), maxsplit=1)[0]
