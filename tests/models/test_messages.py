"""`models/messages.py`: prompts as chat messages and back, digests, token estimates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum

import pytest
from pydantic import BaseModel

from stretto.errors import PermanentError
from stretto.models import Prompt
from stretto.models.messages import content_of, estimate_tokens, question_of, render, request_digest


class Color(Enum):
    RED = "red"


class Row(BaseModel):
    day: date
    color: Color


@dataclass
class Point:
    x: float
    tags: frozenset[str]


def test_a_prompt_and_its_messages_say_the_same() -> None:
    """`question_of` takes out of the messages what `render` put in."""
    data = {"b": [1, 2.5, None, True], "a": {"text": "line one\n```json\nline two\n```"}}
    question = question_of(render(Prompt("Sum up.\n\nIn words.", data, system="You are brief.")))
    assert (question.task, question.data) == ("Sum up.\n\nIn words.", data)


def test_the_system_text_leads_and_is_left_out_when_empty() -> None:
    """A system message comes first, and only when there is something to say."""
    assert [message["role"] for message in render(Prompt("t", 1, system="s"))] == ["system", "user"]
    assert [message["role"] for message in render(Prompt("t", 1))] == ["user"]


def test_a_prompt_without_data_has_no_block() -> None:
    """No data, no fenced block, and none is found on the way back."""
    messages = render(Prompt("Say hello."))
    assert messages[0]["content"] == "Say hello."
    assert question_of(messages).data is None


def test_models_dataclasses_sets_and_dates_become_plain_json() -> None:
    """Data are dumped by kind: pydantic in JSON mode, sets sorted, enums by value, instants in ISO form."""
    data = {
        "row": Row(day=date(2026, 1, 2), color=Color.RED),
        "point": Point(1.5, frozenset({"b", "a"})),
        "at": datetime(2026, 1, 2, 3, tzinfo=UTC),
        Color.RED: (1, 2),
    }
    assert question_of(render(Prompt("t", data))).data == {
        "row": {"day": "2026-01-02", "color": "red"},
        "point": {"x": 1.5, "tags": ["a", "b"]},
        "at": "2026-01-02T03:00:00+00:00",
        "red": [1, 2],
    }


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"a": [object()]}, r"data\.a\[0\] is of type object"),
        ({"a": math.nan}, r"data\.a is nan"),
        ({1: "x"}, r"data has the key 1"),
        ({"t": int}, r"data\.t is of type type"),
    ],
)
def test_data_that_json_cannot_hold_is_named(data: object, said: str) -> None:
    """What cannot be sent is a permanent error that says where it is."""
    with pytest.raises(PermanentError, match=said):
        render(Prompt("t", data))


def test_the_digest_ignores_key_order_and_sees_everything_else() -> None:
    """Equal requests have equal digests; another word, datum or schema gives another."""
    one = request_digest(render(Prompt("t", {"a": 1, "b": 2})))
    assert one == request_digest(render(Prompt("t", {"b": 2, "a": 1})))
    others = [
        request_digest(render(Prompt("u", {"a": 1, "b": 2}))),
        request_digest(render(Prompt("t", {"a": 1, "b": 3}))),
        request_digest(render(Prompt("t", {"a": 1, "b": 2})), {"type": "object"}),
    ]
    assert len({one, *others}) == 4


def test_foreign_messages_are_read_as_far_as_they_go() -> None:
    """Contents in parts are joined, a broken block is text, and no user message is an empty question."""
    assert (
        content_of({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}) == "a"
    )
    broken = "Do.\n```json\n{oops\n```"
    assert question_of([{"role": "user", "content": broken}]).task == broken
    assert question_of([{"role": "system", "content": "x"}]).task == ""


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_tokens_are_estimated_at_four_characters(text: str, tokens: int) -> None:
    """A token is four characters, rounded up; no text has none."""
    assert estimate_tokens(text) == tokens
