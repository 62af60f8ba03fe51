"""Prose made of `Material` and nothing else. A `Voice` picks among sentence patterns by the request's digest.

Two requests seldom share a voice, so several texts side by side do not read like one form filled in; the same
request always gives the same text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from stretto.models.material import Fact, Material, Point
from stretto.models.wording import count_word, is_plural, join, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Length", "Voice", "line", "prose"]

_NO_DATA = "No data was given, so there is nothing to report."
_ACTS_FIRST = re.compile(r"\b(exec|board|ceo|cfo|cto|management|stakeholder|owner|director)", re.IGNORECASE)
_FINITE = re.compile(
    r"\b(is|are|was|were|has|have|had|can|cannot|will|would|must|may|might|should|does|do|did|needs?|costs?|runs?|"
    r"lacks?|exceeds?|uses?|leaves?|makes?|takes?|holds?|gives?|keeps?|saves?|reaches|falls|stands?|requires?)\b"
)
_JOINING = ("to ", "because ", "since ", "so that ", "as ", "for ")
_ASKED = re.compile(
    r"\b(one|two|three|four|five|six|seven|eight|nine|ten|a single|\d{1,2})\s+(sentence|paragraph)s?\b",
    re.IGNORECASE,
)
_WORDS = {"a single": 1} | {count_word(count): count for count in range(1, 11)}


@dataclass(frozen=True, slots=True)
class Voice:
    """Choices among phrasings, fixed by `seed` (the request's digest)."""

    seed: str

    def pick(self, options: int, what: str) -> int:
        """A number below `options`; the same for the same seed and `what`."""
        return int.from_bytes(blake2b(f"{self.seed}/{what}".encode(), digest_size=8).digest()) % options

    def of(self, what: str) -> Voice:
        """A voice of its own for one part of an answer."""
        return Voice(f"{self.seed}/{what}")


@dataclass(frozen=True, slots=True)
class Length:
    """How much to write: so many sentences (None: all) in so many paragraphs (None: one a subject)."""

    sentences: int | None = None
    paragraphs: int | None = None

    @classmethod
    def asked(cls, text: str, default: Length) -> Length:
        """What `text` asks for (``in two sentences``, ``three paragraphs``), else `default`."""
        found = _ASKED.search(text)
        if found is None:
            return default
        word = found[1].lower()
        count = int(word) if word.isdigit() else _WORDS[word]
        return cls(sentences=count, paragraphs=1) if found[2].lower() == "sentence" else cls(paragraphs=count)


def prose(material: Material, voice: Voice, length: Length) -> str:
    """Paragraphs separated by an empty line: opening, figures, points to act on, then what else there is."""
    if material.is_empty:
        return _NO_DATA
    parts = [part for part in _parts(material, voice, length.sentences) if part]
    paragraphs = [" ".join(part) for part in parts]
    if length.paragraphs is not None and len(paragraphs) > length.paragraphs:
        kept = length.paragraphs - 1
        paragraphs = [*paragraphs[:kept], " ".join(paragraphs[kept:])]
    return "\n\n".join(paragraphs)


def line(material: Material) -> str:
    """One line that says the most important thing, without a full stop."""
    first_fact = material.facts[0].statement if material.facts else ""
    first_point = material.points[0].action if material.points else ""
    rest = material.rest[0] if material.rest else ""
    chosen = material.headline or first_point or first_fact or rest or material.title or _NO_DATA
    return chosen.rstrip(".")


def _parts(material: Material, voice: Voice, limit: int | None) -> list[list[str]]:
    opening = list(_opening(material, voice))
    figures, points = list(_figures(material, voice)), list(_points(material, voice))
    middle = [points, figures] if _ACTS_FIRST.search(material.audience) else [figures, points]
    parts = [opening, *middle, list(material.rest)]
    return parts if limit is None else _shortened(parts, limit)


def _shortened(parts: list[list[str]], limit: int) -> list[list[str]]:
    """The first sentences of every part in turn, so that a short text still speaks of each."""
    room = limit
    kept: list[int] = [0] * len(parts)
    while room and any(kept[index] < len(part) for index, part in enumerate(parts)):
        for index, part in enumerate(parts):
            if room and kept[index] < len(part):
                kept[index] += 1
                room -= 1
    return [part[:count] for part, count in zip(parts, kept, strict=True)]


def _opening(material: Material, voice: Voice) -> Iterator[str]:
    if not material.headline:
        if material.title:
            yield sentence(material.title)
        return
    openings = [sentence(material.headline)]
    if material.title:
        openings += [f"{material.title}: {sentence(material.headline)}"]
    if material.audience:
        article = "the " if material.audience.isupper() else ""
        openings += [
            f"For {article}{material.lexicon.inner(material.audience)}: {sentence(material.headline)}"
        ]
    yield openings[voice.pick(len(openings), "opening")]


def _figures(material: Material, voice: Voice) -> Iterator[str]:
    inner = material.lexicon.inner
    for turn, chunk in enumerate(_chunks(material.facts, voice)):
        if len(chunk) == 1:
            yield _one_figure(chunk[0], inner(chunk[0].label), voice.pick(4, "one") + turn)
        elif len(chunk) == 2:
            yield _two_figures(chunk, [inner(fact.label) for fact in chunk], voice.pick(3, "two") + turn)
        else:
            yield _three_figures(
                [(inner(fact.label), fact.value) for fact in chunk], voice.pick(3, "three") + turn
            )


def _chunks(facts: Sequence[Fact], voice: Voice) -> Iterator[Sequence[Fact]]:
    """Runs of one to three figures that share a sentence; whole sentences stand alone."""
    index = turn = 0
    while index < len(facts):
        wanted = 1 + voice.pick(3, f"chunk {turn}")
        run = 1
        while (
            run < wanted
            and all(fact.is_figure for fact in facts[index : index + run + 1])
            and index + run < len(facts)
        ):
            run += 1
        yield facts[index : index + run]
        index, turn = index + run, turn + 1


def _verb(label: str, plain: str = "is") -> str:
    if plain == "is":
        return "are" if is_plural(label) else "is"
    return {"stands at": "stand at", "comes to": "come to"}[plain] if is_plural(label) else plain


def _one_figure(fact: Fact, inner: str, choice: int) -> str:
    if not fact.is_figure:
        return fact.statement
    label, value = fact.label, fact.value
    return sentence(
        (
            f"{label} {_verb(label)} {value}",
            f"{label} {_verb(label, 'stands at')} {value}",
            f"the figure for {inner} is {value}",
            f"{label} {_verb(label, 'comes to')} {value}",
        )[choice % 4]
    )


def _two_figures(facts: Sequence[Fact], inner: Sequence[str], choice: int) -> str:
    first, second = facts
    (a, b), (x, y) = inner, (first.value, second.value)
    patterns = (
        f"{first.label} {_verb(a)} {x}, and {b} {_verb(b)} {y}",
        f"{first.label} {_verb(a, 'stands at')} {x}, and {b} at {y}",
        f"with {a} at {x}, {b} {_verb(b, 'comes to')} {y}",
    )
    return sentence(patterns[choice % 3])


def _three_figures(pairs: Sequence[tuple[str, str]], choice: int) -> str:
    return sentence(
        (
            f"in figures: {join([f'{label} {value}' for label, value in pairs])}",
            join([f"{label} {_verb(label)} {value}" for label, value in pairs]),
            f"three figures carry this: {join([f'{label} ({value})' for label, value in pairs])}",
        )[choice % 3]
    )


def _points(material: Material, voice: Voice) -> Iterator[str]:
    inner = material.lexicon.inner
    points = [Point(inner(point.action), point.reason, point.priority) for point in material.points]
    if len(points) == 1:
        yield _reasoned("the one point to act on: ", points[0], material)
    elif points:
        patterns = (_as_list, _as_sequence, _by_priority, _first_things_first)
        yield from patterns[voice.pick(len(patterns), "points")](points, material)


def _reasoned(lead: str, point: Point, material: Material) -> str:
    """An action with its reason, joined by ``because`` only where the reason has a verb of its own."""
    reason = material.lexicon.inner(point.reason)
    if not reason:
        return sentence(f"{lead}{point.action}")
    if reason.startswith(_JOINING):
        return sentence(f"{lead}{point.action} {reason}")
    if ". " in reason:
        return f"{sentence(lead + point.action)} {sentence(point.reason)}"
    if _FINITE.search(reason):
        return sentence(f"{lead}{point.action}, because {reason}")
    return sentence(f"{lead}{point.action} ({reason})")


def _as_list(points: Sequence[Point], material: Material) -> Iterator[str]:
    shown = points[:3]
    yield sentence(
        f"the {count_word(len(shown))} leading points are: {join([point.action for point in shown])}"
    )
    if shown[0].reason:
        yield sentence(f"the reason for the first: {material.lexicon.inner(shown[0].reason)}")
    yield from (_reasoned("further down the list: ", point, material) for point in points[3:])


def _as_sequence(points: Sequence[Point], material: Material) -> Iterator[str]:
    leads = ["first, ", "second, ", "third, "]
    for index, point in enumerate(points):
        yield _reasoned(leads[index] if index < len(leads) else "then, ", point, material)


def _by_priority(points: Sequence[Point], material: Material) -> Iterator[str]:
    said = ""
    for index, point in enumerate(points):
        changed = bool(point.priority) and point.priority != said
        lead = f"{point.priority} priority: " if changed else "also, " if index else "to do: "
        said = point.priority or said
        yield _reasoned(lead, point, material)


def _first_things_first(points: Sequence[Point], material: Material) -> Iterator[str]:
    yield _reasoned("what comes first: ", points[0], material)
    others = [point.action for point in points[1:4]]
    yield sentence(f"after that: {join(others)}")
    if len(points) > 4:
        yield sentence(f"later: {join([point.action for point in points[4:8]])}")
