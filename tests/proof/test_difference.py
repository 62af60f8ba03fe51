"""Where two runs went apart."""

from __future__ import annotations

from stretto import step, workflow
from stretto.proof import Difference, difference_between


@step
async def first(x: int) -> int:
    return x


@step
async def second(x: int) -> dict[str, int]:
    return {"half": x // 2}


@workflow
def chain(x: int) -> dict[str, int]:
    return second(first(x))


@workflow
def shown(x: int) -> int:
    first(1)
    return x


@workflow
def two(x: int) -> list[int]:
    return [first.named(f"first{x}")(x), first(0)]


def test_equal_values_have_none() -> None:
    """Steps are not looked at where the values are equal: 4 and 5 have one half."""
    assert difference_between(chain.run(4), chain.run(5)) is None


def test_the_first_step_in_author_order_is_named() -> None:
    """Where in the value, and which step's results differ first."""
    found = difference_between(chain.run(2), chain.run(4))
    assert found == Difference('["half"]: 1 != 2', "first", "2 != 4")
    assert str(found) == '["half"]: 1 != 2 (the first step that differs: first: 2 != 4)'


def test_no_step_is_named_where_none_differs() -> None:
    """What the body itself put into the value is no step's doing."""
    found = difference_between(shown.run(1), shown.run(2))
    assert found == Difference("1 != 2")
    assert str(found) == "1 != 2"


def test_a_step_that_only_one_run_has() -> None:
    """Another graph is a difference, too."""
    found = difference_between(two.run(1), two.run(2))
    assert found == Difference("[0]: 1 != 2", "first1", "only in one of the runs")


def test_what_cannot_be_compared_is_not_called_equal() -> None:
    """A value without a canonical text counts as different."""
    one = chain.run(2)
    object.__setattr__(one, "_value", object())
    found = difference_between(one, chain.run(2))
    assert found is not None
    assert found.where.startswith("cannot be compared: ")
