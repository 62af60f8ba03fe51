"""The document set of web research: loading it, and finding in it (Okapi BM25)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from math import log
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Document", "Hit", "local_documents", "parse", "passage", "search", "terms"]

# Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009): the usual
# constants.
K1 = 1.2
B = 0.75
KEYWORD_WEIGHT = 2
_WORD = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_STOP_WORDS = (
    "a an and are as at be been but by can do does for from had has have in into is it its more no not "
    "of on or so "
    "than that the their them then they this to up was what when which who will with"
)
_STOP = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True, slots=True)
class Document:
    """One text. `source` is its file name or address; `practice` is what it argues for, if anything."""

    source: str
    title: str
    text: str
    practice: str | None = None
    keywords: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Hit:
    """A document found, its score and the query terms it holds."""

    document: Document
    score: float
    matched: tuple[str, ...]


@cache
def local_documents() -> tuple[Document, ...]:
    """The documents that ship with the package, by name."""
    folder = files("stretto_apps.assess.data").joinpath("documents")
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".md")), key=lambda e: e.name)
    return tuple(parse(entry.name, entry.read_text(encoding="utf-8")) for entry in found)


def parse(source: str, text: str) -> Document:
    """A document from Markdown with a YAML head (`title`, `practice`, `keywords`); else all is text."""
    head, body = _split(text)
    practice = head.get("practice")
    return Document(
        source=source,
        title=str(head.get("title") or _first_line(body) or source),
        text=body.strip(),
        practice=str(practice) if practice else None,
        keywords=tuple(str(head.get("keywords") or "").split()),
    )


def _split(text: str) -> tuple[dict[str, object], str]:
    if not text.startswith("---\n"):
        return {}, text
    head, closed, body = text[4:].partition("\n---\n")
    loaded = yaml.safe_load(head) if closed else None
    return (loaded, body) if isinstance(loaded, dict) else ({}, text)


def _first_line(body: str) -> str:
    return next((line.lstrip("# ").strip() for line in body.splitlines() if line.strip()), "")[:120]


def terms(text: str) -> list[str]:
    """The words that count for finding: lower case, without stop words, plurals folded."""
    words = (word.strip(".-+") for word in _WORD.findall(text.lower()))
    return [_stem(word) for word in words if word and word not in _STOP]


def _stem(word: str) -> str:
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural else word


def search(query: str, documents: Sequence[Document], limit: int = 5) -> list[Hit]:
    """The documents nearest to the query, best first; those without any of its words are left out.

    Ties keep the order of `documents`. A word of the query counts as often as it is in the query.
    """
    bags = [_bag(document) for document in documents]
    wanted = Counter(terms(query))
    mean = sum(bag.total() for bag in bags) / len(bags) if bags else 0.0
    weights = {word: _rarity(word, bags) for word in wanted}
    hits = [_hit(document, bag, wanted, weights, mean) for document, bag in zip(documents, bags, strict=True)]
    return sorted((hit for hit in hits if hit.score > 0), key=lambda hit: -hit.score)[:limit]


def _bag(document: Document) -> Counter[str]:
    counts = Counter(terms(f"{document.title} {document.text}"))
    for keyword in document.keywords:
        counts.update(dict.fromkeys(terms(keyword), KEYWORD_WEIGHT))
    return counts


def _rarity(word: str, bags: Sequence[Counter[str]]) -> float:
    holding = sum(word in bag for bag in bags)
    return log(1.0 + (len(bags) - holding + 0.5) / (holding + 0.5))


def _hit(
    document: Document, bag: Counter[str], wanted: Counter[str], weights: dict[str, float], mean: float
) -> Hit:
    length = K1 * (1.0 - B + B * bag.total() / mean) if mean else K1
    score = sum(
        count * weights[word] * bag[word] * (K1 + 1.0) / (bag[word] + length)
        for word, count in wanted.items()
    )
    return Hit(document, round(score, 4), tuple(word for word in wanted if bag[word]))


def passage(document: Document, words: Iterable[str]) -> str:
    """The sentence of the document that holds most of the words; the first one on a tie."""
    wanted = frozenset(words)
    sentences = re.split(r"(?<=[.!?])\s+", " ".join(document.text.split()))
    return max(sentences, key=lambda sentence: len(wanted & frozenset(terms(sentence))))
