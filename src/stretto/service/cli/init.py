"""``stretto init``: a starter file that runs at once, settings beside it, and what to type next."""

from __future__ import annotations

import keyword
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stretto.errors import InputError
from stretto.service.cli.exits import Exit
from stretto.service.cli.starter import FLOW, SETTINGS
from stretto.service.cli.words import say_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["DEFAULT_NAME", "init_starter"]

DEFAULT_NAME = "digest"
"""What the starter's workflow is called."""

_FLOW_FILE = "flow.py"
_SETTINGS_FILE = "stretto.toml"
_TAKEN = frozenset(
    {"asyncio", "step", "workflow"}
    | {"find_sources", "read_source", "describe_reader", "draw_cover", "write_digest", "bind"}
    | {
        "found",
        "notes",
        "wanted",
        "cover",
        "text",
        "topic",
        "reader",
        "sources",
        "str",
        "int",
        "dict",
        "list",
    }
)
_NEXT = (
    ("plan", "plan {}", "what waits for what, before anything runs"),
    ("run", "run {}", "the bars of the steps, the value, where the time went"),
    ("run", "run {} -i topic=coffee -i sources=8", "other inputs"),
    ("explain", "explain", "of the last run: why steps waited, what would help most"),
    ("bench", "bench {}", "one by one against dataflow, measured"),
    ("graph", "graph {} --to svg -o flow.svg", "a picture"),
)


class _Place(NamedTuple):
    """`folder` is as the user wrote it."""

    folder: Path
    file: str


def init_starter(where: Path, name: str, commands: Collection[str]) -> Exit:
    """Write the starter to a folder, or to a file that ends in .py; `commands` are those the program has.

    Raises `InputError` for a name that cannot be a function's and for files that are there already: nothing
    is overwritten, and nothing is written then.
    """
    _check_name(name)
    place = _place(where)
    flow, settings = place.folder / place.file, place.folder / _SETTINGS_FILE
    _make_folder(place.folder)
    _write(flow, FLOW.replace("NAME", name))
    has_settings = _exists(settings)
    if not has_settings:
        _write(settings, SETTINGS)
    say_lines(_told(place, commands, has_settings=has_settings))
    return Exit.OK


def _check_name(name: str) -> None:
    if name.isidentifier() and not keyword.iskeyword(name) and name not in _TAKEN:
        return
    why = "the starter uses it for something else" if name in _TAKEN else "it names a Python function"
    raise InputError(f"--name {name}: {why}. Give letters, digits and _, such as --name weekly_report.")


def _place(where: Path) -> _Place:
    if where.suffix == ".py" and not where.is_dir():
        return _Place(where.parent, where.name)
    return _Place(where, _FLOW_FILE)


def _make_folder(folder: Path) -> None:
    if folder.is_file():
        raise InputError(f"{folder} is a file. Name a folder, or a file that ends in .py.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as trouble:
        raise InputError(f"{folder} cannot be made: {trouble.strerror}. Name another folder.") from None


def _exists(file: Path) -> bool:
    return file.exists() or file.is_symlink()


def _write(file: Path, text: str) -> None:
    """Only where nothing is: not even a link that leads nowhere is written through."""
    try:
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        other = file.with_name(f"{file.stem}_2.py")
        raise InputError(
            f"{file} is there already, and nothing is overwritten. "
            f"Name another file, `stretto init {shlex.quote(str(other))}`, or move that one away."
        ) from None
    except OSError as trouble:
        raise InputError(f"{file} cannot be written: {trouble.strerror}. Name another folder.") from None


def _told(place: _Place, commands: Collection[str], *, has_settings: bool) -> Iterator[str]:
    settings = place.folder / _SETTINGS_FILE
    yield f"wrote {place.folder / place.file}   a workflow to change; its latencies are simulated"
    yield f"{'kept ' if has_settings else 'wrote'} {settings}   {_about(is_kept=has_settings)}"
    yield ""
    yield "next:"
    if place.folder.resolve() != Path.cwd().resolve():
        yield f"  cd {shlex.quote(str(place.folder))}"
    file = shlex.quote(place.file)
    lines = [(f"stretto {line.format(file)}", why) for need, line, why in _NEXT if need in commands]
    width = max(len(line) for line, _ in lines)
    yield from (f"  {line:<{width}}  # {why}" for line, why in lines)


def _about(*, is_kept: bool) -> str:
    return "it was there already and is as it was" if is_kept else "settings, all commented out"
