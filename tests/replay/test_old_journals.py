"""Journals that were written before are read and followed for ever."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import is_stimulus
from stretto.core.journal.reading import FactReader
from stretto.core.schedule.machine import Scheduler

if TYPE_CHECKING:
    from stretto.core.journal.facts import Created

KEPT = sorted(Path(__file__).parent.glob("v*/*.ndjson"))


def test_every_construct_is_kept() -> None:
    """For each version of the format."""
    names = {file.stem for file in KEPT if file.parent.name == "v1"}
    assert names == {"chain", "wide", "risky", "branching", "nesting", "sleeping", "trouble"}


@pytest.mark.parametrize("file", KEPT, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_an_old_journal_is_followed_to_its_end(file: Path) -> None:
    """Today's scheduler, fed what came from outside, decides what was decided then, entry by entry."""
    reader = FactReader(is_opaque=True)
    scheduler: Scheduler | None = None
    for number, body in enumerate(file.read_bytes().splitlines()):
        facts = reader.read(body)
        if scheduler is None:
            created: Created = facts[0][4]  # type: ignore[assignment]  # the first fact's data
            scheduler = Scheduler(created)
        decided = scheduler.handle(*filter(is_stimulus, facts)).facts
        assert [fact[:4] for fact in decided] == [fact[:4] for fact in facts], f"entry {number}"
    assert scheduler is not None
    assert scheduler.finished
    assert scheduler.log[-1][0] in (kinds.RUN_SUCCEEDED, kinds.RUN_PARTIAL)
