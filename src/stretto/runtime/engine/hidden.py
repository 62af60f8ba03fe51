"""Secrets that a journal does not hold: what a run that was taken up again cannot do without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stretto.core.graph.template import fill
from stretto.core.schedule.states import State
from stretto.core.values.places import holds_redacted
from stretto.errors import PermanentError, RecoveryError

if TYPE_CHECKING:
    from stretto.core.graph import Source
    from stretto.runtime.engine.inputs import Values
    from stretto.runtime.engine.recovery import Recovered

__all__ = ["check_hidden", "lost_secret"]

_SUCCEEDED: Final = int(State.SUCCEEDED)


def lost_secret(run_id: str, who: str) -> RecoveryError:
    """The error of somebody who needs a secret that is not there."""
    return RecoveryError(
        f"{who} of run {run_id} needs a secret that is not in the journal: secrets are kept in sealed stores only. "
        f"Fork the run, and give its secret inputs again: stretto fork {run_id} --set NAME=VALUE; steps whose results "
        "hold secrets run again there. For runs to come, seal the store with a key (STRETTO_KEY)."
    )


def check_hidden(run_id: str, run: Recovered, values: Values) -> None:
    """Raises RecoveryError if a step that has yet to run, or the run's own value, takes a secret that is gone."""
    graph, scheduler = run.scheduler.graph, run.scheduler

    def known(source: Source) -> object:
        try:
            return values.of(source) if scheduler.states[source._index] == _SUCCEEDED else None
        except PermanentError:  # what the step is told when it takes it
            return None

    for index in range(len(graph)):
        taken = (graph.args[index], graph.kwargs[index])
        if scheduler.is_open(index) and holds_redacted(fill(taken, known)):
            raise lost_secret(run_id, f"Step {graph.path(index)!r}")
    if not scheduler.finished and holds_redacted(fill(graph.output, known)):
        raise lost_secret(run_id, "The value")
