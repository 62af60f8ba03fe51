"""``stretto ls``: which runs there are."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

from stretto.service.cli.exits import Exit
from stretto.service.cli.shown import ago, length, looked_at, shortened
from stretto.service.cli.stored import settings_with
from stretto.service.cli.words import say, say_lines
from stretto.service.query import parse_query, took_by
from stretto.service.runs import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stretto.ports import RunRow, Store
    from stretto.service.query import Query

__all__ = ["list_runs", "row_as_data", "runs_of", "short_id"]

_SHORTEST: Final = 6
_WORKFLOW: Final = 24


def list_runs(
    words: Sequence[str], limit: int, store: str | None, *, is_json: bool, has_owners: bool = False
) -> Exit:
    """The newest runs that a query means, a line each. Raises InputError, ConfigError, StoreError."""
    query, now = parse_query(words), time.time()
    with looked_at(settings_with(store)) as found:
        rows = [] if found is None else runs_of(found, query, now, limit + 1)
        is_more, rows = len(rows) > limit, rows[:limit]
        rows = [] if found is None else [counted(found, row) for row in rows]
        shorts = (
            {} if found is None or is_json else {each.run_id: short_id(found, each.run_id) for each in rows}
        )
        has_any = found is not None and bool(rows or found.runs(limit=1))
    if is_json:
        for row in rows:
            say(json.dumps(row_as_data(row, now), ensure_ascii=False))
        return Exit.OK
    if not rows:
        say("No run fits that." if has_any else "No runs here yet. Begin one: stretto run TARGET")
        return Exit.OK
    say_lines(_table(rows, shorts, now, has_owners=has_owners))
    if is_more:
        say(f"  … and older ones: --limit {limit * 5}")
    return Exit.OK


def runs_of(store: Store, query: Query, now: float, limit: int | None = None) -> list[RunRow]:
    """The runs that are meant, the newest first."""
    most = None if query.tests else limit
    rows = store.runs(prefix=query.prefix, statuses=query.statuses, limit=most)
    return [row for row in rows if query.holds(row, now)][:limit]


def short_id(store: Store, run_id: str) -> str:
    """The shortest beginning, of six characters or more, that no other run of the store has."""
    for size in range(_SHORTEST, len(run_id)):
        if len(store.runs(prefix=run_id[:size], limit=2)) < 2:
            return run_id[:size]
    return run_id


def row_as_data(row: RunRow, now: float) -> dict[str, object]:
    """A run for a line of JSON: the row, and the seconds it took by now."""
    data = row._asdict()
    del data["options"]
    return {**data, "took": took_by(row, now)}


def _table(
    rows: Sequence[RunRow], shorts: Mapping[str, str], now: float, *, has_owners: bool
) -> Iterator[str]:
    cells = [("id", "workflow", "status", "steps", "started", "took", "owner")]
    for row in rows:
        cells.append(
            (
                shorts[row.run_id],
                shortened(row.workflow, _WORKFLOW),
                row.status + (f", {row.cause}" if row.cause not in ("", "error") else ""),
                f"{row.done}/{row.steps}",
                ago(now - (row.started_at or row.created_at)),
                length(took_by(row, now)),
                row.owner or "",
            )
        )
    shown = [each if has_owners else each[:-1] for each in cells]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for each in shown:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(each, widths, strict=True)).rstrip()
