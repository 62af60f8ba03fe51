"""Web research: what the document set says about the request, with citations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.data.practices import PRACTICES
from stretto_apps.assess.data.versions import canonical_name
from stretto_apps.assess.findings import Findings, computed, grade, has, practice
from stretto_apps.assess.library import Hit, local_documents, passage, search
from stretto_apps.assess.types import Evidence, Priority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto_apps.assess.library import Document
    from stretto_apps.assess.types import AssessmentRequest, Recommendation

__all__ = ["AGENT", "find", "question"]

AGENT = "web_research"
CITED = 5
CONVINCING = 4.0  # score from which a document is taken as speaking of this request


def find(request: AssessmentRequest, fetched: Sequence[Document] = ()) -> Findings:
    """Searches the local documents, and those fetched, for what the request is about, and cites what it
    found.
    """
    documents = (*local_documents(), *fetched)
    hits = search(question(request), documents, CITED)
    facts = _facts(hits, len(documents), len(fetched))
    return Findings(
        agent=AGENT,
        title="Research in documents",
        headline=_headline(hits, len(documents)),
        highlights=tuple(_citation(hit) for hit in hits),
        facts=facts,
        recommendations=tuple(_recommendations(request, hits)),
        confidence=grade(facts, bool(request.goals), bool(request.stack), len(hits) >= 3),
    )


def question(request: AssessmentRequest) -> str:
    """The words to search for: what the company does and runs, wants and must keep to."""
    stated = (
        (request.handles_health_data, "health"),
        (request.handles_card_data, "card payment"),
        (bool(request.workload.models), "machine learning model"),
    )
    return " ".join(
        (
            request.industry,
            request.description,
            request.workload.kind.replace("-", " "),
            *request.goals,
            *(canonical_name(component.name) for component in request.stack),
            *(framework.value.replace("-dss", "") for framework in request.compliance),
            *(words for holds, words in stated if holds),
        )
    )


def _headline(hits: list[Hit], searched: int) -> str:
    if not hits:
        return f"None of {searched} documents speaks of this request."
    return f"Of {searched} documents {len(hits)} bear on this request, first “{hits[0].document.title}”."


def _citation(hit: Hit) -> str:
    return f"“{passage(hit.document, hit.matched)}” ({hit.document.title}, {hit.document.source})"


def _facts(hits: list[Hit], searched: int, fetched: int) -> tuple[Evidence, ...]:
    scores = tuple(
        Evidence(label=hit.document.title, value=hit.score, unit="BM25", source=hit.document.source)
        for hit in hits
    )
    return (
        computed("Documents searched", searched, "documents", "local set and fetched pages"),
        computed("Pages fetched", fetched, "documents", "addresses allowed by the caller"),
        *scores,
    )


def _recommendations(request: AssessmentRequest, hits: list[Hit]) -> list[Recommendation]:
    found, seen = [], set[str]()
    for hit in hits:
        name = hit.document.practice
        if (
            name is None
            or name not in PRACTICES
            or name in seen
            or has(request, name)
            or hit.score < CONVINCING
        ):
            continue
        seen.add(name)
        found.append(_recommendation(name, hit))
    return found


def _recommendation(name: str, hit: Hit) -> Recommendation:
    score = Evidence(label="Relevance", value=hit.score, unit="BM25", source=hit.document.source)
    return practice(
        AGENT,
        name,
        reason=f"“{hit.document.title}” ({hit.document.source}) speaks for it: "
        f"{passage(hit.document, hit.matched)}",
        priority=Priority.LOW,
        confidence=min(0.8, 0.3 + hit.score / 50.0),
        evidence=(score,),
    )
