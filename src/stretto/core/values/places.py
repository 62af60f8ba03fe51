"""Where the parts of a value are, and how a place reads: ``.rows[3]["price"]``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from stretto.core.values.secret import Redacted, mask
from stretto.core.values.shapes import shape_of

__all__ = [
    "Part",
    "holds_redacted",
    "join_places",
    "parts_of",
    "passes_secret",
    "show",
    "show_key",
    "texts_of",
]

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONGEST: Final = 12
_WIDTH: Final = 80


class Part(NamedTuple):
    """A part of a container. `is_hashed`: it is a dict's key or a set's member, which must be immutable."""

    place: str
    value: object
    is_hashed: bool = False


def parts_of(value: object) -> list[Part]:
    """The parts of a container in the order in which they are walked; empty for what has none.

    Keys that are not text come before the values, since they can be wrong themselves. Raises `Unfit` for a
    value of a class that does not tell all its parts.
    """
    kind = type(value)
    if kind is list or kind is tuple:
        return [Part(f"[{index}]", part) for index, part in enumerate(cast("list[object]", value))]
    if kind is set or kind is frozenset:
        return [Part(f"{{{type(part).__name__}}}", part, True) for part in cast("set[object]", value)]
    if kind is dict:
        return _entries(cast("dict[object, object]", value))
    shape = shape_of(kind)
    if shape is None:
        return []
    state = shape.state(value)
    groups = (state.fields, state.extra or {}, state.private or {})
    return [Part(f".{name}", part) for group in groups for name, part in group.items()]


def _all_parts(value: object) -> Iterator[object]:
    """The value and all its parts. It walks with its own stack."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(each.value for each in parts_of(part))


def texts_of(value: object) -> Iterator[str]:
    """All text within a value; of bytes also what `repr` shows of them."""
    for part in _all_parts(value):
        if type(part) is str:
            yield part
        elif type(part) is bytes:
            yield part.decode(errors="replace")
            yield repr(part)[2:-1]


def holds_redacted(value: object) -> bool:
    """Whether a part of the value was a secret that its journal does not hold. Raises `Unfit` as `parts_of` does."""
    return any(type(part) is Redacted for part in _all_parts(value))


def passes_secret(value: object, projection: Sequence[tuple[str, object]]) -> bool:
    """Whether a projection takes what lies in a field that must not be shown."""
    for how, key in projection:
        shape = shape_of(type(value))
        if how == "attr" and shape is not None and key in shape.secrets:
            return True
        value = getattr(value, str(key)) if how == "attr" else value[key]  # type: ignore[index]  # as `project` does
    return False


def join_places(places: list[str]) -> str:
    """One text for a path of places; the middle of a very long one is left out."""
    if len(places) <= _LONGEST:
        return "".join(places)
    half = _LONGEST // 2
    return f"{''.join(places[:half])}…{''.join(places[-half:])}"


def _entries(entries: dict[object, object]) -> list[Part]:
    keys = [Part(f"<key {show_key(key)}>", key, True) for key in entries if type(key) is not str]
    return keys + [Part(f"[{show_key(key)}]", part) for key, part in entries.items()]


def show(value: object) -> str:
    """The value's `repr` for a reader's eyes, cut to 80 characters; its type where that does not work."""
    try:
        text = mask(repr(value))
    except Exception:  # noqa: BLE001 - a stranger's code; and integers of over 4300 digits have no `repr`
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def show_key(key: object) -> str:
    """A dict's key as it reads in a place."""
    return json.dumps(key, ensure_ascii=False) if type(key) is str else show(key)
