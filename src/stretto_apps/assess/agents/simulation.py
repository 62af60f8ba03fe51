"""Simulation: how response times grow with the load, and when capacity and budget run out.

The queue is simulated (first come, first served, exponential gaps and service times, one server a core), with
random numbers seeded from the request: the same request always gives the same figures.
"""

from __future__ import annotations

from hashlib import sha256
from heapq import heapify, heapreplace
from random import Random
from typing import TYPE_CHECKING

from stretto_apps.assess.billing import today
from stretto_apps.assess.findings import Findings, computed, grade, has, practice
from stretto_apps.assess.sizing import TARGET_UTILIZATION, VCPU, cores, fleet, instances
from stretto_apps.assess.types import Priority

if TYPE_CHECKING:
    from stretto_apps.assess.types import AssessmentRequest, Evidence, Recommendation

__all__ = [
    "AGENT",
    "HORIZON",
    "budget_month",
    "capacity_month",
    "find",
    "grown",
    "response_times",
    "seed_of",
    "tail",
]

AGENT = "simulation"
HORIZON = 36  # months
REQUESTS = 4_000
WARM_UP = 500
FULL = 0.80  # utilization at which the fleet counts as used up
YEARS = (0, 12, 24, 36)


def find(request: AssessmentRequest) -> Findings:
    """p95 response times of today's right-sized fleet over three years of growth, and when it stops
    sufficing.
    """
    points = [(month, tail(request, month)) for month in YEARS]
    facts = _facts(request, points)
    return Findings(
        agent=AGENT,
        title="Capacity simulation",
        headline=_headline(request),
        highlights=tuple(_line(request, month, p95) for month, p95 in points),
        facts=facts,
        recommendations=tuple(_recommendations(request, points)),
        confidence=grade(
            facts, request.workload.requests_per_second > 0, request.workload.average_cpu_ms > 0
        ),
    )


def grown(value: float, growth_percent: float, month: int) -> float:
    """`value` after some months of a yearly growth, compounded."""
    return value * float((1.0 + growth_percent / 100.0) ** (month / 12.0))


def utilization(request: AssessmentRequest, month: int) -> float:
    """Busy share of the fleet sized for today's peak, in some month."""
    work = request.workload
    load = grown(work.requests_per_second, work.growth_percent, month)
    return cores(load, work.average_cpu_ms) / _servers(request)


def capacity_month(request: AssessmentRequest) -> int | None:
    """The first month within three years in which the fleet is at 80 % or more; None when it never is."""
    return next((m for m in range(HORIZON + 1) if utilization(request, m) >= FULL), None)


def budget_month(request: AssessmentRequest) -> int | None:
    """The first month within three years in which the grown bill is above the budget; None if never."""
    bill, growth = today(request).total, request.workload.growth_percent
    return next((m for m in range(HORIZON + 1) if grown(bill, growth, m) > request.monthly_budget), None)


def seed_of(request: AssessmentRequest, month: int) -> int:
    """A seed from what shapes the queue, so that nothing else moves the figures."""
    work = request.workload
    text = f"{work.requests_per_second}|{work.average_cpu_ms}|{work.growth_percent}|{month}"
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def response_times(rate: float, service: float, servers: int, count: int, seed: int) -> list[float]:
    """Response times (in the unit of `service`) of `count` requests through `servers` equal servers.

    `rate` is requests in that same unit of time. The queue starts empty; callers drop a warm-up.
    """
    dice = Random(seed)  # noqa: S311 - a simulation, nothing secret
    free = [0.0] * servers
    heapify(free)
    now, times = 0.0, []
    for _ in range(count):
        now += dice.expovariate(rate)
        done = max(now, free[0]) + dice.expovariate(1.0 / service)
        heapreplace(free, done)
        times.append(done - now)
    return times


def tail(request: AssessmentRequest, month: int) -> float | None:
    """Simulated p95 response time in milliseconds in some month; None without load, or once the queue only
    grows.
    """
    work = request.workload
    rate = grown(work.requests_per_second, work.growth_percent, month) / 1000.0
    if rate <= 0 or work.average_cpu_ms <= 0 or utilization(request, month) >= 1.0:
        return None
    times = response_times(rate, work.average_cpu_ms, _servers(request), REQUESTS, seed_of(request, month))
    steady = sorted(times[WARM_UP:])
    return steady[int(0.95 * len(steady))]


def _servers(request: AssessmentRequest) -> int:
    """Cores left when one zone is gone: the fleet without its spare machines."""
    work = request.workload
    return instances(cores(work.requests_per_second, work.average_cpu_ms), TARGET_UTILIZATION) * VCPU


def _when(month: int | None, what: str) -> str:
    if month is None:
        return f"{what} lasts for the three years looked at"
    return f"{what} is used up today" if month == 0 else f"{what} is used up in month {month}"


def _headline(request: AssessmentRequest) -> str:
    return (
        f"At {request.workload.growth_percent:g} % growth a year "
        f"{_when(capacity_month(request), 'the capacity')}, "
        f"and {_when(budget_month(request), 'the budget')}."
    )


def _line(request: AssessmentRequest, month: int, p95: float | None) -> str:
    busy = utilization(request, month)
    if p95 is not None:
        return f"Month {month}: {busy:.0%} busy, p95 {p95:.0f} ms (simulated)."
    why = "saturated, the queue only grows" if busy >= 1.0 else "no load"
    return f"Month {month}: {busy:.0%} busy, {why}."


def _facts(request: AssessmentRequest, points: list[tuple[int, float | None]]) -> tuple[Evidence, ...]:
    source = f"simulated, {REQUESTS - WARM_UP} requests, first come first served, seeded"
    tails = tuple(
        computed(f"p95 in month {month}", p95, "ms", source, assumption=True)
        for month, p95 in points
        if p95 is not None
    )
    months = (
        ("Capacity lasts until month", capacity_month(request)),
        ("Budget lasts until month", budget_month(request)),
    )
    ends = tuple(
        computed(label, month, "month", f"first month at {FULL:.0%} or above the budget", assumption=True)
        for label, month in months
        if month is not None
    )
    busy = computed(
        "Utilization today", utilization(request, 0) * 100, "%", "busy cores / cores without the spare zone"
    )
    return (busy, *tails, *ends)


def _recommendations(
    request: AssessmentRequest, points: list[tuple[int, float | None]]
) -> list[Recommendation]:
    found = []
    month = capacity_month(request)
    if month is not None and not has(request, "autoscaling"):
        found.append(_autoscaling(request, month))
    if month is not None and not has(request, "load-tests"):
        found.append(_load_tests(points))
    spent = budget_month(request)
    if spent is not None and not has(request, "budget-alerts"):
        found.append(
            practice(
                AGENT,
                "budget-alerts",
                reason="The grown bill is above the budget "
                f"{'today' if spent == 0 else f'from month {spent}'}.",
                priority=Priority.HIGH if spent <= 6 else Priority.MEDIUM,
                confidence=0.6,
                evidence=(
                    computed("Budget lasts until month", spent, "month", "bill × growth", assumption=True),
                ),
            )
        )
    return found


def _autoscaling(request: AssessmentRequest, month: int) -> Recommendation:
    return practice(
        AGENT,
        "autoscaling",
        reason=f"A fleet of {fleet(request).instances} fixed instances is at {FULL:.0%} "
        f"{'today' if month == 0 else f'in month {month}'} at the growth expected.",
        priority=Priority.HIGH if month <= 12 else Priority.MEDIUM,
        confidence=0.65,
        evidence=(
            computed("Capacity lasts until month", month, "month", "simulated growth", assumption=True),
        ),
    )


def _load_tests(points: list[tuple[int, float | None]]) -> Recommendation:
    known = [(m, p95) for m, p95 in points if p95 is not None]
    evidence = tuple(
        computed(f"p95 in month {m}", p95, "ms", "simulated", assumption=True) for m, p95 in known
    )
    return practice(
        AGENT,
        "load-tests",
        reason="The figures are simulated from mean CPU time; only a test shows where the system really "
        "bends.",
        priority=Priority.MEDIUM,
        confidence=0.7,
        evidence=evidence,
    )
