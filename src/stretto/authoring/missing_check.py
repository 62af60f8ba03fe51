"""Whether a parameter's annotation admits `Missing`.

Annotations are read as written, not resolved: a check at trace must not depend on imports that exist for type
checkers only. An alias that hides `Missing` behind another name is therefore not seen.
"""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["admits_missing", "admits_missing_inside"]

_ANYTHING = frozenset({"Missing", "Any", "object"})
_BARE = frozenset({"list", "tuple", "dict", "List", "Tuple", "Dict", "Sequence", "Iterable", "Mapping"})


def admits_missing(function: Callable[..., object], parameter: str) -> bool:
    """Whether `Missing` itself may be passed: named as one of the alternatives, or anything is admitted.

    True for ``T | Missing``, ``Any``, ``object`` and no annotation; False for ``list[T | Missing]``.
    """
    annotation = _annotation(function, parameter)
    return annotation is None or any(_last_name(each) in _ANYTHING for each in _alternatives(annotation))


def admits_missing_inside(function: Callable[..., object], parameter: str) -> bool:
    """Whether `Missing` may stand inside: ``list[T | Missing]``, a bare ``list``, ``object``."""
    annotation = _annotation(function, parameter)
    if annotation is None or any(_last_name(each) in _BARE for each in _alternatives(annotation)):
        return True
    return not _ANYTHING.isdisjoint(_names_in(annotation))


def _annotation(function: Callable[..., object], parameter: str) -> ast.expr | None:
    found = _parameter(function, parameter)
    if found is None or found.annotation is inspect.Parameter.empty:
        return None
    return _parsed(found.annotation)


def _parameter(function: Callable[..., object], name: str) -> inspect.Parameter | None:
    """The parameter that takes what is passed as `name`; ``*`` stands for surplus positional arguments."""
    parameters = inspect.signature(function).parameters
    if name in parameters:
        return parameters[name]
    rest = inspect.Parameter.VAR_POSITIONAL if name == "*" else inspect.Parameter.VAR_KEYWORD
    return next((each for each in parameters.values() if each.kind is rest), None)


def _parsed(annotation: object) -> ast.expr:
    text = annotation if isinstance(annotation, str) else _text(annotation)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError:  # a part whose repr is no Python, as in Annotated[int, <object …>]
        return ast.Name(id="Missing" if "Missing" in text else "?", ctx=ast.Load())


def _text(annotation: object) -> str:
    return "object" if annotation is object else inspect.formatannotation(annotation)


def _alternatives(annotation: ast.expr) -> list[ast.expr]:
    """The members of a union, however it is spelled; an annotation in quotes is read like one without."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _alternatives(_parsed(annotation.value))
    if isinstance(annotation, ast.Call) and _last_name(annotation.func) == "ForwardRef":
        return _alternatives(annotation.args[0])
    if isinstance(annotation, ast.BinOp):
        return [*_alternatives(annotation.left), *_alternatives(annotation.right)]
    if isinstance(annotation, ast.Subscript) and _last_name(annotation.value) in (
        "Optional",
        "Union",
        "Annotated",
    ):
        inside = annotation.slice
        members = inside.elts if isinstance(inside, ast.Tuple) else [inside]
        kept = members[:1] if _last_name(annotation.value) == "Annotated" else members
        return [each for member in kept for each in _alternatives(member)]
    return [annotation]


def _names_in(annotation: ast.expr) -> Iterator[str]:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _names_in(_parsed(node.value))
        yield _last_name(node)


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
