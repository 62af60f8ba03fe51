"""A later Stretto, whose stores have three schema versions more: one adds a column, one makes a table anew, one changes
rows. ``points_later.py FLOW STORE RUN`` is `points_child.py` in it.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from crash import points_child
from runtime.postgres_server import binaries
from stretto.runtime.stores import sqlite_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LATER", "later_versions"]

_COLOR: Final = "ALTER TABLE runs ADD COLUMN color TEXT NOT NULL DEFAULT 'none'"
_PAINT: Final = "UPDATE runs SET color = 'green'"
_SQLITE: Final = (
    (_COLOR,),
    (
        """CREATE TABLE moved (
            run INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (run, seq)
        ) WITHOUT ROWID""",
        "INSERT INTO moved SELECT run, seq, body FROM entries",
        "DROP TABLE entries",
        "ALTER TABLE moved RENAME TO entries",
    ),
    (_PAINT, "CREATE INDEX runs_by_color ON runs (color)"),
)
_POSTGRES: Final = (
    _COLOR,
    """
    CREATE TABLE moved (LIKE entries INCLUDING ALL);
    INSERT INTO moved SELECT * FROM entries;
    DROP TABLE entries;
    ALTER TABLE moved RENAME TO entries;
    """,
    f"{_PAINT}; CREATE INDEX runs_by_color ON runs (color)",
)
LATER: Final = len(_SQLITE)
"""How many versions it has more."""


@contextmanager
def later_versions() -> Iterator[None]:
    """Make this process a later Stretto."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sqlite_schema, "MIGRATIONS", sqlite_schema.MIGRATIONS + _SQLITE)
        patched.setattr(sqlite_schema, "VERSION", sqlite_schema.VERSION + LATER)
        if binaries() is not None:
            from stretto.runtime.stores import postgres_schema

            patched.setattr(postgres_schema, "MIGRATIONS", postgres_schema.MIGRATIONS + _POSTGRES)
        yield


if __name__ == "__main__":
    with later_versions():
        points_child.main(*sys.argv[1:])
