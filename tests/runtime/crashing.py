"""A store whose process dies at a chosen append, and workflows of every construct to die in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.runtime.stores.memory import MemoryStore

if TYPE_CHECKING:
    from stretto.ports import Entry, Told


class Died(BaseException):
    """The process is gone: nothing that it meant to do afterwards is done."""


class DyingStore(MemoryStore):
    """Dies at append number `dies_at` (from 1), before it is committed; never with 0."""

    def __init__(self, dies_at: int = 0) -> None:
        super().__init__()
        self.dies_at = dies_at
        self.appends = 0

    def append(self, run_id: str, epoch: int, entry: Entry, told: Told, *, may_wait: bool = False) -> bool:
        self.appends += 1
        if self.dies_at and self.appends >= self.dies_at:
            raise Died
        return super().append(run_id, epoch, entry, told)
