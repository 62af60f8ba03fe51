"""What a Tab offers to commands that look at runs: the paths of a run's steps, and the words of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.service.cli.shown import looked_at
from stretto.service.cli.stored import run_in, settings_with
from stretto.service.query import KEYS, STATUSES
from stretto.service.runs import read_run

if TYPE_CHECKING:
    from stretto.service.cli.candidates import Candidate

__all__ = ["query_words", "steps_of"]


def steps_of(run: object, incomplete: str) -> list[Candidate]:
    """Paths of a run's steps in author order, with their states."""
    with looked_at(settings_with(None)) as opened:
        store, row = run_in(opened, str(run))
        stored = read_run(store, row)
    paths = [(stored.graph.path(index), stored.view.step(index).state) for index in stored.order]
    return [each for each in paths if each[0].startswith(incomplete)]


def query_words(incomplete: str) -> list[Candidate]:
    """What a query's word may begin with; after ``status:`` all that may follow."""
    key, colon, value = incomplete.partition(":")
    if colon and key == "status":
        *before, last = value.split(",")
        begun = "".join(f"{each}," for each in before)
        return [(f"status:{begun}{each}", "") for each in STATUSES if each.startswith(last)]
    return [(f"{each}:", example) for each, example in KEYS.items() if f"{each}:".startswith(incomplete)]
