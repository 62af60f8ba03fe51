"""Plans as data: what is read out of them, and every problem that keeps one from being carried out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from stretto import PlanStep, check_plan, step, workflow
from stretto.authoring.plan import read_plan, targets_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto import Step


@step
async def order(what: str, count: int = 1) -> str:
    return what * count


@step
async def plot(data: object, *, title: str) -> object:
    return data, title


@step
async def anything(*rest: object, **named: object) -> object:
    return named


@step
async def collects(*rest: object) -> object:
    return rest


@step
async def late(first: object = 0, /, *, second: object = 0) -> object:
    return first, second


@step
async def idle() -> None:
    return None


@workflow
def whole(topic: str) -> str:
    return order(topic)


KNOWN: Mapping[str, Step[..., Any]] = {
    "order": order,
    "plot": plot,
    "anything": anything,
    "collects": collects,
    "late": late,
    "idle": idle,
    "whole": whole.as_step(),
}


def use(
    key: object, capability: object = "anything", after: object = (), **inputs: object
) -> dict[str, object]:
    """A planned step as a dict."""
    return {"key": key, "capability": capability, "inputs": inputs, "after": after}


def ref(target: str) -> dict[str, str]:
    """What stands for a result."""
    return {"$ref": target}


def problems(*steps: object) -> tuple[str, ...]:
    """Those of a plan of these steps."""
    return check_plan(list(steps), KNOWN)


@dataclass
class Likeness:
    """Something with a planned step's fields."""

    key: str
    capability: str
    inputs: dict[str, object] = field(default_factory=dict)


@pytest.mark.parametrize(
    "item",
    [
        PlanStep("a", "order", {"what": ref("z")}, after=("z",)),
        {"key": "a", "capability": "order", "inputs": {"what": ref("z")}, "after": ["z"]},
    ],
)
def test_a_step_is_a_plan_step_or_a_dict(item: object) -> None:
    """Both say the same; what it takes results of is found."""
    (first, planned), found = read_plan([use("z"), item], KNOWN)
    assert found == ()
    assert first.key == "z"
    assert planned == ("a", "order", {"what": {"$ref": "z"}}, ("z",), ("z",))


def test_an_object_with_the_fields_will_do() -> None:
    """What a model filled in, say; a field that it lacks is empty."""
    (planned,), found = read_plan([Likeness("a", "order", {"what": "x"})], KNOWN)
    assert found == ()
    assert planned == ("a", "order", {"what": "x"}, (), ())


@pytest.mark.parametrize("nothing", [None, {}, ()])
def test_what_is_not_said_is_empty(nothing: object) -> None:
    """A step without inputs, and one that is told so."""
    (planned, bare), found = read_plan(
        [
            {"key": "a", "capability": "idle", "inputs": nothing, "after": nothing},
            {"key": "b", "capability": "idle"},
        ],
        KNOWN,
    )
    assert found == ()
    assert planned[2:] == bare[2:] == ({}, (), ())


@pytest.mark.parametrize("plan", [[], ()])
def test_an_empty_plan_is_a_plan(plan: object) -> None:
    """There is nothing wrong with having nothing to do."""
    assert check_plan(plan, KNOWN) == ()


@pytest.mark.parametrize(
    ("plan", "kind"), [("order", "str"), (None, "NoneType"), ({"a": 1}, "dict"), (3, "int")]
)
def test_a_plan_is_a_list(plan: object, kind: str) -> None:
    """Anything else is said to be none."""
    assert check_plan(plan, KNOWN) == (f"a plan is a list of steps, not {kind}",)


ALONE = {
    "no step": ([3], "step 1 needs a key and a capability, both texts"),
    "no key": ([use("a"), {"capability": "idle"}], "step 2 needs a key and a capability, both texts"),
    "a key that is no text": ([use(3)], "step 1 needs a key and a capability, both texts"),
    "no capability": ([{"key": "a"}], "step 1 needs a key and a capability, both texts"),
    "a field too many": (
        [{**use("a"), "needs": 1, "extra": 2}],
        "step 1 has unknown fields extra, needs; known: key, capability, inputs, after",
    ),
    "inputs as a list": (
        [{"key": "a", "capability": "idle", "inputs": [1]}],
        "'a': its inputs are list, not an object by parameter",
    ),
    "inputs by number": (
        [{"key": "a", "capability": "idle", "inputs": {1: 2}}],
        "'a': its inputs are dict, not an object by parameter",
    ),
    "after as a text": ([use("a", after="b")], "'a': after is 'b', not a list of keys"),
    "after numbers": ([use("a", after=[1])], "'a': after is [1], not a list of keys"),
    "a key with a slash": ([use("a/b")], "A key cannot be 'a/b'"),
    "an empty key": ([use("")], "A key cannot be ''"),
    "the key of the engine": ([use("return")], "A key cannot be 'return'"),
    "the key of the new plan": (
        [use("replan")],
        "no step can have the key 'replan': the step that makes a new plan is called so",
    ),
    "a key with a dot": (
        [use("a.b")],
        "no step can have the key 'a.b': behind a dot a $ref names a field",
    ),
    "a key twice": ([use("a"), use("b"), use("a")], "the key 'a' is there twice"),
    "an unknown capability": (
        [use("a", "dance")],
        f"'a' asks for the capability 'dance'; there are: {', '.join(sorted(KNOWN))}",
    ),
    "an unknown input": (
        [use("a", "order", what="x", size=2)],
        "'a': 'order' has no input 'size'; it takes what, count",
    ),
    "a missing input": (
        [use("a", "order", count=2)],
        "'a': 'order' needs the input 'what'; it takes what, count",
    ),
    "a missing input by keyword": (
        [use("a", "plot", data=1)],
        "'a': 'plot' needs the input 'title'; it takes data, title",
    ),
    "an input where there is none": (
        [use("a", "idle", x=1)],
        "'a': 'idle' has no input 'x'; it takes no inputs",
    ),
    "what a step collects by position": (
        [use("a", "collects", rest=[1])],
        "'a': 'collects' has no input 'rest'; it takes no inputs",
    ),
    "what a step takes by position": (
        [use("a", "late", first=1, second=2)],
        "'a': 'late' has no input 'first'; it takes second",
    ),
    "an unknown input of a workflow": (
        [use("a", "whole", topic="x", x=1)],
        "'a': 'whole' has no input 'x'; it takes topic",
    ),
    "a reference to nothing": (
        [use("b"), use("a", x=ref("z"))],
        "'a' needs 'z', which no step of the plan makes; there are: b, a",
    ),
    "a reference to nothing, with a field": (
        [use("a", x=[{"y": ref("z.rows")}])],
        "'a' needs 'z', which no step of the plan makes; there are: a",
    ),
    "after nothing": (
        [use("a", after=["z"])],
        "'a' needs 'z', which no step of the plan makes; there are: a",
    ),
    "a reference forward": (
        [use("a", x=ref("b")), use("b")],
        "'a' needs 'b', which comes after it; put 'b' first",
    ),
    "after something later": (
        [use("a", after=["b"]), use("b")],
        "'a' needs 'b', which comes after it; put 'b' first",
    ),
    "itself": ([use("a", x=ref("a"))], "a circle: a needs a"),
    "after itself": ([use("a", after=["a"])], "a circle: a needs a"),
    "a circle of two": ([use("a", x=ref("b")), use("b", after=["a"])], "a circle: a needs b needs a"),
    "a circle of three": (
        [use("a", x=ref("c")), use("b", x=ref("a")), use("c", x=ref("b.field"))],
        "a circle: a needs c needs b needs a",
    ),
}


@pytest.mark.parametrize("name", ALONE)
def test_each_problem_alone(name: str) -> None:
    """One problem is told once, with what exists."""
    plan, text = ALONE[name]
    assert check_plan(plan, KNOWN) == (text,)


def test_several_problems_are_told_together() -> None:
    """Whoever mends the plan sees all of them, in the plan's order: what cannot be read first, circles last."""
    found = problems(
        use("a", "dance"),
        use("b", "order", size=1),
        3,
        use("c", x=ref("d")),
        use("d", x=ref("c"), y=ref("z")),
        use("a", x=ref("e")),
        use("e"),
    )
    assert found == (
        "step 3 needs a key and a capability, both texts",
        f"'a' asks for the capability 'dance'; there are: {', '.join(sorted(KNOWN))}",
        "'b': 'order' has no input 'size'; it takes what, count",
        "'b': 'order' needs the input 'what'; it takes what, count",
        "'d' needs 'z', which no step of the plan makes; there are: a, b, c, d, e",
        "the key 'a' is there twice",
        "'a' needs 'e', which comes after it; put 'e' first",
        "a circle: c needs d needs c",
    )


def test_two_circles_are_told_once_each() -> None:
    """A step beside a circle that needs it is in none."""
    found = problems(
        use("a", x=ref("b")),
        use("b", x=ref("a")),
        use("c", x=ref("a")),
        use("d", x=ref("e")),
        use("e", x=ref("d")),
    )
    assert found == ("a circle: a needs b needs a", "a circle: d needs e needs d")


def test_a_capability_that_takes_anything_has_no_unknown_inputs() -> None:
    """Open parameters are neither missing nor too many."""
    assert problems(use("a", x=1, y=2)) == ()


def test_a_long_plan_is_checked_in_one_pass() -> None:
    """Without a reference forward there is no circle to search for: 5 000 steps in a row take no minutes."""
    chain = [use("0"), *(use(str(number), x=ref(str(number - 1))) for number in range(1, 5_000))]
    begun = time.process_time()
    assert check_plan(chain, KNOWN) == ()
    assert time.process_time() - begun < 2.0


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ({"x": ref("a")}, ["a"]),
        ({"x": [1, ref("a.rows.0"), {"y": (ref("b"),)}], "z": ref("a")}, ["a.rows.0", "b", "a"]),
        ({"x": {"$ref": "a", "more": ref("b")}}, ["b"]),
        ({"x": {"$ref": 3}}, []),
        ({"x": "$ref"}, []),
    ],
)
def test_references_are_found_where_they_stand(template: object, found: list[str]) -> None:
    """In lists, tuples and objects; an object that says more than ``$ref`` is plain data."""
    assert list(targets_in(template)) == found
