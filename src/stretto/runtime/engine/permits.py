"""Named permits between runs: the pure pools, and the runs to be told of their grants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from stretto.core.limits import Pools, Token

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from stretto.ports import RunInfo

__all__ = ["Holder", "Permits"]


class Holder(Protocol):
    """A run that may be granted permits."""

    info: RunInfo

    def granted(self, index: int) -> None:
        """The step got all its named permits."""


class Permits:
    """The engine's limits. Lives on one event loop."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self.pools = Pools(limits)
        self._holders: dict[str, Holder] = {}

    def acquire(
        self, holder: Holder, index: int, attempt: int, names: tuple[str, ...], priority: float
    ) -> None:
        """Ask for an attempt's permits; `holder.granted` follows, perhaps at once."""
        self._holders[holder.info.run_id] = holder
        self._tell(self.pools.request(Token(holder.info.run_id, index, attempt), names, priority))

    def release(self, holder: Holder, index: int, attempt: int) -> None:
        """Give an attempt's permits back, or withdraw its request."""
        self._tell(self.pools.release(Token(holder.info.run_id, index, attempt)))

    def forget(self, holder: Holder) -> None:
        """The run has ended; permits its abandoned attempts still have come back one by one."""
        self._holders.pop(holder.info.run_id, None)

    def break_off(self, holder: Holder, running: Collection[tuple[int, int]]) -> None:
        """Take back what a broken run has or asked for, but for its attempts that are still running."""
        self.forget(holder)
        for token in self.pools.tokens(holder.info.run_id):
            if (token.step, token.attempt) not in running:
                self._tell(self.pools.release(token))

    def _tell(self, tokens: list[Token]) -> None:
        left = list(tokens)
        while left:
            token = left.pop(0)
            holder = self._holders.get(token.run)
            if holder is None:
                left += self.pools.release(token)
            else:
                holder.granted(token.step)
