"""What a step, a use of it, or a group may be called: one segment of a path."""

from __future__ import annotations

from stretto.authoring.place import caller_place
from stretto.errors import DefinitionError

__all__ = ["RETURN", "check_name"]

RETURN = "return"
"""The path of the step that takes fields out of results for a workflow's return value."""

_MARKS = frozenset("/[]#")


def check_name(name: object, what: str) -> str:
    """`name`, if it can be a path's segment: the marks / [ ] # are the paths' own, "return" is the engine's.

    Raises DefinitionError.
    """
    if type(name) is str and name.isidentifier() and name != RETURN:
        return name  # the common case, at a fifth of the cost
    is_clean = isinstance(name, str) and name == name.strip() and _MARKS.isdisjoint(name)
    if isinstance(name, str) and name and is_clean and name != RETURN:
        return name
    raise DefinitionError(
        f"{what} cannot be {name!r}.",
        where=caller_place(),
        mend=f"Use a short name without / [ ] # and without blanks around it, other than {RETURN!r}.",
    )
