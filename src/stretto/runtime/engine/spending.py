"""`Account`: what a run has spent, what is reserved for calls under way, and whether more may be spent."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from stretto.errors import BudgetExceededError
from stretto.runtime.engine.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

__all__ = ["Account", "Bounds", "Reservation"]


class Bounds(Protocol):
    """What a run may spend."""

    @property
    def max_tokens(self) -> int | None:
        """Input and output tokens together, or None."""

    @property
    def max_cost(self) -> float | None:
        """US dollars, or None."""


class Account:
    """The account of one run; all methods may be called on any thread.

    `spent` is what the run had spent before this process took it up. `is_bounded` says whether it has a budget.
    """

    def __init__(self, run_id: str, bounds: Bounds, spent: Usage | None = None) -> None:
        self.is_bounded = bounds.max_tokens is not None or bounds.max_cost is not None
        self._run_id = run_id
        self._max_tokens = bounds.max_tokens
        self._max_cost = bounds.max_cost
        self._spent = Usage() if spent is None else replace(spent)
        self._unsaved: dict[int, Usage] = {}
        self._reserved: dict[Reservation, None] = {}
        self._is_closed = False
        self._lock = Lock()

    @property
    def usage(self) -> Usage:
        """What was spent by now."""
        with self._lock:
            return replace(self._spent)

    def add(self, step: int, input_tokens: int, output_tokens: int, cost: float | None) -> None:
        """Note what a step's call has taken. After `close` nothing is noted."""
        with self._lock:
            if not self._is_closed:
                self._spent.add(input_tokens, output_tokens, cost)
                self._unsaved.setdefault(step, Usage()).add(input_tokens, output_tokens, cost)

    def take_unsaved(self) -> Mapping[int, Usage]:
        """What was noted since this was last asked for, by step."""
        if not self._unsaved:
            return {}
        with self._lock:
            taken, self._unsaved = self._unsaved, {}
        return taken

    def close(self) -> None:
        """The run has ended."""
        with self._lock:
            self._is_closed = True

    # ---------------------------------------------------------------- may more be spent?

    def check(self, path: str) -> None:
        """Raises BudgetExceededError if more is spent already than may be: no attempt begins then."""
        if self.is_bounded:
            with self._lock:
                self._check(path, 0, 0.0)

    def reserve(self, path: str, tokens: int = 0, cost: float | None = 0.0) -> Reservation:
        """Set aside what a call will take at most. Raises BudgetExceededError if what is left does not reach."""
        with self._lock:
            made = Reservation(self, tokens, cost)
            if self.is_bounded:
                reserved = [*self._reserved, made]
                self._check(path, sum(each.tokens for each in reserved), _sum(reserved))
            self._reserved[made] = None
            return made

    def release(self, reservation: Reservation) -> None:
        """Give back what was set aside; a second time nothing happens."""
        with self._lock:
            self._reserved.pop(reservation, None)

    def _check(self, path: str, tokens: int, cost: float | None) -> None:
        spent = self._spent
        used = spent.input_tokens + spent.output_tokens
        if self._max_tokens is not None and used + tokens > self._max_tokens:
            raise BudgetExceededError(self._run_id, path, "tokens", self._max_tokens, used, tokens)
        if self._max_cost is None:
            return
        if spent.cost is None or cost is None:
            raise BudgetExceededError(self._run_id, path, "cost", self._max_cost, spent.cost, cost)
        if spent.cost + cost > self._max_cost:
            raise BudgetExceededError(self._run_id, path, "cost", self._max_cost, spent.cost, cost)


class Reservation:
    """What was set aside for a call. Leaving its `with` block gives it back: what the call has really taken is what
    `usage` was told."""

    __slots__ = ("_account", "cost", "tokens")

    def __init__(self, account: Account, tokens: int, cost: float | None) -> None:
        self._account = account
        self.tokens = tokens
        self.cost = cost

    def release(self) -> None:
        """Give it back."""
        self._account.release(self)

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _sum(reserved: list[Reservation]) -> float | None:
    """US dollars; None as soon as one price is unknown."""
    total = 0.0
    for each in reserved:
        if each.cost is None:
            return None
        total += each.cost
    return total
