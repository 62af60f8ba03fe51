"""Capacity arithmetic: how many machines, databases and accelerators a workload needs.

All formulas are pure functions of the request. "Today" means the fleet as it probably runs now: the request
gives no bill, so a typical low utilization is assumed and said.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stretto_apps.assess.types import AssessmentRequest

__all__ = [
    "DB_GB_PER_NODE",
    "HOT_SHARE",
    "MEAN_TO_PEAK",
    "TARGET_UTILIZATION",
    "TODAY_UTILIZATION",
    "TRAINING_SHARE",
    "VCPU",
    "Fleet",
    "accelerators",
    "billed_rps",
    "cores",
    "fleet",
    "gpu_split",
    "hot_gb",
    "instances",
    "mean_rps",
    "right_fleet",
    "today_fleet",
    "with_spare",
    "zones_needed",
]

VCPU = 2  # virtual CPUs of the instance the price tables carry
TARGET_UTILIZATION = 0.60  # leaves room for bursts: queueing delay doubles between 60 and 80 %
TODAY_UTILIZATION = 0.35  # assumed of a fleet nobody right-sized
MEAN_TO_PEAK = 0.40  # mean load over peak load of an interactive service with a daily rhythm; assumed
DB_GB_PER_NODE = 500.0  # hot gigabytes one 2 vCPU / 8 GB database node serves well
DB_CPU_MS = 2.0  # database CPU milliseconds a request; assumed
DB_UTILIZATION = 0.5

# share of the data at rest that lives in databases and on block storage; the rest is objects
HOT_SHARE = {
    "web": 0.40,
    "api": 0.40,
    "batch": 0.25,
    "ml-training": 0.03,
    "ml-inference": 0.05,
    "analytics": 0.08,
    "streaming": 0.05,
}
# share of accelerator hours spent on training
TRAINING_SHARE = {"ml-training": 0.80, "ml-inference": 0.15}


@dataclass(frozen=True, slots=True)
class Fleet:
    """Machines for a workload at a utilization; `instances` counts the spare ones of `zones` zones."""

    instances: int
    base: int
    zones: int
    database_nodes: int
    utilization: float


def cores(rps: float, cpu_ms: float) -> float:
    """Busy cores at `rps` requests a second of `cpu_ms` CPU milliseconds each (offered load)."""
    return rps * cpu_ms / 1000.0


def instances(busy_cores: float, utilization: float) -> int:
    """Instances of `VCPU` cores which carry the load at a utilization; at least one."""
    return max(1, ceil(round(busy_cores / (utilization * VCPU), 9)))


def zones_needed(availability: float) -> int:
    """Independent zones for a target in percent: one below 99.5, two below 99.95, else three."""
    if availability < 99.5:
        return 1
    return 2 if availability < 99.95 else 3


def with_spare(base: int, zones: int) -> tuple[int, int]:
    """(instances, zones): the fewest machines over at least `zones` (up to three) zones of which one may be
    lost.

    When a zone is gone the others must still carry `base`: ceil(base / (z − 1)) machines in each of z zones.
    """
    if zones <= 1:
        return base, 1
    return min((ceil(base / (z - 1)) * z, z) for z in range(zones, 4))


def mean_rps(request: AssessmentRequest) -> float:
    """The mean load, from the peak."""
    return request.workload.requests_per_second * MEAN_TO_PEAK


def hot_gb(request: AssessmentRequest) -> float:
    """Gigabytes in databases and on block storage."""
    return request.workload.data_gb * HOT_SHARE.get(request.workload.kind, 0.30)


def fleet(
    request: AssessmentRequest,
    utilization: float = TARGET_UTILIZATION,
    *,
    rps: float | None = None,
    zones: int | None = None,
) -> Fleet:
    """The fleet for the request's peak over the zones its target asks for, or for another load or zones."""
    work = request.workload
    load = work.requests_per_second if rps is None else rps
    least = zones_needed(work.availability_target) if zones is None else zones
    base = instances(cores(load, work.average_cpu_ms), utilization)
    count, spread = with_spare(base, least)
    return Fleet(count, base, spread, _database_nodes(request, load, spread), utilization)


def today_fleet(request: AssessmentRequest) -> Fleet:
    """The fleet paid for today: in one zone, for the peak, at a low utilization, unless the controls say
    otherwise.
    """
    sized = "right-sizing" in request.controls
    return fleet(
        request,
        TARGET_UTILIZATION if sized else TODAY_UTILIZATION,
        rps=billed_rps(request),
        zones=_zones_today(request),
    )


def right_fleet(request: AssessmentRequest, *, rps: float | None = None) -> Fleet:
    """The fleet at the target utilization, all else as it is today; or for another load."""
    load = billed_rps(request) if rps is None else rps
    return fleet(request, rps=load, zones=_zones_today(request))


def billed_rps(request: AssessmentRequest) -> float:
    """The load machines are paid for: the mean where the fleet follows the load, else the peak."""
    return mean_rps(request) if "autoscaling" in request.controls else request.workload.requests_per_second


def _zones_today(request: AssessmentRequest) -> int:
    wanted = zones_needed(request.workload.availability_target)
    return wanted if "multi-zone" in request.controls else 1


def _database_nodes(request: AssessmentRequest, rps: float, zones: int) -> int:
    """Nodes by hot data and by load; each has a standby where there is more than one zone."""
    by_data = ceil(hot_gb(request) / DB_GB_PER_NODE)
    by_load = ceil(cores(rps, DB_CPU_MS) / (DB_UTILIZATION * VCPU))
    primary = max(1, by_data, by_load)
    return primary * 2 if zones > 1 else primary


def gpu_split(request: AssessmentRequest) -> tuple[float, float]:
    """Accelerator hours a month as (training, inference)."""
    hours = request.workload.gpu_hours
    share = TRAINING_SHARE.get(request.workload.kind, 0.30)
    return hours * share, hours * (1.0 - share)


def accelerators(hours: float, hours_a_month: float = 730.0) -> int:
    """Accelerators which run that many hours a month; none for no hours."""
    return ceil(hours / hours_a_month)
