"""What flows between the steps of an assessment: the request, what each agent found, and the synthesis.

Money is in the request's `currency`-free unit, US dollars, and monthly unless a name says otherwise.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Framework(StrEnum):
    """Compliance frameworks with rules of their own here."""

    GDPR = "gdpr"
    HIPAA = "hipaa"
    PCI_DSS = "pci-dss"
    SOC2 = "soc2"


class Priority(StrEnum):
    """How soon a recommendation should be acted on."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Component(_Frozen):
    """One piece of the current stack, e.g. ``{name: postgresql, version: "11", kind: database}``."""

    name: str
    version: str | None = None
    kind: str = "service"


class Workload(_Frozen):
    """What the system is asked to do, measured."""

    kind: str = Field(description="web, api, batch, ml-training, ml-inference, analytics or streaming")
    requests_per_second: float = Field(default=0.0, ge=0, description="peak")
    average_cpu_ms: float = Field(default=20.0, ge=0, description="CPU milliseconds a request")
    data_gb: float = Field(default=0.0, ge=0, description="data at rest, gigabytes")
    egress_gb: float = Field(default=0.0, ge=0, description="data leaving the provider a month, gigabytes")
    growth_percent: float = Field(default=20.0, ge=-100, description="expected growth a year")
    availability_target: float = Field(default=99.9, gt=0, lt=100, description="percent")
    gpu_hours: float = Field(default=0.0, ge=0, description="accelerator hours a month")
    models: tuple[str, ...] = Field(default=(), description="machine-learning models in use")


class Scale(_Frozen):
    """How big the company and its system are."""

    employees: int = Field(ge=1)
    engineers: int = Field(ge=0)
    users: int = Field(ge=0)


class AssessmentRequest(_Frozen):
    """An infrastructure assessment as a customer asks for it (JSON or YAML)."""

    company: str = Field(min_length=1)
    industry: str
    description: str = ""
    scale: Scale
    workload: Workload
    monthly_budget: float = Field(gt=0, description="US dollars a month")
    region: str = Field(description="cloud region, e.g. eu-central-1")
    provider: str = Field(default="aws", description="aws, azure or gcp: where it runs or should run")
    compliance: tuple[Framework, ...] = ()
    handles_personal_data: bool = False
    handles_health_data: bool = False
    handles_card_data: bool = False
    controls: tuple[str, ...] = Field(
        default=(), description="controls already in place, e.g. mfa, encryption-at-rest"
    )
    stack: tuple[Component, ...] = ()
    goals: tuple[str, ...] = ()
    support_tickets_per_month: int = Field(default=0, ge=0)


class Evidence(_Frozen):
    """A number behind a statement, with where it comes from.

    `source` names a table row, document, formula or request field; `assumption` marks what is nobody's
    measurement. A price carries `region` and `as_of` (ISO date).
    """

    label: str
    value: float
    unit: str
    source: str
    region: str | None = None
    as_of: str | None = None
    assumption: bool = False


class Recommendation(_Frozen):
    """What to do, why, who says so and on which numbers."""

    id: str = Field(description="stable and unique within an agent, e.g. right-size-compute")
    topic: str = Field(description="what it is about; equal topics and actions of two agents are merged")
    action: str
    reason: str
    priority: Priority
    confidence: float = Field(ge=0, le=1)
    agents: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()
    monthly_saving: float = 0.0
    monthly_cost: float = 0.0


class AgentReport(_Frozen):
    """What one agent found. `summary` is the model's wording of the findings, which are computed."""

    agent: str = Field(description="the step's id, e.g. cloud_engineer")
    title: str
    summary: str
    highlights: tuple[str, ...] = ()
    facts: tuple[Evidence, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    confidence: float = Field(ge=0, le=1)
    model: str = Field(description="which model worded it: offline, simulated, or a real one's name")


class MissingAgent(_Frozen):
    """An agent whose findings did not arrive, and why."""

    agent: str
    why: str


class Synthesis(_Frozen):
    """All findings as one list: deduplicated, prioritized, with aggregated confidence."""

    overview: str
    recommendations: tuple[Recommendation, ...]
    merged: int = Field(description="how many duplicates were folded into others")
    confidence: float = Field(ge=0, le=1)
    agents: tuple[str, ...]
    missing: tuple[MissingAgent, ...] = ()
    model: str


class RuleVerdict(StrEnum):
    """Whether a compliance rule is met."""

    MET = "met"
    GAP = "gap"
    NOT_APPLICABLE = "not applicable"


class RuleResult(_Frozen):
    """One rule of one framework, judged against the request."""

    framework: Framework
    rule: str = Field(description="the paragraph, e.g. GDPR Art. 32(1)(a)")
    requirement: str
    verdict: RuleVerdict
    because: str
    mend: str = ""


class ComplianceResult(_Frozen):
    """Every rule judged; `score` is met / (met + gap), 1 when nothing applies."""

    results: tuple[RuleResult, ...]
    score: float
    frameworks: tuple[Framework, ...]


class CostLine(_Frozen):
    """One line of the bill: quantity × unit price."""

    item: str
    quantity: float
    unit: str
    unit_price: float
    monthly: float
    price: Evidence


class CostModel(_Frozen):
    """What it costs today, and with the recommendations taken, for three years."""

    lines: tuple[CostLine, ...]
    current_monthly: float
    optimized_monthly: float
    savings: tuple[tuple[str, float], ...] = Field(description="(recommendation id, monthly saving)")
    added_costs: tuple[tuple[str, float], ...] = Field(
        default=(),
        description="(recommendation id, monthly cost): optimized = current - savings + added costs",
    )
    three_year_current: float
    three_year_optimized: float
    budget: float
    budget_used: float = Field(description="current_monthly / budget")
    assumptions: tuple[str, ...] = ()


class Report(_Frozen):
    """One report, written for one reader."""

    kind: str = Field(description="executive, technical or stakeholder")
    title: str
    markdown: str
    html: str = Field(description="self-contained page: styles and figures inside, nothing fetched")
    model: str


class Assessment(_Frozen):
    """The workflow's value."""

    company: str
    synthesis: Synthesis
    compliance: ComplianceResult
    cost: CostModel
    agents: tuple[AgentReport, ...]
    reports: tuple[Report, ...]
    model: str
