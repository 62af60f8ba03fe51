"""Exit codes: one table, for scripts to rely on."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from stretto import errors
from stretto.core.journal.view import RunStatus
from stretto.core.policy import Cause

if TYPE_CHECKING:
    from stretto.api.result import RunResult

__all__ = ["Exit", "exit_of_error", "exit_of_result", "exit_of_status"]


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    INVALID = 3
    NOT_FOUND = 4
    FAILED = 10
    PARTIAL = 11
    WAITING = 12
    TIMED_OUT = 13
    REJECTED = 14
    DOES_NOT_HOLD = 20
    INTERRUPTED = 130


_OF_ERRORS: tuple[tuple[type[Exception], Exit], ...] = (
    (errors.InputError, Exit.USAGE),
    (errors.DefinitionError, Exit.INVALID),
    (errors.ConfigError, Exit.INVALID),
    (errors.NotFoundError, Exit.NOT_FOUND),
    (errors.RecoveryError, Exit.INVALID),
)


_OF_STATUSES = {
    RunStatus.SUCCEEDED: Exit.OK,
    RunStatus.PARTIAL: Exit.PARTIAL,
    RunStatus.CANCELLED: Exit.INTERRUPTED,
    RunStatus.WAITING: Exit.WAITING,
}
_OF_CAUSES = {Cause.TIMED_OUT: Exit.TIMED_OUT, Cause.REJECTED: Exit.REJECTED}


def exit_of_error(error: BaseException) -> Exit:
    """The code for an error that kept a run from starting; UNEXPECTED for what nobody foresaw."""
    return next((code for kind, code in _OF_ERRORS if isinstance(error, kind)), Exit.UNEXPECTED)


def exit_of_result(result: RunResult[object]) -> Exit:
    """The code for a run that has ended."""
    return exit_of_status(result.status, result.cause)


def exit_of_status(status: RunStatus, cause: Cause | None) -> Exit:
    """The code for how a run stands; `cause` is that of a failed one."""
    known = _OF_STATUSES.get(status)
    if known is not None:
        return known
    return Exit.FAILED if cause is None else _OF_CAUSES.get(cause, Exit.FAILED)
