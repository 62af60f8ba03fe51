"""The references for what grows, on workflows small enough to work out by hand."""

from __future__ import annotations

import pytest

from property.examine_world import examine_world
from property.records import MismatchError
from property.shapes import Const, Out
from property.worlds import Block, Body, Call, Each, Inner, Pick, Plan, Planned, Rounds, Spread, World
from property.worlds_follower import WorldFollower
from property.worlds_reference import Reference, grown_value, label_of

ONE = Body((Call("s"),), ("s",))
EMPTY = grown_value("s", [])


def of(*items: object, on_failure: str = "drain") -> World:
    """A workflow that gives what its last item gives."""
    return World(Body(items, (items[-1].name,)), on_failure=on_failure)  # type: ignore[arg-type, attr-defined]


class TestReference:
    def test_a_choice(self) -> None:
        """The branch that the selector names gives the value; the others are left out."""
        chosen = label_of("p_by", 1, 2)
        expected = Reference(of(Pick("p", Const(1), 2, (ONE, ONE))))
        assert expected.value == {"p": {"s": grown_value(f"p/{chosen}/s", [])}}
        assert expected.unchosen == {"p/b1/" if chosen == "b0" else "p/b0/"}

    def test_a_choice_that_names_nothing(self) -> None:
        """Without a branch of that name, and without another, the run fails."""
        named = next(value for value in range(50) if label_of("p_by", value, 2) == "b1")
        assert Reference(of(Pick("p", Const(named), 2, (ONE,)))).status == "failed"
        assert Reference(of(Pick("p", Const(named), 2, (ONE,), ONE))).status == "succeeded"

    def test_rounds_hand_on_their_state(self) -> None:
        """The second round gets what the first one gave."""
        body = Body((Call("s", (Out("r_state"),)),), ("s",))
        first = {"s": grown_value("r#1/s", [7])}
        expected = Reference(of(Rounds("r", Const(7), body, done_at=2)))
        assert expected.value == {"r": {"s": grown_value("r#2/s", [first])}}

    @pytest.mark.parametrize(("keeps_last", "status"), [(True, "succeeded"), (False, "failed")])
    def test_rounds_that_are_used_up(self, keeps_last: bool, status: str) -> None:
        """The last result is kept only where that was asked for."""
        assert Reference(of(Rounds("r", Const(7), ONE, 9, 2, keeps_last))).status == status

    def test_a_workflow_used_twice(self) -> None:
        """Each use has its own path and its own inputs."""
        body = Body((Call("s", (Out("w_p0"),)),), ("s",))
        expected = Reference(of(Inner("w", (Const(1),), body), Inner("v", (Const(2),), body, of="w")))
        assert expected.value == {"v": {"s": grown_value("v/s", [2])}}
        assert expected.inputs["w/s"] == [1]

    def test_a_mapped_workflow(self) -> None:
        """Its list is in input order."""
        body = Body((Call("s", (Out("w_p0"),)),), ("s",))
        expected = Reference(of(Spread("w", (Const(5), Const(6)), body)))
        assert expected.value == {"w": [{"s": grown_value("w[0]/s", [5])}, {"s": grown_value("w[1]/s", [6])}]}

    def test_a_plan_made_anew(self) -> None:
        """A planned step that fails makes the second plan count."""
        plan = Plan("x", (Planned("k0", 0, fails=9),), second=(Planned("k0", 0), Planned("k1", 0, ("k0",))))
        first = grown_value("x#2/k0", [[]])
        assert Reference(of(plan)).value == {"x": {"k0": first, "k1": grown_value("x#2/k1", [[first]])}}

    def test_a_failure_blocks_only_what_needs_it(self) -> None:
        """Under `continue` the rest runs, and the run has failed all the same."""
        items = (Call("a", fails=1), Call("b", (Out("a"),)), Call("c"))
        expected = Reference(of(*items, on_failure="continue"))
        assert expected.states == {"a": "failed", "b": "skipped", "c": "succeeded"}
        assert expected.status == "failed"

    def test_a_lost_writer_holds_up_the_next(self) -> None:
        """Who waits its turn behind a lost step has lost it, too."""
        items = (Call("a", fails=1, writes=("w",)), Call("b", writes=("w",)), Each("c", (), writes=("w",)))
        expected = Reference(of(*items, on_failure="continue"))
        assert expected.states == {"a": "failed", "b": "skipped", "c": "skipped"}

    def test_a_group_does_without(self) -> None:
        """What is lost in a group is missing, and the run goes on."""
        group = Block("g", (Inner("w", (), Body((Call("s", fails=1),), ("s",))),))
        expected = Reference(of(group, Call("end", (Out("w"),))))
        assert (expected.status, expected.inputs["end"]) == ("partial", [{"missing": "w"}])


class TestFollower:
    def test_it_follows_rounds(self) -> None:
        """The next round is there when the verdict on the last one is."""
        follower = WorldFollower(of(Rounds("r", Const(7), ONE, done_at=1)))
        follower.decide([("created", "", 0, 0.0, None)], [("r", 1)])
        follower.decide([("grew", "r", 1, 0.0, None)], [("r#1/s", 1)])
        assert follower.states() == {"r": "waiting", "r#1/s": "running", "r#1/verdict": "pending"}
        follower.decide([("succeeded", "r#1/s", 1, 1.0, grown_value("r#1/s", []))], [("r#1/verdict", 1)])
        follower.decide([("succeeded", "r#1/verdict", 1, 1.0, True)], [("r", 2)])
        follower.decide([("grew", "r", 2, 1.0, None)], [])
        assert (follower.status, follower.states()["r"]) == ("succeeded", "succeeded")
        assert follower.value(follower.result) == {"r": {"s": grown_value("r#1/s", [])}}

    def test_an_unchosen_step_that_starts_is_a_mismatch(self) -> None:
        """Starting a step of another branch is told."""
        follower = WorldFollower(of(Pick("p", Const(1), 2, (ONE, ONE))))
        chosen = label_of("p_by", 1, 2)
        other = "b1" if chosen == "b0" else "b0"
        follower.decide([("created", "", 0, 0.0, None)], [("p_by", 1)])
        follower.decide([("succeeded", "p_by", 1, 0.0, chosen)], [("p", 1)])
        with pytest.raises(MismatchError, match=f"p/{other}/s started"):
            follower.decide([("grew", "p", 1, 0.0, None)], [(f"p/{other}/s", 1)])

    def test_growing_where_it_must_fail_is_a_mismatch(self) -> None:
        """A choice that names nothing cannot grow."""
        named = next(value for value in range(50) if label_of("p_by", value, 2) == "b1")
        follower = WorldFollower(of(Pick("p", Const(named), 2, (ONE,))))
        follower.decide([("created", "", 0, 0.0, None)], [("p_by", 1)])
        follower.decide([("succeeded", "p_by", 1, 0.0, "b1")], [("p", 1)])
        with pytest.raises(MismatchError, match="says that it fails"):
            follower.decide([("grew", "p", 1, 0.0, None)], [])

    def test_a_wrong_value_is_a_mismatch(self) -> None:
        """A value made of other inputs is told."""
        follower = WorldFollower(of(Inner("w", (), ONE)))
        follower.decide([("created", "", 0, 0.0, None)], [("w/s", 1)])
        with pytest.raises(MismatchError, match="w/s returned"):
            follower.decide([("succeeded", "w/s", 1, 1.0, EMPTY)], [])


def test_the_engine_agrees() -> None:
    """What is worked out by hand above is what runs."""
    body = Body((Call("s", (Out("w_p0"),)),), ("s",))
    examine_world(of(Spread("w", (Const(5), Const(6)), body), Inner("v", (Const(2),), body, of="w")))


def test_parameters_handed_on_are_plain() -> None:
    """A workflow inside another that gets its parameters stands there from the start: who takes a part of it
    does not need the rest."""
    inner = Inner("v", (Out("w_p0"),), Body((Call("a", fails=1), Call("b")), ("b",)))
    world = of(
        Inner("w", (Const(1),), Body((inner,), ("v",))), Call("end", (Out("w"),)), on_failure="continue"
    )
    assert Reference(world).states["end"] == "succeeded"
    examine_world(world)


def test_what_a_deadline_cuts_may_start_others() -> None:
    """An optional step that is cut with its workflow hands on its default to those outside of it."""
    body = Body((Call("slow", latency=2.0), Call("extra", latency=2.0, optional=True)), ("extra",))
    glue = Call("glue", (Out("w", "extra"),), inline=True)
    examine_world(of(Inner("w", (), body, within=1.25), glue))
