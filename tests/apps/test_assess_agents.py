"""The eleven agents: each looks at the request, and everything it says has its numbers."""

from __future__ import annotations

import pytest

from apps.assess_requests import component, request
from stretto_apps.assess.agents import (
    AGENTS,
    LIMITS,
    ai_consultant,
    cloud_engineer,
    find,
    infrastructure,
    mlops,
    research,
    security,
    strategy,
)
from stretto_apps.assess.billing import today
from stretto_apps.assess.data.patterns import PATTERNS
from stretto_apps.assess.data.practices import PRACTICES
from stretto_apps.assess.findings import Findings, counted, grade, usd
from stretto_apps.assess.sizing import right_fleet
from stretto_apps.assess.types import AssessmentRequest, Evidence, Framework, Priority, Recommendation
from stretto_apps.assess.validate import KINDS

VARIED = (
    request(),
    request(kind="ml-training", gpu_hours=2_000, models=("a", "b"), users=0, engineers=0, stack=()),
    request(
        kind="batch", requests_per_second=0, data_gb=0, support_tickets_per_month=0, goals=(), egress_gb=0
    ),
    request(provider="gcp", region="asia-southeast1", handles_card_data=True, compliance=tuple(Framework)),
    request(controls=tuple(PRACTICES), growth_percent=-40, availability_target=99.0),
    request(
        provider="azure", region="germanywestcentral", kind="streaming", monthly_budget=10, users=3_000_000
    ),
)


def advice(findings: Findings, identifier: str) -> Recommendation:
    """The recommendation of that id."""
    return next(found for found in findings.recommendations if found.id == identifier)


def ids(findings: Findings) -> set[str]:
    """The recommendations' ids."""
    return {found.id for found in findings.recommendations}


def fact(findings: Findings, label: str) -> Evidence:
    """The fact of that label."""
    return next(found for found in findings.facts if found.label == label)


# -------------------------------------------------------------------- all eleven


@pytest.mark.parametrize(
    ("agent", "changes"),
    [
        ("strategy", {"monthly_budget": 1_500.0}),
        ("strategy", {"engineers": 0}),
        ("cloud_engineer", {"requests_per_second": 900.0}),
        ("cloud_engineer", {"provider": "gcp", "region": "europe-west3"}),
        ("research", {"kind": "analytics"}),
        ("research", {"engineers": 2}),
        ("mlops", {"gpu_hours": 500.0}),
        ("mlops", {"models": ("classifier",)}),
        ("infrastructure", {"stack": (component("postgresql", "17", "database"),)}),
        ("infrastructure", {"availability_target": 99.0}),
        ("compliance", {"compliance": (Framework.HIPAA,)}),
        ("compliance", {"handles_card_data": True}),
        ("ai_consultant", {"support_tickets_per_month": 9_000}),
        ("ai_consultant", {"industry": "retail"}),
        ("web_research", {"goals": ("lower the cost of accelerators for training",)}),
        ("web_research", {"stack": (component("kubernetes", "1.34"),)}),
        ("simulation", {"growth_percent": 90.0}),
        ("simulation", {"average_cpu_ms": 80.0}),
        ("support", {"support_tickets_per_month": 801}),
        ("support", {"controls": ("knowledge-base",)}),
        ("security", {"controls": ("mfa",)}),
        ("security", {"handles_health_data": True}),
    ],
)
def test_one_field_changes_the_findings(agent: str, changes: dict[str, object]) -> None:
    """Each agent's facts or recommendations follow from the request: one changed field changes them."""
    before, after = find(agent, request()), find(agent, request(**changes))
    assert (before.facts, before.recommendations) != (after.facts, after.recommendations)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("asked", VARIED, ids=range(len(VARIED)))
def test_findings_are_whole(agent: str, asked: AssessmentRequest) -> None:
    """Whatever the request: the agent's own name, facts with sources, unique ids, reasons, numbers and money
    ≥ 0.
    """
    found = find(agent, asked)
    assert found.agent == agent
    assert found.headline
    assert found.facts
    assert 0 < found.confidence <= 0.95
    assert all(entry.source and entry.unit for entry in found.facts)
    assert len(ids(found)) == len(found.recommendations)
    for given in found.recommendations:
        assert given.agents == (agent,)
        assert given.reason
        assert given.evidence
        assert given.monthly_saving >= 0
        assert given.monthly_cost >= 0
        assert 0 < given.confidence <= 1


@pytest.mark.parametrize("agent", AGENTS)
def test_the_same_request_gives_the_same_findings(agent: str) -> None:
    """No clock and no dice: two calls agree."""
    assert find(agent, VARIED[3]) == find(agent, VARIED[3].model_copy())


@pytest.mark.parametrize("agent", AGENTS)
def test_what_is_in_place_is_not_recommended(agent: str) -> None:
    """A practice the request lists under controls is never asked for again."""
    asked = request(controls=tuple(PRACTICES), compliance=tuple(Framework), gpu_hours=500, models=("m",))
    assert not ids(find(agent, asked)) & set(PRACTICES)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_workload_is_served(agent: str, kind: str) -> None:
    """No kind of workload breaks an agent."""
    assert find(agent, request(kind=kind, gpu_hours=10)).facts


def test_prices_carry_region_and_date() -> None:
    """Whatever is a price says where and when."""
    for agent in AGENTS:
        found = find(agent, request(gpu_hours=400, models=("m",)))
        evidence = [*found.facts, *(e for r in found.recommendations for e in r.evidence)]
        for entry in evidence:
            if "list price" in entry.source and entry.unit in {"USD/hour", "USD/GB", "USD/GB-month"}:
                assert entry.region == "eu-central-1"
                assert entry.as_of


def test_limits_and_names() -> None:
    """Eleven agents with the limits in seconds over all attempts; an unknown one raises."""
    assert tuple(LIMITS.values()) == (300, 300, 180, 240, 240, 200, 240, 180, 300, 120, 240)
    assert len(AGENTS) == 11
    with pytest.raises(KeyError):
        find("chef", request())


def test_grading() -> None:
    """Confidence falls with assumed facts and with fields nobody filled."""
    sure = Evidence(label="a", value=1, unit="x", source="s")
    guess = sure.model_copy(update={"assumption": True})
    assert grade([sure], True) == 0.95
    assert grade([guess], True) == pytest.approx(0.95 * 0.7)
    assert grade([sure], True, False) == pytest.approx(0.95 * 0.8)
    assert grade([]) == 0.95


def test_words_for_numbers() -> None:
    """Money and counts read as one writes them."""
    assert (usd(1234.5), usd(9.5), usd(-20)) == ("$1,234", "$9.50", "-$20")
    assert (counted(1, "person", "people"), counted(1350, "ticket")) == ("1 person", "1,350 tickets")


# -------------------------------------------------------------------- strategy


def test_strategy_divides_the_bill() -> None:
    """Cost per user is the bill over the users; headroom is what the budget leaves."""
    asked = request()
    bill = today(asked).total
    found = strategy.find(asked)
    assert fact(found, "Cost per user").value == pytest.approx(bill / 50_000, abs=1e-4)
    assert fact(found, "Budget left").value == pytest.approx(100 * (1 - bill / 20_000), abs=1e-3)


@pytest.mark.parametrize(
    ("now", "ceiling", "growth", "expected"),
    [
        (100, 200, 100, 12),
        (100, 150, 0, None),
        (100, 150, -20, None),
        (200, 150, 50, 0),
        (0, 150, 50, None),
        (100, 400, 100, 24),
    ],
)
def test_months_until_the_budget(now: float, ceiling: float, growth: float, expected: int | None) -> None:
    """Doubling every year, twice the bill comes after twelve months."""
    assert strategy.months_until(now, ceiling, growth) == expected


def test_strategy_warns_of_an_exceeded_budget() -> None:
    """Above the budget the alert is urgent; with plenty left there is none."""
    over = strategy.find(request(monthly_budget=100.0))
    assert advice(over, "budget-alerts").priority is Priority.HIGH
    assert "exceeded today" in over.highlights[0]
    assert "budget-alerts" not in ids(strategy.find(request(monthly_budget=90_000.0)))


def test_strategy_counts_components_per_engineer() -> None:
    """More than two components an engineer call for managed services, with the number of engineers needed."""
    stack = tuple(component(f"part{i}", None) for i in range(9))
    assert "managed-services" in ids(strategy.find(request(stack=stack, engineers=4)))
    assert "managed-services" not in ids(strategy.find(request(stack=stack, engineers=5)))
    assert (
        advice(strategy.find(request(stack=stack, engineers=0)), "managed-services").priority is Priority.HIGH
    )


def test_the_roadmap_has_a_phase_for_each_kind_of_work() -> None:
    """Basics first, then gaps, then goals; a phase without work is left out."""
    phases = strategy.roadmap(request(compliance=(Framework.SOC2,)))
    assert [phase.split(":")[0] for phase in phases] == ["Months 1 to 3", "Months 4 to 6", "Months 7 to 12"]
    done = request(controls=tuple(PRACTICES), stack=(), goals=())
    assert strategy.roadmap(done) == ()


# -------------------------------------------------------------------- cloud engineer


def test_cheapest_place_is_in_the_same_geography() -> None:
    """Regions are compared within one geography, cheapest first, the present one among them."""
    places = cloud_engineer.alternatives(request(), right_fleet(request()))
    assert [total for total, _, _ in places] == sorted(total for total, _, _ in places)
    assert ("aws", "eu-central-1") in {(provider, region) for _, provider, region in places}
    assert not {region for _, _, region in places} & {"us-east-1", "eastus", "us-central1"}


def test_right_sizing_pays_for_fewer_hours() -> None:
    """The saving is the instances given back × hours × price."""
    found = advice(cloud_engineer.find(request()), "right-sizing")
    fewer = found.evidence[0].value
    assert fewer == 8  # 12 busy cores: 18 instances at 35 %, 10 at 60 %
    assert found.monthly_saving == pytest.approx(fewer * 730 * 0.115, abs=0.01)


def test_a_shrinking_load_is_not_committed() -> None:
    """A commitment is for a load that stays."""
    assert "commitment" in ids(cloud_engineer.find(request(growth_percent=0)))
    assert "commitment" not in ids(cloud_engineer.find(request(growth_percent=-10)))


def test_delivery_network_for_public_traffic_only() -> None:
    """Little traffic or no public service: no delivery network."""
    assert "cdn" in ids(cloud_engineer.find(request(egress_gb=5_000)))
    assert "cdn" not in ids(cloud_engineer.find(request(egress_gb=500)))
    assert "cdn" not in ids(cloud_engineer.find(request(egress_gb=5_000, kind="batch")))


def test_a_much_cheaper_region_is_named() -> None:
    """Frankfurt on Google costs clearly more than Belgium; Belgium has no cheaper one."""
    dear = request(provider="gcp", region="europe-west3")
    assert "europe-west1" in advice(cloud_engineer.find(dear), "cheaper-region").action
    assert "cheaper-region" not in ids(cloud_engineer.find(request(provider="gcp", region="europe-west1")))


# -------------------------------------------------------------------- research


def test_fit_is_bounded_and_full_when_nothing_is_short() -> None:
    """Fit lies between 0 and 100, and is 100 where a pattern offers all that is asked."""
    for asked in VARIED:
        wanted = research.demand(asked)
        assert all(0 <= value <= 5 for value in wanted.values())
        assert all(0 <= research.fit(pattern, wanted) <= 100 for pattern in PATTERNS)
    assert research.fit(PATTERNS[0], dict.fromkeys(research.CRITERIA, 0.0)) == 100
    assert research.fit(PATTERNS[0], dict.fromkeys(research.CRITERIA, 1.0)) == 100


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_choice_of_patterns(kind: str) -> None:
    """For each kind of workload there are at least two patterns, ranked by fit."""
    order = research.ranked(request(kind=kind))
    assert len(order) >= 2
    assert [value for value, _ in order] == sorted((value for value, _ in order), reverse=True)
    assert all(kind in pattern.kinds for _, pattern in order)


def test_a_tiny_team_gets_the_simple_pattern() -> None:
    """Two engineers and little load are not sent to Kubernetes; forty with a large one are."""
    small = research.ranked(
        request(engineers=2, requests_per_second=5, availability_target=99.5, growth_percent=10)
    )
    large = research.ranked(request(engineers=40, requests_per_second=5_000, data_gb=20_000))
    assert small[0][1].id == "modular-monolith"
    assert large[0][1].id == "services-kubernetes"


def test_a_cluster_without_a_team() -> None:
    """A cluster in the stack of seven engineers is advised away, of eight not."""
    stack = (component("k8s", "1.35"),)
    assert "managed-services" in ids(research.find(request(stack=stack, engineers=7)))
    assert "managed-services" not in ids(research.find(request(stack=stack, engineers=8)))


# -------------------------------------------------------------------- mlops


def test_accelerator_costs_are_hours_times_price() -> None:
    """100 hours of a web company: 30 of training, 70 of inference, at the region's prices."""
    found = mlops.find(request(gpu_hours=100, models=("m",)))
    assert fact(found, "Training cost").value == pytest.approx(30 * 3.2)
    assert fact(found, "Inference cost").value == pytest.approx(70 * 0.658)


def test_maturity_climbs_with_practices() -> None:
    """Each practice of the ladder is a level, and no more of them is asked for once in place."""
    ladder = [name for name, _ in mlops.LADDER]
    for level in range(len(ladder) + 1):
        asked = request(controls=tuple(ladder[:level]), models=("m",))
        assert mlops.maturity(asked) == level
        assert ids(mlops.find(asked)) == set(ladder[level:])


def test_nothing_to_operate() -> None:
    """Without models or accelerators nothing is recommended."""
    assert mlops.find(request()).recommendations == ()
    assert "nothing to operate" in mlops.find(request()).headline


def test_spot_saving_counts_repeated_work() -> None:
    """60 % off and 8 % of the work repeated save 56.8 %."""
    found = advice(mlops.find(request(kind="ml-training", gpu_hours=1_000)), "spot-training")
    assert found.monthly_saving == pytest.approx(800 * 3.2 * (1 - 0.4 * 1.08), abs=0.01)


# -------------------------------------------------------------------- infrastructure


def test_downtime() -> None:
    """Three nines leave 43.8 minutes a month, four nines 4.38."""
    assert infrastructure.downtime_minutes(99.9) == pytest.approx(43.8)
    assert infrastructure.downtime_minutes(99.99) == pytest.approx(4.38)


@pytest.mark.parametrize(
    ("target", "each", "parts", "expected"),
    [
        (0.99, 0.995, 1, 1),
        (0.999, 0.995, 1, 2),
        (0.99, 0.9, 1, 2),
        (0.999, 0.9, 1, 3),
        (0.99, 0.995, 3, 2),
        (0.9999, 0.995, 1, 2),
    ],
)
def test_replicas(target: float, each: float, parts: int, expected: int) -> None:
    """Copies fail together with the product of their failures; parts in a row share the target."""
    assert infrastructure.replicas(target, each, parts) == expected
    reached = (1 - (1 - each) ** expected) ** parts
    assert reached >= target - 1e-9


def test_parts_in_a_row_multiply() -> None:
    """Five parts of 99.5 % reach 97.5 %."""
    assert infrastructure.composite(5, 0.995) == pytest.approx(0.9752, abs=1e-4)


def test_upgrades_by_urgency() -> None:
    """Ended and holding data is critical, ended is high, ending within nine months medium, else nothing."""
    found = infrastructure.find(
        request(
            stack=(
                component("mysql", "5.7", "database"),
                component("python", "3.8", "runtime"),
                component("ubuntu", "22.04", "os"),
                component("postgresql", "17", "database"),
            )
        )
    )
    assert advice(found, "upgrade-mysql").priority is Priority.CRITICAL
    assert advice(found, "upgrade-python").priority is Priority.HIGH
    assert advice(found, "upgrade-ubuntu").priority is Priority.MEDIUM
    assert "upgrade-postgresql" not in ids(found)
    assert advice(found, "upgrade-mysql").action == "Upgrade mysql to 8.4"


def test_no_upgrade_to_a_dead_release() -> None:
    """Where the newest listed release is over as well, moving away is advised."""
    found = infrastructure.find(request(stack=(component("centos", "7", "os"),)))
    assert advice(found, "upgrade-centos").action == "Move from centos to a supported product"


def test_unknown_components_are_named_not_judged() -> None:
    """A component without a date gets a note and no recommendation."""
    found = infrastructure.find(request(stack=(component("homegrown", "3"),)))
    assert any("homegrown" in line for line in found.highlights)
    assert not any(name.startswith("upgrade") for name in ids(found))


def test_redundancy_follows_the_target_and_has_a_price() -> None:
    """Several zones are advised from 99.5 % on, with the cost of the spare machines."""
    assert "multi-zone" not in ids(infrastructure.find(request(availability_target=99.4)))
    found = advice(infrastructure.find(request()), "multi-zone")
    machines, nodes = 15 - 10, 4 - 2
    assert found.monthly_cost == pytest.approx(machines * 730 * 0.115 + nodes * 730 * 0.207, abs=0.02)


def test_backups_before_restore_tests() -> None:
    """Data without a backup is critical; with one, a restore test is next."""
    assert advice(infrastructure.find(request()), "backups").priority is Priority.CRITICAL
    backed = infrastructure.find(request(controls=("backups",)))
    assert "backups" not in ids(backed)
    assert "restore-tests" in ids(backed)
    assert not {"backups", "restore-tests"} & ids(infrastructure.find(request(data_gb=0)))


# -------------------------------------------------------------------- ai consultant


def test_payback_arithmetic() -> None:
    """1 000 tickets, 30 % of them twelve minutes at $45: $2 700, less five cents each."""
    case = next(
        c for c in ai_consultant.scored(request(support_tickets_per_month=1_000)) if c.use.id == "chatbot"
    )
    assert case.benefit == pytest.approx(300 * 12 / 60 * 45 - 300 * 0.05)
    assert case.payback == pytest.approx(25_000 / case.benefit)


def test_cases_fit_the_company() -> None:
    """Fraud scoring needs cards, note drafting patients, maintenance machines; nothing without volume."""
    plain = {case.use.id for case in ai_consultant.scored(request(support_tickets_per_month=0))}
    assert plain == {"internal-search", "code-assistant"}
    assert "fraud-scoring" in {c.use.id for c in ai_consultant.scored(request(handles_card_data=True))}
    assert "note-drafting" in {c.use.id for c in ai_consultant.scored(request(handles_health_data=True))}
    assert "predictive-maintenance" in {
        c.use.id for c in ai_consultant.scored(request(industry="manufacturing"))
    }


def test_at_most_three_and_only_those_that_pay_back() -> None:
    """Three suggestions at most, each paid back within two years."""
    rich = request(industry="retail", handles_card_data=True, users=2_000_000, employees=900, data_gb=20_000)
    found = ai_consultant.find(rich)
    assert len(found.recommendations) == 3
    paybacks = [e.value for r in found.recommendations for e in r.evidence if e.label == "Payback"]
    assert all(0 < months <= 24 for months in paybacks)
    tiny = request(employees=2, engineers=1, support_tickets_per_month=5, users=10)
    assert ai_consultant.find(tiny).recommendations == ()


def test_more_tickets_never_score_less() -> None:
    """A larger volume never lowers the score of the assistant."""
    scores = [
        next(
            c.score
            for c in ai_consultant.scored(request(support_tickets_per_month=n))
            if c.use.id == "chatbot"
        )
        for n in (10, 100, 1_000, 10_000)
    ]
    assert scores == sorted(scores)


# -------------------------------------------------------------------- security


def test_coverage_is_weighted() -> None:
    """The heaviest control counts most; all of them are 1, none is 0."""
    assert security.coverage(request()) == 0
    assert security.coverage(request(controls=tuple(PRACTICES))) == 1
    one, light = (
        security.coverage(request(controls=("mfa",))),
        security.coverage(request(controls=("anti-malware",))),
    )
    assert one == pytest.approx(5 * light)


def test_exposure_adds_up_and_is_capped() -> None:
    """A public service is 25, an outdated part 8, cards 25; never above 100."""
    bare = request(kind="batch", stack=())
    assert security.exposure(bare) == 0
    assert security.exposure(request(stack=())) == 25
    assert security.exposure(request()) == 33
    assert security.exposure(request(handles_card_data=True)) == 58
    two = (component("python", "3.7"), component("node", "14"))
    assert security.exposure(request(stack=two)) == 25 + 16
    all_of_it = request(
        handles_card_data=True, handles_health_data=True, handles_personal_data=True, stack=()
    )
    assert security.exposure(all_of_it) == 85
    old = tuple(component("python", "3.7") for _ in range(9))
    assert security.exposure(all_of_it.model_copy(update={"stack": old})) == 100


def test_exposure_raises_priorities() -> None:
    """The same missing control is more urgent in a more exposed system."""
    quiet = advice(security.find(request(kind="batch", stack=())), "mfa")
    loud = advice(security.find(request(handles_card_data=True, handles_personal_data=True)), "mfa")
    assert (quiet.priority, loud.priority) == (Priority.HIGH, Priority.CRITICAL)


def test_outdated_parts_are_shielded_where_exposed() -> None:
    """Outdated parts come off the public path only where the exposure is high."""
    assert "shield-outdated" not in ids(security.find(request()))
    assert "shield-outdated" in ids(security.find(request(handles_card_data=True)))


def test_the_firewall_has_a_price() -> None:
    """The firewall costs its base, ten rules and the requests at mean load."""
    missing = tuple(p for p in PRACTICES if p != "waf")
    found = advice(security.find(request(controls=missing)), "waf")
    assert found.monthly_cost == pytest.approx(15 + 120 * 730 * 3600 / 1e6 * 0.6, abs=0.01)
    assert "waf" not in ids(security.find(request(controls=missing, kind="batch")))


def test_every_control_says_what_it_is_for() -> None:
    """Each control of the baseline has a risk of its own, and the reason tells it."""
    from stretto_apps.assess.data.risks import RISKS

    assert set(RISKS) == {known.id for known in security.baseline()}
    assert len(set(RISKS.values())) == len(RISKS)
    assert advice(security.find(request()), "mfa").reason == f"Without it {RISKS['mfa']}."
