"""The bill of today and of the recommendations taken, for three years.

Savings are not added up as the agents stated them, for several cut the same line. First come levers that use
less: each takes what it stated, at most what is left. Then come levers that pay less for what is left: each
is shrunk by the share that earlier price levers took already (a discount on a discounted hour). So no line
falls below zero, and the savings never exceed the bill.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from stretto_apps.assess.billing import ASSUMPTIONS, FIXED, today
from stretto_apps.assess.findings import usd
from stretto_apps.assess.types import CostModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stretto_apps.assess.billing import Bill
    from stretto_apps.assess.types import AssessmentRequest, Recommendation, Synthesis

__all__ = ["LEVERS", "MONTHS", "Lever", "apply_savings", "cost", "over_three_years"]

MONTHS = 36
# Recommendations with a case of their own: their running cost is weighed against time saved, not against the
# bill.
BUSINESS_CASES = frozenset({"ai use cases", "support"})


class Lever(StrEnum):
    """How a recommendation lowers the bill."""

    USE_LESS = "use less"
    PAY_LESS = "pay less"


# recommendation id -> (category of the bill, how it acts), in the order they are applied
LEVERS: Mapping[str, tuple[str, Lever]] = {
    "right-sizing": ("compute", Lever.USE_LESS),
    "autoscaling": ("compute", Lever.USE_LESS),
    "gpu-sharing": ("gpu-inference", Lever.USE_LESS),
    "arm-instances": ("compute", Lever.PAY_LESS),
    "commitment": ("compute", Lever.PAY_LESS),
    "spot-training": ("gpu-training", Lever.PAY_LESS),
    "storage-lifecycle": ("object-storage", Lever.PAY_LESS),
    "cdn": ("egress", Lever.PAY_LESS),
}


def cost(request: AssessmentRequest, synthesis: Synthesis) -> CostModel:
    """Bill lines, savings without double counting, added costs, and three years with growth.

    optimized = current − Σ savings + Σ added costs. The support plan stays at today's price in both.
    """
    bill = today(request)
    savings, left = apply_savings(bill, synthesis.recommendations)
    added = tuple(
        (r.id, r.monthly_cost)
        for r in synthesis.recommendations
        if r.monthly_cost > 0 and r.topic not in BUSINESS_CASES
    )
    extra = sum(amount for _, amount in added)
    growth = request.workload.growth_percent
    fixed = sum(left.get(category, 0.0) for category in FIXED)
    optimized = sum(left.values()) + extra
    return CostModel(
        lines=tuple(entry.line for entry in bill.lines),
        current_monthly=bill.total,
        optimized_monthly=round(optimized, 2),
        savings=savings,
        added_costs=added,
        three_year_current=over_three_years(bill.total - fixed, fixed, growth),
        three_year_optimized=over_three_years(optimized - fixed - extra, fixed + extra, growth),
        budget=request.monthly_budget,
        budget_used=round(bill.total / request.monthly_budget, 4),
        assumptions=_assumptions(request, synthesis),
    )


def apply_savings(
    bill: Bill, recommendations: Iterable[Recommendation]
) -> tuple[tuple[tuple[str, float], ...], dict[str, float]]:
    """((recommendation id, dollars a month saved), …) and what is left of each category."""
    left = {entry.category: 0.0 for entry in bill.lines}
    for entry in bill.lines:
        left[entry.category] += entry.line.monthly
    stated = {r.id: r.monthly_saving for r in recommendations if r.monthly_saving > 0}
    saved: list[tuple[str, float]] = []
    used: dict[str, float] = {}  # what is left of a category once less is used
    for name, (category, lever) in LEVERS.items():
        if name not in stated or left.get(category, 0.0) <= 0:
            continue
        full = used.setdefault(category, left[category]) if lever is Lever.PAY_LESS else left[category]
        amount = min(left[category], round(stated[name] * left[category] / full, 2))
        left[category] -= amount
        saved.append((name, round(amount, 2)))
    return tuple(saved), left


def over_three_years(growing: float, fixed: float, growth_percent: float) -> float:
    """The sum of 36 monthly bills: `growing` grows by the yearly rate month by month, `fixed` does not."""
    rate = max(0.0, 1.0 + growth_percent / 100.0)
    return round(sum(growing * float(rate ** (month / 12.0)) + fixed for month in range(MONTHS)), 2)


def _assumptions(request: AssessmentRequest, synthesis: Synthesis) -> tuple[str, ...]:
    notes = [
        *ASSUMPTIONS,
        f"The load grows by {request.workload.growth_percent:g} % a year, and the bill with it.",
        "The load balancer, the support plan and added costs do not grow.",
        "Savings on the same bill line are applied one after another, so that none is counted twice.",
    ]
    apart = sum(r.monthly_cost for r in synthesis.recommendations if r.topic in BUSINESS_CASES)
    if apart:
        notes.append(
            f"Not in the bill: {usd(apart)} a month for assistants and self-service, judged by the time "
            "they save."
        )
    gone = [entry.agent for entry in synthesis.missing]
    if gone:
        notes.append(f"Savings which these agents would have found are not in it: {', '.join(gone)}.")
    return tuple(notes)
