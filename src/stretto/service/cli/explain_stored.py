"""Runs to be explained: from the store where it knows them, else from the record that `stretto run` left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stretto.core.journal.view import RunStatus
from stretto.errors import NotFoundError
from stretto.ports import ENDED
from stretto.service.cli.shown import looked_at
from stretto.service.cli.stored import run_in, settings_with
from stretto.service.recorded import LATEST, Recorded, find_record, head_of, read_record
from stretto.service.records import record_files
from stretto.service.runs import read_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.ports import RunRow, Store

__all__ = ["run_to_explain"]

_NOTHING: Final[Mapping[str, object]] = {}


def run_to_explain(name: str | None, store: str | None = None) -> Recorded:
    """The run that `name` means: the beginning of an id, an events file, ``latest`` or None for the newest.

    Raises NotFoundError, InputError, ConfigError, StoreError.
    """
    if name is not None and (name.endswith(".ndjson") or "/" in name):
        return read_record(find_record(name))
    with looked_at(settings_with(store)) as opened:
        row = _row(opened, name or LATEST)
        if opened is not None and row is not None:
            return _stored(opened, row)
    return read_record(find_record(name))


def _row(store: Store | None, name: str) -> RunRow | None:
    """The run in the store; None where only a record can know it, as that of a run in memory."""
    try:
        row = run_in(store, name)[1]
    except NotFoundError:
        if store is not None and not record_files():
            raise
        return None
    return None if name == LATEST and _is_recorded_later(row) else row


def _is_recorded_later(row: RunRow) -> bool:
    """Whether the newest run of all is one that no store has."""
    for file in record_files():
        if file.stem == row.run_id:
            return False
        head = head_of(file)
        at = None if head is None else head["ts"]
        if isinstance(at, (int, float)) and at > (row.started_at or row.created_at):
            return True
    return False


def _stored(store: Store, row: RunRow) -> Recorded:
    stored = read_run(store, row)
    return Recorded(
        store.url, row.run_id, _head_of(row.run_id), stored.created, stored.facts, standing=_standing(row)
    )


def _head_of(run_id: str) -> Mapping[str, object]:
    """What only the record knows: how large the engine's named limits were."""
    file = next((file for file in record_files() if file.stem == run_id), None)
    head = None if file is None else head_of(file)
    data = None if head is None else head.get("data")
    return data if isinstance(data, dict) else _NOTHING


def _standing(row: RunRow) -> str:
    """How a run stands whose journal has no end, in words."""
    if row.status in ENDED:
        return f"it was marked as {row.status} from outside"
    if row.status == RunStatus.WAITING:
        return "only people, events or an instant can move it"
    if row.owner is not None:
        return f"at work in process {row.owner}"
    return f"no process has it: stretto resume {row.run_id}"
