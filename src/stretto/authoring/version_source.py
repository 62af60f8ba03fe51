"""A module's source: where its functions stand, and what its top level binds each name to."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.authoring.version_form import Text, canonical

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

__all__ = ["Module", "Place"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_COMPOUND: Final = ("body", "orelse", "finalbody", "handlers", "cases")
_STAR: Final = "*"


class Place(NamedTuple):
    """A function, the outermost definition around it, and whether a class stands around it."""

    node: _Function
    outer: ast.AST | None
    in_class: bool


class Module:
    """A parsed module."""

    def __init__(self, tree: ast.Module) -> None:
        self._places: dict[tuple[str, int], list[Place]] = {}
        self._bound: dict[str, list[ast.AST]] = {}
        self._texts: dict[tuple[int, bool], Text] = {}
        for place in _places_in(tree):
            self._places.setdefault(_key_of(place.node), []).append(place)
        for statement in _top_level(tree):
            for name, node in _bound_by(statement):
                self._bound.setdefault(name, []).append(node)
        for statement in _top_level(tree):
            for name in _fed_by(statement):
                if any(not isinstance(node, ast.Constant) for node in self._bound.get(name, ())):  # no import
                    self._bound[name].append(statement)

    def find(self, code: CodeType) -> Place:
        """The function this code was made from. Raises LookupError where the file tells of none, or of several."""
        found = self._places.get((code.co_name, code.co_firstlineno), [])
        if len(found) > 1:
            found = [place for place in found if _surrounds(place.node, code)]
        if len(found) != 1:
            raise LookupError(code.co_name)
        return found[0]

    def texts(self, name: str, *, besides: Place, is_bare: bool) -> list[Text]:
        """The canonical texts of all that binds `name`, `besides` what is written already; of a name nobody binds,
        those of the star imports it may come from. `is_bare` leaves out a definition's decorators."""
        nodes = self._bound.get(name) or self._bound.get(_STAR, [])
        return [self._text(node, is_bare) for node in nodes if node is not besides.node]

    def _text(self, node: ast.AST, is_bare: bool) -> Text:
        key = id(node), is_bare
        if key not in self._texts:
            self._texts[key] = canonical(node, bare=node if is_bare else None)
        return self._texts[key]


def _places_in(tree: ast.Module) -> Iterator[Place]:
    waiting: list[tuple[ast.AST, ast.AST | None, bool]] = [(tree, None, False)]
    while waiting:
        node, outer, in_class = waiting.pop()
        if isinstance(node, _Function):
            yield Place(node, outer, in_class)
        if isinstance(node, _Function | ast.ClassDef):
            outer = outer or node
            in_class = in_class or isinstance(node, ast.ClassDef)
        waiting += [(child, outer, in_class) for child in ast.iter_child_nodes(node)]


def _key_of(node: _Function) -> tuple[str, int]:
    """The name and the first line that Python gives the function's code: decorators belong to it."""
    if isinstance(node, ast.Lambda):
        return "<lambda>", node.lineno
    return node.name, min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _surrounds(node: _Function, code: CodeType) -> bool:
    """Whether all of the code's instructions stand inside the node: two lambdas may share a line."""
    start, end = (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
    placed = [(line, column) for line, _, column, _ in code.co_positions() if line and column]
    return bool(placed) and all(start <= each <= end for each in placed)


def _top_level(tree: ast.AST) -> Iterator[ast.AST]:
    """The statements that may bind a module's names, those in `if`, `try`, `with`, `for` and `match` included."""
    for field in _COMPOUND:
        for node in getattr(tree, field, ()):
            yield node
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield from _top_level(node)


def _bound_by(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The names that a statement binds or changes, and what is to be written of it."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name, node
    elif isinstance(node, ast.Assign):
        yield from ((name, node) for target in node.targets for name in _roots(target))
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        if node.value is not None:
            yield from ((name, node) for name in _roots(node.target))
    elif isinstance(node, ast.For):
        yield from _as_assigned(node.target, node.iter)
    elif isinstance(node, ast.With):
        for item in node.items:
            if item.optional_vars is not None:
                yield from _as_assigned(item.optional_vars, item.context_expr)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from _imported(node)
    elif isinstance(node, (ast.If, ast.While, ast.Expr)):
        tested = node.value if isinstance(node, ast.Expr) else node.test
        yield from ((each.target.id, each) for each in ast.walk(tested) if isinstance(each, ast.NamedExpr))


def _fed_by(node: ast.AST) -> Iterator[str]:
    """The objects that a statement puts something into: ``TABLE.update(…)``, ``@handle.register``."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        fed = [node.value.func]
    else:
        fed = [getattr(each, "func", each) for each in getattr(node, "decorator_list", ())]
    for each in fed:
        if isinstance(each, ast.Attribute):
            yield from _roots(each)


def _roots(target: ast.expr) -> Iterator[str]:
    """``a`` of the targets ``a``, ``(a, b)``, ``a.b`` and ``a["b"]``."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            yield from _roots(part)
    elif isinstance(target, (ast.Attribute, ast.Subscript, ast.Starred)):
        yield from _roots(target.value)


def _as_assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    written = ast.Assign([target], value)
    yield from ((name, written) for name in _roots(target))


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, ast.AST]]:
    origin = "." * node.level + (node.module or "") + ":" if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        yield alias.asname or alias.name.partition(".")[0], ast.Constant(f"import {origin}{alias.name}")
