"""Infrastructure: end of life in the stack, single points of failure, and availability arithmetic."""

from __future__ import annotations

from math import ceil, log
from typing import TYPE_CHECKING

from stretto_apps.assess.billing import bill
from stretto_apps.assess.data.versions import VERSIONS, VERSIONS_AS_OF, Support, support_of
from stretto_apps.assess.findings import (
    Findings,
    computed,
    counted,
    from_request,
    grade,
    has,
    practice,
    recommendation,
)
from stretto_apps.assess.sizing import billed_rps, fleet, right_fleet, zones_needed
from stretto_apps.assess.types import Component, Evidence, Priority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto_apps.assess.types import AssessmentRequest, Recommendation

__all__ = ["AGENT", "composite", "downtime_minutes", "find", "replicas", "supported_target"]

AGENT = "infrastructure"
MINUTES_A_MONTH = 43_800.0
ONE_ZONE = 0.995  # availability the providers promise for one machine
SOON_DAYS = 270
STATEFUL = frozenset({"database", "cache", "queue", "search", "storage"})


def find(request: AssessmentRequest) -> Findings:
    """What has run out of support, what fails alone, and what the availability target asks for."""
    supports = [(component, support_of(component)) for component in request.stack]
    facts = _facts(request, supports)
    known = sum(support.ends is not None for _, support in supports)
    return Findings(
        agent=AGENT,
        title="Infrastructure and stack",
        headline=_headline(request, supports),
        highlights=_highlights(request, supports),
        facts=facts,
        recommendations=tuple(_recommendations(request, supports)),
        confidence=grade(facts, bool(request.stack), known == len(supports), bool(request.controls)),
    )


def composite(parts: int, each: float) -> float:
    """Availability (0 to 1) of parts that must all be up."""
    return each**parts


def downtime_minutes(availability: float) -> float:
    """Minutes a month that an availability in percent allows."""
    return (1.0 - availability / 100.0) * MINUTES_A_MONTH


def replicas(target: float, each: float, parts: int = 1) -> int:
    """Independent copies of each of `parts` serial parts so that together they reach `target` (both 0 to 1).

    Each part has to reach target^(1/parts); n copies fail together with probability (1 − each)^n.
    """
    wanted = 1.0 - target ** (1.0 / max(1, parts))
    return max(1, ceil(round(log(wanted) / log(1.0 - each), 9)))


def supported_target(support: Support) -> str | None:
    """The newest listed cycle when it still gets fixes, else None: there is nothing here to upgrade to."""
    cycles = VERSIONS.get(support.component, ())
    if not cycles or cycles[-1][1] <= VERSIONS_AS_OF:
        return None
    return cycles[-1][0]


def _ended(support: Support) -> bool:
    return support.days_left is not None and support.days_left < 0


def _soon(support: Support) -> bool:
    return support.days_left is not None and 0 <= support.days_left <= SOON_DAYS


def _headline(request: AssessmentRequest, supports: list[tuple[Component, Support]]) -> str:
    ended, soon = sum(_ended(s) for _, s in supports), sum(_soon(s) for _, s in supports)
    minutes = downtime_minutes(request.workload.availability_target)
    later = f", and {soon} more will not in nine months" if soon else ""
    return (
        f"Of {counted(len(supports), 'component')} {ended} no longer get security fixes{later}; the "
        f"target of {request.workload.availability_target:g} % allows {minutes:.1f} minutes of "
        "downtime a month."
    )


def _highlights(request: AssessmentRequest, supports: list[tuple[Component, Support]]) -> tuple[str, ...]:
    unknown = [c.name for c, s in supports if s.ends is None]
    lines = [
        f"{c.name} {c.version}: support ended {'before ' if s.older_than_table else ''}{s.ends}."
        for c, s in supports
        if _ended(s)
    ]
    if unknown:
        lines.append(f"No end-of-life date known for: {', '.join(unknown)}.")
    serial = _serial(request)
    reached = composite(serial, ONE_ZONE) * 100
    lines.append(f"{serial} parts in a row, each in one zone, reach {reached:.2f} % at best.")
    return tuple(lines)


def _serial(request: AssessmentRequest) -> int:
    """Parts a request passes: the application and each stateful component."""
    return 1 + sum(component.kind in STATEFUL for component in request.stack)


def _facts(request: AssessmentRequest, supports: list[tuple[Component, Support]]) -> tuple[Evidence, ...]:
    target = request.workload.availability_target
    serial = _serial(request)
    ages = tuple(_age(component, support) for component, support in supports if support.days_left is not None)
    return (
        from_request("Components", len(request.stack), "components", "stack"),
        computed(
            "Components without fixes", sum(_ended(s) for _, s in supports), "components", "end-of-life table"
        ),
        from_request("Availability target", target, "%", "workload.availability_target"),
        computed(
            "Downtime allowed", downtime_minutes(target), "minutes/month", "(1 − target) × 43 800 minutes"
        ),
        computed("Parts in a row", serial, "parts", "application + stateful components"),
        computed(
            "Availability in one zone",
            composite(serial, ONE_ZONE) * 100,
            "%",
            "0.995 ^ parts",
            assumption=True,
        ),
        computed(
            "Copies of each part",
            replicas(target / 100.0, ONE_ZONE, serial),
            "copies",
            "log(1 − target^(1/parts)) / log(1 − 0.995)",
            assumption=True,
        ),
        *ages,
    )


def _age(component: Component, support: Support) -> Evidence:
    return Evidence(
        label=f"{component.name} {component.version}, support left",
        value=float(support.days_left or 0),
        unit="days",
        source=f"end-of-life table, {support.component} {support.cycle} ends {support.ends}",
        as_of=VERSIONS_AS_OF.isoformat(),
        assumption=support.assumption or support.older_than_table,
    )


def _recommendations(
    request: AssessmentRequest, supports: list[tuple[Component, Support]]
) -> Iterator[Recommendation]:
    for component, support in supports:
        if _ended(support) or _soon(support):
            yield _upgrade(component, support)
    yield from _redundancy(request)
    yield from _recovery(request)
    if len(request.stack) >= 3 and not has(request, "infrastructure-as-code"):
        yield practice(
            AGENT,
            "infrastructure-as-code",
            reason=f"{len(request.stack)} components set up by hand cannot be rebuilt after a loss.",
            priority=Priority.MEDIUM,
            confidence=0.75,
            evidence=(from_request("Components", len(request.stack), "components", "stack"),),
        )


def _upgrade(component: Component, support: Support) -> Recommendation:
    newest = supported_target(support)
    goal = (
        f"Upgrade {component.name} to {newest}"
        if newest
        else f"Move from {component.name} to a supported product"
    )
    ended = _ended(support)
    when = f"{'ended' if ended else 'end'} {'before ' if support.older_than_table else ''}{support.ends}"
    holds_data = component.kind in STATEFUL
    return recommendation(
        AGENT,
        f"upgrade-{support.component}",
        "end of life",
        goal,
        reason=f"Security fixes for {component.name} {component.version} {when}.",
        priority=Priority.CRITICAL if ended and holds_data else Priority.HIGH if ended else Priority.MEDIUM,
        confidence=0.7 if support.assumption else 0.95,
        evidence=(_age(component, support),),
    )


def _redundancy(request: AssessmentRequest) -> Iterator[Recommendation]:
    target = request.workload.availability_target
    if zones_needed(target) == 1 or has(request, "multi-zone"):
        return
    serial = _serial(request)
    copies = replicas(target / 100.0, ONE_ZONE, serial)
    extra = _price_of_zones(request)
    yield practice(
        AGENT,
        "multi-zone",
        reason=f"{serial} parts in one zone reach {composite(serial, ONE_ZONE):.2%}; "
        f"{target:g} % takes {copies} independent copies of each.",
        priority=Priority.HIGH,
        confidence=0.85,
        cost=extra,
        evidence=(
            computed("Copies of each part", copies, "copies", "availability arithmetic", assumption=True),
            computed(
                "Machines and database nodes more", extra, "USD/month", "bill over zones − bill in one zone"
            ),
            computed(
                "Downtime allowed", downtime_minutes(target), "minutes/month", "(1 − target) × 43 800 minutes"
            ),
        ),
    )


def _price_of_zones(request: AssessmentRequest) -> float:
    """Dollars a month for the spare machines and the second database, at the right size."""
    spread = fleet(request, rps=billed_rps(request))
    alone, together = (bill(request, machines) for machines in (right_fleet(request), spread))
    return together.of("compute", "database") - alone.of("compute", "database")


def _recovery(request: AssessmentRequest) -> Iterator[Recommendation]:
    stored = request.workload.data_gb
    if stored <= 0:
        return
    size = from_request("Data at rest", stored, "GB", "workload.data_gb")
    if not has(request, "backups"):
        yield practice(
            AGENT,
            "backups",
            reason=f"{stored:,.0f} GB are stored, and no backup is listed.",
            priority=Priority.CRITICAL,
            confidence=0.9,
            evidence=(size,),
        )
    elif not has(request, "restore-tests"):
        yield practice(
            AGENT,
            "restore-tests",
            reason="Backups are listed, but not that one was ever restored.",
            priority=Priority.MEDIUM,
            confidence=0.85,
            evidence=(size,),
        )
