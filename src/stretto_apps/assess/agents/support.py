"""Support: how many agents the tickets need (Erlang C), and what self-service would take off them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.data.usecases import HOURLY_RATE
from stretto_apps.assess.findings import Findings, computed, counted, from_request, grade, has, practice, usd
from stretto_apps.assess.types import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto_apps.assess.types import AssessmentRequest, Evidence, Recommendation

__all__ = ["AGENT", "erlang_c", "find", "mean_wait", "staff"]

AGENT = "support"
HANDLING_HOURS = 0.25  # a ticket; assumed
OPEN_HOURS = 172.0  # staffed hours a month: eight hours on working days
PEAK_FACTOR = 2.0  # busiest hour over the mean hour; assumed
WANTED_WAIT_HOURS = 0.25
# What each measure takes off: (practice, share of tickets, cost a month in USD)
DEFLECTION = (("knowledge-base", 0.15, 0.0), ("chatbot", 0.25, 300.0), ("status-page", 0.04, 30.0))
ROUTING_MINUTES = 2.0  # saved a ticket by automatic routing; assumed


def find(request: AssessmentRequest) -> Findings:
    """Staffing today and after self-service, by queueing theory over the busiest hour."""
    tickets = float(request.support_tickets_per_month)
    left = _after(request, tickets)
    facts = _facts(tickets, left)
    return Findings(
        agent=AGENT,
        title="Support and self-service",
        headline=_headline(request, tickets, left),
        highlights=_highlights(tickets),
        facts=facts,
        recommendations=tuple(_recommendations(request, tickets)),
        confidence=grade(facts, tickets > 0, request.scale.users > 0),
    )


def erlang_c(load: float, servers: int) -> float:
    """Probability that an arrival waits: offered load in Erlang over equal servers, 1 when the load is too
    high.

    From the recursion of Erlang B, b(n) = a b(n−1) / (n + a b(n−1)), then C = b / (1 − (a / n)(1 − b)).
    """
    if load <= 0:
        return 0.0
    if servers <= load:
        return 1.0
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1.0 - load / servers * (1.0 - blocked))


def mean_wait(load: float, servers: int, handling: float) -> float:
    """Mean wait in the unit of `handling`; infinite when the servers cannot keep up."""
    if load <= 0:
        return 0.0
    if servers <= load:
        return float("inf")
    return erlang_c(load, servers) * handling / (servers - load)


def staff(tickets: float) -> int:
    """The fewest people that keep the mean wait in the busiest hour under a quarter of an hour; none for no
    tickets.
    """
    load = tickets / OPEN_HOURS * PEAK_FACTOR * HANDLING_HOURS
    people = 0
    while mean_wait(load, people, HANDLING_HOURS) > WANTED_WAIT_HOURS:
        people += 1
    return people


def _after(request: AssessmentRequest, tickets: float) -> float:
    """Tickets left when every measure not yet in place is taken; shares apply one after another."""
    for name, share, _ in DEFLECTION:
        tickets *= 1.0 if has(request, name) else 1.0 - share
    return tickets


def _headline(request: AssessmentRequest, tickets: float, left: float) -> str:
    if not tickets:
        return "No support tickets are stated, so there is no staffing to work out."
    per_thousand = tickets / request.scale.users * 1000 if request.scale.users else 0.0
    rate = f" ({per_thousand:.1f} for a thousand users)" if per_thousand else ""
    return (
        f"{counted(tickets, 'ticket')} a month{rate} take {counted(staff(tickets), 'person', 'people')} "
        "in the busiest "
        f"hour; self-service would leave {counted(left, 'ticket')} and "
        f"{counted(staff(left), 'person', 'people')}."
    )


def _highlights(tickets: float) -> tuple[str, ...]:
    if not tickets:
        return ()
    hours = tickets * HANDLING_HOURS
    return (f"Handling takes {hours:,.0f} hours a month, about {usd(hours * HOURLY_RATE)}.",)


def _facts(tickets: float, left: float) -> tuple[Evidence, ...]:
    stated = from_request("Support tickets", tickets, "tickets/month", "support_tickets_per_month")
    if not tickets:
        return (stated,)
    load = tickets / OPEN_HOURS * PEAK_FACTOR * HANDLING_HOURS
    people = staff(tickets)
    return (
        stated,
        computed("Load in the busiest hour", load, "Erlang", "tickets / 172 h × 2 × 0.25 h", assumption=True),
        computed("People needed", people, "people", "Erlang C, mean wait under 15 minutes", assumption=True),
        computed(
            "Mean wait", mean_wait(load, people, HANDLING_HOURS) * 60, "minutes", "Erlang C", assumption=True
        ),
        computed(
            "Tickets after self-service", left, "tickets/month", "tickets × (1 − share) …", assumption=True
        ),
        computed("People after self-service", staff(left), "people", "Erlang C", assumption=True),
    )


def _recommendations(request: AssessmentRequest, tickets: float) -> Iterator[Recommendation]:
    for name, share, cost in DEFLECTION:
        hours = tickets * share * HANDLING_HOURS
        if has(request, name) or hours < 2.0 or hours * HOURLY_RATE <= cost:
            continue
        yield practice(
            AGENT,
            name,
            reason=f"It takes about {share:.0%} of {tickets:,.0f} tickets a month off people, "
            f"{hours:,.0f} hours of work.",
            priority=Priority.MEDIUM if hours >= 40 else Priority.LOW,
            confidence=0.6,
            evidence=(
                computed(
                    "Tickets it takes off",
                    tickets * share,
                    "tickets/month",
                    "share × tickets",
                    assumption=True,
                ),
                computed(
                    "Worth of the time", hours * HOURLY_RATE, "USD/month", "hours × 45 USD", assumption=True
                ),
            ),
            cost=cost,
        )
    yield from _routing(request, tickets)


def _routing(request: AssessmentRequest, tickets: float) -> Iterator[Recommendation]:
    hours = tickets * ROUTING_MINUTES / 60.0
    if has(request, "ticket-routing") or tickets < 500:
        return
    yield practice(
        AGENT,
        "ticket-routing",
        reason=f"{counted(tickets, 'ticket')} a month are sorted by hand, about {hours:,.0f} hours of work.",
        priority=Priority.LOW,
        confidence=0.6,
        evidence=(
            computed("Time spent sorting", hours, "hours/month", "tickets × 2 minutes", assumption=True),
        ),
    )
