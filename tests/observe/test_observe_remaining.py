"""`observe/remaining.py`: how long a run may still take."""

from __future__ import annotations

import pytest

from observe.observed_runs import START, Told, graph_of, with_gate, with_map
from stretto.core.graph import Fragment, Node, Role, StepSpec
from stretto.core.journal import facts as kinds
from stretto.observe.remaining import remaining

CHAIN = {"a": 2.0, "b": 3.0, "c": 1.0}


def test_nothing_is_said_on_a_first_run() -> None:
    """One open step that was never measured is enough to say nothing."""
    told = Told(graph_of(a=(), b=("a",)), {"a": 2.0})
    assert remaining(told.view(), START) is None


def test_the_longest_open_path_counts() -> None:
    """Finished steps count nothing, a running one only its rest."""
    told = Told(graph_of(a=(), b=("a",), c=()), CHAIN)
    assert remaining(told.view(), START) == 5.0
    told.say(kinds.STEP_STARTED, "a", 0)
    assert remaining(told.view(), START + 0.5) == pytest.approx(4.5)
    told.say(kinds.ATTEMPT_SUCCEEDED, "a", 1, "x")
    assert remaining(told.view(), START + 1) == 3.0


def test_an_attempt_that_takes_longer_than_before_counts_nothing() -> None:
    """An estimate that has been passed is never negative."""
    told = Told(graph_of(a=(), b=("a",)), CHAIN).say(kinds.STEP_STARTED, "a", 0)
    assert remaining(told.view(), START + 60) == 3.0


def test_permits_share_the_work() -> None:
    """With one permit everything open comes one after another."""
    told = Told(graph_of(a=(), b=(), c=()), CHAIN, permits=1)
    assert remaining(told.view(), START) == 6.0


def test_gates_and_grown_anchors_take_no_time() -> None:
    """They have no estimate and need none."""
    graph = graph_of(a=())
    with_gate(graph, "gate", "a")
    with_map(graph, "b", 2)
    assert remaining(Told(graph, CHAIN).view(), START) == 3.0


def test_nothing_is_said_before_the_first_fact() -> None:
    """Without a created run there is nothing to go by."""
    told = Told(graph_of(a=()), CHAIN)
    told.facts.clear()
    assert remaining(told.view(), START) is None


@pytest.mark.parametrize("role", [Role.CHOOSE, Role.REPEAT, Role.GROW, Role.MAP])
def test_nothing_is_said_before_an_anchor_has_grown(role: Role) -> None:
    """Nobody knows what will stand there, even where the anchor's own name was measured before."""
    graph = graph_of(a=())
    anchor = graph.add(StepSpec(id="b", role=role), "b", (), None, ())
    assert remaining(Told(graph, CHAIN).view(), START) is None
    graph.grow(anchor, Fragment((Node(StepSpec(id="c"), "c", (), None, ()),), {}))
    assert remaining(Told(graph, CHAIN).view(), START) == 2.0


def test_nothing_is_said_while_a_loop_may_go_on() -> None:
    """Another round may follow until the loop has looked at its last verdict."""
    graph = graph_of(a=())
    anchor = graph.add(StepSpec(id="loop", role=Role.REPEAT), "loop", (), None, ())
    graph.grow(anchor, Fragment((Node(StepSpec(id="c"), "#1/c", (), None, ()),), {}, 1, looks_at=0))
    told = Told(graph, CHAIN)
    assert remaining(told.view(), START) is None
    assert remaining(told.say(kinds.STEP_COMPLETED, "loop", 1, attempt=2).view(), START) == 2.0
