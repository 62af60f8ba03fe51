"""The page about a run, from runs in virtual time: every length below is exact."""

from __future__ import annotations

import asyncio
import re
import xml.etree.ElementTree as ET
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from apps.assess_cases import EVIL, Page, section
from apps.assess_models import ScriptedModel
from apps.assess_requests import request
from stretto import Engine, RunResult
from stretto.errors import PermanentError
from stretto.testing import run_virtual
from stretto_apps.assess import Assessment, AssessmentRequest, assess
from stretto_apps.assess.agents import AGENTS, find
from stretto_apps.assess.metrics import agent_shares, metrics
from stretto_apps.assess.reports import run_figures as figures
from stretto_apps.assess.reports.for_run import RunPage, run_page
from stretto_apps.assess.reports.wording import duration

if TYPE_CHECKING:
    from stretto.models import Prompt

LENGTHS = {
    **{find(agent, request()).title: float(place) for place, agent in enumerate(AGENTS, 1)},  # 66 s in all
    "Overview": 2.0,
    "Executive report": 3.0,
    "Technical report": 4.0,
    "Stakeholder report": 5.0,
}
ALONE, TOGETHER = 80.0, 18.0  # seconds of the sum, and of the longest path: 11 + 2 + 5
FOUR = ("Strategy and budget", "Technology fit", "Compliance", "Security")


def ran(
    *broken: str,
    given: AssessmentRequest | None = None,
    why: str = "it broke",
    sequential: bool = False,
    support_within: float = 120.0,
) -> RunResult[Assessment]:
    """A finished run in which each call takes its length; those of titles in `broken` then fail."""

    async def answer(prompt: Prompt) -> str:
        assert isinstance(prompt.data, dict)
        title = str(prompt.data["title"])
        await asyncio.sleep(LENGTHS[title])
        if title in broken:
            raise PermanentError(why)
        return "Words."

    engine = Engine(resources={"model": ScriptedModel(answer)})
    chosen = assess.with_options(engine=engine, sequential=sequential, run_id="r1")
    return run_virtual(chosen.aresult(given or request(), agent_limits={"support": support_within}))


@cache
def whole() -> RunResult[Assessment]:
    """A run in which everything went well."""
    return ran()


def bars(page: RunPage, figure: str) -> dict[str, float]:
    """The lengths of a figure's bars by what they are labelled, in the wide picture."""
    _, after = page.html.split(f'<figure class="{figure}">')
    root = ET.fromstring(after.split('<div class="wide">')[1].split("</div>")[0])
    found = [bar for bar in root.iter("rect") if str(bar.get("class")).startswith(("bar", "absent"))]
    return {str(bar.findtext("title")): float(bar.get("width", "")) for bar in found}


def test_one_by_one_is_an_estimate_unless_it_was_measured() -> None:
    """The sum of this run's attempts is called an estimate, a length that was given is called measured."""
    estimated, measured = run_page(whole()), run_page(whole(), one_by_one=90.0)
    assert set(bars(estimated, "race")) == {"One by one: 1 min 20 s, estimate", "Dataflow: 18.0 s, measured"}
    assert set(bars(measured, "race")) == {"One by one: 1 min 30 s, measured", "Dataflow: 18.0 s, measured"}
    assert "4.4 times as fast as one by one, by estimate" in estimated.markdown
    assert "5.0 times as fast as one by one, which took 1 min 30 s (measured)." in measured.markdown
    assert "estimate" not in measured.markdown


def test_the_race_is_drawn_to_scale_with_the_lower_bound_on_it() -> None:
    """Bars are as long as their seconds, and the bound's line stands where this run's bar ends."""
    page = run_page(whole())
    alone, together = bars(page, "race").values()
    assert alone / together == pytest.approx(ALONE / TOGETHER, rel=1e-3)
    root = ET.fromstring(figures.race(*_contenders(), TOGETHER / 2).wide)
    (line,) = (stroke for stroke in root.iter("line") if stroke.get("class") == "mark")
    boxes = [box for box in root.iter("rect") if "bar" in str(box.get("class"))]
    reach = float(line.get("x1", "")) - float(boxes[1].get("x", ""))
    assert reach == pytest.approx(float(boxes[1].get("width", "")) / 2, rel=1e-3)
    assert "Lower bound 18.0 s" in page.markdown
    assert "the run reached 100% of what was possible" in page.markdown


def _contenders() -> tuple[figures.Contender, figures.Contender]:
    return (
        figures.Contender("One by one", ALONE, "estimate"),
        figures.Contender("Dataflow", TOGETHER, "measured"),
    )


def test_each_agent_has_its_share_of_the_agents_work() -> None:
    """Seconds and percent are of the agents' work alone, the longest comes first, shares add up to all."""
    drawn = bars(run_page(whole()), "shares")
    assert next(iter(drawn)) == "Security: 11.0 s · 17%"
    assert list(drawn)[-1] == "Strategy and budget: 1.00 s · 2%"
    assert drawn["Security: 11.0 s · 17%"] / drawn["Strategy and budget: 1.00 s · 2%"] == pytest.approx(
        11, rel=1e-3
    )
    shares = agent_shares(whole())
    assert tuple(share.agent for share in shares) == AGENTS
    assert sum(share.share for share in shares) == pytest.approx(1.0)
    assert "The agents ran for 1 min 6 s in 11 attempts; waits do not count." in run_page(whole()).markdown


def test_missing_and_late_agents_are_named_with_the_reason() -> None:
    """Above everything else stands who did not report and why; their running time still counts."""
    page = run_page(ran("Technology fit", support_within=4.0))
    head = page.markdown.split("\n## ", 1)[0]
    assert "partial in 18.0 s. 9 of 11 agents reported." in head
    assert "2 of 11 agents did not report: Research and Support." in head
    assert "**Research**: Failed in every attempt: it broke." in head
    assert "**Support**: Did not finish in time: no result within 4 s over all attempts." in head
    drawn = bars(page, "shares")
    assert "Support: 4.00 s · 7% · no report" in drawn
    assert "Research: 3.00 s · 5% · no report" in drawn
    assert "did not report" not in run_page(whole()).markdown


def test_reasons_are_those_of_the_reports() -> None:
    """The page about the run and the reports never differ in why an agent is missing."""
    result = ran("Technology fit", support_within=4.0)
    told = {share.agent: share.why for share in agent_shares(result) if share.why}
    assert told == {missing.agent: missing.why for missing in result.value.synthesis.missing}


def test_a_failed_run_claims_no_speedup() -> None:
    """No comparison and no bound; why it failed and where its time went are told all the same."""
    page = run_page(ran(*FOUR), one_by_one=90.0)
    assert "**The run has no value.** agents: GroupThreshold: group 'agents' needs 8 of 11" in page.markdown
    assert "4 of 11 agents did not report: Strategy, Research, Compliance and Security." in page.markdown
    assert "times as fast" not in page.markdown
    assert "1 min 30 s" not in page.markdown
    assert "race" not in page.html.split("</style>")[1]
    assert "Infrastructure and stack: 5.00 s · 8%" in bars(page, "shares")
    assert "| security | 11.0 s | 100% | – | after validate_request |" in page.markdown


def test_a_run_that_never_reached_its_agents() -> None:
    """A rejected request has no company, no agent and no call, and its page is whole."""
    page = run_page(ran(given=request(provider="ibm")))
    assert page.title == "Run report"
    assert "**The run has no value.** validate_request: PermanentError" in page.markdown
    assert "No agent ran." in page.markdown
    assert "No call to a model was answered." in page.markdown


def test_one_by_one_is_told_as_such() -> None:
    """A run in which nothing overlapped is not called dataflow; what dataflow could reach is an estimate."""
    page = run_page(ran(sequential=True))
    assert "This run went one by one" in page.markdown
    assert set(bars(page, "race")) == {
        "One by one: 1 min 20 s, measured",
        "Dataflow, at best: 18.0 s, estimate",
    }
    assert "times as fast" not in page.markdown


def test_phases_and_the_critical_path() -> None:
    """Each phase has its length, and the attempts that made up the run follow each other in a table."""
    page = run_page(whole())
    drawn = list(bars(page, "phases"))
    assert drawn == [
        "Validation: 0 s · 0%",
        "Agents: 11.0 s · 61%",
        "Synthesis: 2.00 s · 11%",
        "Professional services: 0 s · 0%",
        "Reports: 5.00 s · 28%",
    ]
    rows = re.findall(r"^\| (\w+) \| ([\d.]+ s) \| (\d+%) \|", page.markdown, flags=re.MULTILINE)
    long = [row for row in rows if row[1] != "0 s"]
    assert long == [
        ("security", "11.0 s", "61%"),
        ("synthesize_findings", "2.00 s", "11%"),
        ("write_stakeholder", "5.00 s", "28%"),
    ]


def test_calls_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls, tokens and cost are the run's; an unknown price is not a cost of nothing."""
    result = ran()
    monkeypatch.setattr(result.usage, "calls", 15)
    monkeypatch.setattr(result.usage, "input_tokens", 7401)
    monkeypatch.setattr(result.usage, "cost", 0.25)
    calls = section(run_page(result).markdown, "## Calls to models")
    assert "15 calls to models were answered: 7,401 tokens in, 0 out; they cost $0.2500." in calls
    assert "Worded by model: **" in calls
    assert "simulated" not in calls
    monkeypatch.setattr(result.usage, "cost", None)
    assert "their cost is unknown" in run_page(result).markdown


def test_the_page_is_one_file_that_everybody_can_read() -> None:
    """It fetches and runs nothing, headings descend by one, figures and tables are named, ids are unique."""
    page = Page(run_page(whole()).html)
    assert not page.named("script", "img", "link", "iframe", "object", "embed", "image", "use", "base", "a")
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(page.named("svg")) == 6
    assert all(set(str(figure["aria-labelledby"]).split()) <= set(ids) for figure in page.named("svg"))
    assert {cell.get("scope") for cell in page.named("th")} == {"row", "col"}


def test_what_an_error_says_stays_text() -> None:
    """A company or a provider cannot put tags, links or headings into the page."""
    page = run_page(ran("Technology fit", given=request(company=EVIL), why=f"{EVIL}\n# {EVIL}"))
    assert not re.search(r"<[a-z/!]", page.markdown)
    assert [tag for tag, _ in Page(page.html).tags if tag == "h1"] == ["h1"]
    assert not Page(page.html).named("script", "img", "a")
    assert "alert('x')" in Page(page.html).text


def test_nothing_of_the_times_is_in_the_value() -> None:
    """Two runs of different lengths have equal values, reports included."""
    assert ran(sequential=True).value == whole().value


def test_metrics_say_where_the_speedup_comes_from() -> None:
    """Against a measured length the speedup is labelled measured, else estimate."""
    estimated, measured = metrics(whole()), metrics(whole(), one_by_one=36.0)
    assert estimated.speedup == pytest.approx(ALONE / TOGETHER)
    assert measured.speedup == pytest.approx(2.0)
    assert (estimated.speedup_label, measured.speedup_label) == ("estimate", "measured")
    assert metrics(ran(*FOUR), one_by_one=36.0).speedup is None


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0 s"),
        (0.0004, "under 0.001 s"),
        (0.0125, "0.013 s"),
        (1.0, "1.00 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (3725.0, "62 min 5 s"),
        (float("nan"), "n/a"),
    ],
)
def test_lengths_are_told_with_the_digits_they_deserve(seconds: float, shown: str) -> None:
    """Milliseconds below a second, minutes from sixty on, and never 60.0 s."""
    assert duration(seconds) == shown


def test_a_simulated_provider_is_called_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the words came from a simulation, the page says that the times did, too."""
    result = ran()
    told = result.value.model_copy(update={"model": "simulated"})
    monkeypatch.setattr(type(result), "value", told)
    calls = section(run_page(result).markdown, "## Calls to models")
    assert (
        "Worded by model: **simulated**. The provider was simulated, and so were the times it took." in calls
    )
