"""Any bench's table as Markdown, to be put into a page as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.peers.table import PeersTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.table import Table

__all__ = ["markdown"]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def markdown(table: Table, machine: str) -> str:
    """The title and the machine, the table, and its notes; missed lines say so."""
    columns = (*table.columns, "target", "")
    lines = [f"**{table.title}** – {machine}", "", _line(columns), _line(["---"] * len(columns))]
    for row in table.rows:
        missing = len(table.columns) - len(row.cells)
        lines.append(_line((*row.cells, *[""] * missing, row.target, row.verdict)))
    if isinstance(table, PeersTable) and table.notes:
        lines += ["", *(f"- {note}" for note in table.notes)]
    return "\n".join(lines)
