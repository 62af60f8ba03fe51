"""Failures as data."""

from __future__ import annotations

import pytest

from stretto.core.policy import Cause, Failure, describe, failure_of
from stretto.errors import PermanentError, RateLimitedError, TransientError, ValueEncodingError


class OddError(Exception):
    """Its text is broken."""

    def __str__(self) -> str:
        raise RuntimeError("no text today")


class WrongError(Exception):
    """Its text is no text."""

    def __str__(self) -> str:
        return 42  # type: ignore[return-value]


def test_an_exceptions_classes_are_named_from_the_most_specific() -> None:
    """Rules match base classes by name, without importing anything."""
    kinds = failure_of(RateLimitedError("429")).kinds
    assert kinds[0] == "stretto.errors.RateLimitedError"
    assert kinds[-3:] == ("stretto.errors.StrettoError", "Exception", "BaseException")


def test_the_bare_class_name_is_for_people() -> None:
    """`kind` drops the module; without an exception it is the cause."""
    assert failure_of(RateLimitedError("429")).kind == "RateLimitedError"
    assert Failure(Cause.TIMED_OUT, "x").kind == "timed_out"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TransientError("x", retry_after=2), 2.0),
        (TransientError("x"), None),
        (ValueError("x"), None),
        (TransientError("x", retry_after="soon"), None),  # type: ignore[arg-type]
        (TransientError("x", retry_after=float("nan")), None),
        (TransientError("x", retry_after=float("inf")), None),
        (TransientError("x", retry_after=-3), None),
    ],
)
def test_only_a_wait_that_can_be_waited_is_kept(error: Exception, expected: float | None) -> None:
    """`retry_after` comes from a provider's header, whatever stood there."""
    assert failure_of(error).retry_after == expected


@pytest.mark.parametrize("error", [PermanentError("x"), ValueEncodingError("x", where="", type_name="y")])
def test_permanent_failures_say_so(error: Exception) -> None:
    """Another attempt cannot help."""
    assert failure_of(error).is_permanent
    assert not failure_of(ValueError("x")).is_permanent


@pytest.mark.parametrize(("error", "culprit"), [(OddError(), "RuntimeError"), (WrongError(), "TypeError")])
def test_an_exception_with_a_broken_text_is_still_a_failure(error: Exception, culprit: str) -> None:
    """What raised is known by its class even when its own text raises."""
    failure = failure_of(error)
    assert failure.kind == type(error).__name__
    assert failure.message == f"(its text cannot be shown: {culprit})"


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (failure_of(ValueError("no such drink")), "ValueError: no such drink"),
        (failure_of(KeyError()), "KeyError"),
        (Failure(Cause.TIMED_OUT, "too long"), "too long"),
        (Failure(Cause.BLOCKED, ""), "blocked"),
    ],
)
def test_a_failure_in_one_line(failure: Failure, words: str) -> None:
    """Class and message where there was an exception, else what happened."""
    assert describe(failure) == words
