"""Stretto with its SQLite store beside engines that keep runs in SQLite files, too.

The others come with the extra ``bench``; one that is not installed is left out by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.peers.table import PeersTable

__all__ = ["measure"]

REPEATS = 5


def measure() -> PeersTable:
    """The table of all loads and all systems that are installed; some minutes. Raises WrongValueError."""
    from bench.peers.loads import OVERHEAD
    from bench.peers.measuring import measure_all
    from bench.peers.systems import DURABLE

    return measure_all("durable", {OVERHEAD: REPEATS}, DURABLE)
