"""Fields of results that a body hands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.authoring.declare import step
from stretto.authoring.names import RETURN
from stretto.core.graph import Source

if TYPE_CHECKING:
    from stretto.authoring.trace import Trace

__all__ = ["hand_over", "hand_over_fields"]


@step(inline=True)
def _hand_over(value: object) -> object:
    return value


hand_over = _hand_over
"""A field or key may turn out not to be there: taking it is a step, so that it fails as steps fail."""


def hand_over_fields(trace: Trace, template: object) -> object:
    """The template with each field in it taken by a step of its own: none waits for the others."""
    taken = 0

    def replaced(part: object) -> object:
        nonlocal taken
        if isinstance(part, Source):
            if not part._projection:
                return part
            taken += 1
            name = RETURN if taken == 1 else f"{RETURN}-{taken}"
            return trace.add(hand_over, name, (part,), None, (part._index,))
        kind = type(part)
        if kind is tuple or kind is list:
            return kind([replaced(each) for each in part])  # type: ignore[attr-defined]  # exact list or tuple
        if kind is dict:
            return {key: replaced(each) for key, each in part.items()}  # type: ignore[attr-defined]  # exact dict
        return part

    return replaced(template)
