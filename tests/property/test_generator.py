"""The drawn workflows are worth drawing: no construct is rare, and they are not small."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

import pytest

from property.generator import flows, traits
from property.reference import Expected, UnpredictableError
from property.search import search
from property.wiring import execute

if TYPE_CHECKING:
    from property.shapes import Flow

CONSTRUCTS = (
    "loop",
    "thread",
    "inline",
    "map",
    "grown map",
    "map over map",
    "map in a group",
    "group",
    "group within",
    "min_success",
    "after",
    "named",
    "keyword input",
    "nested input",
    "projection",
    "shared mutable",
    "optional with default",
    "optional, Missing",
    "retry",
    "jitter",
    "timeout",
    "step within",
    "limit",
    "run within",
    "cancel",
    "estimates",
    "commits later",
    "drain",
    "fail_fast",
    "permits None",
    "permits 1",
    "permits 2",
    "permits 3",
    "ends in value",
    "ends in error",
    "ends in permanent",
    "ends in cancelled",
    "ends in hang",
    "ends in stubborn",
)
SEED = 20_261_121


def predictable_status(flow: Flow) -> str:
    """How the run ends by recursion, or that time decides."""
    try:
        return Expected(flow).status
    except UnpredictableError:
        return "time decides"


@pytest.mark.slow
def test_every_construct_is_common() -> None:
    """Each construct is in one workflow of ten or more, each outcome in one of 25; the median has 15 steps."""
    found: Counter[str] = Counter()
    sizes: list[int] = []

    def look(flow: Flow) -> None:
        found.update(traits(flow))
        found.update(
            (f"by recursion: {predictable_status(flow)}", f"ran: {(ran := execute(flow)).result.status}")
        )
        sizes.append(len(ran.result.steps))

    # One long search varies what it has found; ten short ones are less alike.
    for number in range(SEED, SEED + 10):
        search(look, flows(), count=40, number=number)
    outcomes = {f"by recursion: {how}" for how in ("succeeded", "partial", "failed", "time decides")}
    outcomes |= {f"ran: {how}" for how in ("succeeded", "partial", "failed", "cancelled")}
    rare = {name: found[name] for name in CONSTRUCTS if found[name] < len(sizes) / 10}
    rare |= {name: found[name] for name in outcomes if found[name] < len(sizes) / 25}
    assert not rare, f"of {len(sizes)}: {rare}"
    assert median(sizes) >= 15
