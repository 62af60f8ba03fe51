"""What can be wrong on a machine for Stretto: each check says ok, note or problem, and how to mend it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from enum import StrEnum
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.errors import ConfigError, StoreError, StrettoError
from stretto.service.machine import suggested_parallel
from stretto.service.secrecy import shown
from stretto.service.settings import load_settings
from stretto.service.state import state_folder
from stretto.service.targets import installed, load_target
from stretto.service.wiring import check_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stretto.models.contract import Model
    from stretto.service.machine import Costs, Machine
    from stretto.service.settings import Settings

__all__ = [
    "Finding",
    "Level",
    "cost_checks",
    "machine_checks",
    "model_check",
    "output_check",
    "package_checks",
    "parallel_check",
    "settings_checks",
    "state_check",
    "workflow_checks",
]


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """One line: what was looked at, how it is, what was seen, and how to mend it."""

    check: str
    level: Level
    said: str
    mend: str = ""
    data: Mapping[str, object] = {}


_TESTED: Final = ((3, 11), (3, 13))
_SYSTEMS: Final = {"Linux": "Linux", "Darwin": "macOS"}
_FEW_FILES: Final = 1024
_TOO_FEW_FILES: Final = 64
_LATE: Final = 0.005
_GIB: Final = 1 << 30


# -------------------------------------------------------------------- the machine


def machine_checks(machine: Machine) -> Iterator[Finding]:
    """Python, the system, processors and memory, open files."""
    yield _python(machine)
    name = _SYSTEMS.get(machine.system)
    said = f"{name or machine.system or 'unknown'} {machine.architecture}"
    if name is None:
        yield Finding(
            "platform", Level.PROBLEM, said, "Stretto runs on Linux and macOS; on Windows, inside WSL."
        )
    else:
        yield Finding("platform", Level.OK, said)
    yield _cores(machine)
    yield _open_files(machine.open_files)


def _python(machine: Machine) -> Finding:
    said = f"{'.'.join(map(str, machine.python))} ({machine.implementation})"
    oldest, newest = (".".join(map(str, each)) for each in _TESTED)
    if machine.python[:2] < _TESTED[0]:
        return Finding("python", Level.PROBLEM, said, f"Stretto needs Python {oldest} or newer.")
    if machine.python[:2] > _TESTED[1] or machine.implementation != "CPython":
        mend = f"Stretto is tested on CPython {oldest} to {newest}; if something is odd, try one of these."
        return Finding("python", Level.NOTE, said, mend)
    return Finding("python", Level.OK, said)


def _cores(machine: Machine) -> Finding:
    memory = "unknown memory" if machine.memory is None else f"{machine.memory / _GIB:.1f} GiB of memory"
    where = " (the container's share)" if machine.is_contained else ""
    cores = f"{machine.cores:g} core{'' if machine.cores == 1 else 's'}"
    data = {"cores": machine.cores, "memory": machine.memory, "is_contained": machine.is_contained}
    return Finding("cores", Level.OK, f"{cores}, {memory}{where}", data=data)


def _open_files(limit: int | None) -> Finding:
    if limit is None:
        return Finding("open files", Level.OK, "no limit")
    said = f"at most {limit}"
    mend = "Raise it before a run with many connections or process steps at once: ulimit -n 4096"
    if limit < _TOO_FEW_FILES:
        return Finding("open files", Level.PROBLEM, said, mend, {"limit": limit})
    level, advice = (Level.NOTE, mend) if limit < _FEW_FILES else (Level.OK, "")
    return Finding("open files", level, said, advice, {"limit": limit})


def parallel_check(machine: Machine) -> Finding:
    """How many agents at once to begin with, and how far to go by the kind of their work."""
    found = suggested_parallel(machine.cores, machine.memory)
    low, high = found.memory_bound
    memory = f"{low}" if low == high else f"{low}–{high}"
    said = (
        f"start at {found.start}; work that waits (models, web) {found.io_bound[0]}–{found.io_bound[1]}, "
        f"work that computes {found.cpu_bound}, work that fills memory {memory}"
    )
    return Finding("max_parallel", Level.OK, said, data=found._asdict())


# -------------------------------------------------------------------- measured


def cost_checks(costs: Costs) -> Iterator[Finding]:
    """Timers, threads and processes."""
    yield _timer(costs)
    yield Finding(
        "thread", Level.OK, f"{costs.thread * 1e6:.0f} µs to start and end", data={"s": costs.thread}
    )
    if isinstance(costs.process, str):
        mend = 'Steps with executor="process" cannot run until Python can start Python here.'
        yield Finding("process", Level.PROBLEM, costs.process, mend)
    else:
        said = f"{costs.process * 1e3:.0f} ms to start Python with Stretto and end it"
        yield Finding("process", Level.OK, said, data={"s": costs.process})


def _timer(costs: Costs) -> Finding:
    said = f"{costs.timer_late * 1e3:.2f} ms late (median), {costs.timer_worst * 1e3:.2f} ms at worst"
    data = {"median_s": costs.timer_late, "worst_s": costs.timer_worst}
    if costs.timer_late > _LATE:
        mend = "Something else keeps the processors busy: measured times will be longer than the steps are."
        return Finding("timer", Level.NOTE, said, mend, data)
    return Finding("timer", Level.OK, said, data=data)


# -------------------------------------------------------------------- packages

_WHAT_FOR: Final = {
    "bench": "benchmarks beside peers",
    "crypto": "stores sealed with a key",
    "dev": "work on Stretto itself: tests, lint, types",
    "postgres": "runs kept in PostgreSQL",
}
_REQUIREMENT: Final = re.compile(r"(?P<name>[\w.-]+)[^;]*(?:;(?P<marker>.*))?")
_EXTRA: Final = re.compile(r"""extra\s*==\s*['"]([\w.-]+)['"]""")


def package_checks(package: str = "stretto") -> Iterator[Finding]:
    """The installed package, what it needs, and its extras."""
    try:
        found = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        yield Finding(
            "install",
            Level.NOTE,
            "run from its source",
            "Install it, so that `stretto` is found: pip install .",
        )
        return
    yield _install(found)
    needed = list(map(_needed, found.requires or ()))
    missing = [name for name, extra in needed if extra is None and not _has(name)]
    if missing:
        mend = f"Install what is missing: pip install {' '.join(missing)}"
        yield Finding("packages", Level.PROBLEM, f"missing: {', '.join(missing)}", mend)
    else:
        yield Finding("packages", Level.OK, "all that Stretto needs is there")
    for extra in found.metadata.get_all("Provides-Extra") or ():
        yield _extra(package, extra, [name for name, of in needed if of == extra])


def _install(found: metadata.Distribution) -> Finding:
    from stretto import __file__ as own
    from stretto import __version__

    said = f"{__version__} in {Path(own).parent}"
    if found.version != __version__:
        mend = f"The installed package says {found.version}: install it again with pip."
        return Finding("install", Level.NOTE, said, mend)
    command = shutil.which("stretto")
    here = Path(sys.executable).parent
    if command is not None and Path(command).parent.resolve() != here.resolve():
        mend = f"`stretto` in PATH is another one, {command}; activate the environment of {here}."
        return Finding("install", Level.NOTE, said, mend)
    return Finding("install", Level.OK, said)


def _needed(requirement: str) -> tuple[str, str | None]:
    """(package, the extra it belongs to). One with another condition counts as an extra's of no name."""
    match = _REQUIREMENT.match(requirement)
    name, marker = (match["name"], match["marker"]) if match else (requirement, None)
    extra = _EXTRA.search(marker or "")
    if extra is not None:
        return name, extra[1]
    return name, "" if marker else None


def _has(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _extra(package: str, extra: str, needed: list[str]) -> Finding:
    missing = [name for name in needed if not _has(name)]
    what = f" ({_WHAT_FOR[extra]})" if extra in _WHAT_FOR else ""
    if not missing:
        return Finding(f"extra {extra}", Level.OK, f"there{what}")
    mend = f"Only if you want it: pip install '{package}[{extra}]'"
    return Finding(f"extra {extra}", Level.NOTE, f"missing {', '.join(missing)}{what}", mend)


# -------------------------------------------------------------------- files and output


def state_check(env: Mapping[str, str] | None = None) -> Finding:
    """Whether the state folder can be written. What is not there is not made."""
    folder = state_folder(env)
    shown = os.path.relpath(folder) if folder.is_relative_to(Path.cwd()) else str(folder)
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as trouble:
        mend = (
            "Runs leave no record there. Set STRETTO_HOME to a folder you may write, or mend its permissions."
        )
        return Finding("state", Level.PROBLEM, f"{shown} cannot be written: {trouble.strerror}", mend)
    said = f"{shown} can be written" if there == folder else f"{shown} can be made"
    return Finding("state", Level.OK, said)


def output_check(encoding: str | None) -> Finding:
    """Whether stdout can show the marks of bars and paths."""
    name = encoding or "unknown"
    if name.lower().replace("-", "").replace("_", "") == "utf8":
        return Finding("output", Level.OK, "UTF-8")
    mend = "Bars and arrows come out as ?; set PYTHONUTF8=1, or a locale such as LANG=C.UTF-8."
    return Finding("output", Level.NOTE, f"stdout is {name}", mend)


def workflow_checks() -> Iterator[Finding]:
    """Every installed workflow can be loaded."""
    names = installed()
    for name in names:
        try:
            load_target(name)
        except StrettoError as error:
            mend = "Mend or remove the package that brings it; files run without it."
            yield Finding(f"workflow {name}", Level.PROBLEM, str(error), mend)
        else:
            yield Finding(f"workflow {name}", Level.OK, "can be loaded")
    if not names:
        yield Finding("workflows", Level.OK, "none is installed; files run all the same")


# -------------------------------------------------------------------- settings


def settings_checks() -> tuple[Settings | None, list[Finding]]:
    """The settings here, and what is wrong with them; None where they cannot be read."""
    try:
        settings = load_settings()
        check_store(settings)
    except (ConfigError, StoreError) as wrong:
        return None, [
            Finding("settings", Level.PROBLEM, str(wrong), "`stretto config show` lists what holds.")
        ]
    places = sorted({place.name for place in settings.places.values()})
    said = f"valid, from {', '.join(places)}" if places else "none; the defaults hold"
    findings = [Finding("settings", Level.OK, said)]
    findings += [_resource(name, factory) for name, factory in settings.resources.items()]
    return settings, [*findings, key_check(settings)]


def key_check(settings: Settings, env: Mapping[str, str] | None = None) -> Finding:
    """Whether stores are sealed, and could be."""
    from stretto.runtime.stores.sealing import Sealer, key_of

    try:
        key = key_of(os.environ if env is None else env, settings.key_env)
        if key is None:
            return Finding("key", Level.OK, f"{settings.key_env} is not set; what stores hold is not sealed")
        Sealer(key)
    except ConfigError as wrong:
        return Finding("key", Level.PROBLEM, str(wrong), "docs/security.md says how stores are sealed.")
    return Finding("key", Level.OK, f"{settings.key_env} is set; new stores are sealed with it")


def _resource(name: str, factory: str) -> Finding:
    """Only looked for: making it may connect somewhere."""
    module = factory.partition(":")[0]
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        is_there = find_spec(module) is not None
    except (ImportError, ValueError):
        is_there = False
    finally:
        sys.path.remove(here)
    if is_there:
        return Finding(f"resource {name}", Level.OK, f"{factory}: its module is there (not called)")
    mend = "Correct [resources] in the settings, or install that module."
    return Finding(f"resource {name}", Level.PROBLEM, f"{factory}: there is no module {module!r}", mend)


def model_check(settings: Settings, *, is_online: bool) -> Finding:
    """The model provider that the settings chose. It is asked one question with `is_online`, else never."""
    from stretto.models import ModelSettings, open_model

    if not settings.model:
        return Finding("model", Level.OK, "none chosen: steps use their own default")
    try:
        chosen = ModelSettings.model_validate(dict(settings.model))
        model = open_model(chosen)
    except ConfigError as wrong:
        return Finding("model", Level.PROBLEM, _safely(wrong, settings), "Correct [model] in the settings.")
    if chosen.provider == "offline":
        return Finding("model", Level.OK, "offline: texts are composed from data, nothing is called")
    said = f"{chosen.provider}, {model.name}"
    if not is_online:
        return Finding("model", Level.OK, f"{said} (not called; --online asks it once)")
    return _asked(said, model)


def _safely(wrong: ConfigError, settings: Settings) -> str:
    """The error's text without what must not be shown."""
    text = str(wrong)
    for name, value in settings.model.items():
        if isinstance(value, str):
            text = text.replace(value, str(shown(f"model.{name}", value)))
    return text


def _asked(said: str, model: Model) -> Finding:
    import asyncio
    import time

    from stretto.models import Prompt

    async def ask() -> str:
        began = time.perf_counter()
        try:
            reply = await model.write(Prompt("Answer with the one word: ready"))
        finally:
            await model.aclose()
        used = reply.usage
        cost = "" if used.cost is None else f", ${used.cost:.4f}"
        tokens = f"{used.input_tokens} + {used.output_tokens} tokens{cost}"
        return f"answered in {time.perf_counter() - began:.2f} s ({tokens})"

    try:
        return Finding("model", Level.OK, f"{said}: {asyncio.run(ask())}")
    except StrettoError as error:
        mend = "Check its address, name and key; `stretto config show` says where each came from."
        return Finding("model", Level.PROBLEM, f"{said}: {error}", mend)
