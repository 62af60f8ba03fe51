"""`repeat(…)` in a body: what it wires, and every misuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import load_body, refusal
from stretto import repeat
from stretto.core.graph import Loop, Role
from stretto.core.graph.source import STATE, framed
from stretto.errors import DefinitionError, DuplicatePathError, RefError

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = """
from functools import partial
from stretto import choose, repeat

@step(inline=True)
def more(n):
    return n + 1

@step(inline=True)
def enough(n):
    return n >= 3

@step(inline=True, optional=True)
def perhaps(n):
    return True

@step(inline=True, optional=True, default=True)
def surely(n):
    raise ValueError(n)

@step(inline=True)
def text(value: str) -> str:
    return value

def two(n):
    return more.named("second")(more(n))

def swallowing(n):
    try:
        with group("g"):
            load(1)
            raise KeyError
    except KeyError:
        return more(n)
"""
LEAK = (
    "made = []\n"
    "def body(n):\n    made.append(more(n))\n    return made[0]\n"
    "def keeping(n):\n    made.append(n)\n    return more(n)\n"
)
LOOP = "repeat({}, x, until=enough, max_rounds=3)"

MISUSES = {
    "max_rounds 0": ("repeat(more, x, until=enough, max_rounds=0)  # here", "max_rounds=0", "1 or more"),
    "max_rounds negative": (
        "repeat(more, x, until=enough, max_rounds=-1)  # here",
        "max_rounds=-1",
        "1 or more",
    ),
    "max_rounds a bool": (
        "repeat(more, x, until=enough, max_rounds=True)  # here",
        "max_rounds=True",
        "whole number",
    ),
    "max_rounds no whole number": (
        "repeat(more, x, until=enough, max_rounds=2.5)  # here",
        "max_rounds=2.5",
        "whole number",
    ),
    "max_rounds a Ref": (
        "repeat(more, x, until=enough, max_rounds=load(x))  # here",
        "max_rounds=<Ref load>",
        "whole number",
    ),
    "on_exhausted": (
        'repeat(more, x, until=enough, max_rounds=3, on_exhausted="first")  # here',
        "on_exhausted='first'",
        "give 'fail' or 'last'",
    ),
    "body is a value": (LOOP.format("3") + "  # here", "its body is int", "`lambda state:"),
    "body is wired already": (LOOP.format("more(x)") + "  # here", "its body is Ref", "`lambda state:"),
    "until is a value": (
        "repeat(more, x, until=True, max_rounds=3)  # here",
        "until= is bool, not a step or a function",
        "`lambda state:",
    ),
    "until is wired already": (
        "repeat(more, x, until=enough(x), max_rounds=3)  # here",
        "until= is Ref, not a step or a function",
        "`lambda state:",
    ),
    "until makes no step": (
        "repeat(more, x, until=lambda n: True, max_rounds=3)  # here",
        "until= gave bool, which no step of the round has made",
        "returns True or False",
    ),
    "until gives nothing": (
        "repeat(more, x, until=lambda n: None, max_rounds=3)  # here",
        "until= gave NoneType",
        "returns True or False",
    ),
    "until gives a step of outside": (
        "outer = enough(x)\nrepeat(more, x, until=lambda n: outer, max_rounds=3)  # here",
        "until= gave Ref, which no step of the round has made",
        "takes the result",
    ),
    "until gives the state": (
        "repeat(lambda n: n, x, until=lambda n: n, max_rounds=3)  # here",
        "until= gave Ref, which no step of the round has made",
        "takes the result",
    ),
    "until is optional": (
        "repeat(more, x, until=perhaps, max_rounds=3)  # here",
        "says whether it is done is optional",
        "default=",
    ),
    "the state may be Missing": (
        "repeat(perhaps, x, until=enough, max_rounds=3)  # here",
        "may hand `Missing` from one round to the next",
        "default=",
    ),
    "a part of the state may be Missing": (
        'repeat(lambda s: {"n": perhaps(s["n"])}, {"n": 1}, until=enough, max_rounds=3)  # here',
        "may hand `Missing` from one round to the next",
        "default=",
    ),
    "the start may be Missing": (
        "repeat(more, perhaps(x), until=enough, max_rounds=3)  # here",
        "may hand `Missing` from one round to the next",
        "default=",
    ),
    "the start's items may be Missing": (
        "repeat(join, perhaps.map([1]), until=enough, max_rounds=3)  # here",
        "may hand `Missing` from one round to the next",
        "default=",
    ),
    "Missing from around": (
        "found = maybe(x)\nrepeat(lambda n: text(found), x, until=enough, max_rounds=3)  # here",
        "Step 'text' takes 'value' from 'maybe', which is optional",
        "… | Missing",
    ),
    "name with a mark": (
        'repeat(more, x, until=enough, max_rounds=3, name="a/b")  # here',
        "The name of a loop cannot be 'a/b'",
        "without /",
    ),
    "two of a name": (
        f"{LOOP.format('more')}\n{LOOP.format('more')}  # here",
        "share the path 'more'",
        "Name each use",
    ),
    "two uses in a round": (
        "repeat(lambda n: more(more(n)), x, until=enough, max_rounds=3)  # here",
        "share the path 'more'",
        "Name each use",
    ),
    "leaked to a step": (
        f"{LEAK}{LOOP.format('body')}\nuse(made[0])  # here",
        "made inside a branch or a round",
        "Return it",
    ),
    "the state leaked": (
        f"{LEAK}{LOOP.format('keeping')}\nuse(made[0])  # here",
        "got <Ref (the round before)>, which was made inside a branch or a round",
        "Return it",
    ),
    "leaked to another loop": (
        f"{LEAK}{LOOP.format('body')}\nrepeat(more, made[0], until=enough, max_rounds=3)  # here",
        "made inside a branch or a round",
        "Return it",
    ),
    "leaked into another round": (
        f"{LEAK}{LOOP.format('body')}\nrepeat(lambda n: join(n, made[0]), x, until=enough, max_rounds=3)  # here",
        "made inside a branch or a round",
        "Return it",
    ),
    "the state tested": (
        "repeat(lambda n: more(n) if n else n, x, until=enough, max_rounds=3)  # here",
        "<Ref (the round before)> was tested for truth",
        "Branch",
    ),
    "a live object as result": (
        "repeat(lambda n: object(), x, until=enough, max_rounds=3)  # here",
        "repeat 'repeat', result, got a value that cannot be journaled",
        "Pass plain data",
    ),
    "a live object as start": (
        "repeat(more, object(), until=enough, max_rounds=3)  # here",
        "repeat 'more' got a value that cannot be journaled",
        "Pass plain data",
    ),
    "a block left open": (
        f"{LOOP.format('swallowing')}  # here",
        "block of group 'g' did not come to its end",
        "let errors inside it pass",
    ),
}


@pytest.mark.parametrize("name", MISUSES)
def test_a_misused_loop_is_refused_where_it_is_written(name: str, tmp_path: Path) -> None:
    """The error names the line, what is wrong with it, and what to write instead."""
    body, what, mend = MISUSES[name]
    error = refusal(tmp_path, body, BEFORE)
    assert what in error.what
    assert mend in str(error)


def test_the_same_mistake_has_the_same_class(tmp_path: Path) -> None:
    """A leaked Ref is a Ref's error, a shared name a duplicate path."""
    assert isinstance(refusal(tmp_path, MISUSES["the state leaked"][0], BEFORE), RefError)
    assert isinstance(refusal(tmp_path, MISUSES["two of a name"][0], BEFORE), DuplicatePathError)


def test_a_loop_outside_a_body_is_refused() -> None:
    """There is no graph it could belong to."""
    with pytest.raises(DefinitionError, match="repeat 'abs' was called outside a workflow's body") as caught:
        repeat(abs, 1, until=bool, max_rounds=1)
    assert (caught.value.where or "").startswith("test_authoring_repeat.py:")


def test_a_bodys_own_error_passes_as_it_is(tmp_path: Path) -> None:
    """The loop adds no error of its own to the author's, and the line is the body's."""
    before = f"{BEFORE}\ndef broken(n):\n    raise KeyError('mine')  # here\n"
    module, place = load_body(tmp_path, LOOP.format("broken"), before)
    with pytest.raises(KeyError, match="mine") as caught:
        module.flow.trace()
    assert place in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (LOOP.format("more"), "more"),
        (LOOP.format('more.named("better")'), "better"),
        (LOOP.format("two"), "two"),
        (LOOP.format("lambda n: more(n)"), "repeat"),
        (LOOP.format("partial(more)"), "repeat"),
        ('repeat(more, x, until=enough, max_rounds=3, name="polish")', "polish"),
    ],
)
def test_a_loop_is_called_as_its_body(call: str, name: str, tmp_path: Path) -> None:
    """What has no name of its own is called `repeat`; name= goes before both."""
    module, _ = load_body(tmp_path, f"return {call}", BEFORE)
    result = module.flow.run(1)
    assert result.value == 3
    assert next(iter(result.steps)) == name
    assert all(path == name or path.startswith(f"{name}#") for path in result.steps)


def test_a_loop_is_one_anchor_whose_body_is_wired_once(tmp_path: Path) -> None:
    """It starts at once; the start is waited for by the steps of the first round."""
    module, _ = load_body(
        tmp_path,
        'first = load(x)\nreturn repeat(two, first, until=enough, max_rounds=7, on_exhausted="last")',
        BEFORE,
    )
    graph = module.flow.trace().graph
    assert [graph.path(index) for index in range(len(graph))] == ["load", "two"]
    assert graph.specs[1].role is Role.REPEAT
    assert graph.deps[1] == ()
    loop = graph.bodies[1]
    assert isinstance(loop, Loop)
    frame = loop.body.frame
    assert [node.name for node in loop.body.nodes] == ["more", "second", "enough"]
    assert [node.deps for node in loop.body.nodes] == [
        (framed(frame, STATE),),
        (framed(frame, 0),),
        (framed(frame, 1),),
    ]
    assert loop.verdict._index == framed(frame, 2)
    assert (loop.max_rounds, loop.keeps_last) == (7, True)


def test_a_default_makes_an_optional_verdict_sure(tmp_path: Path) -> None:
    """With default=True the loop ends where the verdict is lost."""
    module, _ = load_body(tmp_path, "return repeat(more, x, until=surely, max_rounds=3)", BEFORE)
    result = module.flow.run(1)
    assert (result.value, result.status) == (2, "partial")


def test_a_lost_verdict_in_a_branch_of_its_own_is_refused(tmp_path: Path) -> None:
    """A choice that may hand on `Missing` cannot say that the loop is done."""
    error = refusal(
        tmp_path,
        "repeat(more, x, until=lambda n: choose(load(n), {1: lambda: perhaps(n)}), max_rounds=3)",
        BEFORE,
    )
    assert "says whether it is done is optional" in error.what
