"""Random workflows: parallel = one by one = the reference, with every invariant checked after every event."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume

from property.examine import check_run, check_values, examine
from property.generator import calm_flows, flows
from property.reference import Expected
from property.search import chosen_seed, search
from property.shapes import Flow, outs_in
from property.wiring import execute
from stretto.testing import StalledError


def independent(flow: Flow) -> frozenset[str]:
    """Steps on the loop of which none needs another, and none competes for a named permit."""
    above: dict[str, set[str]] = {}
    chosen: list[str] = []
    for item in flow.items:
        members = getattr(item, "nodes", (item,))
        for node in members:
            parts = (*node.parts, node.items) if node.items is not None else node.parts
            direct = {*(out.of for out in outs_in(parts)), *node.after}
            above[node.name] = direct.union(*(above[name] for name in direct))
            is_apart = not above[node.name].intersection(chosen)
            if node.items is None and node.where == "loop" and not node.limits and is_apart:
                chosen.append(node.name)
        if members != (item,):
            names = {node.name for node in members}
            above[item.name] = names.union(*(above[name] for name in names))
    return frozenset(chosen)


def examine_calm(flow: Flow) -> None:
    """Nothing fails and nothing is cut: there is a value, and it is the recursion's."""
    ran = execute(flow)
    check_run(flow, ran)
    check_values(flow, ran, execute(flow, is_sequential=True))
    assert ran.result.status == "succeeded"
    assert ran.value == Expected(flow).value


def examine_meeting(flow: Flow) -> None:
    """Independent steps all wait for one another: they can only end if all of them run at once."""
    meeting = independent(flow)
    assume(len(meeting) >= 2)
    open_flow = replace(flow, permits=None)
    assert execute(open_flow, meeting=meeting).result.status == "succeeded"
    with pytest.raises(StalledError):
        execute(open_flow, is_sequential=True, meeting=meeting)


@pytest.mark.slow
def test_random_workflows() -> None:
    """With failures, timeouts, deadlines, cancels and caps, a run equals the reference told the same events."""
    search(examine, flows(), count=300, number=chosen_seed())


@pytest.mark.slow
def test_workflows_that_nothing_disturbs() -> None:
    """Without failures and cuts the value is a function of the steps' outputs alone, in every mode."""
    search(examine_calm, calm_flows(), count=150, number=chosen_seed())


@pytest.mark.slow
def test_independent_steps_overlap() -> None:
    """Steps that need nothing of one another run at once, wherever in the graph they stand."""
    search(examine_meeting, calm_flows(), count=60, number=chosen_seed())


@pytest.mark.heavy
def test_many_random_workflows() -> None:
    """The same over thousands of workflows."""
    search(examine, flows(), count=4_000, number=chosen_seed())
    search(examine_calm, calm_flows(), count=600, number=chosen_seed())
    search(examine_meeting, calm_flows(), count=300, number=chosen_seed())
