"""Retries: who is tried again, and when."""

from __future__ import annotations

import pytest

from stretto.core.policy import Cause, Failure, Retry, failure_of, wait_before
from stretto.errors import (
    DefinitionError,
    PermanentError,
    RateLimitedError,
    TransientError,
    ValueEncodingError,
)

PLAIN = failure_of(ValueError("x"))
TIMED_OUT = Failure(Cause.TIMED_OUT, "too long")


def test_attempts_count_the_first_one() -> None:
    """Three attempts are one and two retries."""
    rule = Retry(attempts=3)
    assert [rule.wants(PLAIN, attempt) for attempt in (1, 2, 3, 4)] == [True, True, False, False]


@pytest.mark.parametrize(
    "error", [PermanentError("no"), ValueEncodingError("bad", where="", type_name="set")]
)
def test_some_failures_are_never_retried(error: Exception) -> None:
    """A permanent error and a result that cannot be journaled would fail the same way again."""
    assert not Retry(attempts=9, on=BaseException).wants(failure_of(error), 1)


def test_only_the_named_classes_are_retried() -> None:
    """`on` names classes; subclasses count, others do not."""
    rule = Retry(on=(TransientError, OSError))
    assert rule.wants(failure_of(RateLimitedError("429")), 1)
    assert rule.wants(failure_of(FileNotFoundError()), 1)
    assert not rule.wants(PLAIN, 1)


def test_a_single_class_will_do() -> None:
    """`on` takes one class without a tuple."""
    assert Retry(on=OSError).wants(failure_of(OSError()), 1)


def test_base_exceptions_are_not_retried_by_default() -> None:
    """SystemExit is no `Exception`: it is retried only if named."""
    gone = failure_of(SystemExit(3))
    assert not Retry().wants(gone, 1)
    assert Retry(on=SystemExit).wants(gone, 1)


def test_a_timeout_is_retried_unless_excluded() -> None:
    """`on_timeout` alone decides about attempts cut by their timeout."""
    assert Retry(on=OSError).wants(TIMED_OUT, 1)
    assert not Retry(on_timeout=False).wants(TIMED_OUT, 1)


@pytest.mark.parametrize("draw", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("attempt", [1, 2, 3, 10, 5000])
def test_full_jitter_stays_in_its_bounds(attempt: int, draw: float) -> None:
    """A wait lies between 0 and the exponential ceiling, which itself never passes the longest wait."""
    rule = Retry(first_wait=0.5, factor=2.0, longest_wait=30.0)
    ceiling = min(30.0, 0.5 * 2.0 ** min(attempt - 1, 64))
    assert wait_before(rule, attempt, PLAIN, draw) == pytest.approx(ceiling * draw)
    assert 0 <= wait_before(rule, attempt, PLAIN, draw) <= ceiling


def test_without_jitter_the_ceiling_is_the_wait() -> None:
    """0.5, 1, 2, 4 … seconds."""
    rule = Retry(jitter=False)
    assert [wait_before(rule, attempt, PLAIN, 0.1) for attempt in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]


def test_retry_after_is_a_floor_and_no_ceiling() -> None:
    """The provider's wait is kept even beyond the longest wait; a longer own wait stays."""
    patient = failure_of(RateLimitedError("429", retry_after=90.0))
    assert wait_before(Retry(longest_wait=1.0), 1, patient, 0.0) == 90.0
    assert wait_before(Retry(first_wait=100.0, longest_wait=200.0, jitter=False), 1, patient, 0.0) == 100.0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"attempts": 0}, "attempts=0"),
        ({"attempts": 2.5}, "attempts=2.5"),
        ({"attempts": True}, "attempts=True"),
        ({"first_wait": -1}, "first_wait=-1"),
        ({"longest_wait": float("inf")}, "longest_wait=inf"),
        ({"first_wait": "1"}, "first_wait='1'"),
        ({"factor": 0.5}, "factor=0.5"),
        ({"on": ("ValueError",)}, "'ValueError'"),
        ({"on": int}, "int"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(options: dict[str, object], says: str) -> None:
    """The error names the option and its value."""
    with pytest.raises(DefinitionError, match=says):
        Retry(**options)  # type: ignore[arg-type]
