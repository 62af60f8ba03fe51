"""Capacity simulation and staffing by queueing theory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.assess_requests import request
from stretto_apps.assess.agents import simulation, support
from stretto_apps.assess.agents.simulation import (
    HORIZON,
    budget_month,
    capacity_month,
    grown,
    response_times,
    seed_of,
    tail,
    utilization,
)
from stretto_apps.assess.agents.support import erlang_c, mean_wait, staff
from stretto_apps.assess.types import Priority


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (2, 1.4), (8, 6.0)])
def test_the_simulation_agrees_with_theory(servers: int, load: float) -> None:
    """The mean response of the simulated queue is the service time plus Erlang C's wait, within 6 %."""
    times = response_times(load, 1.0, servers, 120_000, seed=7)
    mean = sum(times[2_000:]) / len(times[2_000:])
    assert mean == pytest.approx(1.0 + mean_wait(load, servers, 1.0), rel=0.06)


def test_an_empty_system_only_serves() -> None:
    """With far more servers than load nobody waits: the tail is the tail of the service time, 3.0 means."""
    times = sorted(response_times(0.01, 1.0, 50, 20_000, seed=3))
    assert times[int(0.95 * len(times))] == pytest.approx(3.0, rel=0.05)


def test_the_seed_decides() -> None:
    """Equal seeds give equal figures, different ones do not; the seed follows from load, service, growth and
    month.
    """
    assert response_times(1, 0.5, 1, 50, 1) == response_times(1, 0.5, 1, 50, 1)
    assert response_times(1, 0.5, 1, 50, 1) != response_times(1, 0.5, 1, 50, 2)
    assert seed_of(request(), 0) == seed_of(request(company="Other", goals=()), 0)
    assert len({seed_of(request(), 0), seed_of(request(), 12), seed_of(request(average_cpu_ms=41.0), 0)}) == 3


def test_growth_compounds() -> None:
    """100 % a year doubles in twelve months and quadruples in 24."""
    assert grown(10, 100, 12) == pytest.approx(20)
    assert grown(10, 100, 24) == pytest.approx(40)
    assert grown(10, 0, 30) == 10
    assert grown(10, -100, 12) == 0


def test_utilization_today() -> None:
    """12 busy cores on the 20 of ten instances are 60 %."""
    assert utilization(request(), 0) == pytest.approx(0.6)


@pytest.mark.parametrize(("growth", "expected"), [(0, None), (-10, None), (30, 14), (100, 5), (300, 3)])
def test_capacity_runs_out(growth: float, expected: int | None) -> None:
    """From 60 % busy the fleet is at 80 % after ln(4/3) / ln(1 + growth) years, rounded up to a month."""
    assert capacity_month(request(growth_percent=growth)) == expected


def test_budget_runs_out() -> None:
    """An exceeded budget is month 0, a large one lasts, and faster growth never lasts longer."""
    assert budget_month(request(monthly_budget=100)) == 0
    assert budget_month(request(monthly_budget=10**7)) is None
    months = [budget_month(request(monthly_budget=6_000, growth_percent=g)) for g in (20, 50, 100)]
    lasting = [HORIZON + 1 if month is None else month for month in months]
    assert lasting == sorted(lasting, reverse=True)
    assert lasting[0] > lasting[-1] > 0


def test_the_tail_grows_until_saturation() -> None:
    """p95 rises with the load and is None once the queue only grows, or without a load."""
    asked = request(growth_percent=40)
    first, second = tail(asked, 0), tail(asked, 12)
    assert first is not None
    assert second is not None
    assert first < second
    assert first > 40 * 2.9  # never below the tail of the service time alone
    assert tail(asked, 36) is None
    assert tail(request(requests_per_second=0), 0) is None


def test_figures_are_called_simulated() -> None:
    """Each p95 is marked as simulated and as an assumption; saturation is said in words."""
    found = simulation.find(request(growth_percent=60))
    tails = [fact for fact in found.facts if fact.label.startswith("p95")]
    assert tails
    assert all(fact.assumption and fact.source.startswith("simulated") for fact in tails)
    assert any("saturated" in line for line in found.highlights)


def test_autoscaling_is_urgent_when_capacity_ends_within_a_year() -> None:
    """Fast growth makes autoscaling urgent, slow growth less, none leaves it out."""

    def priority(growth: float) -> Priority | None:
        found = simulation.find(request(growth_percent=growth)).recommendations
        return next((r.priority for r in found if r.id == "autoscaling"), None)

    assert [priority(g) for g in (100, 30, 0)] == [Priority.HIGH, Priority.MEDIUM, None]


# -------------------------------------------------------------------- Erlang C


@pytest.mark.parametrize(
    ("load", "servers", "expected"),
    [
        (0.5, 1, 0.5),  # M/M/1: the utilization
        (1.0, 2, 1 / 3),  # by hand: (1/2 · 2) / (1 + 1 + 1)
        (2.0, 3, 4 / 9),  # by hand: (8/6 · 3) / (1 + 2 + 2 + 4)
        (0.0, 4, 0.0),
        (5.0, 5, 1.0),
        (6.0, 5, 1.0),
    ],
)
def test_erlang_c(load: float, servers: int, expected: float) -> None:
    """Known values of Erlang's formula."""
    assert erlang_c(load, servers) == pytest.approx(expected)


@given(load=st.floats(0.01, 80), servers=st.integers(1, 120))
def test_another_server_never_lengthens_the_wait(load: float, servers: int) -> None:
    """Probability of waiting and mean wait fall with each server."""
    assert 0 <= erlang_c(load, servers + 1) <= erlang_c(load, servers) + 1e-12
    assert mean_wait(load, servers + 1, 0.25) <= mean_wait(load, servers, 0.25)


@given(st.floats(0, 50_000))
def test_staff_is_the_fewest_that_suffice(tickets: float) -> None:
    """With those people the wait is short enough, with one fewer it is not."""
    load = tickets / support.OPEN_HOURS * support.PEAK_FACTOR * support.HANDLING_HOURS
    people = staff(tickets)
    assert mean_wait(load, people, support.HANDLING_HOURS) <= support.WANTED_WAIT_HOURS
    assert people == 0 or mean_wait(load, people - 1, support.HANDLING_HOURS) > support.WANTED_WAIT_HOURS


def test_no_tickets_no_people() -> None:
    """Without tickets nobody is needed and nothing is recommended."""
    assert staff(0) == 0
    assert support.find(request(support_tickets_per_month=0)).recommendations == ()


def test_measures_apply_one_after_another() -> None:
    """15, 25 and 4 % off leave 61.2 %, and a measure in place is not counted again."""

    def left(*controls: str) -> float:
        found = support.find(request(support_tickets_per_month=1_000, controls=controls))
        return next(fact.value for fact in found.facts if fact.label == "Tickets after self-service")

    assert left() == pytest.approx(1_000 * 0.85 * 0.75 * 0.96)
    assert left("chatbot") == pytest.approx(1_000 * 0.85 * 0.96)
    assert left("chatbot", "knowledge-base", "status-page") == 1_000


def test_routing_needs_many_tickets() -> None:
    """Automatic routing is for five hundred tickets a month and more."""
    few, many = (support.find(request(support_tickets_per_month=n)).recommendations for n in (499, 500))
    assert "ticket-routing" not in {r.id for r in few}
    assert "ticket-routing" in {r.id for r in many}


def test_a_measure_must_be_worth_its_cost() -> None:
    """At 100 tickets an assistant saves $281 of work for $300 a month, at 110 it saves $309."""
    few, more = (support.find(request(support_tickets_per_month=n)).recommendations for n in (100, 110))
    assert "chatbot" not in {r.id for r in few}
    assert "chatbot" in {r.id for r in more}
