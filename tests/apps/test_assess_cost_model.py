"""The bill, savings and three years."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.assess_requests import request
from stretto_apps.assess.agents import AGENTS, find
from stretto_apps.assess.billing import bill, budget_headroom, today
from stretto_apps.assess.cost_model import LEVERS, Lever, apply_savings, cost, over_three_years
from stretto_apps.assess.findings import recommendation, report
from stretto_apps.assess.sizing import fleet
from stretto_apps.assess.synthesis import synthesize
from stretto_apps.assess.types import AssessmentRequest, Priority, Recommendation, Synthesis


def lever(
    identifier: str, saving: float = 0.0, *, topic: str = "compute", extra: float = 0.0
) -> Recommendation:
    """A recommendation with money on it."""
    return recommendation(
        "tester",
        identifier,
        topic,
        identifier,
        reason="r",
        priority=Priority.LOW,
        confidence=0.5,
        saving=saving,
        cost=extra,
    )


def found(asked: AssessmentRequest, *recommendations: Recommendation) -> Synthesis:
    """A synthesis of just these recommendations."""
    return synthesize(asked, []).model_copy(update={"recommendations": recommendations})


def whole(asked: AssessmentRequest) -> Synthesis:
    """The synthesis of all eleven agents."""
    return synthesize(asked, [report(find(agent, asked), "words", "offline") for agent in AGENTS])


def test_lines_are_quantity_times_price() -> None:
    """Each line's sum is its quantity times its unit price, and the price is its evidence's value."""
    for entry in today(request(gpu_hours=100)).lines:
        line = entry.line
        assert line.monthly == pytest.approx(line.quantity * line.unit_price, abs=0.006)
        assert line.price.value == line.unit_price
        assert line.price.source
        assert line.price.region == "eu-central-1"
        assert line.price.as_of


def test_known_bill() -> None:
    """15 instances at $0.115 for 730 hours, and 2 900 GB of traffic beyond the free 100 at $0.09."""
    lines = {entry.category: entry.line for entry in bill(request(), fleet(request())).lines}
    assert lines["compute"].monthly == pytest.approx(15 * 730 * 0.115)
    assert lines["egress"].monthly == pytest.approx(2_900 * 0.09)
    assert lines["object-storage"].monthly == pytest.approx(1_200 * 0.0245)
    assert "gpu-training" not in lines


def test_nothing_used_nothing_billed() -> None:
    """Lines without a quantity are left out; traffic within the free 100 GB costs nothing."""
    quiet = today(request(data_gb=0, egress_gb=100, requests_per_second=0))
    assert {entry.category for entry in quiet.lines} == {"compute", "database", "load-balancer", "support"}


def test_the_support_plan_follows_the_bill() -> None:
    """AWS Business support is a tenth of a bill below $10 000."""
    whole_bill = today(request())
    assert whole_bill.of("support") == pytest.approx(
        0.1 * (whole_bill.total - whole_bill.of("support")), abs=0.02
    )


def test_a_commitment_in_place_lowers_the_price() -> None:
    """A company that has committed pays the lower hour, and the evidence says why."""
    plain, committed = today(request()), today(request(controls=("commitment",)))
    assert committed.of("compute") == pytest.approx(plain.of("compute") * 0.63, rel=1e-3)
    line = next(entry.line for entry in committed.lines if entry.category == "compute")
    assert "Savings Plan" in line.price.source


@given(rps=st.floats(0, 3_000), more=st.floats(0, 3_000), gb=st.floats(0, 90_000))
def test_more_of_anything_never_costs_less(rps: float, more: float, gb: float) -> None:
    """The bill never falls when the load or the data rises."""
    small = today(request(requests_per_second=rps, data_gb=gb))
    assert today(request(requests_per_second=rps + more, data_gb=gb)).total >= small.total - 0.02
    assert today(request(requests_per_second=rps, data_gb=gb + more)).total >= small.total - 0.02


def test_headroom() -> None:
    """Headroom is what is left of the budget, negative above it."""
    assert budget_headroom(request(monthly_budget=100), 75) == 0.25
    assert budget_headroom(request(monthly_budget=100), 150) == -0.5


def test_using_less_is_taken_as_stated() -> None:
    """Two levers that use less add up, until nothing is left."""
    compute = today(request()).of("compute")
    saved, left = apply_savings(today(request()), [lever("right-sizing", 100), lever("autoscaling", 50)])
    assert saved == (("right-sizing", 100), ("autoscaling", 50))
    assert left["compute"] == pytest.approx(compute - 150)


def test_discounts_do_not_add_up() -> None:
    """Half off and then half off leaves a quarter, not nothing."""
    compute = today(request()).of("compute")
    saved, left = apply_savings(
        today(request()), [lever("arm-instances", compute / 2), lever("commitment", compute / 2)]
    )
    assert dict(saved)["commitment"] == pytest.approx(compute / 4, abs=0.01)
    assert left["compute"] == pytest.approx(compute / 4, abs=0.02)


def test_order_of_recommendations_does_not_matter() -> None:
    """Levers have an order of their own."""
    levers = [lever(name, 40.0 + i) for i, name in enumerate(LEVERS)]
    assert apply_savings(today(request(gpu_hours=300)), levers) == apply_savings(
        today(request(gpu_hours=300)), levers[::-1]
    )


@given(st.lists(st.tuples(st.sampled_from(sorted(LEVERS)), st.floats(0, 1e6)), max_size=12))
def test_savings_never_exceed_what_they_act_on(stated: list[tuple[str, float]]) -> None:
    """However much is claimed, no category goes below zero and no dollar is saved twice."""
    current = today(request(gpu_hours=500))
    saved, left = apply_savings(current, [lever(name, amount) for name, amount in stated])
    assert all(amount >= 0 for amount in left.values())
    assert sum(left.values()) == pytest.approx(current.total - sum(amount for _, amount in saved), abs=0.05)
    for name, amount in saved:
        category, _ = LEVERS[name]
        assert amount <= current.of(category) + 0.01


def test_every_lever_is_a_known_practice_on_a_known_category() -> None:
    """A lever's id is a practice, its category a line of some bill."""
    from stretto_apps.assess.data.practices import PRACTICES

    categories = {entry.category for entry in today(request(gpu_hours=500)).lines}
    assert set(LEVERS) <= set(PRACTICES)
    assert {category for category, _ in LEVERS.values()} <= categories
    assert {kind for _, kind in LEVERS.values()} == set(Lever)


def test_every_saving_an_agent_claims_has_a_lever() -> None:
    """No agent's saving is silently dropped by the cost model."""
    for asked in (
        request(),
        request(kind="ml-training", gpu_hours=3_000, models=("m",)),
        request(provider="gcp", region="europe-west3"),
    ):
        for entry in whole(asked).recommendations:
            assert entry.monthly_saving == 0 or entry.id in LEVERS, entry.id


def test_the_model_adds_up() -> None:
    """optimized = current − Σ savings + Σ added costs, with all agents' recommendations."""
    asked = request(gpu_hours=600, models=("m",), handles_card_data=True)
    model = cost(asked, whole(asked))
    assert model.savings
    assert model.added_costs
    savings, added = (sum(amount for _, amount in pairs) for pairs in (model.savings, model.added_costs))
    assert model.optimized_monthly == pytest.approx(model.current_monthly - savings + added, abs=0.02)
    assert model.current_monthly == pytest.approx(sum(line.monthly for line in model.lines), abs=0.02)
    assert model.budget_used == pytest.approx(model.current_monthly / asked.monthly_budget, abs=1e-4)


def test_business_cases_are_not_in_the_bill() -> None:
    """An assistant's running cost is told apart, not added to the infrastructure bill."""
    asked = request()
    model = cost(
        asked,
        found(asked, lever("chatbot", topic="support", extra=300), lever("waf", topic="network", extra=40)),
    )
    assert model.added_costs == (("waf", 40.0),)
    assert any("$300" in note for note in model.assumptions)


def test_without_recommendations_nothing_changes() -> None:
    """An empty synthesis leaves the bill as it is."""
    model = cost(request(), found(request()))
    assert model.optimized_monthly == model.current_monthly
    assert model.three_year_optimized == model.three_year_current
    assert model.savings == ()


def test_three_years() -> None:
    """36 bills: flat without growth, doubled after a year at 100 %, down to nothing at −100 %."""
    assert over_three_years(100, 10, 0) == 3_960
    month = 2 ** (1 / 12)
    assert over_three_years(100, 0, 100) == pytest.approx(100 * (month**36 - 1) / (month - 1), abs=0.01)
    assert over_three_years(100, 10, -100) == 100 + 360


@given(low=st.floats(-100, 300), high=st.floats(-100, 300))
def test_growth_never_lowers_the_total(low: float, high: float) -> None:
    """A higher growth never costs less."""
    low, high = sorted((low, high))
    assert over_three_years(50, 5, low) <= over_three_years(50, 5, high)


def test_missing_agents_are_told() -> None:
    """Savings nobody looked for are named as an assumption."""
    from stretto import Missing

    asked = request()
    model = cost(asked, synthesize(asked, [Missing("agents/cloud_engineer", "timed_out")]))
    assert any("cloud_engineer" in note for note in model.assumptions)
