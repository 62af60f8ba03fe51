"""Inputs as templates: plain values with `Source`s in places, inside list, tuple and dict.

Whoever builds a template has checked that sources stand nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.graph.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["fill", "is_projected", "narrowed", "project", "sources_in"]


def sources_in(template: object) -> frozenset[int]:
    """The indices of all steps a template takes values from."""
    if isinstance(template, Source):
        return frozenset((template._index,))
    kind = type(template)
    if kind is tuple or kind is list:
        parts: object = template
    elif kind is dict:
        parts = tuple(template.values())  # type: ignore[attr-defined]  # exact dict, checked above
    else:
        return frozenset()
    found: frozenset[int] = frozenset()
    for part in parts:  # type: ignore[attr-defined]  # exact list or tuple, checked above
        found |= sources_in(part)
    return found


def is_projected(template: object) -> bool:
    """Whether some source in the template is narrowed to a field or a key, which may turn out not to
    exist."""
    if isinstance(template, Source):
        return bool(template._projection)
    if isinstance(template, dict):
        return any(map(is_projected, template.values()))
    return isinstance(template, (list, tuple)) and any(map(is_projected, template))


def fill(template: object, value_of: Callable[[Source], object]) -> object:
    """The template with each source replaced by `value_of(source)`; untouched parts are handed on as they
    are."""
    if isinstance(template, Source):
        return value_of(template)
    kind = type(template)
    if kind is tuple:
        return tuple([fill(part, value_of) for part in template])  # type: ignore[attr-defined]  # exact tuple
    if kind is list:
        return [fill(part, value_of) for part in template]  # type: ignore[attr-defined]  # exact list
    if kind is dict:
        return {key: fill(part, value_of) for key, part in template.items()}  # type: ignore[attr-defined]  # exact dict
    return template


def project(value: object, projection: tuple[tuple[str, object], ...]) -> object:
    """Apply ``ref.name`` and ``ref[key]`` in the order they were written. A "field", which a plan names without
    knowing what it is a field of, is looked up by key in a dict, by number in a list, else as a name.

    Raises what Python raises: AttributeError, KeyError, IndexError, TypeError.
    """
    for how, key in projection:
        if how == "field":
            value = _field_of(value, str(key))
        else:
            value = getattr(value, str(key)) if how == "attr" else value[key]  # type: ignore[index]  # as the author wrote
    return value


def _field_of(value: object, name: str) -> object:
    if isinstance(value, dict):
        return value[name]
    if isinstance(value, (list, tuple)) and name.isdigit():
        return value[int(name)]
    return getattr(value, name)


def narrowed(template: object, projection: tuple[tuple[str, object], ...]) -> object:
    """``template.name`` and ``template[key]``, as far as the template itself shows; a source takes the rest on.

    Raises what Python raises where the template has no such place.
    """
    for number, (how, key) in enumerate(projection):
        if isinstance(template, Source):
            return Source(template._index, (*template._projection, *projection[number:]))
        template = project(template, ((how, key),))
    return template
