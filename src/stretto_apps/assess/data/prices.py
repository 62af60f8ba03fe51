"""Public list prices of three providers, in US dollars before tax and negotiated discounts.

One row is one product; `values` gives its price in each region. Regions outside `certain` hold a value that
was carried over from a neighboring region or an older list, and their evidence is marked as an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto.errors import NotFoundError
from stretto_apps.assess.types import Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "COMMITMENT",
    "GEOGRAPHY",
    "HOURS_A_MONTH",
    "ITEMS",
    "PRICES_AS_OF",
    "PROVIDERS",
    "SPOT_DISCOUNT",
    "Price",
    "commitment",
    "egress",
    "geography",
    "in_european_union",
    "price",
    "regions",
    "support_plan",
]

PRICES_AS_OF = "2025-06-01"
HOURS_A_MONTH = 730.0  # 8 760 hours a year / 12, the figure the providers' own calculators use
UNSURE = "list price ±10 %, check before buying"


@dataclass(frozen=True, slots=True)
class Price:
    """One product's price in one region."""

    provider: str
    region: str
    item: str
    value: float
    unit: str
    source: str
    assumption: bool

    def evidence(self, label: str) -> Evidence:
        """The price as evidence, with region and date."""
        source = f"{self.source}; {UNSURE}" if self.assumption else self.source
        return Evidence(
            label=label,
            value=self.value,
            unit=self.unit,
            source=source,
            region=self.region,
            as_of=PRICES_AS_OF,
            assumption=self.assumption,
        )


@dataclass(frozen=True, slots=True)
class _Row:
    unit: str
    source: str
    values: tuple[float, ...]  # in the order of the provider's regions
    certain: frozenset[str] | None = None  # None: every region


HOUR = "USD/hour"
GB = "USD/GB"
GB_MONTH = "USD/GB-month"

_REGIONS: Mapping[str, tuple[str, ...]] = {
    "aws": ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1"),
    "azure": ("eastus", "westus2", "northeurope", "westeurope", "germanywestcentral", "southeastasia"),
    "gcp": ("us-central1", "us-east4", "europe-west1", "europe-west3", "asia-southeast1"),
}
PROVIDERS = tuple(_REGIONS)

GEOGRAPHY: Mapping[str, str] = {
    "us-east-1": "us",
    "us-west-2": "us",
    "eu-west-1": "eu",
    "eu-central-1": "eu",
    "ap-southeast-1": "apac",
    "eastus": "us",
    "westus2": "us",
    "northeurope": "eu",
    "westeurope": "eu",
    "germanywestcentral": "eu",
    "southeastasia": "apac",
    "us-central1": "us",
    "us-east4": "us",
    "europe-west1": "eu",
    "europe-west3": "eu",
    "asia-southeast1": "apac",
}

_US_AWS = frozenset({"us-east-1", "us-west-2"})
_US_AZURE = frozenset({"eastus", "westus2"})
_EASTUS = frozenset({"eastus"})
_CENTRAL = frozenset({"us-central1"})
_NONE: frozenset[str] = frozenset()

_AWS: Mapping[str, _Row] = {
    "compute": _Row(
        HOUR, "AWS EC2 on-demand list price, m6i.large, Linux", (0.096, 0.096, 0.107, 0.115, 0.12)
    ),
    "compute-arm": _Row(
        HOUR, "AWS EC2 on-demand list price, m6g.large, Linux", (0.077, 0.077, 0.086, 0.092, 0.096)
    ),
    "database": _Row(
        HOUR,
        "AWS RDS for PostgreSQL list price, db.m6i.large, single zone",
        (0.178, 0.178, 0.196, 0.207, 0.225),
        _US_AWS,
    ),
    "block-storage": _Row(GB_MONTH, "AWS EBS list price, gp3 volume", (0.08, 0.08, 0.088, 0.0952, 0.096)),
    "object-storage": _Row(
        GB_MONTH, "AWS S3 list price, Standard, first 50 TB", (0.023, 0.023, 0.023, 0.0245, 0.025)
    ),
    "cool-storage": _Row(
        GB_MONTH, "AWS S3 list price, Standard-Infrequent Access", (0.0125, 0.0125, 0.0125, 0.0135, 0.0138)
    ),
    "egress": _Row(
        GB, "AWS data transfer out list price, first 10 TB beyond 100 GB free", (0.09, 0.09, 0.09, 0.09, 0.12)
    ),
    "gpu-inference": _Row(
        HOUR, "AWS EC2 on-demand list price, g4dn.xlarge, one T4", (0.526, 0.526, 0.587, 0.658, 0.736)
    ),
    "gpu-training": _Row(
        HOUR,
        "AWS EC2 on-demand list price, p4d.24xlarge, an eighth of it (one A100 40 GB)",
        (2.745, 2.745, 3.0, 3.2, 3.4),
        _NONE,
    ),
    "load-balancer": _Row(
        HOUR,
        "AWS Application Load Balancer list price, without capacity units",
        (0.0225, 0.0225, 0.0252, 0.027, 0.0252),
    ),
    "backup": _Row(GB_MONTH, "AWS EBS snapshot list price, standard tier", (0.05, 0.05, 0.05, 0.054, 0.05)),
    "logs": _Row(GB, "AWS CloudWatch Logs list price, ingestion", (0.50, 0.50, 0.57, 0.63, 0.70)),
}

_AZURE: Mapping[str, _Row] = {
    "compute": _Row(
        HOUR,
        "Azure pay-as-you-go list price, D2s v5, Linux",
        (0.096, 0.096, 0.107, 0.115, 0.115, 0.12),
        _US_AZURE,
    ),
    "compute-arm": _Row(
        HOUR,
        "Azure pay-as-you-go list price, D2ps v5, Linux",
        (0.077, 0.077, 0.086, 0.092, 0.092, 0.096),
        _EASTUS,
    ),
    "database": _Row(
        HOUR,
        "Azure Database for PostgreSQL flexible server list price, D2ds v4",
        (0.178, 0.178, 0.196, 0.206, 0.206, 0.222),
        _EASTUS,
    ),
    "block-storage": _Row(
        GB_MONTH,
        "Azure managed disk list price, Premium SSD P10 / 128 GB",
        (0.154, 0.154, 0.161, 0.169, 0.169, 0.169),
        _EASTUS,
    ),
    "object-storage": _Row(
        GB_MONTH,
        "Azure Blob Storage list price, hot, LRS",
        (0.0208, 0.0184, 0.0184, 0.0196, 0.0196, 0.02),
        _US_AZURE,
    ),
    "cool-storage": _Row(
        GB_MONTH,
        "Azure Blob Storage list price, cool, LRS",
        (0.0115, 0.01, 0.01, 0.01, 0.011, 0.011),
        _NONE,
    ),
    "egress": _Row(
        GB,
        "Azure bandwidth list price, first 10 TB beyond 100 GB free",
        (0.087, 0.087, 0.087, 0.087, 0.087, 0.12),
    ),
    "gpu-inference": _Row(
        HOUR,
        "Azure pay-as-you-go list price, NC4as T4 v3, one T4",
        (0.526, 0.526, 0.587, 0.658, 0.658, 0.71),
        _EASTUS,
    ),
    "gpu-training": _Row(
        HOUR,
        "Azure pay-as-you-go list price, NC24ads A100 v4, one A100 80 GB",
        (3.673, 3.673, 4.04, 4.775, 4.775, 4.6),
        _EASTUS,
    ),
    "load-balancer": _Row(
        HOUR,
        "Azure Load Balancer Standard list price, first five rules",
        (0.025, 0.025, 0.025, 0.025, 0.025, 0.025),
    ),
    "backup": _Row(
        GB_MONTH,
        "Azure managed disk snapshot list price, standard storage",
        (0.05, 0.05, 0.05, 0.05, 0.05, 0.05),
        _EASTUS,
    ),
    "logs": _Row(
        GB,
        "Azure Monitor list price, analytics logs, pay-as-you-go",
        (2.30, 2.30, 2.76, 2.76, 2.76, 2.76),
        frozenset({"eastus", "westus2", "westeurope"}),
    ),
}

_GCP: Mapping[str, _Row] = {
    "compute": _Row(
        HOUR,
        "Google Compute Engine on-demand list price, n2-standard-2",
        (0.0971, 0.1094, 0.1068, 0.1251, 0.1198),
        frozenset({"us-central1", "us-east4", "europe-west1", "europe-west3"}),
    ),
    "compute-arm": _Row(
        HOUR,
        "Google Compute Engine on-demand list price, t2a-standard-2",
        (0.077, 0.087, 0.085, 0.099, 0.095),
        _CENTRAL,
    ),
    "database": _Row(
        HOUR,
        "Google Cloud SQL for PostgreSQL Enterprise list price, 2 vCPU and 8 GB, zonal",
        (0.1386, 0.156, 0.1386, 0.166, 0.16),
        _CENTRAL,
    ),
    "block-storage": _Row(
        GB_MONTH,
        "Google Persistent Disk list price, balanced",
        (0.10, 0.11, 0.10, 0.12, 0.11),
        frozenset({"us-central1", "europe-west1", "europe-west3"}),
    ),
    "object-storage": _Row(
        GB_MONTH, "Google Cloud Storage list price, Standard", (0.020, 0.023, 0.020, 0.023, 0.020)
    ),
    "cool-storage": _Row(
        GB_MONTH,
        "Google Cloud Storage list price, Nearline",
        (0.010, 0.013, 0.010, 0.013, 0.010),
        frozenset({"us-central1", "europe-west1"}),
    ),
    "egress": _Row(
        GB,
        "Google Cloud premium tier internet egress list price, first TB",
        (0.12, 0.12, 0.12, 0.12, 0.12),
        frozenset({"us-central1", "us-east4", "europe-west1", "europe-west3"}),
    ),
    "gpu-inference": _Row(
        HOUR,
        "Google Compute Engine on-demand list price, n1-standard-4 with one T4",
        (0.54, 0.56, 0.57, 0.66, 0.60),
        _CENTRAL,
    ),
    "gpu-training": _Row(
        HOUR,
        "Google Compute Engine on-demand list price, a2-highgpu-1g, one A100 40 GB",
        (3.673, 3.9, 4.0, 4.3, 4.2),
        _CENTRAL,
    ),
    "load-balancer": _Row(
        HOUR,
        "Google Cloud Load Balancing list price, first five forwarding rules",
        (0.025, 0.028, 0.025, 0.03, 0.028),
        _CENTRAL,
    ),
    "backup": _Row(
        GB_MONTH,
        "Google Compute Engine snapshot list price, regional",
        (0.05, 0.055, 0.05, 0.06, 0.055),
        _CENTRAL,
    ),
    "logs": _Row(GB, "Google Cloud Logging list price, storage beyond 50 GB free", (0.5, 0.5, 0.5, 0.5, 0.5)),
}

_TABLES: Mapping[str, Mapping[str, _Row]] = {"aws": _AWS, "azure": _AZURE, "gcp": _GCP}
ITEMS = tuple(_AWS)


def regions(provider: str) -> tuple[str, ...]:
    """The regions with prices here. `NotFoundError` names the providers when there is no such one."""
    if provider not in _REGIONS:
        raise NotFoundError("cloud provider", provider, PROVIDERS)
    return _REGIONS[provider]


def price(provider: str, region: str, item: str) -> Price:
    """The list price of `item`; `NotFoundError` says what is known."""
    known = regions(provider)
    if region not in known:
        raise NotFoundError(f"{provider} region", region, known)
    if item not in _TABLES[provider]:
        raise NotFoundError("price item", item, ITEMS)
    row = _TABLES[provider][item]
    unsure = row.certain is not None and region not in row.certain
    return Price(provider, region, item, row.values[known.index(region)], row.unit, row.source, unsure)


def geography(region: str) -> str:
    """`us`, `eu` or `apac`; prices are only compared inside one, for latency and law differ between them."""
    return GEOGRAPHY[region]


def in_european_union(region: str) -> bool:
    """Whether data in `region` stays in the European Union (Ireland, Netherlands, Belgium, Germany here)."""
    return GEOGRAPHY[region] == "eu"


# provider -> (upper end in GB a month beyond the free 100, share of the first tier's price)
_EGRESS_TIERS: Mapping[str, tuple[tuple[float, float], ...]] = {
    "aws": ((10_000, 1.0), (50_000, 0.944), (150_000, 0.778), (float("inf"), 0.556)),
    "azure": ((10_000, 1.0), (50_000, 0.954), (150_000, 0.805), (float("inf"), 0.575)),
    "gcp": ((1_000, 1.0), (10_000, 0.917), (float("inf"), 0.667)),
}


def egress(provider: str, region: str, gigabytes: float) -> Evidence:
    """The mean price of a gigabyte to the internet over the provider's tiers, for a month's traffic."""
    first = price(provider, region, "egress")
    if gigabytes <= 0:
        return first.evidence("Egress")
    mean = first.value * _tiered(gigabytes, _EGRESS_TIERS[provider]) / gigabytes
    told = f"{first.source}, lower tiers blended in for {gigabytes:,.0f} GB"
    # The tiers' shares are those of the American and European lists.
    unsure = first.assumption or geography(region) == "apac"
    return first.evidence("Egress").model_copy(
        update={"value": round(mean, 5), "source": told, "assumption": unsure}
    )


def _tiered(amount: float, tiers: tuple[tuple[float, float], ...]) -> float:
    """What `amount` costs when each tier (upper end, price) prices what lies in it."""
    total, below = 0.0, 0.0
    for upper, rate in tiers:
        total += max(0.0, min(amount, upper) - below) * rate
        below = upper
    return total


@dataclass(frozen=True, slots=True)
class _Commitment:
    share: float
    source: str
    assumption: bool


COMMITMENT: Mapping[str, _Commitment] = {
    "aws": _Commitment(
        0.37, "AWS EC2 Instance Savings Plan, m6i, one year, nothing upfront", assumption=False
    ),
    "azure": _Commitment(
        0.36, "Azure reserved VM instance, Dsv5, one year; published as 'up to', so assumed", assumption=True
    ),
    "gcp": _Commitment(0.37, "Google Compute Engine committed use discount, N2, one year", assumption=False),
}
# Spot and preemptible prices move daily; the providers publish "up to 90 %". A cautious share is used
# everywhere.
SPOT_DISCOUNT = 0.60


def commitment(provider: str) -> Evidence:
    """The share of the on-demand price saved by committing for one year."""
    known = COMMITMENT[provider]
    return Evidence(
        label="One-year commitment discount",
        value=known.share,
        unit="share of on-demand",
        source=known.source,
        as_of=PRICES_AS_OF,
        assumption=known.assumption,
    )


@dataclass(frozen=True, slots=True)
class _SupportPlan:
    name: str
    minimum: float
    tiers: tuple[tuple[float, float], ...]  # (upper end of the monthly bill, share of what lies in the tier)


_SUPPORT: Mapping[str, _SupportPlan] = {
    "aws": _SupportPlan(
        "AWS Business support", 100.0, ((10_000, 0.10), (80_000, 0.07), (250_000, 0.05), (float("inf"), 0.03))
    ),
    "azure": _SupportPlan("Azure Standard support", 100.0, ((float("inf"), 0.0),)),
    "gcp": _SupportPlan("Google Cloud Standard support", 29.0, ((float("inf"), 0.03),)),
}


def support_plan(provider: str, monthly: float) -> tuple[float, str]:
    """What production support costs on a bill of `monthly`, and the plan's name: the larger of floor and
    tiers.
    """
    plan = _SUPPORT[provider]
    return max(plan.minimum, _tiered(monthly, plan.tiers)), plan.name
