"""`Pools`: named concurrency limits, shared by all runs of an engine."""

from __future__ import annotations

from bisect import insort
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

    Runs take turns; within a run the longest remaining path goes first. The head of a run's queue may be
    passed by steps that fit where it does not `BYPASSES` times; from then on its pools are kept for it.
    """

    def __init__(self, limits: Mapping[str, int]) -> None:
        for name, limit in limits.items():
            if not is_count(limit):
                raise ConfigError(f"Limit {name!r} is {limit!r}; give a whole number of permits, 1 or more.")
        self._limits = dict(limits)
        self._free = dict(limits)
        self._granted: dict[Token, tuple[str, ...]] = {}
        self._queues: dict[str, list[_Waiting]] = {}
        self._passed: dict[Token, int] = {}
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
        return sum(map(len, self._queues.values()))

    def tokens(self, run: str) -> list[Token]:
        """The attempts of a run that have permits or wait for some."""
        holding = [token for token in self._granted if token.run == run]
        return holding + [waiting.token for waiting in self._queues.get(run, ())]

    def request(self, token: Token, pools: tuple[str, ...], priority: float) -> list[Token]:
        """Ask for one permit of each pool; gives the tokens granted now, often just this one. Higher goes
        first."""
        self._arrivals += 1
        queue = self._queues.setdefault(token.run, [])
        insort(queue, _Waiting((-priority, self._arrivals), token, pools))
        return self._grant()

    def release(self, token: Token) -> list[Token]:
        """Give back what `token` has, or withdraw what it asked for; gives the tokens granted thereby."""
        for name in self._granted.pop(token, ()):
            self._free[name] += 1
        self._withdraw(token)
        return self._grant()

    def _withdraw(self, token: Token) -> None:
        self._passed.pop(token, None)
        left = [waiting for waiting in self._queues.get(token.run, ()) if waiting.token != token]
        if left:
            self._queues[token.run] = left
        else:
            self._queues.pop(token.run, None)

    def _grant(self) -> list[Token]:
        granted: list[Token] = []
        moved = True
        while moved:
            moved = False
            for run in list(self._queues):
                waiting = self._first_fitting(run)
                if waiting is not None:
                    self._take(run, waiting)
                    granted.append(waiting.token)
                    moved = True
        return granted

    def _first_fitting(self, run: str) -> _Waiting | None:
        kept: set[str] = self._kept_pools()
        for waiting in self._queues[run]:
            is_kept = self._passed.get(waiting.token, 0) >= BYPASSES
            if all(self._free[name] for name in waiting.pools) and (
                is_kept or kept.isdisjoint(waiting.pools)
            ):
                return waiting
        return None

    def _kept_pools(self) -> set[str]:
        """Pools that nobody may take before a head which was passed too often."""
        kept: set[str] = set()
        for queue in self._queues.values():
            if queue and self._passed.get(queue[0].token, 0) >= BYPASSES:
                kept.update(queue[0].pools)
        return kept

    def _take(self, run: str, waiting: _Waiting) -> None:
        queue = self._queues.pop(run)
        for passed in queue:
            if passed is waiting:
                break
            self._passed[passed.token] = self._passed.get(passed.token, 0) + 1
        queue.remove(waiting)
        self._passed.pop(waiting.token, None)
        for name in waiting.pools:
            self._free[name] -= 1
        self._granted[waiting.token] = waiting.pools
        if queue:
            self._queues[run] = queue  # back of the line: the other runs have their turn first
