"""`models/wire.py` and `models/answer.py`: what a provider's bytes mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from stretto.errors import (
    ModelTimeoutError,
    PermanentError,
    ProviderError,
    RateLimitedError,
    StepError,
    UnreadableAnswerError,
)
from stretto.models.answer import excerpt, parse_answer
from stretto.models.wire import error_for, read_completion, read_piece, retry_after, usage_of

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


class Pair(BaseModel):
    left: int
    right: int


def reply(**message: object) -> bytes:
    finish = message.pop("finish", "stop")
    usage = message.pop("usage", {"prompt_tokens": 10, "completion_tokens": 5})
    return json.dumps(
        {"model": "m-1", "choices": [{"message": message, "finish_reason": finish}], "usage": usage}
    ).encode()


def test_a_reply_is_read_with_model_usage_and_cost() -> None:
    """The cost is tokens times the price of a million."""
    done = read_completion(reply(content="Hello"), "m", (2.0, 10.0))
    assert (done.whole(), done.model, done.usage.input_tokens, done.usage.output_tokens) == (
        "Hello",
        "m-1",
        10,
        5,
    )
    assert done.usage.cost == pytest.approx(0.00007)


@pytest.mark.parametrize(
    "reported", [None, {}, {"prompt_tokens": 3}, {"prompt_tokens": True, "completion_tokens": 1}]
)
def test_a_cost_without_a_count_is_unknown(reported: object) -> None:
    """Without both counts or without prices the cost is None, not 0."""
    assert usage_of(reported, (1.0, 1.0)).cost is None
    assert usage_of({"prompt_tokens": 3, "completion_tokens": 1}, None).cost is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "not JSON.*<html>"),
        (b"[]", "not a chat completion"),
        (b'{"choices": []}', "sent no text"),
        (reply(content=None), "sent no text"),
        (reply(content=None, refusal="I would rather not"), "refused to answer: 'I would rather not'"),
        (reply(content="Half", finish="length"), "length limit.*'Half'"),
        (reply(content="", finish="content_filter"), "withheld"),
    ],
)
def test_an_answer_that_is_none_is_unreadable(body: bytes, said: str) -> None:
    """Refused, empty, cut short or garbled: a failed attempt that says what came."""
    with pytest.raises(UnreadableAnswerError, match=said):
        read_completion(body, "m", None).whole()


def test_an_unreadable_reply_still_tells_what_it_cost() -> None:
    """A reply cut short was paid for: its usage is there before its text is asked for."""
    assert read_completion(reply(content="Half", finish="length"), "m", (1e6, 0.0)).usage.cost == 10.0


def test_stream_events_are_read_one_by_one() -> None:
    """Text, finish reason and usage arrive in different events; an error event breaks off."""
    piece = read_piece(
        '{"model": "m-1", "choices": [{"delta": {"content": "Hi"}, "finish_reason": null}]}', "m"
    )
    assert (piece.text, piece.model, piece.finish, piece.usage) == ("Hi", "m-1", "", None)
    last = read_piece('{"choices": [], "usage": {"prompt_tokens": 1}}', "m")
    assert (last.text, last.model, last.usage) == ("", "m", {"prompt_tokens": 1})
    with pytest.raises(ProviderError, match="overloaded: come back later"):
        read_piece('{"error": {"code": "overloaded", "message": "come back later"}}', "m")
    with pytest.raises(UnreadableAnswerError, match="not JSON"):
        read_piece('{"choices": [', "m")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:09 GMT"}, 9.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 13:00:04 GMT", "date": "Sat, 21 Nov 2026 13:00:00 GMT"}, 4.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:09 GMT", "date": "whenever"}, 9.0),
    ],
)
def test_retry_after_in_both_forms(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, or a date measured from the reply's own date; never negative, unreadable ones ignored."""
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (429, RateLimitedError, "too many requests"),
        (500, ProviderError, "HTTP 500"),
        (503, ProviderError, "HTTP 503"),
        (409, ProviderError, "HTTP 409"),
        (408, ModelTimeoutError, "HTTP 408"),
        (401, PermanentError, "`api_key_env`"),
        (403, PermanentError, "`api_key_env` and `model`"),
        (404, PermanentError, "`base_url`.*`model`"),
        (400, PermanentError, "`model`"),
        (301, PermanentError, "`base_url`"),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[StepError], said: str) -> None:
    """What may pass is transient; what a setting causes is permanent and names it; the key is never shown."""
    body = b'{"error": {"message": "Bad key sk-secret-1"}}'
    error = error_for(status, {"retry-after": "3"}, body, "m at http://x/v1", "sk-secret-1")
    assert type(error) is kind
    assert "Bad key [api key]" in str(error)
    assert "sk-secret" not in str(error)
    assert getattr(error, "retry_after", 3.0) == 3.0
    with pytest.raises(kind, match=said):
        raise error


def test_a_used_up_quota_is_not_worth_another_attempt() -> None:
    """429 with insufficient_quota will not pass by waiting."""
    body = b'{"error": {"code": "insufficient_quota", "message": "Pay"}}'
    assert isinstance(error_for(429, {}, body, "m", None), PermanentError)


def test_error_bodies_of_any_kind_are_quoted() -> None:
    """Plain text is shown as it is, no text adds nothing."""
    assert "It said: 'upstream down'" in str(error_for(502, {}, b"upstream down", "m", None))
    assert str(error_for(404, {}, b"", "m", None)).endswith("`model`.")
    assert "It said: '[1]'" in str(error_for(500, {}, b"[1]", "m", None))


def test_an_answer_is_parsed_into_its_type_also_from_a_fence() -> None:
    """One Markdown fence around the JSON is taken off."""
    assert parse_answer('{"left": 1, "right": 2}', Pair, "m") == Pair(left=1, right=2)
    assert parse_answer('```json\n{"left": 1, "right": 2}\n```\n', Pair, "m") == Pair(left=1, right=2)


def test_an_answer_of_another_shape_says_what_is_wrong_and_how_it_began() -> None:
    """The first problems are named by field, and at most 200 characters of the answer are shown."""
    with pytest.raises(UnreadableAnswerError) as caught:
        parse_answer('{"left": "x"' + " " * 500 + "}", Pair, "m-1")
    text = str(caught.value)
    assert "m-1 did not answer with a Pair: left: Input should be a valid integer" in text
    assert "right: Field required" in text
    assert len(text) < 500
    with pytest.raises(UnreadableAnswerError, match="the whole: Invalid JSON"):
        parse_answer("Sure! Here it is", Pair, "m-1")


def test_only_three_problems_are_told() -> None:
    """More are counted."""

    class Many(BaseModel):
        a: int
        b: int
        c: int
        d: int

    with pytest.raises(UnreadableAnswerError, match=r"and 1 more"):
        parse_answer("{}", Many, "m")


def test_excerpts_are_one_line_of_200_characters() -> None:
    """Line breaks become blanks, a longer text is marked."""
    assert excerpt("a\nb") == "'a b'"
    assert len(excerpt("x" * 1000)) == 203
