"""A failure as data: what a journal can hold of an exception, and all a rule may look at."""

from __future__ import annotations

from enum import StrEnum
from math import inf
from typing import NamedTuple

from stretto.core.policy.numbers import is_length
from stretto.errors import PermanentError, RemoteError, TransientError, ValueEncodingError

__all__ = ["Cause", "Failure", "describe", "failure_of", "qualified_name"]


class Cause(StrEnum):
    """Why an attempt or a step ended without a result."""

    ERROR = "error"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"
    NOT_CHOSEN = "not_chosen"
    REJECTED = "rejected"


class Failure(NamedTuple):
    """One failed attempt.

    `kinds` are the qualified names of the exception's classes, most specific first, so that a rule can match
    a base class without importing anything. `retry_after` is in seconds.
    """

    cause: Cause
    message: str
    kinds: tuple[str, ...] = ()
    retry_after: float | None = None
    is_permanent: bool = False
    traceback: str = ""

    @property
    def kind(self) -> str:
        """The bare class name, e.g. ``TimeoutError``; the cause where there was no exception."""
        return self.kinds[0].rpartition(".")[2] if self.kinds else str(self.cause)


def qualified_name(kind: type[BaseException]) -> str:
    """``module.Qualname`` of an exception class; builtins without their module."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def failure_of(error: BaseException, *, traceback: str = "") -> Failure:
    """Describe an exception a step raised; one from a worker process is described as it was there."""
    if isinstance(error, RemoteError):
        retry_after = error.retry_after
        return Failure(Cause.ERROR, str(error), error.kinds, retry_after, error.is_permanent, error.traceback)
    kinds = tuple(qualified_name(kind) for kind in type(error).__mro__ if issubclass(kind, BaseException))
    is_permanent = isinstance(error, (PermanentError, ValueEncodingError))
    return Failure(Cause.ERROR, _text_of(error), kinds, _retry_after(error), is_permanent, traceback)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as odd:  # noqa: BLE001  # its own text is broken; that must not hide that it was raised
        return f"(its text cannot be shown: {type(odd).__qualname__})"


def _retry_after(error: BaseException) -> float | None:
    """Only what can be waited for: others read it off a provider's header, whatever stood there."""
    seconds: object = error.retry_after if isinstance(error, TransientError) else None
    return float(seconds) if is_length(seconds) and seconds < inf else None


def describe(failure: Failure) -> str:
    """One line for people: ``ValueError: no such drink``."""
    if failure.cause is Cause.ERROR:
        return f"{failure.kind}: {failure.message}" if failure.message else failure.kind
    return failure.message or str(failure.cause)
