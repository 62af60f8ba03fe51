"""What a model is given to word, and what becomes of its answer."""

from __future__ import annotations

import asyncio
import json

import pytest

from apps.assess_models import ScriptedModel
from apps.assess_requests import request
from stretto.errors import UnreadableAnswerError
from stretto.models import OfflineModel, Prompt
from stretto_apps.assess.agents import AGENTS, find
from stretto_apps.assess.compliance_engine import judge
from stretto_apps.assess.cost_model import cost
from stretto_apps.assess.findings import report
from stretto_apps.assess.letters import Kind, Matter, letter, overview_letter
from stretto_apps.assess.synthesis import synthesize
from stretto_apps.assess.wording import Wording, first_sentence, material, word

ASKED = request(compliance=("gdpr",), handles_personal_data=True, gpu_hours=200, models=("m",))


def matter() -> Matter:
    """A whole assessment to write about."""
    reports = [report(find(agent, ASKED), f"Summary of {agent}.", "offline") for agent in AGENTS]
    synthesis = synthesize(ASKED, reports)
    return Matter(ASKED, synthesis, judge(ASKED, synthesis), cost(ASKED, synthesis), reports)


@pytest.mark.parametrize("agent", AGENTS)
def test_the_offline_model_words_every_agent(agent: str) -> None:
    """The summary is made of the findings: it holds the headline's figures and says which model wrote it."""
    found = find(agent, ASKED)
    summary, model = asyncio.run(word(OfflineModel(), found, ASKED))
    assert model == "offline"
    assert len(summary) > 40
    assert found.headline.rstrip(".").split(",")[0].split(":")[0][1:] in summary


def test_the_models_words_are_taken_as_they_are() -> None:
    """The summary is the model's text, trimmed, with the model's own name."""
    summary, model = asyncio.run(
        word(ScriptedModel(lambda _: "  Hello.  ", "m-1"), find("support", ASKED), ASKED)
    )
    assert (summary, model) == ("Hello.", "m-1")


def test_the_prompt_carries_numbers_and_no_request() -> None:
    """The prompt names the company and carries headline, facts and urgent recommendations, in JSON."""
    model = ScriptedModel(lambda _: "x")
    found = find("security", ASKED)
    asyncio.run(word(model, found, ASKED))
    (prompt,) = model.prompts
    assert "Acme" in prompt.task
    assert isinstance(prompt.data, dict)
    assert prompt.data["headline"] == found.headline
    assert len(prompt.data["facts"]) <= 6
    priorities = [point["priority"] for point in prompt.data["recommendations"]]
    assert priorities == sorted(priorities, key=["critical", "high", "medium", "low"].index)
    json.dumps(prompt.data)


def test_different_findings_make_different_prompts() -> None:
    """What changes in the findings changes what the model is asked."""
    assert material(find("support", ASKED)) != material(find("support", request(support_tickets_per_month=9)))


def test_an_unreadable_answer_is_not_replaced() -> None:
    """A model whose answer cannot be read fails the attempt; no summary is invented."""

    def broken(_: Prompt) -> str:
        raise UnreadableAnswerError("not JSON")

    with pytest.raises(UnreadableAnswerError):
        asyncio.run(word(ScriptedModel(broken), find("support", ASKED), ASKED))


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_answer_does_not_fit(text: str) -> None:
    """Blank words are no answer."""
    with pytest.raises(ValueError, match="at least 1 character"):
        Wording(summary=text)


@pytest.mark.parametrize("kind", ["executive", "technical", "stakeholder"])
def test_each_reader_is_told_something_else(kind: Kind) -> None:
    """Each letter names its reader, and no two are alike."""
    told = {other: letter(other, matter()) for other in ("executive", "technical", "stakeholder")}
    task, data = told[kind]
    assert "Acme" in task
    assert data["audience"]
    assert data["facts"]
    assert data["recommendations"]
    assert sum(other == (task, data) for other in told.values()) == 1
    json.dumps(data)


def test_engineers_read_no_privacy_matters_and_stakeholders_no_compute() -> None:
    """Recommendations go to the reader they concern."""
    actions = {
        kind: str(letter(kind, matter())[1]["recommendations"]) for kind in ("technical", "stakeholder")
    }
    assert "Size instances" not in actions["stakeholder"]
    assert "incident plan" in actions["stakeholder"]
    assert "Tell people in plain words" not in actions["technical"]


def test_letters_follow_the_findings() -> None:
    """A changed agent's summary changes what is written from it."""
    before = matter()
    reports = [
        r.model_copy(update={"summary": "Changed."}) if r.agent == "cloud_engineer" else r
        for r in before.agents
    ]
    after = Matter(before.request, before.synthesis, before.compliance, before.cost, reports)
    assert letter("technical", before) != letter("technical", after)


def test_letters_do_without_missing_agents() -> None:
    """With no agent at all every letter still has facts."""
    empty = synthesize(ASKED, [])
    bare = Matter(ASKED, empty, judge(ASKED, empty), cost(ASKED, empty), [])
    for kind in ("executive", "technical", "stakeholder"):
        assert letter(kind, bare)[1]["facts"]


def test_the_overview_counts() -> None:
    """The overview's data counts recommendations, urgent ones and duplicates."""
    synthesis = matter().synthesis
    _, data = overview_letter(ASKED, synthesis)
    facts = {fact["label"]: fact["value"] for fact in data["facts"]}  # type: ignore[attr-defined]
    assert facts["Recommendations"] == len(synthesis.recommendations)
    assert facts["Duplicates merged"] == synthesis.merged
    assert facts["Urgent recommendations"] == sum(
        r.priority in ("critical", "high") for r in synthesis.recommendations
    )


def test_first_sentence() -> None:
    """Abbreviations before figures end no sentence; a capital or a quote after a stop does."""
    assert (
        first_sentence("Asked for by Art. 33, Req. 8.4.2. Then more.") == "Asked for by Art. 33, Req. 8.4.2."
    )
    assert first_sentence("One. “Two” says so.") == "One."
    assert first_sentence("At 99.95 % no\nstop") == "At 99.95 % no stop"
    assert first_sentence("") == ""
