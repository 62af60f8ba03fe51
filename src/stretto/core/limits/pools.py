"""`Pools`: named concurrency limits, shared by all runs of an engine."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.core.policy.numbers import is_count
from stretto.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Pools", "Token"]

BYPASSES: Final = 16


class Token(NamedTuple):
    """One attempt of one run that wants, or has, permits."""

    run: str
    step: int
    attempt: int


class _Waiting(NamedTuple):
    rank: tuple[float, int]  # longest remaining path first, then who came first
    token: Token
    pools: tuple[str, ...]


class Pools:
    """Grants all of a step's permits or none.

    Runs take turns; within a run the longest remaining path goes first. Whoever is first in line for its pools
    may be passed by steps of its run that fit where it does not `BYPASSES` times; from then on its pools are
    kept for it.

    A line per run and set of pools, because all in it fit or none does: only their heads are looked at. What
    a permit costs must not grow with the number of those who wait.
    """

    def __init__(self, limits: Mapping[str, int]) -> None:
        for name, limit in limits.items():
            if not is_count(limit):
                raise ConfigError(f"Limit {name!r} is {limit!r}; give a whole number of permits, 1 or more.")
        self._limits = dict(limits)
        self._free = dict(limits)
        self._granted: dict[Token, tuple[str, ...]] = {}
        self._waiting: dict[Token, _Waiting] = {}
        self._lines: dict[str, dict[tuple[str, ...], list[_Waiting]]] = {}
        self._passed: dict[Token, int] = {}
        self._starved: dict[Token, tuple[str, ...]] = {}
        self._arrivals = 0

    def check(self, names: tuple[str, ...], step: str) -> None:
        """Raise NotFoundError if a step names a limit that does not exist."""
        for name in names:
            if name not in self._limits:
                mend = (
                    f"Step {step!r} asks for it: define it by Engine(limits={{{name!r}: 8}}), "
                    "or under [limits] in stretto.toml."
                )
                raise NotFoundError("limit", name, self._limits, mend=mend)

    def free(self, name: str) -> int:
        """How many permits of a pool are not out."""
        return self._free[name]

    def waiting(self) -> int:
        """How many steps wait for permits."""
        return len(self._waiting)

    def tokens(self, run: str) -> list[Token]:
        """The attempts of a run that have permits or wait for some."""
        return [token for token in (*self._granted, *self._waiting) if token.run == run]

    def request(self, token: Token, pools: tuple[str, ...], priority: float) -> list[Token]:
        """Ask for one permit of each pool; gives [token] if they are granted now. Higher priority goes first."""
        self._arrivals += 1
        waiting = _Waiting((-priority, self._arrivals), token, pools)
        if self._fits(waiting):  # nothing has come free, so nobody else can
            self._grant(waiting)
            return [token]
        self._waiting[token] = waiting
        insort(self._lines.setdefault(token.run, {}).setdefault(pools, []), waiting)
        return []

    def release(self, token: Token) -> list[Token]:
        """Give back what `token` has, or withdraw what it asked for; gives the tokens granted thereby."""
        freed = set(self._granted.pop(token, ()))
        for name in freed:
            self._free[name] += 1
        waiting = self._waiting.get(token)
        if waiting is not None:
            self._leave_line(waiting)
            freed.update(waiting.pools)  # they may have been kept for it
        return self._grant_freed(freed)

    def _grant_freed(self, freed: set[str]) -> list[Token]:
        granted: list[Token] = []
        while (waiting := self._next(freed)) is not None:
            if waiting.token in self._starved:
                freed.update(waiting.pools)
            self._leave_line(waiting)
            self._grant(waiting)
            granted.append(waiting.token)
        return granted

    def _next(self, freed: set[str]) -> _Waiting | None:
        """Who gets its permits next: the best of the first run in turn that has one who fits."""
        if not any(self._free[name] for name in freed):
            return None
        for lines in self._lines.values():
            fitting = [line[0] for line in lines.values() if self._fits(line[0])]
            if fitting:
                return min(fitting)
        return None

    def _fits(self, waiting: _Waiting) -> bool:
        if not all(self._free[name] for name in waiting.pools):
            return False
        if not self._starved or waiting.token in self._starved:
            return True
        return not any(name in kept for kept in self._starved.values() for name in waiting.pools)

    def _grant(self, waiting: _Waiting) -> None:
        run = waiting.token.run
        lines = self._lines.pop(run, None)
        if lines is not None:
            self._lines[run] = lines  # behind the others: they have their turn first
            self._count_passed(lines, waiting)
        for name in waiting.pools:
            self._free[name] -= 1
        self._granted[waiting.token] = waiting.pools

    def _count_passed(self, lines: dict[tuple[str, ...], list[_Waiting]], by: _Waiting) -> None:
        for pools, line in lines.items():
            if line[0] < by:
                token = line[0].token
                self._passed[token] = times = self._passed.get(token, 0) + 1
                if times >= BYPASSES:
                    self._starved[token] = pools

    def _leave_line(self, waiting: _Waiting) -> None:
        token, pools = waiting.token, waiting.pools
        lines = self._lines[token.run]
        line = lines[pools]
        del line[bisect_left(line, waiting)]
        if not line:
            del lines[pools]
        if not lines:
            del self._lines[token.run]
        del self._waiting[token]
        self._passed.pop(token, None)
        self._starved.pop(token, None)
