"""A workflow in another's body: what is traced when, what paths it has, and what is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import load_body, refusal
from stretto import workflow
from stretto.core.graph import Role
from stretto.errors import DefinitionError, DuplicatePathError, RunFailedError

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = """
from stretto import choose, repeat

@workflow
def inner(x, more=2):
    return {"first": load(x), "rest": [use.named("second")(more), x]}

@workflow
def lossy(x):
    return {"lost": maybe(x), "kept": load(x)}

@workflow
def deep(x):
    return inner.named("in")(x)["first"]

@step(inline=True)
def takes(value: int | Missing):
    return "missing" if isinstance(value, Missing) else value

@step(inline=True)
def strict(value: int):
    return value
"""


def paths(folder: Path, body: str) -> list[str]:
    """Of the traced graph."""
    module, _ = load_body(folder, body, BEFORE)
    graph = module.flow.trace().graph
    return [graph.path(index) for index in range(len(graph))]


def test_with_plain_inputs_its_steps_stand_in_the_graph(tmp_path: Path) -> None:
    """Below the workflow's name, and known before the run."""
    assert paths(tmp_path, "inner(1)\nreturn None  # here") == ["inner", "inner/load", "inner/second"]


def test_with_refs_they_come_when_their_values_do(tmp_path: Path) -> None:
    """The anchor alone is known; the run has the same paths as with plain inputs."""
    body = "return inner(load(1))"
    assert paths(tmp_path, body) == ["load", "inner"]
    module, _ = load_body(tmp_path, body, BEFORE)
    result = module.flow.run()
    assert result.value == {"first": 1, "rest": [2, 1]}
    assert list(result.steps) == ["load", "inner", "inner/load", "inner/second"]


@pytest.mark.parametrize("given", ["inner(load(1))", "inner(1, more=load(2))", "inner([load(1)])"])
def test_a_ref_anywhere_in_the_inputs_is_waited_for(given: str, tmp_path: Path) -> None:
    """Positional, by keyword, or inside a list."""
    module, _ = load_body(tmp_path, f"return {given}", BEFORE)
    graph = module.flow.trace().graph
    index = graph.index_of("inner")
    assert index is not None
    assert graph.specs[index].role is Role.GROW
    assert [graph.path(dep) for dep in graph.deps[index]] == ["load"]


def test_what_is_passed_on_is_wired_straight_through(tmp_path: Path) -> None:
    """A consumer waits for the inner step that makes what it takes, a plain part for nothing."""
    module, _ = load_body(
        tmp_path,
        "found = inner(1)\na = use(found['first'])\nb = use.named('plain')(found['rest'][1])\n"
        "c = use.named('all')(found)\nreturn [a, b, c]  # here",
        BEFORE,
    )
    graph = module.flow.trace().graph
    waits = {graph.path(index): [graph.path(dep) for dep in graph.deps[index]] for index in range(len(graph))}
    assert waits["use"] == ["inner/load"]
    assert waits["plain"] == []
    assert waits["all"] == ["inner/load", "inner/second"]
    assert module.flow.run().value == [1, 1, {"first": 1, "rest": [2, 1]}]


def test_through_two_workflows_it_is_wired_straight_too(tmp_path: Path) -> None:
    """However deep the step stands that makes it."""
    module, _ = load_body(tmp_path, "return use(deep(5))", BEFORE)
    graph = module.flow.trace().graph
    index = graph.index_of("use")
    assert index is not None
    assert [graph.path(dep).startswith("deep/") for dep in graph.deps[index]] == [True]
    assert module.flow.run().value == 5


def test_a_place_that_is_not_there_fails_as_steps_fail(tmp_path: Path) -> None:
    """The body does not know better than with a step's result: the run says it."""
    module, _ = load_body(tmp_path, "return use(inner(1)['nothing'])", BEFORE)
    result = asyncio.run(module.flow.aresult())
    assert [failure.path for failure in result.failures] == ["use"]
    assert "the result of 'inner' has no ['nothing']" in str(result.failures[0])


def test_names_and_order_and_maps(tmp_path: Path) -> None:
    """A second use has a name, `.after` orders all of it, and a map has one a item."""
    module, _ = load_body(
        tmp_path,
        "first = inner(1)\nlate = inner.named('late').after(first)(2)\n"
        "many = inner.named('many').map([3, load(4)], more=0)\n"
        "return [late['first'], many[1]['first']]  # here",
        BEFORE,
    )
    result = module.flow.run()
    assert result.value == [2, 4]
    ends = [result.steps[path].ended_at for path in ("inner/load", "inner/second")]
    assert min(result.steps[path].started_at for path in ("late/load", "late/second")) >= max(ends)
    assert [path for path in result.steps if path.startswith("many[1]")] == [
        "many[1]",
        "many[1]/load",
        "many[1]/second",
    ]


def test_two_uses_in_one_body_need_two_names(tmp_path: Path) -> None:
    """Their steps would share their paths."""
    error = refusal(tmp_path, "inner(1)\nreturn inner(2)  # here", BEFORE)
    assert isinstance(error, DuplicatePathError)


def test_each_use_may_have_steps_of_the_same_names(tmp_path: Path) -> None:
    """A scope of its own: `load` inside and outside do not meet."""
    assert paths(tmp_path, "load(1)\ninner(1)\nreturn None  # here")[:3] == ["load", "inner", "inner/load"]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("return inner()", "was called with wrong arguments: missing a required argument: 'x'"),
        ("return inner(1, 2, 3)", "was called with wrong arguments: too many positional arguments"),
        (
            "return inner(load(1), less=3)",
            "was called with wrong arguments: got an unexpected keyword argument",
        ),
        ("return inner.run(1)", "was run inside another workflow's body"),
        ("return inner.map(3)", "it takes a list of items or a Ref to one"),
    ],
)
def test_a_wrong_use_is_refused(body: str, what: str, tmp_path: Path) -> None:
    """With plain inputs and with Refs alike."""
    module, _ = load_body(tmp_path, body, BEFORE)
    with pytest.raises(DefinitionError) as caught:
        module.flow.trace()
    assert what in caught.value.what


def test_outside_a_body_it_is_run_not_called() -> None:
    """The error says how."""

    @workflow
    def flow() -> None:
        return None

    with pytest.raises(DefinitionError, match="Workflow 'flow' was called like a function") as caught:
        flow()
    assert "flow.run(…)" in (caught.value.mend or "")
    with pytest.raises(DefinitionError):
        flow.named("other")()


def test_missing_is_seen_through_its_output(tmp_path: Path) -> None:
    """A consumer of what an optional step inside hands on must admit it; others need not."""
    error = refusal(tmp_path, "return strict(lossy('lost')['lost'])", BEFORE)
    assert "takes 'value' from 'lossy/maybe', which is optional" in error.what
    module, _ = load_body(
        tmp_path,
        "found = lossy('lost')\nreturn [takes(found['lost']), strict(found['kept'])]  # here",
        BEFORE,
    )
    result = module.flow.run()
    assert result.value == ["missing", "lost"]
    assert result.status == "partial"


def test_in_a_group_its_own_loss_is_missing(tmp_path: Path) -> None:
    """As a member it is optional as a whole."""
    error = refusal(tmp_path, "with group('g'):\n    found = inner(1)\nreturn strict(found)  # here", BEFORE)
    assert "takes 'value' from 'inner', which is optional" in error.what


def test_a_workflow_may_give_anything(tmp_path: Path) -> None:
    """Plain values, nothing, or what it was given."""
    before = "@workflow\ndef gives(x):\n    load(1)\n    return x"
    for given, value in (("None", None), ("3", 3), ("[load(4)]", [4])):
        module, _ = load_body(tmp_path, f"return use(gives({given}))", f"{BEFORE}\n{before}")
        assert module.flow.run().value == value


def test_an_error_in_an_inner_body_is_told_where_it_is(tmp_path: Path) -> None:
    """With plain inputs before anything runs: the error is the author's own, with the line of the inner body."""
    before = "@workflow\ndef breaks(x):\n    return 1 / x  # here"
    module, place = load_body(tmp_path, "return breaks(0)", before)
    with pytest.raises(ZeroDivisionError) as caught:
        module.flow.run()
    notes = " ".join(caught.value.__notes__)
    assert "In the body of workflow 'breaks'" in notes
    assert place in notes


def test_an_error_in_a_body_traced_later_fails_its_anchor(tmp_path: Path) -> None:
    """With Refs in the run, as the failure of the workflow's step; the author's error is kept."""
    before = "@workflow\ndef breaks(x):\n    return 1 / x  # here"
    module, place = load_body(tmp_path, "return breaks(load(0))", before)
    with pytest.raises(RunFailedError) as caught:
        module.flow.run()
    (failure,) = caught.value.result.failures
    assert failure.path == "breaks"
    assert isinstance(failure.error, ZeroDivisionError)
    assert place in " ".join(failure.error.__notes__)


def test_a_misuse_in_an_inner_body_names_its_line(tmp_path: Path) -> None:
    """What a body may not do is refused in it, not where it is used."""
    before = "@workflow\ndef wrong(x):\n    return 1 if load(x) else 2  # here"
    module, place = load_body(tmp_path, "return wrong(1)", before)
    with pytest.raises(DefinitionError) as caught:
        module.flow.trace()
    assert caught.value.where == place


def test_refs_of_the_outer_body_mean_nothing_inside(tmp_path: Path) -> None:
    """A workflow sees its inputs alone: what it took from around it would be of another body."""
    error = refusal(
        tmp_path,
        "found = load(1)\n\n@workflow\ndef local(x):\n    return use(found)  # here\n\nreturn local(1)",
        BEFORE,
    )
    assert "of another run" in error.what or "made inside" in error.what


def test_recursion_without_an_end_is_refused(tmp_path: Path) -> None:
    """With plain inputs at trace; with Refs in the run, at a depth nobody meant."""
    before = "@workflow\ndef again(x):\n    return again(x)  # here"
    module, place = load_body(tmp_path, "return again(1)", before)
    with pytest.raises(DefinitionError, match="does a workflow call itself with plain inputs") as caught:
        module.flow.trace()
    assert caught.value.where == place
    before = "@workflow\ndef again(x):\n    return again(load(x))"
    module, _ = load_body(tmp_path, "return again(1)", before)
    result = asyncio.run(module.flow.aresult())
    (failure,) = result.failures
    assert "does the workflow call itself without an end?" in str(failure)


def test_recursion_with_an_end_ends(tmp_path: Path) -> None:
    """By a plain input, and by a value through a choice."""
    before = """
    @step(inline=True)
    def less(x):
        return x - 1

    @workflow
    def plain(x):
        return plain(x - 1) if x else load("end")

    @workflow
    def late(x):
        return choose(less(x), {0: lambda: load("end")}, otherwise=lambda: late(less.named("next")(x)))
    """
    module, _ = load_body(tmp_path, "return [plain(3), late(4)]", BEFORE + before.replace("\n    ", "\n"))
    result = module.flow.run()
    assert result.value == ["end", "end"]
    assert "plain/plain/plain/plain/load" in result.steps


@pytest.mark.parametrize("again", ["load(1)", "choose(1, {1: lambda: 1}, name='load')"])
def test_the_advice_for_a_second_use_can_be_followed(again: str, tmp_path: Path) -> None:
    """Inside a branch, too, it names a segment, not a path; and the ways of steps and of constructs."""
    error = refusal(
        tmp_path, f"return choose(1, {{1: lambda: [load(1), {again}]}}, name='which')  # here", BEFORE
    )
    assert "would share the path '1/load'" in error.what
    assert '`step.named("load-2")(…)`, `name="load-2"` for choose' in (error.mend or "")
