"""The benches measure the same work on both sides: values are right, and wrong ones are noticed."""

from __future__ import annotations

import asyncio

import pytest
from bench.pairs import WrongValueError, paired
from bench.shapes import SHAPES, Dag

from bench import large, makespan, overhead, sleeping
from stretto.core.forecast.levels import span

NUMBERS = Dag([[], [0], [0], [1, 2]], [0.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("load", overhead.LOADS[:4], ids=lambda load: load.name)
def test_both_sides_of_an_overhead_load_give_the_wanted_value(load: overhead.Load) -> None:
    """Engine and control alike."""
    for start in (load.ours, load.control):

        async def run() -> object:
            return await start()  # noqa: B023  # run at once, before the next one

        assert asyncio.run(run()) == load.wanted


def test_known_answers_of_the_overhead_loads() -> None:
    """The wanted values themselves, by hand."""
    assert asyncio.run(overhead.fan_out_by_hand(3)) == [1, 2, 3]
    assert asyncio.run(overhead.chains_by_hand(2, 5)) == [5, 6]


def test_a_sleeping_graph_is_the_same_by_hand() -> None:
    """0, 1 + 0, 2 + 0, 3 + 1 + 2: engine, control and the plain recursion agree."""
    wanted = [0, 1, 2, 6]

    async def ours() -> object:
        return (await sleeping.sleeping.arun(NUMBERS.deps, NUMBERS.seconds)).value

    assert sleeping.value_of(NUMBERS) == wanted
    assert asyncio.run(sleeping.by_hand(NUMBERS)) == wanted
    assert asyncio.run(ours()) == wanted


def test_a_sleeping_map_over_a_map_is_the_same_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of both lengths, in input order."""
    monkeypatch.setattr(sleeping, "LISTING", 0.0)
    items = [[0.0, 0.001], [0.001, 0.0]]

    async def ours() -> object:
        return (await sleeping.map_over_map.arun(items)).value

    assert asyncio.run(sleeping.map_over_map_by_hand(items)) == [0.001, 0.001]
    assert asyncio.run(ours()) == [0.001, 0.001]


def test_the_large_graph_is_the_same_by_hand() -> None:
    """Three layers: engine, control and the plain recursion agree."""
    steps = 3 * large.WIDTH

    async def ours() -> object:
        return (await large.layered.arun(steps)).value

    wanted = large.value_of(steps)
    assert asyncio.run(large.run_by_hand(steps)) == wanted
    assert asyncio.run(ours()) == wanted


def test_layers_wait_for_the_layer_before() -> None:
    """One to three steps, all of the layer just above; nothing above the first."""
    rows = large.layers(3 * large.WIDTH)
    assert len(rows) == 3 * large.WIDTH
    for number, needed in enumerate(rows):
        layer = number // large.WIDTH
        assert (not needed) if not layer else 1 <= len(needed) <= 3
        assert all(before // large.WIDTH == layer - 1 for before in needed)


def test_a_wrong_value_stops_the_measuring() -> None:
    """A time counts only with its value."""

    async def right() -> int:
        return 1

    async def wrong() -> int:
        return 2

    with pytest.raises(WrongValueError, match="the control returned 2; it should be 1"):
        paired(right, wrong, 1, "a load", repeats=1)


def test_sides_alternate_and_the_first_round_does_not_count() -> None:
    """One round of each to warm up, then as many as asked for."""
    calls: list[str] = []

    async def side(name: str) -> int:
        calls.append(name)
        return 0

    ours, control = paired(lambda: side("ours"), lambda: side("control"), 0, "a load", repeats=2)
    assert calls == ["ours", "control"] * 3
    assert (len(ours), len(control)) == (2, 2)


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_graphs_and_always_the_same(name: str) -> None:
    """Steps wait for smaller ones, every length is above 0, and a second draft is equal."""
    dag = SHAPES[name]()
    assert dag == SHAPES[name]()
    assert len(dag.deps) == len(dag.seconds) >= 19
    for step, needed in enumerate(dag.deps):
        assert needed == sorted(set(needed))
        assert all(0 <= before < step for before in needed)
    assert min(dag.seconds) > 0


def test_scaling_sets_the_critical_path() -> None:
    """All lengths by one factor."""
    dag = SHAPES["wavefront"]()
    scaled = makespan.scaled(dag, 2.5)
    assert span(scaled.deps, scaled.seconds) == pytest.approx(2.5)
    assert scaled.seconds[7] / scaled.seconds[3] == pytest.approx(dag.seconds[7] / dag.seconds[3])
