"""A step's signature as its callers in a workflow see it: without resources."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto.authoring.place import function_place
from stretto.authoring.resource import FromEngine
from stretto.core.values.secret import is_marked
from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Shape", "contradiction", "shape_of"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a step's signature without its resources. `names` are the parameters in order."""

    names: tuple[str, ...]
    least: int
    most: int
    signature: inspect.Signature
    resources: dict[str, FromEngine]


def shape_of(function: Callable[..., object]) -> Shape:
    """Read a function's signature. Raises DefinitionError for generators and misplaced resources."""
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise contradiction(function, "it is a generator; return a list instead.")
    full = _signature(function)
    resources = {
        name: parameter.default
        for name, parameter in full.parameters.items()
        if isinstance(parameter.default, FromEngine)
    }
    kept = [parameter for name, parameter in full.parameters.items() if name not in resources]
    _check_resources(function, full, resources)
    _check_secrets(function)
    signature = full.replace(parameters=kept)
    positional = [p for p in kept if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required_names = [p for p in kept if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    has_rest = any(p.kind is p.VAR_POSITIONAL for p in kept)
    least = sum(p.default is p.empty for p in positional)
    # A required keyword-only parameter is missing from every call without keywords: leave that to bind().
    most = -1 if required_names else (1 << 30 if has_rest else len(positional))
    return Shape(tuple(p.name for p in positional), least, most, signature, resources)


def _signature(function: Callable[..., object]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):  # some built-in functions and classes tell none
        raise contradiction(
            function, "Python knows no signature of it; wrap it in a `def` with the parameters you need."
        ) from None


def _check_resources(
    function: Callable[..., object], signature: inspect.Signature, resources: dict[str, FromEngine]
) -> None:
    """A resource is passed by keyword: none may stand where a caller's positional argument would land."""
    parameters = list(signature.parameters.values())
    for position, parameter in enumerate(parameters):
        behind = [each for each in parameters[position + 1 :] if each.name not in resources]
        is_in_the_way = any(each.kind <= each.VAR_POSITIONAL for each in behind)
        if parameter.name in resources and (parameter.kind is parameter.POSITIONAL_ONLY or is_in_the_way):
            raise contradiction(
                function, f"put the resource {parameter.name!r} last, or behind `*`: it is passed by keyword."
            )


def _check_secrets(function: Callable[..., object]) -> None:
    """A mark says which field of a value is secret; a plain text that is secret as a whole would lose it on its way."""
    for name, hint in getattr(function, "__annotations__", {}).items():
        if is_marked(hint):
            what = "its result" if name == "return" else f"parameter {name!r}"
            raise contradiction(
                function, f"{what} is marked with Secret(), which marks fields; make it a pydantic SecretStr."
            )


def contradiction(function: Callable[..., object], what: str) -> DefinitionError:
    """The error of a declaration that cannot be meant, at the function's own line."""
    code = getattr(function, "__code__", None)
    where = function_place(code) if code is not None else None
    return DefinitionError(f"Step {getattr(function, '__name__', function)!r}: {what}", where=where)
