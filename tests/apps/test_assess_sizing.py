"""Capacity arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.assess_requests import request
from stretto_apps.assess.sizing import (
    accelerators,
    billed_rps,
    cores,
    fleet,
    gpu_split,
    hot_gb,
    instances,
    mean_rps,
    right_fleet,
    today_fleet,
    with_spare,
    zones_needed,
)


def test_known_answers() -> None:
    """300 requests of 40 ms keep 12 cores busy; at 60 % of two cores each that takes ten instances."""
    assert cores(300, 40) == 12
    assert instances(12, 0.6) == 10
    assert instances(0, 0.6) == 1
    assert fleet(request()).base == 10


@pytest.mark.parametrize(("target", "zones"), [(99.0, 1), (99.5, 2), (99.9, 2), (99.95, 3), (99.99, 3)])
def test_zones(target: float, zones: int) -> None:
    """More nines ask for more zones."""
    assert zones_needed(target) == zones


@pytest.mark.parametrize(
    ("base", "zones", "expected"),
    [(1, 1, (1, 1)), (1, 2, (2, 2)), (1, 3, (3, 3)), (10, 3, (15, 3)), (10, 2, (15, 3)), (2, 2, (3, 3))],
)
def test_spare_machines(base: int, zones: int, expected: tuple[int, int]) -> None:
    """Three zones carry a load with fewer spare machines than two, so they are taken when cheaper."""
    assert with_spare(base, zones) == expected


@given(base=st.integers(1, 500), zones=st.integers(2, 3))
def test_one_zone_may_be_lost(base: int, zones: int) -> None:
    """With one zone gone the others still carry the base."""
    count, spread = with_spare(base, zones)
    assert spread >= zones
    assert count - count // spread >= base


@given(
    rps=st.floats(0, 5_000),
    more=st.floats(0, 5_000),
    cpu=st.floats(0.1, 300),
    target=st.sampled_from([99.0, 99.9, 99.95]),
)
def test_more_load_never_takes_fewer_instances(rps: float, more: float, cpu: float, target: float) -> None:
    """Instances and database nodes never fall as requests rise."""
    small = fleet(request(requests_per_second=rps, average_cpu_ms=cpu, availability_target=target))
    large = fleet(request(requests_per_second=rps + more, average_cpu_ms=cpu, availability_target=target))
    assert large.instances >= small.instances
    assert large.database_nodes >= small.database_nodes


@given(rps=st.floats(0, 5_000), low=st.floats(90, 99.99), high=st.floats(90, 99.99))
def test_a_higher_target_never_takes_fewer_instances(rps: float, low: float, high: float) -> None:
    """Availability costs machines, never saves them."""
    low, high = sorted((low, high))
    less, more = (fleet(request(requests_per_second=rps, availability_target=t)) for t in (low, high))
    assert more.instances >= less.instances
    assert more.database_nodes >= less.database_nodes


@given(load=st.floats(0, 400), utilization=st.floats(0.1, 0.9))
def test_instances_carry_the_load(load: float, utilization: float) -> None:
    """The instances carry the load at the utilization, and one fewer would not."""
    count = instances(load, utilization)
    assert count * 2 * utilization >= load - 1e-6
    assert count == 1 or (count - 1) * 2 * utilization < load


def test_today_is_larger_than_right() -> None:
    """Nobody right-sized: today's fleet is the larger one, unless the controls say it was done."""
    assert today_fleet(request()).instances > right_fleet(request()).instances
    sized = request(controls=("right-sizing",))
    assert today_fleet(sized) == right_fleet(sized)


def test_today_stands_in_one_zone() -> None:
    """Only a company that lists multi-zone pays for spare machines and a second database."""
    assert today_fleet(request()).zones == 1
    spread = today_fleet(request(controls=("multi-zone",)))
    assert spread.zones == 3
    assert spread.database_nodes == 2 * today_fleet(request()).database_nodes


def test_autoscaling_pays_for_the_mean() -> None:
    """A fleet that follows the load is billed for the mean load."""
    assert billed_rps(request()) == 300
    assert billed_rps(request(controls=("autoscaling",))) == mean_rps(request()) == 120


def test_data_by_kind() -> None:
    """A web system keeps much of its data hot, an archive of training data little."""
    assert hot_gb(request(data_gb=1000)) == 400
    assert hot_gb(request(data_gb=1000, kind="ml-training")) == 30


def test_accelerator_hours() -> None:
    """Training and inference share the hours; a training company trains most of the time."""
    training, inference = gpu_split(request(gpu_hours=100, kind="ml-training"))
    assert (training, inference) == pytest.approx((80, 20))
    assert sum(gpu_split(request(gpu_hours=77))) == pytest.approx(77)
    assert [accelerators(h) for h in (0, 1, 730, 731)] == [0, 1, 1, 2]
