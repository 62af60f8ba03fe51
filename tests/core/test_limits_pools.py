"""Named permits, shared by runs."""

from __future__ import annotations

import pytest

from stretto.core.limits.pools import BYPASSES, Pools, Token
from stretto.errors import ConfigError, NotFoundError


def _ask(pools: Pools, run: str, step: int, *names: str, priority: float = 0.0) -> list[tuple[str, int]]:
    granted = pools.request(Token(run, step, 1), names, priority)
    return [(token.run, token.step) for token in granted]


def _give(pools: Pools, run: str, step: int) -> list[tuple[str, int]]:
    return [(token.run, token.step) for token in pools.release(Token(run, step, 1))]


def test_a_free_permit_is_granted_at_once() -> None:
    """Nobody waits while permits are free."""
    pools = Pools({"a": 2})
    assert _ask(pools, "r", 0, "a") == [("r", 0)]
    assert pools.free("a") == 1


def test_the_limit_is_never_passed() -> None:
    """Who comes when all permits are out waits for one to come back."""
    pools = Pools({"a": 1})
    _ask(pools, "r", 0, "a")
    assert _ask(pools, "r", 1, "a") == []
    assert pools.waiting() == 1
    assert _give(pools, "r", 0) == [("r", 1)]
    assert pools.free("a") == 0


def test_all_permits_or_none() -> None:
    """A step that wants two limits takes neither while one is out."""
    pools = Pools({"a": 1, "b": 1})
    _ask(pools, "r", 0, "a")
    assert _ask(pools, "r", 1, "a", "b") == []
    assert pools.free("b") == 1
    assert _give(pools, "r", 0) == [("r", 1)]
    assert (pools.free("a"), pools.free("b")) == (0, 0)


def test_within_a_run_the_longest_remaining_path_goes_first() -> None:
    """Priority first, then who came first."""
    pools = Pools({"a": 1})
    _ask(pools, "r", 0, "a")
    _ask(pools, "r", 1, "a", priority=1.0)
    _ask(pools, "r", 2, "a", priority=9.0)
    _ask(pools, "r", 3, "a", priority=9.0)
    assert [_give(pools, "r", step)[0][1] for step in (0, 2, 3)] == [2, 3, 1]


def test_runs_take_turns() -> None:
    """A run with many waiting steps, whatever their priority, does not shut another one out."""
    pools = Pools({"a": 1})
    _ask(pools, "big", 0, "a")
    for step in range(1, 4):
        _ask(pools, "big", step, "a", priority=100.0)
    _ask(pools, "small", 0, "a")
    order = []
    holder = ("big", 0)
    for _ in range(4):
        (holder,) = _give(pools, *holder)
        order.append(holder[0])
    assert order == ["big", "small", "big", "big"]


def test_a_withdrawn_request_is_forgotten() -> None:
    """Releasing what was only asked for takes it out of the queue; the run's turn is given up with it."""
    pools = Pools({"a": 1})
    _ask(pools, "r", 0, "a")
    _ask(pools, "r", 1, "a")
    assert _give(pools, "r", 1) == []
    assert pools.waiting() == 0
    assert not pools._lines
    assert _give(pools, "r", 0) == []
    assert pools.free("a") == 1


def test_a_withdrawal_lets_others_pass() -> None:
    """A head that blocked others and leaves lets them go at once."""
    pools = Pools({"a": 1, "b": 1})
    _ask(pools, "r", 0, "a")
    _ask(pools, "r", 1, "a", "b", priority=5.0)
    assert _ask(pools, "r", 2, "b") == [("r", 2)]


def test_a_head_is_passed_only_so_often() -> None:
    """After `BYPASSES` the pools a head waits for are kept for it."""
    pools = Pools({"a": 1, "b": 1})
    _ask(pools, "r", 0, "a")
    _ask(pools, "r", 1, "a", "b", priority=5.0)
    for step in range(2, 2 + BYPASSES):
        assert _ask(pools, "r", step, "b") == [("r", step)]
        _give(pools, "r", step)
    assert _ask(pools, "r", 99, "b") == []
    assert _give(pools, "r", 0) == [("r", 1)]
    assert _give(pools, "r", 1) == [("r", 99)]


def test_releasing_twice_gives_back_once() -> None:
    """A second release of the same attempt changes nothing."""
    pools = Pools({"a": 1})
    _ask(pools, "r", 0, "a")
    _give(pools, "r", 0)
    _give(pools, "r", 0)
    assert pools.free("a") == 1


def test_attempts_hold_their_own_permits() -> None:
    """An old attempt that still runs keeps its permit beside the new one's."""
    pools = Pools({"a": 2})
    pools.request(Token("r", 0, 1), ("a",), 0.0)
    pools.request(Token("r", 0, 2), ("a",), 0.0)
    pools.release(Token("r", 0, 1))
    assert pools.free("a") == 1


def test_a_withdrawal_frees_what_was_kept() -> None:
    """When a starved step leaves, those whose pools were kept for it go at once."""
    pools = Pools({"a": 1, "b": 2})
    _ask(pools, "r", 0, "a")
    _ask(pools, "r", 1, "a", "b", priority=5.0)
    for step in range(2, 2 + BYPASSES):
        _ask(pools, "r", step, "b")
        _give(pools, "r", step)
    assert _ask(pools, "r", 98, "b") == []
    assert _ask(pools, "r", 99, "b") == []
    assert _give(pools, "r", 1) == [("r", 98), ("r", 99)]


def test_one_release_can_grant_many() -> None:
    """A step that held several pools lets one through in each."""
    pools = Pools({"a": 1, "b": 1})
    _ask(pools, "r", 0, "a", "b")
    _ask(pools, "r", 1, "a")
    _ask(pools, "s", 2, "b")
    assert sorted(_give(pools, "r", 0)) == [("r", 1), ("s", 2)]


def test_what_a_permit_costs_does_not_grow_with_the_line() -> None:
    """Only the heads of lines are looked at, however many wait."""
    looked: list[int] = []

    class Counting(Pools):
        def _fits(self, waiting: object) -> bool:
            looked.append(1)
            return super()._fits(waiting)  # type: ignore[arg-type]

    pools = Counting({"a": 1, "b": 5})
    _ask(pools, "r", 0, "a")
    for step in range(1, 1000):
        _ask(pools, "r", step, "a")
    for step in range(999):
        assert _give(pools, "r", step) == [("r", step + 1)]
    assert len(looked) < 3_000


def test_the_tokens_of_a_run() -> None:
    """Those that have permits, then those that wait; other runs' are not among them."""
    pools = Pools({"a": 1})
    for run, step in (("r", 0), ("r", 1), ("other", 0)):
        _ask(pools, run, step, "a")
    assert pools.tokens("r") == [Token("r", 0, 1), Token("r", 1, 1)]
    assert pools.tokens("nobody") == []


def test_an_unknown_limit_is_told_with_the_known_ones() -> None:
    """The error names the limit, who wants it, where limits are defined, and which exist."""
    with pytest.raises(NotFoundError, match=r"'openai'.*Known: mistral.*'write'.*Engine\(limits="):
        Pools({"mistral": 1}).check(("openai",), "write")


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "3", None])
def test_a_limit_is_a_whole_number_of_permits(limit: object) -> None:
    """Anything else is refused where it was written."""
    with pytest.raises(ConfigError, match="'openai'"):
        Pools({"openai": limit})  # type: ignore[dict-item]
