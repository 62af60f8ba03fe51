"""`Ref`: the stand-in for a result that does not exist yet.

Passing a Ref to a step *is* the dependency. Everything else that would need the value raises at once, names
the line and says which construct to use instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from stretto.authoring.place import caller_place
from stretto.core.graph import Source
from stretto.errors import RefError

if TYPE_CHECKING:
    from stretto.authoring.trace import Trace

__all__ = ["Ref"]

_IN_A_STEP = "Do it inside a step, where the value exists; small glue is `@step(inline=True)`."
_BRANCH = "Branch inside a step, or over the workflow's plain inputs."
_LOOP = "To run a step for each item write `some_step.map(ref)`; to fold a list, write a step that takes it."


class Ref(Source):
    """A result that will exist: pass it on, or narrow it by ``ref.field`` and ``ref["key"]``."""

    __slots__ = ("_trace",)

    _trace: Trace

    def __init__(self, trace: Trace, index: int, projection: tuple[tuple[str, object], ...] = ()) -> None:
        # object.__setattr__ is slow and Ref traps plain assignment, so the slots' descriptors are used
        # directly.
        _set_index(self, index)
        _set_projection(self, projection)
        _set_trace(self, trace)

    def __repr__(self) -> str:
        steps = "".join(f".{key}" if how == "attr" else f"[{key!r}]" for how, key in self._projection)
        return f"<Ref {self._trace.path(self._index)}{steps}>"

    def __getattr__(self, name: str) -> Ref:
        if name.startswith("_"):
            raise AttributeError(f"A Ref has no attribute {name!r}; only public fields can be taken from it.")
        return self._narrowed("attr", name)

    def __getitem__(self, key: object) -> Ref:
        if isinstance(key, Source):
            self._trap("used as a key of another Ref", _IN_A_STEP)
        if not isinstance(key, (str, int)):
            self._trap(
                f"subscripted with {type(key).__name__}", "Take one key or index; slice inside a step."
            )
        return self._narrowed("item", key)

    def _narrowed(self, how: str, key: object) -> Ref:
        if self._trace.may_be_missing(self):
            self._trap(
                f"narrowed by {key!r}, although its step is optional and may hand on `Missing`",
                "Give the step a default=, or take the field inside a step that accepts `Missing`.",
            )
        return Ref(self._trace, self._index, (*self._projection, (how, key)))

    def _trap(self, use: str, mend: str) -> NoReturn:
        what = f"{self!r} was {use}, but its value does not exist until the run has reached it."
        raise RefError(what, where=caller_place(), mend=mend)


_set_index = Source.__dict__["_index"].__set__
_set_projection = Source.__dict__["_projection"].__set__
_set_trace = Ref.__dict__["_trace"].__set__


_TRAPS: dict[str, tuple[str, str]] = {
    "__bool__": ("tested for truth (`if`, `while`, `and`, `or`, `not`, `assert`)", _BRANCH),
    "__iter__": ("iterated over (`for`, unpacking, `list()`)", _LOOP),
    "__aiter__": ("iterated over (`async for`)", _LOOP),
    "__next__": ("passed to next()", _LOOP),
    "__reversed__": ("reversed", _LOOP),
    "__len__": ("measured by len()", _IN_A_STEP),
    "__contains__": ("searched by `in`", _IN_A_STEP),
    "__hash__": ("put into a set or used as a dict key", "Pass Refs in lists, tuples or as dict values."),
    "__call__": ("called", "Call methods inside a step, where the value exists."),
    "__await__": ("awaited", "Steps are not awaited in a workflow's body: pass the Ref on."),
    "__enter__": ("entered by `with`", _IN_A_STEP),
    "__exit__": ("entered by `with`", _IN_A_STEP),
    "__aenter__": ("entered by `async with`", _IN_A_STEP),
    "__aexit__": ("entered by `async with`", _IN_A_STEP),
    "__fspath__": ("used as a file's path", _IN_A_STEP),
    "__bytes__": ("turned into bytes", _IN_A_STEP),
    "__str__": ("turned into text (`str()`, f-string, `print`)", _IN_A_STEP),
    "__format__": ("formatted (f-string)", _IN_A_STEP),
    "__setattr__": ("assigned to", "A step's result is never changed from outside; return the new value."),
    "__delattr__": ("deleted from", "A step's result is never changed from outside; return the new value."),
    "__setitem__": ("assigned to", "A step's result is never changed from outside; return the new value."),
    "__delitem__": ("deleted from", "A step's result is never changed from outside; return the new value."),
    "__copy__": ("copied", "Pass the same Ref to as many steps as you like: each gets its own copy."),
    "__deepcopy__": ("copied", "Pass the same Ref to as many steps as you like: each gets its own copy."),
    "__reduce_ex__": ("pickled", "A Ref means nothing outside the body that made it."),
}
_COMPARED = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")
_ARITHMETIC = (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
)
_ALONE = (
    "neg",
    "pos",
    "abs",
    "invert",
    "int",
    "float",
    "complex",
    "index",
    "round",
    "trunc",
    "floor",
    "ceil",
)


def _set_trap(name: str, use: str, mend: str) -> None:
    def trap(self: Ref, *_: object, **__: object) -> NoReturn:
        self._trap(use, mend)

    trap.__name__ = name
    setattr(Ref, name, trap)


def _set_traps() -> None:
    for name, (use, mend) in _TRAPS.items():
        _set_trap(name, use, mend)
    for name in _COMPARED:
        _set_trap(name, "compared", _BRANCH)
    for name in (*_ARITHMETIC, "rshift", "divmod"):
        for prefix in ("", "r"):  # in place, as in `ref += 1`, Python falls back to these
            _set_trap(f"__{prefix}{name}__", "used in arithmetic", _IN_A_STEP)
    for name in _ALONE:
        _set_trap(f"__{name}__", "used as a number", _IN_A_STEP)


_set_traps()
