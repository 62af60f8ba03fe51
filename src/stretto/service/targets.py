"""What a user names on the command line: an installed workflow, ``file.py[:name]`` or ``module:name``."""

from __future__ import annotations

import re
import sys
import traceback
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from stretto.api.workflow import Workflow
from stretto.authoring.known import script_module
from stretto.errors import NotFoundError, StrettoError, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint
    from types import ModuleType

    AnyWorkflow = Workflow[..., object]

__all__ = ["GROUP", "installed", "load_target", "place_in"]

GROUP = "stretto.workflows"
"""The entry points under which packages offer workflows."""

_FILE = re.compile(r"(?P<file>.*\.py)(?::(?P<name>[^:]*))?")


def load_target(target: str) -> AnyWorkflow:
    """The workflow that `target` names.

    Raises `NotFoundError` for a file, module or name there is not, and `TargetError` with a place for code
    that cannot be loaded, or holds no workflow, or several.
    """
    in_file = _FILE.fullmatch(target)
    if in_file is not None:
        return _in_file(Path(in_file["file"]), in_file["name"])
    module, colon, name = target.partition(":")
    if colon and module:
        return _in_module(module, name)
    return _installed(target)


def installed() -> dict[str, EntryPoint]:
    """Installed workflows by name, in order of their names; the first of two packages wins a name."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, point)
    return dict(sorted(found.items()))


def place_in(error: BaseException, file: str) -> str | None:
    """``file.py:12``: the innermost line of `file` that the error passed through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{Path(file).name}:{lines[-1]}" if lines else None


# -------------------------------------------------------------------- the three kinds


def _installed(name: str) -> AnyWorkflow:
    known = installed()
    point = known.get(name)
    if point is None:
        raise NotFoundError("workflow", name, known)
    with _told(f"The installed workflow {name!r} ({point.value})"):
        found = point.load()
    return _checked(found, f"{name} ({point.value})")


def _in_module(module: str, name: str) -> AnyWorkflow:
    _put_on_path(Path.cwd())
    try:
        with _told(f"The module {module!r}"):
            loaded = import_module(module)
    except TargetError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and f"{module}.".startswith(f"{cause.name}."):
            raise NotFoundError("module", module) from None
        raise
    return _pick(loaded, name or None, module)


def _in_file(file: Path, name: str | None) -> AnyWorkflow:
    if file.is_dir():
        raise TargetError(f"{file} is a folder.", mend="Name a file in it, or a module as module:name.")
    if not file.is_file():
        near = sorted(each.name for each in file.parent.glob("*.py")) if file.parent.is_dir() else []
        raise NotFoundError("file", str(file), near)
    path = file.resolve()
    _put_on_path(path.parent)
    return _pick(_load(path), name or None, file.name)


def _load(path: Path) -> ModuleType:
    """Run the file as a module of a name that depends on the file's name alone.

    Never ``__main__``: classes are known by their module's name wherever their values go. The prefix keeps a
    file called ``json.py`` from standing in for the standard library's.
    """
    name = script_module(path.name)
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path.name} cannot be loaded as Python.", mend="Name a file that ends in .py.")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _told(path.name, str(path)):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]  # half a module is worse than none
        raise
    return module


def _put_on_path(folder: Path) -> None:
    """What Python itself does for a script: modules beside it can be imported."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


@contextmanager
def _told(what: str, file: str | None = None) -> Iterator[None]:
    """Turn what loading raises into one sentence with a place; Stretto's own errors have both already."""
    try:
        yield
    except StrettoError:
        raise
    except SyntaxError as error:
        where = f"{Path(error.filename or what).name}:{error.lineno or 1}"
        raise TargetError(
            f"{type(error).__name__}: {error.msg}.", where=where, mend="Mend that line."
        ) from error
    except (Exception, SystemExit) as error:
        place = place_in(error, file) if file else _innermost(error)
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise TargetError(f"{what} cannot be imported: {text.rstrip('.')}.", where=place) from error


def _innermost(error: BaseException) -> str | None:
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename
    ]
    inside = [frame for frame in frames if frame.filename != __file__]
    return f"{Path(inside[-1].filename).name}:{inside[-1].lineno}" if inside else None


# -------------------------------------------------------------------- the workflow in a module


def _pick(module: ModuleType, name: str | None, label: str) -> AnyWorkflow:
    found = _workflows(module)
    if name is not None:
        return _named(module, name, label, found)
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise TargetError(
            f"{label} holds no workflow.", mend="Decorate the function that wires steps with @workflow."
        )
    choices = ", ".join(f"{label}:{each}" for each in found)
    raise TargetError(f"{label} holds {len(found)} workflows.", mend=f"Name one: {choices}.")


def _named(module: ModuleType, name: str, label: str, found: dict[str, AnyWorkflow]) -> AnyWorkflow:
    by_declared = {each.name: each for each in found.values()}
    value = getattr(module, name, None) or by_declared.get(name)
    if value is None:
        raise NotFoundError("workflow", f"{label}:{name}", [f"{label}:{each}" for each in found])
    return _checked(value, f"{label}:{name}")


def _workflows(module: ModuleType) -> dict[str, AnyWorkflow]:
    """Each once, by its first name; those imported from elsewhere only where the module has none of its
    own.
    """
    own: dict[int, tuple[str, AnyWorkflow]] = {}
    imported: dict[int, tuple[str, AnyWorkflow]] = {}
    for name, value in vars(module).items():
        if isinstance(value, Workflow):
            home = own if value.definition.fn.__module__ == module.__name__ else imported
            home.setdefault(id(value), (name, value))
    return dict((own or imported).values())


def _checked(value: object, label: str) -> AnyWorkflow:
    if isinstance(value, Workflow):
        return value
    raise TargetError(
        f"{label} is a {type(value).__name__}, not a workflow.",
        mend="Decorate the function that wires steps with @workflow.",
    )
