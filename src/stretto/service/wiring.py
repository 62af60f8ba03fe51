"""From settings to parts: the only place that picks concrete ones."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stretto.api.engine import Engine
from stretto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.models.contract import Model
    from stretto.ports import Store
    from stretto.service.settings import Settings

__all__ = ["Wired", "opened_store", "wire"]


class Wired(NamedTuple):
    """An engine, and the model that the settings chose, if any, to be closed when the run is over."""

    engine: Engine
    model: Model | None


def wire(
    settings: Settings, *, own: Engine | None = None, model: Mapping[str, object] | None = None
) -> Wired:
    """An engine with what the settings say.

    `own` is the engine a workflow brought: its limits, resources, observers and defaults stay wherever the
    settings say nothing. `model` replaces the settings of that name. Raises `ConfigError`.
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
        on_failure=settings.on_failure or base.on_failure,
        grace=base.grace if settings.grace is None else settings.grace,
        observers=base.observers,
        store=_store(settings),
    )
    return Wired(engine, opened)


def _store(settings: Settings) -> Store | None:
    """None for runs that end with the process: their decisions need not even be written down."""
    if settings.store == "memory":
        return None
    return opened_store(settings.store, settings.origins.get("store", "the setting `store`"))


def opened_store(url: str, origin: str) -> Store:
    """The store behind a URL. Raises `ConfigError` naming what exists, StoreError where it cannot be opened."""
    from stretto.runtime.stores import open_store

    try:
        return open_store(url)
    except ConfigError as wrong:
        raise ConfigError(f"{origin}: {wrong}") from None


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
