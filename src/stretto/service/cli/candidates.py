"""What may stand on the command line next: targets, and the inputs a target takes.

Files are read, never run: a Tab must not start anybody's program. Only workflows of installed packages are
imported.
"""

from __future__ import annotations

import ast
import os
import re
from contextlib import redirect_stdout
from inspect import Parameter, formatannotation
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Candidate", "inputs_of", "targets"]

_IN_FILE = re.compile(r"(?P<file>.*\.py):(?P<name>\w*)")
_IN_MODULE = re.compile(r"(?P<module>\w+(?:\.\w+)*):(?P<name>\w*)")
_MARK = re.compile(r"^@(?:\w+\.)*workflow\b", re.MULTILINE)
_SKIPPED = frozenset({"__pycache__", "node_modules"})
_MOST_FILES = 300
_MOST_BYTES = 1 << 20

Candidate = tuple[str, str]
"""(what to type, what it is)."""


class _Found(NamedTuple):
    """A workflow as its file declares it: what it says of itself, and (name, type and default) of its inputs."""

    about: str
    inputs: list[Candidate]


def targets(incomplete: str) -> list[Candidate]:
    """What `incomplete` may become: installed names, files with workflows, folders, workflows of a file."""
    file = _file_before_colon(incomplete)
    if file is not None:
        start = incomplete.rpartition(":")[0]
        return [(f"{start}:{name}", found.about) for name, found in _workflows(file).items()]
    return [*_installed(incomplete), *_on_disk(incomplete)]


def inputs_of(target: str) -> list[Candidate]:
    """``key=`` for each input of a target; empty for whatever cannot be found out without running it."""
    file = Path(target) if target.endswith(".py") else _file_before_colon(target)
    if file is None:
        return _inputs_of_installed(target)
    found = _workflows(file)
    name = target.rpartition(":")[2]
    if name in found:
        return found[name].inputs
    return next(iter(found.values())).inputs if len(found) == 1 else []


# -------------------------------------------------------------------- installed


def _installed(incomplete: str) -> Iterator[Candidate]:
    from stretto.service.targets import installed

    for name, point in installed().items():
        if name.startswith(incomplete):
            yield name, f"installed: {point.value}"


def _inputs_of_installed(name: str) -> list[Candidate]:
    from stretto.service.targets import installed, load_target

    if name not in installed():
        return []
    with redirect_stdout(None):
        signature = load_target(name).definition.signature
    return [(f"{each.name}=", _said(each)) for each in signature.parameters.values()]


def _said(parameter: Parameter) -> str:
    """Its type and default as its author wrote them."""
    hint = parameter.annotation
    kind = "" if hint is parameter.empty else hint if isinstance(hint, str) else formatannotation(hint)
    return kind if parameter.default is parameter.empty else f"{kind} = {parameter.default!r}".strip()


# -------------------------------------------------------------------- files


def _file_before_colon(text: str) -> Path | None:
    in_file = _IN_FILE.fullmatch(text)
    if in_file is not None:
        return Path(in_file["file"])
    in_module = _IN_MODULE.fullmatch(text)
    if in_module is None:
        return None
    stem = Path(*in_module["module"].split("."))
    return next((each for each in (stem.with_suffix(".py"), stem / "__init__.py") if each.is_file()), None)


def _on_disk(incomplete: str) -> Iterator[Candidate]:
    """Folders, and files with workflows; of a file with several, each by its name."""
    head, slash, start = incomplete.rpartition("/")
    left = _MOST_FILES
    for entry in _entries(Path(head + slash or ".")):
        if not entry.name.startswith(start) or (entry.name.startswith(".") and not start):
            continue
        shown = f"{head}{slash}{entry.name}"
        if entry.is_dir() and entry.name not in _SKIPPED:
            yield f"{shown}/", "folder"
        elif entry.name.endswith(".py") and left:
            left -= 1
            yield from _of_file(shown)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _of_file(shown: str) -> Iterator[Candidate]:
    found = _workflows(Path(shown))
    if len(found) == 1:
        yield shown, next(iter(found.values())).about
    else:
        yield from ((f"{shown}:{name}", each.about) for name, each in found.items())


def _workflows(file: Path) -> dict[str, _Found]:
    """The workflows that a file declares at its top, by their variable's name."""
    try:
        text = file.read_text(encoding="utf-8") if file.stat().st_size <= _MOST_BYTES else ""
        tree = ast.parse(text) if _MARK.search(text) else ast.Module([], [])
    except (OSError, ValueError, SyntaxError):
        return {}
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return {each.name: _found(each) for each in functions if any(map(_is_workflow, each.decorator_list))}


def _is_workflow(decorator: ast.expr) -> bool:
    name = decorator.func if isinstance(decorator, ast.Call) else decorator
    return getattr(name, "attr", getattr(name, "id", "")) == "workflow"


def _found(function: ast.FunctionDef) -> _Found:
    about = (ast.get_docstring(function) or "workflow").partition("\n")[0]
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    named = zip([*plain, *arguments.kwonlyargs], [*defaults, *arguments.kw_defaults], strict=True)
    return _Found(about, [(f"{argument.arg}=", _kind(argument, default)) for argument, default in named])


def _kind(argument: ast.arg, default: ast.expr | None) -> str:
    kind = "" if argument.annotation is None else ast.unparse(argument.annotation)
    return kind if default is None else f"{kind} = {ast.unparse(default)}".strip()
