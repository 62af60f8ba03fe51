"""The reference itself, on workflows small enough to work out by hand."""

from __future__ import annotations

import pytest

from property.follower import Follower
from property.records import MismatchError
from property.reference import Expected, UnpredictableError
from property.shapes import Block, Const, Flow, Many, Node, Out, Play, value_of

FAILS = (Play(0.0, "error"),)


def test_a_chain() -> None:
    """A step's value is made of its path, its attempt and what came before."""
    first, second = Node("a", inputs=(Const(1),)), Node("b", inputs=(Out("a", "n"),))
    made = value_of(first, "a", 1, ((1,), {}))
    assert Expected(Flow((first, second), ("b",))).value == [value_of(second, "b", 1, ((made["n"],), {}))]


def test_maps_keep_their_order() -> None:
    """A map's list is in input order, and a map over it goes item by item."""
    outer = Node("m", items=Many("list", (Const(5), Const(6))))
    inner = Node("k", items=Out("m"))
    expected = Expected(Flow((outer, inner), ("k",)))
    upper = [value_of(outer, f"m[{place}]", 1, ((item,), {})) for place, item in enumerate((5, 6))]
    lower = [value_of(inner, f"k[{place}]", 1, ((item,), {})) for place, item in enumerate(upper)]
    assert expected.value == [lower]


def test_retries_are_counted() -> None:
    """A step that fails twice and then succeeds has had three attempts."""
    flow = Flow((Node("a", attempts=3, plays=(*FAILS, *FAILS, Play(1.0))),), ("a",))
    assert Expected(flow).steps["a"][::2] == ("succeeded", 3)


@pytest.mark.parametrize(("least", "status"), [(1, "partial"), (2, "failed")])
def test_a_threshold(least: int, status: str) -> None:
    """One of two members is enough for one, not for two."""
    block = Block("g", (Node("a"), Node("b", plays=FAILS)), min_success=least)
    expected = Expected(Flow((block,), ("g",)))
    assert expected.status == status
    assert expected.value == (None if status == "failed" else [1])


def test_time_is_not_guessed() -> None:
    """Where a clock may cut the run, recursion says nothing."""
    with pytest.raises(UnpredictableError):
        Expected(Flow((Node("a"),), ("a",), within=1.0))


def test_a_timeout_is_a_loss() -> None:
    """An optional step that takes longer than its timeout hands on that it is missing."""
    flow = Flow((Node("a", optional=True, timeout=0.75, plays=(Play(1.0),)),), ("a",))
    assert Expected(flow).value == [{"missing": "a"}]


class TestFollower:
    def test_it_follows_a_chain(self) -> None:
        """A step is ready when what it needs has succeeded, and the run ends with the last."""
        follower = Follower(Flow((Node("a"), Node("b", inputs=(Out("a"),))), ("b",)))
        follower.decide([("created", "", 0, 0.0, None)], [("a", 1)])
        assert follower.states() == {"a": "running", "b": "pending"}
        value = value_of(follower.flow.nodes[0], "a", 1, ((), {}))
        follower.decide([("succeeded", "a", 1, 1.0, value)], [("b", 1)])
        value = value_of(follower.flow.nodes[1], "b", 1, ((value,), {}))
        follower.decide([("succeeded", "b", 1, 2.0, value)], [])
        assert (follower.status, follower.output()) == ("succeeded", [value])

    def test_an_early_start_is_a_mismatch(self) -> None:
        """Starting before the inputs are there is told."""
        follower = Follower(Flow((Node("a"), Node("b", inputs=(Out("a"),))), ("b",)))
        with pytest.raises(MismatchError, match="b started"):
            follower.decide([("created", "", 0, 0.0, None)], [("a", 1), ("b", 1)])

    def test_a_wrong_value_is_a_mismatch(self) -> None:
        """A value made of other inputs is told."""
        follower = Follower(Flow((Node("a"),), ("a",)))
        follower.decide([("created", "", 0, 0.0, None)], [("a", 1)])
        with pytest.raises(MismatchError, match="a returned"):
            follower.decide([("succeeded", "a", 1, 1.0, {"of": "b"})], [])
