"""Runs one described workflow that grows in both ways and compares; raises AssertionError at the first difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from property.follow_world import follow_world
from property.worlds import Call, Each, every
from property.worlds_reference import Reference
from property.worlds_wiring import execute_world
from stretto.testing import replay

if TYPE_CHECKING:
    from property.wiring import Ran
    from property.worlds import World

__all__ = ["examine_world"]


def examine_world(world: World) -> None:
    """Check everything that must hold of it."""
    parallel = execute_world(world)
    sequential = execute_world(world, is_sequential=True)
    for ran in (parallel, sequential):
        replay(ran.created, [facts for _, facts, _ in ran.calls])
        follow_world(world, ran)
        check_order(world, ran)
        check_not_chosen(ran)
    if world.is_cut:
        return
    reference = Reference(world)
    for ran in (parallel, sequential):
        check_against(reference, ran, has_states=not reference.is_lost or world.on_failure == "continue")


def check_against(reference: Reference, ran: Ran, *, has_states: bool) -> None:
    """Status, value, states and inputs are those of the recursion."""
    assert ran.result.status == reference.status, f"{ran.result.status}, not {reference.status}"
    if not reference.is_lost:
        assert ran.value == reference.value, (
            f"another value than by recursion: {ran.value}, not {reference.value}"
        )
    if not has_states:
        return
    steps = {path: step.state for path, step in ran.result.steps.items() if path != "return"}
    for path, state in steps.items():
        if any(path.startswith(prefix) for prefix in reference.unchosen):
            assert state == "skipped", f"{path} was not chosen and is {state}"
        elif not is_vague(reference, path):
            assert reference.states.get(path) == state, f"{path} is {state}, not {reference.states.get(path)}"
    for path in reference.states:
        assert path in steps or is_vague(reference, path), f"{path} is not there"
    for (path, _), saw in ran.seen.inputs.items():
        if path in reference.inputs and not is_vague(reference, path):
            assert saw == reference.inputs[path], f"{path} saw {saw}, not {reference.inputs[path]}"


def is_vague(reference: Reference, path: str) -> bool:
    """Whether the order of events may decide the step's state."""
    return any(path.startswith(prefix) for prefix in reference.vague)


def check_not_chosen(ran: Ran) -> None:
    """Nothing of a branch that was not chosen has run."""
    for path, step in ran.result.steps.items():
        is_left_out = step.failure is not None and step.failure.cause == "not_chosen"
        assert not (is_left_out and step.attempts), f"{path} was not chosen and has run"


def check_order(world: World, ran: Ran) -> None:
    """Steps that write the same thing never run at once, nor do its readers with a writer."""
    kinds = {item.name: item for item in every(world.body) if isinstance(item, (Call, Each))}
    spans: list[tuple[float, float, bool, str]] = []
    for path, step in ran.result.steps.items():
        item = kinds.get(path.rpartition("/")[2].partition("[")[0])
        is_one = isinstance(item, Call) or (isinstance(item, Each) and path.endswith("]"))
        if item is None or not is_one or not step.attempts or step.ended_at is None:
            continue
        writes = bool(item.writes)
        if writes or (isinstance(item, Call) and item.reads):
            spans.append((step.started_at or 0.0, step.ended_at, writes, path))
    spans.sort()
    for number, (_, ended, writes, path) in enumerate(spans):
        for started, _, others, other in spans[number + 1 :]:
            apart = started >= ended or not (writes or others)
            assert apart, f"{other} began while {path} was at work on the same thing"
