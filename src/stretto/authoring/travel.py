"""Which functions another process can find."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from stretto.authoring.place import function_place
from stretto.errors import DefinitionError
from stretto.ports import Address

if TYPE_CHECKING:
    from stretto.authoring.step import AnyStep

__all__ = ["address_of"]


def address_of(step: AnyStep) -> Address:
    """Where a worker process finds the step's function.

    Raises DefinitionError for functions it could not find, and for steps with live resources.
    """
    fn = step.fn
    if step.shape.resources:
        names = ", ".join(map(repr, step.shape.resources))
        raise _refusal(
            step,
            f"its resources ({names}) live in this process only",
            "Make the client inside the step, or run it on a thread.",
        )
    qualname = getattr(fn, "__qualname__", "")
    module_name = getattr(fn, "__module__", None) or ""
    if "<" in qualname or not qualname:
        raise _refusal(
            step,
            f"{qualname or repr(fn)} has no name that leads to it",
            "Make it a `def` at the top of a module.",
        )
    module = sys.modules.get(module_name)
    file = getattr(module, "__file__", None)
    if module is None or (module_name == "__main__" and file is None):
        raise _refusal(
            step, "it was typed in, or made by exec", "Put it into a file, and import or run that."
        )
    found: object = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if found is not fn and getattr(found, "fn", None) is not fn:
        raise _refusal(
            step,
            f"{module_name}.{qualname} is something else by now",
            "Give the step a name of its own at the top of its module.",
        )
    return Address(module_name, None if file is None else os.path.abspath(file), qualname)  # noqa: PTH100  # pathlib takes 4 ms to import


def _refusal(step: AnyStep, why: str, mend: str) -> DefinitionError:
    code = getattr(step.fn, "__code__", None)
    return DefinitionError(
        f"Step {step.spec.id!r} cannot run in a process of its own: {why}, and a worker process could not find it.",
        where=None if code is None else function_place(code),
        mend=mend,
    )
