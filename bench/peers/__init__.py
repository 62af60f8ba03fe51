"""Stretto beside other engines on the same graphs: what a step costs, how long sleeping graphs take, many runs at once.

The others come with the extra ``bench``; one that is not installed is left out by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.peers.table import PeersTable

__all__ = ["measure"]


def measure() -> PeersTable:
    """The table of all loads and all systems that are installed; some minutes. Raises WrongValueError."""
    from bench.peers.measuring import measure_all  # what prints a table need not know how it is measured

    return measure_all()
