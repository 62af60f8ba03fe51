"""Whether two runs gave the same value, and where they first went apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto.core.values import first_difference
from stretto.errors import ValueEncodingError

if TYPE_CHECKING:
    from stretto.api.result import RunResult

__all__ = ["Difference", "difference_between"]


@dataclass(frozen=True, slots=True)
class Difference:
    """`where` is the place in the workflow's value and how it differs there: ``.title: 'a' != 'b'``.

    `step` is the path of the first step, in author order, whose own results differ, and `in_step` where in
    them; both are empty where no step's do.
    """

    where: str
    step: str = ""
    in_step: str = ""

    def __str__(self) -> str:
        if not self.step:
            return self.where
        return f"{self.where} (the first step that differs: {self.step}: {self.in_step})"


def difference_between(one: RunResult[object], other: RunResult[object]) -> Difference | None:
    """Compare the values of two runs that brought one; steps are looked at only where those differ.

    A value that cannot be compared counts as different: what cannot be shown to be equal is not called so.
    """
    where = _difference(one.value, other.value)
    if where is None:
        return None
    theirs = other.steps
    for path, step in one.steps.items():
        found = _difference(step.value, theirs[path].value) if path in theirs else "only in one of the runs"
        if found is not None:
            return Difference(where, path, found)
    return Difference(where)


def _difference(one: object, other: object) -> str | None:
    try:
        return first_difference(one, other)
    except ValueEncodingError as error:
        return f"cannot be compared: {error}"
