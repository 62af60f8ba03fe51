"""The figures of a run's page: one by one against dataflow, each agent's share, and the phases."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stretto_apps.assess.reports.bars import Bar, BarLayout
from stretto_apps.assess.reports.figures import bar_figure
from stretto_apps.assess.reports.wording import capitalized, count, duration, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stretto_apps.assess.metrics import AgentShare
    from stretto_apps.assess.reports.figures import Figure


class Contender(NamedTuple):
    """One way to run the assessment. `source` says where its seconds come from: "measured" or "estimate"."""

    name: str
    seconds: float
    source: str

    @property
    def note(self) -> str:
        """Seconds and source, in words."""
        return f"{duration(self.seconds)}, {self.source}"


def race(one_by_one: Contender, dataflow: Contender, lower_bound: float | None) -> Figure:
    """Both ways on one scale, with a line where no schedule could have ended earlier."""
    ways = ((one_by_one, "today"), (dataflow, "good"))
    bars = [
        Bar(way.name, way.seconds, way.note, kind if way.source == "measured" else "idle")
        for way, kind in ways
    ]
    note = "" if lower_bound is None else f"Lower bound {duration(lower_bound)}"
    described = ". ".join([*(f"{way.name}: {way.note}" for way, _ in ways), *([note] if note else [])])
    layout = BarLayout(label_width=130, mark=lower_bound, mark_note=note)
    return bar_figure("race", "How long the assessment takes", f"{described}.", bars, layout)


def shares(agents: Sequence[AgentShare]) -> Figure:
    """Each agent's running time, the longest first, and its fraction of what all agents took."""
    ranked = sorted(agents, key=lambda agent: -agent.seconds)
    missing = sum(bool(agent.why) for agent in agents)
    described = f"{count(len(agents) - missing, 'agent')} reported, {count(missing, 'agent')} did not."
    layout = BarLayout(label_width=230, empty="No agent ran.")
    bars = [_share_bar(agent) for agent in ranked] if any(agent.attempts for agent in agents) else []
    return bar_figure("shares", "Running time of each agent, and its share", described, bars, layout)


def _share_bar(agent: AgentShare) -> Bar:
    if not agent.attempts:
        return Bar(agent.title, 0.0, "never started", "absent")
    parts = [duration(agent.seconds), percent(agent.share)]
    parts += [count(agent.attempts, "attempt")] if agent.attempts > 1 else []
    parts += ["no report"] if agent.why else []
    return Bar(agent.title, agent.seconds, " · ".join(parts), "gap" if agent.why else "today")


def phases(times: Mapping[str, float], total: float) -> Figure:
    """From each phase's first start to its last end, in the order of the phases."""
    bars = [
        Bar(_readable(name), seconds, f"{duration(seconds)} · {percent(seconds / total)}", "today")
        for name, seconds in times.items()
        if total > 0
    ]
    described = f"The phases of a run of {duration(total)}, each with its share of it."
    layout = BarLayout(label_width=180, limit=total, empty="No phase took any time.")
    return bar_figure("phases", "Length of each phase, and its share of the run", described, bars, layout)


def _readable(name: str) -> str:
    return capitalized(name.replace("_", " "))
