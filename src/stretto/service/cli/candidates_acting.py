"""What a Tab offers to commands that act on runs: ids of runs, and what these wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.service.cli.stored import opened_runs, settings_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto.service.cli.candidates import Candidate

__all__ = ["events_of", "paths_of", "runs_beginning", "runs_waiting"]

_SHOWN = 50


def runs_beginning(incomplete: str, statuses: Sequence[str] = ()) -> list[Candidate]:
    """Ids of runs, the newest first."""
    with opened_runs(settings_with(None)) as store:
        rows = [] if store is None else store.runs(prefix=incomplete, statuses=statuses, limit=_SHOWN)
    return [(row.run_id, f"{row.workflow}, {row.status}") for row in rows]


def runs_waiting(incomplete: str) -> list[Candidate]:
    """Ids of runs that wait for people or events, the longest first."""
    with opened_runs(settings_with(None)) as store:
        waits = [] if store is None else store.waits()
    return list({each.run_id: each.text for each in waits if each.run_id.startswith(incomplete)}.items())


def paths_of(run: object, incomplete: str) -> list[Candidate]:
    """Paths of a run's open questions."""
    return [
        each[:2]
        for each in _waits(run)
        if each[0].startswith(incomplete) and each[2] not in ("event", "sleep")
    ]


def events_of(run: object, incomplete: str) -> list[Candidate]:
    """Events that a run waits for."""
    return [
        (text, path) for path, text, kind in _waits(run) if kind == "event" and text.startswith(incomplete)
    ]


def _waits(run: object) -> list[tuple[str, str, str]]:
    with opened_runs(settings_with(None)) as store:
        waits = [] if store is None else store.waits()
    return [(each.path, each.text, each.kind) for each in waits if each.run_id.startswith(str(run))]
