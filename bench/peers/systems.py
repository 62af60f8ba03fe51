"""What a system must offer to stand in the table, and which systems there are."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bench.peers.loads import Load

__all__ = ["CONTROL", "OURS", "PEERS", "CannotError", "Entry", "System", "installed", "system_at"]


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
    """A system: its name, its ``module:Class``, what is in its figures, and the package that it needs."""

    name: str
    place: str
    included: str
    package: str | None = None


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


def installed(peers: Sequence[Entry] = PEERS) -> tuple[list[Entry], dict[str, str], list[str]]:
    """(the peers that can be measured, their packages' versions, the packages that are missing)."""
    versions: dict[str, str] = {}
    missing: list[str] = []
    for package in dict.fromkeys(peer.package for peer in peers if peer.package):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            missing.append(package)
    return [peer for peer in peers if peer.package not in missing], versions, missing


def system_at(place: str) -> System:
    """The system at ``module:Class``, imported now."""
    module, _, name = place.partition(":")
    system: System = getattr(importlib.import_module(module), name)()
    return system
