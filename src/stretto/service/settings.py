"""Settings for what exists: ``STRETTO_*`` > ``stretto.toml`` > ``[tool.stretto]`` in pyproject.toml >
defaults.

Flags come before all of them; they belong to one run and are the command line's business. Both files are
looked for in the working directory and upwards, each on its own. A key nobody knows is an error: a setting
that was misspelled and passed over would be a default that hides a failure.
"""

from __future__ import annotations

import math
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stretto.core.policy import OnFailure
from stretto.errors import ConfigError
from stretto.service.toml_lines import line_of, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Place", "Settings", "known_keys", "load_settings", "variable_of"]

_PREFIX = "STRETTO_"
_OTHER_VARIABLES = frozenset(
    {"STRETTO_HOME", "STRETTO_KEY", "STRETTO_KILL_AT"}
)  # none overrides a key of the files


class Place(NamedTuple):
    """Where a setting was made: the variable `name`, or a file, and the line of its key where that is plain."""

    name: str
    file: Path | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What was set; None and empty where nothing was. `origins` says where each key came from, by dotted
    key, in words; `places` says the same as data.
    """

    max_concurrency: int | None = None
    max_runs: int | None = None
    on_failure: str | None = None
    grace: float | None = None
    store: str = "sqlite"
    """``sqlite``: a file in the state folder; ``memory``: nothing outlives the process; else a store's URL."""
    key_env: str = "STRETTO_KEY"
    """The environment variable that holds the key with which a store is sealed."""
    limits: Mapping[str, int] = field(default_factory=dict)
    model: Mapping[str, object] = field(default_factory=dict)
    """Fields of `stretto.models.ModelSettings`."""
    resources: Mapping[str, str] = field(default_factory=dict)
    """``module:factory`` by resource name."""
    origins: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)


class _Rule(NamedTuple):
    """`read` turns a value, or an environment variable's text, into the setting, or raises ValueError."""

    read: Callable[[object], object]
    expects: str


class _Found(NamedTuple):
    value: object
    origin: str
    place: Place


def load_settings(env: Mapping[str, str] | None = None, start: Path | None = None) -> Settings:
    """The settings that hold in `start` (default: the working directory).

    Raises `ConfigError` naming the file or variable, the key, and what is known.
    """
    folder = Path.cwd() if start is None else start
    found = {**_from_pyproject(folder), **_from_stretto_toml(folder)}
    found.update(_from_environment(os.environ if env is None else env, known=tuple(found)))
    return _settings({key: each._replace(value=_checked(key, each)) for key, each in found.items()})


def known_keys() -> tuple[str, ...]:
    """The dotted keys of all settings that have a name of their own; limits and resources are the user's."""
    return tuple(_RULES)


def variable_of(key: str) -> str:
    """The environment variable that sets a key: ``model.base_url`` by ``STRETTO_MODEL_BASE_URL``."""
    return _PREFIX + key.upper().replace(".", "_").replace("-", "_")


def _settings(found: Mapping[str, _Found]) -> Settings:
    tables: dict[str, dict[str, object]] = {table: {} for table in _TABLES}
    plain: dict[str, object] = {}
    for key, each in found.items():
        table, _, name = key.partition(".")
        if name:
            tables[table][name] = each.value
        else:
            plain[key] = each.value
    origins = {key: each.origin for key, each in found.items()}
    places = {key: each.place for key, each in found.items()}
    return Settings(**plain, **tables, origins=origins, places=places)  # type: ignore[arg-type]  # `_checked` gave the types


# -------------------------------------------------------------------- where they come from


def _from_stretto_toml(folder: Path) -> dict[str, _Found]:
    file = _upwards(folder, "stretto.toml")
    if file is None:
        return {}
    text, whole = _toml(file)
    return dict(_flat(whole, file.name, _Places(file, text)))


def _from_pyproject(folder: Path) -> dict[str, _Found]:
    file = _upwards(folder, "pyproject.toml")
    if file is None:
        return {}
    text, whole = _toml(file)
    tool = whole.get("tool")
    table = tool.get("stretto", {}) if isinstance(tool, dict) else {}
    origin = f"{file.name} [tool.stretto]"
    if not isinstance(table, dict):
        raise ConfigError(f"{origin}: it must be a table, such as `[tool.stretto]` with `grace = 5` below.")
    return dict(_flat(table, origin, _Places(file, text, "tool.stretto.")))


def _upwards(folder: Path, name: str) -> Path | None:
    start = folder.resolve()
    return next((place / name for place in (start, *start.parents) if (place / name).is_file()), None)


def _toml(file: Path) -> tuple[str, dict[str, object]]:
    """A file's text, and what it says."""
    try:
        text = file.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise ConfigError(f"{file.name}: not TOML: {wrong}. Mend that line.") from None
    except (OSError, UnicodeDecodeError) as trouble:
        raise ConfigError(f"{file.name} cannot be read: {trouble}. It must be UTF-8 text.") from None


class _Places:
    """The places of a file's keys; all of them stand under `prefix`."""

    def __init__(self, file: Path, text: str, prefix: str = "") -> None:
        self._file = file
        self._lines = lines_of(text)
        self._prefix = prefix

    def of(self, key: str) -> Place:
        return Place(self._file.name, self._file, line_of(self._prefix + key, self._lines))


def _flat(table: Mapping[str, object], origin: str, places: _Places) -> Iterator[tuple[str, _Found]]:
    for key, value in table.items():
        if key not in _TABLES:
            yield key, _Found(value, origin, places.of(key))
            continue
        if not isinstance(value, dict):
            raise ConfigError(f"{origin}: `{key}` is a table: write `[{key}]` and its keys below.")
        for name, inner in value.items():
            yield f"{key}.{name}", _Found(inner, origin, places.of(f"{key}.{name}"))


def _from_environment(env: Mapping[str, str], known: tuple[str, ...]) -> dict[str, _Found]:
    """``STRETTO_MODEL_BASE_URL`` is ``model.base_url``; a limit's or resource's name is in lower case."""
    names = {variable_of(key): key for key in (*_RULES, *known)}
    found: dict[str, _Found] = {}
    for variable, text in env.items():
        if not variable.startswith(_PREFIX) or variable in _OTHER_VARIABLES:
            continue
        key = names.get(variable) or _key_of(variable)
        found[key] = _Found(text, f"the environment variable {variable}", Place(variable))
    return found


def _key_of(variable: str) -> str:
    bare = variable.removeprefix(_PREFIX).lower()
    for table in _TABLES:
        if bare.startswith(f"{table}_"):
            return f"{table}.{bare.removeprefix(f'{table}_')}"
    return bare


# -------------------------------------------------------------------- what they may be


def _checked(key: str, found: _Found) -> object:
    rule = _rule(key, found.origin)
    try:
        return rule.read(found.value)
    except ValueError:
        said = "not shown" if key == "key_env" else repr(found.value)
        raise ConfigError(f"{found.origin}: `{key}` is {said}; give {rule.expects}.") from None


def _rule(key: str, origin: str) -> _Rule:
    table, _, name = key.partition(".")
    rule = _RULES.get(key) or (_OPEN_TABLES.get(table) if name else None)
    if rule is not None:
        return rule
    from difflib import get_close_matches

    names = [*_RULES, *(f"{each}.<name>" for each in _OPEN_TABLES)]
    close = get_close_matches(key, _RULES, n=1, cutoff=0.6)
    meant = f" Did you mean `{close[0]}`?" if close else ""
    raise ConfigError(f"{origin}: there is no setting `{key}`.{meant} Known: {', '.join(names)}.")


def _whole(value: object) -> int:
    number = int(value) if isinstance(value, str) else value
    if type(number) is not int or number < 1:
        raise ValueError
    return number


def _seconds(value: object) -> float:
    number = math.nan if isinstance(value, bool) else float(str(value))
    if not (number >= 0 and math.isfinite(number)):
        raise ValueError
    return number


def _above_zero(value: object) -> float:
    number = _seconds(value)
    if number == 0:
        raise ValueError
    return number


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _variable_name(value: object) -> str:
    name = _text(value)
    if not (name.isidentifier() and name == name.upper() and len(name) <= 40):
        raise ValueError
    return name


def _factory(value: object) -> str:
    module, colon, name = _text(value).partition(":")
    if not (colon and module and name.isidentifier()):
        raise ValueError
    return f"{module}:{name}"


def _policy(value: object) -> str:
    return str(OnFailure(str(value)))  # a ValueError for any other


_TEXT = _Rule(_text, "a text that is not empty")
_PRICE = _Rule(_seconds, "US dollars a million tokens, 0 or more")
_RULES: dict[str, _Rule] = {
    "max_concurrency": _Rule(_whole, "a whole number, 1 or more"),
    "on_failure": _Rule(_policy, '"drain", "fail_fast" or "continue"'),
    "grace": _Rule(_seconds, "seconds, 0 or more"),
    "max_runs": _Rule(_whole, "how many runs may be at work at once: a whole number, 1 or more"),
    "store": _TEXT,
    "key_env": _Rule(_variable_name, "the name of an environment variable, not the key itself"),
    "model.provider": _TEXT,
    "model.model": _TEXT,
    "model.base_url": _TEXT,
    "model.api_key_env": _TEXT,
    "model.timeout": _Rule(_above_zero, "seconds above 0"),
    "model.max_output_tokens": _Rule(_whole, "the tokens of a reply at most: a whole number, 1 or more"),
    "model.input_price": _PRICE,
    "model.output_price": _PRICE,
}
_OPEN_TABLES: dict[str, _Rule] = {
    "limits": _Rule(_whole, "how many may run at once: a whole number, 1 or more"),
    "resources": _Rule(_factory, 'a factory as "module:factory"'),
}
_TABLES = ("model", *_OPEN_TABLES)
