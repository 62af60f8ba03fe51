"""The journal store that forgets with the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stretto.errors import NotFoundError, StrettoError
from stretto.runtime.stores.journals import MemoryJournals

if TYPE_CHECKING:
    from stretto.core.journal.facts import Fact

FACT: Fact = (21, 0, 1, 0.0, None)


def _never(error: BaseException | None = None) -> None:
    raise AssertionError("a memory store commits at once")


def test_an_append_is_committed_at_once() -> None:
    """`append` says so itself; no callback follows."""
    store = MemoryJournals()
    store.open("r", _never, _never)
    assert store.append("r", [FACT]) is True
    assert store.facts("r") == [FACT]


def test_journals_are_kept_apart() -> None:
    """Each run has its own facts."""
    store = MemoryJournals()
    store.open("a", _never, _never)
    store.open("b", _never, _never)
    store.append("a", [FACT])
    assert store.facts("b") == []


def test_an_id_is_open_once() -> None:
    """Two runs never write into one journal; a closed id is free again."""
    store = MemoryJournals()
    store.open("r", _never, _never)
    with pytest.raises(StrettoError, match="'r' is in progress already"):
        store.open("r", _never, _never)
    store.close("r")
    store.open("r", _never, _never)
    assert store.facts("r") == []


def test_a_closed_journal_is_gone() -> None:
    """Who holds the result holds its facts; the store holds nothing."""
    store = MemoryJournals()
    store.open("r", _never, _never)
    store.close("r")
    with pytest.raises(NotFoundError, match="run 'r'"):
        store.facts("r")
