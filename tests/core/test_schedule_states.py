"""The table of states."""

from __future__ import annotations

from pathlib import Path

import pytest

from stretto.core.schedule.states import FINAL, LEGAL, State, diagram

WALK = Path(__file__).parents[2] / "docs" / "walk.md"


def test_nothing_leaves_a_final_state() -> None:
    """SUCCEEDED, FAILED, SKIPPED and CANCELLED are final."""
    assert not [pair for pair in LEGAL if pair[0] in FINAL]


def test_final_states_know_it() -> None:
    """A state's own word and the set of final states agree."""
    assert (
        {state for state in State if state.is_final}
        == FINAL
        == set(State)
        - {
            State.PENDING,
            State.READY,
            State.RUNNING,
            State.WAITING,
        }
    )


@pytest.mark.parametrize("state", [state for state in State if state is not State.PENDING])
def test_every_state_is_reached(state: State) -> None:
    """Each state but the first has a way into it."""
    assert [pair for pair in LEGAL if pair[1] is state]


def test_the_drawn_diagram_is_the_tables() -> None:
    """`docs/walk.md` shows the diagram drawn from the table, word for word."""
    assert f"```mermaid\n{diagram()}\n```" in WALK.read_text(encoding="utf-8")


def test_every_way_has_its_reason() -> None:
    """Each legal way says in words when it is taken."""
    assert all(reason and not reason.endswith(".") for reason in LEGAL.values())
