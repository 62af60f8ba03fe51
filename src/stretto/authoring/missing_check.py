"""Whether a parameter's annotation admits `Missing`."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["admits_missing"]

_WORD = re.compile(r"\bMissing\b")
_ANYTHING = ("Any", "object", "typing.Any", "t.Any")


def admits_missing(function: Callable[..., object], parameter: str) -> bool:
    """True where the annotation names `Missing`, admits everything (`Any`, `object`), or is not there.

    Annotations are read as written, not resolved: a check at trace must not depend on imports that exist for
    type checkers only. An alias that hides `Missing` behind another name is therefore not seen.
    """
    found = _parameter(function, parameter)
    if found is None or found.annotation is inspect.Parameter.empty:
        return True
    text = found.annotation if isinstance(found.annotation, str) else _text(found.annotation)
    return text in _ANYTHING or _WORD.search(text) is not None


def _parameter(function: Callable[..., object], name: str) -> inspect.Parameter | None:
    parameters = inspect.signature(function).parameters
    if name in parameters:
        return parameters[name]
    rest = [p for p in parameters.values() if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return rest[0] if rest else None


def _text(annotation: object) -> str:
    return "object" if annotation is object else inspect.formatannotation(annotation)
