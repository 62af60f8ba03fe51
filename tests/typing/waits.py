"""What mypy must see of durable waits: never imported, only type-checked."""

from __future__ import annotations

from typing import Any, assert_type

from stretto import OnLost, Ref, approve, ask, sleep, step, wait_for, workflow


@step
async def design(wish: str) -> dict[str, int]:
    """What is asked about."""
    return {wish: 1}


@step
async def shake(drink: dict[str, int], garnish: str) -> str:
    """Takes what was approved and said."""
    return f"{drink} {garnish}"


@step(writes="till", on_lost="retry")
async def book(drink: str) -> None:
    """The rule as a text."""


@step(on_lost=OnLost.FAIL)
def ring() -> None:
    """The rule as a member."""


step(on_lost="maybe")  # type: ignore[call-overload]  # a rule that does not exist


@workflow
def order(wish: str) -> str:
    """An approval is typed as its value, a question as a text."""
    drink = assert_type(approve(design(wish), "Good?", deadline=5, default="reject"), dict[str, int])
    garnish = assert_type(ask("Which?"), str)
    assert_type(ask("Which?", deadline=5, default=None), str | None)
    assert_type(wait_for("paid", deadline=5, default=0), Any)
    pause = assert_type(sleep(60, after=drink), Ref)
    book.with_options(on_lost="ask").after(pause)("x")
    approve(1, "Good?", default="yes")  # type: ignore[arg-type]  # refused by the types, too
    ask("Which?", default="x")  # type: ignore[call-overload]  # as above
    return shake.after(pause)(drink, garnish)
