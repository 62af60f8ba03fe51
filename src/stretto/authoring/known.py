"""The classes a workflow is known to use, and the names by which other processes find them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, get_type_hints
from weakref import WeakKeyDictionary

from stretto.authoring.plan import PlanProblem
from stretto.core.values import class_name, classes_in
from stretto.core.values.atoms import Unfit
from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stretto.authoring.step import AnyStep

__all__ = ["SCRIPT_PREFIX", "KnownNames", "ScriptNames", "classes_of", "script_module", "version_of"]

SCRIPT_PREFIX: Final = "stretto_target_"
"""Begins the names of modules that are loaded from a file given as a target."""

_SCRIPTS: Final = ("__main__", "__mp_main__")


def script_module(file: str) -> str:
    """The name under which a target's file is known: it depends on the file's own name alone."""
    stem = Path(file).stem
    return SCRIPT_PREFIX + "".join(each if each.isalnum() or each == "_" else "_" for each in stem)


class ScriptNames(Mapping[type, str]):
    """Names for the classes of the program's own script: those its file has when it is loaded as a target."""

    def __getitem__(self, cls: type) -> str:
        file = getattr(sys.modules.get(cls.__module__), "__file__", None)
        if cls.__module__ not in _SCRIPTS or file is None or "<locals>" in cls.__qualname__:
            raise KeyError(cls)
        return f"{script_module(file)}:{cls.__qualname__}"

    def __iter__(self) -> Iterator[type]:
        return iter(())

    def __len__(self) -> int:
        return 0


class KnownNames(ScriptNames):
    """The names under which a journal's readers will find classes: those that the workflow is known to use."""

    def __init__(self, classes: Mapping[str, type]) -> None:
        self._classes = classes

    def __getitem__(self, cls: type) -> str:
        if "<locals>" in cls.__qualname__:
            raise KeyError(cls)  # it has a word of its own
        name = self._name_of(cls)
        if name in self._classes:
            return name
        raise Unfit(
            "its class is in no type hint of this workflow's steps, so a journal with it could not be read again: "
            "name it in the hint of the step's result"
        )

    def _name_of(self, cls: type) -> str:
        try:
            return super().__getitem__(cls)
        except KeyError:
            return class_name(cls)


def classes_of(functions: Iterable[Callable[..., object]]) -> dict[str, type]:
    """Every class that values of these functions' type hints may consist of, by each of its names."""
    found = dict(_named(PlanProblem))  # what a step that makes plans is given, whatever it says of it
    for function in dict.fromkeys(functions):
        found.update(_named(function))
    return found


class _Looked(NamedTuple):
    """What was found behind a function's hints, and the subclasses that each class had then: any may be returned."""

    named: dict[str, type]
    subclasses: list[tuple[type, list[type]]]

    @property
    def is_fresh(self) -> bool:
        return all(type.__subclasses__(cls) == known for cls, known in self.subclasses)


_looked: WeakKeyDictionary[object, _Looked] = WeakKeyDictionary()


def _named(source: Callable[..., object]) -> dict[str, type]:
    """The classes behind one function's hints, or one class, by each of their names. Resolving them takes a hundred
    times as long as seeing that nothing has changed, and every run asks."""
    known = _looked.get(source)
    if known is None or not known.is_fresh:
        hints = [source] if isinstance(source, type) else list(_hints_of(source))
        classes = [cls for hint in hints for cls in classes_in(hint).values()]
        names = ScriptNames()
        named = {class_name(cls): cls for cls in classes}
        named |= {names[cls]: cls for cls in classes if names.get(cls) is not None}
        known = _looked[source] = _Looked(named, [(cls, type.__subclasses__(cls)) for cls in classes])
    return known.named


def _hints_of(function: Callable[..., object]) -> Iterator[object]:
    annotations = getattr(function, "__annotations__", {})
    try:
        yield from get_type_hints(function, include_extras=True).values()
    except Exception:  # noqa: BLE001  # annotations are the user's code and may raise anything
        scope = getattr(function, "__globals__", {})
        for annotation in annotations.values():
            if not isinstance(annotation, str):
                yield annotation
            else:
                yield _resolved(annotation, scope)


def _resolved(annotation: str, scope: dict[str, object]) -> object:
    """One annotation where another does not resolve, such as a name imported for type checkers only."""
    carrier = type("Carrier", (), {"__annotations__": {"hint": annotation}})
    try:
        return get_type_hints(carrier, scope, include_extras=True)["hint"]
    except Exception:  # noqa: BLE001  # as above
        return None


def version_of(step: AnyStep) -> str:
    """The version of a step's code. Raises DefinitionError where there is no source to read it from."""
    version = step.version
    if version is None:
        raise DefinitionError(
            f"Step {step.name!r} has no source that could be read, so a journal cannot tell whether its code has "
            "changed.",
            mend="Define it in a file, or declare what stands for its code: @step(version='1').",
        )
    return version
