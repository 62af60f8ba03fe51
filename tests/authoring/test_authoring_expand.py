"""`expand(plan, capabilities)` in a body: what it wires, and what it refuses before anything runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from authoring.authoring_cases import load_body, refusal
from stretto import Engine, expand, from_engine, step, workflow
from stretto.core.graph import Role
from stretto.errors import DefinitionError, DuplicatePathError, StrettoError

if TYPE_CHECKING:
    from pathlib import Path

    from stretto import Step

BEFORE = """
from stretto import expand

PLAN = [{"key": "a", "capability": "use", "inputs": {"value": 1}}]

@step
async def placed(value, /):
    return value

@workflow
def inner(x):
    return load(x)
"""

MISUSES = {
    "no capabilities": (
        "return expand(PLAN, {})",
        "expand 'plan' has no capabilities",
        "Give a dict of steps",
    ),
    "a list of them": (
        "return expand(PLAN, [use])",
        "expand 'plan' has no capabilities",
        "Give a dict of steps",
    ),
    "a function": (
        "return expand(PLAN, {'use': len})",
        "capability 'use' is builtin_function_or_method, not a step",
        "Make it a @step",
    ),
    "a workflow as it is": (
        "return expand(PLAN, {'inner': inner})",
        "capability 'inner' is Workflow, not a step",
        "`some_workflow.as_step()`",
    ),
    "a parameter that takes no name": (
        "return expand(PLAN, {'use': placed})",
        "capability 'use' takes 'value' by position only; a plan gives inputs by name",
        "Take the `/` out",
    ),
    "replan is no step": (
        "return expand(PLAN, {'use': use}, replan=len)",
        "replan= is builtin_function",
        None,
    ),
    "replans below 0": (
        "return expand(PLAN, {'use': use}, replan=use, max_replans=-1)",
        "max_replans=-1; give a whole number, 0 or more",
        None,
    ),
    "replans by halves": ("return expand(PLAN, {'use': use}, max_replans=1.5)", "max_replans=1.5", None),
    "replans as a word": ("return expand(PLAN, {'use': use}, max_replans=True)", "max_replans=True", None),
    "a wrong name": (
        "return expand(PLAN, {'use': use}, name='a/b')",
        "The name of a plan cannot be 'a/b'",
        "short",
    ),
    "a live object in the plan": (
        "return expand([object()], {'use': use})",
        "cannot be journaled",
        "Pass plain data",
    ),
}


@pytest.mark.parametrize("name", MISUSES)
def test_a_misuse_is_refused_where_it_is_written(name: str, tmp_path: Path) -> None:
    """The error names the line, what is wrong with it, and what to write instead."""
    body, what, mend = MISUSES[name]
    error = refusal(tmp_path, body, BEFORE)
    assert what in error.what
    assert mend is None or mend in (error.mend or "")


def test_outside_a_body_nothing_is_run() -> None:
    """There is no run that could carry a plan out."""

    @step
    async def use(value: int) -> int:
        return value

    with pytest.raises(DefinitionError, match="expand 'plan' was called outside a workflow's body"):
        expand([], {"use": use})


def test_two_plans_need_two_names(tmp_path: Path) -> None:
    """They would share their paths."""
    error = refusal(tmp_path, "expand(PLAN, {'use': use})\nreturn expand(PLAN, {'use': use})  # here", BEFORE)
    assert isinstance(error, DuplicatePathError)
    module, _ = load_body(
        tmp_path,
        "a = expand(PLAN, {'use': use})\nreturn [a, expand(PLAN, {'use': use}, name='second')]  # here",
        BEFORE,
    )
    result = module.flow.run()
    assert result.value == [{"a": 1}, {"a": 1}]
    assert list(result.steps) == ["plan", "plan#1/a", "second", "second#1/a"]


def test_a_plan_that_is_known_grows_when_the_run_starts(tmp_path: Path) -> None:
    """The graph holds its anchor; what stands in the plan is not looked at before the run."""
    module, _ = load_body(tmp_path, "return expand(PLAN, {'use': use})", BEFORE)
    graph = module.flow.trace().graph
    assert [(graph.path(index), graph.specs[index].role) for index in range(len(graph))] == [
        ("plan", Role.GROW)
    ]


def test_a_field_of_a_plan_waits_for_the_plan(tmp_path: Path) -> None:
    """Keys are known by the run alone: one that is not there fails as a step, with the plan's name."""
    module, _ = load_body(tmp_path, "return use(expand(PLAN, {'use': use})['a'])", BEFORE)
    assert module.flow.run().value == 1
    module, _ = load_body(tmp_path, "return use(expand(PLAN, {'use': use})['b'])", BEFORE)
    result = asyncio.run(module.flow.aresult())
    assert "the result of 'plan' has no ['b']" in str(result.failures[0])


def test_an_optional_plan_step_reaches_the_plan_as_missing(tmp_path: Path) -> None:
    """A step that may have made no plan is no list, and said to be none."""
    module, _ = load_body(tmp_path, "return expand(maybe('lost'), {'use': use})", BEFORE)
    result = asyncio.run(module.flow.aresult())
    assert "a plan is a list of steps, not Missing" in str(result.failures[0])


@step(limit="provider")
async def limited(value: int) -> int:
    return value


@step
async def asking(value: int, client: object = from_engine()) -> int:
    return value


@pytest.mark.parametrize(("needy", "name"), [(limited, "'provider'"), (asking, "'client'")])
@pytest.mark.parametrize("is_replan", [False, True])
def test_limits_and_resources_of_capabilities_are_checked_first(
    needy: Step[..., Any], name: str, is_replan: bool
) -> None:
    """What could not run is told before the first step starts, whether a plan asks for it or not."""
    ran: list[str] = []

    @step
    async def first() -> list[object]:
        ran.append("first")
        return []

    @workflow(engine=Engine())
    def flow() -> object:
        if is_replan:
            return expand(first(), {"first": first}, replan=needy)
        return expand(first(), {"needy": needy})

    with pytest.raises(StrettoError, match=name):
        flow.run()
    assert ran == []
