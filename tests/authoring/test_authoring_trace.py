"""Tracing a body: paths, arguments as templates, and Refs that mean nothing here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import load_body, refusal
from stretto.errors import DefinitionError, DuplicatePathError, RefError

if TYPE_CHECKING:
    from pathlib import Path

DUPLICATES = {
    "two uses": "load(x)\nload(x)  # here",
    "two uses of one name": 'load.named("a")(x)\nuse.named("a")(x)  # here',
    "a use and a name": 'load.named("use")(x)\nuse(x)  # here',
    "map and use": "load.map([1])\nload(x)  # here",
    "use and map": "load(x)\nload.map([1])  # here",
    "two maps": "load.map([1])\nload.map([2])  # here",
    "in a loop": "for i in range(3):\n    load(i)  # here",
    "in a comprehension": "ys = [load(i) for i in range(3)]  # here",
    "through a helper": "helper(x)\nhelper(x)",
    "two ids": "load(x)\nsecond(x)  # here",
}
BEFORE = """
def helper(x):
    return {call}

@step(inline=True, id="load")
def second(x):
    return x

@dataclasses.dataclass
class Holder:
    part: object

@dataclasses.dataclass(frozen=True)
class Frozen:
    part: object

class Pair(list): pass

def hold(part):
    import pydantic
    return pydantic.create_model("Model", part=(object, ...))(part=part)

def strict():
    import pydantic
    return pydantic.create_model("Model", part=(int, ...))

import collections
Named = collections.namedtuple("Named", "a b")
"""
HELPER = BEFORE.format(call="load(x)")


@pytest.mark.parametrize("name", DUPLICATES)
def test_two_uses_that_would_share_a_path_are_refused(name: str, tmp_path: Path) -> None:
    """The second one's line is named, and how to tell them apart."""
    before = BEFORE.format(call="load(x)  # here") if name == "through a helper" else HELPER
    error = refusal(tmp_path, DUPLICATES[name], before)
    assert isinstance(error, DuplicatePathError)
    assert "would share the path" in error.what
    assert ".named(" in (error.mend or "")
    assert ".map" in (error.mend or "")


def test_named_uses_live_side_by_side(tmp_path: Path) -> None:
    """Each use has its own path, and the same use again in the next run."""
    module, _ = load_body(tmp_path, 'ys = [load.named(f"part {i}")(i) for i in range(3)]\nreturn ys')
    for _ in range(2):
        result = module.flow.run()
        assert result.value == [0, 1, 2]
        assert list(result.steps) == ["part 0", "part 1", "part 2"]


INSIDE = {
    "dataclass": "use(Holder(load(x)))",
    "frozen dataclass": "use(Frozen(load(x)))",
    "dataclass in a list": "use([Holder(load(x))])",
    "pydantic model": "use(hold(load(x)))",
    "named tuple": "use(Named(load(x), 1))",
    "by keyword": "use(value=Holder(load(x)))",
    "map item": "use.map([Holder(load(x))])",
    "map argument": "join.map([1], a=Holder(load(x)))",
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_ref_inside_an_object_is_refused(name: str, tmp_path: Path) -> None:
    """Refs pass in list, tuple and dict; the object is built inside a step."""
    error = refusal(tmp_path, f"return {INSIDE[name]}", HELPER)
    assert isinstance(error, RefError)
    assert "got a Ref inside" in error.what
    assert "build the object inside a step" in (error.mend or "")


@pytest.mark.parametrize(
    "value",
    ["Pair([load(x)])", "collections.OrderedDict(a=load(x))", "collections.defaultdict(list, a=load(x))"],
)
def test_a_subclass_of_a_container_is_refused_with_or_without_a_ref(value: str, tmp_path: Path) -> None:
    """It would come back as something else; the error names the plain container to use."""
    error = refusal(tmp_path, f"return use({value})", HELPER)
    assert "cannot be journaled" in error.what
    assert "list(...)" in error.what or "dict(...)" in error.what


def test_a_ref_as_a_dict_key_is_refused_by_the_ref(tmp_path: Path) -> None:
    """It never comes to the step."""
    assert "dict key" in refusal(tmp_path, "use({load(x): 1})").what


def test_a_ref_in_a_validated_model_is_never_taken_for_a_value(tmp_path: Path) -> None:
    """The model's own refusal stays what it is, and the line is added."""
    module, place = load_body(tmp_path, "model = strict()\nreturn use(model(part=load(x)))  # here", HELPER)
    with pytest.raises(ValueError, match="<Ref load>") as caught:
        module.flow.trace()
    assert place in "".join(caught.value.__notes__)


UNFIT = {
    "object": "object()",
    "function": "lambda: 1",
    "class": "int",
    "generator": "(i for i in [1])",
    "file": "os",
    "exception": "ValueError(1)",
    "iterator": "iter([1])",
    "step": "load",
    "workflow": "flow",
    "resource marker": "from_engine()",
}


@pytest.mark.parametrize(
    "form", ["use({})", "use([{}])", "use(value={})", "join.map([1], a={})", "use.map([{}])"]
)
@pytest.mark.parametrize("name", UNFIT)
def test_a_literal_that_cannot_be_journaled_is_refused(name: str, form: str, tmp_path: Path) -> None:
    """The error names step, argument and type, and what to do with live objects."""
    error = refusal(tmp_path, "return " + form.format(UNFIT[name]))
    assert "cannot be journaled" in error.what
    assert "argument 'value'" in error.what or "argument 'a'" in error.what
    assert "from_engine()" in (error.mend or "")


def test_plain_arguments_are_taken_as_they_are_at_the_call(tmp_path: Path) -> None:
    """What the body changes afterwards is not what the step gets."""
    body = "xs = [1]\nfirst = use(xs)\nxs.append(2)\nreturn [first, use.named('later')(xs)]"
    module, _ = load_body(tmp_path, body)
    assert module.flow.run().value == [[1], [1, 2]]


LEAKS = {
    "argument": "use(kept[0])",
    "keyword": "use(value=kept[0])",
    "in a list": "use([kept[0]])",
    "projected": "use(kept[0].name)",
    "map": "use.map(kept[0])",
    "map item": "use.map([kept[0]])",
    "map argument": "join.map([1], a=kept[0])",
    "after": "use.after(kept[0])(x)",
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_ref_of_another_run_is_refused(name: str, tmp_path: Path) -> None:
    """A Ref that leaked through a closure means nothing to the next run of the same body."""
    body = f"if kept:\n    return {LEAKS[name]}  # here\nkept.append(load(x))\nreturn kept[0]"
    module, place = load_body(tmp_path, body, "kept = []")
    module.flow.trace()
    with pytest.raises(RefError, match="of another run") as caught:
        module.flow.trace()
    assert caught.value.where == place
    assert "as inputs" in (caught.value.mend or "")


def test_a_leaked_ref_cannot_be_returned(tmp_path: Path) -> None:
    """The return value is looked at like an argument."""
    module, _ = load_body(tmp_path, "if kept: return [kept[0]]\nkept.append(load(x))", "kept = []")
    module.flow.trace()
    with pytest.raises(RefError, match="return value, got <Ref load> of another run"):
        module.flow.trace()


def test_a_ref_cannot_be_an_input(tmp_path: Path) -> None:
    """Inputs are plain data."""
    body = "if kept: return use(x)\nkept.append(load(x))"
    module, _ = load_body(tmp_path, body, "kept = []")
    module.flow.trace()
    with pytest.raises(Exception, match="Input 'x' of workflow 'flow' cannot be journaled"):
        module.flow.run(module.kept[0])


def test_order_without_data(tmp_path: Path) -> None:
    """`.after` adds the edge and no argument."""
    module, _ = load_body(tmp_path, "first = load(x)\nreturn use.after(first)(5)")
    graph = module.flow.trace().graph
    assert tuple(graph.deps[1]) == (0,)
    assert graph.args[1] == (5,)


def test_each_upstream_is_named_once_and_in_order(tmp_path: Path) -> None:
    """However often and wherever a Ref is passed."""
    body = "a = load(x)\nb = use(x)\nreturn join(b, a, [a, b], k={'a': a})"
    module, _ = load_body(tmp_path, body)
    assert tuple(module.flow.trace().graph.deps[2]) == (0, 1)


def test_the_trace_ends_with_the_body(tmp_path: Path) -> None:
    """A failing body leaves no open trace behind: calling a step outside still raises."""
    module, _ = load_body(tmp_path, "load(x)\nraise KeyError(x)")
    with pytest.raises(KeyError):
        module.flow.trace()
    with pytest.raises(DefinitionError, match="outside a workflow's body"):
        module.load(1)
