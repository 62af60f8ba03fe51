"""`with group(…) as g:` – a block of steps with a deadline and a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, cast

from stretto.authoring.names import check_name
from stretto.authoring.place import caller_place
from stretto.authoring.trace import Trace, active_trace
from stretto.core.graph import Role, StepSpec
from stretto.core.policy.numbers import is_count, is_length
from stretto.errors import DefinitionError, RefError

if TYPE_CHECKING:
    from types import TracebackType

    from stretto.authoring.ref import Ref

__all__ = ["Group", "group"]


class Group:
    """What `group` gives: order later steps by it with ``step.after(g)(…)``.

    Its gate is judged when all members have settled or at the deadline, and fails as soon as the threshold
    cannot be reached any more; members that are running then are not cancelled for it.
    """

    def __init__(self, name: str, within: float | None, min_success: int | None) -> None:
        self.name = name
        self._within = within
        self._min_success = min_success
        self._trace: Trace | None = None
        self._number = -1
        self._gate: Ref | None = None

    def __enter__(self) -> Group:
        self._trace = active_trace.get()
        if self._trace is None:
            raise DefinitionError(
                f"Group {self.name!r} was opened outside a workflow's body.",
                where=caller_place(),
                mend="Use `with group(…)` inside a @workflow function.",
            )
        self._number = self._trace.open_group(self.name, self._within, self._min_success)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None and self._trace is not None:
            self._gate = self._trace.close_group(self._number, StepSpec(id=self.name, role=Role.GATE))

    def __bool__(self) -> NoReturn:
        raise RefError(
            f"Group {self.name!r} was tested for truth, but how it ends is not known yet.",
            where=caller_place(),
            mend="Give `g.count` to a step and branch there.",
        )

    @property
    def gate(self) -> Ref:
        """The gate's Ref; exists behind the `with` block."""
        if self._gate is None:
            raise DefinitionError(
                f"Group {self.name!r} is used before its block has ended.",
                where=caller_place(),
                mend="Order steps by a group behind its `with` block.",
            )
        return self._gate

    @property
    def count(self) -> int:
        """How many members succeeded, as a Ref."""
        return cast("int", self.gate)


def group(name: str, *, within: float | None = None, min_success: int | None = None) -> Group:
    """Open a group: its members become optional, each Ref opening as its own step settles (``T | Missing``).

    `within` (seconds) runs from the moment the first member is ready; members still open then are cut, and
    what finished before is kept. The gate fails the run if fewer than `min_success` members succeed.
    """
    check_name(name, "A group's name")
    if within is not None and not is_length(within):
        raise DefinitionError(
            f"Group {name!r}: within={within!r}; give seconds above 0.", where=caller_place()
        )
    if min_success is not None and not is_count(min_success, least=0):
        raise DefinitionError(
            f"Group {name!r}: min_success={min_success!r}; give a whole number, 0 or more.",
            where=caller_place(),
        )
    return Group(name, within, min_success)
