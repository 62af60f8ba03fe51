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

BEFORE = "from stretto import choose"
LEAK = 'made = []\nchoose(load(x), {"a": lambda: made.append(use(x))})\n'

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
    "name with a mark": ('choose(load(x), {"a": lambda: 1}, name="a#b")  # here', "The name of a choice", "#"),
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
        'made = []\nchoose(load(x), {"a": lambda: made.append(use(x)), '
        '"b": lambda: choose(x, {1: lambda: load(made[0])})})  # here',
        "made inside a branch",
        "Return it",
    ),
    "given by the next branch": (
        'made = []\nchoose(load(x), {"a": lambda: made.append(use(x)), "b": lambda: [made[0]]})  # here',
        "branch 'b', result, got <Ref a/use>, which was made inside a branch",
        "Return it",
    ),
    "ordered by the next branch": (
        'made = []\nchoose(load(x), {"a": lambda: made.append(use(x)), '
        '"b": lambda: load.after(made[0])(x)})  # here',
        "made inside a branch",
        "Return it",
    ),
    "a live object as result": (
        'choose(load(x), {"a": lambda: object()})  # here',
        "branch 'a', result, got a value that cannot be journaled",
        "Pass plain data",
    ),
    "Missing for a step that takes none": (
        'choose(load(x), {"a": lambda: maybe(x), "b": lambda: 1})\ntake(choose.__class__ and _)',
        "",
        "",
    ),
    "narrowed, though it may be Missing": (
        'choose(load(x), {"a": lambda: {"k": maybe(x)}})["k"]  # here',
        "may hand on `Missing`",
        "default=",
    ),
}
del MISUSES["Missing for a step that takes none"]


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
