"""Workflows in which random search once found a defect: each is kept here, as small as it could be made."""

from __future__ import annotations

import pytest

from property.examine import examine
from property.shapes import Block, Const, Flow, Many, Node, Out, Play
from property.wiring import execute

SLOW = Play(8.0)
BROKEN = Play(0.0, "error")
NOTHING = Many("list", ())
TWO = Many("list", (Const(1), Const("text")))

FOUND = {
    # Its consumer was made ready twice, and started twice.
    "a map over nothing": Flow((Node("m1", items=NOTHING), Node("s2", inputs=(Out("m1"),))), ("s2",)),
    # Its place in the run was given back though it had never been taken.
    "cancelled with a grant that came too late": Flow(
        (Node("s1", limits=("a",)), Node("s2"), Node("s3")), ("s3",), permits=1, cancel_at=0.0
    ),
    # The deadline was forgotten once the run had failed.
    "a drain that passes the deadline": Flow(
        (Node("s1", plays=(SLOW,)), Node("s2", plays=(BROKEN,))), ("s1",), within=6.125
    ),
    # It reserved the time of optional work as if it were required, and cut itself too early.
    "an optional map with an estimate": Flow(
        (Node("s1", size=2), Node("m2", items=Out("s1", "items"), optional=True, plays=(Play(2.0),))),
        ("m2",),
        within=3.125,
        estimates=(("m2", 2.0),),
    ),
    "an optional step before a group that maps": Flow(
        (
            Node("s1", optional=True, plays=(Play(2.0),)),
            Block("g2", (Node("m3", items=TWO, named=(("x", Out("s1")),)),)),
        ),
        ("g2",),
        within=3.125,
        estimates=(("m3", 2.0),),
    ),
    "an optional step before inline glue that maps": Flow(
        (
            Node("s1", optional=True, default=True, size=1, plays=(Play(2.0),)),
            Node("m2", items=Out("s1", "items"), where="inline"),
        ),
        ("m2",),
        within=3.125,
        estimates=(("m2", 2.0),),
    ),
    # The default of a member that was cut started another member, which was cut at the same instant.
    "a group cut while glue waits in it": Flow(
        (
            Block(
                "g1",
                (Node("s2", plays=(SLOW,)), Node("s3", inputs=(Out("s2"),), where="inline")),
                within=1.75,
            ),
        ),
        ("g1",),
    ),
    # Glue that was cut with the deadline held up the run's end, and what the cut had made ready began in between.
    "glue cut at the run's deadline": Flow(
        (
            Node("s1", optional=True, plays=(SLOW,)),
            Node("s2", inputs=(Out("s1"),), where="inline", optional=True),
            Node("s3", inputs=(Out("s2"),)),
        ),
        ("s3",),
        within=3.125,
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_found(name: str) -> None:
    """It runs as the reference says, in every mode."""
    examine(FOUND[name])


def test_a_drain_ends_with_the_deadline() -> None:
    """What still runs for a failed run is cut at the run's deadline like any other, and the failure is told."""
    result = execute(FOUND["a drain that passes the deadline"]).result
    assert result.timing.makespan == 6.125
    assert [failure.path for failure in result.failures] == ["s2"]
    assert result.steps["s1"].state == "cancelled"


def test_glue_behind_a_cut_member_does_not_run() -> None:
    """A group's deadline cuts all members that are open, at once."""
    ran = execute(FOUND["a group cut while glue waits in it"])
    assert ("s3", 1) not in ran.seen.inputs


def test_nothing_begins_behind_the_deadline() -> None:
    """What becomes ready by what the deadline cuts is cancelled before its first line."""
    ran = execute(FOUND["glue cut at the run's deadline"])
    assert ("s3", 1) not in ran.seen.inputs


def test_optional_work_keeps_its_own_time() -> None:
    """Only required work behind an optional step shortens its time."""
    ran = execute(FOUND["an optional map with an estimate"])
    assert ran.result.status == "succeeded"
