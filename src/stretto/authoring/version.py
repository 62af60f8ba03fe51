"""The version of a step's code: a hash of what it says, not of how it is written down.

It covers the function's syntax tree and everything of the same module that it names, transitively: functions,
classes, constants. Comments, formatting, docstrings, annotations and the step's own decorators don't count. What
lies beyond the module (other modules, prompt files) counts by its name alone: `version=` speaks for it.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["version_of"]

_DIGITS: Final = 32
_ANNOTATIONS: Final = ("annotation", "returns", "type_comment", "type_params", "type_ignores")
_POSITIONS: Final = ("lineno", "col_offset", "end_lineno", "end_col_offset", "ctx", "kind", "simple")

_Def = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


class _Module(NamedTuple):
    """A module's source: its tree, and what its top level binds each name to."""

    name: str
    tree: ast.Module
    bound: Mapping[str, tuple[ast.AST, ...]]


def version_of(
    fn: Callable[..., object], declared: str | None = None, *, is_body: bool = False
) -> str | None:
    """``=TEXT`` for a declared version, else ``h`` and 32 hexadecimal digits of SHA-256; None without a source.

    The same on every Python. With `is_body`, `fn` is a workflow's: the steps that it names don't count, since they
    have versions of their own.
    """
    if declared is not None:
        return f"={declared}"
    fn = inspect.unwrap(fn)
    fn = getattr(fn, "__func__", fn)
    code = getattr(fn, "__code__", None)
    if code is None:
        return None
    return _version(fn.__module__, code.co_filename, fn.__qualname__, code.co_firstlineno, is_body)


@lru_cache(maxsize=4096)
def _version(module: str, file: str, qualname: str, line: int, is_body: bool) -> str | None:
    found = _module(module, file)
    node = None if found is None else _definition(found.tree, qualname, line)
    if found is None or node is None:
        return None
    from hashlib import sha256  # see values/hashing.py

    return "h" + sha256(_Writer(found, is_body=is_body).text(node).encode()).hexdigest()[:_DIGITS]


@lru_cache(maxsize=256)
def _module(name: str, file: str) -> _Module | None:
    """The source as it was when the module was loaded, as far as Python still has it."""
    source = _source(name, file)
    try:
        tree = None if source is None else ast.parse(source)
    except (SyntaxError, ValueError):  # the file has changed since, into something else
        return None
    return None if tree is None else _Module(name, tree, _bindings(tree))


def _source(name: str, file: str) -> str | None:
    import linecache

    lines = linecache.getlines(file, getattr(sys.modules.get(name), "__dict__", None))
    return "".join(lines) or None


def _bindings(tree: ast.Module) -> dict[str, tuple[ast.AST, ...]]:
    """What each name of a module's top level is bound to: definitions, values of assignments, imports."""
    found: dict[str, tuple[ast.AST, ...]] = {}
    for node in _top_level(tree.body):
        for name, value in _bound_by(node):
            found[name] = (*found.get(name, ()), value)
    return found


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that bind names of the module, those in `if`, `try` and `with` included."""
    for node in body:
        yield node
        for field in ("body", "orelse", "finalbody"):
            if isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
                yield from _top_level(getattr(node, field, []))
        for handler in getattr(node, "handlers", []):
            yield from _top_level(handler.body)


def _bound_by(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name, node
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            for name in _names_in(target):
                yield name, node.value
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)) and isinstance(node.target, ast.Name):
        if node.value is not None:
            yield node.target.id, node.value
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        origin = getattr(node, "module", None) or ""
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            yield bound, ast.Constant(f"import {origin}:{alias.name}")


def _names_in(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id


def _definition(tree: ast.Module, qualname: str, line: int) -> _Def | None:
    """The definition of this qualified name that begins (with its decorators) at this line."""
    wanted = qualname.rpartition(".")[2]
    near = [node for node in ast.walk(tree) if isinstance(node, _Def) and _name_of(node) == wanted]
    at_line = [node for node in near if line in (node.lineno, _first_line(node))]
    if at_line:
        return at_line[0] if len(at_line) == 1 or wanted != "<lambda>" else None  # two lambdas in one line
    return near[0] if len(near) == 1 and wanted != "<lambda>" else None


def _name_of(node: _Def) -> str:
    return "<lambda>" if isinstance(node, ast.Lambda) else node.name


def _first_line(node: _Def) -> int:
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min([node.lineno, *(each.lineno for each in decorators)])


class _Writer:
    """Writes the tree of a definition and, once each, of what it names in its module."""

    def __init__(self, module: _Module, *, is_body: bool) -> None:
        self._module = module
        self._is_body = is_body
        self._names: set[str] = set()

    def text(self, node: _Def) -> str:
        parts = [self._of(node, is_step=True)]
        outer = _around(self._module.tree, node)
        if outer is not None:  # what a closure holds is made there
            parts.append(self._of(outer))
        written: set[str] = set()
        while missing := sorted(self._names - written):
            for name in missing:
                written.add(name)
                values = self._module.bound.get(name, ())
                parts += [
                    f"{name}={self._of(value)}"
                    for value in values
                    if value is not node and not (self._is_body and _is_declared(value))
                ]
        return "\n".join(parts)

    def _of(self, node: object, *, is_step: bool = False) -> str:
        if isinstance(node, list):
            return "[" + ",".join(self._of(each) for each in node) + "]"
        if not isinstance(node, ast.AST):
            return repr(node)
        if isinstance(node, ast.Name) and node.id in self._module.bound:
            self._names.add(node.id)
        if isinstance(node, ast.JoinedStr):
            return self._joined(node)
        fields = [
            f"{name}={self._of(value)}"
            for name, value in _fields(node)
            if not (is_step and name in ("decorator_list", "name"))
        ]
        return f"{type(node).__name__}({','.join(fields)})"

    def _joined(self, node: ast.JoinedStr) -> str:
        """An f-string: where its constant parts are cut differs from Python to Python."""
        parts: list[str] = []
        text = ""
        for each in node.values:
            if isinstance(each, ast.Constant):
                text += str(each.value)
                continue
            parts += [repr(text)] if text else []
            text = ""
            parts.append(self._of(each))
        return f"f[{','.join([*parts, repr(text)] if text else parts)}]"


def _fields(node: ast.AST) -> Iterator[tuple[str, object]]:
    """What a node says, without what is empty, says where it stands, or is for readers."""
    for name, value in ast.iter_fields(node):
        if name in _POSITIONS or name in _ANNOTATIONS or value is None or value == []:
            if not (isinstance(node, ast.Constant) and name == "value"):
                continue
        if name == "body" and isinstance(value, list) and isinstance(node, (*_DEFS, ast.Module)):
            value = _without_docstring(value)
        yield name, value


_DEFS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    is_text = (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
    return body[1:] if is_text else body


def _around(tree: ast.Module, node: _Def) -> ast.AST | None:
    """The outermost function a definition stands in; None at a module's or a class's top level."""
    for each in _top_level(tree.body):
        candidates = each.body if isinstance(each, ast.ClassDef) else [each]
        for outer in candidates:
            is_function = isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef))
            if is_function and outer is not node and any(inner is node for inner in ast.walk(outer)):
                return outer
    return None


def _is_declared(node: ast.AST) -> bool:
    """Whether a definition is decorated as a step or a workflow."""
    decorators = getattr(node, "decorator_list", [])
    called = [each.func if isinstance(each, ast.Call) else each for each in decorators]
    names = [each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in called]
    return "step" in names or "workflow" in names
