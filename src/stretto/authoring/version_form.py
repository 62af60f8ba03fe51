"""The canonical form of a piece of source: equal for what means the same, on every Python.

Its words are the names of Python's syntax nodes and of their fields; what is empty, says where a node stands, or is
for readers and type checkers only, is left out.
"""

from __future__ import annotations

import ast
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.authoring.version_scope import names_bound_in

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Text", "canonical"]

_UNSAID: Final = frozenset(("ctx", "kind", "simple", "returns", "type_comment", "type_params"))
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Text(NamedTuple):
    """A canonical form, and the names in it that its module has to explain; `plain` are those read as ``name.fn``."""

    form: str
    names: frozenset[str]
    plain: frozenset[str]


def canonical(node: ast.AST, *, bare: ast.AST | None = None, outside: frozenset[str] = frozenset()) -> Text:
    """Write a definition or a statement. The definition `bare` is written without its name and decorators, and
    names `outside` are known not to be the module's."""
    writer = _Writer(bare, outside)
    return Text(writer.write(node), frozenset(writer.names), frozenset(writer.plain))


class _Writer:
    def __init__(self, bare: ast.AST | None, outside: frozenset[str]) -> None:
        self.names: set[str] = set()
        self.plain: set[str] = set()
        self._bare = bare
        self._scopes: list[frozenset[str]] = [outside]
        self._in_class = False

    def write(self, value: object) -> str:
        if isinstance(value, list):
            return f"[{','.join(self.write(each) for each in value if not self._is_silent(each))}]"
        if not isinstance(value, ast.AST):
            return _constant(value)
        if isinstance(value, _FUNCTIONS):
            return self._function(value)
        if isinstance(value, ast.ClassDef):
            return self._class(value)
        if isinstance(value, _COMPREHENSIONS):
            return self._comprehension(value)
        if isinstance(value, ast.JoinedStr):
            return self._joined(value)
        if isinstance(value, ast.AnnAssign) and not self._in_class:
            return self._assignment(value)
        self._note(value)
        return f"arg({value.arg})" if isinstance(value, ast.arg) else self._node(value)

    def _is_silent(self, node: object) -> bool:
        is_hint = isinstance(node, ast.AnnAssign) and node.value is None
        return _does_nothing(node) or (is_hint and not self._in_class)

    def _note(self, node: ast.AST) -> None:
        """Remember which names the module has to explain."""
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and self._is_outer(node.id):
            self.names.add(node.id)
        elif isinstance(node, ast.Attribute) and node.attr == "fn" and isinstance(node.value, ast.Name):
            self.plain |= {node.value.id} if self._is_outer(node.value.id) else set()

    def _is_outer(self, name: str) -> bool:
        return not any(name in scope for scope in self._scopes)

    def _node(self, node: ast.AST, *unsaid: str) -> str:
        parts = []
        for name, value in ast.iter_fields(node):
            if name in _UNSAID or name in unsaid or value is None:
                continue
            written = self.write(value)
            if written != "[]":
                parts.append(f"{name}={written}")
        return f"{type(node).__name__}({','.join(parts)})"

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> str:
        # Decorators and defaults run outside, where names may be others.
        head = self._node(node.args) if node is self._bare else self._node(node, "body")
        with self._inside(names_bound_in(node), in_class=False):
            body = self.write(node.body)
        return f"{type(node).__name__}{{{head},{body}}}"

    def _class(self, node: ast.ClassDef) -> str:
        head = self._node(node, "body")
        with self._inside(frozenset(), in_class=True):  # its names are none of its functions'
            return f"Class{{{head},{self.write(node.body)}}}"

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> str:
        self.write(node.generators[0].iter)  # runs outside, where its names may be others
        with self._inside(names_bound_in(node), in_class=False):
            return self._node(node)

    @contextmanager
    def _inside(self, names: frozenset[str], *, in_class: bool) -> Iterator[None]:
        before = self._in_class
        self._in_class = in_class
        self._scopes.append(names)
        yield
        self._scopes.pop()
        self._in_class = before

    def _assignment(self, node: ast.AnnAssign) -> str:
        """What runs of ``x: int = 3``. In a class the annotation runs, too: dataclasses and models read it."""
        return f"Assign(targets=[{self.write(node.target)}],value={self.write(node.value)})"

    def _joined(self, node: ast.JoinedStr) -> str:
        """Where the constant parts of an f-string are cut differs from Python to Python."""
        parts: list[str] = []
        text = ""
        for each in node.values:
            if isinstance(each, ast.Constant):
                text += str(each.value)
                continue
            parts += [_constant(text), self.write(each)]
            text = ""
        return f"Joined({','.join([*parts, _constant(text)])})"


def _does_nothing(node: object) -> bool:
    """Docstrings, ``pass`` and ``...``."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _constant(value: object) -> str:
    if type(value) is int:
        return hex(value)  # Python refuses to write long numbers in decimal
    return ascii(value)  # which characters `repr` spells out depends on Python's own Unicode tables
