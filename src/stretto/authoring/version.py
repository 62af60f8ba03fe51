"""The version of a step's code: a hash of what it says, not of how it is written down.

It covers the function and whatever it names in its own module, transitively: functions, classes, constants. What
comes from other modules counts by its name alone, so for that, for prompt files and for state `version=` speaks.
"""

from __future__ import annotations

import ast
import os
from contextlib import suppress
from functools import lru_cache
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from stretto.authoring.version_form import Text, canonical
from stretto.authoring.version_source import Module, Place
from stretto.core.values import canonical as value_text
from stretto.errors import ValueEncodingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


__all__ = ["version_of"]

_DIGITS: Final = 32
_PACKAGE: Final = __name__.partition(".")[0]
_OURS: Final = (
    f"={_PACKAGE}"  # glue of our own keeps its meaning for ever: a release changes nobody's version
)

_known: WeakKeyDictionary[FunctionType, dict[tuple[str, ...], str | None]] = WeakKeyDictionary()
"""By the outermost function and the names of what stands around it that is none, such as `functools.cache`."""


def version_of(fn: Callable[..., object], declared: str | None) -> str | None:
    """``=`` and the declared version, else ``h`` and 32 hexadecimal digits: SHA-256 of the canonical form.

    Comments, formatting, docstrings, annotations of functions (but for the module's own classes in them), the
    function's own name, and decorators of ours make no difference; nor does the Python it runs on. None where there is
    no source: typed in, made by `exec`, written in C, or a callable that is no function. A function is looked at once:
    a file that changes later changes nothing.
    """
    if declared is not None:
        return f"={declared}"
    layers = list(_layers(fn))
    inner = layers[-1]
    if not isinstance(inner, FunctionType):
        return None
    first = next(layer for layer in layers if isinstance(layer, FunctionType))
    bound = _state_of(fn)
    around = (*map(_name_of, layers[: layers.index(first)]), bound)
    known = _known.setdefault(first, {})
    if around not in known:
        known[around] = _version(layers, inner, bound)
    return known[around]


def _layers(fn: object) -> Iterator[object]:
    """A function, and what it wraps, from the outermost to the innermost."""
    seen: set[int] = set()
    while fn is not None and id(fn) not in seen:
        seen.add(id(fn))
        plain = fn.__func__ if isinstance(fn, MethodType) else fn
        yield plain
        fn = getattr(plain, "__wrapped__", None)


def _state_of(fn: object) -> str:
    """The plain attributes of the object that a method is bound to; others, such as clients, count for nothing."""
    owner = fn.__self__ if isinstance(fn, MethodType) else None
    told: list[str] = []
    for name, value in sorted(getattr(owner, "__dict__", {}).items()) if not isinstance(owner, type) else ():
        with suppress(ValueEncodingError):
            told.append(f"{name} is {value_text(value)}")
    return "\n".join(told)


def _version(layers: list[object], inner: FunctionType, bound: str) -> str | None:
    if _is_ours(inner):
        return _OURS
    try:
        parts = [*_parts(layers, inner), *([bound] if bound else ())]
    except (LookupError, OSError, ImportError, SyntaxError, ValueError, RecursionError, SystemError):
        # SystemError: some Pythons cannot parse while a finalizer prints a traceback (CPython issue 106905).
        return None
    from hashlib import sha256  # OpenSSL's binding takes milliseconds to load, and only journals ask

    return "h" + sha256("\n".join(parts).encode()).hexdigest()[:_DIGITS]


def _parts(layers: list[object], inner: FunctionType) -> Iterator[str]:
    """The canonical texts of all functions that a call runs through. Raises LookupError without a source."""
    waiting: list[FunctionType] = []
    for layer in layers:
        if isinstance(layer, FunctionType) and layer.__code__.co_filename == inner.__code__.co_filename:
            waiting.append(layer)
        else:
            yield f"wrapper {_name_of(layer)}"
    for function in waiting:  # grows meanwhile
        yield from _text_of(function)
        # A decorator without functools.wraps, or a factory, keeps what it was given in a cell alone.
        waiting += [held for held in _held_by(function) if held not in waiting]


def _name_of(layer: object) -> str:
    named = layer if isinstance(layer, FunctionType) else type(layer)
    return f"{named.__module__}:{named.__qualname__}"


def _held_by(function: FunctionType) -> Iterator[FunctionType]:
    for cell in function.__closure__ or ():
        try:
            content: object = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
        if isinstance(content, FunctionType) and not _is_ours(content):
            yield content


def _text_of(function: FunctionType) -> Iterator[str]:
    module = _module_of(function)
    place = module.find(function.__code__)
    free = frozenset(function.__code__.co_freevars)
    texts = [canonical(place.node, bare=place.node, outside=free)]
    texts += _decorators_of(place, function.__globals__)
    texts += _hinted_by(place, function)
    yield from _constants_in(function)
    if place.outer is not None and (free or place.in_class):
        # What it closes over, or `self` has, is made there.
        texts.append(canonical(place.outer, bare=place.node))
    yield from (text.form for text in texts)
    yield from _named(module, place, texts, function.__globals__)


def _decorators_of(place: Place, known: dict[str, object]) -> Iterator[Text]:
    """What others' decorators are given; our own say how a step runs, not what it gives."""
    for decorator in getattr(place.node, "decorator_list", ()):
        root = _root_of(decorator)
        if root is None or not _is_of_ours(known.get(root)):
            yield canonical(decorator)


def _root_of(node: ast.AST) -> str | None:
    while isinstance(node, (ast.Call, ast.Attribute)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def _is_of_ours(value: object) -> bool:
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or ""
    return _is_declared(value) or str(name).partition(".")[0] == _PACKAGE


def _hinted_by(place: Place, function: FunctionType) -> Iterator[Text]:
    """The module's own classes among the hints of parameters: their methods may be called without being named."""
    hints = [
        each.annotation for each in ast.walk(place.node.args) if isinstance(each, ast.arg) and each.annotation
    ]
    named = {each.id for hint in hints for each in ast.walk(_unquoted(hint)) if isinstance(each, ast.Name)}
    known = (function.__globals__.get(name) for name in named)
    own = {
        each.__name__ for each in known if isinstance(each, type) and each.__module__ == function.__module__
    }
    if own:
        yield Text("", frozenset(own), frozenset())


def _unquoted(hint: ast.expr) -> ast.expr:
    if isinstance(hint, ast.Constant) and isinstance(hint.value, str):
        with suppress(SyntaxError):
            return ast.parse(hint.value, mode="eval").body
    return hint


def _constants_in(function: FunctionType) -> Iterator[str]:
    """Plain values that a factory has put into the function's cells."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        with suppress(ValueError, ValueEncodingError):  # not assigned yet; no plain value
            content: object = cell.cell_contents
            if not callable(content):
                yield f"{name} is {value_text(content)}"


def _named(module: Module, place: Place, texts: list[Text], known: dict[str, object]) -> Iterator[str]:
    """The canonical texts of what these texts name in the module, each once, in order of the names."""
    reached: dict[str, list[Text]] = {}
    waiting = list(texts)
    while waiting:
        text = waiting.pop()
        steps = {name for name in text.names if _is_declared(known.get(name))}
        for name in (text.names - steps) | text.plain:
            if name not in reached:
                reached[name] = module.texts(name, besides=place, is_bare=_is_declared(known.get(name)))
                waiting += reached[name]
    for name in sorted(reached):
        yield from (f"{name} = {text.form}" for text in reached[name])


def _is_declared(value: object) -> bool:
    """Whether it is a step or a workflow: one that is only named runs by itself, under a version of its own."""
    return callable(value) and _is_ours(type(value))


def _is_ours(named: FunctionType | type) -> bool:
    return (named.__module__ or "").partition(".")[0] == _PACKAGE


def _module_of(function: FunctionType) -> Module:
    """The source it was made from. Raises LookupError, OSError or ImportError where there is none."""
    file = function.__code__.co_filename
    if file.startswith("<"):  # typed in or made by `exec`; Pythons differ in whether they keep the text
        raise LookupError(file)
    if os.path.isfile(file):  # noqa: PTH113  # pathlib takes 4 ms to import
        status = os.stat(file)  # noqa: PTH116  # as above
        return _read(file, status.st_mtime_ns, status.st_size)
    loader = function.__globals__.get("__loader__")  # of a zip file, say
    source = getattr(loader, "get_source", lambda _: None)(function.__module__)
    if source is None:
        raise LookupError(file)
    return _parsed(str(source))


@lru_cache(maxsize=256)
def _read(file: str, _changed: int, _size: int) -> Module:
    with open(file, "rb") as stream:  # noqa: PTH123  # as above
        return Module(ast.parse(stream.read()))  # from bytes: the file names its own encoding


@lru_cache(maxsize=64)
def _parsed(source: str) -> Module:
    return Module(ast.parse(source))
