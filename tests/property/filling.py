"""Inputs of described steps: parts with every reference replaced. Knows nothing of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from property.shapes import Const, Out

if TYPE_CHECKING:
    from collections.abc import Callable

    from property.shapes import Node, Part

__all__ = ["NO_ITEM", "BadInputError", "filled", "inputs_of"]

NO_ITEM: Final = object()


class BadInputError(Exception):
    """An input that cannot be made: the step has nothing by that name."""


def filled(part: Part, value_of_name: Callable[[str], object]) -> object:
    """A part with every reference replaced."""
    if isinstance(part, Const):
        return part.value
    if isinstance(part, Out):
        value = value_of_name(part.of)
        if part.key is None:
            return value
        if not isinstance(value, dict) or part.key not in value:
            raise BadInputError(part.key)
        return value[part.key]
    parts = [filled(each, value_of_name) for each in part.parts]
    if part.kind == "dict":
        return {f"k{number}": each for number, each in enumerate(parts)}
    return tuple(parts) if part.kind == "tuple" else parts


def inputs_of(
    node: Node, item: object, value_of_name: Callable[[str], object]
) -> tuple[tuple[object, ...], dict[str, object]]:
    """(args, kwargs) as the step sees them; `item` is the mapped one, or NO_ITEM."""
    args = tuple(filled(part, value_of_name) for part in node.inputs)
    kwargs = {key: filled(part, value_of_name) for key, part in node.named}
    return ((item,) if item is not NO_ITEM else args), kwargs
