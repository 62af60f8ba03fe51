"""The monthly bill of a fleet, line by line: quantity × list price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto_apps.assess.data.prices import (
    HOURS_A_MONTH,
    PRICES_AS_OF,
    commitment,
    egress,
    price,
    support_plan,
)
from stretto_apps.assess.sizing import TODAY_UTILIZATION, Fleet, gpu_split, hot_gb, mean_rps, today_fleet
from stretto_apps.assess.types import CostLine, Evidence

if TYPE_CHECKING:
    from stretto_apps.assess.types import AssessmentRequest

__all__ = ["ASSUMPTIONS", "FREE_EGRESS_GB", "Bill", "BillLine", "bill", "budget_headroom", "today"]

FREE_EGRESS_GB = 100.0
LOG_KB_PER_REQUEST = 1.0
SECONDS_A_MONTH = HOURS_A_MONTH * 3600.0

# What stands still when the load grows; everything else grows with it.
FIXED = frozenset({"load-balancer", "support"})

ASSUMPTIONS = (
    (
        "The request gives no bill: the fleet of today is taken to stand ready for the peak, on demand "
        "and in one zone, "
        f"at {TODAY_UTILIZATION:.0%} utilization, unless the controls list right-sizing, autoscaling, "
        "commitment or "
        "multi-zone."
    ),
    "The mean load is taken as 40 % of the peak.",
    f"Each request writes {LOG_KB_PER_REQUEST:g} kB of logs.",
    "Prices are public list prices before tax and negotiated discounts.",
)


@dataclass(frozen=True, slots=True)
class BillLine:
    """A bill line and the category its savings are taken from."""

    category: str
    line: CostLine


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's bill."""

    lines: tuple[BillLine, ...]

    @property
    def total(self) -> float:
        """Dollars a month."""
        return round(sum(entry.line.monthly for entry in self.lines), 2)

    def of(self, *categories: str) -> float:
        """Dollars a month in some categories."""
        return round(sum(e.line.monthly for e in self.lines if e.category in categories), 2)


def today(request: AssessmentRequest) -> Bill:
    """The bill as it probably is now; what the request lists as in place (size, scaling, commitment) is
    counted.
    """
    return bill(request, today_fleet(request))


def budget_headroom(request: AssessmentRequest, monthly: float) -> float:
    """The share of the budget that is left; negative when the bill is above it."""
    return 1.0 - monthly / request.monthly_budget


def bill(request: AssessmentRequest, machines: Fleet) -> Bill:
    """Lines with a quantity, and the support plan on top of them."""
    lines = [entry for entry in _usage(request, machines) if entry.line.quantity > 0]
    return Bill((*lines, _support(request, sum(entry.line.monthly for entry in lines))))


def _usage(request: AssessmentRequest, machines: Fleet) -> list[BillLine]:
    work = request.workload
    hot = hot_gb(request)
    training, inference = gpu_split(request)
    log_gb = mean_rps(request) * SECONDS_A_MONTH * LOG_KB_PER_REQUEST / 1e6
    rows = (
        ("compute", "Application servers", machines.instances * HOURS_A_MONTH, "instance-hours"),
        ("database", "Managed database nodes", machines.database_nodes * HOURS_A_MONTH, "node-hours"),
        ("block-storage", "Database and block storage", hot, "GB-months"),
        ("object-storage", "Object storage", work.data_gb - hot, "GB-months"),
        ("backup", "Backups, one full copy of hot data", hot, "GB-months"),
        ("egress", "Traffic to the internet", max(0.0, work.egress_gb - FREE_EGRESS_GB), "GB"),
        ("gpu-training", "Accelerators for training", training, "GPU-hours"),
        ("gpu-inference", "Accelerators for inference", inference, "GPU-hours"),
        ("logs", "Log ingestion", log_gb, "GB"),
        ("load-balancer", "Load balancer", HOURS_A_MONTH, "hours"),
    )
    return [_line(request, category, item, quantity, unit) for category, item, quantity, unit in rows]


def _line(request: AssessmentRequest, category: str, item: str, quantity: float, unit: str) -> BillLine:
    evidence = _unit_price(request, category, item, quantity)
    line = CostLine(
        item=item,
        quantity=round(quantity, 2),
        unit=unit,
        unit_price=evidence.value,
        monthly=round(round(quantity, 2) * evidence.value, 2),
        price=evidence,
    )
    return BillLine(category, line)


def _unit_price(request: AssessmentRequest, category: str, item: str, quantity: float) -> Evidence:
    if category == "egress":
        return egress(request.provider, request.region, quantity).model_copy(update={"label": item})
    listed = price(request.provider, request.region, category).evidence(item)
    if category != "compute" or "commitment" not in request.controls:
        return listed
    discount = commitment(request.provider)
    return listed.model_copy(
        update={
            "value": round(listed.value * (1.0 - discount.value), 5),
            "source": f"{listed.source}; less {discount.value:.0%}, {discount.source}",
            "assumption": listed.assumption or discount.assumption,
        }
    )


def _support(request: AssessmentRequest, spend: float) -> BillLine:
    monthly, name = support_plan(request.provider, spend)
    source = f"{name} list price on a bill of {spend:,.2f} USD"
    evidence = Evidence(
        label=name,
        value=round(monthly, 2),
        unit="USD/month",
        source=source,
        region=request.region,
        as_of=PRICES_AS_OF,
    )
    line = CostLine(
        item=name,
        quantity=1.0,
        unit="plan",
        unit_price=round(monthly, 2),
        monthly=round(monthly, 2),
        price=evidence,
    )
    return BillLine("support", line)
