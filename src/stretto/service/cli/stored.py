"""Stored runs for commands that act on them: the store that is meant, and the code of a run."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from stretto.errors import ConfigError, InputError, NotFoundError, TargetError
from stretto.service.settings import load_settings
from stretto.service.targets import load_target
from stretto.service.wiring import has_store, store_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.api.engine import Engine
    from stretto.ports import RunRow, Store
    from stretto.service.settings import Settings
    from stretto.service.targets import AnyWorkflow

__all__ = ["code_of", "opened_runs", "run_in", "settings_with"]

LATEST = "latest"
_LISTED = 10
_SEARCHED = 1000


def settings_with(store: str | None) -> Settings:
    """The settings that hold here, with what ``--store`` says. Raises ConfigError."""
    settings = load_settings()
    if store is None:
        return settings
    return replace(settings, store=store, origins={**settings.origins, "store": "--store"})


@contextmanager
def opened_runs(settings: Settings, own: Engine | None = None) -> Iterator[Store | None]:
    """The store that the settings mean, or that `own` brings; None where no run was ever kept. Closed in the end.

    Raises ConfigError for memory: what lies there is never found again.
    """
    is_own = "store" not in settings.origins and own is not None and own.store is not None
    if not is_own and not has_store(settings):
        yield None
        return
    store = store_of(settings, own)
    if store is None:
        raise ConfigError(
            "Runs in memory end with their process: there is none to be found. Name the store they were kept in: "
            "--store URL, or the setting `store`."
        )
    try:
        yield store
    finally:
        store.close()


def code_of(row: RunRow, target: str | None = None) -> AnyWorkflow:
    """The workflow that a run is one of, loaded as it was when the run began; `target` replaces what the row names.

    Raises `TargetError` where nothing says what to load, else what `load_target` does.
    """
    if target is None and row.target is None:
        raise TargetError(
            f"Run {row.run_id} was begun by code that no other process finds by name.",
            mend="Name the workflow that goes on with it: --target FILE.py:NAME.",
        )
    _stand_where(row)
    try:
        return load_target(target or str(row.target))
    except NotFoundError as missing:
        if target is not None:
            raise
        mend = f"It was there when run {row.run_id} began. Put it back, or say where it is now: --target."
        raise NotFoundError(missing.kind, missing.name, missing.known, mend=mend) from None


def _stand_where(row: RunRow) -> None:
    """Modules are found from the folder in which the run began."""
    folder = json.loads(row.options).get("cwd") if row.options else None
    if isinstance(folder, str) and folder not in sys.path:
        sys.path.insert(0, folder)


def run_in(store: Store | None, text: str) -> tuple[Store, RunRow]:
    """The store, and the run in it whose id begins with `text`; ``latest`` is the newest.

    Raises NotFoundError for none, naming those that are near, or saying that no run was ever kept here; InputError
    for several.
    """
    if store is None:
        raise NotFoundError(
            "run",
            text,
            mend="No run was kept here. Go to the folder in which it was begun, or name its --store.",
        )
    rows = store.runs(limit=1) if text == LATEST else store.runs(prefix=text)
    whole = [row for row in rows if row.run_id == text]
    if whole or (len(rows) == 1 and text):  # an empty one is a shell's variable that was never set
        return store, (whole or rows)[0]
    if not rows:
        raise NotFoundError("run", text, _near(store, text), mend=f"It is looked for in {store.url}.")
    listed = "".join(f"\n  {row.run_id}  {row.workflow}, {row.status}" for row in rows[:_LISTED])
    more = f"\n  and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
    raise InputError(
        f"{len(rows)} runs begin with {text!r}; write more of the one that is meant:{listed}{more}"
    )


def _near(store: Store, text: str) -> list[str]:
    """The ids most like `text`, else the newest ones."""
    known = [row.run_id for row in store.runs(limit=_SEARCHED)]
    return get_close_matches(text, known, n=3, cutoff=0.5) or known[:3]
