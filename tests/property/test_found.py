"""Workflows in which random search once found a defect: each is kept here, as small as it could be made."""

from __future__ import annotations

import pytest

from property.examine import examine
from property.examine_world import examine_world
from property.shapes import Block, Const, Flow, Many, Node, Out, Play
from property.wiring import execute
from property.worlds import Block as Group
from property.worlds import Body, Call, Each, Inner, Pick, Plan, Planned, Rounds, World
from property.worlds_wiring import execute_world

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


CALL = Body((Call("inside"),), ("inside",))
LATE = Inner("late", (Out("first"),), CALL)
LOST = Planned("k0", 0, latency=2.0, fails=9)
GOOD = (Planned("k0", 0),)

GROWN = {
    # What it had begun to grow was started although nobody could use it any more.
    "a member that is lost while a part of it grows": World(
        Body(
            (
                Group(
                    "g",
                    (
                        Inner(
                            "w", (), Body((Call("first"), LATE, Call("broken", fails=1)), ("late", "broken"))
                        ),
                    ),
                ),
                Call("end"),
            ),
            ("end",),
        )
    ),
    # The default of the step that was cut first started the next one, which was cut at the same instant.
    "a nested workflow cut while glue waits in it": World(
        Body(
            (
                Inner(
                    "w",
                    (),
                    Body(
                        (Call("slow", latency=2.0, optional=True), Call("glue", (Out("slow"),), inline=True)),
                        ("glue",),
                    ),
                    within=1.25,
                ),
            ),
            ("w",),
        ),
        on_failure="continue",
    ),
    # The default of the step that was lost with it started the next one, which was lost as well.
    "a member that is lost while glue waits in it": World(
        Body(
            (
                Group(
                    "g",
                    (
                        Inner(
                            "w",
                            (),
                            Body(
                                (
                                    Call("slow", latency=2.0),
                                    Call("broken", fails=1),
                                    Call("extra", (Out("slow"),), optional=True),
                                    Call("glue", (Out("extra"),), inline=True),
                                ),
                                ("broken", "glue"),
                            ),
                        ),
                    ),
                ),
                Call("end"),
            ),
            ("end",),
        )
    ),
    # It asked for a new plan although what it stood in was lost already.
    "a plan that fails in a member that is lost": World(
        Body(
            (
                Group(
                    "g",
                    (
                        Inner(
                            "w",
                            (),
                            Body(
                                (
                                    Rounds("r", Const(1), CALL, done_at=9, max_rounds=1),
                                    Plan("x", (LOST,), second=GOOD),
                                ),
                                ("r", "x"),
                            ),
                        ),
                    ),
                ),
                Call("end"),
            ),
            ("end",),
        )
    ),
    # With nothing else left to stop, the round was closed twice.
    "a plan whose last open step fails": World(
        Body((Plan("x", (LOST, Planned("k1", 0)), second=GOOD),), ("x",)), on_failure="continue"
    ),
    # It had no use that could wait, and came before the writer it stands behind.
    "a map over nothing behind a writer": World(
        Body(
            (
                Call("first", latency=2.0, writes=("w",)),
                Each("none", (), writes=("w",)),
                Call("last", writes=("w",)),
            ),
            ("none", "last"),
        )
    ),
    # The second round's writer began beside the first one's, which nothing else waited for.
    "rounds that write": World(
        Body(
            (
                Rounds(
                    "r",
                    Const(1),
                    Body((Call("slow", latency=2.0, writes=("w",)), Call("quick", latency=0.5)), ("quick",)),
                ),
            ),
            ("r",),
        )
    ),
    # A nested workflow in a branch that was not chosen was counted among the open ones.
    "a nested workflow in the other branch": World(
        Body(
            (
                Pick(
                    "p",
                    Const("text"),
                    2,
                    (Body((Inner("v", (), CALL),), ("v",)), Body((Inner("w", (), CALL),), ("w",))),
                ),
            ),
            ("p",),
        )
    ),
}


@pytest.mark.parametrize("name", GROWN)
def test_found_in_what_grows(name: str) -> None:
    """It runs as the references say, in every mode."""
    examine_world(GROWN[name])


def test_a_lost_member_begins_nothing() -> None:
    """What a lost member was about to begin never runs, and its plan is not made anew."""
    ran = execute_world(GROWN["a member that is lost while glue waits in it"])
    assert not ran.result.steps["w/glue"].attempts
    ran = execute_world(GROWN["a member that is lost while a part of it grows"])
    assert "w/late/inside" not in ran.result.steps
    ran = execute_world(GROWN["a plan that fails in a member that is lost"])
    assert "w/x#2/replan" not in ran.result.steps


def test_glue_in_a_cut_workflow_does_not_run() -> None:
    """A nested workflow's deadline cuts all its steps that are open, at once."""
    ran = execute_world(GROWN["a nested workflow cut while glue waits in it"])
    assert not ran.result.steps["w/glue"].attempts
