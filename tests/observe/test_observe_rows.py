"""`observe/rows.py`: which steps a picture shows."""

from __future__ import annotations

from observe.observed_runs import LOST, START, Told, graph_of, with_gate, with_map
from stretto.core.graph import Graph
from stretto.core.journal import facts as kinds
from stretto.core.policy import Cause, Failure
from stretto.observe.rows import Span, critical_so_far, rows_of


def test_a_row_a_step_in_author_order() -> None:
    """Where there is room, every step has its row, children under their anchor."""
    graph = graph_of(first=())
    with_map(graph, "each", 2)
    graph.add(graph.specs[0], "last", (), None, ())
    labels = [row.label for row in rows_of(Told(graph).view(), START, 10)]
    assert labels == ["first", "each", "each[0]", "each[1]", "last"]


def test_a_row_tells_state_and_attempts() -> None:
    """Each attempt is a span since the run's start; a running one ends now; a lost one says so."""
    told = Told(graph_of(fetch=()))
    told.say(kinds.STEP_STARTED, "fetch", 0.5).say(kinds.ATTEMPT_FAILED, "fetch", 1.0, (LOST, 0.5))
    told.say(kinds.STEP_RETRYING, "fetch", 1.0, (START + 2, LOST)).say(
        kinds.STEP_STARTED, "fetch", 2.0, attempt=2
    )
    (row,) = rows_of(told.view(), START + 3, 5)
    assert row.state == "running"
    assert row.spans == (Span(0.5, 1.0, True), Span(2.0, 3.0, False))
    assert row.seconds == 2.5


def test_notes_belong_to_running_steps() -> None:
    """A step's progress is shown while it runs, not after."""
    told = Told(graph_of(a=(), b=())).ran("a", 0, 1).say(kinds.STEP_STARTED, "b", 0)
    rows = rows_of(told.view(), START + 2, 5, notes={"a": "70%", "b": "30%"})
    assert [row.note for row in rows] == ["", "30%"]


def test_what_was_lost_says_how() -> None:
    """Lost, skipped, cancelled and waiting steps have a word beside them."""
    told = Told(graph_of(lost=(), kept=(), skipped=(), cut=(), again=()))
    for name in ("lost", "kept", "again"):
        told.say(kinds.STEP_STARTED, name, 0)
    told.say(kinds.STEP_FAILED, "lost", 1, LOST).say(kinds.STEP_FAILED, "kept", 1, LOST)
    told.say(kinds.STEP_DEFAULTED, "kept", 1).say(kinds.STEP_SKIPPED, "skipped", 1, LOST)
    told.say(kinds.STEP_CANCELLED, "cut", 1, "why").say(kinds.ATTEMPT_FAILED, "again", 1, (LOST, 0.1))
    told.say(kinds.STEP_RETRYING, "again", 1, (START + 9, LOST))
    notes = [row.note for row in rows_of(told.view(), START + 2, 9)]
    assert notes == [
        "failed",
        "lost, default used",
        "skipped: blocked",
        "cancelled",
        "attempt 1 failed, waits",
    ]


def test_a_gate_counts_its_members() -> None:
    """A group's gate takes no time: its row says how many have succeeded."""
    graph = graph_of(a=(), b=())
    with_gate(graph, "both", "a", "b")
    told = Told(graph).ran("a", 0, 1)
    assert rows_of(told.view(), START + 1, 9)[-1].note == "1 of 2"


def test_maps_are_folded_when_rows_are_few() -> None:
    """Beyond the limit a map is one row with counts, from its first start to its last end."""
    graph = graph_of(first=())
    with_map(graph, "each", 30)
    told = Told(graph).ran("each[3]", 1, 2).ran("each[4]", 1.5, 4).say(kinds.STEP_STARTED, "each[5]", 2)
    rows = rows_of(told.view(), START + 5, 20, critical={graph.index_of("each[5]") or 0})
    assert [row.label for row in rows] == ["first", "each[2/30]"]
    assert rows[1].spans == (Span(1, 5, False),)
    assert rows[1].state == "running"
    assert rows[1].is_critical
    assert not rows[0].is_critical


def test_a_map_below_a_map_is_folded_with_it() -> None:
    """Children at any depth count; anchors on the way do not."""
    graph = Graph()
    outer = with_map(graph, "outer", 1)
    child = graph.children[outer][0]
    graph.grow(child, _children(graph, outer, 25))
    assert [row.label for row in rows_of(Told(graph).view(), START, 5)] == ["outer[0/25]"]


def _children(graph: Graph, outer: int, count: int):  # type: ignore[no-untyped-def]
    from stretto.core.graph import map_fragment

    return map_fragment(graph.specs[outer], list(range(count)), None, ())


def test_the_most_telling_rows_are_kept() -> None:
    """Running, failed and waiting steps stay; of the finished the last, of the pending the first."""
    graph = graph_of(**{f"s{number:02}": () for number in range(40)})
    told = Told(graph)
    for number in range(20):
        told.ran(f"s{number:02}", number, number + 1)
    told.say(kinds.STEP_STARTED, "s39", 20).say(kinds.STEP_FAILED, "s05", 20, LOST)
    rows = rows_of(told.view(), START + 21, 6)
    assert [row.label for row in rows[:-1]] == ["s05", "s17", "s18", "s19", "s39"]
    assert rows[-1].label == "… and 16 succeeded, 19 pending"
    assert len(rows) == 6


def test_the_critical_path_so_far() -> None:
    """From the attempt that has run longest, back to what settled last before each step."""
    graph = graph_of(slow=(), quick=(), both=("slow", "quick"), other=("quick",))
    told = Told(graph).ran("quick", 0, 1).ran("slow", 0, 2)
    assert critical_so_far(told.view()) == frozenset()
    told.say(kinds.STEP_STARTED, "both", 2).say(kinds.STEP_STARTED, "other", 3)
    paths = {graph.path(index) for index in critical_so_far(told.view())}
    assert paths == {"slow", "both"}


def test_what_counts_for_nothing_says_so() -> None:
    """A branch that was not chosen is no loss, and a replaced round was not cancelled by anybody."""
    told = Told(graph_of(other=(), old=()))
    told.say(kinds.STEP_SKIPPED, "other", 1, Failure(Cause.NOT_CHOSEN, "another branch was chosen"))
    told.say(kinds.STEP_CANCELLED, "old", 1, "superseded: plan#1/a was lost, a new round follows")
    assert [row.note for row in rows_of(told.view(), START + 2, 9)] == ["not chosen", "superseded"]


def test_a_folded_choice_counts_what_was_chosen() -> None:
    """Steps of other branches are not among those that were to succeed."""
    graph = graph_of(first=())
    with_map(graph, "choose", 3)
    told = Told(graph).ran("choose[0]", 0, 1)
    told.say(kinds.STEP_SKIPPED, "choose[2]", 0, Failure(Cause.NOT_CHOSEN, "another branch was chosen"))
    assert [row.label for row in rows_of(told.view(), START + 2, 3)] == ["first", "choose[1/2]"]
