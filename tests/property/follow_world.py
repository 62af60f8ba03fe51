"""Tells the follower of growing workflows what happened, decision by decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from property.examine import NAMES, told_so_far
from property.records import MismatchError
from property.wiring import Ran, plain
from property.worlds_follower import WorldFollower
from stretto.core.journal import facts as kinds
from stretto.core.schedule import State

if TYPE_CHECKING:
    from property.worlds import World
    from stretto.core.journal.facts import Fact

__all__ = ["follow_world"]


def follow_world(world: World, ran: Ran) -> None:
    """Every step is in the state it must be in after each decision; status, value and inputs are the follower's."""
    follower = WorldFollower(world)
    path = ran.graph.path
    for stimuli, facts, states in ran.calls:
        starts = [(path(fact[1]), fact[2]) for fact in facts if fact[0] == kinds.STEP_STARTED]
        try:
            follower.decide([_told(fact, ran) for fact in stimuli], starts)
        except MismatchError as error:
            raise AssertionError(f"{error}\n{told_so_far(ran, facts)}") from error
        found = {path(index): State(state).name.lower() for index, state in enumerate(states)}
        due = follower.states()
        wrong = {
            name: (found.get(name), due.get(name))
            for name in {*found, *due}
            if found.get(name) != due.get(name)
        }
        assert not wrong, f"(is, must be): {wrong}\n{told_so_far(ran, facts)}"
    assert ran.result.status == follower.status, f"{ran.result.status}, not {follower.status}"
    if ran.value is not None:
        assert ran.value == follower.value(follower.result), "another value than the follower's"
    for key, inputs in ran.seen.inputs.items():
        assert inputs == follower.saw[key], f"{key} saw {inputs}, not {follower.saw[key]}"


def _told(fact: Fact, ran: Ran) -> tuple[str, str, int, float, object]:
    kind, index, attempt, at, data = fact
    name = "" if index < 0 else ran.graph.path(index)
    return NAMES[kind], name, attempt, at, plain(data) if kind == kinds.ATTEMPT_SUCCEEDED else None
