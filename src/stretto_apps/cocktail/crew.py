"""How a crew's run differs from any other workflow's: its switch, its timing log, and the words of its failures."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from stretto import Workflow
from stretto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stretto import RunResult

__all__ = ["SWITCH", "Crew", "is_switched_on"]

P = ParamSpec("P")
R = TypeVar("R")

SWITCH = "PARALLEL_CREWS"
RECIPE = "write_recipe"
LAST = "merge"
_ON = frozenset({"1", "true", "yes", "on"})
_OFF = frozenset({"0", "false", "no", "off"})
_log = logging.getLogger(__name__)


def is_switched_on(env: Mapping[str, str] = os.environ) -> bool:
    """The switch as it stands now; on when it is not set. Raises `ConfigError` for a text that is neither."""
    text = env.get(SWITCH, "").strip().casefold()
    if text in _ON or not text:
        return True
    if text in _OFF:
        return False
    raise ConfigError(f"{SWITCH}={text!r} is neither on nor off. Set it to true or false.")


class Crew(Workflow[P, R]):
    """A workflow that runs as dataflow when the switch is on and advice is asked for, else one step at a time.

    Its result says of a lost recipe what a guest can understand; the run's journal keeps the engine's own words.
    """

    @classmethod
    def of(cls, plain: Workflow[P, R]) -> Crew[P, R]:
        """The same workflow as a crew."""
        return cls(
            plain.definition,
            within=plain.within,
            example=plain.example,
            engine=plain._engine,
            options=plain._options,
        )

    async def start(
        self, inputs: Mapping[str, object], *, started: Callable[..., None] | None = None
    ) -> RunResult[R]:
        """As the base's. Raises `ConfigError` for a switch that cannot be read."""
        is_parallel = is_switched_on() and bool(inputs["include_bottle_advice"])
        is_parallel = is_parallel and not self.is_sequential
        ready = self.with_options(sequential=not is_parallel)
        result = await Workflow.start(ready, inputs, started=started)
        _tell(result, "parallel" if is_parallel else "sequential")
        return result


def _tell(result: RunResult[R], how: str) -> None:
    """Log how long the recipe and the advice beside it took, and word what a lost recipe means."""
    begun, ended = result.steps[RECIPE].ready_at, result.steps[LAST].ready_at
    if begun is not None and ended is not None:
        _log.info("Recipe generation (%s): %.2fs", how, ended - begun)
    result.failures = tuple(
        replace(
            lost, failure=lost.failure._replace(message=_worded(lost.failure.cause, lost.failure.message))
        )
        if lost.path == RECIPE
        else lost
        for lost in result.failures
    )


def _worded(cause: str, message: str) -> str:
    what = "timed out" if cause == "timed_out" else "failed"
    return f"Recipe generation {what}: {message}"
