"""A Ref can be passed on and narrowed. Whatever else would need its value raises at once, where it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import load_body, refusal
from stretto.authoring.ref import Ref
from stretto.core.graph import Source
from stretto.errors import RefError

if TYPE_CHECKING:
    from pathlib import Path

BRANCH = "Branch inside a step"
LOOP = "some_step.map(ref)"
INSIDE = "Do it inside a step"

TRAPS = {
    "if": ("if ref: pass", "tested for truth", BRANCH),
    "if-else": ("y = 1 if ref else 2", "tested for truth", BRANCH),
    "while": ("while ref: pass", "tested for truth", BRANCH),
    "assert": ("assert ref", "tested for truth", BRANCH),
    "not": ("y = not ref", "tested for truth", BRANCH),
    "and": ("y = ref and x", "tested for truth", BRANCH),
    "or": ("y = ref or x", "tested for truth", BRANCH),
    "bool": ("bool(ref)", "tested for truth", BRANCH),
    "any": ("any([ref])", "tested for truth", BRANCH),
    "filter": ("list(filter(None, [ref]))", "tested for truth", BRANCH),
    "walrus": ("if (y := use(ref)): pass", "tested for truth", BRANCH),
    "comprehension condition": ("[1 for i in range(2) if ref]", "tested for truth", BRANCH),
    "for": ("for y in ref: pass", "iterated over", LOOP),
    "unpacking": ("a, b = ref", "iterated over", LOOP),
    "starred": ("a, *b = ref", "iterated over", LOOP),
    "list": ("list(ref)", "iterated over", LOOP),
    "display": ("y = [*ref]", "iterated over", LOOP),
    "arguments": ("join(*ref)", "iterated over", LOOP),
    "sum": ("sum(ref)", "iterated over", LOOP),
    "max": ("max(ref)", "iterated over", LOOP),
    "sorted": ("sorted(ref)", "iterated over", LOOP),
    "zip": ("zip([1], ref)", "iterated over", LOOP),
    "enumerate": ("enumerate(ref)", "iterated over", LOOP),
    "str.join": ('", ".join(ref)', "iterated over", LOOP),
    "comprehension": ("[use.named(str(i))(y) for i, y in enumerate(ref)]", "iterated over", LOOP),
    "next": ("next(ref)", "passed to next()", LOOP),
    "reversed": ("reversed(ref)", "reversed", LOOP),
    "len": ("len(ref)", "measured by len()", INSIDE),
    "item in ref": ("y = 1 in ref", "searched by `in`", INSIDE),
    "ref in list": ("y = operator.contains([1], ref)", "compared", BRANCH),
    "==": ("y = ref == 1", "compared", BRANCH),
    "reflected ==": ("y = 1 == ref", "compared", BRANCH),
    "!=": ("y = ref != None", "compared", BRANCH),
    "<": ("y = ref < 1", "compared", BRANCH),
    "reflected <": ("y = 1 < ref", "compared", BRANCH),
    "<=": ("y = ref <= 1", "compared", BRANCH),
    ">": ("y = ref > 1", "compared", BRANCH),
    ">=": ("y = ref >= 1", "compared", BRANCH),
    "field ==": ('y = ref.name == "x"', "compared", BRANCH),
    "two refs": ("y = ref == use(ref)", "compared", BRANCH),
    "min of two": ("min(ref, 3)", "compared", BRANCH),
    "f-string": ('y = f"{ref}"', "formatted", INSIDE),
    "f-string with format": ('y = f"{ref:>10}"', "formatted", INSIDE),
    "str.format": ('"{}".format(ref)', "formatted", INSIDE),
    "format": ('format(ref, "d")', "formatted", INSIDE),
    "str": ("str(ref)", "turned into text", INSIDE),
    "print": ("print(ref)", "turned into text", INSIDE),
    "percent": ('y = "%s" % ref', "turned into text", INSIDE),
    "bytes": ("bytes(ref)", "turned into bytes", INSIDE),
    "open": ("open(ref)", "used as a file's path", INSIDE),
    "os.path": ('os.path.join("a", ref)', "used as a file's path", INSIDE),
    "sum of list": ("sum([ref])", "used in arithmetic", INSIDE),
    "text plus": ('y = "a" + ref', "used in arithmetic", INSIDE),
    "list plus": ("y = [1] + ref", "used in arithmetic", INSIDE),
    "repeated list": ("y = [0] * ref", "used in arithmetic", INSIDE),
    "pow of three": ("pow(ref, 2, 3)", "used in arithmetic", INSIDE),
    "divmod": ("divmod(ref, 2)", "used in arithmetic", INSIDE),
    "reflected divmod": ("divmod(2, ref)", "used in arithmetic", INSIDE),
    "field in place": ("ref.count += 1", "used in arithmetic", INSIDE),
    "item in place": ('ref["n"] += 1', "used in arithmetic", INSIDE),
    "minus": ("y = -ref", "used as a number", INSIDE),
    "plus": ("y = +ref", "used as a number", INSIDE),
    "invert": ("y = ~ref", "used as a number", INSIDE),
    "abs": ("abs(ref)", "used as a number", INSIDE),
    "int": ("int(ref)", "used as a number", INSIDE),
    "float": ("float(ref)", "used as a number", INSIDE),
    "complex": ("complex(ref)", "used as a number", INSIDE),
    "round": ("round(ref)", "used as a number", INSIDE),
    "round to": ("round(ref, 2)", "used as a number", INSIDE),
    "trunc": ("math.trunc(ref)", "used as a number", INSIDE),
    "floor": ("math.floor(ref)", "used as a number", INSIDE),
    "ceil": ("math.ceil(ref)", "used as a number", INSIDE),
    "range": ("range(ref)", "used as a number", INSIDE),
    "index": ("y = [1, 2][ref]", "used as a number", INSIDE),
    "slice by ref": ("y = [1, 2][ref:]", "used as a number", INSIDE),
    "hash": ("hash(ref)", "put into a set or used as a dict key", "dict values"),
    "set": ("y = {ref}", "put into a set or used as a dict key", "dict values"),
    "frozenset": ("frozenset([ref])", "put into a set or used as a dict key", "dict values"),
    "dict key": ("y = {ref: 1}", "put into a set or used as a dict key", "dict values"),
    "dict lookup": ('y = {"a": 1}[ref]', "put into a set or used as a dict key", "dict values"),
    "dict.get": ('{"a": 1}.get(ref)', "put into a set or used as a dict key", "dict values"),
    "await": ("ref.__await__()", "awaited", "pass the Ref on"),
    "asyncio": ("(lambda: asyncio.run(waiting(ref)))()", "awaited", "pass the Ref on"),
    "async for": ("aiter(ref)", "iterated over (`async for`)", LOOP),
    "call": ("ref()", "called", "Call methods inside a step"),
    "method": ("ref.upper()", "called", "Call methods inside a step"),
    "method of an item": ('ref["text"].strip()', "called", "Call methods inside a step"),
    "append": ("ref.append(1)", "called", "Call methods inside a step"),
    "keyword arguments": ("join(**ref)", "called", "Call methods inside a step"),
    "merged dict": ("y = {**ref}", "called", "Call methods inside a step"),
    "dict": ("dict(ref)", "called", "Call methods inside a step"),
    "with": ("with ref: pass", "entered by `with`", INSIDE),
    "slice": ("y = ref[1:2]", "subscripted with slice", "slice inside a step"),
    "float key": ("y = ref[1.5]", "subscripted with float", "one key or index"),
    "tuple key": ("y = ref[1, 2]", "subscripted with tuple", "one key or index"),
    "None key": ("y = ref[None]", "subscripted with NoneType", "one key or index"),
    "Ref as key": ("y = ref[use(ref)]", "used as a key of another Ref", INSIDE),
    "setattr": ("ref.name = 1", "assigned to", "return the new value"),
    "delattr": ("del ref.name", "deleted from", "return the new value"),
    "setitem": ('ref["k"] = 1', "assigned to", "return the new value"),
    "delitem": ('del ref["k"]', "deleted from", "return the new value"),
    "slot": ("ref._index = 1", "assigned to", "return the new value"),
    "copy": ("copy.copy(ref)", "copied", "each gets its own copy"),
    "deepcopy": ("copy.deepcopy(ref)", "copied", "each gets its own copy"),
    "deepcopy inside": ("copy.deepcopy([ref])", "copied", "each gets its own copy"),
    "pickle": ("pickle.dumps(ref)", "pickled", "nothing outside the body"),
    "pickle inside": ('pickle.dumps({"a": [ref]})', "pickled", "nothing outside the body"),
}
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>")


@pytest.mark.parametrize("name", TRAPS)
def test_a_use_that_needs_the_value_is_refused_where_it_is_written(name: str, tmp_path: Path) -> None:
    """The error names the author's line, the Ref, what was done with it, and what to do instead."""
    code, use, mend = TRAPS[name]
    helper = "async def waiting(ref):\n    await ref"
    marked = f"{helper}  # here" if name == "asyncio" else helper
    body = f"ref = load(x)\n{code}" + ("" if name == "asyncio" else "  # here")
    error = refusal(tmp_path, body, marked)
    assert isinstance(error, RefError)
    assert "<Ref load" in str(error) or "<Ref use" in str(error)
    assert use in error.what
    assert mend in (error.mend or "")


@pytest.mark.parametrize("form", ["y = ref {} 2", "y = 2 {} ref", "ref {}= 2", "y = 2\ny {}= ref  # here"])
@pytest.mark.parametrize("sign", OPERATORS)
def test_every_operator_is_refused_on_either_side_and_in_place(sign: str, form: str, tmp_path: Path) -> None:
    """No operator of Python gives anything but the error of its line."""
    line = form.format(sign)
    error = refusal(tmp_path, f"ref = load(x)\n{line}" + ("" if "# here" in line else "  # here"))
    assert isinstance(error, RefError)
    assert "used in arithmetic" in error.what


@pytest.mark.parametrize("name", ["__aenter__", "__aexit__", "__exit__", "__fspath__", "__index__"])
def test_the_names_that_python_looks_up_are_traps_of_the_class(name: str) -> None:
    """Python takes special methods from the class: each trap stands there, none comes from `Source`."""
    assert name in vars(Ref)
    assert name not in vars(Source)


def test_a_field_and_a_key_of_a_ref_are_refs_of_the_same_step(tmp_path: Path) -> None:
    """`ref.a["k"][0]` is passed on as what it is: a place in the step's result."""
    module, _ = load_body(tmp_path, 'ref = load(x)\nreturn use(ref.a["k"][0][-1])')
    assert repr(module.flow.trace().graph.args[1][0]) == "<Ref load.a['k'][0][-1]>"


def test_a_narrowed_ref_gives_the_consumer_that_part(tmp_path: Path) -> None:
    """Keys are applied in the order they were written."""
    module, _ = load_body(tmp_path, 'ref = load(x)\nreturn use(ref["a"][1])')
    assert module.flow.run({"a": [1, 2]}).value == 2


def test_a_private_name_of_a_ref_is_an_attribute_error_with_its_line(tmp_path: Path) -> None:
    """Tools that look for protocols find none; an author is told which line asked for what."""
    module, place = load_body(tmp_path, "ref = load(x)\nref._secret  # here")
    with pytest.raises(AttributeError, match="no attribute '_secret'") as caught:
        module.flow.trace()
    assert place in "".join(caught.value.__notes__)


def test_a_ref_can_be_looked_at_while_debugging(tmp_path: Path) -> None:
    """`repr` names the step and the place in its result."""
    module, _ = load_body(tmp_path, "ref = load(x)\nassert repr(ref.a) == '<Ref load.a>'\nreturn ref")
    assert module.flow.run(3).value == 3
