"""``stretto config show``: every setting, its value, and where it came from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stretto.service.cli.exits import Exit
from stretto.service.cli.words import say_lines
from stretto.service.secrecy import shown
from stretto.service.settings import Place, known_keys, load_settings, variable_of
from stretto.service.state import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stretto.service.settings import Settings

__all__ = ["show_config"]

_FLAGS = {"max_concurrency": "--max-concurrency", "on_failure": "--on-failure", "store": "--store"}
_VALUE_WIDTH = 34


class _Row(NamedTuple):
    """`place` is None for a default. `flag` is the option of `stretto run` that comes before everything else."""

    key: str
    value: object
    place: Place | None
    flag: str | None
    note: str = ""


def show_config(*, is_json: bool) -> Exit:
    """Print the settings that hold in the working directory. Raises `ConfigError` for wrong or unknown ones."""
    rows = _rows(load_settings(), os.environ)
    if is_json:
        say_lines(json.dumps(_as_data(row), ensure_ascii=False) for row in rows)
    else:
        say_lines(_lines(rows))
    return Exit.OK


def _rows(settings: Settings, env: Mapping[str, str]) -> list[_Row]:
    values = {**_defaults(settings), **_given(settings)}
    rows = [_row(key, value, settings.places.get(key), env) for key, value in values.items()]
    return [*rows, _home(env)]


def _row(key: str, value: object, place: Place | None, env: Mapping[str, str]) -> _Row:
    note = ""
    if key in ("model.api_key_env", "key_env") and value is not None:
        note = "is set" if env.get(str(value), "").strip() else "is not set here"
    return _Row(key, shown(key, value), place, _FLAGS.get(key), note)


def _home(env: Mapping[str, str]) -> _Row:
    is_set = bool(env.get("STRETTO_HOME", "").strip())
    folder = os.path.relpath(state_folder(env)) if not is_set else str(state_folder(env))
    return _Row("home", folder, Place("STRETTO_HOME") if is_set else None, None)


def _defaults(settings: Settings) -> dict[str, object]:
    """What holds where nothing is set. Without a choice there is no model, and its settings mean nothing."""
    from stretto.api.engine import Engine
    from stretto.models import ModelSettings

    engine = Engine()
    found: dict[str, object] = dict.fromkeys(known_keys())
    found.update(max_concurrency=engine.max_concurrency, on_failure=str(engine.on_failure))
    found.update(grace=engine.grace, store=settings.store, key_env=settings.key_env)
    if settings.model:
        fields = ModelSettings.model_fields
        found.update({f"model.{name}": field.default for name, field in fields.items()})
    return found


def _given(settings: Settings) -> dict[str, object]:
    tables = {"limits": settings.limits, "model": settings.model, "resources": settings.resources}
    found = {f"{table}.{name}": value for table, of in tables.items() for name, value in of.items()}
    for key in settings.places:
        if "." not in key:
            found[key] = getattr(settings, key)
    return found


# -------------------------------------------------------------------- for people and programs


def _lines(rows: list[_Row]) -> Iterator[str]:
    width = max(len(row.key) for row in rows)
    values = {row.key: _text(row) for row in rows}
    column = min(_VALUE_WIDTH, max(map(len, values.values())))
    for row in rows:
        yield f"{row.key:<{width}}  {values[row.key]:<{column}}  {_origin(row.place)}".rstrip()
    yield ""
    yield f"before all of these, for one run: {', '.join(_FLAGS.values())} of `stretto run`"
    yield "default: what holds where neither a setting nor the workflow's own code says otherwise"


def _text(row: _Row) -> str:
    if row.value is None:
        return "–"
    text = f"{row.value:g}" if isinstance(row.value, float) else str(row.value)
    return f"{text} ({row.note})" if row.note else text


def _origin(place: Place | None) -> str:
    if place is None:
        return "default"
    if place.file is None:
        return place.name
    where = _relative(place.file)
    return where if place.line is None else f"{where}:{place.line}"


def _relative(file: Path) -> str:
    """The file as a person here would name it."""
    return os.path.relpath(file, Path.cwd())


def _as_data(row: _Row) -> dict[str, object]:
    return {
        "key": row.key,
        "value": row.value,
        "from": _kind(row.place),
        "place": None if row.place is None else _origin(row.place),
        "variable": "STRETTO_HOME" if row.key == "home" else variable_of(row.key),
        "flag": row.flag,
        "note": row.note,
    }


def _kind(place: Place | None) -> str:
    if place is None:
        return "default"
    return "environment" if place.file is None else place.name
