"""`models/material.py` and `models/prose.py`: prose that says the data, as asked, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stretto.models import Prompt, compose
from stretto.models.material import Material
from stretto.models.messages import render
from stretto.models.prose import Length, Voice, line, prose

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOUD = {
    "title": "Cloud engineering",
    "headline": "Compute is over-provisioned by 42% at peak",
    "facts": [
        {"label": "Monthly compute cost", "value": 8235, "unit": "USD/month"},
        {"label": "Requests", "value": 1200, "unit": "per second"},
        {"label": "price of a vCPU", "value": 0.0416, "unit": "USD/hour", "assumption": True},
        "Encryption at rest is in place",
    ],
    "recommendations": [
        {"action": "Add a CDN", "reason": "to cut egress", "priority": "low"},
        {"action": "Enforce MFA", "reason": "48 engineers can sign in without it.", "priority": "critical"},
        {"action": "Reserve the base load", "reason": "High on-demand price", "priority": "medium"},
    ],
}


def written(data: object, task: str = "Write it up.") -> str:
    return compose(render(Prompt(task, data)))


def figures_in(text: str) -> list[str]:
    return re.findall(r"\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?", text)


def numbers_of(data: object) -> Iterator[float]:
    """Every number of the data, also those inside its strings."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from numbers_of(key)
            yield from numbers_of(value)
    elif isinstance(data, list):
        for value in data:
            yield from numbers_of(value)
    elif isinstance(data, str):
        yield from (float(figure.replace(",", "")) for figure in figures_in(data))
    elif isinstance(data, int | float) and not isinstance(data, bool):
        yield abs(float(data))


def is_in(figure: str, numbers: list[float]) -> bool:
    """Whether a figure is one of the numbers, rounded as far as the figure shows."""
    shown = float(figure.replace(",", ""))
    if "e" in figure:
        return any(abs(value - shown) <= 1e-3 * value for value in numbers)
    decimals = len(figure.partition(".")[2])
    # Trailing zeros are not shown, so a figure may stand for one digit less than its number was rounded to.
    return any(abs(value - shown) <= max(0.501 * 10**-decimals, 1e-9 * value) for value in numbers)


def test_every_statement_of_the_data_reaches_the_text() -> None:
    """Headline, figures with units, assumption, actions and reasons are all said, once."""
    text = written(CLOUD)
    for said in (
        "42%",
        "$8,235 a month",
        "1,200 per second",
        "$0.0416 an hour (assumed)",
        "ncryption at rest",
    ):
        assert text.count(said) == 1, (said, text)
    for action in ("add a CDN", "enforce MFA", "reserve the base load"):
        assert text.lower().count(action.lower()) == 1, (action, text)


@pytest.mark.parametrize("task", [f"Write version {index}." for index in range(12)])
def test_what_is_critical_comes_before_what_is_low(task: str) -> None:
    """Points come by urgency, whatever the phrasing."""
    text = written(CLOUD, task).lower()
    assert text.index("enforce mfa") < text.index("reserve the base load") < text.index("add a cdn")


def test_a_reason_without_a_verb_is_never_joined_by_because() -> None:
    """`because` needs a clause; a noun phrase goes into parentheses, a purpose follows."""
    data = {"recommendations": [CLOUD["recommendations"][2]]}  # type: ignore[index]
    assert written(data) == "The one point to act on: reserve the base load (high on-demand price)."
    data = {"recommendations": [{"action": "Enforce MFA", "reason": "48 engineers can sign in without it."}]}
    assert (
        written(data) == "The one point to act on: enforce MFA, because 48 engineers can sign in without it."
    )
    data = {"recommendations": [{"action": "Add a CDN", "reason": "to cut egress"}]}
    assert written(data) == "The one point to act on: add a CDN to cut egress."


def test_eleven_texts_do_not_read_like_one_template() -> None:
    """The same shape of data asked for eleven times in other words is phrased in at least six ways."""
    assert len({written(CLOUD, f"Agent {index} reports.") for index in range(11)}) >= 6


def test_the_same_request_gets_the_same_text() -> None:
    """Nothing but the request decides."""
    assert written(CLOUD) == written(dict(reversed(CLOUD.items())))


def test_any_other_json_is_restated_key_by_key() -> None:
    """Scalars, lists and objects without conventional keys become plain statements."""
    text = written(
        {
            "company": "Acme",
            "monthly_budget": 12000,
            "card_data": False,
            "goals": ["grow", "pass SOC 2"],
            "stack": [{"name": "postgresql", "version": "11"}],
            "agents": [{"agent": "mlops", "summary": "GPUs idle."}],
            "workload": {"kind": "web", "peak": 1200},
            "empty": [],
            "unknown": None,
            "summary": "It all holds together.",
        }
    )
    assert text == (
        "MLOps: GPUs idle. Card data: no. Company: Acme. Goals: grow and pass SOC 2. "
        "Monthly budget is 12,000. Stack: postgresql (version 11). It all holds together. "
        "Workload: kind web and peak 1,200."
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (["one thing", "another"], "One thing. Another."),
        ([{"action": "Patch it"}], "The one point to act on: patch it."),
        (12, "12."),
        ({"findings": ["Keys are old"]}, "The one point to act on: keys are old."),
        ({"facts": {"open_tickets": 3}}, "3"),
        ({"title": "Costs"}, "Costs."),
        ({"things": list(range(8))}, "Things: 0, 1, 2, 3, 4, among others."),
    ],
)
def test_bare_lists_and_scalars_are_material_too(data: object, text: str) -> None:
    """A list is facts or points, a scalar is one fact."""
    assert text in written(data)


@pytest.mark.parametrize("data", [None, {}, [], {"facts": [], "audience": "the board"}])
def test_without_data_nothing_is_made_up(data: object) -> None:
    """No data: the text says so."""
    assert written(data) == "No data was given, so there is nothing to report."


def test_directors_read_what_to_do_first_and_engineers_the_figures() -> None:
    """The audience decides the order of the paragraphs."""
    board, engineers = ({**CLOUD, "audience": who} for who in ("the board", "engineers"))
    assert written(board).index("MFA") < written(board).index("8,235")
    assert written(engineers).index("8,235") < written(engineers).index("MFA")


def test_an_acronym_as_audience_gets_its_article() -> None:
    """Somewhere among the voices the audience is addressed, and correctly."""
    texts = [written({"headline": "All is well", "audience": "CTO"}, str(index)) for index in range(12)]
    assert set(texts) == {"All is well.", "For the CTO: All is well."}


@pytest.mark.parametrize(
    ("task", "sentences", "paragraphs"),
    [
        ("Say it in one sentence.", 1, 1),
        ("Use two sentences!", 2, 1),
        ("3 sentences, please", 3, 1),
        ("One paragraph.", None, 1),
    ],
)
def test_the_length_asked_for_is_kept(task: str, sentences: int | None, paragraphs: int) -> None:
    """A number of sentences or paragraphs in the task bounds the text."""
    data = {
        "headline": "All is well",
        "facts": ["One thing", "Another thing", "A third thing"],
        "note": "Last.",
    }
    text = written(data, task)
    assert len(text.split("\n\n")) == paragraphs
    assert sentences is None or text.count(".") == sentences


def test_the_one_line_is_the_most_important_thing() -> None:
    """Headline, else the most urgent action, else the first fact, else whatever there is."""
    assert line(Material.of(CLOUD)) == "Compute is over-provisioned by 42% at peak"
    assert line(Material.of({"findings": CLOUD["recommendations"], "facts": ["x y"]})) == "Enforce MFA"
    assert line(Material.of({"facts": ["all is well"]})) == "All is well"
    assert line(Material.of({"budget": 3})) == "Budget is 3"


words = st.text(alphabet="abcdefgh ", min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
values = st.one_of(
    st.integers(-(10**7), 10**7), st.floats(-1e9, 1e9, allow_nan=False).filter(lambda v: abs(v) > 1e-12)
)
units = st.sampled_from(["", "USD", "USD/month", "%", "GB", "x", "hours"])
facts = st.lists(st.fixed_dictionaries({"label": words, "value": values, "unit": units}), max_size=7)
points = st.lists(
    st.fixed_dictionaries(
        {"action": words, "reason": words, "priority": st.sampled_from(["high", "low", ""])}
    ),
    max_size=6,
)
anything = st.recursive(
    st.one_of(words, values, st.booleans(), st.none()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=8,
)
briefs = st.fixed_dictionaries(
    {"headline": words, "facts": facts, "recommendations": points, "other": anything}
)


@settings(max_examples=120, deadline=None)
@given(data=briefs, task=words)
def test_every_figure_of_a_text_is_in_its_data(data: dict[str, object], task: str) -> None:
    """No number appears that was not given, whatever the data and the phrasing."""
    numbers = list(numbers_of(data))
    text = prose(Material.of(data), Voice(task), Length())
    strangers = [figure for figure in figures_in(text) if not is_in(figure, numbers)]
    assert not strangers, text


def test_the_check_for_strange_figures_finds_one() -> None:
    """The property above is not satisfied by anything."""
    assert [is_in(figure, [8234.5, 12.0]) for figure in figures_in("$8,234 and 12, but 13 and 8,300")] == [
        True, True, False, False,
    ]  # fmt: skip
