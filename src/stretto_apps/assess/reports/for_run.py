"""The page about one run: how long it took, against one by one, and where its time went.

Two equal runs take different times, so that nothing of this is in the workflow's value or in its reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto_apps.assess.metrics import agent_shares, metrics
from stretto_apps.assess.reports import run_figures as figures
from stretto_apps.assess.reports.markdown import Md, bold, escaped, render, table
from stretto_apps.assess.reports.page import page
from stretto_apps.assess.reports.run_figures import Contender
from stretto_apps.assess.reports.wording import (
    capitalized,
    count,
    duration,
    listed,
    number,
    one_line,
    percent,
    sentence,
)
from stretto_apps.assess.types import AssessmentRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal

    from stretto import RunResult, StepResult
    from stretto_apps.assess.metrics import AgentShare, RunMetrics
    from stretto_apps.assess.reports.figures import Figure
    from stretto_apps.assess.types import Assessment

__all__ = ["RunPage", "run_page"]

_WAITS = {"permit": "a permit", "backoff": "its next attempt"}
_NOTICED = 0.0005  # seconds; a shorter wait would be told as 0.000 s


@dataclass(frozen=True, slots=True)
class RunPage:
    """How one run went, as Markdown and as a page that needs nothing else."""

    kind: Literal["run"]
    title: str
    markdown: str
    html: str


def run_page(result: RunResult[Assessment], *, one_by_one: float | None = None) -> RunPage:
    """The page about a finished run, whatever its status; no speedup is claimed for one without a value.

    `one_by_one` is the measured length, in seconds, of the same assessment one step at a time. Without it the
    sum of this run's attempts stands there, labelled an estimate.
    """
    facts = _Facts(result, one_by_one)
    race, shares, phases = facts.race, figures.shares(facts.agents), facts.phases
    values = {
        "title": facts.title,
        "profile": facts.profile,
        "callout": facts.callout,
        "comparison": facts.comparison,
        "race": race,
        "agents": facts.agents_words,
        "shares": shares,
        "phases": phases,
        "path": _path_table(facts),
        "calls": _calls_words(facts),
    }
    markdown = render("run.md.j2", values)
    pictures = [figure for figure in (race, shares, phases) if figure is not None]
    return RunPage("run", facts.title, markdown, page(facts.title, "run", markdown, pictures))


class _Facts:
    """A run as its page tells it."""

    def __init__(self, result: RunResult[Assessment], one_by_one: float | None) -> None:
        self.result = result
        self.timing = result.timing
        self.metrics: RunMetrics = metrics(result, one_by_one=one_by_one)
        self.agents: tuple[AgentShare, ...] = agent_shares(result)
        self._before = self.timing.work if one_by_one is None else one_by_one
        self._is_dataflow = _overlap(result.steps.values())

    @property
    def title(self) -> str:
        request = self.result.steps["validate_request"].value
        if not isinstance(request, AssessmentRequest):
            return "Run report"
        return f"{one_line(request.company)}: run report"

    @property
    def profile(self) -> str:
        found = self.metrics
        return (
            f"Run {self.result.run_id} of {self.result.workflow}: {self.result.status} in "
            f"{duration(found.total_time)}. {found.completed_agents} of {count(found.total_agents, 'agent')} "
            "reported."
        )

    @property
    def missing(self) -> list[AgentShare]:
        return [agent for agent in self.agents if agent.why]

    @property
    def has_value(self) -> bool:
        return str(self.result.status) in {"succeeded", "partial"}

    @property
    def callout(self) -> Md:
        """What was lost, and why; empty when nothing was."""
        lines = [] if self.has_value else [_loss("The run has no value", _reasons(self.result))]
        names = listed(agent.title for agent in self.missing)
        if names:
            headline = f"{len(self.missing)} of {count(len(self.agents), 'agent')} did not report: {names}."
            lines += [f"> {bold(headline)}", ">"]
            lines += [f"> - {bold(agent.title)}: {_told(agent.why)}" for agent in self.missing]
        return Md.lines(lines)

    # ---------------------------------------------------------------- one by one against dataflow

    @property
    def race(self) -> Figure | None:
        if self.metrics.speedup is None:
            return None
        took, bound = self.timing.makespan, self.timing.lower_bound
        if not self._is_dataflow:
            at_best = Contender("Dataflow, at best", self.timing.span, "estimate")
            return figures.race(Contender("One by one", took, "measured"), at_best, None)
        before = Contender("One by one", self._before, self.metrics.speedup_label)
        return figures.race(before, Contender("Dataflow", took, "measured"), bound)

    @property
    def phases(self) -> Figure:
        return figures.phases(self.metrics.phase_times, self.timing.makespan)

    @property
    def comparison(self) -> str:
        if not self.has_value:
            return "The run has no value, so its length is compared with nothing."
        if self.metrics.speedup is None:
            return "The run took no time."
        if not self._is_dataflow:
            return (
                "This run went one by one: no two attempts overlapped. As dataflow it would take at least "
                f"{duration(self.timing.span)}, its longest path."
            )
        return f"{self._speedup_words} {self._bound_words}"

    @property
    def _speedup_words(self) -> str:
        speed = f"As dataflow the run was {self.metrics.speedup:.1f} times as fast as one by one"
        if self.metrics.speedup_label == "measured":
            return f"{speed}, which took {duration(self._before)} (measured)."
        return (
            f"{speed}, by estimate: all attempts together took {duration(self._before)}. Attempts that run "
            "at once may slow each other down, so that one by one may take less."
        )

    @property
    def _bound_words(self) -> str:
        reached = self.timing.bound_efficiency or 0.0
        return (
            f"No schedule of these attempts ends before {duration(self.timing.lower_bound)}, the lower "
            f"bound; the run reached {percent(reached)} of what was possible."
        )

    @property
    def agents_words(self) -> str:
        total = sum(agent.seconds for agent in self.agents)
        tries, ran = sum(agent.attempts for agent in self.agents), sum(bool(a.attempts) for a in self.agents)
        again = f", {tries - ran} of them after a failed one" if tries > ran else ""
        return (
            f"The agents ran for {duration(total)} in {count(tries, 'attempt')}{again}; waits do not count."
        )


def _overlap(steps: Iterable[StepResult]) -> bool:
    """Whether two attempts were ever under way at once; one run by one permit has none."""
    spans = sorted(
        (attempt.started_at, attempt.ended_at or attempt.started_at)
        for step in steps
        for attempt in step.attempts
    )
    latest = 0.0
    for start, end in spans:
        if start < latest:
            return True
        latest = max(latest, end)
    return False


def _reasons(result: RunResult[Assessment]) -> str:
    if result.failures:
        return "; ".join(str(failure) for failure in result.failures)
    return str(result.to_error())


def _loss(what: str, why: str) -> str:
    return f"> {bold(what + '.')} {_told(why)}\n>"


def _told(why: str) -> Md:
    return escaped(capitalized(sentence(why)))


# -------------------------------------------------------------------- where the time went


def _path_table(facts: _Facts) -> Md:
    """The attempts that the run's length was made of, first to last."""
    hops = facts.timing.critical_path
    if not hops:
        return Md("Nothing ran.")
    begins: Sequence[str | None] = [None, *(hop.step for hop in hops)]
    rows = [
        [
            hop.step,
            duration(hop.ended_at - hop.started_at),
            percent(hop.share),
            duration(hop.waited) if hop.waited >= _NOTICED else "",
            _cause(hop.waited_for, before),
        ]
        for hop, before in zip(hops, begins, strict=False)
    ]
    return table(["Step", "Took>", "Share of the run>", "Waited>", "Began"], rows)


def _cause(waited_for: str, before: str | None) -> str:
    if waited_for in _WAITS:
        return f"waited for {_WAITS[waited_for]}"
    return "at the start" if before is None else f"after {before}"


def _calls_words(facts: _Facts) -> Md:
    return Md(f"{_answered(facts)} {_worded(facts)}".rstrip())


def _worded(facts: _Facts) -> str:
    """Whose words they were; where the provider was a simulation, so were the times it took."""
    model = facts.result.value.model if facts.has_value else ""
    if not model:
        return ""
    simulated = " The provider was simulated, and so were the times it took." if "simulated" in model else ""
    return f"Worded by model: {bold(model)}.{simulated}"


def _answered(facts: _Facts) -> str:
    usage = facts.result.usage
    if not usage.calls:
        return "No call to a model was answered."
    cost = "their cost is unknown" if usage.cost is None else f"they cost ${usage.cost:.4f}"
    return (
        f"{count(usage.calls, 'call')} to models {'was' if usage.calls == 1 else 'were'} answered: "
        f"{number(usage.input_tokens)} tokens in, {number(usage.output_tokens)} out; {cost}."
    )
