"""`models/answers.py`: schemas filled from data, and left unfilled where the data do not reach."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from stretto.models import Prompt, compose
from stretto.models.messages import render

FACTS = {
    "headline": "Three controls are missing",
    "facts": [{"label": "Open gaps", "value": 3, "unit": ""}, "Encryption at rest is in place"],
    "recommendations": [
        {"action": "Enforce MFA", "reason": "It is off", "priority": "HIGH", "agents": ["security"]}
    ],
}


class Priority(StrEnum):
    HIGH = "high"
    LOW = "low"


class Action(BaseModel):
    model_config = ConfigDict(extra="forbid")

    action: str
    reason: str
    priority: Priority


class Found(BaseModel):
    """What one agent says."""

    headline: str
    summary: str
    highlights: list[str]
    next_steps: tuple[str, ...]
    recommendations: list[Action]
    open_gaps: int
    confidence: float | None
    owner: str = "nobody"


def filled(answer: type[BaseModel], data: object, task: str = "Report.") -> dict[str, object]:
    text = compose(render(Prompt(task, data)), answer.model_json_schema())
    result = json.loads(text)
    assert isinstance(result, dict)
    return result


def test_fields_come_from_the_data_by_name_and_prose_is_composed() -> None:
    """Foreign keys are lost, enums match in any case, labels count as names, unknown nullables are null."""
    found = Found.model_validate(filled(Found, FACTS))
    assert found.headline == "Three controls are missing"
    assert found.highlights == ["Open gaps are 3.", "Encryption at rest is in place."]
    assert found.next_steps == ("Enforce MFA.",)
    assert found.recommendations == [Action(action="Enforce MFA", reason="It is off", priority=Priority.HIGH)]
    assert (found.open_gaps, found.confidence, found.owner) == (3, None, "nobody")
    assert "Three controls are missing" in found.summary
    assert "enforce MFA" in found.summary


@pytest.mark.parametrize(
    "annotation",
    [int, float, bool, Priority, Literal["a", "b"], list[int], list[Action], dict[str, float], str],
)
def test_what_the_data_do_not_hold_is_left_out(annotation: object) -> None:
    """No number, flag, choice, object or plain string is invented: validation fails instead."""
    answer = type("Wanted", (BaseModel,), {"__annotations__": {"summary": str, "country_code": annotation}})
    result = filled(answer, FACTS)
    assert "country_code" not in result
    with pytest.raises(ValidationError, match="country_code"):
        answer.model_validate(result)


def test_names_match_without_case_and_underscores() -> None:
    """`monthlyCost` in the data answers `monthly_cost`."""

    class Cost(BaseModel):
        monthly_cost: float

    assert filled(Cost, {"monthlyCost": 4.5}) == {"monthly_cost": 4.5}


def test_a_nested_value_counts_only_when_it_is_the_only_one() -> None:
    """One `score` below the top is taken, two are ambiguous and neither is."""

    class Score(BaseModel):
        score: float

    assert filled(Score, {"quality": {"score": 0.5}}) == {"score": 0.5}
    assert filled(Score, {"quality": {"score": 0.5}, "cost": {"score": 0.7}}) == {}


def test_a_labelled_value_answers_a_number() -> None:
    """An object with a `value` under the wanted name is that number."""

    class Spend(BaseModel):
        spend: float

    assert filled(Spend, {"spend": {"value": 12.5, "unit": "USD"}}) == {"spend": 12.5}


def test_nested_objects_are_filled_from_their_own_data_or_from_the_whole() -> None:
    """An object found by name is the scope of its fields; else they see what the whole answer sees."""

    class Part(BaseModel):
        cost: float

    class Whole(BaseModel):
        part: Part
        other: Part | None = None
        again: Part

    assert filled(Whole, {"part": {"cost": 1}, "cost": 9}) == {"part": {"cost": 1}, "again": {"cost": 9}}


def test_unions_take_the_branch_the_data_fit() -> None:
    """Among objects the one whose constant agrees, that knows most keys; else the one of the type."""

    class Cat(BaseModel):
        kind: Literal["cat"]
        lives: int

    class Dog(BaseModel):
        kind: Literal["dog"]
        name: str

    class Home(BaseModel):
        pet: Cat | Dog = Field(discriminator="kind")
        size: int | str
        note: list[int] | None

    made = filled(Home, {"pet": {"kind": "dog", "name": "Rex", "lives": 1}, "size": "big", "note": [1]})
    assert made == {"pet": {"kind": "dog", "name": "Rex"}, "size": "big", "note": [1]}


def test_a_recursive_type_ends() -> None:
    """An object that may hold its like is made once when the data have none."""

    class Node(BaseModel):
        summary: str
        child: Node | None

    made = filled(Node, {"headline": "All is well"})
    assert made == {"summary": "All is well.", "child": None}


def test_constants_and_defaults() -> None:
    """A constant is what the schema demands; a default stays, unless the field is for prose."""

    class Versioned(BaseModel):
        version: Literal[2]
        level: int = 3
        owner: str = "nobody"
        tags: list[str] = []
        title: str = ""
        points: tuple[str, ...] = ()
        summary: str | None = None

    made = filled(Versioned, {"headline": "All is well", "facts": ["Rain"]})
    assert made == {
        "version": 2,
        "title": "All is well",
        "points": ["Rain."],
        "summary": "All is well. Rain.",
    }


def test_descriptions_set_length_and_limits_are_kept() -> None:
    """A field's description says how much to write; `maxLength` and `maxItems` are kept."""

    class Short(BaseModel):
        opinion: str = Field(description="one sentence for the board")
        summary: str = Field(max_length=20)
        title: str = Field(max_length=12)
        points: list[str] = Field(max_length=1)

    data = {
        "headline": "All is well",
        "facts": ["Nothing burns here at all", "Rain"],
        "note": "More to come.",
    }
    made = filled(Short, data)
    assert made["opinion"] == "All is well."
    assert made["summary"] == "All is well."
    assert made["title"] == "All is well"
    assert made["points"] == ["Nothing burns here at all."]


def test_a_narrative_is_longer_than_a_summary() -> None:
    """Long fields say all there is, short ones at most five sentences."""

    class Both(BaseModel):
        summary: str
        narrative: str

    data = {
        "headline": "Start",
        "facts": [f"Fact {letter}" for letter in "abcdefgh"],
    }
    made = {key: str(text) for key, text in filled(Both, data).items()}
    assert made["summary"].count(".") == 5
    assert made["narrative"].count(".") == 9


def test_a_root_model_is_composed_too() -> None:
    """A schema that is no object is filled as it is."""
    text = compose(render(Prompt("t", {"facts": ["Rain"]})), RootModel[list[str]].model_json_schema())
    assert json.loads(text) == ["Rain."]
    assert json.loads(compose(render(Prompt("t", {"a": 1})), {"type": "integer"})) is None
