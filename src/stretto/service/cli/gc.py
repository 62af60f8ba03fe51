"""``stretto gc``: delete runs that ended long ago."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from stretto.errors import InputError
from stretto.ports import ENDED, Collected
from stretto.service.cli.exits import Exit
from stretto.service.cli.shown import looked_at
from stretto.service.cli.stored import settings_with
from stretto.service.cli.words import say, warn
from stretto.service.query import seconds_in
from stretto.service.records import record_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stretto.ports import Store

__all__ = ["collect_runs"]

_BATCH: Final = 100
_UNITS: Final = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def collect_runs(older_than: str, store: str | None, *, is_dry: bool, is_json: bool) -> Exit:
    """Delete what ended longer ago than `older_than`, and the records of it; a run that has not ended stays.

    Raises InputError for what is no length of time, ConfigError, StoreError.
    """
    age = seconds_in(older_than)
    if age is None:
        raise InputError(
            f"--older-than {older_than}: that is no length of time. For example: 30d, 12h, 90min."
        )
    before = time.time() - age
    with looked_at(settings_with(store)) as found:
        files = [file for file in record_files() if _is_old(file, before, found)]
        if is_dry:
            gone = Collected(_ended(found, before), 0, 0)
        else:
            gone = Collected(0, 0, 0) if found is None else _collect(found, before)
            for file in files:
                file.unlink(missing_ok=True)
    _tell(gone, len(files), is_dry=is_dry, is_json=is_json)
    return Exit.OK


def _ended(store: Store | None, before: float) -> int:
    """How many runs would go."""
    rows = [] if store is None else store.runs(statuses=sorted(ENDED))
    return sum(row.ended_at is not None and row.ended_at < before for row in rows)


def _collect(store: Store, before: float) -> Collected:
    """Batch by batch, so that others may write in between; each is told."""
    total = Collected(0, 0, 0)
    for more in _batches(store, before):
        total = Collected(total.runs + more.runs, total.blobs + more.blobs, total.size + more.size)
        if more.runs == _BATCH:
            warn(f"{total.runs} runs deleted so far")
    return total


def _batches(store: Store, before: float) -> Iterator[Collected]:
    while True:
        more = store.collect(before, _BATCH)
        yield more
        if more.runs < _BATCH:
            return


def _is_old(file: Path, before: float, store: Store | None) -> bool:
    """Whether nobody has written to a record since, and its run, if it is kept, is over."""
    with suppress(OSError):
        if file.stat().st_mtime >= before:
            return False
        rows = [] if store is None else store.runs(prefix=file.stem)
        return all(row.status in ENDED for row in rows)
    return False  # somebody else has just deleted it


def _tell(gone: Collected, records: int, *, is_dry: bool, is_json: bool) -> None:
    if is_json:
        data = {"runs": gone.runs, "records": records, "dry_run": is_dry}
        if not is_dry:
            data |= {"blobs": gone.blobs, "bytes": gone.size}
        say(json.dumps(data))
    elif is_dry:
        say(f"would delete {_count(gone.runs, 'run')} and {_count(records, 'record')}")
    else:
        say(
            f"deleted {_count(gone.runs, 'run')}, {_count(gone.blobs, 'large value')} ({_size(gone.size)}) and "
            f"{_count(records, 'record')}"
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _size(count: int) -> str:
    unit, name = next(((unit, name) for unit, name in _UNITS if count >= unit), (1, "bytes"))
    return f"{count / unit:.3g} {name}" if unit > 1 else f"{count} bytes"
