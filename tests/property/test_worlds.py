"""Random workflows that grow: parallel = one by one = the follower told the same events = plain recursion."""

from __future__ import annotations

from collections import Counter

import pytest

from property.examine_world import examine_world
from property.search import chosen_seed, search
from property.worlds import World, traits, worlds

CONSTRUCTS = (
    "Pick",
    "otherwise",
    "Rounds",
    "keeps last",
    "plain inputs",
    "Refs as inputs",
    "named twice",
    "nested within",
    "Spread",
    "Plan",
    "replan",
    "wrong plan",
    "failing plan",
    "continue",
    "order",
    "Each",
    "Block",
    "grows in a group",
    "optional inside",
    *(f"{name} inside" for name in ("Pick", "Rounds", "Inner", "Plan", "Each", "Block")),
)
SOMETIMES = ("names none", "fail_fast", "Spread inside")
"""In one of fifty at least."""


@pytest.mark.slow
def test_random_workflows_that_grow() -> None:
    """Every one of them, whatever it holds."""
    search(examine_world, worlds(), count=250, number=chosen_seed())


@pytest.mark.heavy
def test_many_random_workflows_that_grow() -> None:
    """The same, at length."""
    number = chosen_seed()
    for each in range(6):
        search(examine_world, worlds(), count=1_000, number=number + each)


@pytest.mark.slow
def test_each_construct_is_in_a_tenth_of_them() -> None:
    """Counted over a thousand drawn workflows."""
    counts: Counter[str] = Counter()

    def count(world: World) -> None:
        counts.update(traits(world))

    for number in range(10):
        search(count, worlds(), count=100, number=number, shrinks=False)
    total = 1000
    rare = {name: counts[name] for name in CONSTRUCTS if counts[name] < total / 10}
    rare |= {name: counts[name] for name in SOMETIMES if counts[name] < total / 50}
    assert not rare, rare
