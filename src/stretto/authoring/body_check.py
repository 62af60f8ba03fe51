"""What Python cannot intercept at run time is found in the body's source: `is`, `match`, `isinstance`, `try`,
and what would succeed with a wrong answer, as ``f"{ref!r}"`` and ``ref in []`` would.

Only names that are always assigned from step calls are looked at, so ordinary Python over a workflow's inputs
stays free, and so does a name that holds a result in one branch and a plain value in another.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

from stretto.authoring.choose import choose
from stretto.authoring.expand import expand
from stretto.authoring.place import function_place
from stretto.authoring.repeat import repeat
from stretto.authoring.step import Step
from stretto.errors import RefError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["check_body"]

_IN_A_STEP = "Do it inside a step, where the value exists."
_LOOKING = ("isinstance", "issubclass", "type", "id", "callable", "hasattr", "repr", "ascii")
_BY_REPR = (ord("r"), ord("a"))


def check_body(fn: Callable[..., object], workflow: str) -> None:
    """Raise RefError at the first place where a Ref is used in a way that would silently mean nothing.

    A body without readable source (made by exec, or in a REPL) is not checked.
    """
    plain = inspect.unwrap(fn)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(plain)))
    except (OSError, TypeError, SyntaxError, SystemError):
        # SystemError: some Pythons cannot parse while a finalizer prints a traceback (CPython issue 106905).
        return
    body = tree.body[0]
    if isinstance(body, ast.FunctionDef) and isinstance(plain, FunctionType):
        _Checker(plain, workflow, body).check()


def _names_around(fn: FunctionType) -> dict[str, object]:
    """What names mean where the body was written."""
    known = dict(fn.__globals__)
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        try:
            known[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            known.pop(name, None)
    return known


class _Checker(ast.NodeVisitor):
    def __init__(self, fn: FunctionType, workflow: str, body: ast.FunctionDef) -> None:
        self._fn = fn
        self._workflow = workflow
        self._body = body
        self._known = _names_around(fn)
        stored = [node for node in ast.walk(body) if isinstance(node, ast.Name) and _is_stored(node)]
        for name in (*fn.__code__.co_varnames, *(node.id for node in stored)):
            self._known.pop(name, None)
        given = {id(target): target.id for target in self._targets()}
        others = {node.id for node in stored if id(node) not in given}
        self._refs = set(given.values()) - others - _names_bound_otherwise(body)

    def check(self) -> None:
        self.generic_visit(self._body)

    def _targets(self) -> Iterator[ast.Name]:
        """Names that get a step call: ``a = s(…)``, ``a, b = s(…), t(…)``, ``a: T = s(…)``, ``a := s(…)``."""
        for node in ast.walk(self._body):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    yield from self._paired(target, node.value)
            elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
                yield from self._paired(node.target, node.value)

    def _paired(self, target: ast.expr, value: ast.expr) -> Iterator[ast.Name]:
        if isinstance(target, ast.Name) and self._is_step_call(value):
            yield target
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for part, its_value in zip(target.elts, value.elts, strict=False):
                yield from self._paired(part, its_value)

    def _is_step_call(self, node: ast.expr) -> bool:
        """``s(…)``, ``s.map(…)``, ``s.named(…)(…)``, ``module.s.after(…)(…)``, ``choose(…)``."""
        if not isinstance(node, ast.Call):
            return False
        called = node.func
        while not _gives_refs(self._meaning(called)):
            if isinstance(called, ast.Call):
                called = called.func
            elif isinstance(called, ast.Attribute):
                called = called.value
            else:
                return False
        return True

    def _meaning(self, node: ast.expr) -> object:
        """What a plain or dotted name stands for; None for anything else."""
        if isinstance(node, ast.Name):
            return self._known.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self._meaning(node.value)
            if isinstance(owner, ModuleType):
                return getattr(owner, node.attr, None)
            return inspect.getattr_static(owner, node.attr, None)  # runs no property of the author's
        return None

    def _is_ref(self, node: ast.expr) -> bool:
        return (isinstance(node, ast.Name) and node.id in self._refs) or self._is_step_call(node)

    def _holds_ref(self, node: ast.expr) -> bool:
        """A Ref, or a list, tuple or set written around one."""
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return any(map(self._holds_ref, node.elts))
        return self._is_ref(node)

    # The names below are the visitor's own spelling.

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        if any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops) and any(map(self._is_ref, sides)):
            mend = "An optional step's `Missing` is handled in the step that gets it."
            self._refuse(node, "compared by `is`", mend)
        searched = zip(sides, node.ops, strict=False)
        if any(isinstance(op, (ast.In, ast.NotIn)) and self._is_ref(side) for side, op in searched):
            self._refuse(node, "searched for by `in`", _IN_A_STEP)
        self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        if self._is_ref(node.value) and node.conversion not in _BY_REPR:
            return  # the Ref itself refuses
        if self._holds_ref(node.value):
            self._refuse(node, "formatted (f-string)", _IN_A_STEP)
        self.generic_visit(node)

    def visit_Match(self, node: ast.Match) -> None:
        if self._holds_ref(node.subject):
            self._refuse(node, "the subject of `match`", _IN_A_STEP)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in _LOOKING and any(map(self._is_ref, node.args)):
            self._refuse(node, f"passed to `{name}()`", _IN_A_STEP)
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        for inner in ast.walk(ast.Module(body=node.body, type_ignores=[])):
            if isinstance(inner, ast.expr) and self._is_step_call(inner):
                self._refuse(
                    node,
                    "called inside `try`, which sees no step's failure: the body only wires steps together",
                    "Use optional=True with a default=, or retry=.",
                )
        self.generic_visit(node)

    visit_TryStar = visit_Try  # noqa: N815  # the visitor's own spelling

    def _refuse(self, node: ast.stmt | ast.expr, use: str, mend: str) -> None:
        code = self._fn.__code__
        where = function_place(code, code.co_firstlineno + node.lineno - 1)
        raise RefError(f"In workflow {self._workflow!r} a step's result is {use}.", where=where, mend=mend)


def _gives_refs(meaning: object) -> bool:
    """A step, a construct, or a workflow, which can be a step of others."""
    if isinstance(meaning, Step) or any(meaning is construct for construct in (choose, expand, repeat)):
        return True
    return inspect.getattr_static(type(meaning), "as_step", None) is not None


def _names_bound_otherwise(body: ast.FunctionDef) -> set[str]:
    """Names that something else than an assignment may bind: parameters, imports, patterns, `except`."""
    found: set[str] = set()
    for node in ast.walk(body):
        if isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, (ast.MatchAs, ast.MatchStar, ast.ExceptHandler, ast.FunctionDef, ast.ClassDef)):
            found.add(node.name or "")
    return found


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)
