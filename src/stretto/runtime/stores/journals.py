"""Journals that are forgotten with the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.errors import NotFoundError, StrettoError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.core.journal.facts import Fact

__all__ = ["MemoryJournals"]


class MemoryJournals:
    """Keeps the journals of open runs in lists; every append is committed at once."""

    keeps_secrets = True

    def __init__(self) -> None:
        self._journals: dict[str, list[Fact]] = {}

    def open(
        self, run_id: str, committed: Callable[[], None], failed: Callable[[BaseException], None]
    ) -> None:
        """Begin a journal. Raises StrettoError if one of that id is open."""
        del committed, failed  # everything is committed at once
        if run_id in self._journals:
            raise StrettoError(f"Run {run_id!r} is in progress already; give each run an id of its own.")
        self._journals[run_id] = []

    def keeper(self, run_id: str) -> None:
        """Nothing is written down."""

    def append(self, run_id: str, facts: list[Fact]) -> bool:
        """Append one decision."""
        self._journals[run_id].extend(facts)
        return True

    def facts(self, run_id: str) -> list[Fact]:
        """All facts of an open run. Raises NotFoundError."""
        try:
            return self._journals[run_id]
        except KeyError:
            raise NotFoundError("run", run_id, self._journals) from None

    def close(self, run_id: str) -> None:
        """Forget the journal: whoever holds the result holds its facts."""
        self._journals.pop(run_id, None)
