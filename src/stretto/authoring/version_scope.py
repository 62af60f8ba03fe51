"""Which names a function or a comprehension binds for itself."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["names_bound_in"]

_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def names_bound_in(
    node: ast.FunctionDef
    | ast.AsyncFunctionDef
    | ast.Lambda
    | ast.ListComp
    | ast.SetComp
    | ast.DictComp
    | ast.GeneratorExp,
) -> frozenset[str]:
    """Its parameters or targets, and whatever its statements bind; not what it declares `global` or `nonlocal`."""
    if isinstance(node, _COMPREHENSIONS):
        targets = [each.target for each in node.generators]
        return frozenset(name for target in targets for name in _bound([target]))
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    bound = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
    bound.update(_bound(body))
    return frozenset(bound - set(_declared(body)))


def _bound(nodes: list[ast.expr] | list[ast.stmt]) -> Iterator[str]:
    """Names bound by these, without looking into scopes inside them; a `:=` binds outside a comprehension."""
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in nodes]
    while waiting:
        node, in_comprehension = waiting.pop()
        if isinstance(node, ast.NamedExpr):
            yield node.target.id
        elif not in_comprehension:
            yield from _bound_by(node)
        if isinstance(node, (*_DEFINITIONS, ast.Lambda)):
            continue
        inside = in_comprehension or isinstance(node, _COMPREHENSIONS)
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    elif isinstance(node, (*_DEFINITIONS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        if node.name is not None:
            yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest is not None:
        yield node.rest


def _declared(nodes: list[ast.expr] | list[ast.stmt]) -> Iterator[str]:
    waiting: list[ast.AST] = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names
        if not isinstance(node, (*_DEFINITIONS, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
