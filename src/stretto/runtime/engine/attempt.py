"""The attempt a step sees through `current()`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

    from stretto.runtime.engine.driver import RunDriver
    from stretto.runtime.engine.spending import Reservation

__all__ = ["CurrentAttempt"]


class CurrentAttempt:
    """One attempt, made for every attempt: as small as can be, everything is looked up when asked for."""

    __slots__ = ("_attempt", "_driver", "_index")

    def __init__(self, driver: RunDriver, index: int, attempt: int) -> None:
        self._driver = driver
        self._index = index
        self._attempt = attempt

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._driver.info.run_id

    @property
    def path(self) -> str:
        """The step's path."""
        return self._driver.info.graph.path(self._index)

    @property
    def attempt(self) -> int:
        """1 for the first attempt."""
        return self._attempt

    @property
    def deadline(self) -> float | None:
        """The earliest instant at which this attempt will be cut, or None."""
        return self._driver.deadline_of(self._index, self._attempt)

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step in this run."""
        return self._driver.idempotency_key(self._index)

    @property
    def is_stopped(self) -> bool:
        """Whether the run waits for this attempt no longer."""
        return not self._driver.is_awaited(self._index, self._attempt)

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """The logger ``stretto.step``, with the run and the step in every record."""
        return self._driver.audience.logger(self._index, self._attempt)

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far the attempt is."""
        self._driver.audience.tell(
            "step.progress", self._index, self._attempt, done=done, total=total, note=note
        )

    def output(self, text: str) -> None:
        """Stream a piece of text to whoever watches the run."""
        self._driver.audience.tell("step.output", self._index, self._attempt, text=text)

    def usage(
        self, *, input_tokens: int = 0, output_tokens: int = 0, cost: float | None = None, model: str = ""
    ) -> None:
        """Add tokens and cost (US dollars) to the run's account."""
        self._driver.spend(
            self._index,
            self._attempt,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost=cost,
            model=model,
        )

    def reserve(self, *, tokens: int = 0, cost: float | None = 0.0) -> Reservation:
        """Set aside what a call will take at most."""
        return self._driver.account.reserve(self.path, tokens, cost)

    @property
    def has_budget(self) -> bool:
        """Whether the run has a budget."""
        return self._driver.account.is_bounded
