"""Cloud engineering: the right size, the right price model, and what the same fleet costs elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.billing import FREE_EGRESS_GB, Bill, bill, today
from stretto_apps.assess.data.prices import (
    HOURS_A_MONTH,
    PROVIDERS,
    commitment,
    geography,
    price,
    regions,
)
from stretto_apps.assess.findings import (
    Findings,
    computed,
    counted,
    grade,
    has,
    practice,
    recommendation,
    usd,
)
from stretto_apps.assess.sizing import (
    MEAN_TO_PEAK,
    TARGET_UTILIZATION,
    Fleet,
    cores,
    fleet,
    hot_gb,
    mean_rps,
    right_fleet,
    today_fleet,
)
from stretto_apps.assess.types import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto_apps.assess.types import AssessmentRequest, Evidence, Recommendation

__all__ = ["AGENT", "alternatives", "find"]

AGENT = "cloud_engineer"
COLD_SHARE = 0.50  # share of stored objects that nobody read for a month; assumed
CACHEABLE_SHARE = 0.60  # share of web traffic a content delivery network answers; assumed
CDN_DISCOUNT = 0.30  # delivery price below the provider's egress price; assumed
WORTH_MOVING = 0.08  # a price gap below this does not pay for a migration
PORTABLE_SHARE = 0.60  # share of the fleet that runs on Arm without changes; assumed


def find(request: AssessmentRequest) -> Findings:
    """Sizes the fleet from the load, prices it here and elsewhere, and lists what would save money."""
    now, right, peak = today_fleet(request), right_fleet(request), fleet(request)
    current = today(request)
    facts = (*_size_facts(request, now, peak), *_price_facts(request))
    return Findings(
        agent=AGENT,
        title="Cloud sizing and prices",
        headline=f"The peak of {request.workload.requests_per_second:g} requests a second needs "
        f"{counted(peak.instances, 'instance')} over {counted(peak.zones, 'zone')}; {now.instances} are "
        "paid for by estimate.",
        highlights=tuple(_comparison(request, right)),
        facts=facts,
        recommendations=tuple(_recommendations(request, now, right, current)),
        confidence=grade(facts, request.workload.requests_per_second > 0, request.workload.data_gb > 0),
    )


def alternatives(request: AssessmentRequest, machines: Fleet) -> list[tuple[float, str, str]]:
    """(monthly total, provider, region) of the fleet in every region of this geography, cheapest first."""
    here = geography(request.region)
    places = [(p, r) for p in PROVIDERS for r in regions(p) if geography(r) == here]
    priced = [
        (bill(request.model_copy(update={"provider": p, "region": r}), machines).total, p, r)
        for p, r in places
    ]
    return sorted(priced)


def _size_facts(request: AssessmentRequest, now: Fleet, peak: Fleet) -> tuple[Evidence, ...]:
    work = request.workload
    busy = cores(work.requests_per_second, work.average_cpu_ms)
    formula = "busy cores / (utilization × 2 vCPU), and a zone to spare if there is more than one"
    return (
        computed("Busy cores at peak", busy, "cores", "requests a second × CPU ms / 1000"),
        computed("Instances needed", peak.instances, "instances", f"{formula}, {peak.utilization:.0%}"),
        computed(
            "Instances today",
            now.instances,
            "instances",
            f"{formula}, {now.utilization:.0%}",
            assumption=True,
        ),
        computed(
            "Database nodes needed",
            peak.database_nodes,
            "nodes",
            "max of data and load, doubled for two zones",
        ),
        computed("Hot data", hot_gb(request), "GB", "share of the data by kind of workload", assumption=True),
    )


def _price_facts(request: AssessmentRequest) -> tuple[Evidence, ...]:
    names = (("compute", "Instance hour"), ("compute-arm", "Arm instance hour"), ("egress", "Egress"))
    here = tuple(price(request.provider, request.region, item).evidence(label) for item, label in names)
    return (*here, commitment(request.provider))


def _comparison(request: AssessmentRequest, right: Fleet) -> Iterator[str]:
    places = alternatives(request, right)
    here = bill(request, right).total
    cheapest, provider, region = places[0]
    yield f"Right-sized, the bill is {usd(here)} a month in {request.provider} {request.region}."
    if (provider, region) != (request.provider, request.region):
        yield f"Of {len(places)} regions compared, {provider} {region} is the cheapest at {usd(cheapest)}."
    else:
        yield f"None of the {len(places) - 1} other regions compared is cheaper."


def _recommendations(
    request: AssessmentRequest, now: Fleet, right: Fleet, current: Bill
) -> Iterator[Recommendation]:
    yield from _right_sizing(request, now, right)
    yield from _autoscaling(request, right)
    yield from _commitment(request, right)
    yield from _arm(request, right)
    yield from _storage(request, current)
    yield from _delivery(request, current)
    yield from _elsewhere(request, right)


def _compute_cost(request: AssessmentRequest, instances: float) -> float:
    return instances * HOURS_A_MONTH * price(request.provider, request.region, "compute").value


def _right_sizing(request: AssessmentRequest, now: Fleet, right: Fleet) -> Iterator[Recommendation]:
    fewer = now.instances - right.instances
    if fewer <= 0 or has(request, "right-sizing"):
        return
    yield practice(
        AGENT,
        "right-sizing",
        reason=f"At {TARGET_UTILIZATION:.0%} utilization {counted(right.instances, 'instance')} will do; "
        f"{now.instances} are taken to run.",
        priority=Priority.HIGH if fewer > right.instances / 2 else Priority.MEDIUM,
        confidence=0.7,
        evidence=(
            computed("Instances to give back", fewer, "instances", "today − needed", assumption=True),
            price(request.provider, request.region, "compute").evidence("Instance hour"),
        ),
        saving=_compute_cost(request, fewer),
    )


def _autoscaling(request: AssessmentRequest, right: Fleet) -> Iterator[Recommendation]:
    low = right_fleet(request, rps=mean_rps(request))
    fewer = right.instances - low.instances
    if fewer <= 0 or has(request, "autoscaling"):
        return
    yield practice(
        AGENT,
        "autoscaling",
        reason=f"At the mean load {counted(low.instances, 'instance')} will do; {right.instances} are "
        "only needed at the peak.",
        priority=Priority.MEDIUM,
        confidence=0.7,
        evidence=(
            computed(
                "Mean load",
                mean_rps(request),
                "requests/s",
                f"{MEAN_TO_PEAK:.0%} of the peak",
                assumption=True,
            ),
            computed(
                "Instances at mean load", low.instances, "instances", "as for the peak", assumption=True
            ),
        ),
        saving=_compute_cost(request, fewer),
    )


def _commitment(request: AssessmentRequest, right: Fleet) -> Iterator[Recommendation]:
    # Only the fleet at mean load is steady; a shrinking load is no reason to commit for a year.
    steady = min(right.instances, right_fleet(request, rps=mean_rps(request)).instances)
    if has(request, "commitment") or request.workload.growth_percent < 0:
        return
    discount = commitment(request.provider)
    yield practice(
        AGENT,
        "commitment",
        reason=f"Around the clock {counted(steady, 'instance')} must run, and the load is not expected "
        "to shrink.",
        priority=Priority.MEDIUM,
        confidence=0.75,
        evidence=(
            discount,
            computed("Steady instances", steady, "instances", "fleet at mean load", assumption=True),
        ),
        saving=_compute_cost(request, steady) * discount.value,
    )


def _arm(request: AssessmentRequest, right: Fleet) -> Iterator[Recommendation]:
    usual = price(request.provider, request.region, "compute")
    arm = price(request.provider, request.region, "compute-arm")
    if has(request, "arm-instances") or right.instances < 4:
        return
    moved = right_fleet(request, rps=mean_rps(request)).instances * PORTABLE_SHARE
    yield practice(
        AGENT,
        "arm-instances",
        reason=f"An Arm instance of the same size is {1 - arm.value / usual.value:.0%} cheaper here.",
        priority=Priority.LOW,
        confidence=0.6,
        evidence=(
            usual.evidence("Instance hour"),
            arm.evidence("Arm instance hour"),
            computed("Portable share", PORTABLE_SHARE * 100, "%", "estimate", assumption=True),
        ),
        saving=moved * HOURS_A_MONTH * (usual.value - arm.value),
    )


def _storage(request: AssessmentRequest, current: Bill) -> Iterator[Recommendation]:
    warm = price(request.provider, request.region, "object-storage")
    cool = price(request.provider, request.region, "cool-storage")
    objects = request.workload.data_gb - hot_gb(request)
    saving = objects * COLD_SHARE * (warm.value - cool.value)
    if saving < 5.0 or has(request, "storage-lifecycle"):
        return
    yield practice(
        AGENT,
        "storage-lifecycle",
        reason=f"About {objects * COLD_SHARE:,.0f} GB of objects are hardly read, "
        f"and object storage is {usd(current.of('object-storage'))} of the bill.",
        priority=Priority.LOW if saving < 200 else Priority.MEDIUM,
        confidence=0.75,
        evidence=(
            warm.evidence("Object storage"),
            cool.evidence("Cool storage"),
            computed("Cold share", COLD_SHARE * 100, "%", "estimate", assumption=True),
        ),
        saving=saving,
    )


def _delivery(request: AssessmentRequest, current: Bill) -> Iterator[Recommendation]:
    saving = current.of("egress") * CACHEABLE_SHARE * CDN_DISCOUNT
    public = request.workload.kind in {"web", "api"}
    if not public or request.workload.egress_gb < 10 * FREE_EGRESS_GB or has(request, "cdn"):
        return
    yield practice(
        AGENT,
        "cdn",
        reason=f"{request.workload.egress_gb:,.0f} GB leave the provider each month at "
        f"{usd(current.of('egress'))}.",
        priority=Priority.MEDIUM,
        confidence=0.65,
        evidence=(
            price(request.provider, request.region, "egress").evidence("Egress"),
            computed("Cacheable share", CACHEABLE_SHARE * 100, "%", "estimate", assumption=True),
            computed("Delivery discount", CDN_DISCOUNT * 100, "%", "estimate", assumption=True),
        ),
        saving=saving,
    )


def _elsewhere(request: AssessmentRequest, right: Fleet) -> Iterator[Recommendation]:
    here = bill(request, right).total
    same = [
        (total, region)
        for total, provider, region in alternatives(request, right)
        if provider == request.provider
    ]
    total, region = same[0]
    if total > here * (1 - WORTH_MOVING):
        return
    yield recommendation(
        AGENT,
        "cheaper-region",
        "region",
        f"Run new environments in {region}",
        reason=f"The same fleet costs {usd(total)} a month there and {usd(here)} in {request.region}; "
        "both lie in the same geography, but check where the data may be kept.",
        priority=Priority.LOW,
        confidence=0.6,
        evidence=(
            computed("Bill here", here, "USD/month", f"bill lines at prices of {request.region}"),
            computed("Bill there", total, "USD/month", f"bill lines at prices of {region}"),
        ),
    )
