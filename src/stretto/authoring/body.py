"""Where constructs that grow begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.authoring.place import caller_place
from stretto.authoring.trace import active_trace
from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from stretto.authoring.trace import Trace

__all__ = ["opened"]


def opened(what: str) -> Trace:
    """The body being traced. Raises DefinitionError outside one."""
    trace = active_trace.get()
    if trace is None:
        raise DefinitionError(
            f"{what} was called outside a workflow's body; nothing was run.",
            where=caller_place(),
            mend="Call it inside a @workflow function.",
        )
    return trace
