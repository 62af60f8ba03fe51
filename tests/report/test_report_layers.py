"""Layers, the order in them, and where across the flow their nodes stand."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from stretto.errors import DefinitionError
from stretto.report.coordinates import Spacing, centers
from stretto.report.crossings import count_crossings, put_in_order
from stretto.report.layers import Layers, Link, layered
from stretto.report.relaxed import relaxed

NO_RANK = (0.0, 0.0)


def layers_of(count: int, *links: tuple[int, int], **more: set[int]) -> Layers:
    """Layers of nodes 0 to `count`."""
    return layered(count, [Link(*link) for link in links], [NO_RANK] * len(links), **more)


def drawn(count: int, width: int, seed: int) -> Layers:
    """Random layers of `width` nodes."""
    dice = random.Random(seed)
    links = {
        (node - width + dice.randrange(width) - node % width, node)
        for node in range(width, count)
        for _ in "ab"
    }
    links |= {(dice.randrange(width), dice.randrange(count - width, count)) for _ in range(width // 2)}
    return layers_of(count, *sorted(links))


def test_a_node_stands_behind_all_it_needs() -> None:
    """One layer behind the last of them; what needs nothing stands in the first."""
    layers = layers_of(4, (0, 1), (1, 2), (0, 2))
    assert layers.layer[:4] == [0, 1, 2, 0]
    assert layers.order[0] == [0, 3]


def test_long_edges_pass_each_layer_by_a_dummy() -> None:
    """Every segment joins two neighboring layers."""
    layers = layers_of(4, (0, 1), (1, 2), (2, 3), (0, 3))
    assert layers.trails[3] == (0, 4, 5, 3)
    assert [layers.is_dummy(node) for node in (3, 4, 5)] == [False, True, True]
    assert all(layers.layer[end] == layers.layer[start] + 1 for start, end, *_ in layers.segments)


def test_ports_have_the_outermost_layers_to_themselves() -> None:
    """Where edges enter comes before everything else, where they leave behind it."""
    layers = layers_of(5, (3, 0), (0, 1), (1, 4), first={3}, last={4})
    assert layers.order == [[3], [0, 2], [1], [4]]


def test_a_circle_has_no_layers() -> None:
    """It raises."""
    with pytest.raises(DefinitionError, match="circle"):
        layers_of(2, (0, 1), (1, 0))


def test_crossings_are_counted() -> None:
    """A pair of segments counts once, ends that meet do not."""
    layers = layers_of(4, (0, 3), (1, 2))
    assert count_crossings(layers) == 1
    assert count_crossings(layers_of(4, (0, 2), (1, 2), (1, 3))) == 0
    every = layers_of(6, *((start, end) for start in (0, 1, 2) for end in (3, 4, 5)))
    assert count_crossings(every) == 9


def test_ranks_at_one_node_count_as_well() -> None:
    """Two edges that meet a cluster at ports in the wrong order cross."""
    links = [Link(0, 2), Link(1, 2)]
    assert count_crossings(layered(3, links, [(0.0, -0.3), (0.0, 0.3)])) == 0
    assert count_crossings(layered(3, links, [(0.0, 0.3), (0.0, -0.3)])) == 1


@pytest.mark.parametrize("seed", range(4))
def test_avoidable_crossings_are_avoided(seed: int) -> None:
    """A tree, and a bundle of chains, given in a wild order, come out without any."""
    dice = random.Random(seed)
    names = list(range(31))
    dice.shuffle(names)
    tree = layers_of(
        31, *((names[node], names[child]) for node in range(15) for child in (2 * node + 1, 2 * node + 2))
    )
    put_in_order(tree)
    assert count_crossings(tree) == 0
    dice.shuffle(names)
    chains = layers_of(31, *((names[node], names[node + 5]) for node in range(25)))
    put_in_order(chains)
    assert count_crossings(chains) == 0


def test_the_order_of_layers_never_gets_worse() -> None:
    """The best order met is kept, and every node stays in its layer."""
    layers = drawn(60, 10, 1)
    before = count_crossings(layers)
    members = [set(layer) for layer in layers.order]
    put_in_order(layers)
    assert count_crossings(layers) < before * 0.7
    assert [set(layer) for layer in layers.order] == members


def test_equal_nodes_keep_the_authors_order() -> None:
    """Where it makes no difference nothing is moved."""
    layers = layers_of(8, *((0, node) for node in range(1, 8)))
    put_in_order(layers)
    assert layers.order[1] == [1, 2, 3, 4, 5, 6, 7]


def gaps_of(layers: Layers, at: list[float], breadth: list[float]) -> list[float]:
    """The free room between neighbors."""
    sizes = [*breadth, *([0.0] * (len(at) - len(breadth)))]
    return [
        at[lower] - at[upper] - (sizes[upper] + sizes[lower]) / 2
        for layer in layers.order
        for upper, lower in pairwise(layer)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_centers_keep_order_and_gaps(seed: int) -> None:
    """Whatever the sizes, and wherever at the nodes the edges end."""
    dice = random.Random(seed)
    layers = drawn(80, 8, seed)
    put_in_order(layers)
    breadth = [dice.uniform(20, 200) for _ in range(80)]
    offsets = [(dice.uniform(-8, 8), dice.uniform(-8, 8)) for _ in layers.segments]
    spacing = Spacing(10.0, 8.0, 6.0)
    assert min(gaps_of(layers, centers(layers, breadth, offsets, spacing), breadth)) > 6.0 - 1e-6


def test_an_edge_is_straight_where_it_ends_off_the_middle() -> None:
    """A node stands as much lower as its end of the edge stands higher."""
    layers = layers_of(2, (0, 1))
    first, second = centers(layers, [40.0, 40.0], [(12.0, -5.0)], Spacing())
    assert second - first == pytest.approx(17.0)


def test_relaxing_makes_wide_pictures_narrow() -> None:
    """Far narrower than alignment alone, with order and gaps kept."""
    layers = drawn(200, 20, 7)
    put_in_order(layers)
    breadth = [34.0] * 200
    offsets = [NO_RANK] * len(layers.segments)

    def distance(upper: int, lower: int) -> float:
        return sum(17.0 if node < 200 else 0.0 for node in (upper, lower)) + 9.0

    wild = [
        float(layer.index(node)) * 400
        for node in range(len(layers.layer))
        for layer in [layers.order[layers.layer[node]]]
    ]
    at = relaxed(layers, wild, offsets, distance)
    least = max(sum(distance(*pair) for pair in pairwise(layer)) for layer in layers.order)
    assert max(at) - min(at) < 1.5 * least
    assert min(gaps_of(layers, at, breadth)) > 9.0 - 1e-6


def test_relaxed_nodes_settle_between_their_neighbors() -> None:
    """A fan stands around its source, pushed apart as far as it must be."""
    layers = layers_of(4, (0, 1), (0, 2), (0, 3))
    at = relaxed(layers, [0.0, 500.0, 600.0, 700.0], [NO_RANK] * 3, lambda _upper, _lower: 10.0)
    assert [at[node] - at[0] for node in (1, 2, 3)] == pytest.approx([-10.0, 0.0, 10.0])
