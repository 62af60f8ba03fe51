"""`choose(…)` in a body: what it wires, and every misuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import load_body, refusal
from stretto import choose
from stretto.core.graph import Choice, Role
from stretto.errors import DefinitionError, DuplicatePathError, RefError

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = """
from stretto import choose

@step(inline=True)
def text(value: str) -> str:
    return value

def swallowing():
    try:
        with group("g"):
            load(1)
            raise KeyError
    except KeyError:
        return None
"""
LEAK = 'made = []\nchoose(load(x), {"a": lambda: made.append(use(x))})\n'
SIBLING = 'made = []\nchoose(load(x), {"a": lambda: made.append(use(x)), "b": lambda:'

MISUSES = {
    "no branches": ("choose(load(x), {})  # here", "choose 'choose' has no branches", "Give some."),
    "otherwise twice": (
        'choose(load(x), {"otherwise": lambda: None}, otherwise=lambda: None)  # here',
        "has a branch 'otherwise' and otherwise=",
        "Drop one of them.",
    ),
    "label of another kind": (
        "choose(load(x), {1.5: lambda: None})  # here",
        "a branch cannot be called 1.5",
        "texts, whole numbers, True, False or None",
    ),
    "label with a slash": ('choose(load(x), {"a/b": lambda: None})  # here', "A branch's label", "without /"),
    "empty label": ('choose(load(x), {"": lambda: None})  # here', "A branch's label", "short name"),
    "labels that are one text": (
        "choose(load(x), {1: lambda: 1, '1': lambda: 2})  # here",
        "the branches 1 and '1' would share the path '1'",
        "differ as texts",
    ),
    "branch is a value": (
        'choose(load(x), {"a": "text"})  # here',
        "branch 'a' is str, not a function",
        "Write `lambda:",
    ),
    "branch is wired already": (
        'choose(load(x), {"a": use(x)})  # here',
        "branch 'a' is Ref, not a function",
        "Write `lambda:",
    ),
    "name with a mark": (
        'choose(load(x), {"a": lambda: 1}, name="a#b")  # here',
        "The name of a choice",
        "#",
    ),
    "optional selector": (
        'choose(maybe(x), {"a": lambda: 1})  # here',
        "decided by an optional step",
        "Give that step a default=.",
    ),
    "two of a name": (
        'choose(load(x), {"a": lambda: 1})\nchoose(use(x), {"a": lambda: 1})  # here',
        "share the path 'choose'",
        "Name each use",
    ),
    "two steps of a name in a branch": (
        'choose(load(x), {"a": lambda: [use(1), use(2)]})  # here',
        "share the path 'a/use'",
        "Name each use",
    ),
    "leaked to a step": (f"{LEAK}use(made[0])  # here", "made inside a branch or a round", "Return it"),
    "leaked into a dict": (
        f'{LEAK}use({{"a": [made[0]]}})  # here',
        "made inside a branch or a round",
        "Return it",
    ),
    "leaked to a keyword": (f"{LEAK}use(value=made[0])  # here", "made inside a branch", "Return it"),
    "leaked to after": (f"{LEAK}use.after(made[0])(x)  # here", "made inside a branch", "Return it"),
    "leaked to a map": (f"{LEAK}use.map(made[0])  # here", "made inside a branch", "Return it"),
    "leaked to a selector": (
        f'{LEAK}choose(made[0], {{"a": lambda: 1}}, name="second")  # here',
        "made inside a branch",
        "Return it",
    ),
    "used by the next branch": (
        'made = []\nchoose(load(x), {"a": lambda: made.append(use(x)), "b": lambda: load(made[0])})  # here',
        "Step 'load', argument 'x', got <Ref a/use>, which was made inside a branch",
        "Return it",
    ),
    "used deep in the next branch": (
        f"{SIBLING} choose(x, {{1: lambda: load(made[0])}})}})  # here",
        "made inside a branch",
        "Return it",
    ),
    "given by the next branch": (
        'made = []\nchoose(load(x), {"a": lambda: made.append(use(x)), "b": lambda: [made[0]]})  # here',
        "branch 'b', result, got <Ref a/use>, which was made inside a branch",
        "Return it",
    ),
    "ordered by the next branch": (
        f"{SIBLING} load.after(made[0])(x)}})  # here",
        "made inside a branch",
        "Return it",
    ),
    "a live object as result": (
        'choose(load(x), {"a": lambda: object()})  # here',
        "branch 'a', result, got a value that cannot be journaled",
        "Pass plain data",
    ),
    "narrowed, though it may be Missing": (
        'choose(load(x), {"a": lambda: {"k": maybe(x)}})["k"]  # here',
        "may hand on `Missing`",
        "default=",
    ),
    "Missing for a step that takes none": (
        'text(choose(load(x), {"a": lambda: maybe(x), "b": lambda: 1}))  # here',
        "Step 'text' takes 'value' from 'choose', which is optional",
        "… | Missing",
    ),
    "Missing from around for a step in a branch": (
        'found = maybe(x)\nchoose(load(x), {"a": lambda: text(found)})  # here',
        "Step 'text' takes 'value' from 'maybe', which is optional",
        "… | Missing",
    ),
    "a block left open": (
        'choose(load(x), {"a": swallowing})  # here',
        "block of group 'g' did not come to its end",
        "let errors inside it pass",
    ),
}


@pytest.mark.parametrize("name", MISUSES)
def test_a_misused_choice_is_refused_where_it_is_written(name: str, tmp_path: Path) -> None:
    """The error names the line, what is wrong with it, and what to write instead."""
    body, what, mend = MISUSES[name]
    error = refusal(tmp_path, body, BEFORE)
    assert what in error.what
    assert mend in str(error)


def test_the_same_mistake_has_the_same_class(tmp_path: Path) -> None:
    """A leaked Ref is a Ref's error, a shared name a duplicate path."""
    assert isinstance(refusal(tmp_path, MISUSES["leaked to a step"][0], BEFORE), RefError)
    assert isinstance(refusal(tmp_path, MISUSES["used by the next branch"][0], BEFORE), RefError)
    assert isinstance(refusal(tmp_path, MISUSES["labels that are one text"][0], BEFORE), DuplicatePathError)
    assert isinstance(refusal(tmp_path, MISUSES["two of a name"][0], BEFORE), DuplicatePathError)


def test_a_choice_outside_a_body_is_refused() -> None:
    """There is no graph it could belong to."""
    with pytest.raises(
        DefinitionError, match="choose 'choose' was called outside a workflow's body"
    ) as caught:
        choose("a", {"a": lambda: 1})
    assert (caught.value.where or "").startswith("test_authoring_choose.py:")


def test_a_leaked_ref_that_is_returned_is_refused(tmp_path: Path) -> None:
    """What the workflow gives is outside the branch as well."""
    module, _ = load_body(tmp_path, f"{LEAK}return made[0]", BEFORE)
    with pytest.raises(RefError, match="return value, got <Ref a/use>, which was made inside a branch"):
        module.flow.trace()


def test_a_branchs_own_error_passes_as_it_is(tmp_path: Path) -> None:
    """The choice adds no error of its own to the author's, and the line is the branch's."""
    before = f"{BEFORE}\ndef broken():\n    raise KeyError('mine')  # here\n"
    module, place = load_body(tmp_path, 'choose(load(x), {"a": broken})', before)
    with pytest.raises(KeyError, match="mine") as caught:
        module.flow.trace()
    assert place in caught.value.__notes__[0]


def test_a_choice_is_one_anchor_that_waits_for_its_selector(tmp_path: Path) -> None:
    """Its branches are no part of the graph before one is chosen; they lie in one body, each in its part."""
    body = (
        'kind = load(x)\nreturn choose(kind, {"a": lambda: join(load(1), use(2)), "b": lambda: None}, '
        "otherwise=lambda: use(kind))"
    )
    module, _ = load_body(tmp_path, body, BEFORE)
    graph = module.flow.trace().graph
    assert [graph.path(index) for index in range(len(graph))] == ["load", "choose"]
    assert graph.specs[1].role is Role.CHOOSE
    assert graph.deps[1] == (0,)
    choice = graph.bodies[1]
    assert isinstance(choice, Choice)
    assert [node.name for node in choice.body.nodes] == ["a/load", "a/use", "a/join", "otherwise/use"]
    assert choice.parts == {"a": range(3), "b": range(3, 3), "otherwise": range(3, 4)}
    assert choice.outputs["b"] is None
    assert choice.otherwise == "otherwise"


def test_without_otherwise_there_is_no_last_resort(tmp_path: Path) -> None:
    """A branch that happens to be called so is a branch like any other."""
    module, _ = load_body(tmp_path, 'return choose(load(x), {"otherwise": lambda: 1})', BEFORE)
    choice = module.flow.trace().graph.bodies[1]
    assert isinstance(choice, Choice)
    assert choice.otherwise is None


def test_a_captured_step_is_waited_for_by_the_branch_alone(tmp_path: Path) -> None:
    """The choice itself is decided without it."""
    module, _ = load_body(
        tmp_path, 'slow = use(x)\nreturn choose(load(x), {"a": lambda: join(slow)})', BEFORE
    )
    graph = module.flow.trace().graph
    anchor = graph.index_of("choose")
    assert anchor is not None
    assert graph.deps[anchor] == (graph.index_of("load"),)
    choice = graph.bodies[anchor]
    assert isinstance(choice, Choice)
    assert choice.body.nodes[0].deps == (graph.index_of("use"),)


def test_a_selector_may_be_a_field_or_a_plain_value(tmp_path: Path) -> None:
    """A field is taken from the step that makes it; a plain value needs no step at all."""
    body = (
        'by_field = choose(load(x)["kind"], {"a": lambda: "A"})\n'
        'return [by_field, choose("b", {"b": lambda: "B"}, name="plain")]'
    )
    module, _ = load_body(tmp_path, body, BEFORE)
    assert module.flow.run({"kind": "a"}).value == ["A", "B"]


def test_every_use_of_a_step_in_its_own_branch_keeps_its_name(tmp_path: Path) -> None:
    """Branches are scopes: the same step in two of them needs no second name."""
    module, _ = load_body(
        tmp_path, 'return choose(load(x), {1: lambda: use("one"), 2: lambda: use("two")})', BEFORE
    )
    assert module.flow.run(1).value == "one"
    assert module.flow.run(2).value == "two"


def test_a_consumer_that_admits_missing_may_take_a_choice_that_may_hand_it_on(tmp_path: Path) -> None:
    """It gets `Missing` where the chosen branch's optional step was lost."""
    body = 'return use(choose(load(x), {"lost": lambda: maybe(x), "found": lambda: maybe(x)}))'
    module, _ = load_body(tmp_path, body, BEFORE)
    assert module.flow.run("found").value == "found"
    assert not module.flow.run("lost").value
    assert module.flow.run("lost").status == "partial"
