"""Fills a JSON schema from data: fields by name, prose fields by composing, and nothing by guessing.

Understands what pydantic writes: nested objects, `$ref`, `anyOf`/`oneOf`/`allOf`, enums, `const`, arrays,
defaults and nullable fields. What cannot be found is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from stretto.models.material import Material
from stretto.models.prose import Length, Voice, line, prose
from stretto.models.wording import sentence

__all__ = ["fill"]

_LINES = frozenset({"headline", "title", "heading", "subject", "caption", "tagline"})
_SHORT = frozenset(
    {"summary", "overview", "abstract", "conclusion", "verdict", "answer", "message", "opening"}
)
_LONG = frozenset(
    {"narrative", "text", "body", "content", "report", "analysis", "explanation", "prose", "description"}
)
_PROSE_HINT = re.compile(
    r"\b(sentences?|paragraphs?|prose|in words|wording|narrative|summar\w+|explain\w*)\b", re.IGNORECASE
)
_ACTS = re.compile(r"action|step|recommend|todo|advice|measure|mitigation")
_LISTS = re.compile(rf"{_ACTS.pattern}|highlight|point|fact|bullet|takeaway|message|strength|finding|risk")


class _Missing:
    """Marks what the data do not hold; distinct from null, which is a value."""


_MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the answer we are: the data in scope, what the request said, the voice, and how deep.

    `composing` names the objects being made without data of their own, so that a recursive type ends.
    """

    scope: object
    material: Material
    task: str
    voice: Voice
    definitions: Mapping[str, object]
    depth: int = 0
    composing: frozenset[str] = frozenset()

    def inside(self, scope: object, name: str) -> _Place:
        return replace(self, scope=scope, voice=self.voice.of(name), depth=self.depth + 1)


def fill(schema: Mapping[str, object], data: object, task: str, voice: Voice) -> object:
    """One value of `schema` made from `data`, as complete as the data allow; None when nothing fits."""
    definitions = _mapping(schema.get("$defs")) or _mapping(schema.get("definitions"))
    place = _Place(data, Material.of(data), task, voice, definitions)
    made = _made("", schema, place)
    return None if isinstance(made, _Missing) else made


def _made(name: str, schema: Mapping[str, object], place: _Place) -> object:
    """A value for the field `name`: what the data hold under that name, else what can be composed."""
    schema = _resolved(schema, place.definitions)
    found = _lookup(name, place, is_deep=not _is_prose(name, schema)) if name else _MISSING
    if not isinstance(found, _Missing):
        return _shaped(schema, found, place.inside(found, name))
    if "const" in schema:
        return schema["const"]
    if "default" in schema and not _is_worth_composing(name, schema):
        return _MISSING
    branches = _branches(schema)
    if branches:
        return _first_made(name, branches, schema, place)
    return _composed(name, schema, place)


def _first_made(
    name: str, branches: list[Mapping[str, object]], schema: Mapping[str, object], place: _Place
) -> object:
    outer = {key: schema[key] for key in ("description", "title") if key in schema}
    for branch in branches:
        made = _made(name, {**branch, **outer}, place) if branch.get("type") != "null" else _MISSING
        if not isinstance(made, _Missing):
            return made
    nullable = any(branch.get("type") == "null" for branch in branches)
    return None if nullable and "default" not in schema else _MISSING


def _composed(name: str, schema: Mapping[str, object], place: _Place) -> object:
    kind, title = schema.get("type"), str(schema.get("title"))
    if kind == "object" and "properties" in schema and title not in place.composing:
        return _object(schema, replace(place, composing=place.composing | {title}))
    if kind == "string" and not ({"enum", "format", "pattern"} & schema.keys()):
        return _text(name, schema, place)
    if kind == "array":
        return _texts(name, schema, place)
    return _MISSING


def _object(schema: Mapping[str, object], place: _Place) -> object:
    values: dict[str, object] = {}
    for name, field in _mapping(schema.get("properties")).items():
        made = _made(name, _mapping(field), place.inside(place.scope, name))
        if not isinstance(made, _Missing):
            values[name] = made
    required = schema.get("required")
    wants = bool(required) if isinstance(required, list) else False
    return values if values or not wants or place.depth == 0 else _MISSING


def _text(name: str, schema: Mapping[str, object], place: _Place) -> object:
    """Prose for a prose field; any other string would have to be invented."""
    key, description = name.lower(), str(schema.get("description", ""))
    words = set(key.split("_"))
    if words & _LINES:
        return _cut(line(place.material), schema)
    if words & _LONG:
        default = Length()
    elif not name or words & _SHORT or _PROSE_HINT.search(description):
        default = Length(sentences=5, paragraphs=1)
    else:
        return _MISSING
    length = Length.asked(description, Length.asked(place.task, default))
    return _cut(prose(place.material, place.voice, length), schema)


def _cut(text: str, schema: Mapping[str, object]) -> str:
    """`text` within the schema's `maxLength`, ended at a sentence where one fits, else at a word."""
    most = schema.get("maxLength")
    if not isinstance(most, int) or len(text) <= most:
        return text
    stop = text.rfind(". ", 0, most)
    if stop > 0:
        return text[: stop + 1]
    return text[: text.rfind(" ", 0, most)].rstrip(" ,;:") if " " in text[:most] else text[:most]


def _texts(name: str, schema: Mapping[str, object], place: _Place) -> object:
    """A list of strings: actions for a field named after them, else facts. An empty list is never claimed."""
    items = _resolved(_mapping(schema.get("items")), place.definitions)
    if items.get("type") != "string" or {"enum", "format", "pattern"} & items.keys():
        return _MISSING
    actions = [sentence(point.action) for point in place.material.points]
    facts = [fact.statement for fact in place.material.facts] or list(place.material.rest)
    texts = (actions or facts) if _ACTS.search(name.lower()) else (facts or actions)
    most = schema.get("maxItems")
    return [_cut(text, items) for text in (texts[:most] if isinstance(most, int) else texts)] or _MISSING


def _shaped(schema: Mapping[str, object], found: object, place: _Place) -> object:
    """Found data in the schema's shape: unknown keys are dropped, enums match in any case."""
    schema = _resolved(schema, place.definitions)
    branches = _branches(schema)
    if branches:
        schema = _branch_for(found, [_resolved(branch, place.definitions) for branch in branches])
    choices = schema.get("enum")
    if isinstance(choices, list):
        return next((choice for choice in choices if _same(choice, found)), found)
    if isinstance(found, list) and schema.get("type") == "array":
        items = _mapping(schema.get("items"))
        return [_shaped(items, item, place.inside(item, str(index))) for index, item in enumerate(found)]
    if isinstance(found, Mapping):
        return _shaped_object(schema, found, place)
    return found


def _shaped_object(schema: Mapping[str, object], found: Mapping[str, object], place: _Place) -> object:
    if schema.get("type") in {"number", "integer", "string"} and "value" in found:
        return found["value"]
    if "properties" not in schema:
        return found
    within = replace(place, scope=found, material=Material.of(found))
    return _object(schema, within)


def _branch_for(found: object, branches: list[Mapping[str, object]]) -> Mapping[str, object]:
    """The branch of the found value's type; among several, the one that knows most of its keys."""
    fitting = [branch for branch in branches if _fits(branch, found)]
    return max(fitting, key=lambda branch: _shared_keys(branch, found), default={})


def _shared_keys(schema: Mapping[str, object], found: object) -> int:
    if not isinstance(found, Mapping):
        return 0
    fields = _mapping(schema.get("properties"))
    wrong = [
        key
        for key in fields
        if "const" in (field := _mapping(fields[key])) and found.get(key) != field["const"]
    ]
    return -1 if wrong else len(fields.keys() & found.keys())


def _fits(schema: Mapping[str, object], found: object) -> bool:
    kinds: dict[str, type | tuple[type, ...]] = {
        "null": type(None), "boolean": bool, "integer": int, "number": (int, float), "string": str,
        "array": list, "object": dict,
    }  # fmt: skip
    kind = schema.get("type")
    if isinstance(found, bool):
        return kind == "boolean"
    return isinstance(kind, str) and isinstance(found, kinds.get(kind, ()))


def _is_worth_composing(name: str, schema: Mapping[str, object]) -> bool:
    """Whether a field with a default is one that a writer fills all the same."""
    if _is_string_list(schema):
        return bool(_LISTS.search(name.lower()))
    return bool(set(name.lower().split("_")) & (_LINES | _SHORT | _LONG))


def _is_string_list(schema: Mapping[str, object]) -> bool:
    return _mapping(schema.get("items")).get("type") == "string"


def _is_prose(name: str, schema: Mapping[str, object]) -> bool:
    return _is_string_list(schema) or bool(set(name.lower().split("_")) & (_LINES | _SHORT | _LONG))


def _lookup(name: str, place: _Place, *, is_deep: bool) -> object:
    """What the scope holds under `name`: its own key, a fact's label, or (deep) a nested key if unique."""
    wanted = _norm(name)
    if not isinstance(place.scope, Mapping):
        return _MISSING
    if name in place.scope:
        return place.scope[name]
    own = [value for key, value in place.scope.items() if _norm(str(key)) == wanted]
    if own:
        return own[0]
    facts = place.scope.get("facts")
    labelled = [
        fact["value"]
        for fact in _mappings(facts)
        if _norm(str(fact.get("label"))) == wanted and "value" in fact
    ]
    nested = labelled or (list(_nested_values(place.scope, wanted)) if is_deep else [])
    return nested[0] if len(nested) == 1 else _MISSING


def _nested_values(scope: Mapping[str, object], wanted: str) -> Iterator[object]:
    for value in scope.values():
        if isinstance(value, Mapping):
            yield from (item for key, item in value.items() if _norm(str(key)) == wanted)
            yield from _nested_values(value, wanted)


def _resolved(schema: Mapping[str, object], definitions: Mapping[str, object]) -> Mapping[str, object]:
    """`schema` with its `$ref` followed and a single `allOf` unfolded; what stands beside them wins."""
    seen: set[str] = set()
    while isinstance(reference := schema.get("$ref"), str) and reference not in seen:
        seen.add(reference)
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**_mapping(definitions.get(reference.rpartition("/")[2])), **beside}
    for part in _mappings(schema.get("allOf")):
        schema = {
            **_resolved(part, definitions),
            **{key: value for key, value in schema.items() if key != "allOf"},
        }
    return schema


def _branches(schema: Mapping[str, object]) -> list[Mapping[str, object]]:
    return [*_mappings(schema.get("anyOf")), *_mappings(schema.get("oneOf"))]


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _norm(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _same(choice: object, found: object) -> bool:
    return choice == found or (
        isinstance(choice, str) and isinstance(found, str) and choice.lower() == found.lower()
    )
