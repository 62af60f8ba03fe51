"""The assessment as a workflow: validate → eleven agents → synthesis → compliance ∥ cost → three reports.

Nothing here schedules: the engine starts each step when its inputs exist, and admits `MAX_RUNS` assessments
at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto import Missing, Retry, from_engine, group, step, workflow
from stretto.errors import InputError, PermanentError, TransientError
from stretto.models import Model, OfflineModel  # tools resolve the steps' annotations
from stretto_apps.assess import compliance_engine as rules
from stretto_apps.assess import cost_model as costs
from stretto_apps.assess import reports as pages
from stretto_apps.assess.agents import AGENTS, LIMITS, find
from stretto_apps.assess.agents.web_research import find as search_documents
from stretto_apps.assess.examples import example_request
from stretto_apps.assess.fetch import fetch_all
from stretto_apps.assess.findings import report
from stretto_apps.assess.letters import Kind, Matter, letter, overview_letter
from stretto_apps.assess.save import save, save_run
from stretto_apps.assess.synthesis import synthesize
from stretto_apps.assess.types import (
    AgentReport,
    Assessment,
    AssessmentRequest,
    ComplianceResult,
    CostModel,
    Report,
    Synthesis,
)
from stretto_apps.assess.validate import load_request, validate
from stretto_apps.assess.wording import tell, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto_apps.assess.findings import Findings

__all__ = ["MIN_AGENTS", "assess", "limits_with", "save", "save_run"]

MIN_AGENTS = 8
MAX_RUNS = 5  # at once on one engine; others queue
WITHIN = 900.0  # seconds; the whole run, as dataflow
TRIES = Retry(attempts=3, on=TransientError)
MODEL: Model = from_engine("model", default=OfflineModel)


# -------------------------------------------------------------------- validate


@step(within=30)
def validate_request(request: AssessmentRequest | str) -> AssessmentRequest:
    """The request, read if a path was given, in canonical form. Its failure ends the run."""
    try:
        return validate(load_request(request) if isinstance(request, str) else request)
    except InputError as wrong:
        raise PermanentError(str(wrong)) from None


# -------------------------------------------------------------------- the agents


async def worded(findings: Findings, request: AssessmentRequest, model: Model) -> AgentReport:
    """Findings with a model's words."""
    summary, name = await word(model, findings, request)
    return report(findings, summary, name)


@step(within=LIMITS["strategy"], retry=TRIES)
async def strategy(request: AssessmentRequest, model: Model = MODEL) -> AgentReport:
    """Unit economics, budget and roadmap."""
    return await worded(find("strategy", request), request, model)


@step(within=LIMITS["cloud_engineer"], retry=TRIES)
async def cloud_engineer(request: AssessmentRequest, model: Model = MODEL) -> AgentReport:
    """Sizes and prices."""
    return await worded(find("cloud_engineer", request), request, model)


@step(within=LIMITS["research"], retry=TRIES)
async def research(request: AssessmentRequest, model: Model = MODEL) -> AgentReport:
    """Technology fit."""
    return await worded(find("research", request), request, model)


@step(within=LIMITS["mlops"], retry=TRIES)
async def mlops(request: AssessmentRequest, model: Model = MODEL) -> AgentReport:
    """Machine-learning operations."""
    return await worded(find("mlops", request), request, model)


@step(within=LIMITS["infrastructure"], retry=TRIES)
async def infrastructure(request: AssessmentRequest, model: Model = MODEL) -> AgentReport:
    """Stack, end of life and availability."""
    return await worded(find("infrastructure", request), request, model)


@step(within=LIMITS["compliance"], retry=TRIES)
async def compliance(request: AssessmentRequest, model: Model = MODEL) -> AgentReport:
    """Gaps in the frameworks that apply."""
    return await worded(find("compliance", request), request, model)


@step(within=LIMITS["ai_consultant"], retry=TRIES)
async def ai_consultant(request: AssessmentRequest, model: Model = MODEL) -> AgentReport:
    """Uses of artificial intelligence."""
    return await worded(find("ai_consultant", request), request, model)


@step(within=LIMITS["web_research"], retry=TRIES)
async def web_research(request: AssessmentRequest, sources: list[str], model: Model = MODEL) -> AgentReport:
    """The document set, and the pages whose addresses the caller allowed."""
    fetched = await fetch_all(sources) if sources else []
    return await worded(search_documents(request, fetched), request, model)


@step(within=LIMITS["simulation"], retry=TRIES)
async def simulation(request: AssessmentRequest, model: Model = MODEL) -> AgentReport:
    """Capacity over three years."""
    return await worded(find("simulation", request), request, model)


@step(within=LIMITS["support"], retry=TRIES)
async def support(request: AssessmentRequest, model: Model = MODEL) -> AgentReport:
    """Tickets, staffing and self-service."""
    return await worded(find("support", request), request, model)


@step(within=LIMITS["security"], retry=TRIES)
async def security(request: AssessmentRequest, model: Model = MODEL) -> AgentReport:
    """Baseline and exposure."""
    return await worded(find("security", request), request, model)


# -------------------------------------------------------------------- synthesis and engines


@step(within=120, retry=TRIES)
async def synthesize_findings(
    request: AssessmentRequest,
    reports: list[AgentReport | Missing],
    model: Model = MODEL,
) -> Synthesis:
    """One list of recommendations, with an overview in a model's words."""
    plain = synthesize(request, reports)
    overview, name = await tell(model, *overview_letter(request, plain))
    return plain.model_copy(update={"overview": overview, "model": name})


@step(within=60)
def compliance_engine(request: AssessmentRequest, synthesis: Synthesis) -> ComplianceResult:
    """Every rule judged."""
    return rules.judge(request, synthesis)


@step(within=60)
def cost_model(request: AssessmentRequest, synthesis: Synthesis) -> CostModel:
    """The bill today and with the recommendations taken."""
    return costs.cost(request, synthesis)


# -------------------------------------------------------------------- reports


async def written(
    kind: Kind,
    request: AssessmentRequest,
    synthesis: Synthesis,
    judged: ComplianceResult,
    cost: CostModel,
    reports: list[AgentReport | Missing],
    model: Model,
) -> Report:
    """One report: a model words its opening, everything else in it is computed."""
    arrived = [found for found in reports if isinstance(found, AgentReport)]
    words, name = await tell(model, *letter(kind, Matter(request, synthesis, judged, cost, arrived)))
    page = {"executive": pages.executive, "technical": pages.technical, "stakeholder": pages.stakeholder}[
        kind
    ]
    return page(request, synthesis, judged, cost, arrived, words, name)


@step(within=180, retry=TRIES)
async def write_executive(
    request: AssessmentRequest,
    synthesis: Synthesis,
    judged: ComplianceResult,
    cost: CostModel,
    reports: list[AgentReport | Missing],
    model: Model = MODEL,
) -> Report:
    """The report for those who decide."""
    return await written("executive", request, synthesis, judged, cost, reports, model)


@step(within=180, retry=TRIES)
async def write_technical(
    request: AssessmentRequest,
    synthesis: Synthesis,
    judged: ComplianceResult,
    cost: CostModel,
    reports: list[AgentReport | Missing],
    model: Model = MODEL,
) -> Report:
    """The report for those who build."""
    return await written("technical", request, synthesis, judged, cost, reports, model)


@step(within=180, retry=TRIES)
async def write_stakeholder(
    request: AssessmentRequest,
    synthesis: Synthesis,
    judged: ComplianceResult,
    cost: CostModel,
    reports: list[AgentReport | Missing],
    model: Model = MODEL,
) -> Report:
    """The report for those who are affected."""
    return await written("stakeholder", request, synthesis, judged, cost, reports, model)


@step(within=30)
def assemble(
    request: AssessmentRequest,
    synthesis: Synthesis,
    judged: ComplianceResult,
    cost: CostModel,
    agents: list[AgentReport | Missing],
    reports: list[Report],
) -> Assessment:
    """The workflow's value. It holds no time and no path, so that equal runs give equal values."""
    arrived = tuple(found for found in agents if isinstance(found, AgentReport))
    labels = (*(found.model for found in arrived), synthesis.model, *(page.model for page in reports))
    return Assessment(
        company=request.company,
        synthesis=synthesis,
        compliance=judged,
        cost=cost,
        agents=arrived,
        reports=tuple(reports),
        model=", ".join(dict.fromkeys(labels)),
    )


@step(within=60)
def save_reports(assessment: Assessment, output: str) -> list[str]:
    """Writes the reports into a new folder below `output`; gives its files' names."""
    return [path.name for path in save(assessment, output)]


# -------------------------------------------------------------------- the workflow


def limits_with(changed: Mapping[str, float] | None) -> dict[str, float]:
    """The agents' limits in seconds with some replaced. `InputError` for an agent there is not or a limit of
    0.
    """
    given = dict(changed or {})
    unknown = sorted(set(given) - set(AGENTS))
    if unknown:
        raise InputError(f"agent_limits: there is no agent {', '.join(unknown)}. Known: {', '.join(AGENTS)}.")
    wrong = [name for name, seconds in given.items() if not seconds > 0]
    if wrong:
        raise InputError(f"agent_limits: {', '.join(wrong)} must be above 0 seconds.")
    return {**LIMITS, **given}


@workflow(within=WITHIN, max_runs=MAX_RUNS, example={"request": example_request()})
def assess(
    request: AssessmentRequest | str,
    agent_limits: dict[str, float] | None = None,
    min_agents: int = MIN_AGENTS,
    sources: list[str] | None = None,
    output: str | None = None,
) -> Assessment:
    """Assesses a company's infrastructure.

    `request` is a request or the path of a JSON or YAML file with one. `agent_limits` replaces agents' limits
    (seconds over all attempts). The run fails with fewer than `min_agents` agents; missing ones are named in
    the reports. `sources` are https addresses that web research may fetch; without any it reads local
    documents alone. With `output` the reports are written into a new folder below it.
    """
    limits = limits_with(agent_limits)
    checked = validate_request(request)
    with group("agents", min_success=min_agents) as agents:
        found: list[AgentReport | Missing] = [
            strategy.with_options(within=limits["strategy"])(checked),
            cloud_engineer.with_options(within=limits["cloud_engineer"])(checked),
            research.with_options(within=limits["research"])(checked),
            mlops.with_options(within=limits["mlops"])(checked),
            infrastructure.with_options(within=limits["infrastructure"])(checked),
            compliance.with_options(within=limits["compliance"])(checked),
            ai_consultant.with_options(within=limits["ai_consultant"])(checked),
            web_research.with_options(within=limits["web_research"])(checked, sources or []),
            simulation.with_options(within=limits["simulation"])(checked),
            support.with_options(within=limits["support"])(checked),
            security.with_options(within=limits["security"])(checked),
        ]
    synthesis = synthesize_findings.after(agents)(checked, found)
    judged = compliance_engine(checked, synthesis)
    cost = cost_model(checked, synthesis)
    reports = [
        write_executive(checked, synthesis, judged, cost, found),
        write_technical(checked, synthesis, judged, cost, found),
        write_stakeholder(checked, synthesis, judged, cost, found),
    ]
    assessment = assemble(checked, synthesis, judged, cost, found, reports)
    if output is not None:
        save_reports(assessment, output)
    return assessment
