"""`Order`: who must wait for whom because both touch the same named thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Order"]


class Order:
    """Keeps the author's order within one body: a writer waits for the readers and the writer before it, a
    reader for the writer before it."""

    __slots__ = ("_readers", "_reads", "_writer", "_writes")

    def __init__(self, before: Order | None = None) -> None:
        """`before` is a body that excludes this one: only what it touched is kept."""
        self._writer: dict[str, int] = {}
        self._readers: dict[str, list[int]] = {}
        self._reads: dict[str, None] = {} if before is None else before._reads
        self._writes: dict[str, None] = {} if before is None else before._writes

    def before(self, index: int, reads: Iterable[str], writes: tuple[str, ...]) -> set[int]:
        """The steps that step `index` waits for; from now on others wait for it."""
        found: set[int] = set()
        for name in reads:
            self._reads[name] = None
            if name in self._writer:
                found.add(self._writer[name])
            if name not in writes:
                self._readers.setdefault(name, []).append(index)
        for name in writes:
            self._writes[name] = None
            found.update(self._readers.pop(name, ()))
            if name in self._writer:
                found.add(self._writer[name])
            self._writer[name] = index
        return found

    @property
    def touched(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(what was read, what was written) so far."""
        return tuple(self._reads), tuple(self._writes)
