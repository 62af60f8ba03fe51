"""What a prompt's data offers a writer: headline, facts, points to act on, and the rest as plain statements.

Conventional keys: `title`, `headline`, `audience`; `facts` (strings, or objects with `label`, `value`,
`unit` and `assumption`); `recommendations` and `findings` (objects with `action`, `reason` and `priority`).
Any other JSON is restated key by key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from stretto.models.wording import Lexicon, is_number, is_plural, join, label_of, quantity, sentence

__all__ = ["Fact", "Material", "Point"]

_FACT_KEYS = ("facts", "highlights", "figures", "key_points", "points", "evidence")
_POINT_KEYS = ("recommendations", "findings", "actions", "next_steps", "risks", "gaps")
_SINGLE_KEYS = ("title", "headline", "audience")
_TEXT_KEYS = frozenset(
    {"summary", "overview", "text", "description", "note", "conclusion", "narrative", "abstract"}
)
_NAME_KEYS = ("name", "title", "label", "agent", "item", "rule", "kind", "id")
_BODY_KEYS = ("summary", "text", "overview", "description", "headline", "because", "reason", "why", "value")
_PRIORITIES = ("critical", "urgent", "high", "medium", "moderate", "normal", "low", "optional")
_LISTED = 5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement: a label with its value already worded, or a whole sentence when `value` is empty."""

    label: str
    value: str = ""
    is_figure: bool = False

    @property
    def statement(self) -> str:
        """The fact as one sentence."""
        if not self.value:
            return sentence(self.label)
        if self.is_figure:
            return sentence(f"{self.label} {'are' if is_plural(self.label) else 'is'} {self.value}")
        return sentence(f"{self.label}: {self.value}")


@dataclass(frozen=True, slots=True)
class Point:
    """Something to act on, why, and how urgent it is (lower case; empty when not said)."""

    action: str
    reason: str = ""
    priority: str = ""

    @property
    def rank(self) -> int:
        """0 for the most urgent; what names no priority comes in the middle."""
        return _PRIORITIES.index(self.priority) if self.priority in _PRIORITIES else 3


@dataclass(frozen=True, slots=True)
class Material:
    """A prompt's data, sorted by what a writer does with it. Points come by urgency, then as in the data."""

    title: str
    headline: str
    audience: str
    facts: tuple[Fact, ...]
    points: tuple[Point, ...]
    rest: tuple[str, ...]
    lexicon: Lexicon

    @classmethod
    def of(cls, data: object) -> Material:
        """Sort any JSON value; an empty one gives empty material."""
        fields = data if isinstance(data, Mapping) else _fields_of(data)
        points = [point for key in _POINT_KEYS for point in _points(fields.get(key))]
        title, headline, audience = (_text(fields.get(key)) for key in _SINGLE_KEYS)
        return cls(
            title=title,
            headline=headline,
            audience=audience,
            facts=tuple(fact for key in _FACT_KEYS for fact in _facts(fields.get(key))),
            points=tuple(sorted(points, key=lambda point: point.rank)),
            rest=tuple(_rest(fields)),
            lexicon=Lexicon.of(data),
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write about."""
        return not (self.title or self.headline or self.facts or self.points or self.rest)


def _fields_of(data: object) -> Mapping[str, object]:
    if isinstance(data, list):
        has_actions = any(isinstance(item, Mapping) and "action" in item for item in data)
        return {"recommendations" if has_actions else "facts": data}
    return {} if data is None else {"facts": [data]}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _facts(value: object) -> Iterable[Fact]:
    if isinstance(value, Mapping):
        yield from (_labelled(str(key), item) for key, item in value.items())
    elif isinstance(value, list):
        yield from (fact for item in value if (fact := _fact(item)))
    elif value is not None:
        yield Fact(_scalar(value))


def _fact(item: object) -> Fact | None:
    if isinstance(item, Mapping):
        label = _text(item.get("label")) or _text(item.get("name"))
        if label and "value" in item:
            return _labelled(
                label, item["value"], _text(item.get("unit")), assumed=item.get("assumption") is True
            )
        return Fact(text) if (text := _entry(item)) else None
    return Fact(_scalar(item)) if item not in (None, "") else None


def _labelled(label: str, value: object, unit: str = "", *, assumed: bool = False) -> Fact:
    words = label_of(label)
    worded = quantity(value, unit, words) if not isinstance(value, Mapping | list) else _nested(value)
    return Fact(words, f"{worded} (assumed)" if assumed else worded, is_number(value))


def _points(value: object) -> Iterable[Point]:
    for item in value if isinstance(value, list) else []:
        if isinstance(item, str) and item.strip():
            yield Point(item.strip())
        elif isinstance(item, Mapping):
            yield from _point(item)


def _point(item: Mapping[str, object]) -> Iterable[Point]:
    action = next(
        (text for key in ("action", "title", "finding", "text", "name") if (text := _text(item.get(key)))), ""
    )
    reason = next((text for key in ("reason", "why", "because") if (text := _text(item.get(key)))), "")
    priority = _text(item.get("priority")) or _text(item.get("severity"))
    if action or reason:
        yield Point(action or reason, reason if action else "", priority.lower())


def _rest(fields: Mapping[str, object]) -> Iterable[str]:
    known = {*_FACT_KEYS, *_POINT_KEYS, *_SINGLE_KEYS}
    for key, value in fields.items():
        if key not in known:
            yield from _statements(str(key), value)


def _statements(key: str, value: object) -> Iterable[str]:
    if value is None or value in ("", [], {}):
        return
    if isinstance(value, str) and key in _TEXT_KEYS:
        yield sentence(value)
    elif isinstance(value, list) and any(isinstance(item, Mapping) and _body(item) for item in value):
        yield from (sentence(entry) for item in value[:_LISTED] if (entry := _entry(item)))
    elif isinstance(value, Mapping | list):
        yield sentence(f"{label_of(key)}: {_nested(value)}")
    else:
        yield _labelled(key, value).statement


def _nested(value: object, depth: int = 0) -> str:
    """A container in words: names and values side by side, two levels deep, at most five entries a level."""
    if isinstance(value, Mapping):
        entries = [
            f"{label_of(str(key))} {_nested(item, depth + 1)}" for key, item in _shown(value.items(), depth)
        ]
    elif isinstance(value, list):
        entries = [_entry(item, depth + 1) for item in _shown(value, depth)]
    else:
        return _scalar(value)
    entries = [entry for entry in entries if entry.strip()]
    if len(value) > _LISTED:
        return f"{', '.join(entries)}, among others"
    return join(entries) or "none"


def _shown(items: Iterable[T], depth: int) -> list[T]:
    return list(items)[:_LISTED] if depth < 3 else []


def _entry(item: object, depth: int = 0) -> str:
    """One element of a list: its name, then its text, or its other values in parentheses."""
    if not isinstance(item, Mapping):
        return _nested(item, depth)
    name_key = next((key for key in _NAME_KEYS if _text(item.get(key))), "")
    name, body = _text(item.get(name_key)), _body(item)
    if name and body and body != name:
        return f"{label_of(name)}: {body}"
    others = {
        key: value for key, value in item.items() if key != name_key and value not in (None, "", [], {})
    }
    if name and others:
        return f"{name} ({_nested(others, depth + 1)})"
    return name or _nested(item, depth)


def _body(item: Mapping[str, object]) -> str:
    return next((text for key in _BODY_KEYS if " " in (text := _text(item.get(key)))), "")


def _scalar(value: object) -> str:
    return value.strip() if isinstance(value, str) else "none" if value is None else quantity(value)
