"""The assessment as a whole, on the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, get_type_hints

import pytest

from apps.assess_models import ScriptedModel
from apps.assess_requests import request
from stretto import Engine, RunError, RunResult, workflow
from stretto.core.values import classes_in, decode, encode
from stretto.errors import InputError, PermanentError, TransientError, UnreadableAnswerError
from stretto_apps.assess import Assessment, AssessmentRequest, assess, example_request, run_assessment
from stretto_apps.assess.agents import AGENTS, LIMITS, find
from stretto_apps.assess.metrics import metrics
from stretto_apps.assess.workflow import TRIES, limits_with, research

if TYPE_CHECKING:
    from pathlib import Path

    from stretto.models import Prompt
    from stretto_apps.assess.types import AgentReport

TITLES = {find(agent, request()).title: agent for agent in AGENTS}
Answer = Callable[[str], str | Awaitable[str]]


def agent_of(prompt: Prompt) -> str:
    """The agent a prompt is for; the synthesis and the reports are named by their title."""
    assert isinstance(prompt.data, dict)
    title = str(prompt.data["title"])
    return TITLES.get(title, title)


def model(answer: Answer) -> ScriptedModel:
    """A model that answers by agent."""
    return ScriptedModel(lambda prompt: answer(agent_of(prompt)))


def plain(agent: str) -> str:
    """Words that name the agent."""
    return f"Words on {agent}."


def ran(
    given: AssessmentRequest | str | None = None,
    answer: Answer = plain,
    *,
    sequential: bool = False,
    **inputs: object,
) -> RunResult[Assessment]:
    """A finished run, whatever its status."""
    engine = Engine(resources={"model": model(answer)})
    chosen = assess.with_options(engine=engine, sequential=sequential)
    return asyncio.run(chosen.aresult(given or request(), **inputs))  # type: ignore[arg-type]


def failing(*agents: str, error: type[Exception] = PermanentError) -> Answer:
    """A model that fails for some agents."""

    def answer(agent: str) -> str:
        if agent in agents:
            raise error(f"{agent} broke")
        return plain(agent)

    return answer


def test_offline_by_default() -> None:
    """Without a model every word is the offline model's and says so; three reports, eleven agents."""
    result = assess.run(example_request())
    value = result.value
    assert str(result.status) == "succeeded"
    assert value.model == "offline"
    assert tuple(report.agent for report in value.agents) == AGENTS
    assert [report.kind for report in value.reports] == ["executive", "technical", "stakeholder"]
    assert value.synthesis.missing == ()
    assert value.compliance.results
    assert value.cost.lines
    assert all(report.markdown and report.html for report in value.reports)


@pytest.mark.slow
def test_one_by_one_gives_the_same_value() -> None:
    """Dataflow and one step at a time agree in everything, as do two runs of the same kind."""
    first = assess.run(example_request()).value
    assert assess.with_options(sequential=True).run(example_request()).value == first
    assert assess.run(example_request()).value == first


def test_eleven_agents_are_under_way_at_once() -> None:
    """No agent is answered before all eleven have asked: they wait for each other."""
    asked: list[str] = []
    everybody = asyncio.Event()

    async def together(agent: str) -> str:
        asked.append(agent)
        if len(asked) == len(AGENTS):
            everybody.set()
        await everybody.wait()
        return plain(agent)

    assert str(ran(answer=together).status) == "succeeded"
    assert set(asked[: len(AGENTS)]) == set(AGENTS)


def test_three_reports_are_written_at_once() -> None:
    """The reports wait for each other as well."""
    asked: list[str] = []
    everybody = asyncio.Event()

    async def together(agent: str) -> str:
        if agent.endswith("report"):
            asked.append(agent)
            if len(asked) == 3:
                everybody.set()
            await everybody.wait()
        return plain(agent)

    assert str(ran(answer=together).status) == "succeeded"


def test_what_waits_for_what() -> None:
    """Compliance and cost need the synthesis, not each other; reports need both; agents only the request."""
    graph = assess.trace(request()).graph

    def needs(path: str) -> set[str]:
        index = graph.index_of(path)
        assert index is not None
        return {graph.path(dep) for dep in graph.deps[index]}

    assert all(needs(agent) == {"validate_request"} for agent in AGENTS)
    assert needs("synthesize_findings") >= {*AGENTS, "agents"}
    assert "cost_model" not in needs("compliance_engine")
    assert "compliance_engine" not in needs("cost_model")
    for name in ("write_executive", "write_technical", "write_stakeholder"):
        assert needs(name) >= {"compliance_engine", "cost_model", "synthesize_findings"}
        assert not {other for other in needs(name) if other.startswith("write")}


def test_agents_have_their_limits_and_tries() -> None:
    """Each agent has its limit over all attempts, three attempts, and only for errors that may pass."""
    graph = assess.trace(request(), agent_limits={"support": 5.0}).graph
    for agent, seconds in LIMITS.items():
        index = graph.index_of(agent)
        assert index is not None
        spec = graph.specs[index]
        assert spec.within == (5.0 if agent == "support" else seconds)
        assert spec.retry.attempts == 3
        assert spec.retry.on == (TransientError,)


@pytest.mark.parametrize(
    ("limits", "words"),
    [({"chef": 5.0}, "no agent chef"), ({"support": 0.0}, "above 0"), ({"support": -1.0}, "above 0")],
)
def test_wrong_limits(limits: dict[str, float], words: str) -> None:
    """An unknown agent or a limit of nothing is told before anything runs."""
    with pytest.raises(InputError, match=words):
        limits_with(limits)
    with pytest.raises(InputError, match=words):
        assess.trace(request(), agent_limits=limits)


def test_three_missing_agents_are_named() -> None:
    """Eight of eleven are enough; the missing ones are named with the reason, in the synthesis and in a
    report.
    """
    result = ran(answer=failing("research", "support", "security"))
    value = result.value
    assert str(result.status) == "partial"
    assert {entry.agent for entry in value.synthesis.missing} == {"research", "support", "security"}
    assert all("broke" in entry.why for entry in value.synthesis.missing)
    assert len(value.agents) == 8
    assert any("research" in report.markdown.lower() for report in value.reports)


def test_seven_agents_are_not_enough() -> None:
    """With a fourth one missing the run fails, nothing is synthesized, and what finished is kept."""
    with pytest.raises(RunError) as caught:
        _ = ran(answer=failing("research", "support", "security", "mlops")).value
    result = caught.value.result
    assert isinstance(result, RunResult)
    assert result.steps["strategy"].state == "succeeded"
    assert result.steps["synthesize_findings"].started_at is None


def test_the_threshold_is_configurable() -> None:
    """Seven are enough when seven are asked for, and ten are not when eleven are."""
    assert ran(answer=failing("research", "support", "security", "mlops"), min_agents=7).value.agents
    assert str(ran(answer=failing("research"), min_agents=11).status) == "failed"


def test_the_missing_cloud_engineer_leaves_no_invented_savings() -> None:
    """Without the agent that finds savings there are none, and the cost model says so."""
    value = ran(answer=failing("cloud_engineer")).value
    assert value.cost.savings == ()
    assert any("cloud_engineer" in note for note in value.cost.assumptions)


def test_a_slow_agent_is_cut_at_its_limit() -> None:
    """An agent that never answers is missing for having run out of time; the others are whole."""

    async def stuck(agent: str) -> str:
        if agent == "support":
            await asyncio.Event().wait()
        return plain(agent)

    value = ran(answer=stuck, agent_limits={"support": 0.02}).value
    (entry,) = value.synthesis.missing
    assert entry.agent == "support"
    assert "in time" in entry.why


@workflow
def one_agent(asked: AssessmentRequest) -> AgentReport:
    """One agent alone, with the assessment's rule for new attempts but without its waits."""
    return research.with_options(retry=replace(TRIES, first_wait=0.0))(asked)


@pytest.mark.parametrize("error", [UnreadableAnswerError, TransientError])
def test_what_may_pass_is_tried_again(error: type[Exception]) -> None:
    """An unreadable answer is a failed attempt; the third attempt succeeds and its words are used."""
    tries: list[str] = []

    def answer(agent: str) -> str:
        tries.append(agent)
        if len(tries) < 3:
            raise error("again")
        return "Third time."

    result = one_agent.with_options(engine=Engine(resources={"model": model(answer)})).run(request())
    assert result.value.summary == "Third time."
    assert len(result.steps["research"].attempts) == len(tries) == 3


def test_three_attempts_and_no_more() -> None:
    """The third failure is final."""
    chosen = one_agent.with_options(
        engine=Engine(resources={"model": model(failing("research", error=TransientError))})
    )
    with pytest.raises(RunError, match="research broke") as caught:
        chosen.run(request())
    result = caught.value.result
    assert isinstance(result, RunResult)
    assert len(result.steps["research"].attempts) == 3


def test_a_lasting_error_is_not_tried_again() -> None:
    """A permanent error costs one attempt."""
    assert len(ran(answer=failing("research")).steps["research"].attempts) == 1


@pytest.mark.parametrize("changes", [{"provider": "ibm"}, {"region": "moon-1"}, {"kind": "magic"}])
def test_a_bad_request_ends_the_run_before_any_agent(changes: dict[str, object]) -> None:
    """Validation fails for good, in one attempt, and no model is asked."""
    asked: list[str] = []

    def answer(agent: str) -> str:
        asked.append(agent)
        return "x"

    result = ran(request(**changes), answer)
    assert str(result.status) == "failed"
    assert asked == []
    assert len(result.steps["validate_request"].attempts) == 1
    assert isinstance(result.failures[0].error, PermanentError)


def test_a_request_may_be_a_file(tmp_path: Path) -> None:
    """A path is read by the first step; one that cannot be read ends the run and names the file."""
    path = tmp_path / "request.json"
    path.write_text(request().model_dump_json(), encoding="utf-8")
    assert ran(str(path)).value == ran(request()).value
    failed = ran(str(tmp_path / "nowhere.yaml"))
    assert "nowhere.yaml: there is no such file" in str(failed.failures[0].error)


@pytest.mark.parametrize("agent", AGENTS)
def test_one_changed_reply_changes_the_reports(agent: str) -> None:
    """Whichever agent's reply changes, some report is different, and so is the value."""
    before = ran().value
    after = ran(answer=lambda name: "Quite other words." if name == agent else plain(name)).value
    assert before != after
    assert before.reports != after.reports
    assert before.cost == after.cost


@pytest.mark.parametrize("part", ["Overview", "Executive report", "Technical report", "Stakeholder report"])
def test_the_words_of_reports_are_the_models(part: str) -> None:
    """The overview's and each report's opening words come from the model and reach the pages."""
    value = ran(answer=lambda name: "Marmalade." if name == part else plain(name)).value
    assert any("Marmalade." in report.markdown for report in value.reports)


def test_numbers_never_come_from_the_model() -> None:
    """Whatever a model writes, recommendations, compliance and cost stay the same."""
    calm, wild = ran().value, ran(answer=lambda _: "Spend $999,999 at once!").value
    assert calm.synthesis.recommendations == wild.synthesis.recommendations
    assert (calm.compliance, calm.cost) == (wild.compliance, wild.cost)
    assert [r.facts for r in calm.agents] == [r.facts for r in wild.agents]


def test_the_answering_model_is_named() -> None:
    """A value says which models worded it."""
    assert ran().value.model == "scripted"


def test_sources_are_fetched_only_when_given() -> None:
    """A source that is refused costs web research alone, and its address is in the reason."""
    value = ran(sources=["ftp://a.example/x"]).value
    (entry,) = value.synthesis.missing
    assert entry.agent == "web_research"
    assert "ftp://a.example/x" in entry.why


# -------------------------------------------------------------------- output, flags, metrics


@pytest.mark.slow
def test_output_writes_a_new_folder_each_time(tmp_path: Path) -> None:
    """Two runs write two numbered folders, and the value does not depend on it."""
    first, second = ran(output=str(tmp_path / "out")), ran(output=str(tmp_path / "out"))
    folders = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert folders == ["0001-acme", "0002-acme"]
    assert first.value == second.value == ran().value
    assert first.steps["save_reports"].value == second.steps["save_reports"].value
    page = tmp_path / "out" / "0001-acme" / "executive.md"
    assert page.read_text(encoding="utf-8") == first.value.reports[0].markdown


def test_no_output_no_writing_step() -> None:
    """Without a folder there is no step that writes."""
    assert "save_reports" not in ran().steps


def most_at_once(**flags: object) -> int:
    """How many model calls were under way at once, at most."""
    busy: list[int] = [0, 0]

    async def counted(agent: str) -> str:
        busy[0] += 1
        busy[1] = max(busy)
        await asyncio.sleep(0)
        busy[0] -= 1
        return plain(agent)

    result = asyncio.run(run_assessment(request(), model=model(counted), **flags))  # type: ignore[arg-type]
    assert str(result.status) == "succeeded"
    return busy[1]


@pytest.mark.slow
def test_the_flag_switches_dataflow() -> None:
    """With the flag off, and for users outside the rollout, one call at a time; else many."""
    assert most_at_once() > 3
    assert most_at_once(use_parallel=False) == 1
    assert most_at_once(user_id="grace", rollout=50) == 1  # bucket 77
    assert most_at_once(user_id="ada", rollout=10) > 3  # bucket 9


def test_run_assessment_passes_everything_on(tmp_path: Path) -> None:
    """Limits, threshold, sources and output reach the workflow; a failed run raises with its result."""
    result = asyncio.run(
        run_assessment(
            request(),
            model=model(plain),
            agent_limits={"support": 9.0},
            min_agents=3,
            sources=(),
            output=str(tmp_path),
        )
    )
    assert (tmp_path / "0001-acme" / "assessment.json").exists()
    assert result.value.agents
    with pytest.raises(RunError):
        asyncio.run(run_assessment(request(provider="ibm"), model=model(plain)))


def test_metrics_of_a_run() -> None:
    """Agents are counted, phases timed, the speedup is labelled an estimate."""
    found = metrics(ran(answer=failing("research")))
    assert (found.total_agents, found.completed_agents, found.failed_agents) == (11, 10, 1)
    assert found.success_rate == pytest.approx(10 / 11)
    assert list(found.phase_times) == [
        "validation",
        "agents",
        "synthesis",
        "professional_services",
        "reports",
    ]
    assert all(0 < seconds <= found.total_time for seconds in found.phase_times.values())
    assert sum(found.phase_times.values()) <= found.total_time * 1.001
    assert found.speedup is not None
    assert found.speedup_label == "estimate"


def test_a_failed_run_shows_no_speedup() -> None:
    """Without a value there is no speedup; phases that never started took no time."""
    found = metrics(ran(request(provider="ibm")))
    assert found.speedup is None
    assert found.completed_agents == 0
    assert found.success_rate == 0
    assert found.phase_times["agents"] == 0


def test_annotations_resolve() -> None:
    """Tools that read the annotations of the workflow and its steps find every name."""
    assert get_type_hints(assess.definition.fn)["return"] is Assessment
    for step in assess.trace(request(), output="out").functions.values():
        assert "return" in get_type_hints(step.fn)


def test_every_result_comes_back_equal_from_a_journal() -> None:
    """What the steps return can be written down, and read back equal with the classes their types name."""
    result = ran(answer=failing("research"))
    classes = classes_in(Assessment) | classes_in(AssessmentRequest)
    done = {path: step.value for path, step in result.steps.items() if step.state == "succeeded"}
    assert len(done) >= 18
    for path, value in done.items():
        assert decode(encode(value), classes) == value, path
