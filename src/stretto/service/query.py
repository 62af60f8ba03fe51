"""Queries of ``stretto ls``: words such as ``status:failed,waiting``, ``took:>30s`` or ``started:<2h``.

Every word must hold. A word without a colon is a part of the run's id or of its workflow's name.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stretto.core.journal.view import RunStatus
from stretto.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stretto.ports import RunRow

__all__ = ["KEYS", "STATUSES", "Query", "parse_query", "seconds_in", "took_by"]

STATUSES: Final = (*(str(each) for each in RunStatus), "quarantined")
KEYS: Final = {
    "status": "status:failed,waiting",
    "workflow": "workflow:NAME[,NAME…]",
    "took": "took:>30s",
    "started": "started:<2h (its age)",
    "id": "id:BEGINNING",
}
"""What a word may begin with, and an example of each."""

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_LENGTH: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|m|h|d|w)")
_COMPARED: Final = re.compile(r"(<=|>=|<|>)(.+)")
_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Query:
    """What runs are looked for. `statuses` and `prefix` are what a store can look for itself; empty: any."""

    statuses: tuple[str, ...] = ()
    prefix: str = ""
    tests: tuple[Callable[[RunRow, float], bool], ...] = ()

    def holds(self, row: RunRow, now: float) -> bool:
        """Whether a run is meant; `now` is an instant."""
        is_status = not self.statuses or row.status in self.statuses
        return is_status and row.run_id.startswith(self.prefix) and all(test(row, now) for test in self.tests)


def parse_query(words: Iterable[str]) -> Query:
    """Read a query's words. Raises InputError for a key that does not exist and for a value that none takes."""
    statuses: tuple[str, ...] = ()
    prefix = ""
    tests: list[Callable[[RunRow, float], bool]] = []
    for word in words:
        key, colon, value = word.partition(":")
        if colon and not value:
            raise InputError(
                f"{word!r} says nothing after its colon. For example: {KEYS.get(key, _known())}."
            )
        if not colon:
            tests.append(_part_of(word))
        elif key == "status" and not statuses:
            statuses = _statuses(word, value)
        elif key == "id" and not prefix:
            prefix = value
        else:
            tests.append(_test(word, key, value))
    return Query(statuses, prefix, tuple(tests))


def seconds_in(text: str) -> float | None:
    """The seconds of a length such as ``30s``, ``1.5h`` or ``30d``; None where it is none."""
    found = _LENGTH.fullmatch(text.strip())
    return None if found is None else float(found[1]) * _UNITS[found[2]]


# -------------------------------------------------------------------- words


def _known() -> str:
    return ", ".join(KEYS.values())


def _test(word: str, key: str, value: str) -> Callable[[RunRow, float], bool]:
    if key == "status":
        names = _statuses(word, value)
        return lambda row, _now: row.status in names
    if key == "id":
        return lambda row, _now: row.run_id.startswith(value)
    if key == "workflow":
        workflows = value.split(",")
        return lambda row, _now: row.workflow in workflows
    if key == "took":
        holds, length = _compared(word, value)
        return lambda row, now: (took := took_by(row, now)) is not None and holds(took, length)
    if key == "started":
        holds, length = _compared(word, value)
        return lambda row, now: holds(now - (row.started_at or row.created_at), length)
    raise InputError(
        f"Nothing is looked for by {key!r}. There are: {_known()}; or a part of an id or a name."
    )


def _part_of(word: str) -> Callable[[RunRow, float], bool]:
    wanted = word.casefold()
    return lambda row, _now: wanted in row.run_id.casefold() or wanted in row.workflow.casefold()


def _statuses(word: str, value: str) -> tuple[str, ...]:
    names = tuple(value.split(","))
    unknown = [name for name in names if name not in STATUSES]
    if unknown:
        raise InputError(f"{word!r}: there is no status {unknown[0]!r}. There are: {', '.join(STATUSES)}.")
    return names


def _compared(word: str, value: str) -> tuple[Callable[[float, float], bool], float]:
    found = _COMPARED.fullmatch(value)
    length = None if found is None else seconds_in(found[2])
    if found is None or length is None:
        key = word.partition(":")[0]
        raise InputError(
            f"{word!r} compares with no length of time. Write < or >, a number and one of {', '.join(_UNITS)}: "
            f"{KEYS[key]}."
        )
    return _OPERATORS[found[1]], length


def took_by(row: RunRow, now: float) -> float | None:
    """The seconds a run has taken by an instant; None for one that has not begun."""
    if row.started_at is None:
        return None
    return (now if row.ended_at is None else row.ended_at) - row.started_at
