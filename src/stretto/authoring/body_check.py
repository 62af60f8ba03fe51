"""What Python cannot intercept at run time is found in the body's source: `is`, `match`, `isinstance`, `try`.

Only names assigned from step calls are looked at, so ordinary Python over a workflow's inputs stays free.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable

from stretto.authoring.place import function_place
from stretto.errors import RefError

__all__ = ["check_body"]

_IN_A_STEP = "Do it inside a step, where the value exists."


def check_body(fn: Callable[..., object], workflow: str) -> None:
    """Raise RefError at the first place where a Ref is used in a way that would silently mean nothing.

    A body without readable source (made by exec, or in a REPL) is not checked.
    """
    try:
        source = textwrap.dedent(inspect.getsource(fn))
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return
    body = tree.body[0]
    if isinstance(body, ast.FunctionDef):
        _Checker(fn, workflow, _step_names(fn)).visit_body(body)


def _step_names(fn: Callable[..., object]) -> frozenset[str]:
    """Names that mean steps where the body was written."""
    closure = inspect.getclosurevars(fn)
    known = {**closure.builtins, **closure.globals, **closure.nonlocals}
    return frozenset(name for name, value in known.items() if _is_step(value))


def _is_step(value: object) -> bool:
    return hasattr(type(value), "with_options") and hasattr(value, "spec")


class _Checker(ast.NodeVisitor):
    def __init__(self, fn: Callable[..., object], workflow: str, steps: frozenset[str]) -> None:
        self._fn = fn
        self._workflow = workflow
        self._steps = steps
        self._refs: set[str] = set()

    def visit_body(self, body: ast.FunctionDef) -> None:
        for node in ast.walk(body):
            if isinstance(node, ast.Assign) and self._is_step_call(node.value):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self._refs.add(target.id)
        self.generic_visit(body)

    def _is_step_call(self, node: ast.expr) -> bool:
        """``s(…)``, ``s.map(…)``, ``s.named(…)(…)``, ``s.after(…)(…)``."""
        if not isinstance(node, ast.Call):
            return False
        called = node.func
        while isinstance(called, (ast.Call, ast.Attribute)):
            called = called.func if isinstance(called, ast.Call) else called.value
        return isinstance(called, ast.Name) and called.id in self._steps

    def _is_ref(self, node: ast.expr) -> bool:
        return (isinstance(node, ast.Name) and node.id in self._refs) or self._is_step_call(node)

    def visit_Compare(self, node: ast.Compare) -> None:  # noqa: N802  # the visitor's own spelling
        sides = [node.left, *node.comparators]
        if any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops) and any(map(self._is_ref, sides)):
            self._refuse(node, "compared by `is`", "An optional step's `Missing` is handled in the step that gets it.")
        self.generic_visit(node)

    def visit_Match(self, node: ast.Match) -> None:  # noqa: N802  # the visitor's own spelling
        if self._is_ref(node.subject):
            self._refuse(node, "the subject of `match`", _IN_A_STEP)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:  # noqa: N802  # the visitor's own spelling
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in ("isinstance", "issubclass", "type", "id") and any(map(self._is_ref, node.args)):
            self._refuse(node, f"passed to `{name}()`", _IN_A_STEP)
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:  # noqa: N802  # the visitor's own spelling
        for inner in ast.walk(ast.Module(body=node.body, type_ignores=[])):
            if isinstance(inner, ast.expr) and self._is_step_call(inner):
                self._refuse(
                    node,
                    "called inside `try`, which sees no step's failure: the body only wires steps together",
                    "Use optional=True with a default=, or retry=.",
                )
        self.generic_visit(node)

    def _refuse(self, node: ast.stmt | ast.expr, use: str, mend: str) -> None:
        code = self._fn.__code__  # type: ignore[attr-defined]  # a plain function: its source was read
        where = function_place(code, code.co_firstlineno + node.lineno - 1)
        raise RefError(f"In workflow {self._workflow!r} a step's result is {use}.", where=where, mend=mend)
