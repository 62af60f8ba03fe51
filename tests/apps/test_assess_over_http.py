"""The whole assessment against a provider in another process: its faults, its silence, its words."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from apps.assess_requests import request
from stretto import Engine, RunError, RunResult, Workflow
from stretto.models import (
    Fault,
    Latency,
    OpenAICompatibleModel,
    ReplyEdit,
    Script,
    running_fake_provider,
)
from stretto_apps.assess import Assessment, AssessmentRequest, assess
from stretto_apps.assess.agents import AGENTS, find
from stretto_apps.assess.types import AgentReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

    from stretto.models import FakeProvider, Prompt, Reply
    from stretto.models.fake_provider import ProviderLog

LATENCY = Latency(seconds=0.005)
SHORT_WAITS = 156741  # the first eight draws of this seed are below a quarter: no wait before a retry is long
CALLS = 15  # eleven agents, the overview, three reports
KEY = "right"
FOUR = ("research", "support", "security", "mlops")
REFUSED = "The API key was not accepted"
STILL = 3600.0  # seconds


def task_of(agent: str, company: str = "Acme") -> str:
    """What only that agent's request says."""
    return f"Tell {company} in four sentences what was found under “{find(agent, request()).title}”."


def stalled(*agents: str) -> tuple[Fault, ...]:
    """Requests of these agents are never answered."""
    return tuple(Fault("stall", task_of(agent), times=None, seconds=STILL) for agent in agents)


class WrongKeyFor:
    """A model that asks with the right key, but for some agents with a wrong one."""

    def __init__(self, provider: FakeProvider, *agents: str) -> None:
        self._right = OpenAICompatibleModel(base_url=provider.base_url, model="m", api_key=KEY)
        self._wrong = OpenAICompatibleModel(base_url=provider.base_url, model="m", api_key="wrong")
        self._tasks = {task_of(agent) for agent in agents}
        self.name = "m"

    async def ask(self, prompt: Prompt, answer: type[BaseModel]) -> Reply[BaseModel]:
        """Ask with the key that is meant for this prompt."""
        model = self._wrong if prompt.task in self._tasks else self._right
        return await model.ask(prompt, answer)


def on(provider: FakeProvider, model: WrongKeyFor | None = None) -> Workflow[..., Assessment]:
    """The assessment with an engine of its own that asks this provider."""
    asked = model or OpenAICompatibleModel(base_url=provider.base_url, model="m", api_key=KEY)
    return assess.with_options(engine=Engine(resources={"model": asked}, seed=SHORT_WAITS))


def ran(
    chosen: Workflow[..., Assessment], given: AssessmentRequest | None = None, **inputs: object
) -> RunResult[Assessment]:
    """A finished run, whatever its status."""
    return asyncio.run(chosen.aresult(given or request(), **inputs))


def settled(provider: FakeProvider, is_so: Callable[[ProviderLog], bool]) -> ProviderLog:
    """The log once `is_so`, for which the other process may need a moment."""
    until = time.monotonic() + 5
    while not is_so(log := provider.log()) and time.monotonic() < until:
        pass
    return log


@pytest.fixture(scope="module")
def calm() -> Iterator[FakeProvider]:
    """A provider without faults."""
    with running_fake_provider(Script(LATENCY)) as provider:
        yield provider


@pytest.fixture(scope="module")
def undisturbed(calm: FakeProvider) -> Assessment:
    """What a run brings when nothing goes wrong."""
    return ran(on(calm)).value


# -------------------------------------------------------------------- what passes


PASSING = (
    (Fault("429", task_of("research"), retry_after=0.2), {"research": 2}),
    (Fault("500", task_of("security"), times=2), {"security": 3}),
    (Fault("cut", task_of("compliance")), {"compliance": 2}),
    (Fault("unfinished", task_of("simulation")), {"simulation": 2}),
    (Fault("malformed", task_of("support")), {"support": 2}),
    (Fault("length", "Write the overview"), {"synthesize_findings": 2}),
    (Fault("503", "Write the executive summary"), {"write_executive": 2}),
)


@pytest.mark.slow
def test_faults_that_pass_change_nothing_but_the_attempts(undisturbed: Assessment) -> None:
    """Each strike of a fault costs its step one attempt, and the value is that of an undisturbed run."""
    script = Script(LATENCY, faults=tuple(fault for fault, _ in PASSING))
    with running_fake_provider(script) as provider:
        result = ran(on(provider))
        log = provider.log()
    expected = {name: tries for _, struck in PASSING for name, tries in struck.items()}
    tried = {name: len(step.attempts) for name, step in result.steps.items() if len(step.attempts) > 1}
    assert str(result.status) == "succeeded"
    assert tried == expected
    assert result.value == undisturbed
    assert (log.requests, log.served, log.faulted) == (CALLS + 8, CALLS, 8)
    first, second = result.steps["research"].attempts
    assert first.ended_at is not None
    assert second.started_at - first.ended_at >= 0.2  # the provider's Retry-After is a floor


@pytest.mark.slow
def test_one_by_one_over_http_is_equal(undisturbed: Assessment) -> None:
    """One request at a time or many: the same value, and the same number of requests."""
    with running_fake_provider(Script(Latency(seconds=0.02))) as provider:
        alone = ran(on(provider).with_options(sequential=True))
        after_one_by_one = provider.log()
        together = ran(on(provider))
        after_both = provider.log()
    assert alone.value == together.value == undisturbed
    assert (after_one_by_one.requests, after_one_by_one.peak) == (CALLS, 1)
    assert after_both.requests == 2 * CALLS
    assert after_both.peak > 1


# -------------------------------------------------------------------- what does not


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agent", "is_refused", "attempts", "why"),
    [
        ("security", True, 1, REFUSED),
        ("research", False, 3, "failed in every attempt: simulated did not answer"),
    ],
)
def test_an_agent_that_never_succeeds_is_missing(
    undisturbed: Assessment, agent: str, is_refused: bool, attempts: int, why: str
) -> None:
    """A refused key costs one attempt, unreadable answers three; every report says who is missing and why."""
    garbled = () if is_refused else (Fault("malformed", task_of(agent), times=None),)
    with running_fake_provider(Script(LATENCY, garbled, api_key=KEY)) as provider:
        result = ran(on(provider, WrongKeyFor(provider, *[agent] * is_refused)))
    value = result.value
    assert str(result.status) == "partial"
    assert len(result.steps[agent].attempts) == attempts
    (entry,) = value.synthesis.missing
    assert entry.agent == agent
    assert why in entry.why
    assert value.agents == tuple(report for report in undisturbed.agents if report.agent != agent)
    for report in value.reports:
        assert f"1 of 11 agents did not report: {agent.capitalize()}" in report.markdown
        assert why.removeprefix("f") in report.markdown  # a report begins it with a capital


@pytest.mark.slow
def test_three_missing_agents_are_partial() -> None:
    """Eight of eleven are enough, each missing one is named."""
    with running_fake_provider(Script(LATENCY, api_key=KEY)) as provider:
        result = ran(on(provider, WrongKeyFor(provider, *FOUR[:3])))
    assert str(result.status) == "partial"
    assert len(result.value.agents) == 8
    assert {entry.agent for entry in result.value.synthesis.missing} == set(FOUR[:3])
    assert all(REFUSED in entry.why for entry in result.value.synthesis.missing)


@pytest.mark.slow
def test_four_missing_agents_fail_the_run_and_lose_nothing(undisturbed: Assessment) -> None:
    """Seven are not enough: nothing more is asked, and the error holds the reports of all seven."""
    with running_fake_provider(Script(LATENCY, api_key=KEY)) as provider:
        with pytest.raises(
            RunError, match=r"needs 8 of 11 steps .* lost 4: research, mlops, support, security"
        ) as caught:
            _ = ran(on(provider, WrongKeyFor(provider, *FOUR))).value
        log = provider.log()
    result = caught.value.result
    assert isinstance(result, RunResult)
    kept = tuple(step.value for step in result.steps.values() if isinstance(step.value, AgentReport))
    assert kept == tuple(report for report in undisturbed.agents if report.agent not in FOUR)
    assert len(kept) == 7
    assert result.steps["synthesize_findings"].attempts == ()
    assert (log.requests, log.served) == (7, 7)  # a refused key is turned away before it counts


@pytest.mark.slow
def test_a_silent_provider_costs_one_agent(undisturbed: Assessment) -> None:
    """The agent is late at its own limit, its request is aborted, and the others are whole."""
    with running_fake_provider(Script(LATENCY, stalled("support"))) as provider:
        begun = time.monotonic()
        result = ran(on(provider), agent_limits={"support": 0.3})
        took = time.monotonic() - begun
        log = settled(provider, lambda log: log.in_flight == 0)
    assert took < STILL / 100
    (entry,) = result.value.synthesis.missing
    assert (entry.agent, entry.why) == (
        "support",
        "did not finish in time: no result within 0.3 s over all attempts",
    )
    assert result.value.agents == tuple(report for report in undisturbed.agents if report.agent != "support")
    assert (log.requests, log.served, log.aborted, log.in_flight) == (CALLS, CALLS - 1, 1, 0)


@pytest.mark.slow
def test_after_a_cancel_nothing_is_under_way() -> None:
    """When cancelling has come back the open requests are gone, and no other one follows."""

    async def cancelled(provider: FakeProvider) -> tuple[ProviderLog, list[ProviderLog]]:
        running = asyncio.create_task(on(provider).aresult(request()))
        await asyncio.to_thread(settled, provider, lambda log: (log.served, log.in_flight) == (8, 3))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        gone = await asyncio.to_thread(settled, provider, lambda log: log.in_flight == 0)
        return gone, [await asyncio.to_thread(provider.log) for _ in range(20)]

    with running_fake_provider(Script(LATENCY, stalled(*FOUR[:3]))) as provider:
        gone, later = asyncio.run(cancelled(provider))
    assert (gone.requests, gone.served, gone.aborted, gone.in_flight) == (len(AGENTS), 8, 3, 0)
    assert set(later) == {gone}


# -------------------------------------------------------------------- whose words they are


@pytest.fixture(scope="module")
def edited() -> Iterator[FakeProvider]:
    """A provider that answers otherwise to one agent of each company, which is named after that agent."""
    replies = tuple(ReplyEdit(task_of(agent, agent), replace=(".", "; marmalade.")) for agent in AGENTS)
    with running_fake_provider(Script(LATENCY, replies=replies)) as provider:
        yield provider


@pytest.mark.slow
@pytest.mark.parametrize("agent", AGENTS)
def test_a_changed_reply_changes_the_reports(calm: FakeProvider, edited: FakeProvider, agent: str) -> None:
    """Other words to one agent change that agent's summary and no other's, and they reach a report."""
    before = ran(on(calm), request(company=agent)).value
    after = ran(on(edited), request(company=agent)).value
    pairs = zip(before.agents, after.agents, strict=True)
    assert [mine.agent for mine, other in pairs if mine != other] == [agent]
    assert before.reports != after.reports
    assert not any("marmalade" in report.markdown for report in before.reports)
    assert any("marmalade" in report.markdown for report in after.reports)
    assert (before.cost, before.compliance) == (after.cost, after.compliance)
