"""What Python cannot intercept is found in the body's source, for names that step calls alone assign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import load_body, load_file, refusal
from stretto.authoring.workflow import Definition
from stretto.errors import RefError

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = {
    "is None": ("ref = load(x)\nif ref is None: return 1  # here", "compared by `is`"),
    "is not None": ("ref = load(x)\ny = 1 if ref is not None else 2", "compared by `is`"),
    "None is": ("ref = load(x)\ny = None is ref", "compared by `is`"),
    "is in a chain": ("ref = load(x)\ny = x is x is ref", "compared by `is`"),
    "call is": ("y = load(x) is None", "compared by `is`"),
    "walrus is": ("y = (ref := load(x)) and 1\nz = ref is None  # here", "compared by `is`"),
    "annotated": ("ref: int = load(x)\ny = ref is None", "compared by `is`"),
    "unpacked pair": ("a, b = load(x), use(x)\ny = b is None", "compared by `is`"),
    "two targets": ("a = b = load(x)\ny = a is None", "compared by `is`"),
    "assigned twice": ("a = load(x)\na = use(a)\ny = a is None", "compared by `is`"),
    "in a comprehension": ("ref = load(x)\ny = [i for i in range(3) if ref is None]", "compared by `is`"),
    "in a nested function": (
        "def inner():\n    ref = load(x)\n    return ref is None  # here\nreturn inner()",
        "compared by `is`",
    ),
    "in a lambda": ("ref = load(x)\ny = lambda: ref is None", "compared by `is`"),
    "match": ("ref = load(x)\nmatch ref:  # here\n    case 1: pass", "the subject of `match`"),
    "match of a pair": ("ref = load(x)\nmatch (x, ref):  # here\n    case _: pass", "the subject of `match`"),
    "match of a call": ("match load(x):  # here\n    case _: pass", "the subject of `match`"),
    "isinstance": ("ref = load(x)\ny = isinstance(ref, Missing)", "passed to `isinstance()`"),
    "type": ("ref = load(x)\ny = type(ref)", "passed to `type()`"),
    "id": ("ref = load(x)\ny = id(ref)", "passed to `id()`"),
    "hasattr": ('ref = load(x)\ny = hasattr(ref, "a")', "passed to `hasattr()`"),
    "callable": ("ref = load(x)\ny = callable(ref)", "passed to `callable()`"),
    "repr": ("ref = load(x)\ny = repr(ref)", "passed to `repr()`"),
    "f-string by repr": ('ref = load(x)\ny = f"{ref!r}"', "formatted (f-string)"),
    "f-string that names": ('ref = load(x)\ny = f"{ref=}"', "formatted (f-string)"),
    "f-string of a list": ('ref = load(x)\ny = f"{[ref]}"', "formatted (f-string)"),
    "in nothing": ("ref = load(x)\ny = ref in []", "searched for by `in`"),
    "in itself": ("ref = load(x)\ny = ref in [ref]", "searched for by `in`"),
    "not in": ("ref = load(x)\ny = ref not in [1]", "searched for by `in`"),
    "try": (
        "try:  # here\n    ref = load(x)\nexcept ValueError:\n    return 1\nreturn ref",
        "called inside `try`",
    ),
    "try finally": ("try:  # here\n    ref = load(x)\nfinally:\n    pass", "called inside `try`"),
    "try star": ("try:  # here\n    ref = load(x)\nexcept* ValueError:\n    pass", "called inside `try`"),
    "try around a block": (
        'try:  # here\n    with group("g"):\n        load(x)\nexcept ValueError: pass',
        "called inside `try`",
    ),
    "named": ('ref = load.named("a")(x)\ny = ref is None', "compared by `is`"),
    "with options": ("ref = use.with_options()(x)\ny = ref is None", "compared by `is`"),
    "after": ("ref = use.after(load(x))(x)\ny = ref is None", "compared by `is`"),
    "map": ("ref = use.map([1])\ny = ref is None", "compared by `is`"),
    "chained": ('ref = use.named("a").after(load(x)).map([1])\ny = ref is None', "compared by `is`"),
    "attribute of a class": ("ref = Agents.ask(x)\ny = ref is None", "compared by `is`"),
    "attribute of an object": ("ref = agents.ask(x)\ny = ref is None", "compared by `is`"),
    "attribute of a module": ("ref = here.load(x)\ny = ref is None", "compared by `is`"),
}
AROUND = """
import types

here = types.ModuleType("steps_elsewhere")
here.load = load


class Agents:
    ask = use


agents = Agents()
"""


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_silently_mean_nothing_is_refused(name: str, tmp_path: Path) -> None:
    """The error names the line, the workflow, what was done with the result, and what to do instead."""
    body, use = REFUSED[name]
    error = refusal(tmp_path, body, AROUND)
    assert isinstance(error, RefError)
    assert error.what == f"In workflow 'flow' a step's result is {error.what.partition(' is ')[2]}"
    assert use in error.what
    assert error.mend


ALLOWED = {
    "plain input": "if x is None: return 0\nreturn load(x)",
    "match of an input": "match x:\n    case 1: y = 2\n    case _: y = 3\nreturn load(y)",
    "isinstance of an input": "return load(1 if isinstance(x, int) else 2)",
    "type of an input": "return load(type(x) is int)",
    "try around plain code": "try:\n    y = int(x)\nexcept ValueError:\n    y = 0\nreturn load(y)",
    "step behind try": "try:\n    y = int(x)\nexcept ValueError:\n    y = 0\nelse:\n    y = load(y)\nreturn use(y)",
    "in one branch only": "y = None\nif x: y = load(x)\nif y is None: return 0\nreturn y",
    "parameter filled up": "if x is None:\n    x = load(1)\nreturn use(x)",
    "reassigned": "y = load(x)\ny = 3\nreturn load.named('b')(y is None)",
    "loop variable": "y = load(x)\nfor y in [1]: pass\nreturn use(y is None)",
    "comprehension variable": "y = load(x)\nz = [y is None for y in [1]]\nreturn use(z)",
    "parameter of an inner function": (
        "y = load(x)\ndef inner(y):\n    return y is None\nreturn use([y, inner(1)])"
    ),
    "parameter of a lambda": "y = load(x)\nreturn use([y, (lambda y: y is None)(1)])",
    "what except binds": (
        "try:\n    int('a')\nexcept ValueError as y:\n    z = y is None\ny = load(x)\nreturn use([y, z])"
    ),
    "what a pattern binds": "match x:\n    case y: z = y is None\ny = load(z)\nreturn y",
    "a list of results": "ys = [load(x)]\nreturn join(*ys) if len(ys) == 1 and isinstance(ys, list) else 0",
    "a dict of results": "ys = {'a': load(x)}\nreturn use(ys) if 'a' in ys else 0",
    "a step is no result": "return load(x) if load is not use else 0",
    "a shadowed step": "load = len\nreturn use(load([1]) is None)",
    "no attribute of that name": "return use(len(agents.__class__.__name__) is None)",
    "own isinstance": "y = agents.isinstance(1)\nreturn use(y)",
    "f-string of an input": "return load(f'{x!r} {x=} {[x]}')",
    "in over inputs": "return load(x in [1])",
}
PLAIN_OBJECT = """
class Agents:
    def isinstance(self, value):
        return value


agents = Agents()
"""


@pytest.mark.parametrize("name", ALLOWED)
def test_ordinary_python_over_inputs_stays_free(name: str, tmp_path: Path) -> None:
    """Names that hold plain values, in any branch or scope, are not looked at."""
    module, _ = load_body(tmp_path, ALLOWED[name], PLAIN_OBJECT)
    module.flow.run()


def test_an_input_given_as_a_plain_value_goes_on_working_beside_a_step(tmp_path: Path) -> None:
    """A parameter that only a branch fills from a step is used both ways."""
    module, _ = load_body(tmp_path, ALLOWED["parameter filled up"])
    assert module.flow.run(None).value == 1
    assert module.flow.run(5).value == 5


def test_the_check_runs_no_code_of_the_author(tmp_path: Path) -> None:
    """A property in the body is read when the body runs, and only then."""
    before = """
    read = []

    class Agents:
        @property
        def ask(self):
            read.append(1)
            return use

    agents = Agents()
    """
    module, _ = load_body(tmp_path, "ref = agents.ask(x)\nreturn ref", before)
    module.flow.trace()
    assert module.read == [1]


def test_steps_reached_through_a_closure_are_known(tmp_path: Path) -> None:
    """A body inside a function sees the steps of that function."""
    code = """
def made():
    @step(inline=True)
    def local(x):
        return x

    @workflow
    def inner(x=1):
        ref = local(x)
        return ref is None  # here

    return inner
"""
    module, place = load_file(tmp_path, code)
    with pytest.raises(RefError, match="compared by `is`") as caught:
        module.made().trace()
    assert caught.value.where == place


def test_a_body_whose_closure_is_not_filled_yet_is_checked_all_the_same(tmp_path: Path) -> None:
    """A name without a meaning so far is no step."""
    before = """
    def made():
        @workflow
        def inner(x=1):
            y = load(x)
            return later(y)

        later = use
        return inner
    """
    module, _ = load_body(tmp_path, "return x", before)
    assert module.made().run(4).value == 4


def test_a_body_without_source_is_run_unchecked() -> None:
    """Code made by exec has no source to read; the Ref's own traps still hold."""
    space: dict[str, object] = {}
    exec("def flow(x):\n    return x is None", space)
    made = space["flow"]
    assert callable(made)
    assert Definition(made, name="flow").trace({"x": 1}).graph.output is False
