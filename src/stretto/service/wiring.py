"""From settings to parts: the only place that picks concrete ones."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stretto.api.engine import Engine
from stretto.errors import ConfigError, StoreError
from stretto.service.state import made_store_file, store_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.models.contract import Model
    from stretto.ports import Store
    from stretto.service.settings import Settings

__all__ = ["MEMORY", "SQLITE", "Wired", "check_store", "has_store", "opened_store", "store_of", "wire"]

MEMORY = "memory"
SQLITE = "sqlite"
"""Values of the setting `store` that are no URL."""


class Wired(NamedTuple):
    """An engine, the model that the settings chose, if any, and the store its runs are journaled in, if any: both to
    be closed when the run is over."""

    engine: Engine
    model: Model | None
    store: Store | None = None


def wire(
    settings: Settings,
    *,
    own: Engine | None = None,
    model: Mapping[str, object] | None = None,
    store: Store | None = None,
) -> Wired:
    """An engine with what the settings say.

    `own` is the engine a workflow brought: its limits, resources, observers and defaults stay wherever the
    settings say nothing. `model` replaces the settings of that name. Runs are journaled in `store`; without one
    they end with the process, whatever the settings say (see `store_of`). Raises `ConfigError`.
    """
    base = own or Engine()
    chosen = settings.model if model is None else model
    # Without a choice there is no resource `model`: it would push aside the default that a step declares.
    opened = _model(chosen, settings.origins) if chosen else None
    resources = {} if opened is None else {"model": opened}
    engine = Engine(
        limits={**base.limits, **settings.limits},
        resources={**base.resources, **resources, **_made(settings)},
        max_concurrency=settings.max_concurrency or base.max_concurrency,
        max_runs=settings.max_runs or base.max_runs,
        budget=base.budget,
        on_failure=settings.on_failure or base.on_failure,
        grace=base.grace if settings.grace is None else settings.grace,
        observers=base.observers,
        store=store,
    )
    return Wired(engine, opened, store)


def store_of(settings: Settings, own: Engine | None = None) -> Store | None:
    """The store that is set, else that of the engine a workflow brought, else the file in the state folder.

    None for runs that end with the process: their decisions need not even be written down. Raises what
    `opened_store` does.
    """
    if "store" not in settings.origins and own is not None and own.store is not None:
        return own.store
    if settings.store == MEMORY:
        return None
    return opened_store(settings.store, _origin(settings), settings.key_env)


def opened_store(url: str, origin: str, key_env: str = "STRETTO_KEY") -> Store:
    """The store behind a URL, or behind `SQLITE`, sealed if the variable `key_env` holds a key. Raises `ConfigError`
    naming what exists, StoreError where it cannot be opened."""
    from stretto.runtime.stores import open_store

    try:
        return open_store(_default_url() if url == SQLITE else url, key_env=key_env)
    except ConfigError as wrong:
        raise ConfigError(f"{origin}: {wrong}") from None


def check_store(settings: Settings) -> None:
    """Raises what `opened_store` does. Nothing is made in the state folder for that."""
    if settings.store not in (MEMORY, SQLITE):
        opened_store(settings.store, _origin(settings), settings.key_env).close()


def has_store(settings: Settings) -> bool:
    """False where the default store was never made: no run was kept here. A look makes none."""
    return settings.store != SQLITE or store_file().exists()


def _origin(settings: Settings) -> str:
    return settings.origins.get("store", "the setting `store`")


def _default_url() -> str:
    try:
        return f"sqlite:///{made_store_file()}"
    except OSError as trouble:
        raise StoreError(
            f"The folder that runs are kept in cannot be made: {trouble}. Name another one by STRETTO_HOME, or run "
            "with --store memory: such a run ends with its process."
        ) from None


def _model(chosen: Mapping[str, object], origins: Mapping[str, str]) -> Model:
    from stretto.models import ModelSettings, open_model

    try:
        return open_model(ModelSettings.model_validate(dict(chosen)))
    except ConfigError as wrong:
        places = {place for key, place in origins.items() if key.startswith("model.")}
        where = f"{', '.join(sorted(places))}: " if places else ""
        raise ConfigError(f"{where}{wrong}") from None


def _made(settings: Settings) -> dict[str, object]:
    return {name: _make(name, factory, settings) for name, factory in settings.resources.items()}


def _make(name: str, factory: str, settings: Settings) -> object:
    """Call ``module:factory``. What it raises is the factory's, told with the setting that named it."""
    module, _, attribute = factory.partition(":")
    origin = f"{settings.origins.get(f'resources.{name}', 'the settings')}: resource `{name}` = {factory!r}"
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        made: object = getattr(import_module(module), attribute)()
    except Exception as error:
        raise ConfigError(
            f"{origin} gave {type(error).__name__}: {error}. Name a function that takes no arguments."
        ) from error
    return made
