"""The three reports: what they must contain, and what they must never let through."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from apps.assess_cases import (
    BUILDERS,
    EVIL,
    FULL,
    GUESS,
    LISTED,
    Page,
    agent,
    built,
    case,
    line,
    recommendation,
    rule,
    section,
)
from stretto_apps.assess.reports.for_stakeholders import audiences_of
from stretto_apps.assess.reports.wording import (
    price_provenance,
)
from stretto_apps.assess.types import (
    Evidence,
    Framework,
    MissingAgent,
    Priority,
    RuleVerdict,
)

every_kind = pytest.mark.parametrize("kind", BUILDERS)


@every_kind
def test_a_report_says_what_it_is(kind: str) -> None:
    """Kind, title and model are as asked, and the title is the page's."""
    report = built(kind)
    assert (report.kind, report.title, report.model) == (kind, f"Meridian: {kind} report", "simulated")
    assert f"<title>{report.title}</title>" in report.html
    assert report.markdown.startswith(f"# {report.title}\n")


@every_kind
def test_equal_data_gives_equal_reports(kind: str) -> None:
    """Nothing but the arguments goes into a report, so two built from equal data are equal."""
    again = replace(
        FULL,
        synthesis=FULL.synthesis.model_copy(deep=True),
        agents=[report.model_copy(deep=True) for report in FULL.agents],
    )
    assert built(kind, again) == built(kind)


@every_kind
def test_the_words_of_the_model_are_shown(kind: str) -> None:
    """A changed reply changes both forms of every report; the model is named."""
    words = "First thoughts.\n\nA *second* paragraph."
    report, other = built(kind, case(words=words)), built(kind, case(words="Something else."))
    assert words in report.markdown
    assert "A <em>second</em> paragraph." in report.html
    assert report.markdown != other.markdown
    assert report.html != other.html
    assert "Worded by model: simulated" in Page(report.html).text


@every_kind
def test_missing_agents_are_named_before_anything_else(kind: str) -> None:
    """Which agents are missing, of how many and why stands above the first section."""
    head = built(kind).markdown.split("\n## ", 1)[0]
    assert "1 of 4 agents did not report: Web research" in head
    assert "Timed out after 180 s." in head
    assert "did not report" not in built(kind, case(recommendation())).markdown


@every_kind
def test_a_page_fetches_and_runs_nothing(kind: str) -> None:
    """No script, no handler, no reference that leaves the page, even when the data tries to bring some."""
    hostile = case(
        recommendation(EVIL, action=EVIL, reason=EVIL, topic=EVIL),
        agents=(agent(title=EVIL, summary=EVIL, highlights=(EVIL,), model=EVIL),),
        missing=(MissingAgent(agent=EVIL, why=EVIL),),
        rules=(rule(EVIL, RuleVerdict.GAP),),
        lines=(line(EVIL),),
        company=EVIL,
        words=f"{EVIL}\n# {EVIL}\n```figure costs\n<img src=x onerror=alert(1)>\n```",
    )
    report = built(kind, hostile)
    assert not re.search(r"<[a-z/!]", report.markdown)
    html = report.html
    page = Page(html)
    assert not page.named("script", "img", "link", "iframe", "object", "embed", "image", "use", "base")
    assert all(str(tag["href"]).startswith("#") for tag in page.named("a"))
    assert not [
        name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "src"
    ]
    assert not re.search(r"url\(|@import|\ssrc=", re.sub(r">[^<]*", ">", html.split("</style>")[1]))
    assert not re.search(r"url\(|@import|https?:", html.split("</style>")[0].split("<style>")[1])
    assert "alert('x')" in page.text


@every_kind
def test_hostile_names_do_not_break_the_structure(kind: str) -> None:
    """Names that carry markup change no heading and no table: the same tags come out as for plain names."""
    shape = []
    for name in ("Plain", EVIL):
        subject = case(
            recommendation(action=name, reason=name), lines=(line(name),), company=name, words="Fine."
        )
        page = Page(built(kind, subject).html)
        shape.append(
            [tag for tag, _ in page.tags if re.fullmatch(r"h\d|t[rdh]|table|ul|li|blockquote|a", tag)]
        )
    assert shape[0] == shape[1]


@every_kind
def test_a_page_is_accessible(kind: str) -> None:
    """Headings descend by one, figures are named and described, headings of tables have scopes."""
    page = Page(built(kind).html)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(cell.get("scope") in {"row", "col"} for cell in page.named("th"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert page.named("svg")
    assert all(set(str(figure["aria-labelledby"]).split()) <= set(ids) for figure in page.named("svg"))
    assert page.named("html") == [{"lang": "en"}]


def test_links_lead_to_headings() -> None:
    """Every link of the technical report has a target in the page."""
    page = Page(built("technical").html)
    targets = {f"#{tag['id']}" for tag in page.named("h1", "h2", "h3")}
    links = {tag["href"] for tag in page.named("a")}
    assert len(links) >= 10
    assert links <= targets


def test_the_technical_report_has_every_recommendation() -> None:
    """Each has its id, reason, agents, and every number behind it with unit, source, region and date."""
    markdown = built("technical").markdown
    for ref, name, who in (
        ("R1", "mfa", "Security"),
        ("R2", "right-size", "Cloud Engineer"),
        ("R3", "bot", "Support"),
    ):
        part = section(markdown, f"### {ref}: Take up {name}")
        assert f"`{name}`" in part
        assert f"Because of {name}." in part
        assert f"agents: {who}" in part
        assert "| m6i.large | $0.096 an hour | AWS list, eu-central-1, as of 2025-06-01 |" in part
        assert "| Idle share | 40% | assumption: no measurement |" in part


def test_every_agent_has_its_section() -> None:
    """Summary, highlights, facts and recommendations of each are there, and so is the one that is missing."""
    markdown = built("technical").markdown
    part = section(markdown, "### Cloud Engineer")
    assert "Summary of cloud_engineer" in part
    assert "- Highlight of cloud_engineer." in part
    assert "recommendations: R2 · worded by: offline" in part
    assert "| m6i.large |" in part
    assert "Did not report." in section(markdown, "### Web research")


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (LISTED, "AWS list, eu-central-1, as of 2025-06-01"),
        (
            LISTED.model_copy(update={"as_of": None}),
            "assumption, as no date is known: AWS list, eu-central-1",
        ),
        (
            LISTED.model_copy(update={"region": None}),
            "assumption, as no region is known: AWS list, as of 2025-06-01",
        ),
        (GUESS, "assumption: no measurement"),
    ],
)
def test_every_price_has_source_region_and_date_or_is_an_assumption(price: Evidence, expected: str) -> None:
    """A price without region or date is called an assumption even where the data forgot to."""
    assert price_provenance(price) == expected
    bill = section(built("technical", case(lines=(line(price=price),))).markdown, "## Bill of materials")
    assert f"| Servers | 100 hours | $100 | $10,000 | {expected} |" in bill


def test_every_rule_has_its_verdict_and_each_gap_its_mend() -> None:
    """The table of rules has requirement, verdict, cause and, for a gap, what closes it."""
    rows = section(built("technical").markdown, "## Compliance rules")
    name = "GDPR Art. 32"
    assert f"| {name} | Requirement of {name} | **gap** | Cause of {name}. | Mend of {name}. |" in rows
    assert "| GDPR Art. 30 | Requirement of GDPR Art. 30 | met | Cause of GDPR Art. 30. | – |" in rows
    assert "**GDPR Art. 32:** Mend of GDPR Art. 32." in built("stakeholder").markdown


def test_assumptions_are_listed_once() -> None:
    """The cost model's assumptions come first, then each assumed price and number, equal ones in one row."""
    twice = recommendation("y", evidence=(GUESS.model_copy(update={"value": 30.0}),))
    lines = (line(), line("Logs", 50.0, GUESS))
    listed = section(
        built("technical", case(recommendation("x"), twice, lines=lines)).markdown, "## Assumptions"
    )
    assert listed.split("\n---\n")[0].strip().splitlines() == [
        "- Prices stay as they are.",
        "",
        "| Number | Value | Assumed from |",
        "| --- | ---: | --- |",
        "| Price of Logs | 0.5% | No measurement |",
        "| Idle share | 30 to 40% | No measurement |",
    ]


def test_decisions_are_the_most_urgent_and_the_largest_saving() -> None:
    """Five at most, by priority; the largest saving takes the last place when it would fall off."""
    urgent = [recommendation(f"urgent-{i}", 0.0, priority=Priority.CRITICAL) for i in range(6)]
    subject = case(
        *urgent, recommendation("small", 10.0), recommendation("big", 9000.0, priority=Priority.LOW)
    )
    names = [item.recommendation.id for item in subject.decisions]
    assert names == ["urgent-0", "urgent-1", "urgent-2", "urgent-3", "big"]
    decided = section(built("executive", subject).markdown, "## Decisions needed")
    assert "5. **Take up big** (R8, low). Because of big." in decided
    assert "Saves $9,000 a month ($108,000 a year) · confidence 80% · from Cloud Engineer" in decided


def test_one_subject_does_not_hide_the_rest() -> None:
    """No more than two decisions come from the same agents while others have something to decide."""
    same = [recommendation(f"same-{i}", 0.0, priority=Priority.CRITICAL) for i in range(6)]
    others = [recommendation(f"other-{i}", 0.0, agents=(f"agent-{i}",)) for i in range(2)]
    names = [item.recommendation.id for item in case(*same, *others).decisions]
    assert names == ["same-0", "same-1", "same-2", "other-0", "other-1"]


def test_effort_is_told_where_somebody_estimated_it() -> None:
    """Engineer-days among the evidence stand beside the money, and are summed for engineering."""
    days = Evidence(label="Effort", value=6, unit="engineer-days", source="estimate", assumption=True)
    subject = case(recommendation("x", 0.0, evidence=(days,)), recommendation("y", 0.0, evidence=(days,)))
    assert "· about 6 engineer-days ·" in built("executive", subject).markdown
    lead = section(built("stakeholder", subject).markdown, "### Engineering")
    assert "2 changes to the system, for a team of 1 engineer. Together about 12 engineer-days" in lead
    assert "engineer-days" not in built("executive").markdown


def test_long_lists_lead_on_to_where_the_rest_is() -> None:
    """An audience is told eight changes, and the numbers of the others, all of which the roadmap has."""
    markdown = built("stakeholder", case(*[recommendation(f"r{i}", 0.0) for i in range(20)])).markdown
    part = section(markdown, "### Engineering")
    assert part.count("Take up") == 8
    assert "And 12 more, in the roadmap below: R9–R20." in part
    assert section(markdown, "### Next quarter").count("Take up") == 20


def test_gaps_beyond_the_first_of_each_framework_are_counted() -> None:
    """Three mends of each framework are shown, and how many there are in all."""
    rules = [
        rule(f"{name} {i}", RuleVerdict.GAP, name)
        for name in (Framework.GDPR, Framework.SOC2)
        for i in range(4)
    ]
    markdown = built("stakeholder", case(rules=tuple(rules))).markdown
    assert "Closing the gaps takes (the first 6; the technical report has all 8):" in markdown
    assert markdown.count("Mend of") == 6


@pytest.mark.parametrize(
    ("saving", "cost", "effect"),
    [
        (100.0, 0.0, "saves $100 a month ($1,200 a year)"),
        (0.0, 100.0, "costs $100 a month ($1,200 a year)"),
        (300.0, 100.0, "saves $300 and costs $100 a month: saves $200 net"),
        (100.0, 300.0, "saves $100 and costs $300 a month: adds $200 net"),
        (0.0, 0.0, "leaves the monthly bill as it is"),
    ],
)
def test_money_is_told_in_words(saving: float, cost: float, effect: str) -> None:
    """Every recommendation says what it does to the bill."""
    (item,) = case(recommendation("x", saving, monthly_cost=cost)).items
    assert item.effect == effect


def test_the_cost_model_decides_what_a_recommendation_saves() -> None:
    """Where agent and cost model differ, the cost model's saving is shown."""
    subject = case(recommendation("x", 100.0), recommendation("y", 50.0, monthly_cost=9.0))
    cost = subject.cost.model_copy(update={"savings": (("x", 70.0),), "added_costs": (("y", 5.0),)})
    counted, uncounted = replace(subject, cost=cost).items
    assert (counted.saving, uncounted.saving, uncounted.cost) == (70.0, 0.0, 5.0)
    apart = replace(subject, cost=cost.model_copy(update={"added_costs": ()}))
    assert apart.items[1].effect == "costs $9.00 a month apart from the infrastructure bill"
    assert "Apart from this bill, R2 would cost $9.00 a month." in built("executive", apart).markdown
    stated = replace(subject, cost=cost.model_copy(update={"savings": ()})).items[0]
    assert (
        stated.effect
        == "leaves the monthly bill as it is; its saving of $100 a month is not in the cost model"
    )


def test_a_dearer_month_that_pays_off_says_so() -> None:
    """Where the month costs more and the three years less, both are told."""
    dearer = case(current=100.0, optimized=150.0)
    later = replace(dearer, cost=dearer.cost.model_copy(update={"three_year_optimized": 3000.0}))
    told = "raise the monthly bill by $50.00 (50%) to $150: still $1,000 less over three years."
    assert told in built("executive", later).markdown
    assert "Added cost   $50.00 a month" in built("executive", later).markdown
    assert "(50%) to $150: $2,000 more over three years." in built("executive", dearer).markdown


def test_nothing_found_reads_as_such() -> None:
    """Without recommendations, rules, lines or agents every report is still whole."""
    empty = case(agents=(), lines=(), current=0.0, optimized=0.0)
    assert "No decision is needed" in built("executive", empty).markdown
    assert "leave the monthly bill as it is" in built("stakeholder", empty).markdown
    assert "No compliance rule applies" in built("technical", empty).markdown
    assert "No recommendation lowers the monthly bill." in Page(built("technical", empty).html).text


def test_a_score_without_rules_is_not_a_hundred_percent() -> None:
    """Where no rule applies, there is no score to boast of."""
    assert "no rule applies" in built("executive", case()).markdown
    assert case(rules=(rule("a", RuleVerdict.MET), rule("b", RuleVerdict.GAP))).compliance_score == "50%"


def test_audiences_follow_money_agents_and_topics() -> None:
    """Finance hears of money, compliance and support of what their agents say, engineering of the rest."""
    by_id = {item.recommendation.id: audiences_of(item) for item in FULL.items}
    assert by_id == {
        "right-size": ["Finance", "Engineering"],
        "mfa": ["Finance", "Engineering"],
        "bot": ["Customer support"],
    }
    (shared,) = case(recommendation("x", 0.0, agents=("compliance", "security"))).items
    assert audiences_of(shared) == ["Engineering", "Compliance and legal"]
    markdown = built("stakeholder").markdown
    assert "**Later:** Take up bot (R3)." in section(markdown, "### Customer support")
    assert "Take up bot" not in section(markdown, "### Engineering")


def test_the_roadmap_follows_priorities() -> None:
    """Critical is now, high is next quarter, the rest is later."""
    markdown = built("stakeholder").markdown
    for stage, name in (("Now", "mfa"), ("Next quarter", "right-size"), ("Later", "bot")):
        found = re.findall(r"Take up ([\w-]+)", section(markdown, f"### {stage}"))
        assert found == [name]
