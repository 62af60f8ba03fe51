"""Folding, sorting and grading what the agents found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.assess_requests import request
from stretto import Missing
from stretto_apps.assess.agents import AGENTS, find
from stretto_apps.assess.findings import recommendation, report
from stretto_apps.assess.synthesis import (
    CONFIDENCE_CAP,
    headline,
    merge,
    merged_confidence,
    priority_score,
    synthesize,
)
from stretto_apps.assess.types import AgentReport, Evidence, Priority, Recommendation

FACT = Evidence(label="a", value=1, unit="x", source="s")


def advice(agent: str = "strategy", action: str = "Do it", **changes: object) -> Recommendation:
    """A recommendation."""
    fields: dict[str, object] = {"reason": f"{agent} says so", "priority": Priority.MEDIUM, "confidence": 0.5}
    fields.update(changes)
    topic, identifier = str(fields.pop("topic", "t")), str(fields.pop("identifier", "do-it"))
    return recommendation(agent, identifier, topic, action, **fields)  # type: ignore[arg-type]


def told(
    agent: str, *recommendations: Recommendation, confidence: float = 0.8, model: str = "offline"
) -> AgentReport:
    """An agent's report."""
    return AgentReport(
        agent=agent,
        title=agent,
        summary="s",
        recommendations=recommendations,
        confidence=confidence,
        model=model,
    )


def test_equal_topic_and_action_are_folded() -> None:
    """What two agents say alike is one recommendation: agents united, priority and money the highest."""
    one = advice("security", priority=Priority.LOW, saving=10, cost=5, evidence=[FACT])
    two = advice(
        "compliance",
        "do  IT.",
        priority=Priority.HIGH,
        saving=30,
        confidence=0.6,
        evidence=[FACT],
        identifier="x",
    )
    (both,) = merge([one, two])
    assert both.agents == ("security", "compliance")
    assert both.priority is Priority.HIGH
    assert (both.monthly_saving, both.monthly_cost) == (30, 5)
    assert both.confidence == pytest.approx(1 - 0.5 * 0.4)
    assert both.evidence == (FACT,)
    assert (both.id, both.action) == ("do-it", "Do it")
    assert both.reason == "compliance says so security says so"


def test_different_topics_or_actions_stay_apart() -> None:
    """Only both together make two recommendations equal, whatever their ids."""
    assert len(merge([advice(), advice(topic="u")])) == 2
    assert len(merge([advice(), advice(action="Do that")])) == 2
    assert len(merge([advice(), advice("security")])) == 1


def test_merging_again_changes_nothing() -> None:
    """Folding is idempotent and keeps the order of first appearance."""
    once = merge([advice(action="b"), advice(action="a"), advice("security", "b")])
    assert [r.action for r in once] == ["b", "a"]
    assert merge(once) == once


def test_savings_are_never_added() -> None:
    """Two agents that see the same dollars do not make them twice as many."""
    asked = request()
    synthesis = synthesize(asked, [told("a", advice("a", saving=100)), told("b", advice("b", saving=100))])
    assert sum(r.monthly_saving for r in synthesis.recommendations) == 100


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=8))
def test_merged_confidence_is_bounded(parts: list[float]) -> None:
    """Never below the surest agent, never certain unless one was, and equal to a single one."""
    merged = merged_confidence(parts)
    assert merged <= max(CONFIDENCE_CAP, *parts)
    assert merged >= min(max(parts), 1) - 1e-4
    assert merged_confidence(parts[:1]) == parts[0]


def test_merged_confidence_known_answer() -> None:
    """1 − 0.5 · 0.5 · 0.2 = 0.95, and the cap holds."""
    assert merged_confidence([0.5, 0.5, 0.8]) == pytest.approx(0.95)
    assert merged_confidence([0.99, 0.99]) == 0.99


def test_score_rules() -> None:
    """25 a priority, 10 × confidence, 3 a further agent up to four, 10 × the saving's share of the budget."""
    found = advice(priority=Priority.HIGH, confidence=0.8, saving=50).model_copy(
        update={"agents": tuple("abc")}
    )
    assert priority_score(found, 100) == pytest.approx(75 + 8 + 6 + 5)
    crowd = found.model_copy(update={"agents": tuple("abcdefghij"), "monthly_saving": 10**9})
    assert priority_score(crowd, 100) == pytest.approx(75 + 8 + 12 + 10)


def test_two_priorities_are_never_jumped() -> None:
    """All bonuses together lift a recommendation over the next priority at most."""
    best = advice(priority=Priority.LOW, confidence=1.0, saving=10**6).model_copy(
        update={"agents": tuple("abcdefgh")}
    )
    assert priority_score(best, 100) < priority_score(advice(priority=Priority.HIGH, confidence=0.01), 100)


def test_order_and_count() -> None:
    """Most urgent first; ties by id; merged counts what was folded."""
    asked = request()
    synthesis = synthesize(
        asked,
        [
            told("a", advice("a", "x", identifier="zz"), advice("a", "y", identifier="aa")),
            told("b", advice("b", "z", priority=Priority.CRITICAL, identifier="mm"), advice("b", "x")),
        ],
    )
    assert [r.id for r in synthesis.recommendations] == ["mm", "zz", "aa"]
    assert synthesis.merged == 1
    tied = synthesize(
        asked, [told("a", advice("a", "x", identifier="zz"), advice("a", "y", identifier="aa"))]
    )
    assert [r.id for r in tied.recommendations] == ["aa", "zz"]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("failed", "failed in every attempt"),
        ("timed_out", "not finish in time"),
        ("skipped", "skipped"),
        ("cancelled", "cancelled"),
    ],
)
def test_missing_agents_are_named_with_why(reason: str, words: str) -> None:
    """Each way of going missing is told, with its detail, under the step's own id."""
    gone = Missing("agents/research", reason, "boom")  # type: ignore[arg-type]
    synthesis = synthesize(request(), [told("strategy", advice()), gone])
    assert synthesis.agents == ("strategy",)
    (entry,) = synthesis.missing
    assert entry.agent == "research"
    assert words in entry.why
    assert entry.why.endswith("boom")
    assert "research" in synthesis.overview


def test_confidence_falls_with_missing_agents() -> None:
    """The mean confidence times the share that reported; nothing reported is 0."""
    arrived = [told("a", confidence=0.9), told("b", confidence=0.7)]
    assert synthesize(request(), arrived).confidence == pytest.approx(0.8)
    half = synthesize(request(), [*arrived, Missing("c", "failed"), Missing("d", "failed")])
    assert half.confidence == pytest.approx(0.4)
    assert synthesize(request(), [Missing("c", "failed")]).confidence == 0
    assert synthesize(request(), []).confidence == 0


def test_words_and_model_are_the_callers() -> None:
    """Given words replace the computed headline; without, the agents' models are named once each."""
    reports = [told("a", advice("a")), told("b", model="gpt"), told("c")]
    assert synthesize(request(), reports, overview="Words.", model="m").overview == "Words."
    plain = synthesize(request(), reports)
    assert plain.model == "offline, gpt"
    assert plain.overview.startswith("Acme has 1 thing to do")


def test_headline_of_nothing() -> None:
    """No recommendations is said plainly."""
    assert headline(request(), []) == "Nothing needs to be changed at Acme."


def test_all_eleven_together() -> None:
    """The real agents overlap: several recommendations are folded, none is lost, none appears twice."""
    asked = request(compliance=("gdpr", "soc2"), gpu_hours=500, models=("m",))
    reports = [report(find(agent, asked), "words", "offline") for agent in AGENTS]
    synthesis = synthesize(asked, reports)
    given_ids = {(r.topic, r.action) for each in reports for r in each.recommendations}
    assert {(r.topic, r.action) for r in synthesis.recommendations} == given_ids
    assert synthesis.merged == sum(len(each.recommendations) for each in reports) - len(given_ids)
    assert synthesis.merged >= 5
    backups = next(r for r in synthesis.recommendations if r.id == "backups")
    assert set(backups.agents) == {"infrastructure", "compliance", "security"}
