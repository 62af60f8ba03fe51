"""What a system must offer to stand in the table, and which systems there are."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bench.peers.loads import Load

__all__ = [
    "CONTROL",
    "DURABLE",
    "IN_MEMORY",
    "OURS",
    "PEERS",
    "CannotError",
    "Entry",
    "League",
    "System",
    "installed",
    "system_at",
]


class CannotError(Exception):
    """A system has no way to run a load; the text is its own reason, found by trying."""


class System(Protocol):
    """One way to run a load."""

    name: str

    def build(self, load: Load) -> Callable[[], Awaitable[object]]:
        """Prepare what its users prepare once; the result starts one run and gives the values of its ends.

        Raises CannotError.
        """


class Entry(NamedTuple):
    """A system: its name, its ``module:Class``, what is in its figures, and its packages, with blanks between."""

    name: str
    place: str
    included: str
    package: str = ""

    @property
    def packages(self) -> list[str]:
        """Their names."""
        return self.package.split()


CONTROL = Entry("asyncio by hand", "bench.peers.by_hand:ByHand", "nothing is built ahead")
OURS = Entry(
    "Stretto",
    "bench.peers.stretto_side:Stretto",
    "declared ahead, the workflow's body is traced in every run",
)
PEERS = (
    Entry("LangGraph graph", "bench.peers.langgraph_side:Graph", "compiled ahead", "langgraph"),
    Entry(
        "LangGraph functional",
        "bench.peers.langgraph_side:Functional",
        "compiled ahead, the entrypoint's body runs in every run",
        "langgraph",
    ),
    Entry(
        "Hamilton async",
        "bench.peers.hamilton_side:AsyncDriver",
        "built ahead, recursion limit raised",
        "apache-hamilton",
    ),
)


class League(NamedTuple):
    """Who is measured beside whom: our entry, always of the same name, the peers, and what is kept of a run."""

    ours: Entry
    peers: Sequence[Entry]
    kept: str


IN_MEMORY = League(OURS, PEERS, "nothing kept on disk")
DURABLE = League(
    Entry(OURS.name, "bench.peers.stretto_side:DurableStretto", "SQLite, every decision before what follows"),
    (
        Entry(
            "LangGraph graph, SQLite",
            "bench.peers.langgraph_sqlite_side:SqliteGraph",
            'compiled ahead, AsyncSqliteSaver, durability="sync", the file opened in every run',
            "langgraph langgraph-checkpoint-sqlite",
        ),
        Entry(
            "LangGraph functional, SQLite",
            "bench.peers.langgraph_sqlite_side:SqliteFunctional",
            'compiled ahead, AsyncSqliteSaver, durability="sync", the file opened in every run',
            "langgraph langgraph-checkpoint-sqlite",
        ),
        Entry(
            "DBOS, SQLite", "bench.peers.dbos_side:Dbos", "launched ahead, its settings as they come", "dbos"
        ),
    ),
    "all but the control's kept in SQLite files, each system with its own settings",
)


def installed(peers: Sequence[Entry] = PEERS) -> tuple[list[Entry], dict[str, str], list[str]]:
    """(the peers that can be measured, their packages' versions, the packages that are missing)."""
    versions: dict[str, str] = {}
    missing: list[str] = []
    for package in dict.fromkeys(each for peer in peers for each in peer.packages):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            missing.append(package)
    return [peer for peer in peers if not set(peer.packages) & set(missing)], versions, missing


def system_at(place: str) -> System:
    """The system at ``module:Class``, imported now."""
    module, _, name = place.partition(":")
    system: System = getattr(importlib.import_module(module), name)()
    return system
